/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashed pages: whatever range a page holds and whoever hashes it, its leaves and subtrees are
 * those of the tree; and the marks that the tree passes.
 */
#include "../../client/verify_marks.h"
#include "../../client/verify_page.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	PAGES = 6,
	RANGES = 60
};

static struct page pages[PAGES];

static void fill_page(struct page *page, uint64_t first, size_t count)
{
	page->first = first;
	page->count = page->got = count;
	for (size_t i = 0; i < count * RECORD_LEN; i++)
		page->bytes[i] = (uint8_t)(first * 7 + i * 31 + i / RECORD_LEN);
}

/* Behind the tree *by_leaf, the page's subtrees make the tree that its leaves make one by one. */
static void expect_page(const struct page *page, struct frontier *by_leaf)
{
	struct frontier by_node = *by_leaf;
	struct hash leaf, a, b;
	for (size_t i = 0; i < page->count; i++) {
		record_leaf(page->bytes + i * RECORD_LEN, &leaf);
		assert_true(hash_equal(&leaf, &page->leaf[i]));
		frontier_append(by_leaf, &leaf, NULL, NULL);
	}
	assert_true(page->node_count <= PAGE_NODES);
	for (size_t i = 0; i < page->node_count; i++)
		frontier_append_node(&by_node, page->node[i].level, &page->node[i].hash);
	assert_int_equal(by_node.size, by_leaf->size);
	frontier_root(by_leaf, &a);
	frontier_root(&by_node, &b);
	assert_true(hash_equal(&a, &b));
}

static void ranges_of_a_block(struct crew *crew)
{
	uint64_t random = 12345;
	for (size_t n = 0; n < RANGES; n++) {
		/* The widest ones climb and come down again, so they are tried first. */
		size_t low = n < 3 ? n : (size_t)random_below(&random, PAGE_RECORDS);
		size_t high = n < 3 ? PAGE_RECORDS - n
				    : low + 1 + (size_t)random_below(&random, PAGE_RECORDS - low);
		struct frontier f = { 0 };
		struct hash leaf = { { 3 } };
		for (size_t i = 0; i < low; i++)
			frontier_append(&f, &leaf, NULL, NULL);
		fill_page(&pages[0], low, high - low);
		crew_give(crew, &pages[0]);
		crew_finish(crew, &pages[0]);
		expect_page(&pages[0], &f);
	}
}

static void every_range_of_a_block_is_its_subtrees(void **state)
{
	struct crew crew;
	(void)state;
	assert_true(crew_start(&crew, 0));
	assert_int_equal(crew.count, 0);
	ranges_of_a_block(&crew);
	crew_stop(&crew);
}

static void any_number_of_threads_makes_the_same(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 3; threads++) {
		struct crew crew;
		struct frontier f = { 0 };
		assert_true(crew_start(&crew, threads));
		for (size_t round = 0; round < 5; round++) {
			for (size_t i = 0; i < PAGES; i++) {
				uint64_t first = (round * PAGES + i) * PAGE_RECORDS;
				fill_page(&pages[i], first, PAGE_RECORDS);
				crew_give(&crew, &pages[i]);
			}
			for (size_t i = 0; i < PAGES; i++) {
				crew_finish(&crew, &pages[i]);
				assert_int_equal(pages[i].node_count, 1);
				expect_page(&pages[i], &f);
			}
		}
		crew_stop(&crew);
	}
}

static void a_crew_ends_with_work_left(void **state)
{
	struct crew crew;
	(void)state;
	assert_true(crew_start(&crew, CREW_MAX + 5));
	assert_true(crew.count <= CREW_MAX);
	for (size_t i = 0; i < PAGES; i++) {
		fill_page(&pages[i], i * PAGE_RECORDS, PAGE_RECORDS);
		crew_give(&crew, &pages[i]);
	}
	crew_stop(&crew);
}

/* ---- marks ---- */

static struct checkpoint tree_of(uint64_t size)
{
	struct checkpoint cp = { .size = size };
	struct frontier f = { 0 };
	struct hash leaf = { { 3 } };
	for (uint64_t i = 0; i < size; i++)
		frontier_append(&f, &leaf, NULL, NULL);
	frontier_root(&f, &cp.root);
	return cp;
}

static void grow_past(struct marks *marks, uint64_t size, struct findings *found)
{
	struct frontier f = { 0 };
	struct hash leaf = { { 3 } };
	for (uint64_t i = 0; i < size; i++) {
		frontier_append(&f, &leaf, NULL, NULL);
		marks_compare(marks, &f, found);
	}
}

static void marks_are_compared_in_order_of_size(void **state)
{
	static struct findings found;
	struct marks marks = { 0 };
	struct checkpoint cp = tree_of(9);
	(void)state;
	memset(&found, 0, sizeof found);
	marks_add(&marks, &cp, FIND_HEAD_ROOT, "the newest");
	cp = tree_of(3);
	marks_add(&marks, &cp, FIND_CHECKPOINT_ROOT, "the given");
	cp = tree_of(5);
	marks_add(&marks, &cp, FIND_HEAD_ROOT, "the kept");
	assert_int_equal(marks.sizes[0], 3);
	assert_int_equal(marks.sizes[1], 5);
	assert_int_equal(marks.sizes[2], 9);
	grow_past(&marks, 9, &found);
	assert_int_equal(found.listed, 0);
	assert_int_equal(marks.passed, 3);
	assert_int_equal(marks.fits, 9);
}

static void a_misfit_is_named_from_the_last_fit_on(void **state)
{
	static struct findings found;
	struct marks marks = { 0 };
	struct checkpoint cp = tree_of(4);
	(void)state;
	memset(&found, 0, sizeof found);
	marks_add(&marks, &cp, FIND_HEAD_ROOT, "the kept");
	cp = tree_of(8);
	marks_add(&marks, &cp, FIND_HEAD_ROOT, "the newest");
	/* Of two trees of one size one fits, which says nothing for the records before it. */
	cp.root.b[5] ^= 1;
	marks_add(&marks, &cp, FIND_CHECKPOINT_ROOT, "the given");
	grow_past(&marks, 8, &found);
	assert_int_equal(found.listed, 1);
	assert_int_equal(found.list[0].code, FIND_CHECKPOINT_ROOT);
	assert_int_equal(found.list[0].index, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_range_of_a_block_is_its_subtrees),
		cmocka_unit_test(any_number_of_threads_makes_the_same),
		cmocka_unit_test(a_crew_ends_with_work_left),
		cmocka_unit_test(marks_are_compared_in_order_of_size),
		cmocka_unit_test(a_misfit_is_named_from_the_last_fit_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
