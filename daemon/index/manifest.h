/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: which segments there are, and how far they reach. One small file, replaced by
 * rename and sealed like a block; what it does not name is no part of the index. Reads and writes
 * that file alone.
 *
 *   D/index/manifest   "trail-index/v1\n\0" | genesis leaf[32] | u64 indexed | leaf[32]
 *                      | u32 segments | u32 holes
 *                      | segments x (u32 class, u32 month, u64 from, u64 to, u64 serial)
 *                      | holes x (u32 class, u32 month, u64 from, u64 to)
 *                      | tag[16]: keyed BLAKE2b of all before it
 *
 * `leaf` is the leaf hash of record indexed - 1: an index of another history than the store's is
 * none. A hole is a range of a class and month whose segment was damaged and is still to be made.
 */
#ifndef DAEMON_INDEX_MANIFEST_H
#define DAEMON_INDEX_MANIFEST_H

#include "../../proto/err.h"
#include "block.h"

enum {
	MANIFEST_SEGMENTS_MAX = 1 << 16,
};

struct index_hole {
	uint32_t class_no, month;
	uint64_t from, to;
};

struct manifest {
	struct hash genesis;
	uint64_t indexed; /* records [0, indexed) are in the segments, but for the holes */
	struct hash leaf;
	size_t count, hole_count;
	struct segment_place *places; /* by class, month and range */
	struct index_hole *holes;
};

/*
 * Read it from the folder `at`. TRAIL_END: there is none. TRAIL_CORRUPT: it is not one that was
 * sealed with this key. TRAIL_IO (errno), TRAIL_NOMEM.
 */
enum trail_err manifest_read(int at, const uint8_t key[INDEX_KEY_LEN], struct manifest *m);
/* Replace it, durably. TRAIL_IO (errno), TRAIL_NOMEM. */
enum trail_err manifest_write(int at, const uint8_t key[INDEX_KEY_LEN], const struct manifest *m);
void manifest_release(struct manifest *m);

#endif
