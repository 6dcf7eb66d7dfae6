/* SPDX-License-Identifier: Apache-2.0 */
#include "seeds.h"

#include <assert.h>

static const char SEED_DOMAIN[] = "trail-seal-seed/v1\n";
static const char PUB_DOMAIN[] = "trail-seal-pub/v1\n";

enum {
	SEED_DOMAIN_LEN = sizeof SEED_DOMAIN - 1,
	PUB_DOMAIN_LEN = sizeof PUB_DOMAIN - 1,
	SEED_TEXT_LEN = SEED_DOMAIN_LEN + 1 + SIGN_SEED_LEN,
	MARKED = 1, /* the format with a mark at its end */
};

_Static_assert(PUB_DOMAIN_LEN + 4 == SEAL_PUB_HEAD_LEN, "seal.pub's head");
_Static_assert(SEED_TEXT_LEN <= sizeof((struct seed_scratch *)NULL)->text, "a seed's hashed text");
_Static_assert((size_t)SIGN_SEED_LEN == HASH_LEN, "a seed is a hash");
_Static_assert(
	SEEDS_HEAD_LEN + SEAL_HEIGHT_MAX * SEED_NODE_LEN + 2 + SEAL_TEXT_MAX + SEED_MARK_LEN <=
		SEEDS_CONTENT_MAX,
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

/* What stands at the end of a marked content; its length. */
static size_t encode_mark(const struct seal_mark *mark, uint8_t *at)
{
	store_be64(at, mark->max_ns);
	store_be64(at + 8, mark->size);
	store_be64(at + 16, mark->real_ns);
	store_be64(at + 24, mark->boot_ns);
	return SEED_MARK_LEN;
}

size_t seeds_encode(const struct seeds *seeds, uint8_t out[SEEDS_CONTENT_MAX])
{
	assert(seeds->count <= SEAL_HEIGHT_MAX && seeds->pending_len <= SEAL_TEXT_MAX);
	bool marked = seeds->mark.max_ns != 0;
	store_be32(out, seeds->next);
	out[4] = (uint8_t)seeds->height;
	out[5] = (uint8_t)seeds->count;
	store_be16(out + 6, marked ? MARKED : 0);
	uint8_t *at = out + SEEDS_HEAD_LEN;
	for (size_t i = 0; i < seeds->count; i++, at += SEED_NODE_LEN) {
		at[0] = (uint8_t)seeds->node[i].level;
		store_be64(at + 1, seeds->node[i].index);
		memcpy(at + 9, seeds->node[i].seed, SIGN_SEED_LEN);
	}
	store_be16(at, (uint16_t)seeds->pending_len);
	memcpy(at + 2, seeds->pending, seeds->pending_len);
	at += 2 + seeds->pending_len;
	if (marked)
		at += encode_mark(&seeds->mark, at);
	return (size_t)(at - out);
}

/* The level of the largest subtree that begins at epoch `at`. */
static unsigned level_at(uint64_t at, unsigned height)
{
	unsigned level = 0;
	while (level < height && (at >> level & 1) == 0)
		level++;
	return level;
}

/*
 * The nodes must be the fewest that follow one another without gap from `next` to the last epoch,
 * as seeds_advance leaves them: others could grow beyond their room.
 */
static bool nodes_cover(const struct seeds *seeds)
{
	uint64_t end = UINT64_C(1) << seeds->height;
	uint64_t at = seeds->next;
	size_t i = 0;
	for (; i < seeds->count && at < end; i++) {
		const struct seed_node *n = &seeds->node[i];
		if (n->level != level_at(at, seeds->height) || n->index != at >> n->level)
			return false;
		at += UINT64_C(1) << n->level;
	}
	return i == seeds->count && at == end;
}

static void nodes_decode(const uint8_t *at, struct seeds *seeds)
{
	for (size_t i = 0; i < seeds->count; i++, at += SEED_NODE_LEN) {
		seeds->node[i].level = at[0];
		seeds->node[i].index = load_be64(at + 1);
		memcpy(seeds->node[i].seed, at + 9, SIGN_SEED_LEN);
	}
}

static void mark_decode(const uint8_t *at, struct seal_mark *mark)
{
	mark->max_ns = load_be64(at);
	mark->size = load_be64(at + 8);
	mark->real_ns = load_be64(at + 16);
	mark->boot_ns = load_be64(at + 24);
}

/* What stands behind the nodes: the pending text and, in format MARKED, the mark. */
static bool rest_decode(struct span rest, unsigned format, struct seeds *seeds)
{
	size_t mark_len = format == MARKED ? SEED_MARK_LEN : 0;
	if (format > MARKED || rest.len < 2 + mark_len)
		return false;
	seeds->pending_len = load_be16(rest.data);
	if (seeds->pending_len > SEAL_TEXT_MAX || rest.len != 2 + seeds->pending_len + mark_len)
		return false;
	memcpy(seeds->pending, rest.data + 2, seeds->pending_len);
	if (mark_len != 0)
		mark_decode(rest.data + 2 + seeds->pending_len, &seeds->mark);
	return mark_len == 0 || seeds->mark.max_ns != 0;
}

bool seeds_decode(struct span content, struct seeds *seeds)
{
	memset(seeds, 0, sizeof *seeds);
	if (content.len < SEEDS_HEAD_LEN)
		return false;
	seeds->next = load_be32(content.data);
	seeds->height = content.data[4];
	seeds->count = content.data[5];
	if (seeds->height < SEAL_HEIGHT_MIN || seeds->height > SEAL_HEIGHT_MAX ||
		seeds->count > SEAL_HEIGHT_MAX)
		return false;
	size_t nodes_end = SEEDS_HEAD_LEN + seeds->count * SEED_NODE_LEN;
	if (content.len < nodes_end)
		return false;
	nodes_decode(content.data + SEEDS_HEAD_LEN, seeds);
	struct span rest = span_of(content.data + nodes_end, content.len - nodes_end);
	/* What is pending waits for a key to sign it. */
	return rest_decode(rest, load_be16(content.data + 6), seeds) && nodes_cover(seeds) &&
		(seeds->count != 0 || seeds->pending_len == 0);
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

bool seeds_used_up(const struct seeds *seeds)
{
	return seeds->count == 0;
}

void seeds_sign(const struct seeds *seeds, struct seed_scratch *scratch, struct span text,
	uint8_t pub[SIGN_PUBLIC_LEN], uint8_t sig[SIGN_LEN])
{
	seal_public(&seeds->node[0], seeds->next, scratch, pub);
	sign_bytes(text, scratch->secret, sig);
}

/*
 * The first node is replaced by the right halves on the way down to its first leaf, which are all
 * that it covers but that leaf: from the smallest, next to it, to the largest.
 */
void seeds_advance(struct seeds *seeds, struct seed_scratch *scratch)
{
	struct seed_node *node = seeds->node;
	unsigned level = node[0].level;
	uint64_t index = node[0].index;
	size_t count = seeds->count - 1 + level;
	assert(seeds->count != 0 && count <= SEAL_HEIGHT_MAX);
	memcpy(scratch->edge.b, node[0].seed, SIGN_SEED_LEN);
	memmove(node + level, node + 1, (seeds->count - 1) * sizeof *node);
	for (; level > 0; level--) {
		scratch->seed = scratch->edge;
		descend(scratch, 1);
		index *= 2;
		node[level - 1] = (struct seed_node){ .level = level - 1, .index = index + 1 };
		memcpy(node[level - 1].seed, scratch->seed.b, SIGN_SEED_LEN);
		scratch->seed = scratch->edge;
		descend(scratch, 0);
		scratch->edge = scratch->seed;
	}
	if (count < SEAL_HEIGHT_MAX)
		crypto_wipe(node + count, (SEAL_HEIGHT_MAX - count) * sizeof *node);
	seeds->count = count;
	seeds->next++;
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
