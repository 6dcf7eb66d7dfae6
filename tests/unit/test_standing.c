/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/standing.h"

#include "../support/lookup_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint64_t S = 1000000000;
static const uint64_t NOON = UINT64_C(1760000000) * 1000000000;

static int setup(void **state)
{
	static struct lookup_case c;
	lookup_case_make(&c);
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	lookup_case_remove(*state);
	return 0;
}

/* The standing behind `after`; *damaged says whether there is one that cannot be told. */
static bool next(struct lookup_case *c, uint64_t after, uint64_t now_ns,
	struct source_standing *out, bool *damaged)
{
	*damaged = false;
	lookup_case_begin(c);
	bool found = standing_next(c->look.txn, after, now_ns, out, damaged);
	lookup_case_end(c);
	return found;
}

static struct source_standing standing_of(struct lookup_case *c, uint64_t source, uint64_t now_ns)
{
	struct source_standing s;
	bool damaged;
	assert_true(next(c, source - 1, now_ns, &s, &damaged));
	assert_int_equal(s.source, source);
	assert_false(damaged);
	return s;
}

static void assert_counts(const struct source_standing *s, uint32_t open, uint32_t imports,
	uint32_t open_ends, uint64_t lost, uint64_t missing)
{
	assert_int_equal(s->open, open);
	assert_int_equal(s->imports, imports);
	assert_int_equal(s->open_ends, open_ends);
	assert_int_equal(s->lost, lost);
	assert_int_equal(s->missing, missing);
	assert_int_equal(standing_current(s), missing == 0 && open_ends == 0);
}

static void test_epochs_of_each_kind_are_summed_up(void **state)
{
	struct lookup_case *c = *state;
	uint64_t peer = builder_peer(c->b, "1001");
	uint64_t a = builder_source(c->b, "a", peer);
	uint64_t b = builder_source(c->b, "b", peer);
	(void)builder_event(c->b, a, peer, 7, 0);
	(void)builder_event(c->b, a, peer, 8, 3);
	(void)builder_event(c->b, a, peer, EPOCH_IMPORT_BIT | 9, 0);
	(void)builder_event(c->b, a, peer, EPOCH_IMPORT_BIT | 10, 2);
	uint64_t newest = builder_event(c->b, a, peer, 0, 0);
	uint64_t heard = builder_epoch(c->b, a, 0)->row.last_ns;
	builder_close_epoch(c->b, a, EPOCH_IMPORT_BIT | 10);
	uint64_t other = builder_event(c->b, b, peer, 7, 0);
	builder_commit(c->b);
	struct source_standing s = standing_of(c, a, heard + 3600 * S);
	assert_counts(&s, 2, 2, 0, 5, 0);
	assert_int_equal(s.newest, newest);
	assert_int_equal(s.heard_ns, heard);
	s = standing_of(c, b, heard);
	assert_counts(&s, 1, 0, 0, 0, 0);
	assert_int_equal(s.newest, other);
	bool damaged;
	assert_false(next(c, b, heard, &s, &damaged));
	assert_false(damaged);
	assert_false(next(c, UINT64_MAX, heard, &s, &damaged));
}

static void test_silence_of_a_day_is_an_open_end(void **state)
{
	struct lookup_case *c = *state;
	uint64_t a = builder_source(c->b, "a", 0);
	(void)builder_event(c->b, a, 0, 7, 0);
	struct epoch *epoch = builder_epoch(c->b, a, 7);
	epochs_heard(builder_epochs(c->b), epoch, epoch->row.last_ns, 5);
	struct epoch *silent;
	assert_int_equal(epochs_take_silent(builder_epochs(c->b), NOON + 90000 * S, &silent, 1), 1);
	assert_ptr_equal(silent, epoch);
	builder_commit(c->b);
	struct source_standing s = standing_of(c, a, NOON + 90000 * S);
	assert_counts(&s, 0, 0, 1, 0, 0);
}

static void test_what_was_given_out_is_missing_after_a_minute(void **state)
{
	struct lookup_case *c = *state;
	uint64_t a = builder_source(c->b, "a", 0);
	uint64_t index = builder_event(c->b, a, 0, 7, 0);
	struct epoch *epoch = builder_epoch(c->b, a, 7);
	uint64_t received = epoch->row.last_ns;
	/* That it is heard again makes the record no younger. */
	epochs_heard(builder_epochs(c->b), epoch, received + 50 * S, 5);
	/* Of this one nothing came but a keep-alive. */
	epochs_heard(builder_epochs(c->b), builder_epoch(c->b, a, 8), received + 30 * S, 2);
	builder_commit(c->b);
	static const struct {
		uint64_t after_s, missing;
	} CASES[] = { { 0, 0 }, { 60, 0 }, { 61, 4 }, { 90, 4 }, { 91, 6 }, { 9999, 6 } };
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct source_standing s = standing_of(c, a, received + CASES[i].after_s * S);
		assert_counts(&s, 2, 0, 0, 0, CASES[i].missing);
		assert_int_equal(s.newest, index);
	}
	/* A clock that went back makes nothing late. */
	struct source_standing s = standing_of(c, a, 0);
	assert_counts(&s, 2, 0, 0, 0, 0);
}

static void test_a_floor_alone_is_a_source_of_which_nothing_is_known(void **state)
{
	struct lookup_case *c = *state;
	uint64_t a = builder_source(c->b, "a", 0);
	(void)builder_event(c->b, a, 0, 7, 4);
	builder_close_epoch(c->b, a, 7);
	builder_commit(c->b);
	struct source_standing s = standing_of(c, a, NOON);
	assert_counts(&s, 0, 0, 0, 0, 0);
	assert_int_equal(s.heard_ns, 0);
	assert_int_equal(s.newest, 0);
}

static void assert_damaged(struct lookup_case *c)
{
	struct source_standing s;
	bool damaged;
	assert_false(next(c, 0, NOON + 3600 * S, &s, &damaged));
	assert_true(damaged);
}

static void test_a_damaged_row_is_no_standing(void **state)
{
	struct lookup_case *c = *state;
	uint8_t key[KEY_SOURCE_LEN];
	uint64_t a = builder_source(c->b, "a", 0);
	(void)builder_event(c->b, a, 0, 7, 0);
	builder_commit(c->b);
	key_source(a, 7, key);
	struct span at = span_of(key, sizeof key);
	struct buf row = lookup_case_row(c, TABLE_SOURCE, at);
	assert_int_equal(row.len, EPOCH_ROW_LEN);
	for (size_t bit = 0; bit < row.len * 8; bit++) {
		row.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		lookup_case_put(c, TABLE_SOURCE, at, buf_view(&row));
		assert_damaged(c);
		row.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	lookup_case_put(c, TABLE_SOURCE, at, span_of(row.data, row.len - 1));
	assert_damaged(c);
	/* Whole in itself, but of a record that is not there. */
	struct epoch_row told;
	assert_true(epoch_row_decode(a, 7, buf_view(&row), &told));
	told.last_index = 1000;
	told.made = told.last + 1;
	epoch_row_encode(a, 7, &told, row.data);
	lookup_case_put(c, TABLE_SOURCE, at, buf_view(&row));
	assert_damaged(c);
	lookup_case_put(c, TABLE_SOURCE, span_of(key, KEY_INDEX_LEN - 1), buf_view(&row));
	assert_damaged(c);
	buf_release(&row);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_epochs_of_each_kind_are_summed_up),
		CASE(test_silence_of_a_day_is_an_open_end),
		CASE(test_what_was_given_out_is_missing_after_a_minute),
		CASE(test_a_floor_alone_is_a_source_of_which_nothing_is_known),
		CASE(test_a_damaged_row_is_no_standing),
	};
	return cmocka_run_group_tests_name("standing", tests, NULL, NULL);
}
