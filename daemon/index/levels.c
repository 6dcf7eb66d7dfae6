/* SPDX-License-Identifier: Apache-2.0 */
#include "levels.h"

enum {
	GROWTH = 3 /* the others together are so many times the largest */
};

static bool same_part(const struct segment_place *a, const struct segment_place *b)
{
	return a->class_no == b->class_no && a->month == b->month;
}

/* How many segments from `first` on are worth a merge, the most; 0: none. *sum: their records. */
static size_t window(const struct levels_item *items, size_t n, size_t first, uint64_t *sum)
{
	uint64_t largest = 0, all = 0;
	size_t found = 0;
	*sum = 0;
	for (size_t i = first; i < n && i - first < LEVELS_FAN_MAX; i++) {
		const struct levels_item *item = &items[i];
		if (i > first && (!item->follows || !same_part(&item->place, &items[first].place)))
			break;
		if (item->place.to - items[first].place.from > LEVELS_DOCS_MAX)
			break;
		largest = item->records > largest ? item->records : largest;
		all += item->records;
		if (i - first + 1 < LEVELS_FAN || (all - largest) / GROWTH < largest)
			continue;
		found = i - first + 1;
		*sum = all;
	}
	return found;
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
	return least != UINT64_MAX;
}
