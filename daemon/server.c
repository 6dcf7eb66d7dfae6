/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include "log.h"
#include "notify.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FRAME_POOL_BYTES = 32 * 1024 * 1024, /* DESIGN.md section 6 */
	ACCEPT_BURST = 16,                   /* connections taken before others have their turn */
	ACCEPT_PAUSE_MS = 100,               /* when descriptors are out */
	TICK_S = 1,
	DRAIN_TICKS = 10,
};

/* A listener in the loop. */
struct port {
	struct server *server;
	struct listener *listener;
	struct event *readable;
};

struct server {
	struct server_options options;
	struct event_base *base;
	struct sessions *sessions;
	struct port ports[SERVER_LISTENERS_MAX];
	size_t port_count;
	struct event *returned; /* the mailbox */
	struct event *signer;
	struct event *signals;
	struct event *tick;
	struct event *reopen; /* the end of a pause in accepting */
	int signal_fd;
	int spare_fd;     /* given up to accept and hang up when descriptors are out */
	uint64_t hung_up; /* connections, since start, when descriptors were out */
	struct tally tally;
	bool draining;
	bool over;
	unsigned drain_ticks;
};

/* ---- accepting ---- */

static void set_accepting(struct server *server, bool on)
{
	for (size_t i = 0; i < server->port_count; i++) {
		if (on)
			(void)event_add(server->ports[i].readable, NULL);
		else
			(void)event_del(server->ports[i].readable);
	}
}

/*
 * Descriptors are out: with a level-triggered loop the waiting connection would spin. The spare one
 * takes it and hangs up, so that its client knows; then nobody is accepted for a moment.
 */
static void out_of_descriptors(struct server *server, int listener_fd)
{
	struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS * 1000L };
	tally_add(&server->tally, TALLY_DESCRIPTORS);
	if (server->spare_fd >= 0)
		(void)close(server->spare_fd);
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		(void)close(fd);
		server->hung_up++;
	}
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	set_accepting(server, false);
	(void)event_add(server->reopen, &pause);
}

/* False: nobody waits, or nobody can be taken now. */
static bool accept_one(struct server *server, int listener_fd)
{
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			out_of_descriptors(server, listener_fd);
		return errno == ECONNABORTED || errno == EINTR;
	}
	struct peer peer;
	enum trail_err err = access_peer(&server->options.access, fd, &peer);
	if (err) {
		(void)close(fd);
		return true;
	}
	err = sessions_serve(server->sessions, fd, &peer);
	if (err)
		tally_add(&server->tally, err == TRAIL_BUSY ? TALLY_CONNECTIONS : TALLY_MEMORY);
	return true;
}

static void on_connection(evutil_socket_t fd, short what, void *ctx)
{
	struct port *port = ctx;
	(void)what;
	for (int i = 0; i < ACCEPT_BURST; i++)
		if (!accept_one(port->server, fd))
			return;
}

static void on_reopen(evutil_socket_t fd, short what, void *ctx)
{
	struct server *server = ctx;
	(void)fd;
	(void)what;
	if (!server->draining)
		set_accepting(server, true);
}

/* ---- draining ---- */

static void end_when_drained(struct server *server)
{
	if (server->draining && sessions_count(server->sessions) == 0)
		server->over = true;
}

static void close_ports(struct server *server)
{
	for (size_t i = 0; i < server->port_count; i++) {
		event_free(server->ports[i].readable);
		listener_close(server->ports[i].listener);
	}
	server->port_count = 0;
}

static void drain(struct server *server)
{
	if (server->draining)
		return;
	server->draining = true;
	log_line(LOG_STOPPING, "stopping: %u connections are answered first",
		sessions_count(server->sessions));
	notify_manager("STOPPING=1");
	close_ports(server);
	sessions_drain(server->sessions);
	end_when_drained(server);
}

/* ---- events ---- */

static void on_returned(evutil_socket_t fd, short what, void *ctx)
{
	struct server *server = ctx;
	(void)fd;
	(void)what;
	sessions_answer(server->sessions, mailbox_take(server->options.mailbox));
	end_when_drained(server);
}

static void on_signer(evutil_socket_t fd, short what, void *ctx)
{
	struct server *server = ctx;
	(void)fd;
	(void)what;
	(void)event_del(server->signer);
	server->options.signer_gone(server->options.ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
	struct server *server = ctx;
	struct signalfd_siginfo got;
	(void)what;
	if (read(fd, &got, sizeof got) != (ssize_t)sizeof got)
		return;
	if (got.ssi_signo == SIGHUP)
		log_line(LOG_NO_RELOAD, "SIGHUP: no setting can be reloaded yet; restart instead");
	else
		drain(server);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct server *server = ctx;
	(void)fd;
	(void)what;
	tally_say(&server->tally);
	service_tick(server->options.service);
	sessions_tick(server->sessions);
	end_when_drained(server);
	if (server->draining && ++server->drain_ticks >= DRAIN_TICKS)
		server->over = true;
}

/* ---- making and running ---- */

static struct sessions *make_sessions(struct server *server)
{
	const struct server_options *o = &server->options;
	struct sessions_options options = {
		.base = server->base,
		.service = o->service,
		.errands = o->errands,
		.tally = &server->tally,
		.frame_bytes = FRAME_POOL_BYTES,
		.connections = o->connections,
		.peer = o->peer,
		.unread_bytes = o->unread_bytes,
		.hello_s = o->hello_s,
		.frame_s = o->frame_s,
		.unread_s = o->unread_s,
		.idle_s = o->idle_s,
	};
	return sessions_new(&options);
}

static int open_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* False: something is missing; server_free tidies up. */
static bool make_events(struct server *server)
{
	struct event_base *base = server->base;
	short watch = EV_READ | EV_PERSIST;
	server->returned =
		event_new(base, mailbox_fd(server->options.mailbox), watch, on_returned, server);
	server->signer = event_new(base, server->options.signer_fd, watch, on_signer, server);
	server->signals = event_new(base, server->signal_fd, watch, on_signal, server);
	server->tick = event_new(base, -1, EV_PERSIST, on_tick, server);
	server->reopen = event_new(base, -1, 0, on_reopen, server);
	if (!server->returned || !server->signer || !server->signals || !server->tick ||
		!server->reopen)
		return false;
	struct timeval second = { .tv_sec = TICK_S };
	return !event_add(server->returned, NULL) && !event_add(server->signer, NULL) &&
		!event_add(server->signals, NULL) && !event_add(server->tick, &second);
}

struct server *server_new(const struct server_options *options)
{
	struct server *server = calloc(1, sizeof *server);
	if (!server)
		return NULL;
	server->options = *options;
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->signal_fd = open_signals();
	server->base = event_base_new();
	if (server->base)
		server->sessions = make_sessions(server);
	if (server->signal_fd < 0 || !server->sessions || !make_events(server)) {
		server_free(server);
		return NULL;
	}
	return server;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	struct event *events[] = { server->returned, server->signer, server->signals, server->tick,
		server->reopen };
	close_ports(server);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (events[i])
			event_free(events[i]);
	sessions_free(server->sessions);
	if (server->base)
		event_base_free(server->base);
	if (server->signal_fd >= 0)
		(void)close(server->signal_fd);
	if (server->spare_fd >= 0)
		(void)close(server->spare_fd);
	free(server);
}

enum trail_err server_listen(struct server *server, struct listener *listener)
{
	if (server->port_count == SERVER_LISTENERS_MAX)
		return TRAIL_TOO_BIG;
	struct port *port = &server->ports[server->port_count];
	port->server = server;
	port->listener = listener;
	port->readable =
		event_new(server->base, listener->fd, EV_READ | EV_PERSIST, on_connection, port);
	if (!port->readable || event_add(port->readable, NULL)) {
		if (port->readable)
			event_free(port->readable);
		return TRAIL_NOMEM;
	}
	server->port_count++;
	return TRAIL_OK;
}

enum trail_err server_run(struct server *server)
{
	while (!server->over) {
		bool turns = sessions_have_turns(server->sessions);
		if (event_base_loop(server->base, EVLOOP_ONCE | (turns ? EVLOOP_NONBLOCK : 0)) < 0)
			return TRAIL_IO;
		sessions_take_turns(server->sessions);
		end_when_drained(server);
	}
	return TRAIL_OK;
}

void server_finish(struct server *server)
{
	sessions_answer(server->sessions, mailbox_take(server->options.mailbox));
	sessions_end(server->sessions);
	tally_say(&server->tally);
}

void server_read_numbers(const struct server *server, struct session_numbers *numbers)
{
	sessions_read_numbers(server->sessions, numbers);
	numbers->turned_away += server->hung_up;
}
