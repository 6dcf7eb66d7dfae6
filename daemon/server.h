/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop thread: listens, accepts, brings answers home, watches signals and the signer, drains.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "access.h"
#include "listener.h"
#include "mailbox.h"
#include "session.h"

struct server;

enum {
	SERVER_LISTENERS_MAX = 16
};

struct server_options {
	struct access access;
	struct service *service;
	struct errands *errands;
	struct mailbox *mailbox; /* where answered ops arrive */
	unsigned connections;    /* all together */
	/* As in session.h. */
	struct share_limits peer;
	size_t unread_bytes;
	uint64_t hello_s;
	uint64_t frame_s;
	uint64_t unread_s;
	uint64_t idle_s;
	int signer_fd; /* readable: the signer is gone */
	/* Called once when the signer is gone; need not return. */
	void (*signer_gone)(void *ctx);
	void *ctx;
};

/*
 * SIGTERM, SIGINT and SIGHUP must be blocked in all threads: they are read from a descriptor.
 * NULL: memory or descriptors are out.
 */
struct server *server_new(const struct server_options *options);
/* NULL is fine. */
void server_free(struct server *server);

/* Accept from this listener, which stays the caller's until server_run answers. */
enum trail_err server_listen(struct server *server, struct listener *listener);
/*
 * Serve until SIGTERM or SIGINT; then stop accepting and reading, answer what is queued, send it,
 * at most 10 s long. Closes the listeners. TRAIL_IO: the loop itself failed.
 */
enum trail_err server_run(struct server *server);
/*
 * After writer and readers have been stopped: bring the last answers home, send what sockets take,
 * close all.
 */
void server_finish(struct server *server);
/* For Status. Loop thread. */
void server_read_numbers(const struct server *server, struct session_numbers *numbers);

#endif
