/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/codec.h"
#include "../../proto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	HEIGHT = 4,
	KEYS = 1 << HEIGHT,
};

/* A tree of seal keys, made as FORMATS.md section 6 says, without the code under test. */
struct keys {
	uint8_t pub[KEYS][SIGN_PUBLIC_LEN];
	uint8_t secret[KEYS][SIGN_SECRET_LEN];
	struct hash leaf[KEYS];
	struct seal_anchor anchor;
};

static enum trail_err leaf_at(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct keys *k = ctx;
	struct hash left, right;
	if (level == 0) {
		*out = k->leaf[index];
		return TRAIL_OK;
	}
	(void)leaf_at(ctx, level - 1, 2 * index, &left);
	(void)leaf_at(ctx, level - 1, 2 * index + 1, &right);
	hash_node(&left, &right, out);
	return TRAIL_OK;
}

static void keys_make(struct keys *k)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		uint8_t seed[SIGN_SEED_LEN] = { 0x40, (uint8_t)i };
		struct buf entry = { 0 };
		sign_keypair(seed, k->pub[i], k->secret[i]);
		buf_put_text(&entry, "trail-seal-key/v1\n");
		buf_put_be32(&entry, i);
		buf_put(&entry, k->pub[i], SIGN_PUBLIC_LEN);
		hash_leaf(buf_view(&entry), &k->leaf[i]);
		buf_release(&entry);
	}
	k->anchor = (struct seal_anchor){ .origin = "example.org/audit", .height = HEIGHT };
	assert_int_equal(tree_root(KEYS, leaf_at, k, &k->anchor.root), TRAIL_OK);
}

/* A SEAL of `epoch`, in memory of its own so that it can be damaged. */
struct made {
	struct buf text;
	struct tree_proof path;
	uint8_t key[SIGN_PUBLIC_LEN];
	uint8_t sig[SIGN_LEN];
	struct seal seal;
};

static void made_fill(struct made *m, struct keys *k, uint32_t epoch, uint32_t says)
{
	struct seal_text text = { .epoch = says, .size = 4711, .time_ns = UINT64_MAX };
	*m = (struct made){ 0 };
	memcpy(text.origin, k->anchor.origin, sizeof text.origin);
	memset(text.root.b, 0x5a, HASH_LEN);
	seal_text_put(&m->text, &text);
	assert_int_equal(tree_inclusion(epoch, KEYS, leaf_at, k, &m->path), TRAIL_OK);
	memcpy(m->key, k->pub[epoch], sizeof m->key);
	sign_bytes(buf_view(&m->text), k->secret[epoch], m->sig);
	m->seal = (struct seal){
		.text = buf_view(&m->text),
		.key = span_of(m->key, sizeof m->key),
		.path = span_of(m->path.path, HEIGHT * HASH_LEN),
		.sig = span_of(m->sig, sizeof m->sig),
	};
}

static void test_text_is_read_as_it_was_put(void **state)
{
	static const struct seal_text texts[] = {
		{ .origin = "a", .epoch = 0, .size = 0, .time_ns = 0 },
		{ .origin = "example.org/audit",
			.epoch = UINT32_MAX,
			.size = INT64_MAX,
			.time_ns = UINT64_MAX },
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct buf out = { 0 };
		struct seal_text back = { 0 };
		seal_text_put(&out, &texts[i]);
		assert_int_equal(seal_text_parse(buf_view(&out), &back), TRAIL_OK);
		assert_memory_equal(&back, &texts[i], sizeof back);
		buf_release(&out);
	}
}

#define ROOT "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="

static void test_text_is_nothing_but_its_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"trail-seal/v1\n",
		"trail-seal/v2\na\n0\n2\n" ROOT "\n1\n",
		"trail-seal/v1\n\n0\n2\n" ROOT "\n1\n",
		"trail-seal/v1\na b\n0\n2\n" ROOT "\n1\n",
		"trail-seal/v1\na\n00\n2\n" ROOT "\n1\n",
		"trail-seal/v1\na\n4294967296\n2\n" ROOT "\n1\n",
		"trail-seal/v1\na\n-1\n2\n" ROOT "\n1\n",
		"trail-seal/v1\na\n\n2\n" ROOT "\n1\n",
		"trail-seal/v1\na\n0\n9223372036854775808\n" ROOT "\n1\n",
		"trail-seal/v1\na\n0\n02\n" ROOT "\n1\n",
		"trail-seal/v1\na\n0\n2\nXcna\n1\n",
		"trail-seal/v1\na\n0\n2\n" ROOT "\n18446744073709551616\n",
		"trail-seal/v1\na\n0\n2\n" ROOT "\n1",
		"trail-seal/v1\na\n0\n2\n" ROOT "\n1\n\n",
		"trail-seal/v1\na\n0\n2\n" ROOT "\n1\nx\n",
	};
	struct seal_text text;
	(void)state;
	assert_int_equal(seal_text_parse(span_text("trail-seal/v1\na\n0\n2\n" ROOT "\n1\n"), &text),
		TRAIL_OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(seal_text_parse(span_text(bad[i]), &text), TRAIL_INVALID);
}

static void test_every_key_of_the_tree_seals_its_epoch(void **state)
{
	struct keys k;
	struct made m;
	struct seal_text text;
	(void)state;
	keys_make(&k);
	for (uint32_t epoch = 0; epoch < KEYS; epoch++) {
		made_fill(&m, &k, epoch, epoch);
		assert_int_equal(seal_check(&k.anchor, &m.seal, &text), SEAL_FITS);
		assert_int_equal(text.epoch, epoch);
		assert_int_equal(text.size, 4711);
		buf_release(&m.text);
	}
}

static void test_g4_a_key_seals_no_other_epoch(void **state)
{
	struct keys k;
	struct made m;
	struct seal_text text;
	(void)state;
	keys_make(&k);
	for (uint32_t says = 0; says <= KEYS; says++) {
		made_fill(&m, &k, 5, says);
		assert_int_equal(
			seal_check(&k.anchor, &m.seal, &text), says == 5 ? SEAL_FITS : SEAL_KEY);
		buf_release(&m.text);
	}
}

/* Any turned bit: the verdict tells which part it hit. */
static void check_turned(struct keys *k, struct made *m, uint8_t *part, size_t len, unsigned faults)
{
	struct seal_text text;
	for (size_t i = 0; i < len; i++) {
		part[i] ^= 1;
		enum seal_fault fault = seal_check(&k->anchor, &m->seal, &text);
		assert_true((faults >> fault & 1) != 0);
		part[i] ^= 1;
	}
	assert_int_equal(seal_check(&k->anchor, &m->seal, &text), SEAL_FITS);
}

static void test_a_turned_bit_is_found_wherever_it_is(void **state)
{
	struct keys k;
	struct made m;
	(void)state;
	keys_make(&k);
	made_fill(&m, &k, 9, 9);
	check_turned(&k, &m, m.key, sizeof m.key, 1U << SEAL_KEY);
	check_turned(&k, &m, m.sig, sizeof m.sig, 1U << SEAL_SIGNATURE);
	check_turned(&k, &m, m.path.path[0].b, HEIGHT * HASH_LEN, 1U << SEAL_KEY);
	check_turned(&k, &m, m.text.data, m.text.len,
		1U << SEAL_MALFORMED | 1U << SEAL_ORIGIN | 1U << SEAL_KEY | 1U << SEAL_SIGNATURE);
	check_turned(&k, &m, k.anchor.root.b, HASH_LEN, 1U << SEAL_KEY);
	buf_release(&m.text);
}

static void test_fields_have_their_lengths(void **state)
{
	struct keys k;
	struct made m;
	struct seal_text text;
	(void)state;
	keys_make(&k);
	made_fill(&m, &k, 0, 0);
	struct span *parts[] = { &m.seal.key, &m.seal.path, &m.seal.sig, &m.seal.text };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		parts[i]->len--;
		assert_int_equal(seal_check(&k.anchor, &m.seal, &text), SEAL_MALFORMED);
		parts[i]->len++;
	}
	k.anchor.height = HEIGHT + 1;
	assert_int_equal(seal_check(&k.anchor, &m.seal, &text), SEAL_MALFORMED);
	k.anchor.height = HEIGHT;
	k.anchor.origin[0] = 'f';
	assert_int_equal(seal_check(&k.anchor, &m.seal, &text), SEAL_ORIGIN);
	buf_release(&m.text);
}

static void test_payload_is_read_as_it_was_encoded(void **state)
{
	struct keys k;
	struct made m;
	struct buf out = { 0 };
	struct seal back;
	(void)state;
	keys_make(&k);
	made_fill(&m, &k, 3, 3);
	m.seal.cosigned = span_text("a note\n");
	seal_encode(&m.seal, &out);
	assert_true(out.len <= SEAL_PAYLOAD_MAX);
	size_t need = codec_arena_need(buf_view(&out));
	struct arena arena = { .data = malloc(need), .cap = need };
	assert_non_null(arena.data);
	assert_int_equal(seal_decode(buf_view(&out), &arena, &back), TRAIL_OK);
	assert_true(span_equal(back.text, m.seal.text) && span_equal(back.key, m.seal.key) &&
		span_equal(back.path, m.seal.path) && span_equal(back.sig, m.seal.sig) &&
		span_equal(back.cosigned, m.seal.cosigned));
	free(arena.data);
	buf_release(&out);
	buf_release(&m.text);
}

static void test_anchor_is_what_genesis_says(void **state)
{
	struct genesis g = {
		.origin = span_text("example.org/audit"), .seal_height = 16, .seal_max_ns = 7200
	};
	struct seal_anchor a;
	(void)state;
	memset(g.seal_root.b, 7, HASH_LEN);
	assert_int_equal(seal_anchor_of(&g, &a), TRAIL_OK);
	assert_string_equal(a.origin, "example.org/audit");
	assert_int_equal(a.height, 16);
	assert_int_equal(a.max_ns, 7200);
	assert_memory_equal(a.root.b, g.seal_root.b, HASH_LEN);
	g.seal_height = SEAL_HEIGHT_MAX + 1;
	assert_int_equal(seal_anchor_of(&g, &a), TRAIL_INVALID);
	g.seal_height = SEAL_HEIGHT_MIN - 1;
	assert_int_equal(seal_anchor_of(&g, &a), TRAIL_INVALID);
	g.seal_height = 16;
	g.origin = span_text("a b");
	assert_int_equal(seal_anchor_of(&g, &a), TRAIL_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_read_as_it_was_put),
		cmocka_unit_test(test_text_is_nothing_but_its_lines),
		cmocka_unit_test(test_every_key_of_the_tree_seals_its_epoch),
		cmocka_unit_test(test_g4_a_key_seals_no_other_epoch),
		cmocka_unit_test(test_a_turned_bit_is_found_wherever_it_is),
		cmocka_unit_test(test_fields_have_their_lengths),
		cmocka_unit_test(test_payload_is_read_as_it_was_encoded),
		cmocka_unit_test(test_anchor_is_what_genesis_says),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
