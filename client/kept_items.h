/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of items by their index, each once: what an answer leaned on, when its pages are gone. */
#ifndef CLIENT_KEPT_ITEMS_H
#define CLIENT_KEPT_ITEMS_H

#include "../proto/message.h"

struct kept_items {
	struct evidence_item *list; /* ascending */
	size_t count, cap;
	bool failed; /* memory was out once */
};

/* Copy it, unless one of that index is there. */
void kept_items_add(struct kept_items *kept, const struct evidence_item *item);
/* The one of that index; NULL: none. */
const struct evidence_item *kept_items_find(const struct kept_items *kept, uint64_t index);
void kept_items_release(struct kept_items *kept);

#endif
