/* SPDX-License-Identifier: Apache-2.0 */
/* What is laid beside the writer: bounded, taken in order, and kept in the right tables. */
#include "../../daemon/aside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct bench {
	struct aside *aside;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	if (!b)
		return -1;
	b->aside = aside_new();
	*state = b;
	return b->aside ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	aside_free(b->aside);
	free(b);
	return 0;
}

static void test_entries_come_out_in_order_and_are_bounded(void **state)
{
	struct bench *b = *state;
	struct daemon_entry entry = { .what = DAEMON_FORK };
	assert_false(aside_take(b->aside, &entry));
	for (uint64_t i = 0; i < ASIDE_ENTRIES; i++) {
		entry.size = i;
		assert_true(aside_say(b->aside, &entry));
	}
	assert_false(aside_say(b->aside, &entry));
	for (uint64_t i = 0; i < ASIDE_ENTRIES; i++) {
		assert_true(aside_take(b->aside, &entry));
		assert_int_equal(entry.size, i);
	}
	assert_false(aside_take(b->aside, &entry));
	assert_true(aside_say(b->aside, &entry));
}

static void test_a_note_waits_a_second_for_a_commit_that_comes_anyway(void **state)
{
	struct bench *b = *state;
	assert_int_equal(aside_wait_ms(b->aside, 0), -1);
	assert_true(aside_keep(b->aside, 5, span_text("five"), 100));
	assert_int_equal(aside_wait_ms(b->aside, 100), 1000);
	assert_int_equal(aside_wait_ms(b->aside, 600), 500);
	assert_int_equal(aside_wait_ms(b->aside, 1100), 0);
	assert_int_equal(aside_wait_ms(b->aside, 9999), 0);
	/* The oldest counts, also when it is made anew. */
	assert_true(aside_keep(b->aside, 5, span_text("five again"), 900));
	assert_true(aside_stamp(b->aside, 5, span_text("stamp"), 900));
	assert_int_equal(aside_wait_ms(b->aside, 900), 200);
}

static void test_the_newest_note_stays_for_the_next_seal(void **state)
{
	struct bench *b = *state;
	char out[16];
	assert_int_equal(aside_cosigned(b->aside, out, sizeof out), 0);
	assert_true(aside_keep(b->aside, 5, span_text("five"), 0));
	assert_true(aside_keep(b->aside, 9, span_text("nine!"), 0));
	assert_true(aside_keep(b->aside, 7, span_text("seven"), 0));
	assert_int_equal(aside_cosigned(b->aside, out, sizeof out), 5);
	assert_memory_equal(out, "nine!", 5);
	/* One that does not fit is left out. */
	assert_int_equal(aside_cosigned(b->aside, out, 4), 0);
}

static void test_only_what_others_signed_too_stays(void **state)
{
	(void)state;
	static const struct {
		const char *note;
		bool stays;
	} cases[] = {
		{ "o\n1\nr\n\n\xe2\x80\x94 o AAAA\n", false },
		{ "o\n1\nr\n\n\xe2\x80\x94 o AAAA\n\xe2\x80\x94 w BBBB\n", true },
		{ "o\n1\nr\n\n\xe2\x80\x94 o A\n\xe2\x80\x94 v B\n\xe2\x80\x94 w C\n", true },
		{ "", false },
		{ "\n", false },
		{ "\n\n", false },
		{ "o\n1\nr\n", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (aside_row_stays(span_text(cases[i].note)) != cases[i].stays)
			fail_msg("case %zu", i);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_entries_come_out_in_order_and_are_bounded),
		TEST(test_a_note_waits_a_second_for_a_commit_that_comes_anyway),
		TEST(test_the_newest_note_stays_for_the_next_seal),
		TEST(test_only_what_others_signed_too_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
