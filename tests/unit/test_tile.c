/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles: names and counts as c2sp.org/tlog-tiles has them, and the right edge against the tree's
 * own roots. G3: a published log is the tree that the checkpoint names, for whoever reads it.
 */
#include "../../proto/tile.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	LEAVES = 137899,
	LEVELS_BELOW = 3, /* tiles of 2^24 leaves are beyond this test */
};

static struct hash leaves[LEAVES];

static int make_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEAVES; i++) {
		uint8_t entry[8];
		store_be64(entry, i);
		hash_leaf(span_of(entry, sizeof entry), &leaves[i]);
	}
	return 0;
}

/* ---- names ---- */

static void assert_name(struct tile tile, const char *name)
{
	char path[TILE_PATH_MAX];
	struct tile back;
	memset(path, 'z', sizeof path);
	tile_path(&tile, path);
	assert_string_equal(path, name);
	assert_true(tile_parse(span_text(name), &back));
	assert_int_equal(back.entries, tile.entries);
	assert_int_equal(back.level, tile.level);
	assert_int_equal(back.number, tile.number);
	assert_int_equal(back.width, tile.width);
}

static void test_names_are_those_of_the_standard(void **state)
{
	(void)state;
	assert_name((struct tile){ false, 0, 0, 256 }, "tile/0/000");
	assert_name((struct tile){ false, 1, 1, 17 }, "tile/1/001.p/17");
	assert_name((struct tile){ false, 0, 999, 256 }, "tile/0/999");
	assert_name((struct tile){ false, 0, 1000, 1 }, "tile/0/x001/000.p/1");
	assert_name((struct tile){ false, 2, 1234067, 256 }, "tile/2/x001/x234/067");
	assert_name((struct tile){ true, 0, 1234067, 256 }, "tile/entries/x001/x234/067");
	assert_name((struct tile){ true, 0, 273, 112 }, "tile/entries/273.p/112");
	assert_name((struct tile){ false, 7, 0, 127 }, "tile/7/000.p/127");
	assert_name((struct tile){ true, 0, TILE_NUMBER_MAX, 255 },
		"tile/entries/x036/x028/x797/x018/x963/967.p/255");
}

static void test_names_that_are_none_are_refused(void **state)
{
	static const char *const BAD[] = { "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0",
		"tile/0/00", "tile/0/0000", "tile/0/1", "tile/0/x000/000", "tile/0/x000/x001/000",
		"tile/0/000/", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/000.p/+1",
		"tile/0/000.p/1 ", "tile/00/000", "tile/8/000", "tile/63/000", "tile/64/000",
		"tile/-1/000", "tile/ 0/000", "/tile/0/000", "tile//000", "tile/0/x001",
		"tile/0/x001/", "tile/0/X001/000", "tile/0/x1/000", "tile/0/x0001/000",
		"tile/0/x001/00a", "tile/data/000", "tile/entries/0/000", "tile/entries",
		"tile/entries/", "checkpoint", "tile/0/../000",
		"tile/entries/x036/x028/x797/x018/x963/968",
		"tile/0/x001/x000/x000/x000/x000/x000/000", "tile/0/000.p/4294967297",
		"tile/4294967296/000" };
	struct tile tile = { .level = 5, .number = 77, .width = 3 };
	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
		if (tile_parse(span_text(BAD[i]), &tile))
			fail_msg("%s was taken for a tile", BAD[i]);
	}
	assert_false(tile_parse(span_of("tile/0/000\0", 11), &tile));
	assert_int_equal(tile.number, 77);
}

static void test_every_name_has_one_tile_and_every_tile_one_name(void **state)
{
	uint64_t random = 7;
	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		struct tile tile = {
			.entries = random_below(&random, 2) == 1,
			.number = random_next(&random) >> random_below(&random, 64),
			.width = 1 + (unsigned)random_below(&random, TILE_WIDTH),
		};
		char path[TILE_PATH_MAX];
		tile.number = tile.number > TILE_NUMBER_MAX ? TILE_NUMBER_MAX : tile.number;
		if (!tile.entries)
			tile.level = (unsigned)random_below(&random, TILE_LEVELS);
		tile_path(&tile, path);
		assert_true(strlen(path) < TILE_PATH_MAX);
		assert_name(tile, path);
	}
}

/* ---- which there are ---- */

static void assert_counts(uint64_t size, unsigned level, uint64_t full, unsigned rest)
{
	assert_int_equal(tile_full_count(size, level), full);
	assert_int_equal(tile_width(size, level, full), rest);
	assert_int_equal(tile_width(size, level, full + 1), 0);
	if (full > 0)
		assert_int_equal(tile_width(size, level, full - 1), TILE_WIDTH);
}

static void test_counts_are_those_of_the_standard(void **state)
{
	(void)state;
	assert_counts(0, 0, 0, 0);
	assert_counts(1, 0, 0, 1);
	assert_counts(1, 1, 0, 0);
	assert_counts(255, 0, 0, 255);
	assert_counts(256, 0, 1, 0);
	assert_counts(256, 1, 0, 1);
	assert_counts(257, 0, 1, 1);
	assert_counts(257, 1, 0, 1);
	assert_counts(70000, 0, 273, 112);
	assert_counts(70000, 1, 1, 17);
	assert_counts(70000, 2, 0, 1);
	assert_counts(70000, 3, 0, 0);
	assert_counts(INT64_MAX, 0, TILE_NUMBER_MAX, 255);
	assert_counts(INT64_MAX, 6, 127, 255);
	assert_counts(INT64_MAX, 7, 0, 127);
	assert_int_equal(tile_leaf(0, 3, 5), 3 * 256 + 5);
	assert_int_equal(tile_leaf(1, 1, 17), (256 + 17) * 256);
	assert_int_equal(tile_leaf(7, 0, 127), UINT64_C(127) << 56);
}

/* ---- what is in them ---- */

/* MTH(D[first : first + count]). */
static void subtree(uint64_t first, uint64_t count, struct hash *root)
{
	struct frontier f = { 0 };
	for (uint64_t i = 0; i < count; i++)
		frontier_append(&f, &leaves[first + i], NULL, NULL);
	frontier_root(&f, root);
}

/* Each hash of the tile is what the standard says that it is. */
static void assert_tile(const struct hash *hashes, unsigned level, uint64_t number, unsigned width)
{
	struct hash want;
	for (unsigned i = 0; i < width; i++) {
		subtree(tile_leaf(level, number, i), UINT64_C(1) << TILE_BITS * level, &want);
		assert_true(hash_equal(&want, &hashes[i]));
	}
}

static void assert_edge(const struct tile_edge *edge, uint64_t size)
{
	struct hash root;
	struct hash want;
	for (unsigned level = 0; level < TILE_LEVELS; level++) {
		uint64_t number = tile_full_count(size, level);
		assert_int_equal(edge->count[level], tile_width(size, level, number));
		assert_tile(edge->hash[level], level, number, edge->count[level]);
	}
	tile_edge_root(edge, &root);
	subtree(0, size, &want);
	assert_true(hash_equal(&want, &root));
}

static bool is_looked_at(uint64_t size)
{
	static const uint64_t SIZES[] = { 1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, 70000,
		LEAVES };
	for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
		if (SIZES[i] == size)
			return true;
	return false;
}

static void test_g3_the_edge_gives_the_tiles_and_the_root_of_the_tree(void **state)
{
	struct tile_edge *edge = calloc(1, sizeof *edge);
	uint64_t full[LEVELS_BELOW] = { 0 };
	struct hash root;
	struct hash empty;
	(void)state;
	assert_non_null(edge);
	tile_edge_root(edge, &root);
	hash_bytes(span_text(""), &empty);
	assert_true(hash_equal(&root, &empty));
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct hash hash = leaves[size - 1];
		for (unsigned level = 0; tile_edge_put(edge, level, &hash); level++) {
			assert_tile(edge->hash[level], level, full[level], TILE_WIDTH);
			full[level]++;
			tile_edge_close(edge, level, &hash);
		}
		if (is_looked_at(size))
			assert_edge(edge, size);
	}
	for (unsigned level = 0; level < LEVELS_BELOW; level++)
		assert_int_equal(full[level], tile_full_count(LEAVES, level));
	free(edge);
}

/* ---- bundles ---- */

static void test_entries_come_back_as_they_were_put(void **state)
{
	static const uint8_t LONG[TILE_ENTRY_MAX] = { 1, 2, 3 };
	struct buf bundle = { 0 };
	struct span entry;
	(void)state;
	tile_entry_put(&bundle, span_text("one"));
	tile_entry_put(&bundle, span_text(""));
	tile_entry_put(&bundle, span_of(LONG, sizeof LONG));
	assert_false(bundle.failed);
	assert_memory_equal(bundle.data, "\0\003one\0\0\377\377\001\002\003", 12);
	struct span in = buf_view(&bundle);
	assert_int_equal(tile_entry_take(&in, &entry), TRAIL_OK);
	assert_true(span_equal(entry, span_text("one")));
	assert_int_equal(tile_entry_take(&in, &entry), TRAIL_OK);
	assert_int_equal(entry.len, 0);
	assert_int_equal(tile_entry_take(&in, &entry), TRAIL_OK);
	assert_true(span_equal(entry, span_of(LONG, sizeof LONG)));
	assert_int_equal(tile_entry_take(&in, &entry), TRAIL_END);
	buf_release(&bundle);
}

static void test_an_entry_that_is_cut_off_is_refused(void **state)
{
	static const uint8_t BUNDLE[] = { 0, 3, 'o', 'n', 'e' };
	(void)state;
	for (size_t len = 1; len < sizeof BUNDLE; len++) {
		struct span in = span_of(BUNDLE, len);
		struct span entry;
		assert_int_equal(tile_entry_take(&in, &entry), TRAIL_INVALID);
		assert_int_equal(in.len, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_those_of_the_standard),
		cmocka_unit_test(test_names_that_are_none_are_refused),
		cmocka_unit_test(test_every_name_has_one_tile_and_every_tile_one_name),
		cmocka_unit_test(test_counts_are_those_of_the_standard),
		cmocka_unit_test(test_g3_the_edge_gives_the_tiles_and_the_root_of_the_tree),
		cmocka_unit_test(test_entries_come_back_as_they_were_put),
		cmocka_unit_test(test_an_entry_that_is_cut_off_is_refused),
	};
	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
