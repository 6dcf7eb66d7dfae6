/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/held.h"

#include "../support/random.h"
#include "../support/store_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	EPOCHS = 4,
	SEQS = 3000,
	ROUNDS = 12,
	SOURCE = 1
};

static int setup(void **state)
{
	struct store_case *c = calloc(1, sizeof *c);
	if (!c)
		return -1;
	store_case_make(c);
	(void)store_case_entry(c, span_text("genesis"));
	(void)store_case_entry(c, span_text("stands for the source"));
	store_case_commit(c);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	store_case_remove(*state);
	free(*state);
	return 0;
}

/* What a test knows of one epoch: where each seq lies; 0: nowhere, it was lost. */
struct known {
	struct epoch_row row;
	uint64_t index[SEQS + 1];
};

static void add(struct store_case *c, struct known *k, uint64_t source, uint64_t epoch,
	uint64_t lost, struct span payload)
{
	struct epoch_row *row = &k->row;
	uint64_t seq = row->last + lost + 1;
	uint64_t index = store_case_event(c, source, epoch, seq, payload);
	row->last = seq;
	row->holes += lost;
	row->last_index = index;
	if (row->first_index == 0)
		row->first_index = index;
	if (seq <= SEQS)
		k->index[seq] = index;
}

static enum trail_err find(struct store_case *c, uint64_t epoch, const struct known *k,
	uint64_t seq, uint64_t from, uint64_t *index)
{
	struct db_txn *txn = db_begin(store_db(c->store), false);
	struct held_hunt hunt = {
		.txn = txn,
		.source = SOURCE,
		.epoch = epoch,
		.row = &k->row,
		.budget = HELD_SCAN_MAX,
	};
	enum trail_err err = held_find(&hunt, seq, from, index);
	assert_true(hunt.budget <= HELD_SCAN_MAX);
	db_abort(txn);
	return err;
}

static void expect_found(
	struct store_case *c, uint64_t epoch, const struct known *k, uint64_t seq, uint64_t from)
{
	uint64_t index = 0;
	enum trail_err err = find(c, epoch, k, seq, from, &index);
	assert_int_equal(err, k->index[seq] ? TRAIL_OK : TRAIL_END);
	if (err == TRAIL_OK)
		assert_int_equal(index, k->index[seq]);
}

/* Bursts of a few epochs, others' records and entries between, losses here and there. */
static void write_some(
	struct store_case *c, struct known known[EPOCHS], uint64_t *seed, uint64_t burst_max)
{
	while (c->count % 5000 < 4900) {
		uint64_t e = random_below(seed, EPOCHS);
		uint64_t burst = 1 + random_below(seed, burst_max);
		if (random_below(seed, 7) == 0)
			(void)store_case_entry(c, span_text("between"));
		for (; burst > 0 && known[e].row.last < SEQS - 20; burst--)
			add(c, &known[e], SOURCE, 100 + e,
				random_below(seed, 30) ? 0 : random_below(seed, 20),
				span_text("event"));
		/* The same epoch and seqs, of another source. */
		(void)store_case_event(c, 2, 100 + e, known[e].row.last, span_text("other"));
		if (c->count % 4096 > 4000 || random_below(seed, 20) == 0)
			store_case_commit(c);
	}
	store_case_commit(c);
}

static void test_every_seq_is_found_where_it_lies_and_holes_are_holes(void **state)
{
	struct store_case *c = *state;
	uint64_t seed = 31;
	for (int round = 0; round < ROUNDS; round++) {
		struct known *known = calloc(EPOCHS, sizeof *known);
		assert_non_null(known);
		c->now_ns += 1000;
		write_some(c, known, &seed, round % 2 ? 1 : 300);
		for (uint64_t e = 0; e < EPOCHS; e++) {
			const struct known *k = &known[e];
			uint64_t from = k->row.first_index;
			for (uint64_t seq = 1; seq <= k->row.last; seq++) {
				expect_found(c, 100 + e, k, seq, k->row.first_index);
				expect_found(c, 100 + e, k, seq, from);
				from = k->index[seq] ? k->index[seq] + 1 : from;
			}
		}
		free(known);
		/* The next round's epochs are the same numbers again, behind these. */
		while (c->count % 5000 >= 4900)
			(void)store_case_entry(c, span_text("between"));
		store_case_commit(c);
		if (c->count > STORE_CASE_LEAVES - 6000)
			return;
	}
}

static void test_an_epoch_of_one_record_is_found(void **state)
{
	struct store_case *c = *state;
	struct known *k = calloc(1, sizeof *k);
	uint64_t index = 0;
	assert_non_null(k);
	add(c, k, SOURCE, 9, 0, span_text("event"));
	store_case_commit(c);
	assert_int_equal(find(c, 9, k, 1, k->row.first_index, &index), TRAIL_OK);
	assert_int_equal(index, k->row.first_index);
	assert_int_equal(find(c, 9, k, 1, k->row.first_index + 1, &index), TRAIL_END);
	free(k);
}

static void test_a_search_ends_with_its_budget(void **state)
{
	struct store_case *c = *state;
	struct known *k = calloc(1, sizeof *k);
	uint64_t index = 0;
	assert_non_null(k);
	add(c, k, SOURCE, 9, 0, span_text("event"));
	for (int i = 0; i < 20000; i++) {
		(void)store_case_event(c, 2, 9, (uint64_t)i, span_text("x"));
		if (!batch_has_room(c->batch, 1, 100))
			store_case_commit(c);
	}
	add(c, k, SOURCE, 9, 0, span_text("event"));
	store_case_commit(c);
	struct db_txn *txn = db_begin(store_db(c->store), false);
	struct held_hunt hunt = { .txn = txn, .source = SOURCE, .epoch = 9, .row = &k->row };
	uint64_t behind = k->row.first_index + 1;
	hunt.budget = 20000;
	assert_int_equal(held_find(&hunt, 2, behind, &index), TRAIL_MORE);
	assert_int_equal(hunt.budget, 0);
	assert_int_equal(held_find(&hunt, 2, behind, &index), TRAIL_MORE);
	hunt.budget = 20001;
	assert_int_equal(held_find(&hunt, 2, behind, &index), TRAIL_OK);
	assert_int_equal(index, k->row.last_index);
	assert_int_equal(hunt.budget, 0);
	/* At the end it is found at once. */
	hunt.budget = 1;
	assert_int_equal(held_find(&hunt, 2, k->row.first_index, &index), TRAIL_OK);
	db_abort(txn);
	free(k);
}

static void test_a_spine_with_a_hole_is_corrupt(void **state)
{
	struct store_case *c = *state;
	struct known *k = calloc(1, sizeof *k);
	uint64_t index = 0;
	uint8_t key[KEY_INDEX_LEN];
	assert_non_null(k);
	add(c, k, SOURCE, 9, 0, span_text("event"));
	store_case_commit(c);
	uint64_t gone = store_case_entry(c, span_text("between"));
	store_case_commit(c);
	add(c, k, SOURCE, 9, 5, span_text("event"));
	store_case_commit(c);
	struct db_txn *txn = db_begin(store_db(c->store), true);
	key_index(gone, key);
	db_delete(txn, TABLE_SPINE, span_of(key, sizeof key));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_int_equal(find(c, 9, k, 7, gone, &index), TRAIL_CORRUPT);
	free(k);
}

/* ---- comparing ---- */

static enum trail_err compare(
	struct store_case *c, uint64_t index, const char *payload, uint8_t salt[SALT_LEN])
{
	struct chunker *chunker = chunker_new();
	struct db_txn *txn = db_begin(store_db(c->store), false);
	enum trail_err err = held_compare(c->store, txn, chunker, index, span_text(payload), salt);
	db_abort(txn);
	chunker_free(chunker);
	return err;
}

/* Three events in one chunk, of which the second is compared; answers the first one's index. */
static uint64_t three(struct store_case *c)
{
	uint64_t first = store_case_event(c, SOURCE, 9, 1, span_text("one"));
	(void)store_case_event(c, SOURCE, 9, 2, span_text("two"));
	(void)store_case_event(c, SOURCE, 9, 3, span_text("three"));
	store_case_commit(c);
	return first;
}

static void test_the_same_and_another_payload_are_told_apart(void **state)
{
	struct store_case *c = *state;
	uint8_t salt[SALT_LEN] = { 0 };
	uint64_t first = three(c);
	assert_int_equal(compare(c, first + 1, "two", salt), TRAIL_OK);
	assert_memory_equal(salt, "\1\2\3", 4);
	assert_int_equal(compare(c, first + 1, "one", salt), TRAIL_CONFLICT);
	assert_int_equal(compare(c, first + 1, "", salt), TRAIL_CONFLICT);
	assert_int_equal(compare(c, c->count, "two", salt), TRAIL_CORRUPT);
}

static struct buf copy_row(struct store_case *c, enum table table, struct span key)
{
	struct buf row = { 0 };
	struct span value;
	struct db_txn *txn = db_begin(store_db(c->store), false);
	assert_true(db_get(txn, table, key, &value));
	buf_put_span(&row, value);
	db_abort(txn);
	return row;
}

static void put_row(struct store_case *c, enum table table, struct span key, struct span value)
{
	struct db_txn *txn = db_begin(store_db(c->store), true);
	db_put(txn, table, key, value);
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static void test_a_damaged_chunk_is_never_taken_for_an_erasure(void **state)
{
	struct store_case *c = *state;
	uint8_t bytes[KEY_PAYLOAD_LEN];
	uint8_t salt[SALT_LEN];
	size_t seen = 0, unsure = 0;
	uint64_t first = three(c);
	key_payload(0, first, bytes);
	struct span key = span_of(bytes, sizeof bytes);
	struct buf chunk = copy_row(c, TABLE_PAYLOAD, key);
	for (size_t bit = 0; bit < chunk.len * 8; bit++) {
		chunk.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_row(c, TABLE_PAYLOAD, key, buf_view(&chunk));
		chunk.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Where the salt is whole, the commitment itself says that it is the same. */
		enum trail_err err = compare(c, first + 1, "two", salt);
		assert_true(err == TRAIL_OK || err == TRAIL_CORRUPT || err == TRAIL_UNSUPPORTED);
		seen += err != TRAIL_OK;
		/* That it is another is said where the stored one still opens its commitment. */
		err = compare(c, first + 1, "other", salt);
		assert_true(
			err == TRAIL_CONFLICT || err == TRAIL_CORRUPT || err == TRAIL_UNSUPPORTED);
		unsure += err != TRAIL_CONFLICT;
	}
	assert_true(seen >= SALT_LEN * 8 && unsure >= SALT_LEN * 8);
	buf_release(&chunk);
}

static void test_a_damaged_commitment_is_never_taken_for_a_conflict(void **state)
{
	struct store_case *c = *state;
	uint8_t bytes[KEY_INDEX_LEN];
	uint8_t salt[SALT_LEN];
	uint64_t first = three(c);
	key_index(first, bytes);
	struct span key = span_of(bytes, sizeof bytes);
	struct buf row = copy_row(c, TABLE_SPINE, key);
	for (size_t i = 0; i < HASH_LEN; i++) {
		row.data[RECORD_LEN + 48 + i] ^= 1;
		put_row(c, TABLE_SPINE, key, buf_view(&row));
		row.data[RECORD_LEN + 48 + i] ^= 1;
		assert_int_equal(compare(c, first + 1, "two", salt), TRAIL_CORRUPT);
	}
	buf_release(&row);
}

static void test_an_erased_payload_is_not_compared(void **state)
{
	struct store_case *c = *state;
	uint8_t bytes[KEY_PAYLOAD_LEN];
	uint8_t salt[SALT_LEN];
	uint64_t first = three(c);
	key_payload(0, first, bytes);
	struct db_txn *txn = db_begin(store_db(c->store), true);
	db_delete(txn, TABLE_PAYLOAD, span_of(bytes, sizeof bytes));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_int_equal(compare(c, first + 1, "two", salt), TRAIL_END);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_every_seq_is_found_where_it_lies_and_holes_are_holes),
		EACH(test_an_epoch_of_one_record_is_found),
		EACH(test_a_search_ends_with_its_budget),
		EACH(test_a_spine_with_a_hole_is_corrupt),
		EACH(test_the_same_and_another_payload_are_told_apart),
		EACH(test_a_damaged_chunk_is_never_taken_for_an_erasure),
		EACH(test_a_damaged_commitment_is_never_taken_for_a_conflict),
		EACH(test_an_erased_payload_is_not_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
