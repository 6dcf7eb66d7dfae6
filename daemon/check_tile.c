/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree nodes: for each commit and each fourth level exactly one row, with the nodes that the commit
 * finished there. Nodes come from the spine in the order in which the rows have them, so one walk
 * per level is enough. Each walk has a transaction of its own, as a transaction has one cursor per
 * table; nobody writes, so all see the same store.
 */
#include "check_lanes.h"

void tile_begin(struct tile_lanes *lanes, struct scan *scan)
{
	*lanes = (struct tile_lanes){ .scan = scan };
	for (unsigned level = 1; level <= TILE_LEVEL_MAX; level++) {
		struct tile_lane *lane = &lanes->lane[level];
		uint8_t from[KEY_TILE_LEN];
		key_tile((uint8_t)level, 0, from);
		lane->txn = db_begin(scan->db, false);
		if (!lane->txn)
			scan_nomem();
		walk_begin(&lane->walk, scan, lane->txn, TABLE_TILE, span_of(from, sizeof from));
	}
}

static uint64_t row_n(const struct tile_lane *lane)
{
	return load_be64(lane->walk.key.data + 1);
}

static size_t row_nodes(const struct tile_lane *lane)
{
	return lane->walk.value.len / HASH_LEN;
}

static void fetch(struct tile_lanes *lanes, unsigned level)
{
	struct tile_lane *lane = &lanes->lane[level];
	lane->in_run = false;
	lane->used = 0;
	lane->has = false;
	if (lane->walk.ended || !walk_next(&lane->walk))
		return;
	if (lane->walk.key.data[0] != level) {
		lane->walk.ended = true;
		return;
	}
	lane->has = true;
	lanes->rows++;
	if (lane->walk.value.len == 0 || lane->walk.value.len % HASH_LEN != 0)
		scan_find(lanes->scan, FIND_TILE_ROW, FINDING_NOWHERE,
			"the row of tree nodes (level %u, from %llu) has %zu bytes; "
			"restore the store",
			level * TILE_STEP, (unsigned long long)row_n(lane), lane->walk.value.len);
}

static void extra(struct tile_lanes *lanes, unsigned level)
{
	const struct tile_lane *lane = &lanes->lane[level];
	scan_find(lanes->scan, FIND_TILE_EXTRA, FINDING_NOWHERE,
		"tree nodes (level %u, from %llu) that no commit finished; restore the store",
		level * TILE_STEP, (unsigned long long)row_n(lane));
}

static void compare(struct tile_lanes *lanes, unsigned level, const struct hash *node)
{
	struct tile_lane *lane = &lanes->lane[level];
	if (lane->used >= row_nodes(lane)) {
		scan_find(lanes->scan, FIND_TILE_MISSING, FINDING_NOWHERE,
			"tree node (level %u, %llu) is missing; restore the store",
			level * TILE_STEP, (unsigned long long)lane->next);
		return;
	}
	if (memcmp(lane->walk.value.data + lane->used * HASH_LEN, node->b, HASH_LEN) != 0) {
		unsigned height = level * TILE_STEP;
		uint64_t first = lane->next << height;
		scan_find(lanes->scan, FIND_TILE_HASH, FINDING_NOWHERE,
			"tree node (level %u, %llu) is not what its records %llu to %llu give; "
			"compare with a mirror, restore the store",
			height, (unsigned long long)lane->next, (unsigned long long)first,
			(unsigned long long)(first + (UINT64_C(1) << height) - 1));
	}
	lane->used++;
}

void tile_done(void *ctx, unsigned binary_level, uint64_t index, const struct hash *node)
{
	struct tile_lanes *lanes = ctx;
	if (binary_level == 0 || binary_level % TILE_STEP != 0)
		return;
	unsigned level = binary_level / TILE_STEP;
	struct tile_lane *lane = &lanes->lane[level];
	lane->next = index;
	if (!lane->in_run) {
		if (!lane->has)
			fetch(lanes, level);
		while (lane->has && row_n(lane) < index) {
			extra(lanes, level);
			fetch(lanes, level);
		}
		lane->in_run = lane->has && row_n(lane) == index;
	}
	if (lane->in_run) {
		compare(lanes, level, node);
		return;
	}
	scan_find(lanes->scan, FIND_TILE_MISSING, FINDING_NOWHERE,
		"tree node (level %u, %llu) does not begin a row where its commit begins; "
		"restore the store",
		binary_level, (unsigned long long)index);
}

void tile_commit(struct tile_lanes *lanes)
{
	for (unsigned level = 1; level <= TILE_LEVEL_MAX; level++) {
		struct tile_lane *lane = &lanes->lane[level];
		if (!lane->in_run)
			continue;
		if (lane->used < row_nodes(lane))
			extra(lanes, level);
		lane->in_run = false;
		lane->has = false;
	}
}

/*
 * Once more through the table from its first row, as any reader would: what no lane came by is too
 * much, and a lane that began elsewhere than the rows do shows in the number.
 */
static void sweep(struct tile_lanes *lanes, bool whole)
{
	struct walk walk;
	uint64_t rows = 0;
	walk_begin(&walk, lanes->scan, lanes->scan->txn, TABLE_TILE, span_of(NULL, 0));
	while (walk_next(&walk))
		rows++;
	walk_count(&walk);
	if (whole && rows != lanes->rows)
		scan_find(lanes->scan, FIND_TILE_EXTRA, FINDING_NOWHERE,
			"the table of tree nodes has %llu rows, the commits account for %llu; "
			"restore the store",
			(unsigned long long)rows, (unsigned long long)lanes->rows);
}

void tile_end(struct tile_lanes *lanes, bool whole)
{
	for (unsigned level = 1; level <= TILE_LEVEL_MAX; level++) {
		struct tile_lane *lane = &lanes->lane[level];
		if (!lane->has)
			fetch(lanes, level);
		for (; whole && lane->has; fetch(lanes, level))
			extra(lanes, level);
		db_abort(lane->txn);
	}
	sweep(lanes, whole);
}
