/* SPDX-License-Identifier: Apache-2.0 */
#include "tile_judge.h"

#include <inttypes.h>

/* Two accounts of the same hashes: what lies below the tile, and the tile's own file. */
enum side {
	SIDE_NEITHER,
	SIDE_BELOW,
	SIDE_FILE,
};

void tile_judge_init(struct tile_judge *j, struct tile_folder *folder,
	const struct checkpoint *head, struct findings *found, struct fault *fault)
{
	*j = (struct tile_judge){
		.folder = folder,
		.found = found,
		.fault = fault,
		.head = head,
	};
}

void tile_judge_release(struct tile_judge *j)
{
	buf_release(&j->file);
	buf_release(&j->above);
}

/* ---- files ---- */

static struct tile tile_at(const struct tile_judge *j, unsigned level, uint64_t number)
{
	return (struct tile){
		.level = level,
		.number = number,
		.width = tile_width(j->head->size, level, number),
	};
}

static size_t most_of(const struct tile *tile)
{
	if (tile->entries)
		return (size_t)tile->width * (TILE_ENTRY_HEAD + TILE_ENTRY_MAX);
	return (size_t)tile->width * HASH_LEN;
}

static enum trail_err read_named(struct tile_judge *j, const struct tile *tile, struct buf *out)
{
	char name[TILE_PATH_MAX];
	tile_path(tile, name);
	enum trail_err err = tile_folder_read(j->folder, name, most_of(tile), out, j->fault);
	if (err == TRAIL_OK && !tile->entries && out->len != most_of(tile))
		return fault_set(j->fault, TRAIL_CORRUPT, "%s has %zu bytes instead of %zu", name,
			out->len, most_of(tile));
	return err;
}

enum trail_err tile_judge_read(
	struct tile_judge *j, const struct tile *tile, struct buf *out, bool *whole)
{
	struct tile full = *tile;
	full.width = TILE_WIDTH;
	*whole = tile->width == TILE_WIDTH;
	enum trail_err err = read_named(j, tile, out);
	if (err != TRAIL_END || *whole)
		return err;
	*whole = true;
	struct fault partial = *j->fault;
	err = read_named(j, &full, out);
	if (err == TRAIL_OK && !tile->entries)
		out->len = most_of(tile);
	/* The one that is missing is the one that belongs there. */
	if (err == TRAIL_END)
		*j->fault = partial;
	return err;
}

bool tile_judge_blame(struct tile_judge *j, const struct tile *tile, enum trail_err err)
{
	enum finding_code code = tile->entries ? FIND_TREE_ENTRIES : FIND_TREE_TILE;
	if (err == TRAIL_NOMEM)
		return false;
	if (err == TRAIL_IO)
		code = FIND_TREE_UNREADABLE;
	if (err == TRAIL_END)
		j->missing++;
	findings_add(j->found, code, tile_leaf(tile->level, tile->number, 0),
		"%s; take it from a mirror, or publish the log into another folder",
		j->fault->sentence);
	return true;
}

/* ---- which side ---- */

/* What the level above says that the full tile's root is. */
static enum trail_err root_above(struct tile_judge *j, const struct tile *tile, struct hash *root)
{
	struct tile above = tile_at(j, tile->level + 1, tile->number >> TILE_BITS);
	size_t i = tile->number & (TILE_WIDTH - 1);
	bool whole;
	enum trail_err err = tile_judge_read(j, &above, &j->above, &whole);
	if (err == TRAIL_OK)
		memcpy(root->b, j->above.data + i * HASH_LEN, HASH_LEN);
	return err;
}

static void put_in_edge(struct tile_edge *edge, const struct tile *tile, const void *hashes)
{
	edge->count[tile->level] = tile->width;
	memcpy(edge->hash[tile->level], hashes, (size_t)tile->width * HASH_LEN);
}

/* Whether these hashes of the partial tile lead to the signed root. */
static bool leads_to_head(struct tile_judge *j, const struct tile *tile, const void *hashes)
{
	struct hash root;
	put_in_edge(&j->edge, tile, hashes);
	tile_edge_root(&j->edge, &root);
	return hash_equal(&root, &j->head->root);
}

static enum side ask_head(struct tile_judge *j, const struct tile *tile, const struct hash *below)
{
	/* `below` may be the edge's own. */
	struct hash kept[TILE_WIDTH];
	enum side side = SIDE_NEITHER;
	if (j->lost)
		return SIDE_NEITHER;
	memcpy(kept, below, (size_t)tile->width * HASH_LEN);
	if (leads_to_head(j, tile, kept))
		side = SIDE_BELOW;
	else if (leads_to_head(j, tile, j->file.data))
		side = SIDE_FILE;
	put_in_edge(&j->edge, tile, kept);
	return side;
}

static enum trail_err ask_above(
	struct tile_judge *j, const struct tile *tile, const struct hash *below, enum side *side)
{
	struct hash file[TILE_WIDTH];
	struct hash want;
	struct hash root;
	*side = SIDE_NEITHER;
	enum trail_err err = root_above(j, tile, &want);
	if (err != TRAIL_OK)
		return err == TRAIL_NOMEM ? err : TRAIL_OK;
	tile_root(below, &root);
	if (hash_equal(&root, &want))
		*side = SIDE_BELOW;
	memcpy(file, j->file.data, sizeof file);
	tile_root(file, &root);
	if (hash_equal(&root, &want))
		*side = SIDE_FILE;
	return TRAIL_OK;
}

/* ---- what is found ---- */

static void find_bad_tile(
	struct tile_judge *j, const struct tile *tile, unsigned i, const char *which)
{
	char name[TILE_PATH_MAX];
	tile_path(tile, name);
	findings_add(j->found, FIND_TREE_TILE, tile_leaf(tile->level, tile->number, i),
		"%s: hash %u is not what the entries below it give; %s", name, i, which);
}

static void find_bad_entries(struct tile_judge *j, const struct tile *tile, unsigned i)
{
	uint64_t first = tile_leaf(tile->level, tile->number, i);
	if (tile->level == 0)
		findings_add(j->found, FIND_TREE_ENTRIES, first,
			"entry %" PRIu64 " is not the one that the tree holds: it was changed; "
			"take it from a mirror",
			first);
	else
		findings_add(j->found, FIND_TREE_ENTRIES, first,
			"the entries from %" PRIu64 " to %" PRIu64
			", and the tiles over them, are not those that the tree holds: they were "
			"changed together; take them from a mirror",
			first, tile_leaf(tile->level, tile->number, i + 1) - 1);
}

/* The sides differ in hash i; of the entries' side only the first `known` are there. */
static bool differs(
	const struct tile_judge *j, const struct hash *below, unsigned known, unsigned i)
{
	return i < known && memcmp(below[i].b, j->file.data + (size_t)i * HASH_LEN, HASH_LEN) != 0;
}

static unsigned first_difference(
	const struct tile_judge *j, const struct hash *below, unsigned known)
{
	unsigned i = 0;
	while (i < known && !differs(j, below, known, i))
		i++;
	return i;
}

static void find_difference(struct tile_judge *j, const struct tile *tile, struct hash *below,
	unsigned known, enum side side)
{
	unsigned first = first_difference(j, below, known);
	switch (side) {
	case SIDE_BELOW:
		find_bad_tile(j, tile, first, "the entries are those of the tree, it was changed");
		return;
	case SIDE_NEITHER:
		find_bad_tile(j, tile, first, "which of the two was changed cannot be told");
		return;
	case SIDE_FILE:
		break;
	}
	j->overruled = true;
	for (unsigned i = first; i < known; i++)
		if (differs(j, below, known, i))
			find_bad_entries(j, tile, i);
	memcpy(below, j->file.data, (size_t)known * HASH_LEN);
}

/* ---- tile by tile ---- */

/*
 * Compare the tile's file with below[0 .. known), which becomes what is believed, all of it. *lost:
 * that cannot be told.
 */
static enum trail_err compare(struct tile_judge *j, const struct tile *tile, struct hash *below,
	unsigned known, bool *lost)
{
	bool whole;
	enum side side = SIDE_NEITHER;
	*lost = false;
	enum trail_err err = tile_judge_read(j, tile, &j->file, &whole);
	if (err != TRAIL_OK) {
		*lost = known < tile->width;
		return tile_judge_blame(j, tile, err) ? TRAIL_OK : err;
	}
	if (first_difference(j, below, known) < known) {
		if (known == tile->width && tile->width == TILE_WIDTH)
			err = ask_above(j, tile, below, &side);
		else if (known == tile->width)
			side = ask_head(j, tile, below);
		else
			side = SIDE_FILE;
		find_difference(j, tile, below, known, side);
	}
	memcpy(below + known, j->file.data + (size_t)known * HASH_LEN,
		(size_t)(tile->width - known) * HASH_LEN);
	return err;
}

/* The level above gets the root of a full tile, and so on while tiles fill. */
static enum trail_err climb(struct tile_judge *j, struct tile tile, struct hash *root)
{
	bool lost;
	for (;;) {
		tile = tile_at(j, tile.level + 1, tile.number >> TILE_BITS);
		if (!tile_edge_put(&j->edge, tile.level, root))
			return TRAIL_OK;
		enum trail_err err = compare(j, &tile, j->edge.hash[tile.level], TILE_WIDTH, &lost);
		if (err != TRAIL_OK)
			return err;
		tile_edge_close(&j->edge, tile.level, root);
	}
}

/* Nothing tells of the tile's leaves but, maybe, the level above. */
static enum trail_err pass_over(struct tile_judge *j, const struct tile *tile)
{
	struct hash root;
	enum trail_err err = TRAIL_END;
	j->blind = true;
	j->edge.count[0] = 0;
	if (tile->width == TILE_WIDTH)
		err = root_above(j, tile, &root);
	if (err == TRAIL_OK && !j->lost)
		return climb(j, *tile, &root);
	j->lost = true;
	return err == TRAIL_NOMEM ? err : TRAIL_OK;
}

enum trail_err tile_judge_leaves(
	struct tile_judge *j, uint64_t number, struct hash leaf[TILE_WIDTH], unsigned known)
{
	struct tile tile = tile_at(j, 0, number);
	struct hash root;
	bool lost;
	put_in_edge(&j->edge, &tile, leaf);
	enum trail_err err = compare(j, &tile, leaf, known, &lost);
	if (err != TRAIL_OK)
		return err;
	if (known < tile.width)
		j->overruled = true;
	if (lost)
		return pass_over(j, &tile);
	put_in_edge(&j->edge, &tile, leaf);
	if (tile.width < TILE_WIDTH)
		return TRAIL_OK;
	tile_edge_close(&j->edge, 0, &root);
	j->root = root;
	return j->lost ? TRAIL_OK : climb(j, tile, &root);
}

enum trail_err tile_judge_end(struct tile_judge *j)
{
	for (unsigned level = 1; level < TILE_LEVELS && !j->lost; level++) {
		struct tile tile = tile_at(j, level, tile_full_count(j->head->size, level));
		bool lost;
		if (tile.width == 0)
			continue;
		enum trail_err err =
			compare(j, &tile, j->edge.hash[level], j->edge.count[level], &lost);
		if (err != TRAIL_OK)
			return err;
	}
	return TRAIL_OK;
}
