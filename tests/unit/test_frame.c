/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/frame.h"

#include "../support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_a_whole_frame_is_taken_and_what_follows_is_left(void **state)
{
	(void)state;
	struct span body;
	size_t need;
	struct span in = guard_copy(span_of("\0\0\0\3abcdef", 10));
	assert_int_equal(frame_take(in, &body, &need), TRAIL_OK);
	assert_ptr_equal(body.data, in.data + FRAME_HEAD);
	assert_true(span_equal(body, span_text("abc")));
	assert_int_equal(need, 7);
	guard_free(in);
}

static void test_a_part_of_a_frame_says_what_is_needed(void **state)
{
	static const uint8_t whole[] = { 0, 0, 1, 0 };
	(void)state;
	for (size_t len = 0; len <= sizeof whole; len++) {
		struct span body;
		size_t need;
		struct span in = guard_copy(span_of(whole, len));
		assert_int_equal(frame_take(in, &body, &need), TRAIL_MORE);
		assert_int_equal(need, len < FRAME_HEAD ? FRAME_HEAD : FRAME_HEAD + 256);
		guard_free(in);
	}
}

static void test_bad_lengths_are_refused_from_the_head_alone(void **state)
{
	static const struct {
		uint32_t len;
		enum trail_err want;
	} cases[] = {
		{ 0, TRAIL_INVALID },
		{ 1, TRAIL_MORE },
		{ FRAME_BODY_MAX, TRAIL_MORE },
		{ FRAME_BODY_MAX + 1, TRAIL_TOO_BIG },
		{ UINT32_MAX, TRAIL_TOO_BIG },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t head[FRAME_HEAD];
		struct span body;
		size_t need;
		store_be32(head, cases[i].len);
		assert_int_equal(
			frame_take(span_of(head, sizeof head), &body, &need), cases[i].want);
	}
}

static void test_the_largest_frame_is_taken(void **state)
{
	(void)state;
	size_t len = FRAME_HEAD + FRAME_BODY_MAX;
	uint8_t *raw = calloc(1, len);
	assert_non_null(raw);
	store_be32(raw, FRAME_BODY_MAX);
	struct span body;
	size_t need;
	assert_int_equal(frame_take(span_of(raw, len - 1), &body, &need), TRAIL_MORE);
	assert_int_equal(frame_take(span_of(raw, len), &body, &need), TRAIL_OK);
	assert_int_equal(body.len, FRAME_BODY_MAX);
	free(raw);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_frame_is_taken_and_what_follows_is_left),
		cmocka_unit_test(test_a_part_of_a_frame_says_what_is_needed),
		cmocka_unit_test(test_bad_lengths_are_refused_from_the_head_alone),
		cmocka_unit_test(test_the_largest_frame_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
