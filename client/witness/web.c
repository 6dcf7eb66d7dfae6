/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include "manager.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum {
	HEADERS_MAX = 8 * 1024,
	SILENCE_S = 10,  /* without a byte read or written */
	REQUEST_S = 20,  /* from the connection, or the answer before, to the whole request */
	DRAIN_S = 5,     /* for answers under way, when it is told to stop */
	SWEEP_MS = 1000, /* between two looks at who is there */
	HURRY_MS = 20,   /* the same, while nobody is accepted, and when told to stop */
	BACKLOG = 1024,  /* connections that wait to be accepted */
	CROWDED_S = 60,  /* between two lines about a crowd */
	STATUS_ROOM = 128,
	URL_ROOM = 80,                      /* for "http://[IPv6]:PORT" */
	GUESTS_ROOM = WEB_GUESTS_MAX + 200, /* some are on their way out */
	PATH_HEX = 2 * HASH_LEN,
};

/*
 * A connection. libevent 2.1 does not say when one ends, so its bufferevent is held here too: when
 * evhttp has let go of it, it has no callbacks any more.
 */
struct guest {
	struct bufferevent *bev;
	int64_t since_ms; /* when it came, or was last answered */
	bool leaving;
};

struct web {
	struct watch *watch;
	void (*reload)(void *ctx);
	void *ctx;
	struct event_base *base;
	struct evhttp *http;
	struct event *signals[3];
	struct event *sweeper;
	struct evconnlistener *listeners[WEB_LISTENERS_MAX];
	size_t listener_count;
	struct guest guests[GUESTS_ROOM];
	size_t guest_count;
	bool paused; /* nobody is accepted until some have gone */
	int64_t crowded_ms;
	char told[STATUS_ROOM]; /* the manager, and when */
	int64_t told_ms;
	int64_t stop_ms; /* when to be gone; 0: not asked to */
};

static int64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- guests ---- */

/* Whether evhttp is done with it. */
static bool guest_gone(const struct guest *g)
{
	bufferevent_data_cb read_cb;
	bufferevent_data_cb write_cb;
	bufferevent_event_cb event_cb;
	void *arg;
	bufferevent_getcb(g->bev, &read_cb, &write_cb, &event_cb, &arg);
	return !event_cb;
}

/* evhttp sees the end of the connection, and cleans up. */
static void guest_dismiss(struct guest *g)
{
	const evutil_socket_t fd = bufferevent_getfd(g->bev);
	g->leaving = true;
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

static void guests_forget_gone(struct web *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->guest_count; i++) {
		if (guest_gone(&w->guests[i]))
			(void)bufferevent_decref(w->guests[i].bev);
		else
			w->guests[kept++] = w->guests[i];
	}
	w->guest_count = kept;
}

/* The one that has waited longest: a client that means it sends its request at once. */
static void guests_dismiss_oldest(struct web *w)
{
	struct guest *oldest = NULL;
	for (size_t i = 0; i < w->guest_count; i++)
		if (!w->guests[i].leaving && (!oldest || w->guests[i].since_ms < oldest->since_ms))
			oldest = &w->guests[i];
	if (oldest)
		guest_dismiss(oldest);
}

static void listeners_set(struct web *w, bool on)
{
	for (size_t i = 0; i < w->listener_count; i++)
		(void)(on ? evconnlistener_enable(w->listeners[i])
			  : evconnlistener_disable(w->listeners[i]));
}

static void sweep_in(struct web *w, int ms)
{
	const struct timeval delay = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };
	(void)event_add(w->sweeper, &delay);
}

/* Those on their way out go first, or descriptors are out. */
static void pause_accepting(struct web *w)
{
	w->paused = true;
	listeners_set(w, false);
	sweep_in(w, HURRY_MS);
}

static void say_crowded(struct web *w)
{
	const int64_t now = now_ms();
	if (w->crowded_ms != 0 && now - w->crowded_ms < CROWDED_S * INT64_C(1000))
		return;
	w->crowded_ms = now;
	say_line(SAY_CROWDED,
		"%d connections are open, which is the most: who waits longest is closed for who "
		"comes",
		WEB_GUESTS_MAX);
}

/* evhttp asks for the bufferevent of a connection that it has accepted. */
static struct bufferevent *greet(struct event_base *base, void *arg)
{
	struct web *w = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	if (!bev)
		return NULL;
	if (w->guest_count >= WEB_GUESTS_MAX) {
		guests_forget_gone(w);
		if (w->guest_count >= WEB_GUESTS_MAX) {
			say_crowded(w);
			guests_dismiss_oldest(w);
		}
	}
	if (w->guest_count >= GUESTS_ROOM - 1)
		pause_accepting(w);
	if (w->guest_count < GUESTS_ROOM) {
		bufferevent_incref(bev);
		w->guests[w->guest_count++] = (struct guest){ .bev = bev, .since_ms = now_ms() };
	}
	return bev;
}

static void guest_answered(struct web *w, const struct bufferevent *bev)
{
	for (size_t i = 0; i < w->guest_count; i++)
		if (w->guests[i].bev == bev)
			w->guests[i].since_ms = now_ms();
}

/* Told to stop: who has no answer coming goes at once. */
static void guests_drain(struct web *w, int64_t now)
{
	for (size_t i = 0; i < w->guest_count; i++) {
		struct guest *g = &w->guests[i];
		const bool idle = evbuffer_get_length(bufferevent_get_output(g->bev)) == 0;
		if (!g->leaving && idle)
			guest_dismiss(g);
	}
	if (w->guest_count == 0 || now >= w->stop_ms)
		(void)event_base_loopbreak(w->base);
}

static void tell_status(struct web *w, int64_t now)
{
	char text[STATUS_ROOM] = "";
	if (now < w->told_ms + SWEEP_MS)
		return;
	(void)snprintf(text, sizeof text,
		"STATUS=watching %zu logs; %llu cosignatures since the start; %zu connections",
		watch_count(w->watch), (unsigned long long)watch_cosigned(w->watch),
		w->guest_count);
	if (strcmp(text, w->told) == 0)
		return;
	memcpy(w->told, text, sizeof w->told);
	w->told_ms = now;
	manager_tell(text);
}

static void sweep(evutil_socket_t fd, short what, void *arg)
{
	struct web *w = arg;
	const int64_t now = now_ms();
	(void)fd;
	(void)what;
	guests_forget_gone(w);
	for (size_t i = 0; i < w->guest_count; i++)
		if (!w->guests[i].leaving &&
			now - w->guests[i].since_ms >= REQUEST_S * INT64_C(1000))
			guest_dismiss(&w->guests[i]);
	if (w->stop_ms != 0)
		guests_drain(w, now);
	if (w->paused && w->stop_ms == 0) {
		w->paused = false;
		listeners_set(w, true);
	}
	tell_status(w, now);
	sweep_in(w, w->stop_ms != 0 ? HURRY_MS : SWEEP_MS);
}

/* ---- requests ---- */

static bool path_checkpoint(const char *path, struct span *hex)
{
	static const char tail[] = "/checkpoint";
	if (strlen(path) != 1 + PATH_HEX + sizeof tail - 1 || path[0] != '/' ||
		strcmp(path + 1 + PATH_HEX, tail) != 0)
		return false;
	*hex = span_of(path + 1, PATH_HEX);
	return true;
}

static void refuse(struct watch_answer *out, int status, const char *sentence)
{
	out->status = status;
	out->type = "text/plain; charset=utf-8";
	buf_printf(&out->body, "%s\n", sentence);
}

static void take_add(struct web *w, struct evhttp_request *req, struct watch_answer *out)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const size_t len = evbuffer_get_length(in);
	const uint8_t *body = len ? evbuffer_pullup(in, -1) : NULL;
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (len != 0 && !body)
		refuse(out, 503, "memory is out: try again later");
	else
		watch_add(
			w->watch, span_of(body, len), ts.tv_sec > 0 ? (uint64_t)ts.tv_sec : 0, out);
}

static void route(struct web *w, struct evhttp_request *req, struct watch_answer *out)
{
	const char *path = evhttp_request_get_uri(req);
	const bool post = evhttp_request_get_command(req) == EVHTTP_REQ_POST;
	const bool add = strcmp(path, "/add-checkpoint") == 0;
	const bool about = strcmp(path, "/") == 0;
	struct span hex;
	const bool checkpoint = path_checkpoint(path, &hex);
	if (!add && !about && !checkpoint)
		refuse(out, 404, "nothing here: POST /add-checkpoint, GET /HEX/checkpoint");
	else if (post != add)
		refuse(out, 405, add ? "add-checkpoint wants POST" : "this wants GET");
	else if (add)
		take_add(w, req, out);
	else if (about)
		watch_about(w->watch, out);
	else
		watch_checkpoint(w->watch, hex, out);
}

static void handle(struct evhttp_request *req, void *arg)
{
	struct web *w = arg;
	struct watch_answer out = { 0 };
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();
	route(w, req, &out);
	if (!body || out.body.failed || evbuffer_add(body, out.body.data, out.body.len) != 0) {
		evhttp_send_error(req, 503, NULL);
	} else {
		(void)evhttp_add_header(headers, "Content-Type", out.type);
		if (out.status == 405)
			(void)evhttp_add_header(headers, "Allow",
				strcmp(evhttp_request_get_uri(req), "/add-checkpoint") == 0
					? "POST"
					: "GET");
		if (w->stop_ms != 0)
			(void)evhttp_add_header(headers, "Connection", "close");
		guest_answered(
			w, evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)));
		evhttp_send_reply(req, out.status, NULL, body);
	}
	if (body)
		evbuffer_free(body);
	buf_release(&out.body);
	if (watch_unsure(w->watch))
		(void)event_base_loopexit(w->base, NULL);
}

/* ---- listening ---- */

static void accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)listener;
	pause_accepting(arg);
}

static void url_of(const struct evconnlistener *listener, char url[URL_ROOM])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	char host[INET6_ADDRSTRLEN] = "?";
	const evutil_socket_t fd =
		evconnlistener_get_fd((struct evconnlistener *)(uintptr_t)listener);
	unsigned port = 0;
	memset(&ss, 0, sizeof ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && ss.ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, &ss, sizeof in6);
		port = ntohs(in6.sin6_port);
		(void)evutil_inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
	} else if (ss.ss_family == AF_INET) {
		struct sockaddr_in in4;
		memcpy(&in4, &ss, sizeof in4);
		port = ntohs(in4.sin_port);
		(void)evutil_inet_ntop(AF_INET, &in4.sin_addr, host, sizeof host);
	}
	(void)snprintf(url, URL_ROOM, ss.ss_family == AF_INET6 ? "http://[%s]:%u" : "http://%s:%u",
		host, port);
}

void web_addresses(const struct web *w, struct buf *out)
{
	for (size_t i = 0; i < w->listener_count; i++) {
		char url[URL_ROOM];
		url_of(w->listeners[i], url);
		buf_printf(out, "%s%s", i ? " " : "", url);
	}
}

/* Port 0, which takes any that is free, is no port to evutil_parse_sockaddr_port. */
static bool port_take(const char *text, uint16_t *port)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	const unsigned long number = strtoul(text, &end, 10);
	*port = (uint16_t)number;
	return errno == 0 && *end == '\0' && number <= UINT16_MAX;
}

/* "1.2.3.4:5" or "[::1]:5"; *len is 0 when it is neither. */
static struct sockaddr_storage address_take(const char *text, int *len)
{
	struct sockaddr_storage ss;
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(text, ':');
	const bool brackets = colon && text[0] == '[' && colon[-1] == ']';
	const char *begin = brackets ? text + 1 : text;
	const size_t host_len = colon ? (size_t)(colon - begin) - (brackets ? 1 : 0) : 0;
	char host[INET6_ADDRSTRLEN] = "";
	uint16_t port = 0;
	memset(&ss, 0, sizeof ss);
	*len = 0;
	if (!colon || host_len == 0 || host_len >= sizeof host || !port_take(colon + 1, &port))
		return ss;
	memcpy(host, begin, host_len);
	in4.sin_port = htons(port);
	in6.sin6_port = htons(port);
	if (!brackets && evutil_inet_pton(AF_INET, host, &in4.sin_addr) == 1) {
		memcpy(&ss, &in4, sizeof in4);
		*len = sizeof in4;
	} else if (brackets && evutil_inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		memcpy(&ss, &in6, sizeof in6);
		*len = sizeof in6;
	}
	return ss;
}

static bool listener_add(struct web *w, struct evconnlistener *listener, struct say_reason *why)
{
	if (!evhttp_bind_listener(w->http, listener)) {
		evconnlistener_free(listener);
		return say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	}
	evconnlistener_set_error_cb(listener, accept_failed);
	w->listeners[w->listener_count++] = listener;
	return true;
}

static bool room_for_one(const struct web *w, struct say_reason *why)
{
	return w->listener_count < WEB_LISTENERS_MAX ||
		say_why(why, SAY_BAD_ADDRESS, "at most %d addresses to listen at",
			WEB_LISTENERS_MAX);
}

bool web_listen(struct web *w, const char *address, struct say_reason *why)
{
	int len;
	struct sockaddr_storage ss = address_take(address, &len);
	if (!room_for_one(w, why))
		return false;
	if (len == 0)
		return say_why(why, SAY_BAD_ADDRESS,
			"--listen %s: write ADDRESS:PORT or [ADDRESS]:PORT, in numbers: "
			"127.0.0.1:7380, [::1]:7380",
			address);
	struct evconnlistener *listener = evconnlistener_new_bind(w->base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE |
			(ss.ss_family == AF_INET6 ? LEV_OPT_BIND_IPV6ONLY : 0),
		BACKLOG, (struct sockaddr *)&ss, len);
	if (!listener) {
		const char *text = strerrordesc_np(errno);
		return say_why(why, SAY_BAD_ADDRESS, "--listen %s: %s", address,
			text ? text : "cannot listen there");
	}
	return listener_add(w, listener, why);
}

bool web_adopt(struct web *w, int fd, struct say_reason *why)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int type = 0;
	socklen_t type_len = sizeof type;
	memset(&ss, 0, sizeof ss);
	if (!room_for_one(w, why))
		return false;
	/* Not on a Unix socket: libevent's HTTP was not made for the addresses of its peers. */
	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_STREAM ||
		(ss.ss_family != AF_INET && ss.ss_family != AF_INET6) ||
		evutil_make_socket_nonblocking(fd) != 0)
		return say_why(why, SAY_BAD_ADDRESS,
			"what the service manager hands over is no TCP socket: see ListenStream= "
			"in "
			"trail-witness.socket");
	struct evconnlistener *listener = evconnlistener_new(
		w->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (!listener)
		return say_why(why, SAY_SYSTEM_FAILED, "memory is out");
	return listener_add(w, listener, why);
}

/* ---- its life ---- */

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct web *w = arg;
	(void)fd;
	(void)what;
	if (w->stop_ms != 0)
		return;
	w->stop_ms = now_ms() + DRAIN_S * INT64_C(1000);
	listeners_set(w, false);
	manager_tell("STOPPING=1");
	sweep(-1, 0, w);
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	struct web *w = arg;
	(void)fd;
	(void)what;
	w->reload(w->ctx);
}

/* What libevent itself would print is of no kind that a manual could explain. */
static void say_nothing(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static bool prepare_http(struct web *w)
{
	w->http = evhttp_new(w->base);
	if (!w->http)
		return false;
	evhttp_set_allowed_methods(w->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(w->http, HEADERS_MAX);
	evhttp_set_max_body_size(w->http, JUDGE_BODY_MAX);
	evhttp_set_timeout(w->http, SILENCE_S);
	evhttp_set_bevcb(w->http, greet, w);
	evhttp_set_gencb(w->http, handle, w);
	return true;
}

static bool prepare_events(struct web *w)
{
	w->signals[0] = evsignal_new(w->base, SIGTERM, on_stop, w);
	w->signals[1] = evsignal_new(w->base, SIGINT, on_stop, w);
	w->signals[2] = evsignal_new(w->base, SIGHUP, on_reload, w);
	w->sweeper = event_new(w->base, -1, 0, sweep, w);
	for (size_t i = 0; i < 3; i++)
		if (!w->signals[i] || event_add(w->signals[i], NULL) != 0)
			return false;
	if (w->sweeper)
		sweep_in(w, SWEEP_MS);
	return w->sweeper != NULL;
}

struct web *web_new(struct watch *watch, void (*reload)(void *ctx), void *ctx)
{
	struct web *w = calloc(1, sizeof *w);
	event_set_log_callback(say_nothing);
	if (!w)
		return NULL;
	w->watch = watch;
	w->reload = reload;
	w->ctx = ctx;
	w->base = event_base_new();
	if (w->base && prepare_http(w) && prepare_events(w))
		return w;
	web_free(w);
	return NULL;
}

void web_free(struct web *w)
{
	if (!w)
		return;
	if (w->http)
		evhttp_free(w->http); /* the listeners with it */
	for (size_t i = 0; i < w->guest_count; i++)
		(void)bufferevent_decref(w->guests[i].bev);
	for (size_t i = 0; i < 3; i++)
		if (w->signals[i])
			event_free(w->signals[i]);
	if (w->sweeper)
		event_free(w->sweeper);
	if (w->base)
		event_base_free(w->base);
	free(w);
}

bool web_run(struct web *w)
{
	(void)event_base_dispatch(w->base);
	return !watch_unsure(w->watch);
}
