/* SPDX-License-Identifier: Apache-2.0 */
#include "seal_maker.h"

#include "../../proto/codec.h"
#include "../../proto/crypto.h"
#include "../../proto/tree.h"

#include <stdio.h>
#include <stdlib.h>

static enum trail_err node_of(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct seal_maker *maker = ctx;
	struct hash left, right;
	if (level == 0) {
		*out = maker->leaf[index];
		return TRAIL_OK;
	}
	(void)node_of(ctx, level - 1, 2 * index, &left);
	(void)node_of(ctx, level - 1, 2 * index + 1, &right);
	hash_node(&left, &right, out);
	return TRAIL_OK;
}

/* What asks for nodes takes a pointer to what may change; node_of changes nothing. */
static void *nodes_of(const struct seal_maker *maker)
{
	return (void *)(uintptr_t)maker;
}

void seal_maker_make(struct seal_maker *maker, const char *origin, uint64_t max_ns, uint8_t variant)
{
	for (uint32_t i = 0; i < SEAL_MAKER_KEYS; i++) {
		uint8_t seed[SIGN_SEED_LEN] = { 0x5e, variant, (uint8_t)i };
		struct buf entry = { 0 };
		sign_keypair(seed, maker->pub[i], maker->secret[i]);
		buf_put_text(&entry, "trail-seal-key/v1\n");
		buf_put_be32(&entry, i);
		buf_put(&entry, maker->pub[i], SIGN_PUBLIC_LEN);
		hash_leaf(buf_view(&entry), &maker->leaf[i]);
		buf_release(&entry);
	}
	maker->anchor = (struct seal_anchor){ .height = SEAL_MAKER_HEIGHT, .max_ns = max_ns };
	(void)snprintf(maker->anchor.origin, sizeof maker->anchor.origin, "%s", origin);
	if (tree_root(SEAL_MAKER_KEYS, node_of, maker, &maker->anchor.root) != TRAIL_OK)
		abort();
}

void seal_maker_put(const struct seal_maker *maker, const struct forgery *what, struct buf *payload)
{
	struct buf words = { 0 };
	struct tree_proof path;
	uint8_t sig[SIGN_LEN];
	seal_text_put(&words, &what->text);
	if (tree_inclusion(what->key, SEAL_MAKER_KEYS, node_of, nodes_of(maker), &path) != TRAIL_OK)
		abort();
	sign_bytes(buf_view(&words), maker->secret[what->key], sig);
	const struct seal seal = {
		.text = buf_view(&words),
		.key = span_of(maker->pub[what->key], SIGN_PUBLIC_LEN),
		.path = span_of(path.path, path.count * HASH_LEN),
		.sig = span_of(sig, sizeof sig),
	};
	seal_encode(&seal, payload);
	buf_release(&words);
}
