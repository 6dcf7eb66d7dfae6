/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/batch.h"

#include "../support/random.h"
#include "../support/store_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	PROBES = 8,
	PAYLOAD_MAX = 300
};

static int setup(void **state)
{
	struct store_case *c = calloc(1, sizeof *c);
	if (!c)
		return -1;
	store_case_make(c);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	store_case_remove(*state);
	free(*state);
	return 0;
}

static const char TEXT[PAYLOAD_MAX + 1] =
	"somebody read something, and this is what the source says "
	"of it; somebody read something, and this is what the source says of it";

static void stage(struct store_case *c, size_t records)
{
	for (size_t i = 0; i < records; i++) {
		if (c->count % 97 == 0)
			(void)store_case_entry(c, span_of(TEXT, c->count % 50));
		else
			(void)store_case_event(
				c, 1, 2, c->count, span_of(TEXT, c->count % PAYLOAD_MAX));
	}
}

/* The batch's own root and proof, before it is put, against the naive account. */
static void expect_staged(struct store_case *c, size_t before)
{
	struct checkpoint cp;
	struct tree_proof proof;
	struct hash whole = naive_root(c, 0, c->count);
	assert_int_equal(batch_next(c->batch), c->count);
	assert_int_equal(batch_committed(c->batch), before);
	batch_root(c->batch, &cp);
	assert_int_equal(cp.size, c->count);
	assert_memory_equal(&cp.root, &whole, sizeof whole);
	if (before == 0)
		return;
	struct hash old = naive_root(c, 0, before);
	assert_int_equal(batch_consistency(c->batch, &proof), TRAIL_OK);
	assert_true(tree_consistency_check(before, &old, c->count, &whole, &proof));
}

static void expect_node(struct store_case *c, struct db_txn *txn, unsigned level, uint64_t n)
{
	struct hash node;
	size_t from = (size_t)n << level;
	struct hash wanted = naive_root(c, from, from + ((size_t)1 << level));
	assert_int_equal(store_node(txn, level, n, &node), TRAIL_OK);
	assert_memory_equal(&node, &wanted, sizeof node);
}

static void expect_proofs(struct store_case *c, struct db_txn *txn, uint64_t *seed)
{
	struct tree_proof proof;
	size_t size = 1 + random_below(seed, c->count);
	size_t index = random_below(seed, size);
	struct hash root = naive_root(c, 0, size);
	assert_int_equal(tree_inclusion(index, size, store_node, txn, &proof), TRAIL_OK);
	assert_true(tree_inclusion_check(&c->leaves[index], index, size, &proof, &root));
	struct hash old = naive_root(c, 0, index + 1);
	assert_int_equal(tree_consistency(index + 1, size, store_node, txn, &proof), TRAIL_OK);
	assert_true(tree_consistency_check(index + 1, &old, size, &root, &proof));
}

/* What is stored: size, leaves, nodes, proofs; and nothing behind the end. */
static void expect_stored(struct store_case *c, uint64_t *seed)
{
	struct hash node;
	struct db_txn *txn = db_begin(store_db(c->store), false);
	assert_int_equal(store_size(txn), c->count);
	for (int i = 0; i < PROBES; i++) {
		uint64_t more;
		size_t index = random_below(seed, c->count);
		const uint8_t *record = store_record(txn, index, &more);
		assert_non_null(record);
		assert_in_range(more, 1, c->count - index);
		record_leaf(record, &node);
		assert_memory_equal(&node, &c->leaves[index], sizeof node);
		unsigned level = (unsigned)random_below(seed, 17);
		if (c->count >> level != 0)
			expect_node(c, txn, level, random_below(seed, c->count >> level));
		assert_int_equal(store_node(txn, level, c->count >> level, &node), TRAIL_CORRUPT);
		expect_proofs(c, txn, seed);
	}
	assert_null(store_record(txn, c->count, NULL));
	assert_null(store_record(txn, UINT64_MAX, NULL));
	assert_int_equal(db_error(txn), TRAIL_OK);
	db_abort(txn);
}

static void grow(struct store_case *c, size_t records)
{
	size_t before = c->count;
	stage(c, records);
	expect_staged(c, before);
	store_case_commit(c);
	assert_int_equal(batch_committed(c->batch), c->count);
	assert_true(batch_is_empty(c->batch));
}

static size_t some_size(uint64_t *seed)
{
	switch (random_below(seed, 6)) {
	case 0:
		return 1;
	case 1:
		return 1 + random_below(seed, 16);
	case 2:
		return 4096 + random_below(seed, 2000);
	default:
		return 1 + random_below(seed, 700);
	}
}

static void test_the_tree_is_that_of_rfc_6962_through_commits_and_reopenings(void **state)
{
	struct store_case *c = *state;
	uint64_t seed = 21;
	while (c->count < 80000) {
		grow(c, some_size(&seed));
		if (random_below(&seed, 5) != 0)
			continue;
		expect_stored(c, &seed);
		store_case_reopen(c);
		assert_int_equal(batch_next(c->batch), c->count);
		assert_memory_equal(batch_last_leaf(c->batch), &c->leaves[c->count - 1], HASH_LEN);
		assert_true(batch_last_ns(c->batch) == c->now_ns - 1);
	}
	expect_stored(c, &seed);
}

static void test_sizes_across_powers_of_sixteen_hold(void **state)
{
	struct store_case *c = *state;
	uint64_t seed = 22;
	static const size_t sizes[] = { 1, 15, 16, 17, 31, 255, 256, 257, 4095, 4096, 4097, 16384,
		32767, 32769, 49150, 65535, 65536, 65537, 65552, 65792 };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		while (c->count < sizes[i]) {
			size_t more = sizes[i] - c->count;
			grow(c, more < 16000 ? more : 16000);
		}
		expect_stored(c, &seed);
		store_case_reopen(c);
	}
}

static void test_one_record_per_commit_makes_the_same_tree(void **state)
{
	struct store_case *c = *state;
	uint64_t seed = 23;
	for (int i = 0; i < 600; i++) {
		grow(c, 1);
		if (i % 150 == 0)
			store_case_reopen(c);
	}
	expect_stored(c, &seed);
}

static void test_the_fullest_batch_fits(void **state)
{
	struct store_case *c = *state;
	uint64_t seed = 24;
	while (batch_has_room(c->batch, 1000, 150 * 1000))
		stage(c, 1000);
	size_t before = c->count;
	assert_true(before >= 15000 && before <= BATCH_RECORDS_MAX);
	expect_staged(c, 0);
	store_case_commit(c);
	expect_stored(c, &seed);
	/* The same again: now the nodes above the batch's own levels are finished, too. */
	while (batch_has_room(c->batch, 1000, 150 * 1000))
		stage(c, 1000);
	expect_staged(c, before);
	store_case_commit(c);
	expect_stored(c, &seed);
}

static void test_room_is_refused_by_records_by_bytes_and_by_entries(void **state)
{
	struct store_case *c = *state;
	assert_true(batch_has_room(c->batch, 1000, 1 << 20));
	assert_false(batch_has_room(c->batch, 1, BATCH_BYTES_MAX + 1));
	assert_false(batch_has_room(c->batch, BATCH_RECORDS_MAX, 0));
	size_t entries = 0;
	for (; batch_has_room(c->batch, 0, 0); entries++)
		(void)store_case_entry(c, span_of(TEXT, 3));
	assert_in_range(entries, BATCH_CONTROL_MAX / 2, BATCH_CONTROL_MAX - CLAIMS_MAX - 1);
	/* The one that came last was one of those that a request may bring. */
	for (int i = 0; i < CLAIMS_MAX + 1; i++)
		(void)store_case_entry(c, span_of(TEXT, 3));
	store_case_commit(c);
	assert_true(batch_has_room(c->batch, 1000, 1 << 20));
}

/* ---- payloads ---- */

static void expect_payload(
	struct store_case *c, struct chunker *chunker, uint64_t index, struct span wanted)
{
	struct buf out = { 0 };
	struct span salt, payload;
	struct db_txn *txn = db_begin(store_db(c->store), false);
	buf_put_text(&out, "before");
	assert_int_equal(
		store_case_payload(c->store, txn, chunker, index, &out, &salt, &payload), TRAIL_OK);
	assert_int_equal(salt.len, SALT_LEN);
	assert_true(span_equal(payload, wanted));
	assert_memory_equal(out.data, "before", 6);
	db_abort(txn);
	buf_release(&out);
}

static void test_payloads_of_every_kind_come_back(void **state)
{
	struct store_case *c = *state;
	struct chunker *chunker = chunker_new();
	static uint8_t big[32 * 1024];
	static const uint32_t classes[] = { 0, 7, UINT32_MAX };
	uint8_t salt[SALT_LEN] = { 9 };
	uint64_t index[300];
	memset(big, 'b', sizeof big);
	(void)store_case_entry(c, span_text("genesis"));
	uint64_t peer = batch_add_control(c->batch, KIND_PEER, 0, c->now_ns, span_text("uid"));
	for (size_t i = 0; i < 300; i++) {
		struct record r = {
			.kind = KIND_EVENT,
			.class_no = classes[i % 3],
			/* Months change in the middle of a commit, and back. */
			.received_ns = c->now_ns + (i / 50 % 2) * UINT64_C(2678400000000000),
		};
		struct span payload = span_of(big, i % 40 == 0 ? sizeof big : i);
		record_commitment(salt, payload, &r.commitment);
		index[i] = batch_add_event(c->batch, &r, salt, payload);
		assert_int_equal(index[i], i + 2);
	}
	store_case_commit(c);
	store_case_reopen(c);
	expect_payload(c, chunker, 0, span_text("genesis"));
	expect_payload(c, chunker, peer, span_text("uid"));
	for (size_t i = 0; i < 300; i++)
		expect_payload(c, chunker, index[i], span_of(big, i % 40 == 0 ? sizeof big : i));
	chunker_free(chunker);
}

static void edit(struct store_case *c, enum table table, struct span key, struct span value)
{
	struct db_txn *txn = db_begin(store_db(c->store), true);
	if (value.data)
		db_put(txn, table, key, value);
	else
		db_delete(txn, table, key);
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static enum trail_err fetch(struct store_case *c, uint64_t index)
{
	struct chunker *chunker = chunker_new();
	struct buf out = { 0 };
	struct span salt, payload;
	struct db_txn *txn = db_begin(store_db(c->store), false);
	enum trail_err err =
		store_case_payload(c->store, txn, chunker, index, &out, &salt, &payload);
	db_abort(txn);
	buf_release(&out);
	chunker_free(chunker);
	return err;
}

static void test_a_changed_control_payload_is_no_answer(void **state)
{
	struct store_case *c = *state;
	uint8_t key[KEY_INDEX_LEN];
	uint8_t row[1 + SALT_LEN + 7];
	struct span value;
	(void)store_case_entry(c, span_text("genesis"));
	store_case_commit(c);
	key_index(0, key);
	struct db_txn *txn = db_begin(store_db(c->store), false);
	assert_true(db_get(txn, TABLE_CONTROL, span_of(key, sizeof key), &value));
	assert_int_equal(value.len, sizeof row);
	memcpy(row, value.data, sizeof row);
	db_abort(txn);
	assert_int_equal(fetch(c, 0), TRAIL_OK);
	for (size_t i = 0; i < sizeof row; i++) {
		row[i] ^= 0x20;
		edit(c, TABLE_CONTROL, span_of(key, sizeof key), span_of(row, sizeof row));
		assert_int_equal(fetch(c, 0), TRAIL_CORRUPT);
		row[i] ^= 0x20;
	}
	edit(c, TABLE_CONTROL, span_of(key, sizeof key), span_of(NULL, 0));
	assert_int_equal(fetch(c, 0), TRAIL_CORRUPT);
}

static void test_a_payload_that_is_gone_is_told_apart_from_a_damaged_one(void **state)
{
	struct store_case *c = *state;
	uint8_t key[KEY_PAYLOAD_LEN];
	(void)store_case_entry(c, span_text("genesis"));
	(void)store_case_event(c, 1, 2, 1, span_text("event"));
	store_case_commit(c);
	assert_int_equal(fetch(c, 1), TRAIL_OK);
	assert_int_equal(fetch(c, 2), TRAIL_CORRUPT);
	key_payload(0, 1, key);
	edit(c, TABLE_PAYLOAD, span_of(key, sizeof key),
		span_text("no chunk at all, but it is a row"));
	assert_int_equal(fetch(c, 1), TRAIL_UNSUPPORTED);
	edit(c, TABLE_PAYLOAD, span_of(key, sizeof key), span_text("\1"));
	assert_int_equal(fetch(c, 1), TRAIL_CORRUPT);
	edit(c, TABLE_PAYLOAD, span_of(key, sizeof key), span_of(NULL, 0));
	assert_int_equal(fetch(c, 1), TRAIL_END);
}

/* ---- stores that contradict themselves ---- */

static enum trail_err open_again(struct store_case *c)
{
	char why[512] = "";
	struct store *store = NULL;
	batch_free(c->batch);
	store_close(c->store);
	c->batch = NULL;
	c->store = NULL;
	enum trail_err err = store_open(c->folder, STORE_CASE_MAP, false, &store, why);
	if (err != TRAIL_OK) {
		assert_true(why[0] != '\0');
		return err;
	}
	c->store = store;
	c->batch = batch_new(store);
	assert_non_null(c->batch);
	return batch_recover(c->batch);
}

static void test_a_spine_without_its_end_or_beginning_is_not_opened(void **state)
{
	struct store_case *c = *state;
	uint8_t key[KEY_INDEX_LEN];
	uint8_t row[2 * RECORD_LEN] = { 1 };
	stage(c, 3);
	store_case_commit(c);
	stage(c, 2);
	store_case_commit(c);
	/* A last row that is none would look like an empty log, which is begun anew. */
	key_index(3, key);
	edit(c, TABLE_SPINE, span_of(key, sizeof key), span_of(row, sizeof row - 1));
	assert_int_equal(open_again(c), TRAIL_CORRUPT);
	assert_null(c->store);
}

static void test_a_missing_middle_or_tile_is_found_at_start(void **state)
{
	struct store_case *c = *state;
	uint8_t key[KEY_TILE_LEN];
	for (int i = 0; i < 3; i++) {
		stage(c, 40);
		store_case_commit(c);
	}
	key_tile(1, 5, key); /* leaves 80 to 95: level 4 of 120 = 64 + 32 + 16 + 8 */
	edit(c, TABLE_TILE, span_of(key, sizeof key), span_of(NULL, 0));
	assert_int_equal(open_again(c), TRAIL_CORRUPT);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_the_tree_is_that_of_rfc_6962_through_commits_and_reopenings),
		EACH(test_sizes_across_powers_of_sixteen_hold),
		EACH(test_one_record_per_commit_makes_the_same_tree),
		EACH(test_the_fullest_batch_fits),
		EACH(test_room_is_refused_by_records_by_bytes_and_by_entries),
		EACH(test_payloads_of_every_kind_come_back),
		EACH(test_a_changed_control_payload_is_no_answer),
		EACH(test_a_payload_that_is_gone_is_told_apart_from_a_damaged_one),
		EACH(test_a_spine_without_its_end_or_beginning_is_not_opened),
		EACH(test_a_missing_middle_or_tile_is_found_at_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
