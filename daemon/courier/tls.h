/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as a client: the certificate of the other end must be of a CA that the system trusts, and for
 * the name that was asked for. The only file of the courier that knows OpenSSL's TLS.
 */
#ifndef COURIER_TLS_H
#define COURIER_TLS_H

#include <stdbool.h>

struct tls;
struct bufferevent;
struct event_base;

/*
 * Reads the CAs from `ca_file` at once: later no file can be opened. NULL: it cannot be read, or
 * memory is out; then https has no way.
 */
struct tls *tls_new(const char *ca_file);
void tls_free(struct tls *tls);
/* A stream that will speak TLS with `host` (a name or an IP address). NULL: it cannot be made. */
struct bufferevent *tls_stream(struct tls *tls, struct event_base *base, const char *host);
/* Whether it found no connection because it does not trust the other end's certificate. */
bool tls_distrusts(struct bufferevent *stream);

#endif
