/* SPDX-License-Identifier: Apache-2.0 */
#include "tile_strays.h"

struct strays {
	struct tile_judge *j;
	struct buf larger;
	enum trail_err err;
};

static void find_stranger(struct tile_judge *j, const char *name)
{
	findings_add(j->found, FIND_TREE_STRANGER, FINDING_NOWHERE,
		"%s is no tile: no checkpoint speaks of it, and nobody should read it; remove it",
		name);
}

/* The length of `count` entries at the beginning of the bundle. */
static size_t entries_len(struct span bundle, unsigned count)
{
	struct span rest = bundle;
	struct span entry;
	while (count-- > 0)
		if (tile_entry_take(&rest, &entry) != TRAIL_OK)
			break;
	return bundle.len - rest.len;
}

static void compare(struct strays *s, const struct tile *partial, const char *name)
{
	struct tile_judge *j = s->j;
	struct span larger = buf_view(&s->larger);
	struct span file = buf_view(&j->file);
	larger.len = partial->entries ? entries_len(larger, partial->width)
				      : (size_t)partial->width * HASH_LEN;
	if (span_equal(file, larger))
		return;
	findings_add(j->found, partial->entries ? FIND_TREE_ENTRIES : FIND_TREE_TILE,
		tile_leaf(partial->level, partial->number, 0),
		"%s is not the beginning of the one that took its place: who holds an older "
		"checkpoint is misled by it; remove it",
		name);
}

/* An earlier checkpoint's partial tile, which the one at hand has in a wider form. */
static void judge_partial(struct strays *s, const struct tile *partial, const char *name)
{
	struct tile_judge *j = s->j;
	struct tile larger = *partial;
	bool whole;
	larger.width = tile_width(j->head->size, larger.level, larger.number);
	enum trail_err err = tile_judge_read(j, &larger, &s->larger, &whole);
	/* It was told already that this one is missing or damaged. */
	if (err == TRAIL_OK)
		err = tile_judge_read(j, partial, &j->file, &whole);
	else if (err != TRAIL_NOMEM)
		return;
	if (err == TRAIL_OK && !whole)
		compare(s, partial, name);
	else if (err != TRAIL_OK && !tile_judge_blame(j, partial, err))
		s->err = err;
}

static bool judge_file(void *ctx, const char *name, bool is_file)
{
	struct strays *s = ctx;
	struct tile tile;
	if (!is_file || !tile_parse(span_text(name), &tile)) {
		find_stranger(s->j, name);
		return true;
	}
	if (tile.width < tile_width(s->j->head->size, tile.level, tile.number))
		judge_partial(s, &tile, name);
	return s->err == TRAIL_OK;
}

enum trail_err tile_strays_judge(struct tile_judge *j)
{
	struct strays s = { .j = j };
	enum trail_err err = tile_folder_walk(j->folder, judge_file, &s, j->fault);
	if (err == TRAIL_IO)
		findings_add(
			j->found, FIND_TREE_UNREADABLE, FINDING_NOWHERE, "%s", j->fault->sentence);
	buf_release(&s.larger);
	return s.err;
}
