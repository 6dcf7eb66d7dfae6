/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: what the files of the index are made of. 4,096 bytes, numbered, bound to its segment,
 * and sealed: an edited, moved, swapped or torn block does not open. Pure.
 *
 *   0  u8  version = 1
 *   1  u8  encoding = 0: plain (2: encrypted, with the keys of class and month; not yet)
 *   2  u16 length of the content
 *   4  u32 number of the block in its file
 *   8  content, then zeros
 *   4080 tag[16]: keyed BLAKE2b (RFC 7693) over AD || the 4,080 bytes before it
 *
 *   AD = "trail-index/v1" || genesis leaf[32] || class u32 || month u32 || from u64 || to u64
 *        || serial u64
 */
#ifndef DAEMON_INDEX_BLOCK_H
#define DAEMON_INDEX_BLOCK_H

#include "../../proto/hash.h"

enum {
	BLOCK_LEN = 4096,
	BLOCK_HEAD_LEN = 8,
	BLOCK_TAG_LEN = 16,
	BLOCK_ROOM = BLOCK_LEN - BLOCK_HEAD_LEN - BLOCK_TAG_LEN,
	INDEX_KEY_LEN = 32,
	BLOCK_AD_LEN = 14 + HASH_LEN + 4 + 4 + 8 + 8 + 8,
};

/* What a segment is of; its blocks are bound to it. */
struct segment_place {
	uint32_t class_no;
	uint32_t month;
	/* The records of class and month in [from, to) are in it, all of them. to - from < 2^32. */
	uint64_t from, to;
	uint64_t serial; /* random: no two files have the same */
};

/* With what a segment's blocks are sealed and opened. Views the key. */
struct block_seal {
	const uint8_t *key; /* INDEX_KEY_LEN */
	uint8_t ad[BLOCK_AD_LEN];
};

void block_seal_init(struct block_seal *seal, const uint8_t *key, const struct hash *genesis,
	const struct segment_place *place);
/* The content, `len` <= BLOCK_ROOM bytes, stands at block + BLOCK_HEAD_LEN: put the rest. */
void block_close(
	const struct block_seal *seal, uint32_t number, uint8_t block[BLOCK_LEN], size_t len);
/* False: it is not block `number` of that segment. *content views `block`. */
bool block_open(const struct block_seal *seal, uint32_t number, const uint8_t block[BLOCK_LEN],
	struct span *content);

#endif
