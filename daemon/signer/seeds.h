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
	SEED_MARK_LEN = 4 * 8,
	SEAL_PUB_HEAD_LEN = 22, /* "trail-seal-pub/v1\n" and the height */
};

/* One subtree of seeds: covers the epochs [index << level, (index + 1) << level). */
struct seed_node {
	unsigned level;
	uint64_t index;
	uint8_t seed[SIGN_SEED_LEN];
};

/* What the signer must not forget of the log's seals. All zeros: nothing is known of it. */
struct seal_mark {
	uint64_t max_ns;  /* seal_max, since birth */
	uint64_t size;    /* that the newest seal covers, once its key is erased; 0: none yet */
	uint64_t real_ns; /* when it was erased, by both clocks (pace.h) */
	uint64_t boot_ns;
};

/* The content of `seeds`. The nodes are the fewest that cover the epochs [next, 2^height), in
 * order. */
struct seeds {
	uint32_t next;
	unsigned height;
	size_t count;
	struct seed_node node[SEAL_HEIGHT_MAX];
	size_t pending_len; /* 0: no SEAL asked for and not yet erased */
	uint8_t pending[SEAL_TEXT_MAX];
	struct seal_mark mark;
};

/* The seeds of a new log: one subtree, the whole tree. `height` is SEAL_HEIGHT_MIN .. _MAX. */
void seeds_init(struct seeds *seeds, unsigned height, const uint8_t root[SIGN_SEED_LEN]);
/* Whether no SEAL was ever asked of them. */
bool seeds_fresh(const struct seeds *seeds);
/* The slot content (state.h) of `seeds`; its length. */
size_t seeds_encode(const struct seeds *seeds, uint8_t out[SEEDS_CONTENT_MAX]);
/*
 * False: a bad length, a height out of bounds, nodes that are not those of what is left, or a
 * pending text where no key is left.
 */
bool seeds_decode(struct span content, struct seeds *seeds);

/* What deriving needs; a secret as much as a seed is. */
struct seed_scratch {
	uint8_t text[64];
	struct hash seed;
	struct hash edge; /* of the subtree that is taken apart */
	uint8_t secret[SIGN_SECRET_LEN];
};

/* The public key of seal `epoch`, which `node` covers. `scratch` is left for the caller to wipe. */
void seal_public(const struct seed_node *node, uint32_t epoch, struct seed_scratch *scratch,
	uint8_t pub[SIGN_PUBLIC_LEN]);
/* Whether the last epoch is over: there is no key left to seal with. */
bool seeds_used_up(const struct seeds *seeds);
/* Sign with the key of the open epoch, `next`, and tell which it is; not used_up. `scratch` as
 * above. */
void seeds_sign(const struct seeds *seeds, struct seed_scratch *scratch, struct span text,
	uint8_t pub[SIGN_PUBLIC_LEN], uint8_t sig[SIGN_LEN]);
/*
 * The open epoch is over: what is left derives the keys of the epochs behind it, and no other. Not
 * used_up. `scratch` as above.
 */
void seeds_advance(struct seeds *seeds, struct seed_scratch *scratch);

/* Length of a seal.pub of `height`. */
size_t seal_pub_len(unsigned height);
/* Its first SEAL_PUB_HEAD_LEN bytes. */
void seal_pub_head(unsigned height, uint8_t out[SEAL_PUB_HEAD_LEN]);
/* False: not a seal.pub, or not as long as it says. *pubs views `file`. */
bool seal_pub_parse(struct span file, unsigned *height, const uint8_t **pubs);

#endif
