/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Posting lists: which records have a term, ascending, as numbers of a segment ("docs"). A list is
 * cut into chunks that fit a block each; every chunk has the shape that is shorter for it. Pure.
 *
 *   chunk   kind u8 | first varint | rest
 *   kind 0  (few): varint count - 1 | gaps - 1, varints: delta coding
 *   kind 1  (dense): varint last - first | a bit for each of first + 1 .. last, lowest bit first
 *
 * Varints: LEB128 of at most 32 bits.
 */
#ifndef DAEMON_INDEX_POSTINGS_H
#define DAEMON_INDEX_POSTINGS_H

#include "block.h"

enum {
	VARINT_MAX = 5, /* bytes */
	POSTINGS_HEAD_MAX = 1 + 2 * VARINT_MAX,
	/* Docs of one chunk at the most: all bits of a block set. */
	POSTINGS_CHUNK_MAX = BLOCK_ROOM * 8,
};

/* A LEB128 of at most 32 bits, at `to`, which has room for VARINT_MAX; answers its length. */
size_t varint_put(uint8_t *to, uint32_t value);
/* False: not one. Moves *in behind it. */
bool varint_take(struct span *in, uint32_t *value);

/* A chunk that is being written; docs ascend. */
struct postings_writer {
	uint32_t count;
	uint32_t gap_bytes; /* what the gaps take as varints */
	uint32_t docs[POSTINGS_CHUNK_MAX];
};

void postings_begin(struct postings_writer *w);
/* False: the chunk is full, and this doc is the first of the next. */
bool postings_add(struct postings_writer *w, uint32_t doc);
/* The chunk into `to`, which has BLOCK_ROOM bytes; answers its length. w->count is not 0. */
size_t postings_finish(const struct postings_writer *w, uint8_t *to);

/* A chunk that is read. */
struct postings_chunk {
	uint32_t first, last;
	bool dense;
	struct span bits; /* dense: of first + 1 .. last */
	uint32_t count;   /* not dense */
	uint32_t docs[BLOCK_ROOM];
};

/* Judge and open a chunk. False: malformed. Its bits view `in`. */
bool postings_open(struct span in, struct postings_chunk *chunk);
/*
 * The smallest doc >= `doc` (`down`: the largest <= it) of the chunk, to *out. False: none.
 */
bool postings_seek(const struct postings_chunk *chunk, uint32_t doc, bool down, uint32_t *out);
/* 64 of a dense chunk's bits, from byte `at` on; what lies behind their end is 0. */
uint64_t postings_word(struct span bits, size_t at);
/* How many docs of the chunk lie in [low, high]. */
uint32_t postings_count(const struct postings_chunk *chunk, uint32_t low, uint32_t high);

#endif
