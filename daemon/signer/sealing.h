/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions SEAL and SEALED (talk.h): what the signer asks itself before it seals, and before
 * it erases what derives a key. FORMATS.md section 6, steps 2 and 4.
 */
#ifndef SIGNER_SEALING_H
#define SIGNER_SEALING_H

#include "kept.h"
#include "pace.h"

/* What both stand on; all of it the caller's. */
struct sealing {
	struct kept *kept;
	const struct folder *folder;
	struct pace *pace;
	struct pace_time now;
	struct sentence *why;
	uint64_t wait_ns; /* set with TRAIL_MORE */
};

/*
 * Answer SEAL: the pieces of the Seal, behind TALK_OK, are put to `answer`.
 * TRAIL_MORE: not yet. TRAIL_END: the last epoch is used up; *why. TRAIL_CORRUPT, TRAIL_IO.
 */
enum trail_err sealing_ask(struct sealing *s, struct span body, struct buf *answer);
/* Answer SEALED: the key of the open epoch is gone when it answers TRAIL_OK. */
enum trail_err sealing_done(struct sealing *s, struct span body, struct buf *answer);

#endif
