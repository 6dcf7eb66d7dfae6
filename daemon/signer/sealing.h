/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions SEAL and SEALED (talk.h): what the signer asks itself before it seals, and before
 * it erases what derives a key. FORMATS.md section 6, steps 2 and 4.
 */
#ifndef SIGNER_SEALING_H
#define SIGNER_SEALING_H

#include "kept.h"
#include "pace.h"

/*
 * Answer SEAL: the pieces of the Seal, behind TALK_OK, are put to `answer`.
 * TRAIL_MORE: not yet; *wait_ns is set. TRAIL_END: the last epoch is used up; *why. TRAIL_CORRUPT,
 * TRAIL_IO.
 */
enum trail_err sealing_ask(struct kept *kept, const struct folder *folder, const struct pace *pace,
	uint64_t boot_ns, struct span body, struct buf *answer, uint64_t *wait_ns,
	struct sentence *why);
/* Answer SEALED: the key of the open epoch is gone when it answers TRAIL_OK. */
enum trail_err sealing_done(struct kept *kept, const struct folder *folder, struct pace *pace,
	struct pace_time now, struct span body, struct buf *answer, struct sentence *why);

#endif
