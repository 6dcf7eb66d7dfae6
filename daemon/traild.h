/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running daemon: its parts, made top to bottom, served, unmade bottom to top. The one place
 * that knows them all.
 */
#ifndef DAEMON_TRAILD_H
#define DAEMON_TRAILD_H

#include "config.h"
#include "log.h"
#include "succeed.h"

#include <stddef.h>

struct traild;

/* What the command line says. */
struct traild_options {
	const char *state_dir;
	size_t handed;                 /* sockets from HANDOVER_FIRST on; with `listen_count`: */
	const char *const *listen;     /* addresses */
	size_t listen_count;           /* SERVER_LISTENERS_MAX at the most */
	const char *origin;            /* NULL: not said */
	const struct succeed *succeed; /* of a log that is made; NULL: it follows none */
	bool closing;                  /* the log is to be ended */
	struct settings settings;
};

/*
 * Open or make the log, recover it, start all threads, listen. `options` must stay. From here on
 * SIGTERM, SIGINT and SIGHUP are blocked in all threads. On failure *reason says which and why, and
 * nothing is left running:
 * TRAIL_INVALID  an address or origin that cannot be (exit 2)
 * TRAIL_CORRUPT, TRAIL_UNSUPPORTED  store, signer or folder contradict each other, or are another
 *                format's or log's (exit 5)
 * TRAIL_IO, TRAIL_BUSY, TRAIL_NOMEM  the system refused, or another daemon is there (exit 3)
 *
 * When the writer or the signer fails later, the process ends at once with 3 or 5.
 */
enum trail_err traild_open(
	const struct traild_options *options, struct traild **traild, struct log_reason *reason);
/* Say READY, and serve until told to stop. TRAIL_IO: the loop failed. */
enum trail_err traild_serve(struct traild *traild, struct log_reason *reason);
/*
 * `options->succeed`: make the log that follows another one, in a folder where none is, and be
 * done; its identity file goes to `identity`. Errors as traild_open, and TRAIL_INVALID: there is a
 * log, or it has the other's name or key.
 */
enum trail_err traild_succeed(
	const struct traild_options *options, struct buf *identity, struct log_reason *reason);
/*
 * `options->closing`: end the log for good, show its end to its witnesses, and be done. One that
 * was closed before is signed again, should that be wanting. Errors as traild_open, and
 * TRAIL_INVALID: there is no log.
 */
enum trail_err traild_end(const struct traild_options *options, struct log_reason *reason);
/* Answer what is queued, note the stop in the log, end all threads. NULL is fine. */
void traild_close(struct traild *traild);

#endif
