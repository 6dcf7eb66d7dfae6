/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other threads lay beside the writer for its next commit: entries on the daemon itself, and
 * notes with a quorum of cosignatures, which are kept for ever (FORMATS.md section 5). Bounded; any
 * thread lays, the writer takes.
 */
#ifndef DAEMON_ASIDE_H
#define DAEMON_ASIDE_H

#include "store.h"

enum {
	ASIDE_ENTRIES = 64,
	ASIDE_NOTES = 4,      /* sizes; when there are more, the oldest gives way */
	ASIDE_NOTE_MS = 1000, /* a note waits so long for a commit that comes anyway */
};

struct aside;

/* NULL: memory is out. */
struct aside *aside_new(void);
void aside_free(struct aside *aside);

/* False: too many wait already. */
bool aside_say(struct aside *aside, const struct daemon_entry *entry);
/* Copied; in the place of one of the same size. `now_ms` of the clock that aside_wait_ms gets. */
bool aside_keep(struct aside *aside, uint64_t size, struct span note, uint64_t now_ms);

/*
 * The newest of all notes that were laid, copied to `out`; its length. 0: none yet, or it is longer
 * than `max`. It stays when it was put.
 */
size_t aside_cosigned(struct aside *aside, char *out, size_t max);

/* A time stamp of the checkpoint of `size`, to be kept as a note is. One at a time. */
bool aside_stamp(struct aside *aside, uint64_t size, struct span stamp, uint64_t now_ms);

/* The next entry. False: none. */
bool aside_take(struct aside *aside, struct daemon_entry *entry);
/* How long the oldest note may still wait; -1: there is none. */
int aside_wait_ms(struct aside *aside, uint64_t now_ms);
/*
 * Put all notes into table head, the stamp into its own, and forget them. Into sizes (ASIDE_NOTES
 * of them) go their sizes; returns how many.
 */
size_t aside_put(struct aside *aside, struct db_txn *txn, uint64_t sizes[ASIDE_NOTES]);

/* Whether a row of table head is a note that is kept for ever: others than the log signed it. */
bool aside_row_stays(struct span note);

#endif
