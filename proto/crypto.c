/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/random.h>

_Static_assert(SIGN_PUBLIC_LEN == crypto_sign_ed25519_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(SIGN_SEED_LEN == crypto_sign_ed25519_SEEDBYTES, "Ed25519 seed");
_Static_assert(SIGN_SECRET_LEN == crypto_sign_ed25519_SECRETKEYBYTES, "Ed25519 secret key");
_Static_assert(SIGN_LEN == crypto_sign_ed25519_BYTES, "Ed25519 signature");

enum {
	STACK_LEN = 32 << 10 /* far more than signing and hashing take */
};

bool crypto_init(void)
{
	return sodium_init() >= 0;
}

void crypto_random(void *out, size_t len)
{
	/* All salts of a request at once; libsodium 1.0.18 asks for 256 bytes at a time. */
	uint8_t *p = out;
	while (len > 0) {
		ssize_t got = getrandom(p, len, 0);
		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			p += got;
			len -= (size_t)got;
		}
	}
}

void crypto_wipe(void *secret, size_t len)
{
	sodium_memzero(secret, len);
}

void crypto_wipe_stack(void)
{
	sodium_stackzero(STACK_LEN);
}

void *crypto_secret_new(size_t len)
{
	/* sodium_malloc does not say when its mlock failed (libsodium #1237): ask again. */
	void *secret = sodium_malloc(len);
	if (secret && sodium_mlock(secret, len) != 0) {
		sodium_free(secret);
		return NULL;
	}
	return secret;
}

void crypto_secret_free(void *secret)
{
	sodium_free(secret);
}

void sign_keypair(const uint8_t seed[SIGN_SEED_LEN], uint8_t pub[SIGN_PUBLIC_LEN],
	uint8_t secret[SIGN_SECRET_LEN])
{
	(void)crypto_sign_ed25519_seed_keypair(pub, secret, seed);
}

void sign_bytes(struct span message, const uint8_t secret[SIGN_SECRET_LEN], uint8_t sig[SIGN_LEN])
{
	(void)crypto_sign_ed25519_detached(sig, NULL, message.data, message.len, secret);
}

bool sign_check(
	struct span message, const uint8_t pub[SIGN_PUBLIC_LEN], const uint8_t sig[SIGN_LEN])
{
	return crypto_sign_ed25519_verify_detached(sig, message.data, message.len, pub) == 0;
}

void mac_bytes(const uint8_t key[MAC_KEY_LEN], struct span a, struct span b, uint8_t tag[MAC_LEN])
{
	crypto_generichash_state state;
	(void)crypto_generichash_init(&state, key, MAC_KEY_LEN, MAC_LEN);
	(void)crypto_generichash_update(&state, a.data, a.len);
	(void)crypto_generichash_update(&state, b.data, b.len);
	(void)crypto_generichash_final(&state, tag, MAC_LEN);
}

bool mac_equal(const uint8_t a[MAC_LEN], const uint8_t b[MAC_LEN])
{
	return sodium_memcmp(a, b, MAC_LEN) == 0;
}

uint64_t short_hash(const uint8_t key[SHORT_HASH_KEY_LEN], struct span data)
{
	uint8_t out[crypto_shorthash_BYTES];
	(void)crypto_shorthash(out, data.data, data.len, key);
	return load_be64(out);
}

void base64_put(struct buf *out, struct span data)
{
	size_t need = sodium_base64_ENCODED_LEN(data.len, sodium_base64_VARIANT_ORIGINAL);
	if (!buf_reserve(out, need))
		return;
	(void)sodium_bin2base64((char *)out->data + out->len, need, data.data, data.len,
		sodium_base64_VARIANT_ORIGINAL);
	out->len += need - 1;
}

/*
 * libsodium 1.0.18 computes with signed characters and takes some bytes from 0x80 on for letters:
 * a second spelling of the same bytes, which strict base64 must not have.
 */
static bool is_ascii(struct span text)
{
	uint8_t bits = 0;
	for (size_t i = 0; i < text.len; i++)
		bits |= text.data[i];
	return bits < 0x80;
}

bool base64_take(struct span text, uint8_t *out, size_t max, size_t *len)
{
	const char *end = NULL;
	size_t got = 0;
	if (text.len % 4 != 0 || !is_ascii(text))
		return false;
	if (text.len == 0) {
		*len = 0;
		return true;
	}
	if (sodium_base642bin(out, max, (const char *)text.data, text.len, NULL, &got, &end,
		    sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	if (end != (const char *)text.data + text.len)
		return false;
	*len = got;
	return true;
}

void hex_text(struct span data, char *out)
{
	(void)sodium_bin2hex(out, 2 * data.len + 1, data.data, data.len);
}

void hex_put(struct buf *out, struct span data)
{
	size_t need = data.len * 2 + 1;
	if (!buf_reserve(out, need))
		return;
	hex_text(data, (char *)out->data + out->len);
	out->len += need - 1;
}
