/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/counts.h"

#include "../../proto/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct counts *begin(uint64_t seed)
{
	struct counts *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->seed = seed;
	return c;
}

static void test_each_key_is_counted_for_itself(void **state)
{
	(void)state;
	struct counts *c = begin(7);
	for (int i = 0; i < 30; i++) {
		static const char *const KEYS[] = { "", "a", "ab" };
		assert_true(counts_add(c, span_text(KEYS[i % 5 == 0 ? 0 : 1 + i % 2]), 1));
	}
	assert_int_equal(c->count, 3);
	uint64_t sum = 0;
	for (size_t i = 0; i < c->count; i++)
		sum += c->list[i].count;
	assert_int_equal(sum, 30);
	assert_int_equal(c->list[0].key.len, 0);
	assert_int_equal(c->list[0].count, 6);
	free(c);
}

static void test_a_page_has_no_more_keys_than_it_may(void **state)
{
	(void)state;
	struct counts *c = begin(1);
	unsigned added = 0;
	for (unsigned i = 0; i < 2 * COUNTS_MAX; i++) {
		char key[16];
		(void)snprintf(key, sizeof key, "%u", i);
		added += counts_add(c, span_text(key), 1);
	}
	assert_int_equal(added, COUNTS_MAX);
	assert_int_equal(c->count, COUNTS_MAX);
	/* What is there goes on being counted. */
	assert_true(counts_add(c, c->list[COUNTS_MAX - 1].key, 1));
	assert_int_equal(c->list[COUNTS_MAX - 1].count, 2);
	free(c);
}

static void test_a_page_has_no_more_bytes_than_it_may(void **state)
{
	(void)state;
	static char key[EVENT_TEXT_MAX];
	struct counts *c = begin(1);
	unsigned added = 0;
	for (unsigned i = 0; i < 100; i++) {
		memset(key, 'a' + (int)(i % 26), sizeof key);
		key[0] = (char)('A' + i / 26);
		added += counts_add(c, span_of(key, sizeof key), 1);
	}
	assert_int_equal(added, COUNTS_BYTES / (EVENT_TEXT_MAX + 16));
	assert_true(c->key_bytes <= COUNTS_BYTES);
	free(c);
}

/* A crowd in one place of the table ends the page; it does not make each step longer. */
static void test_a_crowd_ends_the_page(void **state)
{
	(void)state;
	struct counts *c = begin(1);
	assert_true(counts_add(c, span_text("first"), 1));
	for (size_t i = 0; i < COUNTS_SLOTS; i++)
		c->slots[i] = 1;
	assert_false(counts_add(c, span_text("second"), 1));
	assert_int_equal(c->count, 1);
	free(c);
}

/* ---- what a key is ---- */

static void test_times_fall_into_their_buckets(void **state)
{
	(void)state;
	static const struct {
		int64_t time, begin;
	} CASES[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 59999999999, 0 },
		{ 60000000000, 60000000000 },
		{ -1, -60000000000 },
		{ -60000000000, -60000000000 },
		{ -60000000001, -120000000000 },
		{ INT64_MIN, INT64_MIN },
	};
	uint8_t before[GROUP_TIME_LEN], key[GROUP_TIME_LEN];
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		group_time_key(CASES[i].time, 60000000000, key);
		assert_true(group_time(key) == CASES[i].begin);
	}
	/* Keys sort as times do. */
	group_time_key(-1, 60000000000, before);
	group_time_key(1, 60000000000, key);
	assert_true(memcmp(before, key, GROUP_TIME_LEN) < 0);
}

static void test_a_report_is_by_what_it_can_be(void **state)
{
	(void)state;
	assert_null(group_misfit(GROUP_ACTOR, 0));
	assert_null(group_misfit(GROUP_TIME, GROUP_BUCKET_MIN_NS));
	assert_non_null(group_misfit(GROUP_UNSPECIFIED, 0));
	assert_non_null(group_misfit((enum report_group)(GROUP_TIME + 1), 0));
	assert_non_null(group_misfit((enum report_group) - 1, 0));
	assert_non_null(group_misfit(GROUP_ACTOR, GROUP_BUCKET_MIN_NS));
	assert_non_null(group_misfit(GROUP_TIME, 0));
	assert_non_null(group_misfit(GROUP_TIME, GROUP_BUCKET_MIN_NS - 1));
	assert_non_null(group_misfit(GROUP_TIME, UINT64_MAX));
}

static void check_key(enum report_group by, const char *expected)
{
	const struct event_facts facts = { .action = 2,
		.outcome = 1,
		.medium = 1,
		.actor_id = span_text("anna"),
		.unit = span_text("nord") };
	const struct query_view view = { .index = 9,
		.class_no = 7,
		.source = span_text("care"),
		.peer = span_text("unix:7"),
		.facts = &facts };
	const struct question q = { .by = by };
	char room[QUERY_ROOM_LEN];
	assert_true(span_equal(group_key(&q, &view, room), span_text(expected)));
}

static void test_a_key_is_what_a_query_would_say(void **state)
{
	(void)state;
	check_key(GROUP_ACTOR, "anna");
	check_key(GROUP_UNIT, "nord");
	check_key(GROUP_SUBJECT, "");
	check_key(GROUP_ACTION, "read");
	check_key(GROUP_OUTCOME, "denied");
	check_key(GROUP_MEDIUM, "paper");
	check_key(GROUP_CLASS, "7");
	check_key(GROUP_SOURCE, "care");
	check_key(GROUP_PEER, "unix:7");
	assert_string_equal(group_word(GROUP_HOST), "host");
	assert_string_equal(group_word(GROUP_TIME), "time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_key_is_counted_for_itself),
		cmocka_unit_test(test_a_page_has_no_more_keys_than_it_may),
		cmocka_unit_test(test_a_page_has_no_more_bytes_than_it_may),
		cmocka_unit_test(test_a_crowd_ends_the_page),
		cmocka_unit_test(test_times_fall_into_their_buckets),
		cmocka_unit_test(test_a_report_is_by_what_it_can_be),
		cmocka_unit_test(test_a_key_is_what_a_query_would_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
