/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256, and the only door to OpenSSL's digests (two to four times libsodium's speed). A hash
 * that cannot be computed must never look like one that was, so a failure aborts. Any thread may
 * call; nothing is allocated.
 */
#ifndef PROTO_HASH_H
#define PROTO_HASH_H

#include "bytes.h"

enum {
	HASH_LEN = 32
};

struct hash {
	uint8_t b[HASH_LEN];
};

static inline bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->b, b->b, HASH_LEN) == 0;
}

/* SHA-256 of `data`. */
void hash_bytes(struct span data, struct hash *out);
/* SHA-256 of prefix || a || b; the shape of every hash of the log (FORMATS.md section 2). */
void hash_prefixed(uint8_t prefix, struct span a, struct span b, struct hash *out);
/* H(0x00 || entry): RFC 6962 section 2.1, leaf. */
void hash_leaf(struct span entry, struct hash *out);
/* H(0x01 || left || right): RFC 6962 section 2.1, node. `out` may be one of the two. */
void hash_node(const struct hash *left, const struct hash *right, struct hash *out);

#endif
