/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of nine records in memory, the same in every run, with two SEALs and a witness: what
 * evidence is made of, without a daemon. Any failure aborts.
 *
 *	0 genesis  1 DAEMON start  2 SEAL of epoch 0  3 PEER  4 SOURCE  5 EVENT  6 EVENT
 *	7 SEAL of epoch 1  8 EVENT
 */
#ifndef TESTS_SUPPORT_SEALED_LOG_H
#define TESTS_SUPPORT_SEALED_LOG_H

#include "../../proto/evidence.h"

enum {
	SEALED_LOG_HEIGHT = 4,
	SEALED_LOG_KEYS = 1 << SEALED_LOG_HEIGHT,
	SEALED_LOG_SIZE = 9,
	SEALED_LOG_EVENT = 5,
	SEALED_LOG_FIRST = 2,  /* SEAL */
	SEALED_LOG_SECOND = 7, /* SEAL */
};

/* What is done differently from an honest log; zeroed: nothing. */
struct sealed_log_plan {
	uint32_t second_epoch;   /* of the second SEAL, where it is not 0 */
	uint32_t second_key;     /* by the key of this epoch; as above */
	uint64_t first_early_ns; /* the first SEAL's text says so much less than its record */
	bool second_other_root;  /* the second SEAL seals another tree */
	bool first_foreign_note; /* the first SEAL carries a note that the log did not sign */
	bool source_is_peer;     /* the event's source names the PEER entry */
	bool bad_event;          /* its payload is none */
	bool unknown_flag;       /* its record has flag bit 15 */
};

struct sealed_log {
	struct sealed_log_plan plan;
	struct skey key;
	struct cosign_key witness;
	struct log_identity identity;
	uint8_t seal_pub[SEALED_LOG_KEYS][SIGN_PUBLIC_LEN];
	uint8_t seal_secret[SEALED_LOG_KEYS][SIGN_SECRET_LEN];
	struct hash seal_leaf[SEALED_LOG_KEYS];
	struct hash seal_root;
	size_t size;
	uint8_t record[SEALED_LOG_SIZE][RECORD_LEN];
	uint8_t salt[SEALED_LOG_SIZE][SALT_LEN];
	struct buf payload[SEALED_LOG_SIZE];
	struct hash leaf[SEALED_LOG_SIZE];
	struct buf bare[2]; /* the SEALs as evidence has them */
	struct buf note;    /* scratch: the newest that was asked for */
};

/* plan NULL: an honest one. crypto_init was called. */
void sealed_log_make(struct sealed_log *log, const struct sealed_log_plan *plan);
void sealed_log_release(struct sealed_log *log);
/* The signed checkpoint of the first `size` records, cosigned or not; the log's until the next. */
struct span sealed_log_note(struct sealed_log *log, uint64_t size, bool cosigned);
/* Item `index` proven in the tree of `size`. */
void sealed_log_item(struct sealed_log *log, uint64_t index, uint64_t size,
	struct evidence_item *item, struct tree_proof *path);
/* The size at which record `index` is sealed first. */
uint64_t sealed_log_sealed(uint64_t index);
/* What an honest log gives for record `index`, at that size. */
void sealed_log_evidence(struct sealed_log *log, uint64_t index, struct evidence *out);
/* Append the .tlog-proof of it at the tree of `size`; as it is, true or not. */
void sealed_log_proof(struct sealed_log *log, const struct evidence *evidence, uint64_t size,
	bool cosigned, struct buf *out);

#endif
