/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdlib.h>

enum {
	ALIGN = 16
};

void *arena_take(struct arena *a, size_t len)
{
	size_t start = (a->used + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (start > a->cap || len > a->cap - start)
		return NULL;
	a->used = start + len;
	return a->data + start;
}

void *arena_take_array(struct arena *a, size_t count, size_t size)
{
	size_t len;
	if (__builtin_mul_overflow(count, size, &len))
		return NULL;
	return arena_take(a, len);
}

bool arena_grow(struct arena *a, size_t len)
{
	arena_reset(a);
	if (len <= a->cap)
		return true;
	void *data = malloc(len);
	if (!data)
		return false;
	free(a->data);
	a->data = data;
	a->cap = len;
	return true;
}
