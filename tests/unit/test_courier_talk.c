/* SPDX-License-Identifier: Apache-2.0 */
/* The words of traild and its courier: each comes out as it went in, and nothing else is taken. */
#include "../../daemon/courier/talk.h"

#include "../support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

/* One word of each kind, with all that it has. */
static const struct courier_word words[] = {
	{ .kind = COURIER_SET, .patience_ms = 10000, .pause_min_ms = 1000, .pause_max_ms = 300000 },
	{ .kind = COURIER_WITNESS,
		.witness = 63,
		.url = { (const uint8_t *)"http://w.example/", 17 } },
	{ .kind = COURIER_ROUND, .round = UINT64_MAX },
	{ .kind = COURIER_ORDER,
		.witness = 1,
		.round = 7,
		.old = 3,
		.size = 9,
		.proof = { .count = 2, .path = { { { 1 } }, { { 2 } } } },
		.text = { (const uint8_t *)"note\n", 5 } },
	{ .kind = COURIER_VERDICT, .witness = 2, .round = 8, .good = true },
	{ .kind = COURIER_VERDICT, .witness = 2, .round = 8 },
	{ .kind = COURIER_LOOK, .witness = 0, .url = { (const uint8_t *)"ab/checkpoint", 13 } },
	{ .kind = COURIER_STAMP,
		.url = { (const uint8_t *)"http://t/", 9 },
		.text = { (const uint8_t *)"\x30\x00", 2 } },
	{ .kind = COURIER_ASK, .witness = 5, .round = 1, .old = COURIER_UNKNOWN },
	{ .kind = COURIER_ANSWER,
		.witness = 5,
		.round = 1,
		.fate = COURIER_ANSWERED,
		.status = 409,
		.held = 12,
		.text = { (const uint8_t *)"12\n", 3 } },
	{ .kind = COURIER_ANSWER,
		.witness = 5,
		.round = 1,
		.fate = COURIER_BAD_URL,
		.held = COURIER_UNKNOWN },
	{ .kind = COURIER_SHOWN, .witness = 6, .fate = COURIER_NO_CA },
	{ .kind = COURIER_STAMPED, .status = 200, .text = { (const uint8_t *)"\x30", 1 } },
};

static bool proofs_equal(const struct tree_proof *a, const struct tree_proof *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!hash_equal(&a->path[i], &b->path[i]))
			return false;
	return true;
}

static bool words_equal(const struct courier_word *a, const struct courier_word *b)
{
	return a->kind == b->kind && a->witness == b->witness && a->good == b->good &&
		a->fate == b->fate && a->status == b->status && a->patience_ms == b->patience_ms &&
		a->pause_min_ms == b->pause_min_ms && a->pause_max_ms == b->pause_max_ms &&
		a->round == b->round && a->old == b->old && a->size == b->size &&
		a->held == b->held && proofs_equal(&a->proof, &b->proof) &&
		span_equal(a->url, b->url) && span_equal(a->text, b->text);
}

static enum trail_err take(struct span bytes, struct courier_word *word)
{
	struct span copy = guard_copy(bytes);
	enum trail_err err = courier_take(copy, word);
	guard_free(copy);
	return err;
}

static void test_each_word_comes_out_as_it_went_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct buf out = { 0 };
		struct courier_word word;
		courier_put(&out, &words[i]);
		assert_false(out.failed);
		assert_int_equal(courier_take(buf_view(&out), &word), TRAIL_OK);
		if (!words_equal(&word, &words[i]))
			fail_msg("word %zu is another", i);
		buf_release(&out);
	}
}

static void test_a_word_that_is_cut_or_longer_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct buf out = { 0 };
		struct courier_word word;
		courier_put(&out, &words[i]);
		for (size_t len = 0; len < out.len; len++)
			if (take(span_of(out.data, len), &word) == TRAIL_OK)
				fail_msg("word %zu of %zu bytes is taken at %zu", i, out.len, len);
		buf_put_u8(&out, 0);
		assert_int_equal(take(buf_view(&out), &word), TRAIL_INVALID);
		buf_release(&out);
	}
}

static void test_numbers_beyond_their_bounds_are_refused(void **state)
{
	(void)state;
	static const struct {
		size_t word; /* of the above */
		size_t at;
		uint8_t value;
	} bad[] = {
		{ 0, 0, 0 },    /* no kind */
		{ 0, 0, 8 },    /* nor this */
		{ 0, 0, 16 },   /* nor this */
		{ 0, 0, 21 },   /* nor this */
		{ 1, 1, 64 },   /* a witness too many */
		{ 1, 2, 2 },    /* a URL of more than 512 bytes */
		{ 3, 26, 65 },  /* more hashes than a proof has */
		{ 3, 91, 2 },   /* a note of more than 512 bytes */
		{ 4, 10, 2 },   /* neither true nor false */
		{ 9, 10, 8 },   /* no such fate */
		{ 9, 21, 64 },  /* a body of more than 16 KiB */
		{ 12, 4, 0xff } /* and here */
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf out = { 0 };
		struct courier_word word;
		courier_put(&out, &words[bad[i].word]);
		assert_in_range(bad[i].at, 0, out.len - 1);
		out.data[bad[i].at] = bad[i].value;
		if (take(buf_view(&out), &word) == TRAIL_OK)
			fail_msg("case %zu is taken", i);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_word_comes_out_as_it_went_in),
		cmocka_unit_test(test_a_word_that_is_cut_or_longer_is_none),
		cmocka_unit_test(test_numbers_beyond_their_bounds_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
