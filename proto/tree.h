/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree of RFC 6962 section 2.1 (= RFC 9162 section 2.1) over SHA-256: grown at its right
 * edge, proofs made from stored nodes, proofs checked. Knows hashes and sizes, never where they
 * lie. A node (level, index) is the root of the complete subtree over leaves
 * [index << level, (index + 1) << level).
 */
#ifndef PROTO_TREE_H
#define PROTO_TREE_H

#include "err.h"
#include "hash.h"

enum {
	TREE_LEVELS = 63,   /* sizes stay below 2^63, as other verifiers use signed 64 bits */
	TREE_PATH_MAX = 64, /* hashes in the longest proof, a consistency proof */
};

/* A proof: hashes in the order in which RFC 6962 consumes them, nearest the leaf first. */
struct tree_proof {
	size_t count;
	struct hash path[TREE_PATH_MAX];
};

/*
 * The right edge: node[l] is the root of a complete subtree of 2^l leaves where bit l of `size` is
 * set, and undefined elsewhere. A zeroed frontier is the empty tree.
 */
struct frontier {
	uint64_t size;
	struct hash node[TREE_LEVELS];
};

/*
 * Told of every complete subtree that an append finishes, leaf (level 0) first. NULL: not told.
 */
typedef void (*tree_done_fn)(void *ctx, unsigned level, uint64_t index, const struct hash *node);

/* Add one leaf hash at the right edge. */
void frontier_append(struct frontier *f, const struct hash *leaf, tree_done_fn done, void *ctx);
/*
 * Add the root of a complete subtree of 2^level leaves at the right edge. f->size must be a
 * multiple of 2^level.
 */
void frontier_append_node(struct frontier *f, unsigned level, const struct hash *node);
/* Root of the tree so far; SHA-256("") when empty. */
void frontier_root(const struct frontier *f, struct hash *root);

/*
 * Fetches the node (level, index) of a complete subtree. Any error ends the call that asked, which
 * answers it unchanged.
 */
typedef enum trail_err (*tree_node_fn)(void *ctx, unsigned level, uint64_t index, struct hash *out);

/* The frontier of the first `size` leaves, from stored nodes. */
enum trail_err frontier_load(struct frontier *f, uint64_t size, tree_node_fn node, void *ctx);
/* Root of the first `size` leaves. size 0: SHA-256(""). */
enum trail_err tree_root(uint64_t size, tree_node_fn node, void *ctx, struct hash *root);
/* PATH(index, D[size]). TRAIL_INVALID: index >= size, or size > 2^63 - 1. */
enum trail_err tree_inclusion(
	uint64_t index, uint64_t size, tree_node_fn node, void *ctx, struct tree_proof *proof);
/* PROOF(from, D[to]). TRAIL_INVALID: from == 0 (no such proof exists), from > to. */
enum trail_err tree_consistency(
	uint64_t from, uint64_t to, tree_node_fn node, void *ctx, struct tree_proof *proof);

/* RFC 9162 section 2.1.3.2. True only when `leaf` is leaf `index` of the tree (size, root). */
bool tree_inclusion_check(const struct hash *leaf, uint64_t index, uint64_t size,
	const struct tree_proof *proof, const struct hash *root);
/*
 * The right edge of the tree (size, root) from the proof that `leaf` is its last one: a proof that
 * holds consists of the waiting left siblings, smallest first. False: it does not hold; *f is left.
 */
bool frontier_from_last(struct frontier *f, uint64_t size, const struct hash *leaf,
	const struct tree_proof *proof, const struct hash *root);
/*
 * RFC 9162 section 2.1.4.2. True only when (from, root_from) is a prefix of (to, root_to).
 * from == 0 is always false: nothing can be proven of the empty tree.
 */
bool tree_consistency_check(uint64_t from, const struct hash *root_from, uint64_t to,
	const struct hash *root_to, const struct tree_proof *proof);

#endif
