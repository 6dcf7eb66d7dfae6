/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log of two dozen records in memory, made from proto/ alone, and what an honest daemon answers
 * about it: pages whose bytes a test may bend.
 *
 *   0 genesis | 1 PEER 1000 | 2 SOURCE alpha | 3 SOURCE beta | 4 .. 19 events, alpha's where the
 *   index is even | 20 the log's own event that tells of the question | 21 .. 23 events
 *
 * Event i: time T + i, actor anna where 3 divides i, else bo; object /o/(i % 2); READ.
 */
#ifndef TESTS_SUPPORT_SMALL_LOG_H
#define TESTS_SUPPORT_SMALL_LOG_H

#include "../../client/rows.h"

enum {
	LOG_PEER = 1,
	LOG_ALPHA = 2,
	LOG_BETA = 3,
	LOG_FIRST = 4, /* event */
	LOG_READ = 20,
	LOG_RECORDS = 24,
	PAGE_NAMED = 4,
	PAGE_ITEMS = LOG_RECORDS + PAGE_NAMED,
	PAGE_PAYLOAD = 128,
	PAGE_PATH = 8,
};

static const int64_t LOG_TIME_NS = 1700000000000000000;

struct small_log {
	struct skey skey;
	uint8_t records[LOG_RECORDS][RECORD_LEN];
	struct hash leaves[LOG_RECORDS];
	uint8_t salts[LOG_RECORDS][SALT_LEN];
	struct buf payloads[LOG_RECORDS];
	bool erased[LOG_RECORDS];
};

/* A page, and the memory that it views. */
struct small_page {
	struct rows page;
	struct evidence_item rows[LOG_RECORDS], named[PAGE_NAMED];
	size_t items;
	uint8_t records[PAGE_ITEMS][RECORD_LEN];
	uint8_t salts[PAGE_ITEMS][SALT_LEN];
	uint8_t payloads[PAGE_ITEMS][PAGE_PAYLOAD];
	struct hash paths[PAGE_ITEMS][PAGE_PATH];
	struct buf note;
};

void small_log_make(struct small_log *log);
void small_log_release(struct small_log *log);
/* Put another payload into record `index`, and chain all behind it anew. */
void small_log_change(struct small_log *log, uint64_t index, uint8_t kind, struct span payload);
/* Chain the records anew after one was changed. */
void small_log_chain(struct small_log *log);
/* The signed note of the first `size` records, appended. */
void small_log_sign(const struct small_log *log, uint64_t size, struct buf *note);
struct log_identity small_log_identity(const struct small_log *log);
void small_log_path(
	const struct small_log *log, uint64_t index, uint64_t size, struct tree_proof *proof);
void small_log_growth(
	const struct small_log *log, uint64_t from, uint64_t to, struct tree_proof *proof);

/*
 * The honest page for the question of `asked`, whose pages before say where they ended, after
 * looking at the indexes up to (newest first: down to) `until`, proven in the tree of `size`.
 */
void small_page_make(struct small_page *p, const struct small_log *log, const struct answer *asked,
	uint64_t size, uint64_t until);
void small_page_release(struct small_page *p);

#endif
