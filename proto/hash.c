/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

enum { JOIN_MAX = 256 }; /* below this one joined update is cheaper than three */

static EVP_MD *sha256;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;

static void context_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256 || pthread_key_create(&context_key, context_free) != 0)
		abort();
}

static EVP_MD_CTX *context(void)
{
	static _Thread_local EVP_MD_CTX *mine;
	if (mine)
		return mine;
	(void)pthread_once(&fetched, fetch);
	mine = EVP_MD_CTX_new();
	if (!mine || pthread_setspecific(context_key, mine) != 0)
		abort();
	return mine;
}

static void begin(EVP_MD_CTX *ctx)
{
	if (EVP_DigestInit_ex2(ctx, sha256, NULL) != 1)
		abort();
}

static void add(EVP_MD_CTX *ctx, const void *data, size_t len)
{
	if (len != 0 && EVP_DigestUpdate(ctx, data, len) != 1)
		abort();
}

static void end(EVP_MD_CTX *ctx, struct hash *out)
{
	unsigned len = 0;
	if (EVP_DigestFinal_ex(ctx, out->b, &len) != 1 || len != HASH_LEN)
		abort();
}

void hash_bytes(struct span data, struct hash *out)
{
	EVP_MD_CTX *ctx = context();
	begin(ctx);
	add(ctx, data.data, data.len);
	end(ctx, out);
}

void hash_prefixed(uint8_t prefix, struct span a, struct span b, struct hash *out)
{
	EVP_MD_CTX *ctx = context();
	uint8_t joined[JOIN_MAX];
	begin(ctx);
	if (a.len < JOIN_MAX / 2 && b.len < JOIN_MAX / 2) {
		joined[0] = prefix;
		if (a.len != 0)
			memcpy(joined + 1, a.data, a.len);
		if (b.len != 0)
			memcpy(joined + 1 + a.len, b.data, b.len);
		add(ctx, joined, 1 + a.len + b.len);
	} else {
		add(ctx, &prefix, 1);
		add(ctx, a.data, a.len);
		add(ctx, b.data, b.len);
	}
	end(ctx, out);
}

void hash_leaf(struct span entry, struct hash *out)
{
	hash_prefixed(0x00, entry, span_of(NULL, 0), out);
}

void hash_node(const struct hash *left, const struct hash *right, struct hash *out)
{
	hash_prefixed(0x01, span_of(left->b, HASH_LEN), span_of(right->b, HASH_LEN), out);
}
