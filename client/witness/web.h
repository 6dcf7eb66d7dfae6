/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness on the network: HTTP/1.1 over IPv4 and IPv6, and the only door to libevent's HTTP.
 * Plain HTTP: nothing here is secret, every request and answer is signed or public; who wants TLS
 * puts a proxy in front.
 *
 * What anybody may ask for is bounded: headers 8 KiB, bodies as long as the longest good one, 10 s
 * without a byte, 20 s for a whole request, WEB_GUESTS_MAX connections, of which the one that waits
 * longest is closed when one more comes. One thread; requests are answered one at a time, each
 * connection in its turn.
 */
#ifndef WITNESS_WEB_H
#define WITNESS_WEB_H

#include "watch.h"

enum {
	WEB_LISTENERS_MAX = 16,
	WEB_GUESTS_MAX = 1000,
};

struct web;

/* `reload` is called on SIGHUP. NULL: memory is out. */
struct web *web_new(struct watch *watch, void (*reload)(void *ctx), void *ctx);
void web_free(struct web *web);

/*
 * Listen at "ADDRESS:PORT" or "[ADDRESS]:PORT": numbers, no names; port 0: any that is free. False:
 * *why is set.
 */
bool web_listen(struct web *web, const char *address, struct say_reason *why);
/* Listen at a socket that is open already: IPv4 or IPv6, bound, a stream. */
bool web_adopt(struct web *web, int fd, struct say_reason *why);
/* Where it listens, as URLs with a space between. */
void web_addresses(const struct web *web, struct buf *out);

/*
 * Serve until SIGTERM or SIGINT: then nothing more is accepted, answers under way are sent, and
 * after 5 s at the most it is over. False: it had to stop, because the witness is unsure.
 */
bool web_run(struct web *web);

#endif
