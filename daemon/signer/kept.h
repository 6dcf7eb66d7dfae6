/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a signer's folder keeps, brought into memory and checked against itself: the key, the last
 * head, the seals. Makes nothing, and mends nothing but an erasure of seeds that was cut short:
 * what is missing or contradicts itself is refused.
 */
#ifndef SIGNER_KEPT_H
#define SIGNER_KEPT_H

#include "head.h"
#include "seals.h"

enum {
	KEY_LINE_MAX = 12 + VKEY_LEN_MAX + 1, /* "PRIVATE+KEY+", the rest like a vkey, "\n" */
	KEY_ROOM = 256,                       /* what holds it, with room to spare */
};

struct kept {
	struct skey *key; /* crypto_secret_new */
	struct head head;
	struct seals seals;
	bool unused; /* never signed a head, never asked for a seal */
};

/* Before kept_load, for kept_release. */
void kept_none(struct kept *kept);
/*
 * Load it. TRAIL_CORRUPT (exit 5), TRAIL_IO (exit 3): *why is set. kept_release whatever the
 * answer. *notice gets a sentence worth a log line, or an empty one.
 */
enum trail_err kept_load(struct kept *kept, const struct folder *folder, struct sentence *notice,
	struct sentence *why);
/* Wipes. Accepts what kept_load left after an error, and kept_none. */
void kept_release(struct kept *kept);
/*
 * Whether the head is at or above what was sealed and what is pending, as every honest one is.
 * TRAIL_CORRUPT: an older head was put beside these seeds.
 */
enum trail_err kept_pending_fits(
	const struct kept *kept, const struct folder *folder, struct sentence *why);

#endif
