/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `seal.pub` and the tree over it: which public key an epoch has, and the path that leads from it
 * to the root that the genesis record pins. Public, all of it. The upper nodes are kept in memory;
 * of the file only what lies around one key is read again, and must still be what it was.
 */
#ifndef SIGNER_SEAL_TREE_H
#define SIGNER_SEAL_TREE_H

#include "folder.h"
#include "seeds.h"

struct seal_tree {
	int fd; /* seal.pub */
	unsigned height;
	struct hash root;
	struct hash *nodes; /* of level SEAL_TREE_LOW and above it, level by level */
};

enum {
	SEAL_TREE_LOW = 8 /* levels that are computed anew for each path */
};

/*
 * Read seal.pub, of `height`. TRAIL_CORRUPT: missing, damaged, or `next` (NULL: nothing to compare)
 * is not its key of `epoch`. TRAIL_IO. seal_tree_close whatever the answer, if fd was -1 before.
 */
enum trail_err seal_tree_open(struct seal_tree *tree, const struct folder *folder, unsigned height,
	uint32_t epoch, const uint8_t next[SIGN_PUBLIC_LEN], struct sentence *why);
void seal_tree_close(struct seal_tree *tree);
/*
 * The key of `epoch` (< 2^height) and its path: `height` hashes, the leaf's sibling first.
 * TRAIL_CORRUPT: seal.pub was changed since it was opened. TRAIL_IO.
 */
enum trail_err seal_tree_path(const struct seal_tree *tree, const struct folder *folder,
	uint32_t epoch, uint8_t key[SIGN_PUBLIC_LEN], struct hash path[SEAL_HEIGHT_MAX],
	struct sentence *why);

#endif
