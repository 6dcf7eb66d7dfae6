/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record: 112 bytes, big-endian, the spine of the log. Kept for ever, without payload or names.
 * Layout and meaning: FORMATS.md section 2.
 *
 *    0 u8  version   8 u64 source       32 u64 epoch       80 [32] prev
 *    1 u8  kind     16 u64 peer         40 u64 seq        112 end
 *    2 u16 flags    24 u64 received_ns  48 [32] commitment
 *    4 u32 class
 */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include "hash.h"

enum {
	RECORD_LEN = 112,
	RECORD_VERSION = 1,
	SALT_LEN = 16,
};

enum record_kind {
	KIND_EVENT = 1,
	KIND_SOURCE = 2,
	KIND_PEER = 3,
	KIND_POLICY = 4,
	KIND_SEAL = 6,
	KIND_ERASURE = 7,
	KIND_DAEMON = 8,
};

enum record_flag {
	FLAG_DEFICIENT = 1,   /* lacks what its class requires */
	FLAG_LATE = 2,        /* received > 24 h after its time, or > 5 min before it */
	FLAG_LOSS = 4,        /* loss was declared before it */
	FLAG_UNPROTECTED = 8, /* not protected against doubling or loss on its way here */
	FLAG_KNOWN = 15,
};

struct record {
	uint8_t version;
	uint8_t kind;
	uint16_t flags;
	uint32_t class_no;
	uint64_t source;      /* index of its SOURCE entry; 0: the log itself */
	uint64_t peer;        /* index of its PEER entry; 0: the daemon */
	uint64_t received_ns; /* since 1970 UTC */
	uint64_t epoch;
	uint64_t seq;
	struct hash commitment;
	struct hash prev; /* leaf hash of the record before; zeros at index 0 */
};

void record_encode(const struct record *r, uint8_t out[RECORD_LEN]);
/* Never fails: every 112 bytes are some record; whether they make sense is record_known's. */
void record_decode(const uint8_t in[RECORD_LEN], struct record *r);
/* False: a version, kind or flag bit that this program does not know (*unverifiable*). */
bool record_known(const struct record *r);
/* RFC 6962 leaf of the record's bytes. */
void record_leaf(const uint8_t bytes[RECORD_LEN], struct hash *leaf);
/* H(0x02 || salt || payload). */
void record_commitment(const uint8_t salt[SALT_LEN], struct span payload, struct hash *out);
/* Whether an event that happened at `time_ns` and came at `received_ns` is late (FLAG_LATE). */
bool record_is_late(int64_t time_ns, uint64_t received_ns);

#endif
