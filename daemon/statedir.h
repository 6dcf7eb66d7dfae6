/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder D (daemon/layout.h): made at the first start, locked by one daemon, refused when
 * it is anybody else's. Nothing in a refused folder is touched.
 */
#ifndef DAEMON_STATEDIR_H
#define DAEMON_STATEDIR_H

#include "../proto/checkpoint.h"

struct statedir;

/*
 * Make D if it is missing, judge it, lock it; at the first start (no VERSION, and nothing else in
 * it) write VERSION durably and make log/. (The signer makes signer/.)
 * On failure why[512] gets a sentence and *dir is NULL:
 * TRAIL_BUSY     another daemon holds the lock (exit 3)
 * TRAIL_IO       the system refused (exit 3)
 * TRAIL_CORRUPT  not a state folder, or of another version (exit 5)
 * TRAIL_NOMEM
 */
enum trail_err statedir_open(const char *path, struct statedir **dir, char why[512]);
/* Unlocks. NULL is fine. */
void statedir_close(struct statedir *dir);

/*
 * Lock the open file D/lock: for a daemon, or `shared` for who only looks while none runs. False
 * with errno; EWOULDBLOCK: a daemon works there. A daemon that is killed between the fork and the
 * exec of its signer leaves a child that holds the lock for as long as it takes to see that its
 * parent is gone. Only waiting can tell it from a daemon that works: this waits up to a second.
 */
bool statedir_lock(int fd, bool shared);

/* Paths of D/log and D/signer; the folder's. */
const char *statedir_log(const struct statedir *dir);
const char *statedir_signer(const struct statedir *dir);
/*
 * Whether no log was made here yet: no store file, no identity, nothing of a signer. True as long
 * as a first start was cut short before any of them; then all may be made, and never else.
 */
bool statedir_unborn(const struct statedir *dir);
/* Whether the store's file is there. */
bool statedir_has_store(const struct statedir *dir);
/* Whether D/vkey or D/identity is there: a log was finished here, none may be made again. */
bool statedir_named(const struct statedir *dir);

/*
 * Write D/vkey and D/identity where they are missing, compare them where they are not.
 * TRAIL_CORRUPT: one says something else (exit 5). TRAIL_IO (exit 3).
 */
enum trail_err statedir_identify(
	const struct statedir *dir, const struct log_identity *identity, char why[512]);

#endif
