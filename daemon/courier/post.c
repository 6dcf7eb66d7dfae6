/* SPDX-License-Identifier: Apache-2.0 */
#include "post.h"

#include "../log.h"
#include "tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>

enum {
	HEADERS_MAX = 8192, /* bytes of an answer's */
	PORT_HTTP = 80,
	PORT_HTTPS = 443,
	TARGET_MAX = 2 * COURIER_URL_MAX + 2,
	HOST_MAX = COURIER_URL_MAX + 16,
};

/* One request under way, or over and to be swept. */
struct trip {
	LIST_ENTRY(trip) all;
	struct posts *posts;
	struct evhttp_connection *connection;
	struct evhttp_request *request; /* NULL: answered or given up */
	struct event *clock;
	enum evhttp_request_error error;
	bool failed; /* `error` says how; else, without an answer, it was never connected */
	bool https;
	void (*done)(void *ctx, const struct post_answer *answer);
	void *ctx;
};

struct posts {
	struct event_base *base;
	struct evdns_base *names;
	struct tls *tls; /* NULL: there is no https */
	const char *ca_file;
	bool said; /* that nothing could be read from it */
	LIST_HEAD(trips, trip) trips;
};

struct posts *posts_new(struct event_base *base, const char *ca_file)
{
	struct posts *posts = calloc(1, sizeof *posts);
	if (!posts)
		return NULL;
	posts->base = base;
	posts->ca_file = ca_file;
	posts->names = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS);
	/* Without name servers there are still addresses. */
	if (!posts->names)
		posts->names = evdns_base_new(base, 0);
	posts->tls = tls_new(ca_file);
	if (!posts->names) {
		posts_free(posts);
		return NULL;
	}
	return posts;
}

static void trip_free(struct trip *t)
{
	LIST_REMOVE(t, all);
	if (t->request)
		evhttp_cancel_request(t->request);
	if (t->connection)
		evhttp_connection_free(t->connection);
	if (t->clock)
		event_free(t->clock);
	free(t);
}

void posts_free(struct posts *posts)
{
	if (!posts)
		return;
	while (!LIST_EMPTY(&posts->trips))
		trip_free(LIST_FIRST(&posts->trips));
	if (posts->names)
		evdns_base_free(posts->names, 0);
	tls_free(posts->tls);
	free(posts);
}

/* ---- the end of a trip ---- */

/*
 * It is over. Its connection may still stand on the stack, so it is freed by its own clock, which
 * rings at once.
 */
static void finish(struct trip *t, const struct post_answer *answer)
{
	const struct timeval now = { 0 };
	t->request = NULL;
	(void)evtimer_add(t->clock, &now);
	t->done(t->ctx, answer);
}

static void on_clock(evutil_socket_t fd, short what, void *ctx)
{
	static const struct post_answer late = { .fate = COURIER_TIMEOUT };
	struct trip *t = ctx;
	(void)fd;
	(void)what;
	if (!t->request) {
		trip_free(t);
		return;
	}
	evhttp_cancel_request(t->request);
	finish(t, &late);
}

static void on_error(enum evhttp_request_error error, void *ctx)
{
	struct trip *t = ctx;
	t->error = error;
	t->failed = true;
}

static enum courier_fate fate_of(const struct trip *t)
{
	if (t->https && tls_distrusts(evhttp_connection_get_bufferevent(t->connection)))
		return COURIER_UNTRUSTED;
	if (!t->failed)
		return COURIER_UNREACHABLE;
	if (t->error == EVREQ_HTTP_TIMEOUT)
		return COURIER_TIMEOUT;
	return t->error == EVREQ_HTTP_DATA_TOO_LONG ? COURIER_TOO_LONG : COURIER_BROKEN;
}

/* Whether the type is text/x.tlog.size, whatever parameters follow. */
static bool is_sized(struct evhttp_request *request)
{
	static const char wanted[] = "text/x.tlog.size";
	const size_t len = sizeof wanted - 1;
	const char *type =
		evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
	return type && strncasecmp(type, wanted, len) == 0 &&
		(type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

static void on_answer(struct evhttp_request *request, void *ctx)
{
	struct trip *t = ctx;
	struct post_answer answer = { .fate = COURIER_ANSWERED };
	const int status = request ? evhttp_request_get_response_code(request) : 0;
	if (status < 100 || status > 999) {
		answer.fate = fate_of(t);
		finish(t, &answer);
		return;
	}
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	const size_t len = evbuffer_get_length(in);
	answer.status = (uint16_t)status;
	answer.sized = is_sized(request);
	if (len > COURIER_BODY_MAX)
		answer = (struct post_answer){ .fate = COURIER_TOO_LONG };
	else if (len != 0)
		answer.body = span_of(evbuffer_pullup(in, -1), len);
	finish(t, &answer);
}

/* ---- its beginning ---- */

struct target {
	bool https;
	char host[HOST_MAX];
	char authority[HOST_MAX]; /* as the Host header says it */
	int port;
	char path[TARGET_MAX];
};

/* Prefix and path with one slash between them. */
static bool path_join(const char *prefix, const char *path, char out[TARGET_MAX])
{
	size_t len = strlen(prefix);
	while (path[0] != '\0' && len > 0 && prefix[len - 1] == '/')
		len--;
	const int n = snprintf(out, TARGET_MAX, "%.*s%s%s", (int)len, prefix,
		path[0] != '\0' || len == 0 ? "/" : "", path);
	return n > 0 && n < TARGET_MAX;
}

static bool target_fill(const struct evhttp_uri *uri, const char *path, struct target *out)
{
	const char *scheme = evhttp_uri_get_scheme(uri);
	const char *host = evhttp_uri_get_host(uri);
	const char *prefix = evhttp_uri_get_path(uri);
	if (!scheme || !host || host[0] == '\0' || evhttp_uri_get_userinfo(uri) ||
		evhttp_uri_get_query(uri) || evhttp_uri_get_fragment(uri))
		return false;
	out->https = strcasecmp(scheme, "https") == 0;
	if (!out->https && strcasecmp(scheme, "http") != 0)
		return false;
	out->port = evhttp_uri_get_port(uri);
	if (out->port == 0)
		return false;
	if (out->port < 0) {
		out->port = out->https ? PORT_HTTPS : PORT_HTTP;
		(void)snprintf(out->authority, sizeof out->authority, "%s", host);
	} else {
		(void)snprintf(out->authority, sizeof out->authority, "%s:%d", host, out->port);
	}
	/* An IPv6 address stands in brackets, there alone. */
	const size_t len = strlen(host);
	const bool bracketed = host[0] == '[' && host[len - 1] == ']';
	(void)snprintf(out->host, sizeof out->host, "%.*s", (int)(bracketed ? len - 2 : len),
		bracketed ? host + 1 : host);
	return path_join(prefix ? prefix : "", path, out->path);
}

static bool target_parse(const char *url, const char *path, struct target *out)
{
	struct evhttp_uri *uri = strlen(url) <= COURIER_URL_MAX ? evhttp_uri_parse(url) : NULL;
	const bool fits = uri && target_fill(uri, path, out);
	if (uri)
		evhttp_uri_free(uri);
	return fits;
}

static struct evhttp_connection *connect_to(struct posts *posts, const struct target *to)
{
	struct bufferevent *stream = NULL;
	if (to->https)
		stream = posts->tls ? tls_stream(posts->tls, posts->base, to->host) : NULL;
	if (to->https && !stream)
		return NULL;
	struct evhttp_connection *c = evhttp_connection_base_bufferevent_new(
		posts->base, posts->names, stream, to->host, (uint16_t)to->port);
	if (!c) {
		if (stream)
			bufferevent_free(stream);
		return NULL;
	}
	evhttp_connection_set_max_headers_size(c, HEADERS_MAX);
	evhttp_connection_set_max_body_size(c, COURIER_BODY_MAX);
	evhttp_connection_set_retries(c, 0);
	return c;
}

static bool fill_request(struct evhttp_request *r, const struct post *post, const struct target *to)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
	bool ok = evhttp_add_header(headers, "Host", to->authority) == 0 &&
		evhttp_add_header(headers, "Connection", "close") == 0 &&
		evhttp_add_header(headers, "User-Agent", "traild-courier/" TRAIL_VERSION) == 0;
	if (ok && post->type)
		ok = evhttp_add_header(headers, "Content-Type", post->type) == 0 &&
			evbuffer_add(evhttp_request_get_output_buffer(r), post->body.data,
				post->body.len) == 0;
	return ok;
}

/* False: it cannot be sent; the trip has no request then. */
static bool depart(struct trip *t, const struct post *post, const struct target *to)
{
	const suseconds_t left_ms = post->patience_ms % 1000;
	const struct timeval patience = { .tv_sec = post->patience_ms / 1000,
		.tv_usec = left_ms * 1000 };
	t->connection = connect_to(t->posts, to);
	struct evhttp_request *r = t->connection ? evhttp_request_new(on_answer, t) : NULL;
	if (!r)
		return false;
	evhttp_connection_set_timeout_tv(t->connection, &patience);
	evhttp_request_set_error_cb(r, on_error);
	if (!fill_request(r, post, to)) {
		evhttp_request_free(r);
		return false;
	}
	t->request = r;
	/* The request is the connection's from here on, and freed by it when this fails. */
	if (evhttp_make_request(t->connection, r, post->type ? EVHTTP_REQ_POST : EVHTTP_REQ_GET,
		    to->path) != 0) {
		t->request = NULL;
		return false;
	}
	/* Without a request it was answered at once, and the clock is for sweeping. */
	if (t->request)
		(void)evtimer_add(t->clock, &patience);
	return true;
}

/* Said where it matters: most logs have no use for it. */
static void say_no_ca(struct posts *posts)
{
	if (!posts->said)
		log_line(LOG_COURIER_CA,
			"%.256s: cannot be read, or has no certificate (PEM): https has no way",
			posts->ca_file);
	posts->said = true;
}

/* What speaks against it before anything is sent; COURIER_ANSWERED: nothing. */
static enum courier_fate judge(struct posts *posts, const struct post *post, struct target *to)
{
	if (!target_parse(post->url, post->path, to))
		return COURIER_BAD_URL;
	if (!to->https || posts->tls)
		return COURIER_ANSWERED;
	say_no_ca(posts);
	return COURIER_NO_CA;
}

void posts_send(struct posts *posts, const struct post *post)
{
	struct target to = { 0 };
	struct post_answer no = { .fate = judge(posts, post, &to) };
	if (no.fate != COURIER_ANSWERED) {
		post->done(post->ctx, &no);
		return;
	}
	no.fate = COURIER_UNREACHABLE;
	struct trip *t = calloc(1, sizeof *t);
	if (t)
		t->clock = evtimer_new(posts->base, on_clock, t);
	if (!t || !t->clock) {
		free(t);
		post->done(post->ctx, &no);
		return;
	}
	t->posts = posts;
	t->done = post->done;
	t->ctx = post->ctx;
	t->https = to.https;
	LIST_INSERT_HEAD(&posts->trips, t, all);
	/* What failed at once was told by on_answer, which set the clock, or is told here. */
	if (!depart(t, post, &to) && !event_pending(t->clock, EV_TIMEOUT, NULL))
		finish(t, &no);
}
