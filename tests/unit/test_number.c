/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	MANY = 5000
};

struct fixture {
	struct numbers *numbers;
	struct findings found;
	uint64_t index;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	*state = f;
	if (f)
		f->numbers = numbers_new();
	return f && f->numbers ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	numbers_free(f->numbers);
	free(f);
	return 0;
}

static void take(struct fixture *f, uint64_t epoch, uint64_t seq, uint16_t flags, uint64_t peer)
{
	struct record r = { .source = 3, .epoch = epoch, .seq = seq, .flags = flags, .peer = peer };
	assert_int_equal(numbers_take(f->numbers, &f->found, ++f->index, &r), TRAIL_OK);
}

static void expect_last(const struct fixture *f, uint32_t listed, enum finding_code code)
{
	assert_int_equal(f->found.listed, listed);
	assert_int_equal(f->found.list[listed - 1].code, code);
	assert_int_equal(f->found.list[listed - 1].index, f->index);
}

static void numbers_follow_each_other(void **state)
{
	struct fixture *f = *state;
	for (uint64_t seq = 1; seq <= 5; seq++) {
		take(f, 7, seq, 0, 2);
		take(f, 8, seq, 0, 4);
	}
	assert_int_equal(f->found.listed, 0);
	struct epoch_seen *seen = numbers_find(f->numbers, 3, 8);
	assert_non_null(seen);
	assert_int_equal(seen->last, 5);
	assert_int_equal(seen->peer, 4);
	assert_int_equal(seen->first_index, 2);
	assert_int_equal(seen->last_index, 10);
	assert_null(numbers_find(f->numbers, 8, 3));
}

static void a_first_number_is_1(void **state)
{
	struct fixture *f = *state;
	take(f, 7, 2, 0, 2);
	expect_last(f, 1, FIND_SPINE_SEQ);
}

static void twice_back_and_a_hole_are_found(void **state)
{
	struct fixture *f = *state;
	take(f, 7, 1, 0, 2);
	take(f, 7, 1, 0, 2);
	expect_last(f, 1, FIND_SPINE_SEQ);
	take(f, 7, 3, 0, 2);
	expect_last(f, 2, FIND_SPINE_SEQ);
	take(f, 7, 2, 0, 2);
	expect_last(f, 3, FIND_SPINE_SEQ);
	take(f, 7, 4, 0, 2);
	assert_int_equal(f->found.listed, 3);
}

static void loss_is_declared_exactly_where_it_is(void **state)
{
	struct fixture *f = *state;
	take(f, 7, 4, FLAG_LOSS, 2);
	take(f, 7, 5, 0, 2);
	take(f, 7, 9, FLAG_LOSS, 2);
	assert_int_equal(f->found.listed, 0);
	assert_int_equal(numbers_find(f->numbers, 3, 7)->holes, 6);
	take(f, 7, 10, FLAG_LOSS, 2);
	expect_last(f, 1, FIND_SPINE_LOSS);
}

static void an_epoch_has_one_peer_but_epoch_0(void **state)
{
	struct fixture *f = *state;
	take(f, 7, 1, 0, 2);
	take(f, 7, 2, 0, 4);
	expect_last(f, 1, FIND_SPINE_PEER);
	take(f, 0, 1, 0, 2);
	take(f, 0, 2, 0, 4);
	assert_int_equal(f->found.listed, 1);
}

static void what_was_forgotten_is_taken_as_it_comes_and_followed_again(void **state)
{
	struct fixture *f = *state;
	take(f, 7, 1, 0, 2);
	numbers_forget(f->numbers);
	take(f, 7, 40, 0, 2);
	assert_int_equal(f->found.listed, 0);
	take(f, 7, 42, 0, 2);
	expect_last(f, 1, FIND_SPINE_SEQ);
}

static void count(void *ctx, const struct epoch_seen *seen)
{
	uint64_t *sum = ctx;
	*sum += seen->last;
}

static void many_epochs_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	uint64_t sum = 0;
	for (uint64_t seq = 1; seq <= 2; seq++)
		for (uint64_t epoch = 1; epoch <= MANY; epoch++)
			take(f, epoch, seq, 0, 2);
	assert_int_equal(f->found.listed, 0);
	numbers_each(f->numbers, count, &sum);
	assert_int_equal(sum, 2 * MANY);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(numbers_follow_each_other),
		CASE(a_first_number_is_1),
		CASE(twice_back_and_a_hole_are_found),
		CASE(loss_is_declared_exactly_where_it_is),
		CASE(an_epoch_has_one_peer_but_epoch_0),
		CASE(what_was_forgotten_is_taken_as_it_comes_and_followed_again),
		CASE(many_epochs_are_kept_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
