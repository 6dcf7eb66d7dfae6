/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What evidence is made of, as far as the daemon must be asked for it: kept notes with their SEALs,
 * the SEAL before a record. Nothing is believed: who asks has it judged.
 */
#ifndef CLIENT_EVIDENCE_H
#define CLIENT_EVIDENCE_H

#include "../proto/evidence.h"
#include "call.h"

/* A signed note of this log with what belongs to it. To be released. */
struct kept_note {
	struct checkpoint cp;
	struct buf note;
	struct buf seal;     /* payload of the SEAL of that size; empty: not sealed */
	struct buf stamp;    /* RFC 3161; empty: none */
	struct buf cosigned; /* the newest cosigned note of the log; empty: none */
};

void kept_note_release(struct kept_note *kept);
/*
 * The note of the first sealed tree that holds record `above`, or the newest one where there is
 * none yet. It is proven to be consistent with what was seen of the log. *kept is zeroed.
 */
enum trail_err evidence_fetch_note(
	struct trail *t, uint64_t above, int64_t deadline, struct kept_note *kept);
/* The newest note, as above. */
enum trail_err evidence_fetch_newest(struct trail *t, int64_t deadline, struct kept_note *kept);
/*
 * The newest SEAL entry below record `below`, with its path in the tree of `size`. *item views
 * t->arena until the next call of the handle. TRAIL_END: there is none, as the daemon says.
 */
enum trail_err evidence_fetch_seal(struct trail *t, uint64_t below, uint64_t size, int64_t deadline,
	struct evidence_item *item);

#endif
