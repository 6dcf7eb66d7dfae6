/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/hash.h"

#include "../support/hex.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	LONG_LEN = 700,
	THREADS = 4,
	ROUNDS = 2000,
};

static void assert_hash(const struct hash *got, const char *want_hex)
{
	uint8_t want[HASH_LEN];
	assert_int_equal(hex_decode(want_hex, want), HASH_LEN);
	assert_memory_equal(got->b, want, HASH_LEN);
}

/* FIPS 180-4 examples. */
static void test_sha256_meets_the_published_digests(void **state)
{
	static const struct {
		const char *text;
		const char *digest;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hash got;
		hash_bytes(span_text(cases[i].text), &got);
		assert_hash(&got, cases[i].digest);
	}
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + 1);
}

/* Short parts are joined before hashing and long ones are not: nobody may see which. */
static void test_prefixed_is_the_hash_of_the_concatenation_at_every_length(void **state)
{
	static const size_t splits[] = { 0, 1, 16, 32, 126, 127, 128, 129, 255, 256, 300 };
	uint8_t whole[1 + LONG_LEN];
	(void)state;
	fill(whole, sizeof whole);
	for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
		for (size_t total = splits[i]; total <= LONG_LEN; total++) {
			struct hash want;
			struct hash got;
			hash_bytes(span_of(whole, 1 + total), &want);
			hash_prefixed(whole[0], span_of(whole + 1, splits[i]),
				span_of(whole + 1 + splits[i], total - splits[i]), &got);
			assert_true(hash_equal(&got, &want));
		}
}

static void test_an_absent_part_is_an_empty_one(void **state)
{
	const struct span none = { 0 };
	struct hash got;
	(void)state;
	hash_bytes(none, &got);
	assert_hash(&got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_prefixed(0x00, none, none, &got);
	assert_hash(&got, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

/* RFC 6962 section 2.1: a leaf can never be taken for a node. */
static void test_leaf_and_node_carry_their_prefixes(void **state)
{
	uint8_t pair[2 * HASH_LEN];
	struct hash left;
	struct hash right;
	struct hash want;
	struct hash got;
	(void)state;
	hash_leaf(span_of(NULL, 0), &left);
	assert_hash(&left, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
	hash_leaf(span_of("\0", 1), &right);
	assert_hash(&right, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
	hash_node(&left, &right, &got);
	assert_hash(&got, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
	memcpy(pair, left.b, HASH_LEN);
	memcpy(pair + HASH_LEN, right.b, HASH_LEN);
	hash_prefixed(0x01, span_of(pair, sizeof pair), span_of(NULL, 0), &want);
	assert_true(hash_equal(&got, &want));
	hash_leaf(span_of(pair, sizeof pair), &want);
	assert_false(hash_equal(&got, &want));
}

static void test_a_node_may_overwrite_either_child(void **state)
{
	struct hash left;
	struct hash right;
	struct hash want;
	struct hash sum;
	(void)state;
	hash_leaf(span_text("left"), &left);
	hash_leaf(span_text("right"), &right);
	hash_node(&left, &right, &want);
	sum = left;
	hash_node(&sum, &right, &sum);
	assert_true(hash_equal(&sum, &want));
	sum = right;
	hash_node(&left, &sum, &sum);
	assert_true(hash_equal(&sum, &want));
}

/* Each thread grows a chain of its own; a shared context would mix them. */
static void *chain(void *arg)
{
	struct hash *sum = arg;
	for (int i = 0; i < ROUNDS; i++)
		hash_node(sum, sum, sum);
	return NULL;
}

static void test_threads_do_not_disturb_each_other(void **state)
{
	struct hash sums[THREADS];
	pthread_t threads[THREADS];
	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		memset(sums[i].b, (int)i, HASH_LEN);
		assert_int_equal(pthread_create(&threads[i], NULL, chain, &sums[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		struct hash want;
		memset(want.b, (int)i, HASH_LEN);
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		(void)chain(&want);
		assert_true(hash_equal(&sums[i], &want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_meets_the_published_digests),
		cmocka_unit_test(test_prefixed_is_the_hash_of_the_concatenation_at_every_length),
		cmocka_unit_test(test_an_absent_part_is_an_empty_one),
		cmocka_unit_test(test_leaf_and_node_carry_their_prefixes),
		cmocka_unit_test(test_a_node_may_overwrite_either_child),
		cmocka_unit_test(test_threads_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
