/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to libsodium: Ed25519 (RFC 8032), keyed BLAKE2b (RFC 7693), SipHash, the CSPRNG,
 * wiping, locked memory, base64 and hex. crypto_init must have answered true before any other call;
 * all are safe from any thread.
 */
#ifndef PROTO_CRYPTO_H
#define PROTO_CRYPTO_H

#include "bytes.h"

enum {
	SIGN_PUBLIC_LEN = 32,
	SIGN_SEED_LEN = 32,
	SIGN_SECRET_LEN = 64, /* libsodium's form: seed || public key */
	SIGN_LEN = 64,
	MAC_KEY_LEN = 32,
	MAC_LEN = 16,
	SHORT_HASH_KEY_LEN = 16,
};

/* Once per process, before threads. False: libsodium could not start. */
bool crypto_init(void);

/* `len` bytes from the kernel's CSPRNG. */
void crypto_random(void *out, size_t len);
/* Zeros that the compiler may not drop. */
void crypto_wipe(void *secret, size_t len);
/* The same for the unused part of this thread's stack, where calls that are over left their frames.
 */
void crypto_wipe_stack(void);
/*
 * Memory for secrets: guarded, locked against swapping, excluded from cores.
 * NULL when it could not be made *or not be locked*. Free with crypto_secret_free (NULL is fine).
 */
void *crypto_secret_new(size_t len);
void crypto_secret_free(void *secret);

/* The Ed25519 key pair of a 32-byte seed. `secret` is SIGN_SECRET_LEN bytes. */
void sign_keypair(const uint8_t seed[SIGN_SEED_LEN], uint8_t pub[SIGN_PUBLIC_LEN],
	uint8_t secret[SIGN_SECRET_LEN]);
/* Deterministic Ed25519 signature of `message`. */
void sign_bytes(struct span message, const uint8_t secret[SIGN_SECRET_LEN], uint8_t sig[SIGN_LEN]);
/* True only when `sig` is `pub`'s signature of `message`. */
bool sign_check(
	struct span message, const uint8_t pub[SIGN_PUBLIC_LEN], const uint8_t sig[SIGN_LEN]);

/* Keyed BLAKE2b (RFC 7693) of a || b, MAC_LEN bytes. */
void mac_bytes(const uint8_t key[MAC_KEY_LEN], struct span a, struct span b, uint8_t tag[MAC_LEN]);
/* In constant time. */
bool mac_equal(const uint8_t a[MAC_LEN], const uint8_t b[MAC_LEN]);
/* SipHash-2-4 (Aumasson, Bernstein 2012): for hash tables that hold what peers chose. */
uint64_t short_hash(const uint8_t key[SHORT_HASH_KEY_LEN], struct span data);

/* RFC 4648 section 4 base64 with padding, appended to `out`. */
void base64_put(struct buf *out, struct span data);
/*
 * Strict inverse: padding demanded, no white space, no non-canonical trailing bits. Writes at most
 * `max` bytes to `out`, the number to *len. False: not base64, or longer than `max`.
 */
bool base64_take(struct span text, uint8_t *out, size_t max, size_t *len);
/* Lower-case hex, appended. */
void hex_put(struct buf *out, struct span data);
/* The same into `out`, which has room for two characters a byte and a NUL. */
void hex_text(struct span data, char *out);

#endif
