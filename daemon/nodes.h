/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes of the tree, remembered while many records are proven one after the other: their paths have
 * the upper nodes in common, and each takes a dozen hashes and some looks into the store. A node is
 * kept where its place in a small table says, over what was there.
 */
#ifndef DAEMON_NODES_H
#define DAEMON_NODES_H

#include "store.h"

enum {
	NODES_KEPT = 512,
	NODES_LEVEL_MIN = 4, /* those below are cheap, and seldom needed twice */
};

/* As long as its transaction. On a stack: 25 KB. */
struct nodes {
	struct db_txn *txn;
	struct kept_node {
		uint64_t index;
		unsigned level; /* 0: none */
		struct hash node;
	} kept[NODES_KEPT];
};

void nodes_begin(struct nodes *nodes, struct db_txn *txn);
/* As store_node; tree_node_fn with a struct nodes as ctx. */
enum trail_err nodes_get(void *ctx, unsigned level, uint64_t index, struct hash *out);

#endif
