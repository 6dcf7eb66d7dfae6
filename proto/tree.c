/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <assert.h>

static const uint64_t TREE_SIZE_MAX = INT64_MAX;

/* Where stored nodes come from. */
struct nodes {
	tree_node_fn get;
	void *ctx;
};

/* Leaves [low, high). */
struct range {
	uint64_t low;
	uint64_t high;
};

/*
 * A node that was finished. As in binary counting, each set bit is a waiting left sibling, and is
 * carried upwards.
 */
static void carry(
	struct frontier *f, unsigned level, struct hash node, tree_done_fn done, void *ctx)
{
	uint64_t leaves = (uint64_t)1 << level;
	uint64_t index = f->size >> level;
	assert(f->size <= TREE_SIZE_MAX - leaves);
	if (done)
		done(ctx, level, index, &node);
	for (; index & 1; index >>= 1) {
		hash_node(&f->node[level], &node, &node);
		level++;
		if (done)
			done(ctx, level, index >> 1, &node);
	}
	f->node[level] = node;
	f->size += leaves;
}

void frontier_append(struct frontier *f, const struct hash *leaf, tree_done_fn done, void *ctx)
{
	carry(f, 0, *leaf, done, ctx);
}

void frontier_append_node(struct frontier *f, unsigned level, const struct hash *node)
{
	assert(level < TREE_LEVELS && (f->size & (((uint64_t)1 << level) - 1)) == 0);
	carry(f, level, *node, NULL, NULL);
}

void frontier_root(const struct frontier *f, struct hash *root)
{
	if (f->size == 0) {
		hash_bytes(span_of(NULL, 0), root);
		return;
	}
	unsigned level = (unsigned)__builtin_ctzll(f->size);
	struct hash sum = f->node[level];
	for (level++; level < TREE_LEVELS; level++)
		if (f->size >> level & 1)
			hash_node(&f->node[level], &sum, &sum);
	*root = sum;
}

enum trail_err frontier_load(struct frontier *f, uint64_t size, tree_node_fn node, void *ctx)
{
	struct frontier loaded = { .size = size };
	if (size > TREE_SIZE_MAX)
		return TRAIL_INVALID;
	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		if (!(size >> level & 1))
			continue;
		enum trail_err err = node(ctx, level, (size >> level) - 1, &loaded.node[level]);
		if (err)
			return err;
	}
	*f = loaded;
	return TRAIL_OK;
}

enum trail_err tree_root(uint64_t size, tree_node_fn node, void *ctx, struct hash *root)
{
	struct frontier f;
	enum trail_err err = frontier_load(&f, size, node, ctx);
	if (err)
		return err;
	frontier_root(&f, root);
	return TRAIL_OK;
}

/*
 * MTH(D[low:high]) of a range that is not empty and starts where a subtree starts: low is a
 * multiple of the power of two that is not less than the length. Folds the complete subtrees of the
 * length's binary expansion, smallest and rightmost first; so a complete range is one fetch.
 */
static enum trail_err range_root(struct range r, const struct nodes *nodes, struct hash *out)
{
	struct hash sum = { 0 };
	bool begun = false;
	while (r.low < r.high) {
		unsigned level = (unsigned)__builtin_ctzll(r.high - r.low);
		struct hash left;
		r.high -= (uint64_t)1 << level;
		enum trail_err err = nodes->get(nodes->ctx, level, r.high >> level, &left);
		if (err)
			return err;
		if (begun)
			hash_node(&left, &sum, &sum);
		else
			sum = left;
		begun = true;
	}
	*out = sum;
	return TRAIL_OK;
}

/* The largest power of two below n; n >= 2. */
static uint64_t split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* What RFC 6962 writes as "rest : hash" is found from the root downwards: turn it round. */
static void proof_set(struct tree_proof *proof, const struct hash *down, size_t count)
{
	proof->count = count;
	for (size_t i = 0; i < count; i++)
		proof->path[i] = down[count - 1 - i];
}

/*
 * One step from the root of *r towards leaf `index`: *r becomes the half that holds it, *sibling
 * the root of the other half.
 */
static enum trail_err step_down(
	struct range *r, uint64_t index, const struct nodes *nodes, struct hash *sibling)
{
	uint64_t middle = r->low + split(r->high - r->low);
	struct range other = *r;
	if (index < middle)
		r->high = other.low = middle;
	else
		r->low = other.high = middle;
	return range_root(other, nodes, sibling);
}

enum trail_err tree_inclusion(
	uint64_t index, uint64_t size, tree_node_fn node, void *ctx, struct tree_proof *proof)
{
	const struct nodes nodes = { .get = node, .ctx = ctx };
	struct range r = { .high = size };
	struct hash down[TREE_PATH_MAX];
	size_t count = 0;
	if (index >= size || size > TREE_SIZE_MAX)
		return TRAIL_INVALID;
	for (; r.high - r.low > 1; count++) {
		enum trail_err err = step_down(&r, index, &nodes, &down[count]);
		if (err)
			return err;
	}
	proof_set(proof, down, count);
	return TRAIL_OK;
}

enum trail_err tree_consistency(
	uint64_t from, uint64_t to, tree_node_fn node, void *ctx, struct tree_proof *proof)
{
	const struct nodes nodes = { .get = node, .ctx = ctx };
	struct range r = { .high = to };
	struct hash down[TREE_PATH_MAX];
	size_t count = 0;
	if (from == 0 || from > to || to > TREE_SIZE_MAX)
		return TRAIL_INVALID;
	/* SUBPROOF: down to the subtree that ends where the old tree ended. */
	for (; r.high != from; count++) {
		enum trail_err err = step_down(&r, from - 1, &nodes, &down[count]);
		if (err)
			return err;
	}
	/* The old tree itself is known to whoever asks; any other subtree is not. */
	if (r.low != 0) {
		enum trail_err err = range_root(r, &nodes, &down[count]);
		if (err)
			return err;
		count++;
	}
	proof_set(proof, down, count);
	return TRAIL_OK;
}

/*
 * Where a proof's next hash goes: the node's index on its level, and that of the last node there
 * (`fn` and `sn` of RFC 9162).
 */
struct place {
	uint64_t node;
	uint64_t last;
};

static void place_rise(struct place *at)
{
	at->node >>= 1;
	at->last >>= 1;
}

/* True: the next hash is the left sibling. Levels where the node has no sibling are skipped then.
 */
static bool place_next(struct place *at)
{
	bool left = at->node & 1 || at->node == at->last;
	if (left)
		while (!(at->node & 1) && at->node != 0)
			place_rise(at);
	place_rise(at);
	return left;
}

bool tree_inclusion_check(const struct hash *leaf, uint64_t index, uint64_t size,
	const struct tree_proof *proof, const struct hash *root)
{
	struct place at = { .node = index, .last = size - 1 };
	struct hash sum = *leaf;
	if (index >= size || size > TREE_SIZE_MAX || proof->count > TREE_PATH_MAX)
		return false;
	for (size_t i = 0; i < proof->count; i++) {
		if (at.last == 0)
			return false;
		if (place_next(&at))
			hash_node(&proof->path[i], &sum, &sum);
		else
			hash_node(&sum, &proof->path[i], &sum);
	}
	return at.last == 0 && hash_equal(&sum, root);
}

bool frontier_from_last(struct frontier *f, uint64_t size, const struct hash *leaf,
	const struct tree_proof *proof, const struct hash *root)
{
	size_t used = 0;
	if (size == 0 || !tree_inclusion_check(leaf, size - 1, size, proof, root))
		return false;
	*f = (struct frontier){ .size = size - 1 };
	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		if (f->size >> level & 1)
			f->node[level] = proof->path[used++];
	}
	assert(used == proof->count);
	frontier_append(f, leaf, NULL, NULL);
	return true;
}

/* The walk of RFC 9162 section 2.1.4.2, for 0 < from < to and a proof that is not empty. */
static bool consistency_walk(uint64_t from, const struct hash *root_from, uint64_t to,
	const struct hash *root_to, const struct tree_proof *proof)
{
	struct place at = { .node = from - 1, .last = to - 1 };
	bool whole = (from & (from - 1)) == 0; /* the old tree is one subtree: it starts the walk */
	struct hash old = whole ? *root_from : proof->path[0];
	struct hash new = old;
	while (at.node & 1)
		place_rise(&at);
	for (size_t i = whole ? 0 : 1; i < proof->count; i++) {
		const struct hash *next = &proof->path[i];
		if (at.last == 0)
			return false;
		if (place_next(&at)) {
			hash_node(next, &old, &old);
			hash_node(next, &new, &new);
		} else {
			hash_node(&new, next, &new);
		}
	}
	return at.last == 0 && hash_equal(&old, root_from) && hash_equal(&new, root_to);
}

bool tree_consistency_check(uint64_t from, const struct hash *root_from, uint64_t to,
	const struct hash *root_to, const struct tree_proof *proof)
{
	if (from == 0 || from > to || to > TREE_SIZE_MAX || proof->count > TREE_PATH_MAX)
		return false;
	if (from == to)
		return proof->count == 0 && hash_equal(root_from, root_to);
	return proof->count != 0 && consistency_walk(from, root_from, to, root_to, proof);
}
