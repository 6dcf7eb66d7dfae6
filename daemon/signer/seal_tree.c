/* SPDX-License-Identifier: Apache-2.0 */
#include "seal_tree.h"

#include <stdlib.h>
#include <unistd.h>

static const char NAME[] = "seal.pub";

/* Levels below the kept nodes. */
static unsigned low_levels(unsigned height)
{
	return height < SEAL_TREE_LOW ? height : SEAL_TREE_LOW;
}

/*
 * Fold `count` (a power of two) hashes to their root, in place, and note the siblings on the way up
 * from `at` (path NULL: not). The root is left in nodes[0].
 */
static void fold(struct hash *nodes, size_t count, size_t at, struct hash *path)
{
	for (; count > 1; count /= 2, at /= 2) {
		if (path)
			*path++ = nodes[at ^ 1];
		for (size_t i = 0; i < count / 2; i++)
			hash_node(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]);
	}
}

/* The keys of 2^levels epochs from `first` on, as leaves; folded. */
static void fold_keys(const uint8_t *pubs, uint32_t first, unsigned levels, size_t at,
	struct hash *path, struct hash *root)
{
	struct hash nodes[1 << SEAL_TREE_LOW];
	size_t count = (size_t)1 << levels;
	for (size_t i = 0; i < count; i++)
		seal_key_leaf(first + (uint32_t)i, pubs + i * SIGN_PUBLIC_LEN, &nodes[i]);
	fold(nodes, count, at, path);
	*root = nodes[0];
}

static void grow(struct seal_tree *tree, const uint8_t *pubs)
{
	unsigned low = low_levels(tree->height);
	size_t count = (size_t)1 << (tree->height - low);
	for (size_t i = 0; i < count; i++)
		fold_keys(pubs + (i << low) * SIGN_PUBLIC_LEN, (uint32_t)(i << low), low, 0, NULL,
			&tree->nodes[i]);
	struct hash *below = tree->nodes;
	for (; count > 1; count /= 2) {
		for (size_t i = 0; i < count / 2; i++)
			hash_node(&below[2 * i], &below[2 * i + 1], &below[count + i]);
		below += count;
	}
	tree->root = below[0];
}

static enum trail_err damaged(const struct folder *folder, struct sentence *why)
{
	return sentence_refuse(why,
		"%s/%s is damaged or of other seeds: it is public, bring back a copy", folder->path,
		NAME);
}

static enum trail_err take(struct seal_tree *tree, const struct folder *folder, struct span file,
	uint32_t epoch, const uint8_t *next, struct sentence *why)
{
	unsigned height;
	const uint8_t *pubs;
	if (!seal_pub_parse(file, &height, &pubs) || height != tree->height)
		return damaged(folder, why);
	if (next && memcmp(next, pubs + (size_t)epoch * SIGN_PUBLIC_LEN, SIGN_PUBLIC_LEN) != 0)
		return damaged(folder, why);
	size_t kept = (size_t)2 << (height - low_levels(height));
	tree->nodes = calloc(kept, sizeof *tree->nodes);
	if (!tree->nodes)
		return sentence_fail(why, "%s/%s: memory is out", folder->path, NAME);
	grow(tree, pubs);
	return TRAIL_OK;
}

enum trail_err seal_tree_open(struct seal_tree *tree, const struct folder *folder, unsigned height,
	uint32_t epoch, const uint8_t next[SIGN_PUBLIC_LEN], struct sentence *why)
{
	*tree = (struct seal_tree){ .fd = -1, .height = height };
	size_t room = seal_pub_len(height);
	size_t len = 0;
	enum trail_err e = file_open(folder, NAME, FILE_PUBLIC, &tree->fd, why);
	if (e == TRAIL_END)
		return sentence_refuse(why, "%s/%s is missing: it is public, bring back a copy",
			folder->path, NAME);
	if (e != TRAIL_OK)
		return e;
	uint8_t *file = malloc(room);
	if (!file)
		return sentence_fail(why, "%s/%s: memory is out", folder->path, NAME);
	e = file_read_fd(folder, NAME, tree->fd, file, room, &len, why);
	if (e == TRAIL_OK)
		e = take(tree, folder, span_of(file, len), epoch, next, why);
	free(file);
	return e;
}

void seal_tree_close(struct seal_tree *tree)
{
	if (tree->fd >= 0)
		(void)close(tree->fd);
	free(tree->nodes);
	*tree = (struct seal_tree){ .fd = -1 };
}

enum trail_err seal_tree_path(const struct seal_tree *tree, const struct folder *folder,
	uint32_t epoch, uint8_t key[SIGN_PUBLIC_LEN], struct hash path[SEAL_HEIGHT_MAX],
	struct sentence *why)
{
	uint8_t pubs[SIGN_PUBLIC_LEN << SEAL_TREE_LOW];
	unsigned low = low_levels(tree->height);
	size_t len = (size_t)SIGN_PUBLIC_LEN << low;
	uint32_t block = epoch >> low;
	uint32_t at = epoch & ((UINT32_C(1) << low) - 1);
	struct hash root;
	enum trail_err e = file_read_at(
		folder, NAME, tree->fd, SEAL_PUB_HEAD_LEN + (uint64_t)block * len, pubs, len, why);
	if (e != TRAIL_OK)
		return e;
	fold_keys(pubs, block << low, low, at, path, &root);
	if (!hash_equal(&root, &tree->nodes[block]))
		return damaged(folder, why);
	memcpy(key, pubs + (size_t)at * SIGN_PUBLIC_LEN, SIGN_PUBLIC_LEN);
	const struct hash *level = tree->nodes;
	for (unsigned l = low; l < tree->height; l++, block /= 2) {
		path[l] = level[block ^ 1];
		level += (size_t)1 << (tree->height - l);
	}
	return TRAIL_OK;
}
