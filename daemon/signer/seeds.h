/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeds and seals: the binary tree of seeds from which every seal key of the log derives, and the
 * Merkle tree over their public keys, whose root the genesis record pins (FORMATS.md section 6).
 *
 *              root seed            level = height, index 0
 *             /         \
 *        H(.. 0 ..)   H(.. 1 ..)    child: SHA-256("trail-seal-seed/v1\n" || u8 0 or 1 || parent)
 *         ...            ...
 *     epoch 0  1  2  ...            level 0: the Ed25519 seed of that seal epoch
 *
 * A seed cannot be computed from what derives from it, so erasing the nodes that cover an epoch
 * erases its key (a GGM tree: Goldreich, Goldwasser, Micali, J. ACM 33(4), 1986). Pure; whoever
 * calls holds everything here in secret memory.
 */
#ifndef SIGNER_SEEDS_H
#define SIGNER_SEEDS_H

#include "../../proto/seal.h"
#include "state.h"

enum {
	SEEDS_CONTENT_MAX = SEEDS_SLOT_LEN - SLOT_OVERHEAD,
	SEEDS_HEAD_LEN = 8,
	SEED_NODE_LEN = 1 + 8 + SIGN_SEED_LEN,
	SEAL_PUB_HEAD_LEN = 22, /* "trail-seal-pub/v1\n" and the height */
};

/* One subtree of seeds: covers the epochs [index << level, (index + 1) << level). */
struct seed_node {
	unsigned level;
	uint64_t index;
	uint8_t seed[SIGN_SEED_LEN];
};

/* The content of `seeds`. The nodes cover exactly the epochs [next, 2^height), in order. */
struct seeds {
	uint32_t next;
	unsigned height;
	size_t count;
	struct seed_node node[SEAL_HEIGHT_MAX];
	size_t pending_len; /* 0: no SEAL asked for and not yet erased */
	uint8_t pending[SEAL_TEXT_MAX];
};

/* The seeds of a new log: one subtree, the whole tree. `height` is SEAL_HEIGHT_MIN .. _MAX. */
void seeds_init(struct seeds *seeds, unsigned height, const uint8_t root[SIGN_SEED_LEN]);
/* Whether no SEAL was ever asked of them. */
bool seeds_fresh(const struct seeds *seeds);
/* The slot content (state.h) of `seeds`; its length. */
size_t seeds_encode(const struct seeds *seeds, uint8_t out[SEEDS_CONTENT_MAX]);
/* False: a bad length, a height out of bounds, or nodes that do not cover what is left. */
bool seeds_decode(struct span content, struct seeds *seeds);

/* What deriving needs; a secret as much as a seed is. */
struct seed_scratch {
	uint8_t text[64];
	struct hash seed;
	uint8_t secret[SIGN_SECRET_LEN];
};

/* The public key of seal `epoch`, which `node` covers. `scratch` is left for the caller to wipe. */
void seal_public(const struct seed_node *node, uint32_t epoch, struct seed_scratch *scratch,
	uint8_t pub[SIGN_PUBLIC_LEN]);
/* RFC 6962 root over "trail-seal-key/v1\n" || u32 epoch || pub, for 2^height keys at `pubs`. */
void seal_root(const uint8_t *pubs, unsigned height, struct hash *root);

/* Length of a seal.pub of `height`. */
size_t seal_pub_len(unsigned height);
/* Its first SEAL_PUB_HEAD_LEN bytes. */
void seal_pub_head(unsigned height, uint8_t out[SEAL_PUB_HEAD_LEN]);
/* False: not a seal.pub, or not as long as it says. *pubs views `file`. */
bool seal_pub_parse(struct span file, unsigned *height, const uint8_t **pubs);

#endif
