/* SPDX-License-Identifier: Apache-2.0 */
#include "levels.h"

enum {
	GROWTH = 3 /* the others together are so many times the largest */
};

static bool same_part(const struct segment_place *a, const struct segment_place *b)
{
	return a->class_no == b->class_no && a->month == b->month;
}

/* How many items from `first` on can become one segment, `most` at the most. */
static size_t stretch(const struct levels_item *items, size_t n, size_t first, size_t most)
{
	const struct segment_place *place = &items[first].place;
	size_t i = first;
	for (; i < n && i - first < most; i++) {
		const struct levels_item *item = &items[i];
		if (i > first && (!item->follows || !same_part(&item->place, place)))
			break;
		if (item->place.to - place->from > LEVELS_DOCS_MAX)
			break;
	}
	return i - first;
}

/* How many segments from `first` on are worth a merge, the most; 0: none. *sum: their records. */
static size_t window(const struct levels_item *items, size_t n, size_t first, uint64_t *sum)
{
	size_t most = stretch(items, n, first, LEVELS_FAN_MAX), found = 0;
	uint64_t largest = 0, all = 0;
	*sum = 0;
	for (size_t i = 0; i < most; i++) {
		uint64_t records = items[first + i].records;
		largest = records > largest ? records : largest;
		all += records;
		if (i + 1 < LEVELS_FAN || (all - largest) / GROWTH < largest)
			continue;
		found = i + 1;
		*sum = all;
	}
	return found;
}

/*
 * Where sizes differ much, each that is large keeps the small ones beside it from growing: those
 * pile up without an end. Of a pile that is too high the LEVELS_FAN_MAX go that are cheapest.
 */
static bool choose_of_pile(const struct levels_item *items, size_t n, size_t *first)
{
	uint64_t least = UINT64_MAX;
	size_t next = 0; /* windows before were looked at */
	for (size_t i = 0; i < n; i++) {
		if (stretch(items, n, i, LEVELS_PILE) < LEVELS_PILE)
			continue;
		next = next > i ? next : i;
		for (; next + LEVELS_FAN_MAX <= i + LEVELS_PILE; next++) {
			uint64_t sum = 0;
			for (size_t j = next; j < next + LEVELS_FAN_MAX; j++)
				sum += items[j].records;
			if (sum < least)
				*first = next;
			least = sum < least ? sum : least;
		}
	}
	return least != UINT64_MAX;
}

bool levels_choose(const struct levels_item *items, size_t n, size_t *first, size_t *count)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		uint64_t sum;
		size_t found = window(items, n, i, &sum);
		if (found == 0 || sum >= least)
			continue;
		least = sum;
		*first = i;
		*count = found;
	}
	if (least != UINT64_MAX)
		return true;
	*count = LEVELS_FAN_MAX;
	return choose_of_pile(items, n, first);
}
