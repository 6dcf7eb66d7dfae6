/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/followers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	COUNT = 4
};

/* Each waits for `until`, and its page ended at `position`. */
static const struct {
	uint64_t until, position;
} WAITS[COUNT] = { { 50, 10 }, { 20, 12 }, { 90, 10 }, { 20, 14 } };

static struct errand errands[COUNT];

static struct followers some(void)
{
	struct followers all = { .first = NULL };
	for (size_t i = 0; i < COUNT; i++) {
		errands[i] = (struct errand){ .until_ns = WAITS[i].until };
		errands[i].op.response.rows.position = WAITS[i].position;
		followers_add(&all, &errands[i]);
	}
	return all;
}

/* Takes out all that `take` gives, each once; their bits. */
static unsigned drain(
	struct followers *all, struct errand *take(struct followers *, uint64_t), uint64_t bound)
{
	unsigned bits = 0;
	for (struct errand *e; (e = take(all, bound));) {
		unsigned bit = 1U << (e - errands);
		assert_null(e->op.next);
		assert_int_equal(bits & bit, 0);
		bits |= bit;
	}
	return bits;
}

static void test_nobody_waits(void **state)
{
	struct followers all = { .first = NULL };
	(void)state;
	assert_true(followers_soonest(&all) == UINT64_MAX);
	assert_null(followers_due(&all, UINT64_MAX));
	assert_null(followers_grown(&all, UINT64_MAX));
}

static void test_who_is_due_leaves_and_the_others_stay(void **state)
{
	struct followers all = some();
	(void)state;
	assert_int_equal(followers_soonest(&all), 20);
	assert_null(followers_due(&all, 19));
	assert_int_equal(drain(&all, followers_due, 20), 1 << 1 | 1 << 3);
	assert_int_equal(followers_soonest(&all), 50);
	assert_int_equal(drain(&all, followers_due, 89), 1 << 0);
	assert_int_equal(drain(&all, followers_due, UINT64_MAX), 1 << 2);
	assert_true(followers_soonest(&all) == UINT64_MAX);
}

static void test_growth_wakes_those_whose_page_ended_below_it(void **state)
{
	struct followers all = some();
	(void)state;
	assert_null(followers_grown(&all, 10));
	assert_int_equal(drain(&all, followers_grown, 11), 1 << 0 | 1 << 2);
	assert_int_equal(drain(&all, followers_grown, 14), 1 << 1);
	/* Who was taken out may wait again. */
	followers_add(&all, &errands[0]);
	assert_int_equal(drain(&all, followers_grown, 15), 1 << 0 | 1 << 3);
	assert_null(all.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_who_is_due_leaves_and_the_others_stay),
		cmocka_unit_test(test_growth_wakes_those_whose_page_ended_below_it),
	};
	return cmocka_run_group_tests_name("followers", tests, NULL, NULL);
}
