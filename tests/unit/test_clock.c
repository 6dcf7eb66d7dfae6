/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/clock.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t S = 1000000000;
static const uint64_t NOON = UINT64_C(1760000000) * 1000000000;

/* `boot` and `real` in seconds after some noon. */
static struct instant at(int64_t boot_s, int64_t real_s)
{
	return (struct instant){
		.real_ns = NOON + (uint64_t)(real_s * (int64_t)S),
		.boot_ns = 1000 * S + (uint64_t)(boot_s * (int64_t)S),
	};
}

static uint64_t real(int64_t s)
{
	return at(0, s).real_ns;
}

static bool jumped(struct log_clock *clock, struct instant now, int64_t last_s)
{
	uint64_t from, to;
	return log_clock_jumped(clock, now, real(last_s), &from, &to);
}

static void test_a_clock_that_runs_needs_no_entry(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	for (int64_t s = 0; s < 200000; s += 7)
		assert_false(jumped(&clock, at(s, s), s - 1));
}

static void test_a_first_look_at_an_empty_log_is_no_jump(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	uint64_t from, to;
	assert_false(log_clock_jumped(&clock, at(0, 0), 0, &from, &to));
}

static void test_a_log_ahead_of_the_clock_gets_an_entry_at_start(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	uint64_t from = 0;
	uint64_t to = 0;
	assert_true(log_clock_jumped(&clock, at(0, 0), real(6), &from, &to));
	assert_true(from == real(6));
	assert_true(to == real(0));
}

static void test_five_seconds_behind_are_borne_with_and_more_are_not(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	uint64_t from, to;
	assert_false(log_clock_jumped(&clock, at(0, 0), real(5), &from, &to));
	assert_true(log_clock_jumped(&clock, at(0, 0), real(5) + 1, &from, &to));
}

static void test_jumps_either_way_are_told_from_where_to_where(void **state)
{
	(void)state;
	static const int64_t jumps[] = { 6, 3600, -6, -3600 };
	for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
		struct log_clock clock = { 0 };
		uint64_t from = 0;
		uint64_t to = 0;
		assert_false(jumped(&clock, at(0, 0), 0));
		struct instant now = at(10, 10 + jumps[i]);
		assert_true(log_clock_jumped(&clock, now, real(9), &from, &to));
		assert_true(from == real(10));
		assert_true(to == real(10 + jumps[i]));
		/* Believed from now on. */
		assert_false(jumped(&clock, at(100, 100 + jumps[i]), 10 + jumps[i]));
	}
}

static void test_a_jump_of_five_seconds_is_none(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	assert_false(jumped(&clock, at(0, 0), 0));
	assert_false(jumped(&clock, at(10, 15), 9));
	assert_false(jumped(&clock, at(20, 20), 19));
}

static void test_slow_drift_is_no_jump_however_long(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	for (int64_t s = 0; s < 1000; s++)
		assert_false(jumped(&clock, at(s * 60, s * 64), s * 64 - 64));
}

static void test_one_entry_a_minute_and_the_second_jump_is_not_forgotten(void **state)
{
	(void)state;
	struct log_clock clock = { 0 };
	uint64_t from = 0;
	uint64_t to = 0;
	assert_false(jumped(&clock, at(0, 0), 0));
	assert_true(jumped(&clock, at(1, 101), 0));
	assert_false(jumped(&clock, at(30, 330), 130));
	assert_false(jumped(&clock, at(60, 360), 330));
	assert_true(log_clock_jumped(&clock, at(61, 361), real(360), &from, &to));
	assert_true(from == real(161));
	assert_true(to == real(361));
}

static void test_a_stamp_never_falls_and_never_leads_the_clock(void **state)
{
	(void)state;
	static const struct {
		int64_t taken, now, last, wanted;
	} cases[] = {
		{ 10, 11, 9, 10 },  /* when it was taken in */
		{ 10, 11, 12, 12 }, /* raised to the record before */
		{ 10, 4, 3, 4 },    /* the clock was set back since */
		{ 10, 4, 5, 5 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t ns = log_clock_stamp(
			real(cases[i].taken), at(0, cases[i].now), real(cases[i].last));
		assert_true(ns == real(cases[i].wanted));
	}
	uint64_t seed = 6;
	uint64_t last = 0;
	for (int i = 0; i < 100000; i++) {
		uint64_t ns = log_clock_stamp(random_next(&seed) >> 1,
			(struct instant){ .real_ns = random_next(&seed) >> 1 }, last);
		assert_true(ns >= last);
		last = i % 100 == 0 ? 0 : ns;
	}
}

static void test_the_clocks_are_those_of_the_system(void **state)
{
	(void)state;
	struct instant a = clock_now();
	struct instant b = clock_now();
	assert_true(a.real_ns > NOON / 2);
	assert_true(b.boot_ns >= a.boot_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clock_that_runs_needs_no_entry),
		cmocka_unit_test(test_a_first_look_at_an_empty_log_is_no_jump),
		cmocka_unit_test(test_a_log_ahead_of_the_clock_gets_an_entry_at_start),
		cmocka_unit_test(test_five_seconds_behind_are_borne_with_and_more_are_not),
		cmocka_unit_test(test_jumps_either_way_are_told_from_where_to_where),
		cmocka_unit_test(test_a_jump_of_five_seconds_is_none),
		cmocka_unit_test(test_slow_drift_is_no_jump_however_long),
		cmocka_unit_test(test_one_entry_a_minute_and_the_second_jump_is_not_forgotten),
		cmocka_unit_test(test_a_stamp_never_falls_and_never_leads_the_clock),
		cmocka_unit_test(test_the_clocks_are_those_of_the_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
