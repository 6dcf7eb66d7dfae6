/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, a search stays quick and ingest stays quick: which segments become one. Segments stay few,
 * a record is merged seldom, and nothing is merged that does not lie side by side.
 */
#include "../../daemon/index/levels.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	ITEMS_MAX = 6000
};

static struct levels_item items[ITEMS_MAX];
static unsigned rewritten[ITEMS_MAX]; /* how often the records of an item were merged */
static size_t count;

static void add(uint32_t class_no, uint32_t month, uint64_t from, uint64_t docs, uint64_t records)
{
	items[count] = (struct levels_item){ .place = { class_no, month, from, from + docs, 0 },
		.records = records,
		.follows = count > 0 };
	rewritten[count++] = 0;
}

/* Whether a choice is one that may be made. */
static void assert_allowed(size_t first, size_t n)
{
	assert_in_range(n, 2, LEVELS_FAN_MAX);
	assert_true(first + n <= count);
	const struct segment_place *low = &items[first].place;
	for (size_t i = first + 1; i < first + n; i++) {
		assert_true(items[i].follows);
		assert_int_equal(items[i].place.class_no, low->class_no);
		assert_int_equal(items[i].place.month, low->month);
	}
	assert_true(items[first + n - 1].place.to - low->from <= LEVELS_DOCS_MAX);
}

static void merge(size_t first, size_t n)
{
	unsigned most = 0;
	uint64_t records = 0;
	for (size_t i = first; i < first + n; i++) {
		most = rewritten[i] > most ? rewritten[i] : most;
		records += items[i].records;
	}
	items[first].place.to = items[first + n - 1].place.to;
	items[first].records = records;
	rewritten[first] = most + 1;
	memmove(&items[first + 1], &items[first + n], (count - first - n) * sizeof items[0]);
	memmove(&rewritten[first + 1], &rewritten[first + n],
		(count - first - n) * sizeof rewritten[0]);
	count -= n - 1;
}

static void settle(void)
{
	size_t first, n;
	while (levels_choose(items, count, &first, &n)) {
		assert_allowed(first, n);
		merge(first, n);
	}
}

static void test_runs_become_few_and_are_merged_seldom(void **state)
{
	enum {
		RUNS = 5000
	};
	static const uint64_t SIZES[] = { 100, 800, 100000 };
	(void)state;
	for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
		uint64_t random = i, docs = SIZES[i], from = 0;
		size_t most = 0;
		unsigned often = 0;
		count = 0;
		for (unsigned run = 0; run < RUNS; run++, from += docs) {
			add(0, 1, from, docs, 1 + docs / 2 + random_below(&random, docs / 2));
			settle();
			most = count > most ? count : most;
		}
		for (size_t j = 0; j < count; j++)
			often = rewritten[j] > often ? rewritten[j] : often;
		/* Of full size there are as many as there must be; of each level below a few. */
		uint64_t full = RUNS * docs / (LEVELS_DOCS_MAX / 4);
		if (most > full + 60)
			fail_msg("%zu segments of %u runs", most, RUNS);
		/* 4^7 > 5000 runs: each merge makes four of one, at the least. */
		assert_in_range(often, 1, 7);
	}
}

/* Of a class that is busy by the hour: one run has a record, another thousands. */
static void test_runs_of_any_sizes_become_few(void **state)
{
	enum {
		RUNS = 5000
	};
	uint64_t random = 7, from = 0, came = 0, wrote = 0;
	size_t first, n;
	(void)state;
	count = 0;
	for (unsigned run = 0; run < RUNS; run++, from += 800) {
		uint64_t records = 1 + (random_next(&random) >> (54 + random_below(&random, 10)));
		add(0, 1, from, 800, records);
		came += records;
		while (levels_choose(items, count, &first, &n)) {
			assert_allowed(first, n);
			merge(first, n);
			wrote += items[first].records;
		}
		assert_in_range(count, 1, 2 * LEVELS_PILE);
	}
	/* What that costs. */
	assert_true(wrote < 8 * came);
}

/* Eight that would be merged, were it not for what lies at item 4. */
static bool merges(void)
{
	size_t first, n;
	bool yes = levels_choose(items, count, &first, &n);
	if (yes)
		assert_allowed(first, n);
	return yes;
}

static void make_eight(uint64_t docs)
{
	count = 0;
	for (uint64_t i = 0; i < LEVELS_FAN; i++)
		add(1, 5, i * docs, docs, docs);
}

static void test_nothing_is_merged_across_a_border(void **state)
{
	(void)state;
	make_eight(100);
	assert_true(merges());
	items[4].follows = false;
	assert_false(merges());
	make_eight(100);
	for (size_t i = 4; i < count; i++)
		items[i].place.class_no = 2;
	assert_false(merges());
	make_eight(100);
	for (size_t i = 4; i < count; i++)
		items[i].place.month = 6;
	assert_false(merges());
}

static void test_no_segment_grows_beyond_its_bound(void **state)
{
	(void)state;
	make_eight(LEVELS_DOCS_MAX / LEVELS_FAN);
	assert_true(merges());
	make_eight(LEVELS_DOCS_MAX / LEVELS_FAN + 1);
	assert_false(merges());
	/* Few records in a wide range are as many docs. */
	for (size_t i = 0; i < count; i++)
		items[i].records = 1;
	assert_false(merges());
}

static void test_few_are_left_as_they_are(void **state)
{
	size_t first, n;
	(void)state;
	make_eight(100);
	count--;
	assert_false(merges());
	count = 0;
	assert_false(levels_choose(items, 0, &first, &n));
	/* One large and seven small: the large would be written anew for little. */
	make_eight(100);
	items[0].records = 100000;
	assert_false(merges());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_become_few_and_are_merged_seldom),
		cmocka_unit_test(test_runs_of_any_sizes_become_few),
		cmocka_unit_test(test_nothing_is_merged_across_a_border),
		cmocka_unit_test(test_no_segment_grows_beyond_its_bound),
		cmocka_unit_test(test_few_are_left_as_they_are),
	};
	return cmocka_run_group_tests_name("levels", tests, NULL, NULL);
}
