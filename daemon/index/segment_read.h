/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a segment: opens it, finds terms, walks them in order, and goes through their postings. A
 * block is opened anew each time that it is read, by its tag: a file that was changed under the
 * reader is noticed before it answers. An open segment may be read by many threads at once, each
 * with walks and cursors of its own.
 */
#ifndef DAEMON_INDEX_SEGMENT_READ_H
#define DAEMON_INDEX_SEGMENT_READ_H

#include "../../proto/err.h"
#include "segment.h"

struct segment {
	struct segment_place place;
	struct block_seal seal;
	struct segment_sum sum;
	int fd;
};

/*
 * Open the file of `place` in the folder `at`; `key` must outlive it.
 * TRAIL_CORRUPT: missing, cut, or not what it was. TRAIL_IO (errno).
 */
enum trail_err segment_open(int at, const uint8_t *key, const struct hash *genesis,
	const struct segment_place *place, struct segment *segment);
void segment_close(struct segment *segment);

/* One term of a segment; its spans view the walk that found it, until that goes on. */
struct segment_term {
	struct span key;
	uint32_t count;           /* of its docs */
	uint32_t doc;             /* count 1: the one */
	uint32_t first_s, last_s; /* count 1: those of the segment */
	struct span chunk;        /* not empty: all its docs */
	uint32_t start, chunks;   /* else: the blocks of its chunks */
};

/* A way through the terms of a segment. */
struct segment_walk {
	const struct segment *segment;
	enum trail_err err; /* why it ended, if not at the end */
	uint64_t left;      /* terms that there can be: a circle ends */
	struct {
		struct span rest; /* entries that are left */
		uint8_t block[BLOCK_LEN];
		size_t key_len;
		uint8_t key[TERM_KEY_MAX];
	} levels[SEGMENT_HEIGHT_MAX]; /* 0: the leaf */
};

/* Stand before the first term whose key is >= `key`. */
void segment_walk_seek(struct segment_walk *walk, const struct segment *segment, struct span key);
/* The next term. False: the end, or walk->err: TRAIL_CORRUPT, TRAIL_IO. */
bool segment_walk_next(struct segment_walk *walk, struct segment_term *term);
/* The term `key` itself. False: it has no docs, or walk->err. */
bool segment_find(struct segment_walk *walk, const struct segment *segment, struct span key,
	struct segment_term *term);

/* A place in the postings of one term. Some 40 KiB. */
struct segment_cursor {
	const struct segment *segment;
	uint32_t count;
	uint32_t start, chunks;
	uint8_t *directory;       /* of `chunks` entries; NULL: one chunk */
	uint32_t at;              /* the chunk that is open; chunks: none */
	uint8_t bytes[BLOCK_LEN]; /* that it views */
	struct postings_chunk chunk;
};

/*
 * A cursor for the postings of `term`, which may go afterwards. TRAIL_CORRUPT, TRAIL_IO,
 * TRAIL_NOMEM. To be closed in any case.
 */
enum trail_err segment_cursor_open(
	struct segment_cursor *c, const struct segment *segment, const struct segment_term *term);
void segment_cursor_close(struct segment_cursor *c);
/*
 * The smallest doc >= `doc` (`down`: the largest <= it), to *out. TRAIL_OK; TRAIL_END: none;
 * TRAIL_CORRUPT, TRAIL_IO.
 */
enum trail_err segment_cursor_seek(
	struct segment_cursor *c, uint32_t doc, bool down, uint32_t *out);
/* How many docs lie in [low, high], to *count. */
enum trail_err segment_cursor_count(
	struct segment_cursor *c, uint32_t low, uint32_t high, uint32_t *count);
/*
 * How many docs in [low, high] have their bit set in `bits`, which has one for each doc of the
 * segment and a word of zeros behind, to *count.
 */
enum trail_err segment_cursor_overlap(struct segment_cursor *c, const uint64_t *bits, uint32_t low,
	uint32_t high, uint32_t *count);
/* Set the bit of each doc in `bits`, which has one for each doc of the segment. */
enum trail_err segment_cursor_set(struct segment_cursor *c, uint64_t *bits);
/* Each doc in turn, to fn. For who wants them all. */
enum trail_err segment_cursor_each(
	struct segment_cursor *c, void (*fn)(void *ctx, uint32_t doc), void *ctx);
/*
 * Whether the term's count and its directory say what its chunks hold, in ascending order.
 * TRAIL_CORRUPT: they do not. TRAIL_IO.
 */
enum trail_err segment_cursor_check(struct segment_cursor *c);

#endif
