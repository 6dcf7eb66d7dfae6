/* SPDX-License-Identifier: Apache-2.0 */
#include "kept_items.h"

#include <stdlib.h>

/* Where the item of this index stands, or would. */
static size_t place_of(const struct kept_items *kept, uint64_t index)
{
	size_t low = 0, high = kept->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kept->list[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct evidence_item *kept_items_find(const struct kept_items *kept, uint64_t index)
{
	size_t at = place_of(kept, index);
	return at < kept->count && kept->list[at].index == index ? &kept->list[at] : NULL;
}

static bool make_room(struct kept_items *kept)
{
	if (kept->count < kept->cap)
		return true;
	size_t cap = kept->cap ? 2 * kept->cap : 16;
	struct evidence_item *list = reallocarray(kept->list, cap, sizeof *list);
	if (!list)
		return false;
	kept->list = list;
	kept->cap = cap;
	return true;
}

static struct span put(uint8_t **at, struct span bytes)
{
	uint8_t *to = *at;
	if (bytes.len != 0)
		memcpy(to, bytes.data, bytes.len);
	*at += bytes.len;
	return span_of(bytes.len ? to : NULL, bytes.len);
}

/* All of it in one block, which begins with the path: hashes are aligned to nothing. */
static bool copy(struct evidence_item *to, const struct evidence_item *item)
{
	size_t path = item->path_count * sizeof item->path[0];
	uint8_t *at = malloc(path + item->record.len + item->salt.len + item->payload.len + 1);
	if (!at)
		return false;
	*to = *item;
	to->path = (const struct hash *)(const void *)at;
	(void)put(&at, span_of(item->path, path));
	to->record = put(&at, item->record);
	to->salt = put(&at, item->salt);
	to->payload = put(&at, item->payload);
	return true;
}

void kept_items_add(struct kept_items *kept, const struct evidence_item *item)
{
	struct evidence_item made;
	size_t at = place_of(kept, item->index);
	if (at < kept->count && kept->list[at].index == item->index)
		return;
	if (!make_room(kept) || !copy(&made, item)) {
		kept->failed = true;
		return;
	}
	memmove(kept->list + at + 1, kept->list + at, (kept->count - at) * sizeof made);
	kept->list[at] = made;
	kept->count++;
}

void kept_items_release(struct kept_items *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		free((void *)(uintptr_t)kept->list[i].path);
	free(kept->list);
	*kept = (struct kept_items){ 0 };
}
