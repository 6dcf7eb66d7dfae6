/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump arena over memory that the caller gives: allocations end all at once, by reset. Taking
 * never makes it grow: when it is full, it answers NULL, and whatever was being decoded is too big.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include "bytes.h"

struct arena {
	uint8_t *data;
	size_t cap;
	size_t used;
};

/* 16-byte aligned, uninitialised. NULL when `len` does not fit (or len is 0 and arena full). */
void *arena_take(struct arena *a, size_t len);
/* arena_take of count * size, checked for overflow. */
void *arena_take_array(struct arena *a, size_t count, size_t size);
/* Forget everything taken. */
static inline void arena_reset(struct arena *a)
{
	a->used = 0;
}
/*
 * Forget everything taken, and have room for `len` bytes; for an arena whose data is from malloc,
 * or NULL. False: memory is out, and the arena is as large as before.
 */
bool arena_grow(struct arena *a, size_t len);

#endif
