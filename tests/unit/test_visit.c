/* SPDX-License-Identifier: Apache-2.0 */
/* When a witness is visited, what is taken along, and what its answers change. */
#include "../../daemon/courier/visit.h"

#include "../support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

static const struct visit_pauses pauses = { .min_ms = 1000, .max_ms = 300000 };

static void test_the_body_is_as_the_specification_says(void **state)
{
	(void)state;
	const struct courier_word order = { .kind = COURIER_ORDER,
		.old = 3,
		.size = 5,
		.proof = { .count = 2, .path = { { { 0 } }, { { 0xff } } } },
		.text = span_text("o\n5\nx\n\n\xe2\x80\x94 o AAAA\n") };
	struct buf body = { 0 };
	visit_body(&order, &body);
	assert_true(span_equal(buf_view(&body),
		span_text("old 3\n"
			  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
			  "/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
			  "\no\n5\nx\n\n\xe2\x80\x94 o AAAA\n")));
	buf_release(&body);
}

static void test_only_a_size_and_a_newline_is_a_size(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fits;
		uint64_t size;
	} cases[] = {
		{ "0\n", true, 0 },
		{ "12\n", true, 12 },
		{ "9223372036854775807\n", true, INT64_MAX },
		{ "", false, 0 },
		{ "\n", false, 0 },
		{ "5", false, 0 },
		{ "05\n", false, 0 },
		{ "+5\n", false, 0 },
		{ " 5\n", false, 0 },
		{ "5\n\n", false, 0 },
		{ "5\r\n", false, 0 },
		{ "-1\n", false, 0 },
		{ "9223372036854775808\n", false, 0 },
		{ "99999999999999999999\n", false, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t held = 77;
		struct span copy = guard_copy(span_text(cases[i].text));
		bool fits = visit_held(copy, &held);
		guard_free(copy);
		if (fits != cases[i].fits || (fits && held != cases[i].size))
			fail_msg("case %zu", i);
	}
}

static struct visit begun(uint64_t size)
{
	struct visit v;
	visit_init(&v);
	visit_begin(&v);
	v.size = size;
	return v;
}

static void test_a_witness_sees_each_round_once(void **state)
{
	(void)state;
	struct visit v;
	visit_init(&v);
	assert_false(visit_due(&v, 0, 0)); /* there is no round yet */
	assert_true(visit_due(&v, 1, 0));
	assert_int_equal(v.old, COURIER_UNKNOWN);
	visit_begin(&v);
	v.size = 10;
	assert_false(visit_due(&v, 1, 1000000)); /* one visit at a time */
	assert_true(visit_answered(&v, 200, COURIER_UNKNOWN));
	assert_false(visit_due(&v, 1, 1000000)); /* the verdict is waited for */
	visit_verdict(&v, 1, true, 5, &pauses, 0);
	assert_int_equal(v.old, 10);
	assert_false(visit_due(&v, 1, 1000000));
	assert_true(visit_due(&v, 2, 5));
}

static void test_who_tells_what_it_holds_is_visited_again_at_once(void **state)
{
	(void)state;
	struct visit v = begun(10);
	assert_false(visit_answered(&v, 409, 4));
	assert_true(visit_due(&v, 1, 0));
	assert_int_equal(v.old, 4);
	/* Once: a second size is its last word for now. */
	visit_begin(&v);
	assert_true(visit_answered(&v, 409, 5));
	visit_verdict(&v, 1, false, 0, &pauses, 0);
	assert_false(visit_due(&v, 1, 0));
}

static void test_a_larger_size_is_a_matter_for_traild(void **state)
{
	(void)state;
	struct visit v = begun(10);
	assert_true(visit_answered(&v, 409, 11));
	v = begun(10);
	assert_false(visit_answered(&v, 409, 10));
	v = begun(10);
	assert_true(visit_answered(&v, 409, COURIER_UNKNOWN));
	v = begun(10);
	assert_true(visit_answered(&v, 422, 4)); /* no 409, no size */
}

static void test_pauses_grow_to_their_bound_and_end_with_success(void **state)
{
	(void)state;
	static const uint64_t least[] = { 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000,
		150000, 150000 };
	struct visit v = begun(10);
	for (size_t i = 0; i < COUNT(least); i++) {
		struct visit early = v;
		struct visit late = v;
		visit_verdict(&early, 1, false, 100, &pauses, 0);
		visit_verdict(&late, 1, false, 100, &pauses, UINT32_MAX);
		assert_int_equal(visit_next_ms(&early, 1), 100 + least[i]);
		assert_int_equal(visit_next_ms(&late, 1), 100 + 2 * least[i]);
		assert_int_equal(early.old, COURIER_UNKNOWN);
		v = early;
		visit_begin(&v);
	}
	for (int i = 0; i < 100; i++)
		visit_verdict(&v, 1, false, 0, &pauses, 0);
	assert_int_equal(visit_next_ms(&v, 1), 150000);
	visit_verdict(&v, 1, true, 0, &pauses, 0);
	assert_true(visit_due(&v, 2, 0));
	visit_verdict(&v, 2, false, 0, &pauses, 0);
	assert_int_equal(visit_next_ms(&v, 2), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_body_is_as_the_specification_says),
		cmocka_unit_test(test_only_a_size_and_a_newline_is_a_size),
		cmocka_unit_test(test_a_witness_sees_each_round_once),
		cmocka_unit_test(test_who_tells_what_it_holds_is_visited_again_at_once),
		cmocka_unit_test(test_a_larger_size_is_a_matter_for_traild),
		cmocka_unit_test(test_pauses_grow_to_their_bound_and_end_with_success),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
