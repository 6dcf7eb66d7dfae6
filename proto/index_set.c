/* SPDX-License-Identifier: Apache-2.0 */
#include "index_set.h"

#include <stdlib.h>

enum {
	CAP_FIRST = 64
};

void index_set_release(struct index_set *set)
{
	free(set->list);
	*set = (struct index_set){ 0 };
}

bool index_set_add(struct index_set *set, uint64_t index)
{
	if (set->count == set->cap) {
		size_t cap = set->cap == 0 ? CAP_FIRST : set->cap * 2;
		uint64_t *list = reallocarray(set->list, cap, sizeof *list);
		if (!list)
			return false;
		set->list = list;
		set->cap = cap;
	}
	set->list[set->count++] = index;
	return true;
}

bool index_set_has(const struct index_set *set, uint64_t index)
{
	size_t low = 0;
	size_t high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->list[middle] == index)
			return true;
		if (set->list[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
