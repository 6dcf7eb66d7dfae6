/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of tiles and bundles of entries from anywhere. Beyond not crashing: a tile has one name, a
 * bundle is the sum of its entries, and the tiles over any leaves give the tree's own root.
 */
#include "fuzz.h"

#include "../../proto/tile.h"

static void try_name(struct span in)
{
	struct tile tile;
	char name[TILE_PATH_MAX];
	if (!tile_parse(in, &tile))
		return;
	fuzz_assert(tile.level < TILE_LEVELS && tile.number <= TILE_NUMBER_MAX);
	fuzz_assert(tile.width >= 1 && tile.width <= TILE_WIDTH);
	tile_path(&tile, name);
	fuzz_assert(span_equal(span_text(name), in));
}

static void try_bundle(struct span in)
{
	struct buf out = { 0 };
	struct span rest = in;
	struct span entry;
	enum trail_err err;
	while ((err = tile_entry_take(&rest, &entry)) == TRAIL_OK)
		tile_entry_put(&out, entry);
	fuzz_assert(err == (rest.len == 0 ? TRAIL_END : TRAIL_INVALID));
	fuzz_assert(span_equal(buf_view(&out), span_of(in.data, in.len - rest.len)));
	buf_release(&out);
}

static void grow(struct tile_edge *edge, struct frontier *tree, struct hash hash)
{
	frontier_append(tree, &hash, NULL, NULL);
	for (unsigned level = 0; tile_edge_put(edge, level, &hash); level++) {
		fuzz_assert(tile_width(tree->size, level,
				    (tree->size - 1) >> TILE_BITS * (level + 1)) == TILE_WIDTH);
		tile_edge_close(edge, level, &hash);
	}
}

/* Its bytes are leaves, one each: an input of some hundred bytes fills tiles. */
static void try_edge(struct span in)
{
	struct tile_edge *edge = calloc(1, sizeof *edge);
	struct frontier tree = { 0 };
	struct hash leaf = { 0 };
	struct hash root;
	struct hash want;
	fuzz_assert(edge != NULL);
	for (size_t i = 0; i < in.len; i++) {
		leaf.b[0] = in.data[i];
		grow(edge, &tree, leaf);
	}
	for (unsigned level = 0; level < TILE_LEVELS; level++)
		fuzz_assert(edge->count[level] ==
			tile_width(in.len, level, tile_full_count(in.len, level)));
	tile_edge_root(edge, &root);
	frontier_root(&tree, &want);
	fuzz_assert(hash_equal(&root, &want));
	free(edge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	try_name(in);
	try_bundle(in);
	try_edge(in);
	return 0;
}
