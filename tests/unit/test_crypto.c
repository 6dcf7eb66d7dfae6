/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/crypto.h"

#include "../support/hex.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	LOCKS_ALWAYS = 77
};

/* RFC 8032 section 7.1, tests 1 to 3. */
static const struct {
	const char *seed;
	const char *pub;
	const char *message;
	const char *sig;
} rfc8032[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
		"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

struct signed_message {
	uint8_t pub[SIGN_PUBLIC_LEN];
	uint8_t sig[SIGN_LEN];
	uint8_t bytes[16];
	struct span message;
};

static void load_case(size_t i, struct signed_message *out)
{
	assert_int_equal(hex_decode(rfc8032[i].pub, out->pub), SIGN_PUBLIC_LEN);
	assert_int_equal(hex_decode(rfc8032[i].sig, out->sig), SIGN_LEN);
	out->message = span_of(out->bytes, hex_decode(rfc8032[i].message, out->bytes));
}

static void test_ed25519_meets_rfc_8032(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rfc8032 / sizeof *rfc8032; i++) {
		struct signed_message want;
		uint8_t seed[SIGN_SEED_LEN];
		uint8_t pub[SIGN_PUBLIC_LEN];
		uint8_t secret[SIGN_SECRET_LEN];
		uint8_t sig[SIGN_LEN];
		load_case(i, &want);
		assert_int_equal(hex_decode(rfc8032[i].seed, seed), SIGN_SEED_LEN);
		sign_keypair(seed, pub, secret);
		assert_memory_equal(pub, want.pub, SIGN_PUBLIC_LEN);
		assert_memory_equal(secret, seed, SIGN_SEED_LEN);
		sign_bytes(want.message, secret, sig);
		assert_memory_equal(sig, want.sig, SIGN_LEN);
		assert_true(sign_check(want.message, pub, sig));
	}
}

static void test_any_flipped_bit_breaks_a_signature(void **state)
{
	struct signed_message m;
	(void)state;
	load_case(2, &m);
	assert_true(sign_check(m.message, m.pub, m.sig));
	for (size_t bit = 0; bit < (size_t)8 * SIGN_LEN; bit++) {
		m.sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(sign_check(m.message, m.pub, m.sig));
		m.sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < (size_t)8 * SIGN_PUBLIC_LEN; bit++) {
		m.pub[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(sign_check(m.message, m.pub, m.sig));
		m.pub[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * m.message.len; bit++) {
		m.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(sign_check(m.message, m.pub, m.sig));
		m.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_false(sign_check(span_of(m.bytes, m.message.len - 1), m.pub, m.sig));
	assert_true(sign_check(m.message, m.pub, m.sig));
}

/* S + L signs the same by the curve's arithmetic; RFC 8032 section 5.1.7 wants S < L. */
static void test_a_second_form_of_a_signature_is_refused(void **state)
{
	uint8_t order[32];
	unsigned carry = 0;
	struct signed_message m;
	(void)state;
	load_case(1, &m);
	(void)hex_decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order);
	for (size_t i = 0; i < sizeof order; i++) {
		carry += (unsigned)m.sig[32 + i] + order[i];
		m.sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_false(sign_check(m.message, m.pub, m.sig));
}

/* Under such a key one signature fits many messages. */
static void test_keys_of_small_order_verify_nothing(void **state)
{
	static const char *const keys[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		uint8_t pub[SIGN_PUBLIC_LEN];
		uint8_t sig[SIGN_LEN] = { 1 }; /* R the neutral element, S = 0 */
		(void)hex_decode(keys[i], pub);
		assert_false(sign_check(span_text("anything"), pub, sig));
	}
}

/* RFC 4648 section 10. */
static const char *const base64_pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
	{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" } };

static void test_base64_meets_rfc_4648_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof base64_pairs / sizeof *base64_pairs; i++) {
		struct span plain = span_text(base64_pairs[i][0]);
		struct span coded = span_text(base64_pairs[i][1]);
		struct buf out = { 0 };
		uint8_t back[16];
		size_t len = SIZE_MAX;
		buf_put_text(&out, "kept");
		base64_put(&out, plain);
		assert_false(out.failed);
		assert_int_equal(out.len, 4 + coded.len);
		assert_memory_equal(out.data, "kept", 4);
		assert_true(span_equal(span_of(out.data + 4, out.len - 4), coded));
		assert_true(base64_take(coded, back, plain.len, &len));
		assert_true(span_equal(span_of(back, len), plain));
		buf_release(&out);
	}
}

static void test_base64_of_every_length_returns(void **state)
{
	uint8_t plain[200];
	uint8_t back[200];
	(void)state;
	for (size_t n = 0; n <= sizeof plain; n++) {
		struct buf out = { 0 };
		size_t len = SIZE_MAX;
		crypto_random(plain, n);
		base64_put(&out, span_of(plain, n));
		assert_int_equal(out.len, (n + 2) / 3 * 4);
		assert_true(base64_take(buf_view(&out), back, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(back, plain, n);
		if (n != 0)
			assert_false(base64_take(buf_view(&out), back, n - 1, &len));
		buf_release(&out);
	}
}

static void test_base64_refuses_every_other_spelling(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "Zg", 2 }, /* no padding */
		{ "Zg=", 3 },
		{ "Zg===", 5 },
		{ "Zg==\n", 5 }, /* white space */
		{ "Zg==\n\n\n\n", 8 },
		{ " Zg=", 4 },
		{ "Zm 9", 4 },
		{ "Zm9\n", 4 },
		{ "Zm9v\r\n  ", 8 },
		{ "Zh==", 4 }, /* bits set behind the last byte */
		{ "Zm9=", 4 },
		{ "Zn==", 4 },
		{ "Zm8/Zm9=", 8 },
		{ "====", 4 },
		{ "Z===", 4 },
		{ "Zg==Zg==", 8 }, /* padding inside */
		{ "Zm=v", 4 },
		{ "Zm9vZg==Zm9v", 12 },
		{ "Zm-_", 4 }, /* the other alphabet */
		{ "Zm9\0", 4 },
		{ "Zm9\xe2", 4 },
		{ "Zm9*", 4 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t out[64];
		size_t len = 0;
		if (base64_take(span_of(cases[i].text, cases[i].len), out, sizeof out, &len))
			fail_msg("case %zu is taken: %s", i, cases[i].text);
	}
}

/* libsodium 1.0.18 by itself takes some bytes from 0x80 on for letters. */
static void test_base64_knows_no_byte_outside_its_alphabet(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	(void)state;
	for (size_t at = 0; at < 8; at++)
		for (unsigned byte = 0; byte < 256; byte++) {
			char text[] = "Zm9vZm9v";
			uint8_t out[6];
			size_t len = 0;
			bool want = memchr(alphabet, (int)byte, sizeof alphabet - 1) != NULL;
			text[at] = (char)byte;
			if (base64_take(span_of(text, 8), out, sizeof out, &len) != want)
				fail_msg("byte %#x at %zu: %s", byte, at,
					want ? "refused" : "taken");
		}
}

static void test_hex_is_lower_case_and_appended(void **state)
{
	const uint8_t data[] = { 0x00, 0x0f, 0xa5, 0xff };
	struct buf out = { 0 };
	(void)state;
	buf_put_text(&out, "x");
	hex_put(&out, span_of(data, sizeof data));
	hex_put(&out, span_of(NULL, 0));
	assert_true(span_equal(buf_view(&out), span_text("x000fa5ff")));
	buf_release(&out);
}

static void test_a_failed_buffer_takes_no_text(void **state)
{
	struct buf out = { .failed = true };
	(void)state;
	base64_put(&out, span_text("text"));
	hex_put(&out, span_text("text"));
	assert_int_equal(out.len, 0);
	assert_null(out.data);
}

static void test_wiped_memory_is_zero(void **state)
{
	const uint8_t zero[48] = { 0 };
	uint8_t secret[48];
	(void)state;
	memset(secret, 0xa5, sizeof secret);
	crypto_wipe(secret + 8, 32);
	assert_int_equal(secret[7], 0xa5);
	assert_memory_equal(secret + 8, zero, 32);
	assert_int_equal(secret[40], 0xa5);
}

static void test_random_bytes_fill_and_differ(void **state)
{
	uint8_t a[32] = { 0 };
	uint8_t b[32] = { 0 };
	(void)state;
	crypto_random(a, sizeof a);
	crypto_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	crypto_random(b, 0);
}

static void test_secret_memory_is_usable_and_guarded(void **state)
{
	int status = 0;
	(void)state;
	uint8_t *secret = crypto_secret_new(100);
	assert_non_null(secret);
	memset(secret, 0x5a, 100);
	assert_int_equal(secret[99], 0x5a);
	crypto_secret_free(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = { 0 };
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on with the tests */
		secret[100] = 1;                /* the page behind is not mapped */
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	crypto_secret_free(secret);
}

/* Where no memory can be locked, answering with memory that may be swapped out would be a lie. */
static void test_secret_memory_that_cannot_be_locked_is_not_given(void **state)
{
	int status = 0;
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = { 0 };
		(void)setrlimit(RLIMIT_MEMLOCK, &none);
		if (geteuid() == 0 && seteuid(65534) != 0)
			_exit(2);
		/* The sanitizers answer for mlock, and say yes. */
		if (mlock(&none, sizeof none) == 0)
			_exit(LOCKS_ALWAYS);
		_exit(crypto_secret_new(100) ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == LOCKS_ALWAYS) {
		print_message("mlock cannot be made to fail here: not tried\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ed25519_meets_rfc_8032),
		cmocka_unit_test(test_any_flipped_bit_breaks_a_signature),
		cmocka_unit_test(test_a_second_form_of_a_signature_is_refused),
		cmocka_unit_test(test_keys_of_small_order_verify_nothing),
		cmocka_unit_test(test_base64_meets_rfc_4648_both_ways),
		cmocka_unit_test(test_base64_of_every_length_returns),
		cmocka_unit_test(test_base64_refuses_every_other_spelling),
		cmocka_unit_test(test_base64_knows_no_byte_outside_its_alphabet),
		cmocka_unit_test(test_hex_is_lower_case_and_appended),
		cmocka_unit_test(test_a_failed_buffer_takes_no_text),
		cmocka_unit_test(test_wiped_memory_is_zero),
		cmocka_unit_test(test_random_bytes_fill_and_differ),
		cmocka_unit_test(test_secret_memory_is_usable_and_guarded),
		cmocka_unit_test(test_secret_memory_that_cannot_be_locked_is_not_given),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
