/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, an index that somebody changed is none: the manifest is the one that was written or is not
 * taken; what it names and cannot be used is a hole, for the scan; and a reader's view stays as it
 * is while segments come and go.
 */
#include "../../daemon/index/catalog.h"

#include "../support/index_case.h"
#include "../support/random.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct index_case world;
static unsigned told;

static int setup(void **state)
{
	(void)state;
	index_case_make(&world);
	told = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	index_case_remove(&world);
	return 0;
}

/* ---- the manifest ---- */

static struct segment_place places[] = { { 0, 202601, 0, 10, 5 }, { 0, 202601, 10, 30, 6 },
	{ 7, 202602, 0, UINT32_MAX, UINT64_MAX } };
static struct index_hole holes[] = { { 1, 202603, 4, 9 }, { 2, 202604, 0, UINT32_MAX } };

static struct manifest some_manifest(void)
{
	return (struct manifest){ .genesis = { { 3 } },
		.indexed = UINT32_MAX,
		.leaf = { { 4 } },
		.count = 3,
		.hole_count = 2,
		.places = places,
		.holes = holes };
}

static enum trail_err read_manifest(void)
{
	struct manifest m;
	enum trail_err err = manifest_read(world.at, world.key, &m);
	manifest_release(&m);
	return err;
}

static void test_a_manifest_comes_back(void **state)
{
	struct manifest m = some_manifest(), back;
	(void)state;
	assert_int_equal(read_manifest(), TRAIL_END);
	for (unsigned i = 0; i < 4; i++) {
		m.count = i;
		m.hole_count = i % 3;
		assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
		assert_int_equal(index_case_files(&world), 1);
		assert_int_equal(manifest_read(world.at, world.key, &back), TRAIL_OK);
		assert_true(hash_equal(&back.genesis, &m.genesis));
		assert_true(hash_equal(&back.leaf, &m.leaf));
		assert_int_equal(back.indexed, m.indexed);
		assert_int_equal(back.count, m.count);
		assert_int_equal(back.hole_count, m.hole_count);
		for (size_t j = 0; j < m.count; j++)
			assert_memory_equal(&back.places[j], &places[j], sizeof places[j]);
		for (size_t j = 0; j < m.hole_count; j++)
			assert_memory_equal(&back.holes[j], &holes[j], sizeof holes[j]);
		manifest_release(&back);
	}
}

static void test_every_turned_byte_of_a_manifest_is_seen(void **state)
{
	const struct manifest m = some_manifest();
	uint8_t bytes[1024], byte;
	(void)state;
	assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
	int fd = openat(world.at, "manifest", O_RDWR | O_CLOEXEC);
	ssize_t len = pread(fd, bytes, sizeof bytes, 0);
	assert_in_range(len, 100, sizeof bytes - 1);
	for (ssize_t i = 0; i < len; i++) {
		byte = bytes[i] ^ (uint8_t)(1 << i % 8);
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		assert_int_equal(read_manifest(), TRAIL_CORRUPT);
		assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
	}
	assert_int_equal(read_manifest(), TRAIL_OK);
	assert_int_equal(pwrite(fd, "x", 1, len), 1);
	assert_int_equal(read_manifest(), TRAIL_CORRUPT);
	while (len-- > 0) {
		assert_int_equal(ftruncate(fd, len), 0);
		assert_int_equal(read_manifest(), TRAIL_CORRUPT);
	}
	(void)close(fd);
}

static void test_a_manifest_of_another_key_is_refused(void **state)
{
	const struct manifest m = some_manifest();
	(void)state;
	assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
	world.key[3] ^= 1;
	assert_int_equal(read_manifest(), TRAIL_CORRUPT);
	world.key[3] ^= 1;
	assert_int_equal(read_manifest(), TRAIL_OK);
	assert_int_equal(unlinkat(world.at, "manifest", 0), 0);
	assert_int_equal(symlinkat("elsewhere", world.at, "manifest"), 0);
	assert_int_equal(read_manifest(), TRAIL_CORRUPT);
}

static void assert_unsound(size_t at, uint64_t from, uint64_t to)
{
	struct manifest m = some_manifest();
	struct segment_place before = places[at];
	places[at].from = from;
	places[at].to = to;
	assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
	assert_int_equal(read_manifest(), TRAIL_CORRUPT);
	places[at] = before;
	assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
	assert_int_equal(read_manifest(), TRAIL_OK);
}

static void test_ranges_that_cannot_be_are_refused(void **state)
{
	struct manifest m = some_manifest();
	(void)state;
	assert_unsound(0, 10, 10);
	assert_unsound(1, 30, 10);
	assert_unsound(2, 0, (uint64_t)UINT32_MAX + 1);
	m.indexed = 29;
	m.count = 2;
	m.hole_count = 0;
	assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
	assert_int_equal(read_manifest(), TRAIL_CORRUPT);
	m.indexed = 30;
	m.hole_count = 2;
	assert_int_equal(manifest_write(world.at, world.key, &m), TRAIL_OK);
	assert_int_equal(read_manifest(), TRAIL_CORRUPT);
}

/* ---- the catalog ---- */

static bool knows(void *ctx, uint64_t index, const struct hash *leaf)
{
	(void)ctx;
	return index == leaf->b[0];
}

static void tell(void *ctx)
{
	(void)ctx;
	told++;
}

static struct catalog *open_catalog(size_t want_lost)
{
	struct catalog *catalog;
	size_t lost;
	const struct catalog_options options = { .folder = world.folder,
		.key = world.key,
		.genesis = world.genesis,
		.suspect = tell,
		.knows = knows };
	assert_int_equal(catalog_open(&options, &catalog, &lost), TRAIL_OK);
	assert_int_equal(lost, want_lost);
	return catalog;
}

/* A segment of one term in each of its docs, as a file. */
static struct segment_place make_file(uint64_t from, uint64_t to)
{
	struct segment_place place = index_case_place(&world, from, to);
	struct segment_sum sum = { .records = to - from };
	struct segment_writer *w = segment_write_begin(world.at, world.key, &world.genesis, &place);
	assert_non_null(w);
	segment_write_term(w, span_text("a"), 1, 2);
	for (uint64_t doc = 0; doc < to - from; doc++)
		segment_write_doc(w, (uint32_t)doc);
	assert_int_equal(segment_write_end(w, &sum), TRAIL_OK);
	return place;
}

static enum trail_err apply(struct catalog *c, const struct segment_place *add, size_t add_count,
	struct catalog_segment *const *remove, size_t remove_count)
{
	const struct catalog_change change = { .add = add,
		.add_count = add_count,
		.remove = remove,
		.remove_count = remove_count,
		.indexed = 40,
		.leaf = { { 40 } } };
	return catalog_apply(c, &change);
}

/* [0, 10), [10, 20), [20, 40) */
static struct catalog *make_three(void)
{
	struct segment_place add[3];
	struct catalog *catalog = open_catalog(0);
	add[2] = make_file(0, 10);
	add[0] = make_file(10, 20);
	add[1] = make_file(20, 40);
	assert_int_equal(apply(catalog, add, 3, NULL, 0), TRAIL_OK);
	return catalog;
}

static void assert_readable(const struct catalog_view *view, size_t at)
{
	static struct segment_walk walk;
	struct segment_term term;
	const struct segment *s = &view->segments[at]->segment;
	assert_true(segment_find(&walk, s, span_text("a"), &term));
	assert_int_equal(term.count, s->place.to - s->place.from);
}

static void assert_three(struct catalog *catalog)
{
	static const uint64_t ENDS[] = { 0, 10, 20, 40 };
	const struct catalog_view *view = catalog_hold(catalog);
	assert_int_equal(view->count, 3);
	assert_int_equal(view->hole_count, 0);
	assert_int_equal(view->indexed, 40);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(view->segments[i]->segment.place.from, ENDS[i]);
		assert_int_equal(view->segments[i]->segment.place.to, ENDS[i + 1]);
		assert_readable(view, i);
	}
	catalog_drop(catalog, view);
}

static void test_a_catalog_comes_back_as_it_was_left(void **state)
{
	(void)state;
	struct catalog *catalog = make_three();
	assert_three(catalog);
	catalog_close(catalog);
	catalog = open_catalog(0);
	assert_three(catalog);
	catalog_close(catalog);
}

static void test_a_view_stays_while_segments_are_replaced(void **state)
{
	(void)state;
	struct catalog *catalog = make_three();
	const struct catalog_view *old = catalog_hold(catalog);
	struct segment_place merged = make_file(0, 20);
	struct catalog_segment *gone[] = { old->segments[0], old->segments[1] };
	assert_int_equal(apply(catalog, &merged, 1, gone, 2), TRAIL_OK);
	const struct catalog_view *now = catalog_hold(catalog);
	assert_int_equal(now->count, 2);
	assert_int_equal(now->segments[0]->segment.place.to, 20);
	assert_int_equal(now->segments[1]->segment.place.to, 40);
	assert_ptr_equal(now->segments[1], old->segments[2]);
	/* Their files are gone; who holds them reads them. */
	assert_int_equal(index_case_files(&world), 3);
	for (size_t i = 0; i < 3; i++)
		assert_readable(old, i);
	catalog_drop(catalog, old);
	assert_readable(now, 0);
	assert_readable(now, 1);
	catalog_drop(catalog, now);
	catalog_close(catalog);
	catalog_close(open_catalog(0));
}

static void test_a_change_that_fails_leaves_all_as_it_was(void **state)
{
	(void)state;
	struct catalog *catalog = make_three();
	const struct catalog_view *view = catalog_hold(catalog);
	struct catalog_segment *gone[] = { view->segments[0], view->segments[1] };
	struct segment_place merged = make_file(0, 20);
	index_case_damage(&world, &merged, BLOCK_LEN + 9);
	assert_int_equal(apply(catalog, &merged, 1, gone, 2), TRAIL_CORRUPT);
	catalog_drop(catalog, view);
	assert_int_equal(index_case_files(&world), 4);
	assert_three(catalog);
	catalog_close(catalog);
	catalog = open_catalog(0);
	assert_three(catalog);
	catalog_close(catalog);
}

static void test_a_suspect_is_remembered_until_it_is_taken_out(void **state)
{
	(void)state;
	struct catalog *catalog = make_three();
	const struct catalog_view *view = catalog_hold(catalog);
	struct catalog_segment *bad = view->segments[1];
	assert_false(catalog_suspects(catalog));
	catalog_suspect(catalog, bad);
	assert_int_equal(told, 1);
	assert_true(catalog_suspects(catalog));
	/* Another change does not forget it. */
	assert_int_equal(apply(catalog, NULL, 0, &view->segments[0], 1), TRAIL_OK);
	assert_true(catalog_suspects(catalog));
	assert_int_equal(apply(catalog, NULL, 0, &bad, 1), TRAIL_OK);
	assert_false(catalog_suspects(catalog));
	catalog_drop(catalog, view);
	catalog_close(catalog);
}

static void assert_hole(uint64_t from, uint64_t to)
{
	struct catalog *catalog = open_catalog(1);
	const struct catalog_view *view = catalog_hold(catalog);
	assert_int_equal(view->count, 2);
	assert_int_equal(view->hole_count, 1);
	assert_int_equal(view->holes[0].from, from);
	assert_int_equal(view->holes[0].to, to);
	assert_int_equal(view->indexed, 40);
	catalog_drop(catalog, view);
	catalog_close(catalog);
}

static void test_a_missing_segment_is_a_hole(void **state)
{
	char name[SEGMENT_NAME_MAX];
	(void)state;
	catalog_close(make_three());
	segment_name(2, name);
	assert_int_equal(unlinkat(world.at, name, 0), 0);
	assert_hole(10, 20);
}

static void test_a_segment_under_the_name_of_another_is_a_hole(void **state)
{
	char name[SEGMENT_NAME_MAX], other[SEGMENT_NAME_MAX];
	(void)state;
	catalog_close(make_three());
	segment_name(1, name);
	segment_name(3, other);
	assert_int_equal(renameat(world.at, name, world.at, other), 0);
	catalog_close(open_catalog(2));
}

static void test_files_that_nobody_names_are_removed(void **state)
{
	(void)state;
	catalog_close(make_three());
	(void)make_file(0, 5);
	(void)close(openat(world.at, "00.new", O_CREAT | O_WRONLY, 0600));
	(void)close(openat(world.at, "notes.txt", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(index_case_files(&world), 7);
	struct catalog *catalog = open_catalog(0);
	assert_three(catalog);
	catalog_close(catalog);
	/* Not what is none of ours. */
	assert_int_equal(index_case_files(&world), 5);
	assert_int_equal(faccessat(world.at, "notes.txt", F_OK, 0), 0);
}

static void test_an_index_of_another_history_is_none(void **state)
{
	(void)state;
	struct catalog *catalog = make_three();
	const struct catalog_change change = { .indexed = 40, .leaf = { { 39 } } };
	assert_int_equal(catalog_apply(catalog, &change), TRAIL_OK);
	catalog_close(catalog);
	catalog = open_catalog(SIZE_MAX);
	const struct catalog_view *view = catalog_hold(catalog);
	assert_int_equal(view->count, 0);
	assert_int_equal(view->indexed, 0);
	catalog_drop(catalog, view);
	catalog_close(catalog);
	assert_int_equal(index_case_files(&world), 1);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(test_a_manifest_comes_back),
		FRESH(test_every_turned_byte_of_a_manifest_is_seen),
		FRESH(test_a_manifest_of_another_key_is_refused),
		FRESH(test_ranges_that_cannot_be_are_refused),
		FRESH(test_a_catalog_comes_back_as_it_was_left),
		FRESH(test_a_view_stays_while_segments_are_replaced),
		FRESH(test_a_change_that_fails_leaves_all_as_it_was),
		FRESH(test_a_suspect_is_remembered_until_it_is_taken_out),
		FRESH(test_a_missing_segment_is_a_hole),
		FRESH(test_a_segment_under_the_name_of_another_is_a_hole),
		FRESH(test_files_that_nobody_names_are_removed),
		FRESH(test_an_index_of_another_history_is_none),
	};
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
