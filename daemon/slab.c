/* SPDX-License-Identifier: Apache-2.0 */
#include "slab.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	SIZES = 13
}; /* 4 KiB << 0 .. 4 KiB << 12 = 16 MiB */

_Static_assert((size_t)SLAB_BLOCK_MIN << (SIZES - 1) == SLAB_BLOCK_MAX, "sizes span the range");

/* An idle block's first bytes. */
struct idle {
	struct idle *next;
};

struct slab {
	size_t limit;
	size_t held; /* out + idle */
	size_t out;
	size_t peak; /* of out, since slab_trim */
	struct idle *idle[SIZES];
};

struct slab *slab_new(size_t limit)
{
	struct slab *slab = calloc(1, sizeof *slab);
	if (slab)
		slab->limit = limit < SLAB_BLOCK_MAX ? SLAB_BLOCK_MAX : limit;
	return slab;
}

static size_t size_of(unsigned class_no)
{
	return (size_t)SLAB_BLOCK_MIN << class_no;
}

/* SIZES: too large. */
static unsigned class_of(size_t need)
{
	unsigned c = 0;
	while (c < SIZES && size_of(c) < need)
		c++;
	return c;
}

/* Free idle blocks, largest first, until at most `most` bytes are held. False: more are out. */
static bool shrink(struct slab *slab, size_t most)
{
	for (unsigned c = SIZES; c > 0; c--) {
		while (slab->idle[c - 1] && slab->held > most) {
			struct idle *block = slab->idle[c - 1];
			slab->idle[c - 1] = block->next;
			free(block);
			slab->held -= size_of(c - 1);
		}
	}
	return slab->held <= most;
}

void slab_free(struct slab *slab)
{
	if (!slab)
		return;
	(void)shrink(slab, 0);
	free(slab);
}

size_t slab_size(size_t need)
{
	unsigned c = class_of(need);
	return c < SIZES ? size_of(c) : 0;
}

void *slab_take(struct slab *slab, size_t need, size_t *cap)
{
	unsigned c = class_of(need);
	if (c == SIZES)
		return NULL;
	struct idle *block = slab->idle[c];
	if (block) {
		slab->idle[c] = block->next;
	} else {
		if (!shrink(slab, slab->limit - size_of(c)))
			return NULL;
		block = malloc(size_of(c));
		if (!block)
			return NULL;
		slab->held += size_of(c);
	}
	slab->out += size_of(c);
	if (slab->out > slab->peak)
		slab->peak = slab->out;
	*cap = size_of(c);
	return block;
}

void slab_give(struct slab *slab, void *block, size_t cap)
{
	unsigned c = class_of(cap);
	struct idle *idle = block;
	idle->next = slab->idle[c];
	slab->idle[c] = idle;
	slab->out -= cap;
}

void slab_trim(struct slab *slab)
{
	(void)shrink(slab, slab->peak);
	slab->peak = slab->out;
}

size_t slab_out(const struct slab *slab)
{
	return slab->out;
}

size_t slab_held(const struct slab *slab)
{
	return slab->held;
}
