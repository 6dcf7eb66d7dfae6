/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of one class and month that follow each other become one. Goes step by step, so that who
 * follows the log can do so between two steps. One thread.
 */
#ifndef DAEMON_INDEX_MERGE_H
#define DAEMON_INDEX_MERGE_H

#include "segment_read.h"
#include "segment_write.h"

struct merge;

enum {
	MERGE_MAX = 16 /* segments at once */
};

/*
 * Begin to merge `count` (2 to MERGE_MAX) segments, ascending, which must outlive it, into the file
 * of `place`, which covers them. NULL: memory is out.
 */
struct merge *merge_begin(int at, const uint8_t *key, const struct hash *genesis,
	const struct segment_place *place, const struct segment *const *inputs, size_t count);
/*
 * Go on by about `postings` postings. TRAIL_MORE: there are more. TRAIL_OK: the file is there, and
 * *sum what it says. TRAIL_CORRUPT: *bad is the number of the input that is damaged. TRAIL_IO,
 * TRAIL_NOMEM. After all but TRAIL_MORE the merge is gone.
 */
enum trail_err merge_step(struct merge *m, uint64_t postings, struct segment_sum *sum, size_t *bad);
/* NULL is fine. */
void merge_abort(struct merge *m);

#endif
