/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was received and not yet eaten of one connection. It owns 16 KiB; for a longer frame it
 * borrows the frame's length from a pool that all share, and goes home as soon as the rest fits.
 *
 *   data [0 .. at) eaten | [at .. len) received | [len .. cap) room
 */
#ifndef DAEMON_INPUT_H
#define DAEMON_INPUT_H

#include "share.h"
#include "slab.h"

enum {
	INPUT_OWN = 16 * 1024
}; /* DESIGN.md section 6 */

struct input {
	struct slab *frames; /* where longer frames are borrowed */
	struct share *share; /* who pays for them */
	uint8_t *data;       /* `own`, or borrowed */
	size_t cap;
	size_t len;
	size_t at;
	uint8_t own[INPUT_OWN]; /* last, and not zeroed: most connections touch one page of it */
};

/* Both stay the caller's and must outlive it. */
void input_init(struct input *in, struct slab *frames, struct share *share);
/* Forget what is inside and give back what is borrowed; it may be used further. */
void input_drop(struct input *in);

/*
 * The frame at the front, which stays there until input_eat.
 *
 * TRAIL_OK       *body views it.
 * TRAIL_MORE     not complete; there is room to receive more.
 * TRAIL_BUSY     not complete, and no memory for its length now: again later.
 * TRAIL_TOO_BIG, TRAIL_INVALID  as frame_take: the stream cannot be used further.
 */
enum trail_err input_frame(struct input *in, struct span *body);
/* The frame that input_frame gave is done with. */
void input_eat(struct input *in, struct span body);

/* Where to receive to, and how much fits; then how much came. */
static inline uint8_t *input_room(const struct input *in, size_t *room)
{
	*room = in->cap - in->len;
	return in->data + in->len;
}

static inline void input_came(struct input *in, size_t len)
{
	in->len += len;
}

/* Whether a frame was begun and is not complete or not eaten. */
static inline bool input_pending(const struct input *in)
{
	return in->len > in->at;
}

#endif
