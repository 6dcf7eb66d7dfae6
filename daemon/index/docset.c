/* SPDX-License-Identifier: Apache-2.0 */
#include "docset.h"

#include <stdlib.h>

void docset_init(struct docset *set, const struct segment *segment)
{
	*set = (struct docset){ .docs = (uint32_t)(segment->place.to - segment->place.from) };
}

static void drop_lists(struct docset *set)
{
	for (size_t i = 0; i < set->list_count; i++) {
		segment_cursor_close(set->lists[i]);
		free(set->lists[i]);
	}
	set->list_count = 0;
}

void docset_release(struct docset *set)
{
	drop_lists(set);
	free(set->bits);
	set->bits = NULL;
}

/* ---- bitmaps ---- */

enum trail_err docset_flatten(struct docset *set)
{
	enum trail_err err = TRAIL_OK;
	if (set->bits)
		return TRAIL_OK;
	set->bits = calloc(docset_words(set->docs), sizeof *set->bits);
	if (!set->bits)
		return TRAIL_NOMEM;
	for (size_t i = 0; i < set->list_count && !err; i++)
		err = segment_cursor_set(set->lists[i], set->bits);
	if (!err) {
		drop_lists(set);
		return TRAIL_OK;
	}
	/* It stays what it was. */
	free(set->bits);
	set->bits = NULL;
	return err;
}

enum trail_err docset_complement(struct docset *set, struct docset *all)
{
	enum trail_err err = docset_flatten(set);
	if (!err)
		err = docset_flatten(all);
	for (size_t i = 0; !err && i < docset_words(set->docs); i++)
		set->bits[i] = all->bits[i] & ~set->bits[i];
	set->count = all->count;
	return err;
}

bool bits_seek(const uint64_t *bits, uint32_t docs, uint32_t doc, bool down, uint32_t *out)
{
	size_t words = docset_words(docs);
	if (down && doc >= docs)
		doc = docs;
	size_t at = doc / 64;
	if (at >= words)
		return false;
	uint64_t word = bits[at] & (down ? UINT64_MAX >> (63 - doc % 64) : UINT64_MAX << doc % 64);
	while (word == 0) {
		if (down ? at == 0 : at + 1 == words)
			return false;
		word = bits[down ? --at : ++at];
	}
	*out = (uint32_t)(at * 64) +
		(uint32_t)(down ? 63 - __builtin_clzll(word) : __builtin_ctzll(word));
	return true;
}

uint64_t bits_count(const uint64_t *bits, uint32_t docs, uint32_t low, uint32_t high)
{
	uint64_t sum = 0;
	if (high >= docs)
		high = docs;
	for (size_t at = low / 64; low <= high && at <= high / 64; at++) {
		uint64_t word = bits[at];
		if (at == low / 64)
			word &= UINT64_MAX << low % 64;
		if (at == high / 64)
			word &= UINT64_MAX >> (63 - high % 64);
		sum += (uint64_t)__builtin_popcountll(word);
	}
	return sum;
}

/* ---- lists ---- */

static enum trail_err add_to_bits(
	struct docset *set, const struct segment *segment, const struct segment_term *term)
{
	if (term->count == 1 && term->doc >= set->docs)
		return TRAIL_CORRUPT;
	if (term->count == 1) {
		set->bits[term->doc / 64] |= UINT64_C(1) << term->doc % 64;
		return TRAIL_OK;
	}
	struct segment_cursor *list = malloc(sizeof *list);
	if (!list)
		return TRAIL_NOMEM;
	enum trail_err err = segment_cursor_open(list, segment, term);
	if (!err)
		err = segment_cursor_set(list, set->bits);
	segment_cursor_close(list);
	free(list);
	return err;
}

enum trail_err docset_add(
	struct docset *set, const struct segment *segment, const struct segment_term *term)
{
	set->count += term->count;
	if (!set->bits && set->list_count == DOCSET_LISTS_MAX) {
		enum trail_err err = docset_flatten(set);
		if (err)
			return err;
	}
	if (set->bits)
		return add_to_bits(set, segment, term);
	struct segment_cursor *list = malloc(sizeof *list);
	if (!list)
		return TRAIL_NOMEM;
	set->lists[set->list_count++] = list;
	return segment_cursor_open(list, segment, term);
}

enum trail_err docset_seek(struct docset *set, uint32_t doc, bool down, uint32_t *out)
{
	bool found = false;
	if (set->bits)
		return bits_seek(set->bits, set->docs, doc, down, out) ? TRAIL_OK : TRAIL_END;
	for (size_t i = 0; i < set->list_count; i++) {
		uint32_t next;
		enum trail_err err = segment_cursor_seek(set->lists[i], doc, down, &next);
		if (err == TRAIL_END)
			continue;
		if (err)
			return err;
		if (next >= set->docs)
			return TRAIL_CORRUPT;
		if (!found || (down ? next > *out : next < *out))
			*out = next;
		found = true;
	}
	return found ? TRAIL_OK : TRAIL_END;
}
