/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include "../proto/frame.h"

void input_init(struct input *in, struct slab *frames, struct share *share)
{
	in->frames = frames;
	in->share = share;
	in->data = in->own;
	in->cap = INPUT_OWN;
	in->len = 0;
	in->at = 0;
}

/* Go on in `block`, with what is there moved to its front. */
static void move(struct input *in, uint8_t *block, size_t cap)
{
	size_t have = in->len - in->at;
	if (have > 0)
		memmove(block, in->data + in->at, have);
	if (in->data != in->own && in->data != block) {
		share_give(in->share, in->cap);
		slab_give(in->frames, in->data, in->cap);
	}
	in->data = block;
	in->cap = cap;
	in->at = 0;
	in->len = have;
}

void input_drop(struct input *in)
{
	in->len = in->at;
	move(in, in->own, INPUT_OWN);
}

/* Room for a frame of `need` bytes in all. False: not now. */
static bool make_room(struct input *in, size_t need)
{
	if (need <= INPUT_OWN && in->len - in->at <= INPUT_OWN) {
		move(in, in->own, INPUT_OWN);
		return true;
	}
	if (need <= in->cap) {
		move(in, in->data, in->cap);
		return true;
	}
	size_t cap;
	if (!share_room(in->share, false))
		return false;
	uint8_t *block = slab_take(in->frames, need, &cap);
	if (!block)
		return false;
	share_take(in->share, cap);
	move(in, block, cap);
	return true;
}

enum trail_err input_frame(struct input *in, struct span *body)
{
	size_t need;
	enum trail_err err = frame_take(span_of(in->data + in->at, in->len - in->at), body, &need);
	if (err == TRAIL_MORE && !make_room(in, need))
		return TRAIL_BUSY;
	return err;
}

void input_eat(struct input *in, struct span body)
{
	in->at += FRAME_HEAD + body.len;
}
