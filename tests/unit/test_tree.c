/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree against public vectors, against the recursive definition of RFC 6962 section 2.1 written
 * out below, and against everything near a valid proof that is not one.
 */
#include "../../proto/tree.h"

#include "../support/hex.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	SMALL_MAX = 70,
	FLIP_MAX = 20,
	WRONG_MAX = 24,
	LEAF_MAX = 3000,
	RANDOM_ROUNDS = 400,
};

static const uint64_t HUGE_MAX = INT64_MAX;

/* transparency-dev/merkle, testonly/constants.go: entries, their hashes, the roots of 0..8. */
static const char *const vector_entries[] = { "", "00", "10", "2021", "3031", "40414243",
	"5051525354555657", "606162636465666768696a6b6c6d6e6f" };
static const char *const vector_leaves[] = {
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
	"07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
	"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
	"4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
	"b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
	"46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
};
static const char *const vector_roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

/* Leaves of the trees below: one allocation for the whole program. */
static struct hash leaves[LEAF_MAX];

static void make_leaves(void)
{
	for (size_t i = 0; i < LEAF_MAX; i++) {
		uint8_t entry[8];
		store_be64(entry, i);
		hash_leaf(span_of(entry, sizeof entry), &leaves[i]);
	}
}

/* The vector's leaves, in place of our own. */
static void make_vector_leaves(void)
{
	for (size_t i = 0; i < 8; i++) {
		uint8_t entry[16];
		size_t len = hex_decode(vector_entries[i], entry);
		hash_leaf(span_of(entry, len), &leaves[i]);
	}
}

static void assert_hex(const struct hash *got, const char *hex)
{
	uint8_t want[HASH_LEN] = { 0 };
	size_t len = hex_decode(hex, want); /* a vector may give only the first bytes */
	assert_memory_equal(got->b, want, len);
}

/* --- RFC 6962 section 2.1, word for word, over leaves[low..high) --- */

static size_t naive_split(size_t n)
{
	size_t k = 1;
	while (k * 2 < n)
		k *= 2;
	return k;
}

static void naive_mth(size_t low, size_t high, struct hash *out)
{
	if (low == high) {
		hash_bytes(span_of(NULL, 0), out);
	} else if (high - low == 1) {
		*out = leaves[low];
	} else {
		size_t k = naive_split(high - low);
		struct hash left;
		struct hash right;
		naive_mth(low, low + k, &left);
		naive_mth(low + k, high, &right);
		hash_node(&left, &right, out);
	}
}

static void naive_path(size_t m, size_t low, size_t high, struct tree_proof *out)
{
	if (high - low == 1)
		return;
	size_t k = naive_split(high - low);
	if (m < k) {
		naive_path(m, low, low + k, out);
		naive_mth(low + k, high, &out->path[out->count++]);
	} else {
		naive_path(m - k, low + k, high, out);
		naive_mth(low, low + k, &out->path[out->count++]);
	}
}

static void naive_subproof(size_t m, size_t low, size_t high, bool known, struct tree_proof *out)
{
	if (m == high - low) {
		if (!known)
			naive_mth(low, high, &out->path[out->count++]);
		return;
	}
	size_t k = naive_split(high - low);
	if (m <= k) {
		naive_subproof(m, low, low + k, known, out);
		naive_mth(low + k, high, &out->path[out->count++]);
	} else {
		naive_subproof(m - k, low + k, high, false, out);
		naive_mth(low, low + k, &out->path[out->count++]);
	}
}

/* --- stored nodes --- */

/* A store of `size` leaves that fails the test when asked for what no store keeps. */
struct store {
	size_t size;
	size_t calls;
	size_t fail_at; /* the call that fails, counted from 1; 0: none */
};

static enum trail_err stored_node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	struct store *store = ctx;
	assert_true(level < TREE_LEVELS);
	assert_true((index + 1) << level <= store->size);
	store->calls++;
	if (store->calls == store->fail_at)
		return TRAIL_IO;
	naive_mth((size_t)(index << level), (size_t)((index + 1) << level), out);
	return TRAIL_OK;
}

static void assert_proofs_equal(const struct tree_proof *got, const struct tree_proof *want)
{
	assert_int_equal(got->count, want->count);
	assert_memory_equal(got->path, want->path, want->count * HASH_LEN);
}

static void make_inclusion(size_t index, size_t size, struct tree_proof *out)
{
	struct store store = { .size = size };
	assert_int_equal(tree_inclusion(index, size, stored_node, &store, out), TRAIL_OK);
}

static void make_consistency(size_t from, size_t to, struct tree_proof *out)
{
	struct store store = { .size = to };
	assert_int_equal(tree_consistency(from, to, stored_node, &store, out), TRAIL_OK);
}

/* The vectors */

static void test_vector_roots_and_nodes_are_met(void **state)
{
	struct frontier f = { 0 };
	struct hash got;
	(void)state;
	make_vector_leaves();
	for (size_t n = 0; n <= 8; n++) {
		struct store store = { .size = n };
		frontier_root(&f, &got);
		assert_hex(&got, vector_roots[n]);
		assert_int_equal(tree_root(n, stored_node, &store, &got), TRAIL_OK);
		assert_hex(&got, vector_roots[n]);
		if (n == 8)
			break;
		assert_hex(&leaves[n], vector_leaves[n]);
		frontier_append(&f, &leaves[n], NULL, NULL);
	}
	make_leaves();
}

static void test_vector_proofs_are_met(void **state)
{
	static const struct {
		bool inclusion;
		size_t of;
		size_t size;
		size_t count;
		const char *path[4];
	} cases[] = {
		{ true, 0, 8, 3, { "96a296d2", "5f083f0a", "6b47aaf2" } },
		{ true, 5, 8, 3, { "bc1a0643", "ca854ea1", "d37ee418" } },
		{ true, 2, 3, 1, { "fac54203" } },
		{ true, 0, 1, 0, { NULL } },
		{ false, 1, 8, 3, { "96a296d2", "5f083f0a", "6b47aaf2" } },
		{ false, 2, 5, 2, { "5f083f0a", "bc1a0643" } },
		{ false, 6, 8, 3, { "0ebc5d34", "ca854ea1", "d37ee418" } },
		{ false, 3, 7, 4, { "0298d122", "07506a85", "fac54203", "837dbb15" } },
		{ false, 4, 7, 1, { "837dbb15" } },
		{ false, 8, 8, 0, { NULL } },
	};
	(void)state;
	make_vector_leaves();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tree_proof proof;
		if (cases[i].inclusion)
			make_inclusion(cases[i].of, cases[i].size, &proof);
		else
			make_consistency(cases[i].of, cases[i].size, &proof);
		assert_int_equal(proof.count, cases[i].count);
		for (size_t p = 0; p < proof.count; p++)
			assert_hex(&proof.path[p], cases[i].path[p]);
	}
	make_leaves();
}

/* Growing */

struct told {
	size_t size; /* leaves appended, the one under way included */
	size_t count;
	unsigned level;
};

static void hear(void *ctx, unsigned level, uint64_t index, const struct hash *node)
{
	struct told *told = ctx;
	struct hash want;
	assert_int_equal(level, told->level);
	assert_int_equal((index + 1) << level, told->size);
	naive_mth((size_t)(index << level), told->size, &want);
	assert_true(hash_equal(node, &want));
	told->level++;
	told->count++;
}

static void test_append_tells_every_complete_subtree_once_leaf_first(void **state)
{
	struct frontier f = { 0 };
	struct told told = { 0 };
	size_t want = 0;
	(void)state;
	for (size_t n = 1; n <= 600; n++) {
		told = (struct told){ .size = n, .count = told.count };
		frontier_append(&f, &leaves[n - 1], hear, &told);
		/* Levels finished by leaf n: one more than the trailing zeros of n. */
		assert_int_equal(told.level, 1 + __builtin_ctzll(n));
		want += told.level;
		assert_int_equal(told.count, want);
		assert_int_equal(f.size, n);
	}
}

static void test_grown_loaded_and_computed_roots_are_one(void **state)
{
	struct frontier grown = { 0 };
	(void)state;
	for (size_t n = 0; n <= 300; n++) {
		struct store store = { .size = n };
		struct frontier loaded;
		struct hash want;
		struct hash got;
		naive_mth(0, n, &want);
		frontier_root(&grown, &got);
		assert_true(hash_equal(&got, &want));
		assert_int_equal(frontier_load(&loaded, n, stored_node, &store), TRAIL_OK);
		assert_int_equal(loaded.size, n);
		assert_int_equal(store.calls, __builtin_popcountll(n));
		/* What was loaded must also grow on. */
		frontier_append(&loaded, &leaves[n], NULL, NULL);
		frontier_append(&grown, &leaves[n], NULL, NULL);
		frontier_root(&loaded, &got);
		naive_mth(0, n + 1, &want);
		assert_true(hash_equal(&got, &want));
		assert_int_equal(
			tree_root(n + 1, stored_node, &(struct store){ .size = n + 1 }, &got),
			TRAIL_OK);
		assert_true(hash_equal(&got, &want));
	}
}

/* Proofs that hold */

static void check_inclusion(size_t index, size_t size)
{
	struct tree_proof want = { 0 };
	struct tree_proof got;
	struct hash root;
	naive_path(index, 0, size, &want);
	make_inclusion(index, size, &got);
	assert_proofs_equal(&got, &want);
	naive_mth(0, size, &root);
	assert_true(tree_inclusion_check(&leaves[index], index, size, &got, &root));
}

static void check_consistency(size_t from, size_t to)
{
	struct tree_proof want = { 0 };
	struct tree_proof got;
	struct hash old;
	struct hash new;
	naive_subproof(from, 0, to, true, &want);
	make_consistency(from, to, &got);
	assert_proofs_equal(&got, &want);
	naive_mth(0, from, &old);
	naive_mth(0, to, &new);
	assert_true(tree_consistency_check(from, &old, to, &new, &got));
}

static void test_every_small_inclusion_is_the_definition_and_verifies(void **state)
{
	(void)state;
	for (size_t size = 1; size <= SMALL_MAX; size++)
		for (size_t index = 0; index < size; index++)
			check_inclusion(index, size);
}

static void test_every_small_consistency_is_the_definition_and_verifies(void **state)
{
	(void)state;
	for (size_t to = 1; to <= SMALL_MAX; to++)
		for (size_t from = 1; from <= to; from++)
			check_consistency(from, to);
}

static void test_random_larger_proofs_are_the_definition_and_verify(void **state)
{
	uint64_t seed = 6962;
	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		size_t size = 1 + (size_t)random_below(&seed, LEAF_MAX);
		check_inclusion((size_t)random_below(&seed, size), size);
		check_consistency(1 + (size_t)random_below(&seed, size), size);
	}
}

/* Proofs that do not hold */

static void flip(struct hash *hash, size_t bit)
{
	hash->b[bit / 8] ^= (uint8_t)(1U << bit % 8);
}

static void refuse_flipped_inclusion(size_t index, size_t size)
{
	struct tree_proof proof;
	struct hash root;
	struct hash leaf = leaves[index];
	make_inclusion(index, size, &proof);
	naive_mth(0, size, &root);
	for (size_t bit = 0; bit < (size_t)8 * HASH_LEN; bit++) {
		for (size_t i = 0; i < proof.count; i++) {
			flip(&proof.path[i], bit);
			assert_false(tree_inclusion_check(&leaf, index, size, &proof, &root));
			flip(&proof.path[i], bit);
		}
		flip(&leaf, bit);
		assert_false(tree_inclusion_check(&leaf, index, size, &proof, &root));
		flip(&leaf, bit);
		flip(&root, bit);
		assert_false(tree_inclusion_check(&leaf, index, size, &proof, &root));
		flip(&root, bit);
	}
	assert_true(tree_inclusion_check(&leaf, index, size, &proof, &root));
}

static void refuse_flipped_consistency(size_t from, size_t to)
{
	struct tree_proof proof;
	struct hash old;
	struct hash new;
	make_consistency(from, to, &proof);
	naive_mth(0, from, &old);
	naive_mth(0, to, &new);
	for (size_t bit = 0; bit < (size_t)8 * HASH_LEN; bit++) {
		for (size_t i = 0; i < proof.count; i++) {
			flip(&proof.path[i], bit);
			assert_false(tree_consistency_check(from, &old, to, &new, &proof));
			flip(&proof.path[i], bit);
		}
		flip(&old, bit);
		assert_false(tree_consistency_check(from, &old, to, &new, &proof));
		flip(&old, bit);
		flip(&new, bit);
		assert_false(tree_consistency_check(from, &old, to, &new, &proof));
		flip(&new, bit);
	}
	assert_true(tree_consistency_check(from, &old, to, &new, &proof));
}

static void test_every_flipped_bit_is_refused(void **state)
{
	(void)state;
	for (size_t size = 1; size <= FLIP_MAX; size++)
		for (size_t of = 0; of < size; of++) {
			refuse_flipped_inclusion(of, size);
			refuse_flipped_consistency(of + 1, size);
		}
}

/*
 * A proof says nothing about the size by itself (leaf 0's path has the same shape in sizes 3 and
 * 4): what must fail is another index, and another size with that size's root.
 */
static void test_a_proof_serves_no_other_index_or_size(void **state)
{
	(void)state;
	for (size_t size = 1; size <= WRONG_MAX; size++)
		for (size_t index = 0; index < size; index++) {
			struct tree_proof proof;
			make_inclusion(index, size, &proof);
			for (size_t n = 1; n <= WRONG_MAX; n++)
				for (size_t i = 0; i <= n; i++) {
					struct hash root;
					naive_mth(0, n, &root);
					assert_int_equal(i == index && n == size,
						tree_inclusion_check(
							&leaves[index], i, n, &proof, &root));
				}
		}
}

static void test_a_proof_connects_no_other_sizes(void **state)
{
	(void)state;
	for (size_t to = 1; to <= WRONG_MAX; to++)
		for (size_t from = 1; from < to; from++) {
			struct tree_proof proof;
			make_consistency(from, to, &proof);
			for (size_t n = 0; n <= WRONG_MAX; n++)
				for (size_t m = 0; m <= WRONG_MAX; m++) {
					struct hash old;
					struct hash new;
					naive_mth(0, m, &old);
					naive_mth(0, n, &new);
					assert_int_equal(m == from && n == to,
						tree_consistency_check(m, &old, n, &new, &proof));
				}
		}
}

/* The proof with hash `at` left out. */
static struct tree_proof without(const struct tree_proof *proof, size_t at)
{
	struct tree_proof out = { .count = proof->count - 1 };
	for (size_t i = 0; i < out.count; i++)
		out.path[i] = proof->path[i < at ? i : i + 1];
	return out;
}

/* The proof with `extra` put before hash `at`. */
static struct tree_proof with(const struct tree_proof *proof, size_t at, const struct hash *extra)
{
	struct tree_proof out = { .count = proof->count + 1 };
	for (size_t i = 0; i < out.count; i++)
		out.path[i] = i == at ? *extra : proof->path[i < at ? i : i - 1];
	return out;
}

static void test_one_hash_too_few_is_refused(void **state)
{
	(void)state;
	for (size_t size = 1; size <= SMALL_MAX; size++)
		for (size_t of = 0; of < size; of++) {
			struct tree_proof proof;
			struct tree_proof cut;
			struct hash root;
			struct hash old;
			naive_mth(0, size, &root);
			naive_mth(0, of + 1, &old);
			make_inclusion(of, size, &proof);
			for (size_t at = 0; at < proof.count; at++) {
				cut = without(&proof, at);
				assert_false(
					tree_inclusion_check(&leaves[of], of, size, &cut, &root));
			}
			make_consistency(of + 1, size, &proof);
			for (size_t at = 0; at < proof.count; at++) {
				cut = without(&proof, at);
				assert_false(
					tree_consistency_check(of + 1, &old, size, &root, &cut));
			}
		}
}

static void test_one_hash_too_many_is_refused(void **state)
{
	(void)state;
	for (size_t size = 1; size <= SMALL_MAX; size++)
		for (size_t of = 0; of < size; of++) {
			struct tree_proof proof;
			struct tree_proof more;
			struct hash root;
			struct hash old;
			naive_mth(0, size, &root);
			naive_mth(0, of + 1, &old);
			make_inclusion(of, size, &proof);
			for (size_t at = 0; at <= proof.count; at++) {
				more = with(&proof, at, at % 2 ? &root : &leaves[of]);
				assert_false(
					tree_inclusion_check(&leaves[of], of, size, &more, &root));
			}
			make_consistency(of + 1, size, &proof);
			for (size_t at = 0; at <= proof.count; at++) {
				more = with(&proof, at, at % 2 ? &root : &old);
				assert_false(
					tree_consistency_check(of + 1, &old, size, &root, &more));
			}
		}
}

/*
 * The same root under another size: refused wherever that size's proof would have another length.
 * Only the walk's end tells, for every hash fits.
 */
static void test_a_proof_of_the_wrong_length_for_the_claimed_size_is_refused(void **state)
{
	size_t tried = 0;
	(void)state;
	for (size_t size = 1; size <= WRONG_MAX; size++)
		for (size_t of = 0; of < size; of++)
			for (size_t n = of + 1; n <= WRONG_MAX; n++) {
				struct tree_proof proof;
				struct tree_proof other;
				struct hash root;
				struct hash old;
				naive_mth(0, size, &root);
				naive_mth(0, of + 1, &old);
				make_inclusion(of, size, &proof);
				make_inclusion(of, n, &other);
				if (proof.count != other.count) {
					assert_false(tree_inclusion_check(
						&leaves[of], of, n, &proof, &root));
					tried++;
				}
				make_consistency(of + 1, size, &proof);
				make_consistency(of + 1, n, &other);
				if (proof.count != other.count) {
					assert_false(tree_consistency_check(
						of + 1, &old, n, &root, &proof));
					tried++;
				}
			}
	assert_true(tried > 1000);
}

/* Whoever chooses the roots can make hashes fit that go on above the root: the walk must not. */
static void test_a_proof_that_goes_on_above_the_root_is_refused(void **state)
{
	(void)state;
	for (size_t size = 1; size <= SMALL_MAX; size++)
		for (size_t of = 0; of < size; of++) {
			const struct hash *above = &leaves[LEAF_MAX - 1];
			struct tree_proof proof;
			struct hash root;
			struct hash old;
			naive_mth(0, size, &root);
			naive_mth(0, of + 1, &old);
			hash_node(above, &root, &root);
			hash_node(above, &old, &old);
			make_inclusion(of, size, &proof);
			proof = with(&proof, proof.count, above);
			assert_false(tree_inclusion_check(&leaves[of], of, size, &proof, &root));
			make_consistency(of + 1, size, &proof);
			proof = with(&proof, proof.count, above);
			assert_false(tree_consistency_check(of + 1, &old, size, &root, &proof));
		}
}

static void test_nothing_is_proven_of_the_empty_tree(void **state)
{
	struct tree_proof proof = { 0 };
	struct store store = { .size = 8 };
	struct hash empty;
	struct hash root;
	(void)state;
	naive_mth(0, 0, &empty);
	naive_mth(0, 8, &root);
	assert_false(tree_consistency_check(0, &empty, 0, &empty, &proof));
	assert_false(tree_consistency_check(0, &empty, 8, &root, &proof));
	assert_false(tree_inclusion_check(&empty, 0, 0, &proof, &empty));
	assert_int_equal(tree_consistency(0, 8, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(tree_consistency(0, 0, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(tree_inclusion(0, 0, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(store.calls, 0);
}

static void test_an_empty_proof_connects_only_a_tree_with_itself(void **state)
{
	const struct tree_proof empty = { 0 };
	struct hash root;
	struct hash other;
	(void)state;
	naive_mth(0, 5, &root);
	naive_mth(0, 6, &other);
	assert_true(tree_consistency_check(5, &root, 5, &root, &empty));
	assert_false(tree_consistency_check(5, &root, 5, &other, &empty));
	assert_false(tree_consistency_check(5, &root, 6, &other, &empty));
	assert_false(tree_consistency_check(4, &root, 5, &root, &empty));
	assert_false(tree_consistency_check(6, &root, 5, &root, &empty));
}

/* A count that no decoder would pass on must not be walked: it would leave the array. */
static void test_a_count_beyond_the_longest_proof_is_refused(void **state)
{
	struct tree_proof proof = { .count = TREE_PATH_MAX + 1 };
	struct hash root;
	(void)state;
	naive_mth(0, 1, &root);
	assert_false(tree_inclusion_check(&root, 0, HUGE_MAX, &proof, &root));
	assert_false(tree_consistency_check(1, &root, HUGE_MAX, &root, &proof));
}

static void test_makers_refuse_what_lies_outside_the_tree(void **state)
{
	struct tree_proof proof;
	struct frontier f;
	struct hash root;
	struct store store = { 0 };
	(void)state;
	assert_int_equal(tree_inclusion(8, 8, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(tree_inclusion(UINT64_MAX, 8, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(tree_consistency(9, 8, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(
		tree_inclusion(0, HUGE_MAX + 1, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(
		tree_consistency(1, HUGE_MAX + 1, stored_node, &store, &proof), TRAIL_INVALID);
	assert_int_equal(tree_root(HUGE_MAX + 1, stored_node, &store, &root), TRAIL_INVALID);
	assert_int_equal(frontier_load(&f, UINT64_MAX, stored_node, &store), TRAIL_INVALID);
	assert_int_equal(store.calls, 0);
}

static void test_a_failed_fetch_ends_the_call_and_sets_nothing(void **state)
{
	struct tree_proof untouched;
	struct tree_proof proof;
	(void)state;
	memset(&untouched, 0x5a, sizeof untouched);
	for (size_t kind = 0; kind < 2; kind++)
		for (size_t fail_at = 1;; fail_at++) {
			struct store store = { .size = 45, .fail_at = fail_at };
			proof = untouched;
			enum trail_err err = kind == 0
				? tree_inclusion(17, 45, stored_node, &store, &proof)
				: tree_consistency(19, 45, stored_node, &store, &proof);
			if (err == TRAIL_OK) {
				assert_true(fail_at > 5);
				break;
			}
			assert_int_equal(err, TRAIL_IO);
			assert_int_equal(store.calls, fail_at);
			assert_memory_equal(&proof, &untouched, sizeof proof);
		}
}

/* --- trees of almost 2^63 leaves, all alike but one --- */

struct giant {
	uint64_t marked;                    /* index of the leaf that differs */
	struct hash alike[TREE_LEVELS + 1]; /* roots of complete subtrees without it */
};

static void giant_make(struct giant *g, uint64_t marked)
{
	g->marked = marked;
	hash_leaf(span_text("alike"), &g->alike[0]);
	for (unsigned l = 0; l < TREE_LEVELS; l++)
		hash_node(&g->alike[l], &g->alike[l], &g->alike[l + 1]);
}

static enum trail_err giant_node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct giant *g = ctx;
	struct hash sum;
	if (g->marked >> level != index) {
		*out = g->alike[level];
		return TRAIL_OK;
	}
	hash_leaf(span_text("marked"), &sum);
	for (unsigned l = 0; l < level; l++)
		if (g->marked >> l & 1)
			hash_node(&g->alike[l], &sum, &sum);
		else
			hash_node(&sum, &g->alike[l], &sum);
	*out = sum;
	return TRAIL_OK;
}

/* The definition again, which stops at complete subtrees. */
static void giant_mth(struct giant *g, uint64_t low, uint64_t high, struct hash *out)
{
	uint64_t n = high - low;
	if ((n & (n - 1)) == 0) {
		unsigned level = (unsigned)__builtin_ctzll(n);
		assert_int_equal(giant_node(g, level, low >> level, out), TRAIL_OK);
		return;
	}
	uint64_t k = (uint64_t)1 << (63 - __builtin_clzll(n));
	struct hash left;
	struct hash right;
	giant_mth(g, low, low + k, &left);
	giant_mth(g, low + k, high, &right);
	hash_node(&left, &right, out);
}

static void check_giant(uint64_t index, uint64_t from, uint64_t size)
{
	struct giant g;
	struct tree_proof proof;
	struct hash root;
	struct hash old;
	struct hash leaf;
	struct hash got;
	giant_make(&g, index);
	giant_mth(&g, 0, size, &root);
	giant_mth(&g, 0, from, &old);
	hash_leaf(span_text("marked"), &leaf);
	assert_int_equal(tree_root(size, giant_node, &g, &got), TRAIL_OK);
	assert_true(hash_equal(&got, &root));
	assert_int_equal(tree_inclusion(index, size, giant_node, &g, &proof), TRAIL_OK);
	assert_true(proof.count <= TREE_LEVELS);
	assert_true(tree_inclusion_check(&leaf, index, size, &proof, &root));
	assert_false(tree_inclusion_check(&leaf, index ^ 1, size, &proof, &root));
	flip(&proof.path[proof.count - 1], 7);
	assert_false(tree_inclusion_check(&leaf, index, size, &proof, &root));
	assert_int_equal(tree_consistency(from, size, giant_node, &g, &proof), TRAIL_OK);
	assert_true(proof.count <= TREE_PATH_MAX);
	assert_true(tree_consistency_check(from, &old, size, &root, &proof));
	assert_false(tree_consistency_check(from, &root, size, &old, &proof));
	flip(&proof.path[proof.count - 1], 7);
	assert_false(tree_consistency_check(from, &old, size, &root, &proof));
}

static void test_proofs_hold_up_to_two_to_the_63rd(void **state)
{
	const uint64_t top = (uint64_t)1 << 62;
	const uint64_t sizes[] = { HUGE_MAX, HUGE_MAX - 1, top + 1, top, top - 1, (uint64_t)1 << 32,
		0x5555555555555555 };
	uint64_t seed = 63;
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint64_t size = sizes[i];
		check_giant(0, 1, size);
		check_giant(size - 1, size - 1, size);
		check_giant(size / 2, size / 2, size);
		for (int round = 0; round < 50; round++)
			check_giant(
				random_below(&seed, size), 1 + random_below(&seed, size - 1), size);
	}
}

static void test_sizes_from_two_to_the_63rd_are_refused(void **state)
{
	const uint64_t size = HUGE_MAX + 1;
	struct tree_proof proof = { .count = TREE_LEVELS };
	struct giant g;
	(void)state;
	giant_make(&g, UINT64_MAX);
	for (unsigned l = 0; l < TREE_LEVELS; l++)
		proof.path[l] = g.alike[l];
	/* By the arithmetic of the RFC this would verify: other verifiers could not read it. */
	assert_false(tree_inclusion_check(&g.alike[0], 0, size, &proof, &g.alike[TREE_LEVELS]));
	assert_false(tree_consistency_check(1, &g.alike[0], size, &g.alike[TREE_LEVELS], &proof));
}

static void test_the_frontier_carries_through_every_level(void **state)
{
	struct giant g;
	struct frontier f;
	struct hash want;
	struct hash got;
	(void)state;
	giant_make(&g, UINT64_MAX);
	for (unsigned bits = 1; bits < TREE_LEVELS; bits++) {
		uint64_t size = ((uint64_t)1 << bits) - 1;
		assert_int_equal(frontier_load(&f, size, giant_node, &g), TRAIL_OK);
		frontier_append(&f, &g.alike[0], NULL, NULL);
		frontier_root(&f, &got);
		assert_true(hash_equal(&got, &g.alike[bits]));
	}
	assert_int_equal(frontier_load(&f, HUGE_MAX - 1, giant_node, &g), TRAIL_OK);
	frontier_append(&f, &g.alike[0], NULL, NULL);
	frontier_root(&f, &got);
	giant_mth(&g, 0, HUGE_MAX, &want);
	assert_true(hash_equal(&got, &want));
}

static void test_subtrees_are_appended_as_their_leaves_would_be(void **state)
{
	(void)state;
	for (unsigned level = 0; level < 8; level++) {
		struct frontier f = { 0 };
		size_t leaves_of = (size_t)1 << level;
		for (size_t n = 0; n < 9; n++) {
			struct hash node, got, want;
			naive_mth(n * leaves_of, (n + 1) * leaves_of, &node);
			frontier_append_node(&f, level, &node);
			assert_int_equal(f.size, (n + 1) * leaves_of);
			frontier_root(&f, &got);
			naive_mth(0, (size_t)f.size, &want);
			assert_true(hash_equal(&got, &want));
		}
		/* And single leaves go on behind. */
		frontier_append(&f, &leaves[f.size], NULL, NULL);
		struct hash got, want;
		frontier_root(&f, &got);
		naive_mth(0, (size_t)f.size, &want);
		assert_true(hash_equal(&got, &want));
	}
}

static void test_the_right_edge_follows_from_the_proof_of_the_last_leaf(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 300; n++) {
		struct store store = { .size = n };
		struct tree_proof proof;
		struct frontier f = { .size = 99 };
		struct hash root, other = { { 1 } };
		naive_mth(0, n, &root);
		assert_int_equal(tree_inclusion(n - 1, n, stored_node, &store, &proof), TRAIL_OK);
		assert_false(frontier_from_last(&f, n, &other, &proof, &root));
		assert_false(frontier_from_last(&f, n, &leaves[n - 1], &proof, &other));
		assert_int_equal(f.size, 99);
		assert_true(frontier_from_last(&f, n, &leaves[n - 1], &proof, &root));
		for (size_t more = n; more < n + 5; more++) {
			struct hash got, want;
			frontier_root(&f, &got);
			naive_mth(0, more, &want);
			assert_true(hash_equal(&got, &want));
			frontier_append(&f, &leaves[more], NULL, NULL);
		}
	}
	struct frontier none;
	struct tree_proof empty = { 0 };
	assert_false(frontier_from_last(&none, 0, &leaves[0], &empty, &leaves[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector_roots_and_nodes_are_met),
		cmocka_unit_test(test_vector_proofs_are_met),
		cmocka_unit_test(test_append_tells_every_complete_subtree_once_leaf_first),
		cmocka_unit_test(test_grown_loaded_and_computed_roots_are_one),
		cmocka_unit_test(test_every_small_inclusion_is_the_definition_and_verifies),
		cmocka_unit_test(test_every_small_consistency_is_the_definition_and_verifies),
		cmocka_unit_test(test_random_larger_proofs_are_the_definition_and_verify),
		cmocka_unit_test(test_every_flipped_bit_is_refused),
		cmocka_unit_test(test_a_proof_serves_no_other_index_or_size),
		cmocka_unit_test(test_a_proof_connects_no_other_sizes),
		cmocka_unit_test(test_one_hash_too_few_is_refused),
		cmocka_unit_test(test_one_hash_too_many_is_refused),
		cmocka_unit_test(test_a_proof_of_the_wrong_length_for_the_claimed_size_is_refused),
		cmocka_unit_test(test_a_proof_that_goes_on_above_the_root_is_refused),
		cmocka_unit_test(test_nothing_is_proven_of_the_empty_tree),
		cmocka_unit_test(test_an_empty_proof_connects_only_a_tree_with_itself),
		cmocka_unit_test(test_a_count_beyond_the_longest_proof_is_refused),
		cmocka_unit_test(test_makers_refuse_what_lies_outside_the_tree),
		cmocka_unit_test(test_a_failed_fetch_ends_the_call_and_sets_nothing),
		cmocka_unit_test(test_proofs_hold_up_to_two_to_the_63rd),
		cmocka_unit_test(test_sizes_from_two_to_the_63rd_are_refused),
		cmocka_unit_test(test_the_frontier_carries_through_every_level),
		cmocka_unit_test(test_subtrees_are_appended_as_their_leaves_would_be),
		cmocka_unit_test(test_the_right_edge_follows_from_the_proof_of_the_last_leaf),
	};
	make_leaves();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
