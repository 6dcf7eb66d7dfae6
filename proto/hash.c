/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's SHA256_* rather than its EVP: the same code underneath, but EVP allocates a context for
 * every digest (OpenSSL 3.0: one malloc each, even on a reused EVP_MD_CTX), which is half of the
 * time that 113 bytes take (159 ns against 74). OpenSSL 3 calls them deprecated; this file alone
 * would have to change.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash.h"

#include <openssl/sha.h>
#include <stdlib.h>

enum {
	JOIN_MAX = 256
}; /* below this one joined update is cheaper than three */

static void begin(SHA256_CTX *ctx)
{
	if (SHA256_Init(ctx) != 1)
		abort();
}

static void add(SHA256_CTX *ctx, const void *data, size_t len)
{
	if (len != 0 && SHA256_Update(ctx, data, len) != 1)
		abort();
}

static void end(SHA256_CTX *ctx, struct hash *out)
{
	if (SHA256_Final(out->b, ctx) != 1)
		abort();
}

void hash_bytes(struct span data, struct hash *out)
{
	SHA256_CTX ctx;
	begin(&ctx);
	add(&ctx, data.data, data.len);
	end(&ctx, out);
}

void hash_prefixed(uint8_t prefix, struct span a, struct span b, struct hash *out)
{
	SHA256_CTX ctx;
	uint8_t joined[JOIN_MAX];
	begin(&ctx);
	if (a.len < JOIN_MAX / 2 && b.len < JOIN_MAX / 2) {
		joined[0] = prefix;
		if (a.len != 0)
			memcpy(joined + 1, a.data, a.len);
		if (b.len != 0)
			memcpy(joined + 1 + a.len, b.data, b.len);
		add(&ctx, joined, 1 + a.len + b.len);
	} else {
		add(&ctx, &prefix, 1);
		add(&ctx, a.data, a.len);
		add(&ctx, b.data, b.len);
	}
	end(&ctx, out);
}

void hash_leaf(struct span entry, struct hash *out)
{
	hash_prefixed(0x00, entry, span_of(NULL, 0), out);
}

void hash_node(const struct hash *left, const struct hash *right, struct hash *out)
{
	hash_prefixed(0x01, span_of(left->b, HASH_LEN), span_of(right->b, HASH_LEN), out);
}
