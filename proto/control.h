/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What payloads say of the log itself, judged where they are at hand: its genesis, its sources, its
 * peers, its runs. Whether a payload is the one that its record commits to is judged before.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include "codec.h"
#include "names.h"
#include "seals.h"
#include "spine.h"
#include "succession.h"

struct control {
	struct findings *found;    /* the caller's */
	const struct spine *spine; /* the caller's: what stood before */
	const struct vkey *pinned; /* the key that the log must have; NULL: any */
	struct names *names;
	struct vkey genesis_key; /* as record 0 says */
	bool has_genesis_key;
	struct succession succession; /* as record 0 says */
	struct seals seals; /* told of genesis, starts, clocks, and what a SEAL's payload says */
	struct buf scratch; /* arena for payloads */
};

/* TRAIL_NOMEM: to be released all the same. */
enum trail_err control_init(struct control *c, struct findings *found, const struct spine *spine);
void control_release(struct control *c);
/*
 * Judge the payload of control entry `index`, whose record is `r`, before the record is entered in
 * the spine; *facts is what the spine must know of it. A SEAL's is then to be taken by
 * c->seals, which needs the root before it. TRAIL_NOMEM.
 */
enum trail_err control_judge(struct control *c, uint64_t index, const struct record *r,
	struct span payload, struct control_facts *facts);

#endif
