/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a segment: terms in ascending order, each with its docs in ascending order. Streams: what
 * it holds in memory does not grow with the segment. One thread.
 */
#ifndef DAEMON_INDEX_SEGMENT_WRITE_H
#define DAEMON_INDEX_SEGMENT_WRITE_H

#include "../../proto/err.h"
#include "segment.h"

struct segment_writer;

/*
 * Begin the file of `place` in the folder `at`, under a name that no reader looks for. NULL: memory
 * is out.
 */
struct segment_writer *segment_write_begin(
	int at, const uint8_t *key, const struct hash *genesis, const struct segment_place *place);
/*
 * A term, above all before it; its docs follow. `first_s` and `last_s`: when the first and the last
 * of its events happened.
 */
void segment_write_term(
	struct segment_writer *w, struct span key, uint32_t first_s, uint32_t last_s);
void segment_write_doc(struct segment_writer *w, uint32_t doc);
/*
 * Write what is left, sync it, and give the file its name. *sum is set, but for records and losses,
 * which are taken from it. Frees the writer. TRAIL_IO (errno), TRAIL_NOMEM; TRAIL_TOO_BIG: more
 * blocks than can be counted. Then there is no file.
 */
enum trail_err segment_write_end(struct segment_writer *w, struct segment_sum *sum);
/* Throw it away. NULL is fine. */
void segment_write_abort(struct segment_writer *w);

#endif
