/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_LEN = 255
};

struct tls {
	SSL_CTX *ctx;
};

struct tls *tls_new(const char *ca_file)
{
	struct tls *tls = calloc(1, sizeof *tls);
	if (!tls)
		return NULL;
	tls->ctx = SSL_CTX_new(TLS_client_method());
	if (!tls->ctx || SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_load_verify_file(tls->ctx, ca_file) != 1) {
		tls_free(tls);
		return NULL;
	}
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

/* The certificate must be for `host`; a name is also said, for servers that are several. */
static bool expect(SSL *ssl, const char *host)
{
	struct in6_addr address;
	char name[NAME_MAX_LEN + 1]; /* OpenSSL's macro takes no constant */
	const size_t len = strlen(host);
	if (len > NAME_MAX_LEN)
		return false;
	memcpy(name, host, len + 1);
	if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct bufferevent *tls_stream(struct tls *tls, struct event_base *base, const char *host)
{
	SSL *ssl = SSL_new(tls->ctx);
	if (!ssl)
		return NULL;
	struct bufferevent *stream = NULL;
	if (expect(ssl, host))
		stream = bufferevent_openssl_socket_new(
			base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (!stream) {
		SSL_free(ssl);
		return NULL;
	}
	/* Servers that end without a goodbye are common; HTTP's lengths say whether all came. */
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	return stream;
}

bool tls_distrusts(struct bufferevent *stream)
{
	SSL *ssl = bufferevent_openssl_get_ssl(stream);
	return ssl && SSL_get_verify_result(ssl) != X509_V_OK;
}
