/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the readers' modules stand on: a built store, and one op that is answered from it
 * as a reader thread would, at the newest signed head. Any failure aborts.
 */
#ifndef TESTS_SUPPORT_LOOKUP_CASE_H
#define TESTS_SUPPORT_LOOKUP_CASE_H

#include "../../daemon/lookup.h"
#include "store_builder.h"

struct lookup_case {
	char folder[64];
	struct builder *b;
	struct chunker *chunker;
	struct op op;
	struct lookup look;
};

/* A log with a genesis and a start, committed; the op is one of Unix user 1001. */
void lookup_case_make(struct lookup_case *c);
void lookup_case_remove(struct lookup_case *c);
/* c->look is ready: head, transaction, chunker. */
void lookup_case_begin(struct lookup_case *c);
void lookup_case_end(struct lookup_case *c);

/* Rows changed by hand, committed at once. The genesis that chunks are bound to is the store's. */
void lookup_case_put(struct lookup_case *c, enum table table, struct span key, struct span value);
void lookup_case_delete(struct lookup_case *c, enum table table, struct span key);
/* A copy of a row's value, to be released; empty: there is none. */
struct buf lookup_case_row(struct lookup_case *c, enum table table, struct span key);

/* A row as it was, so that one store serves many a damage. */
struct row_before {
	enum table table;
	uint8_t key[KEY_SOURCE_LEN];
	size_t key_len;
	struct buf value;
};

/*
 * As who may write the store and knows its formats would: pack the payload of record `index` anew
 * as `instead` (empty: leave it out), under a tag that fits; put another record in the place of
 * `index`.
 */
struct row_before lookup_case_payload(struct lookup_case *c, uint64_t index, struct span instead);
struct row_before lookup_case_replace(
	struct lookup_case *c, uint64_t index, const struct record *r);
/* Put the row back. */
void lookup_case_undo(struct lookup_case *c, struct row_before *before);

/* The record `index` as it is committed. */
struct record lookup_case_record(struct lookup_case *c, uint64_t index);

#endif
