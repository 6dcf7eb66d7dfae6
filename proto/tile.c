/* SPDX-License-Identifier: Apache-2.0 */
#include "tile.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	GROUP = 1000, /* three digits of a number make one folder or file */
	GROUPS_MAX = 6,
};

static const char top_folder[] = "tile/";
static const char entries_folder[] = "entries/";
static const char partial_mark[] = ".p/"; /* behind the number, in front of the width */

/* ---- names ---- */

/* One more piece of the name. TILE_PATH_MAX is room for every name. */
static void put(char **end, const char *text)
{
	*end = stpcpy(*end, text);
}

static void put_group(char **end, unsigned group, bool last)
{
	char text[16];
	(void)snprintf(text, sizeof text, last ? "%03u" : "x%03u/", group % GROUP);
	put(end, text);
}

static void put_decimal(char **end, unsigned value)
{
	char text[16];
	(void)snprintf(text, sizeof text, "%u", value);
	put(end, text);
}

void tile_path(const struct tile *tile, char out[TILE_PATH_MAX])
{
	unsigned groups[GROUPS_MAX];
	size_t count = 0;
	char *end = out;
	for (uint64_t rest = tile->number; count == 0 || (rest > 0 && count < GROUPS_MAX);
		rest /= GROUP)
		groups[count++] = (unsigned)(rest % GROUP);
	put(&end, top_folder);
	if (tile->entries) {
		put(&end, entries_folder);
	} else {
		put_decimal(&end, tile->level % TILE_LEVELS);
		put(&end, "/");
	}
	while (count-- > 0)
		put_group(&end, groups[count], count == 0);
	if (tile->width < TILE_WIDTH) {
		put(&end, partial_mark);
		put_decimal(&end, tile->width);
	}
}

/* Whether `in` starts with `word`, which is taken then. */
static bool take_word(struct span *in, const char *word)
{
	size_t len = strlen(word);
	if (in->len < len || memcmp(in->data, word, len) != 0)
		return false;
	*in = span_of(in->data + len, in->len - len);
	return true;
}

/* Decimal, no leading zeros, at most `most`. */
static bool take_decimal(struct span *in, unsigned most, unsigned *out)
{
	unsigned value = 0;
	size_t i = 0;
	for (; i < in->len && in->data[i] >= '0' && in->data[i] <= '9'; i++) {
		value = value * 10 + (unsigned)(in->data[i] - '0');
		if (value > most)
			return false;
	}
	if (i == 0 || (i > 1 && in->data[0] == '0'))
		return false;
	*in = span_of(in->data + i, in->len - i);
	*out = value;
	return true;
}

/* Exactly three digits. */
static bool take_group(struct span *in, unsigned *out)
{
	unsigned value = 0;
	if (in->len < 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (in->data[i] < '0' || in->data[i] > '9')
			return false;
		value = value * 10 + (unsigned)(in->data[i] - '0');
	}
	*in = span_of(in->data + 3, in->len - 3);
	*out = value;
	return true;
}

static bool take_number(struct span *in, uint64_t *out)
{
	uint64_t number = 0;
	unsigned group;
	size_t groups = 0;
	while (take_word(in, "x")) {
		if (++groups >= GROUPS_MAX || !take_group(in, &group) || !take_word(in, "/"))
			return false;
		/* A leading group of zeros would be another name of the same tile. */
		number = number * GROUP + group;
		if (number == 0)
			return false;
	}
	if (!take_group(in, &group))
		return false;
	*out = number * GROUP + group;
	return *out <= TILE_NUMBER_MAX;
}

bool tile_parse(struct span path, struct tile *out)
{
	struct tile tile = { .width = TILE_WIDTH };
	if (!take_word(&path, top_folder))
		return false;
	tile.entries = take_word(&path, entries_folder);
	if (!tile.entries &&
		(!take_decimal(&path, TILE_LEVELS - 1, &tile.level) || !take_word(&path, "/")))
		return false;
	if (!take_number(&path, &tile.number))
		return false;
	if (take_word(&path, partial_mark) &&
		(!take_decimal(&path, TILE_WIDTH - 1, &tile.width) || tile.width == 0))
		return false;
	if (path.len != 0)
		return false;
	*out = tile;
	return true;
}

/* ---- which tiles there are ---- */

uint64_t tile_full_count(uint64_t size, unsigned level)
{
	return level < TILE_LEVELS - 1 ? size >> TILE_BITS * (level + 1) : 0;
}

unsigned tile_width(uint64_t size, unsigned level, uint64_t number)
{
	uint64_t full = tile_full_count(size, level);
	if (number < full)
		return TILE_WIDTH;
	return number > full ? 0 : (unsigned)(size >> TILE_BITS * level & (TILE_WIDTH - 1));
}

uint64_t tile_leaf(unsigned level, uint64_t number, unsigned i)
{
	return (number * TILE_WIDTH + i) << TILE_BITS * level;
}

/* ---- bundles ---- */

void tile_entry_put(struct buf *bundle, struct span entry)
{
	buf_put_be16(bundle, (uint16_t)entry.len);
	buf_put_span(bundle, entry);
}

enum trail_err tile_entry_take(struct span *bundle, struct span *entry)
{
	if (bundle->len == 0)
		return TRAIL_END;
	if (bundle->len < TILE_ENTRY_HEAD)
		return TRAIL_INVALID;
	size_t len = load_be16(bundle->data);
	if (bundle->len - TILE_ENTRY_HEAD < len)
		return TRAIL_INVALID;
	*entry = span_of(bundle->data + TILE_ENTRY_HEAD, len);
	*bundle = span_of(entry->data + len, bundle->len - TILE_ENTRY_HEAD - len);
	return TRAIL_OK;
}

/* ---- the right edge ---- */

void tile_root(const struct hash hashes[TILE_WIDTH], struct hash *root)
{
	struct hash half[TILE_WIDTH / 2];
	const struct hash *from = hashes;
	for (size_t count = TILE_WIDTH / 2; count > 0; count /= 2) {
		for (size_t i = 0; i < count; i++)
			hash_node(&from[2 * i], &from[2 * i + 1], &half[i]);
		from = half;
	}
	*root = *from;
}

bool tile_edge_put(struct tile_edge *edge, unsigned level, const struct hash *hash)
{
	edge->hash[level][edge->count[level]++] = *hash;
	return edge->count[level] == TILE_WIDTH;
}

void tile_edge_close(struct tile_edge *edge, unsigned level, struct hash *root)
{
	tile_root(edge->hash[level], root);
	edge->count[level] = 0;
}

void tile_edge_root(const struct tile_edge *edge, struct hash *root)
{
	struct frontier f = { 0 };
	for (unsigned level = TILE_LEVELS; level-- > 0;)
		for (unsigned i = 0; i < edge->count[level]; i++)
			frontier_append_node(&f, TILE_BITS * level, &edge->hash[level][i]);
	frontier_root(&f, root);
}
