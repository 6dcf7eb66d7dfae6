/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk: the payloads of some records of one class, one month and one commit, packed together
 * (FORMATS.md section 9). Pure: bytes in, bytes out. The only door to libzstd.
 *
 *   header   u8 version = 1 | u8 encoding | u16 count | u32 plain length          8 bytes
 *   inside   u16 count | u16 runs | runs x (u32 offset from the first index, u16 count)
 *            | count x salt[16] | block
 *   tag      [16]
 *
 *   block    the plain block (encoding 0), or one zstd frame of it (1, 2)
 *   plain    count x u16 length | the payloads side by side          `plain length` bytes
 *   tag      encodings 0 and 1: first 16 bytes of SHA-256(AD || header || inside): a damaged disk
 *            shows even where zstd would not mind; encoding 2: nonce[24] stands before inside,
 *            which is sealed, and the tag is the AEAD's
 *   AD       "trail-chunk/v1" || genesis leaf[32] || class u32 || month u32 || first index u64
 */
#ifndef DAEMON_CHUNK_H
#define DAEMON_CHUNK_H

#include "../proto/bytes.h"
#include "../proto/err.h"
#include "../proto/hash.h"
#include "../proto/record.h"

enum {
	CHUNK_PLAIN_MAX = 32 * 1024, /* default bound of the payloads in a chunk; one event may
					be as long by itself */
	CHUNK_HEAD_LEN = 8,
	CHUNK_TAG_LEN = 16,
	CHUNK_COUNT_MAX = 4096,
	CHUNK_STORED = 0,
	CHUNK_ZSTD = 1,
	CHUNK_SEALED = 2,
};

/* What a chunk is bound to; part of its tag. */
struct chunk_place {
	struct hash genesis;
	uint32_t class_no;
	uint32_t month;
	uint64_t first; /* index of its first record */
};

/* Packs and unpacks; holds the zstd contexts and scratch. One thread at a time. */
struct chunker;

/* NULL: memory is out. */
struct chunker *chunker_new(void);
void chunker_free(struct chunker *c);

/* Start a chunk: forget what was added. */
void chunk_begin(struct chunker *c);
/*
 * Add the payload of record `index` (above all added before, less than 2^32 above the first).
 * False: it does not fit any more (CHUNK_PLAIN_MAX, CHUNK_COUNT_MAX) and nothing was added; the
 * first payload always fits when <= EVENT_LEN_MAX.
 */
bool chunk_add(
	struct chunker *c, uint64_t index, const uint8_t salt[SALT_LEN], struct span payload);
/* Records added since chunk_begin. */
size_t chunk_count(const struct chunker *c);
/*
 * Finish: *out views the whole chunk in the chunker's scratch, until the next chunk_begin.
 * place->first must be the first index added. TRAIL_IO: zstd failed.
 */
enum trail_err chunk_finish(struct chunker *c, const struct chunk_place *place, struct span *out);

/* One record's payload inside an opened chunk; views into the chunker's scratch. */
struct chunk_item {
	uint64_t index;
	const uint8_t *salt;
	struct span payload;
};

/*
 * Judge a chunk's bytes and open it: every length is bounded before it is believed.
 *
 * TRAIL_OK       chunk_item answers for 0 .. *count - 1, ascending by index, until the next open.
 * TRAIL_CORRUPT  malformed, a tag that does not fit, a zstd frame that does not decode exactly.
 * TRAIL_UNSUPPORTED  another version, or an encoding that needs keys.
 */
enum trail_err chunk_open(
	struct chunker *c, const struct chunk_place *place, struct span chunk, size_t *count);
/*
 * The same without a look at the tag, which takes as long as all else: for who compares each
 * payload with what its record commits to, and asks chunk_intact where one is missing.
 */
enum trail_err chunk_unpack(struct chunker *c, uint64_t first, struct span chunk, size_t *count);
/* Whether the tag fits: the chunk is as it was written. */
bool chunk_intact(const struct chunk_place *place, struct span chunk);
struct chunk_item chunk_item(const struct chunker *c, size_t i);
/*
 * Only the index and salt of one record, without decompressing or checking the tag.
 * TRAIL_END: the chunk does not hold it. TRAIL_CORRUPT: malformed. `salt` views `chunk`.
 */
enum trail_err chunk_salt(struct span chunk, uint64_t first, uint64_t index, const uint8_t **salt);

#endif
