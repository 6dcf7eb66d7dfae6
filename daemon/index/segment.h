/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a segment: an immutable file of blocks (daemon/index/block.h) that holds, for the
 * records of one class and month in one range of the log, which terms they have. Pure: constants
 * and entries; daemon/index/segment_write makes such files, segment_read reads them.
 *
 * A B+tree, written bottom up from terms in order, its last block the footer:
 *
 *   leaf     entries, ascending by key = field u8 || value (daemon/index/term.h):
 *              varint shared | varint n | the n bytes of the key behind `shared` of the last one's
 *              varint count
 *              count 1:  varint doc
 *              else:     varint first second | varint seconds from there to the last
 *                        varint n > 0 | n bytes, a chunk (daemon/index/postings.h)
 *                        varint 0 | varint block | varint blocks: each holds one chunk, and
 *                          behind them lies their directory: (u32 first doc, u32 docs) a chunk
 *   inner    entries: key as above, the first of a leaf or inner block | varint block
 *   footer   "segment\0" | u32 blocks | u32 root | u8 height | u64 records | u64 losses
 *              u64 terms | u64 terms of the greatest length | u32 first second | u32 last second
 *
 * Docs are numbers of records, from the segment's `from`. Seconds are those of event times since
 * 1970, cut to 32 bits at both ends.
 */
#ifndef DAEMON_INDEX_SEGMENT_H
#define DAEMON_INDEX_SEGMENT_H

#include "postings.h"

enum {
	TERM_KEY_MAX = 256, /* a field's byte, and at most 255 of its value */
	SEGMENT_HEIGHT_MAX = 8,
	SEGMENT_INLINE_MAX = 1024, /* bytes of a chunk inside a leaf */
	SEGMENT_DIR_ENTRY = 8,
	SEGMENT_DIR_PER_BLOCK = BLOCK_ROOM / SEGMENT_DIR_ENTRY,
	SEGMENT_FOOTER_LEN = 8 + 4 + 4 + 1 + 4 * 8 + 4 + 4,
	SEGMENT_NAME_MAX = 32,
};

extern const char SEGMENT_MAGIC[8];

/* What a footer says. */
struct segment_sum {
	uint32_t blocks; /* footer included */
	uint32_t root;
	uint8_t height; /* 0: the root is a leaf */
	uint64_t records;
	uint64_t losses; /* of them that tell one */
	uint64_t terms;
	uint64_t cut; /* of them, whose value may go on */
	uint32_t first_s, last_s;
};

/* The file's name: its serial in hex, and ".seg". */
void segment_name(uint64_t serial, char name[SEGMENT_NAME_MAX]);
/* Seconds as they are kept. */
uint32_t segment_seconds(int64_t time_ns);

void segment_sum_encode(const struct segment_sum *sum, uint8_t out[SEGMENT_FOOTER_LEN]);
bool segment_sum_decode(struct span in, struct segment_sum *sum);

#endif
