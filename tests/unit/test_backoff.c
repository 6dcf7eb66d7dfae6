/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_pauses_double_up_to_their_bound_and_not_beyond(void **state)
{
	(void)state;
	/* 300 is no power of two times the least. */
	static const uint64_t wanted[] = { 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000,
		256000, 300000, 300000, 300000 };
	struct backoff b = { .least_ms = 1000, .most_ms = 300000 };
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		assert_int_equal(backoff_failed(&b), wanted[i]);
}

static void test_a_success_makes_the_next_pause_the_least(void **state)
{
	(void)state;
	struct backoff b = { .least_ms = 10, .most_ms = 3000 };
	for (int i = 0; i < 5; i++)
		(void)backoff_failed(&b);
	backoff_end(&b);
	assert_int_equal(backoff_failed(&b), 10);
	assert_int_equal(backoff_failed(&b), 20);
}

static void test_no_bound_overflows(void **state)
{
	(void)state;
	struct backoff b = { .least_ms = 3, .most_ms = UINT64_MAX };
	uint64_t before = 0;
	for (int i = 0; i < 100; i++) {
		assert_true(backoff_failed(&b) >= before);
		before = b.pause_ms;
	}
	assert_true(before == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses_double_up_to_their_bound_and_not_beyond),
		cmocka_unit_test(test_a_success_makes_the_next_pause_the_least),
		cmocka_unit_test(test_no_bound_overflows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
