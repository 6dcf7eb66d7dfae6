/* SPDX-License-Identifier: Apache-2.0 */
#include "seeds.h"

#include "../../proto/tree.h"

#include <assert.h>

static const char SEED_DOMAIN[] = "trail-seal-seed/v1\n";
static const char PUB_DOMAIN[] = "trail-seal-pub/v1\n";

enum {
	SEED_DOMAIN_LEN = sizeof SEED_DOMAIN - 1,
	PUB_DOMAIN_LEN = sizeof PUB_DOMAIN - 1,
	SEED_TEXT_LEN = SEED_DOMAIN_LEN + 1 + SIGN_SEED_LEN,
};

_Static_assert(PUB_DOMAIN_LEN + 4 == SEAL_PUB_HEAD_LEN, "seal.pub's head");
_Static_assert(SEED_TEXT_LEN <= sizeof((struct seed_scratch *)NULL)->text, "a seed's hashed text");
_Static_assert((size_t)SIGN_SEED_LEN == HASH_LEN, "a seed is a hash");
_Static_assert(
	SEEDS_HEAD_LEN + SEAL_HEIGHT_MAX * SEED_NODE_LEN + 2 + SEAL_TEXT_MAX <= SEEDS_CONTENT_MAX,
	"seeds fit their slot");

void seeds_init(struct seeds *seeds, unsigned height, const uint8_t root[SIGN_SEED_LEN])
{
	memset(seeds, 0, sizeof *seeds);
	seeds->height = height;
	seeds->count = 1;
	seeds->node[0].level = height;
	memcpy(seeds->node[0].seed, root, SIGN_SEED_LEN);
}

bool seeds_fresh(const struct seeds *seeds)
{
	return seeds->next == 0 && seeds->pending_len == 0;
}

size_t seeds_encode(const struct seeds *seeds, uint8_t out[SEEDS_CONTENT_MAX])
{
	assert(seeds->count <= SEAL_HEIGHT_MAX && seeds->pending_len <= SEAL_TEXT_MAX);
	store_be32(out, seeds->next);
	out[4] = (uint8_t)seeds->height;
	out[5] = (uint8_t)seeds->count;
	store_be16(out + 6, 0);
	uint8_t *at = out + SEEDS_HEAD_LEN;
	for (size_t i = 0; i < seeds->count; i++, at += SEED_NODE_LEN) {
		at[0] = (uint8_t)seeds->node[i].level;
		store_be64(at + 1, seeds->node[i].index);
		memcpy(at + 9, seeds->node[i].seed, SIGN_SEED_LEN);
	}
	store_be16(at, (uint16_t)seeds->pending_len);
	memcpy(at + 2, seeds->pending, seeds->pending_len);
	return (size_t)(at - out) + 2 + seeds->pending_len;
}

/* The nodes must follow one another without gap from `next` to the last epoch. */
static bool nodes_cover(const struct seeds *seeds)
{
	uint64_t end = UINT64_C(1) << seeds->height;
	uint64_t at = seeds->next;
	for (size_t i = 0; i < seeds->count; i++) {
		const struct seed_node *n = &seeds->node[i];
		if (n->level > seeds->height || n->index > end || n->index << n->level != at)
			return false;
		at += UINT64_C(1) << n->level;
	}
	return at == end;
}

static void nodes_decode(const uint8_t *at, struct seeds *seeds)
{
	for (size_t i = 0; i < seeds->count; i++, at += SEED_NODE_LEN) {
		seeds->node[i].level = at[0];
		seeds->node[i].index = load_be64(at + 1);
		memcpy(seeds->node[i].seed, at + 9, SIGN_SEED_LEN);
	}
}

bool seeds_decode(struct span content, struct seeds *seeds)
{
	memset(seeds, 0, sizeof *seeds);
	if (content.len < SEEDS_HEAD_LEN + 2)
		return false;
	seeds->next = load_be32(content.data);
	seeds->height = content.data[4];
	seeds->count = content.data[5];
	if (seeds->height < SEAL_HEIGHT_MIN || seeds->height > SEAL_HEIGHT_MAX ||
		seeds->count > SEAL_HEIGHT_MAX || load_be16(content.data + 6) != 0)
		return false;
	size_t nodes_len = seeds->count * SEED_NODE_LEN;
	if (content.len < SEEDS_HEAD_LEN + nodes_len + 2)
		return false;
	nodes_decode(content.data + SEEDS_HEAD_LEN, seeds);
	const uint8_t *pending = content.data + SEEDS_HEAD_LEN + nodes_len;
	seeds->pending_len = load_be16(pending);
	if (seeds->pending_len > SEAL_TEXT_MAX ||
		content.len != SEEDS_HEAD_LEN + nodes_len + 2 + seeds->pending_len)
		return false;
	memcpy(seeds->pending, pending + 2, seeds->pending_len);
	return nodes_cover(seeds);
}

/* scratch->seed becomes its own child `bit`. */
static void descend(struct seed_scratch *scratch, unsigned bit)
{
	memcpy(scratch->text, SEED_DOMAIN, SEED_DOMAIN_LEN);
	scratch->text[SEED_DOMAIN_LEN] = (uint8_t)bit;
	memcpy(scratch->text + SEED_DOMAIN_LEN + 1, scratch->seed.b, SIGN_SEED_LEN);
	hash_bytes(span_of(scratch->text, SEED_TEXT_LEN), &scratch->seed);
}

void seal_public(const struct seed_node *node, uint32_t epoch, struct seed_scratch *scratch,
	uint8_t pub[SIGN_PUBLIC_LEN])
{
	memcpy(scratch->seed.b, node->seed, SIGN_SEED_LEN);
	for (unsigned level = node->level; level > 0; level--)
		descend(scratch, epoch >> (level - 1) & 1);
	sign_keypair(scratch->seed.b, pub, scratch->secret);
}

void seal_root(const uint8_t *pubs, unsigned height, struct hash *root)
{
	struct frontier f = { 0 };
	for (uint32_t epoch = 0; epoch < UINT32_C(1) << height; epoch++) {
		struct hash leaf;
		seal_key_leaf(epoch, pubs + (size_t)epoch * SIGN_PUBLIC_LEN, &leaf);
		frontier_append(&f, &leaf, NULL, NULL);
	}
	frontier_root(&f, root);
}

size_t seal_pub_len(unsigned height)
{
	return SEAL_PUB_HEAD_LEN + ((size_t)SIGN_PUBLIC_LEN << height);
}

void seal_pub_head(unsigned height, uint8_t out[SEAL_PUB_HEAD_LEN])
{
	memcpy(out, PUB_DOMAIN, PUB_DOMAIN_LEN);
	store_be32(out + PUB_DOMAIN_LEN, height);
}

bool seal_pub_parse(struct span file, unsigned *height, const uint8_t **pubs)
{
	if (file.len < SEAL_PUB_HEAD_LEN || memcmp(file.data, PUB_DOMAIN, PUB_DOMAIN_LEN) != 0)
		return false;
	uint32_t claimed = load_be32(file.data + PUB_DOMAIN_LEN);
	if (claimed < SEAL_HEIGHT_MIN || claimed > SEAL_HEIGHT_MAX)
		return false;
	if (file.len != seal_pub_len(claimed))
		return false;
	*height = claimed;
	*pubs = file.data + SEAL_PUB_HEAD_LEN;
	return true;
}
