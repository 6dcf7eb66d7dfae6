/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame: u32 big-endian length || that many bytes of one Request or Response. Pure: used by both
 * ends, knows no socket.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "bytes.h"
#include "err.h"

enum {
	FRAME_HEAD = 4,
	FRAME_BODY_MAX = 1 << 20, /* DESIGN.md section 7 */
};

/*
 * Look at the front of `in`.
 *
 * TRAIL_OK       *body views the whole frame's body inside `in`; FRAME_HEAD + body->len are spent.
 * TRAIL_MORE     not complete yet; *need is the length of the whole frame once the head is there,
 *                FRAME_HEAD before.
 * TRAIL_TOO_BIG  the announced length exceeds FRAME_BODY_MAX: the stream cannot be used further.
 * TRAIL_INVALID  an empty frame: no message is empty.
 */
enum trail_err frame_take(struct span in, struct span *body, size_t *need);

#endif
