/* SPDX-License-Identifier: Apache-2.0 */
#include "check_walk.h"

#include <unistd.h>

enum {
	DISORDER_MAX = 1000, /* then the pages go in circles */
	PAGE = 4096,
};

static uint8_t table_key_len(enum table table)
{
	switch (table) {
	case TABLE_SPINE:
	case TABLE_CONTROL:
	case TABLE_HEAD:
	case TABLE_STAMP:
		return KEY_INDEX_LEN;
	case TABLE_PAYLOAD:
		return KEY_PAYLOAD_LEN;
	case TABLE_TILE:
		return KEY_TILE_LEN;
	case TABLE_SOURCE: /* floors have the short one */
	case TABLE_COUNT:
		break;
	}
	return 0;
}

void walk_begin(struct walk *walk, struct scan *scan, struct db_txn *txn, enum table table,
	struct span from)
{
	*walk = (struct walk){
		.scan = scan,
		.txn = txn,
		.table = table,
		.key_len = table_key_len(table),
		.last_len = (uint8_t)from.len,
	};
	if (from.len != 0)
		memcpy(walk->last, from.data, from.len);
	for (size_t i = from.len; i > 0 && walk->last[i - 1]-- == 0; i--)
		;
}

bool key_advance(uint8_t *key, size_t len, uint64_t by)
{
	for (size_t i = len; i > 0 && by != 0; i--) {
		uint64_t sum = key[i - 1] + (by & 0xFF);
		key[i - 1] = (uint8_t)sum;
		by = (by >> 8) + (sum >> 8);
	}
	return by == 0;
}

static const struct hole *find_hole(const struct walk *walk)
{
	const struct scan *scan = walk->scan;
	for (size_t i = 0; i < scan->hole_count; i++) {
		const struct hole *h = &scan->holes[i];
		if (h->table == walk->table && walk->last_len == h->from_len &&
			memcmp(h->from, walk->last, h->from_len) == 0)
			return h;
	}
	return NULL;
}

/* Tell the black box what comes next, then step. */
static bool step(struct walk *walk)
{
	struct black_box *box = walk->scan->box;
	const struct hole *hole = find_hole(walk);
	uint8_t start[WALK_KEY_MAX];
	box->table = walk->table;
	box->from_len = walk->last_len;
	memcpy(box->from, walk->last, walk->last_len);
	atomic_store_explicit(&box->stage, STAGE_WALK, memory_order_release);
	atomic_fetch_add_explicit(&box->steps, 1, memory_order_relaxed);
	if (hole && hole->ends)
		return false;
	if (hole)
		return db_ceiling(walk->txn, walk->table, span_of(hole->resume, hole->resume_len),
			&walk->key, &walk->value);
	if (!walk->begun) {
		memcpy(start, walk->last, walk->last_len);
		return key_advance(start, walk->last_len, walk->last_len != 0) &&
			db_ceiling(walk->txn, walk->table, span_of(start, walk->last_len),
				&walk->key, &walk->value);
	}
	return db_next(walk->txn, walk->table, &walk->key, &walk->value);
}

/* One byte of every page that the row lies on: what cannot be read ends the process here. */
static void touch(struct span s)
{
	const volatile uint8_t *p = s.data;
	for (size_t at = 0; at < s.len; at += PAGE)
		(void)p[at];
	if (s.len != 0)
		(void)p[s.len - 1];
}

static bool key_fits(const struct walk *walk, struct span key)
{
	if (walk->key_len != 0)
		return key.len == walk->key_len;
	return key.len == KEY_INDEX_LEN || key.len == KEY_SOURCE_LEN;
}

static bool ascends(const struct walk *walk)
{
	size_t least = walk->last_len < walk->key.len ? walk->last_len : walk->key.len;
	int order = memcmp(walk->last, walk->key.data, least);
	return walk->last_len == 0 || order < 0 || (order == 0 && walk->last_len < walk->key.len);
}

/* False: the row is to be passed over. */
static bool judge_key(struct walk *walk)
{
	const char *table = TABLE_NAMES[walk->table];
	if (!key_fits(walk, walk->key)) {
		walk->disorder++;
		scan_find(walk->scan, FIND_STORE_ORDER, FINDING_NOWHERE,
			"a key of table %s has %zu bytes; restore the store", table, walk->key.len);
		return false;
	}
	if (!ascends(walk)) {
		walk->disorder++;
		scan_find(walk->scan, FIND_STORE_ORDER, FINDING_NOWHERE,
			"the keys of table %s do not ascend at row %llu; restore the store", table,
			(unsigned long long)walk->rows);
	}
	return true;
}

static void remember(struct walk *walk)
{
	struct black_box *box = walk->scan->box;
	box->row_len = (uint32_t)walk->key.len;
	memcpy(box->row, walk->key.data, walk->key.len);
	atomic_store_explicit(&box->stage, STAGE_ROW, memory_order_release);
	touch(walk->value);
	memcpy(walk->last, walk->key.data, walk->key.len);
	walk->last_len = (uint8_t)walk->key.len;
}

bool walk_next(struct walk *walk)
{
	while (!walk->ended && walk->disorder < DISORDER_MAX) {
		if (!step(walk)) {
			if (db_error(walk->txn) != TRAIL_OK)
				scan_unreadable();
			break;
		}
		walk->begun = true;
		walk->rows++;
		if (judge_key(walk)) {
			remember(walk);
			return true;
		}
	}
	walk->ended = true;
	return false;
}

void walk_count(const struct walk *walk)
{
	uint64_t said = db_count(walk->txn, walk->table);
	if (said != walk->rows)
		scan_find(walk->scan, FIND_STORE_COUNT, FINDING_NOWHERE,
			"table %s has %llu rows where its root says %llu; restore the store",
			TABLE_NAMES[walk->table], (unsigned long long)walk->rows,
			(unsigned long long)said);
}
