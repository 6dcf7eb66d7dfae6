/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of docs of one segment: the union of some posting lists, as cursors while they are few and
 * as a bitmap of the segment's range when they are many. One thread.
 */
#ifndef DAEMON_INDEX_DOCSET_H
#define DAEMON_INDEX_DOCSET_H

#include "segment_read.h"

enum {
	DOCSET_LISTS_MAX = 8
};

/* Zeroed: empty. */
struct docset {
	uint32_t docs;  /* of the segment's range: all docs are below */
	uint64_t count; /* of its docs, at the most */
	size_t list_count;
	struct segment_cursor *lists[DOCSET_LISTS_MAX];
	uint64_t *bits; /* not NULL: all docs are here */
};

void docset_init(struct docset *set, const struct segment *segment);
void docset_release(struct docset *set);
/* Add the docs of a term. TRAIL_CORRUPT, TRAIL_IO, TRAIL_NOMEM. */
enum trail_err docset_add(
	struct docset *set, const struct segment *segment, const struct segment_term *term);
/* Have it as a bitmap; errors as above. */
enum trail_err docset_flatten(struct docset *set);
/* Complement it in `all`, which both become bitmaps for. */
enum trail_err docset_complement(struct docset *set, struct docset *all);
/* As segment_cursor_seek. */
enum trail_err docset_seek(struct docset *set, uint32_t doc, bool down, uint32_t *out);
/* Words of a bitmap of `docs` bits. */
static inline size_t docset_words(uint32_t docs)
{
	return (size_t)docs / 64 + 1;
}
/* The next bit set, as docset_seek; false: none. */
bool bits_seek(const uint64_t *bits, uint32_t docs, uint32_t doc, bool down, uint32_t *out);
/* Bits set in [low, high]. */
uint64_t bits_count(const uint64_t *bits, uint32_t docs, uint32_t low, uint32_t high);

#endif
