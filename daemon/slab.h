/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded store of reusable blocks in sizes of powers of two: what requests borrow. Blocks that
 * come back are kept for the next taker, so that steady work allocates nothing; the bound covers
 * blocks that are out and blocks that idle. One thread.
 */
#ifndef DAEMON_SLAB_H
#define DAEMON_SLAB_H

#include <stddef.h>

enum {
	SLAB_BLOCK_MIN = 4 * 1024,
	SLAB_BLOCK_MAX = 16 * 1024 * 1024,
};

struct slab;

/* `limit` bytes at the most, SLAB_BLOCK_MAX at least. NULL: memory is out. */
struct slab *slab_new(size_t limit);
/* Gives all idle blocks back; those that are out must have come home. NULL is fine. */
void slab_free(struct slab *slab);

/* The size of the block that `need` gets; 0: above SLAB_BLOCK_MAX. */
size_t slab_size(size_t need);
/*
 * A block of slab_size(need) bytes, content undefined; its size goes to *cap. NULL: above
 * SLAB_BLOCK_MAX, or the bound or the memory is reached: again when something came back.
 */
void *slab_take(struct slab *slab, size_t need, size_t *cap);
/* Give back what slab_take gave, with its size. */
void slab_give(struct slab *slab, void *block, size_t cap);
/* Free idle blocks, but for as many bytes as were out at once since the last call. */
void slab_trim(struct slab *slab);
/* Bytes that are out. */
size_t slab_out(const struct slab *slab);
/* Bytes that are out or idle. */
size_t slab_held(const struct slab *slab);

#endif
