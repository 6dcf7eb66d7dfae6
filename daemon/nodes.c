/* SPDX-License-Identifier: Apache-2.0 */
#include "nodes.h"

void nodes_begin(struct nodes *nodes, struct db_txn *txn)
{
	memset(nodes, 0, sizeof *nodes);
	nodes->txn = txn;
}

/* Neighbours, and what lies above each other, fall into different places. */
static struct kept_node *place_of(struct nodes *nodes, unsigned level, uint64_t index)
{
	return &nodes->kept[(index + level * UINT64_C(67)) % NODES_KEPT];
}

enum trail_err nodes_get(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	struct nodes *nodes = ctx;
	if (level < NODES_LEVEL_MIN)
		return store_node(nodes->txn, level, index, out);
	struct kept_node *kept = place_of(nodes, level, index);
	if (kept->level != level || kept->index != index) {
		struct hash node;
		enum trail_err err = store_node(nodes->txn, level, index, &node);
		if (err)
			return err;
		*kept = (struct kept_node){ .index = index, .level = level, .node = node };
	}
	*out = kept->node;
	return TRAIL_OK;
}
