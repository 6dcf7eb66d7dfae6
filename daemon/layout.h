/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where everything lies: the tables of log/data.mdb, their keys and fixed rows, and the files of a
 * state folder. Pure: knows bytes, not LMDB.
 *
 *   D/VERSION          "trail-store/v1\n"
 *   D/lock             flock'd by the one daemon
 *   D/vkey, D/identity texts, derived from record 0 and the signer's key
 *   D/log/data.mdb     these tables; keys compare as bytes, integers are big-endian
 *
 *     table    key                       value
 *     spine    first index u64           the records of one commit, 112 bytes each
 *     payload  class u32, first index    one chunk (daemon/chunk.h)
 *              u64
 *     tile     level u8, first n u64     32-byte roots of the complete subtrees of 16^level leaves
 *                                        that one commit finished, n, n+1, ... (level >= 1)
 *     source   source u64                floor row: the highest epoch closed or pushed out
 *     source   source u64, epoch u64     state row of that epoch
 *     control  index u64                 u8 kind || salt[16] || payload; a PEER's is kind alone:
 *                                        its payload is kept like an event's
 *     head     size u64                  a signed note; the newest is one commit behind
 *     stamp    size u64                  RFC 3161 TimeStampResp over the text of the note of a
 * sealed size; made where an earlier version left it out
 *
 *   D/signer/          the signer's own (daemon/signer/state.h)
 */
#ifndef DAEMON_LAYOUT_H
#define DAEMON_LAYOUT_H

#include "../proto/record.h"

enum table {
	TABLE_SPINE,
	TABLE_PAYLOAD,
	TABLE_TILE,
	TABLE_SOURCE,
	TABLE_CONTROL,
	TABLE_HEAD,
	TABLE_STAMP, /* may be missing in a store that is only read */
	TABLE_COUNT,
};

/* The names by which LMDB knows them, in the order of enum table. */
extern const char *const TABLE_NAMES[TABLE_COUNT];
/* The content of D/VERSION. */
extern const char STORE_VERSION[];

enum {
	KEY_INDEX_LEN = 8, /* spine, control, head, stamp; and source's floor rows */
	KEY_PAYLOAD_LEN = 12,
	KEY_TILE_LEN = 9,
	KEY_SOURCE_LEN = 16,
	TILE_STEP = 4,       /* binary levels of the tree per level of `tile` */
	TILE_LEVEL_MAX = 15, /* 16^15 < 2^63 */
	EPOCH_ROW_LEN = 72,
	FLOOR_ROW_LEN = 16,
};

/* Bit 63 of an epoch: made by an import (FORMATS.md section 4). */
#define EPOCH_IMPORT_BIT (UINT64_C(1) << 63)

void key_index(uint64_t index, uint8_t out[KEY_INDEX_LEN]);
void key_payload(uint32_t class_no, uint64_t first, uint8_t out[KEY_PAYLOAD_LEN]);
void key_tile(uint8_t level, uint64_t n, uint8_t out[KEY_TILE_LEN]);
void key_source(uint64_t source, uint64_t epoch, uint8_t out[KEY_SOURCE_LEN]);

/*
 * State of one (source, epoch):
 *
 *    0 u64 peer         that opened it; 0 in epoch 0, which has no owner
 *    8 u64 last         seq last stored
 *   16 u64 holes        seqs declared lost
 *   24 u64 first_index  of its first record
 *   32 u64 last_index   of its last record
 *   40 u64 last_ns      when the source was last heard (received_ns, or a keep-alive)
 *   48 u64 made         highest seq that the source said it gave out
 *   56 u32 state        0 open, 1 open end already listed, 2 closed (imports: kept)
 *   60 u32 0
 *   64 [8]              first 8 bytes of SHA-256(key || the row before), against bad disks; an
 *                       attacker can make it, so check re-derives what the spine proves
 */
struct epoch_row {
	uint64_t peer;
	uint64_t last;
	uint64_t holes;
	uint64_t first_index;
	uint64_t last_index;
	uint64_t last_ns;
	uint64_t made;
	uint32_t state;
};

enum epoch_state {
	EPOCH_OPEN = 0,
	EPOCH_OPEN_END = 1,
	EPOCH_CLOSED = 2,
};

void epoch_row_encode(
	uint64_t source, uint64_t epoch, const struct epoch_row *row, uint8_t out[EPOCH_ROW_LEN]);
/* False: the wrong length, a bad checksum, an unknown state or a non-zero reserve. */
bool epoch_row_decode(uint64_t source, uint64_t epoch, struct span value, struct epoch_row *row);

/* Floor row: u64 floor || first 8 bytes of SHA-256(key || floor). */
void floor_row_encode(uint64_t source, uint64_t floor, uint8_t out[FLOOR_ROW_LEN]);
bool floor_row_decode(uint64_t source, struct span value, uint64_t *floor);

/* A control row: `payload` views `value`; for KIND_PEER salt is NULL and payload empty. */
struct control_row {
	uint8_t kind;
	const uint8_t *salt;
	struct span payload;
};

/* False: too short, or a PEER that carries more than its kind. */
bool control_row_decode(struct span value, struct control_row *row);

/* Months since 1970-01 UTC of a received_ns: what a chunk may not straddle. */
uint32_t month_of(uint64_t received_ns);

#endif
