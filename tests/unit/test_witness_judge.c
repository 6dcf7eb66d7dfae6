/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of a witness, against a log in memory: every verdict, in the specification's order. */
#include "../../client/witness/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	LEAVES = 40
};

#define ORIGIN "example.org/audit"

/* A log whose leaves from `forked` on are those of another history. */
struct a_log {
	struct hash leaf[LEAVES];
};

static struct skey key;
static struct watched log_watched;
static struct a_log honest;

static struct a_log log_of(uint64_t forked)
{
	struct a_log log;
	for (uint64_t i = 0; i < LEAVES; i++) {
		const uint8_t entry[] = { (uint8_t)i, i >= forked };
		hash_bytes(span_of(entry, sizeof entry), &log.leaf[i]);
	}
	return log;
}

static enum trail_err node_of(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct a_log *log = ctx;
	struct frontier f = { 0 };
	for (uint64_t i = index << level; i < (index + 1) << level; i++)
		frontier_append(&f, &log->leaf[i], NULL, NULL);
	frontier_root(&f, out);
	return TRAIL_OK;
}

static struct seen seen_at(struct a_log *log, uint64_t size)
{
	struct seen seen = { .size = size };
	assert_int_equal(tree_root(size, node_of, log, &seen.root), TRAIL_OK);
	return seen;
}

static void put_note(struct buf *out, struct a_log *log, uint64_t size, const struct skey *by)
{
	struct checkpoint cp = { .origin = ORIGIN, .size = size };
	struct buf text = { 0 };
	cp.root = seen_at(log, size).root;
	checkpoint_put(&text, &cp);
	assert_int_equal(note_sign(buf_view(&text), by, out), TRAIL_OK);
	buf_release(&text);
}

/* The body that an honest client of `log` sends. */
static struct buf body_of(struct a_log *log, uint64_t old, uint64_t size)
{
	struct tree_proof proof = { 0 };
	struct buf note = { 0 };
	struct buf body = { 0 };
	if (old != 0 && old <= size)
		assert_int_equal(tree_consistency(old, size, node_of, log, &proof), TRAIL_OK);
	put_note(&note, log, size, &key);
	tlog_add_put(&body, old, &proof, buf_view(&note));
	buf_release(&note);
	return body;
}

static enum verdict judged(const struct buf *body, const struct seen *seen)
{
	uint8_t signature[SIGN_LEN];
	struct add add;
	assert_int_equal(add_parse(buf_view(body), &add), TRAIL_OK);
	const enum verdict verdict = judge_add(&add, &log_watched, seen, signature);
	if (verdict != VERDICT_UNSIGNED)
		assert_true(sign_check(add.text, key.vkey.pub, signature));
	return verdict;
}

static enum verdict asked(struct a_log *log, uint64_t old, uint64_t size, const struct seen *seen)
{
	struct buf body = body_of(log, old, size);
	const enum verdict verdict = judged(&body, seen);
	buf_release(&body);
	return verdict;
}

static void test_every_true_extension_is_cosigned(void **state)
{
	(void)state;
	for (uint64_t old = 0; old <= LEAVES; old++)
		for (uint64_t size = old; size <= LEAVES; size++) {
			const struct seen seen = seen_at(&honest, old);
			assert_int_equal(asked(&honest, old, size, &seen), VERDICT_COSIGN);
		}
}

static void test_no_fork_is_cosigned(void **state)
{
	(void)state;
	for (uint64_t forked = 0; forked < LEAVES; forked += 3) {
		struct a_log other = log_of(forked);
		for (uint64_t old = forked + 1; old <= LEAVES; old++)
			for (uint64_t size = old; size <= LEAVES; size++) {
				const struct seen seen = seen_at(&honest, old);
				const enum verdict want =
					size == old ? VERDICT_FORK : VERDICT_UNPROVEN;
				assert_int_equal(asked(&other, old, size, &seen), want);
			}
	}
}

static void test_old_must_be_what_was_cosigned_last(void **state)
{
	const struct seen seen = seen_at(&honest, 9);
	(void)state;
	for (uint64_t old = 0; old <= 20; old++)
		assert_int_equal(
			asked(&honest, old, 20, &seen), old == 9 ? VERDICT_COSIGN : VERDICT_STALE);
	assert_int_equal(asked(&honest, 21, 20, &seen), VERDICT_BACKWARDS);
	assert_int_equal(asked(&honest, 0, 5, &seen), VERDICT_STALE);
}

static void test_a_proof_where_none_is_due_is_refused(void **state)
{
	static const uint64_t olds[] = { 0, 5 };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct seen seen = seen_at(&honest, olds[i]);
		struct tree_proof proof = { .count = 1 };
		struct buf note = { 0 };
		struct buf body = { 0 };
		put_note(&note, &honest, 5, &key);
		tlog_add_put(&body, olds[i], &proof, buf_view(&note));
		assert_int_equal(judged(&body, &seen), VERDICT_UNPROVEN);
		buf_release(&note);
		buf_release(&body);
	}
}

static void test_the_empty_tree_has_one_root(void **state)
{
	const struct seen nothing = seen_nothing();
	struct checkpoint cp = { .origin = ORIGIN };
	struct tree_proof none = { 0 };
	struct buf text = { 0 };
	struct buf note = { 0 };
	struct buf body = { 0 };
	(void)state;
	assert_int_equal(asked(&honest, 0, 0, &nothing), VERDICT_COSIGN);
	checkpoint_put(&text, &cp);
	assert_int_equal(note_sign(buf_view(&text), &key, &note), TRAIL_OK);
	tlog_add_put(&body, 0, &none, buf_view(&note));
	assert_int_equal(judged(&body, &nothing), VERDICT_IMPOSSIBLE);
	buf_release(&text);
	buf_release(&note);
	buf_release(&body);
}

static void test_what_the_log_did_not_sign_is_not_looked_at(void **state)
{
	const uint8_t seed[SIGN_SEED_LEN] = { 9 };
	const struct seen seen = seen_at(&honest, 9);
	struct tree_proof none = { 0 };
	struct skey other;
	struct buf note = { 0 };
	struct buf body = { 0 };
	(void)state;
	assert_int_equal(skey_make(span_text(ORIGIN), seed, &other), TRAIL_OK);
	put_note(&note, &honest, 5, &other);
	tlog_add_put(&body, 99, &none, buf_view(&note)); /* also backwards, stale, unproven */
	assert_int_equal(judged(&body, &seen), VERDICT_UNSIGNED);
	buf_release(&note);
	buf_release(&body);
}

static void test_a_body_comes_out_as_it_was_put(void **state)
{
	struct buf body = body_of(&honest, 9, 30);
	struct buf back = { 0 };
	struct add add;
	(void)state;
	assert_int_equal(add_parse(buf_view(&body), &add), TRAIL_OK);
	assert_int_equal(add.old, 9);
	assert_int_equal(add.checkpoint.size, 30);
	assert_string_equal(add.checkpoint.origin, ORIGIN);
	tlog_add_put(&back, add.old, &add.proof, add.note);
	assert_true(span_equal(buf_view(&back), buf_view(&body)));
	buf_release(&back);
	buf_release(&body);
}

static void test_every_cut_of_a_body_is_malformed(void **state)
{
	struct buf body = body_of(&honest, 9, 30);
	(void)state;
	for (size_t len = 0; len < body.len; len++) {
		/* A copy of just that length, so that a reader that goes on is caught. */
		uint8_t *cut = malloc(len ? len : 1);
		struct add add;
		assert_non_null(cut);
		memcpy(cut, body.data, len);
		assert_int_equal(add_parse(span_of(cut, len), &add), TRAIL_INVALID);
		free(cut);
	}
	buf_release(&body);
}

static void test_sixty_three_hashes_are_taken_and_no_more(void **state)
{
	struct tree_proof proof = { .count = TLOG_ADD_HASHES_MAX };
	struct buf note = { 0 };
	struct buf body = { 0 };
	struct add add;
	(void)state;
	put_note(&note, &honest, 5, &key);
	tlog_add_put(&body, 3, &proof, buf_view(&note));
	assert_int_equal(add_parse(buf_view(&body), &add), TRAIL_OK);
	buf_clear(&body);
	proof.count++;
	tlog_add_put(&body, 3, &proof, buf_view(&note));
	assert_int_equal(add_parse(buf_view(&body), &add), TRAIL_INVALID);
	buf_release(&note);
	buf_release(&body);
}

static void test_a_body_over_its_limit_is_malformed(void **state)
{
	struct buf body = body_of(&honest, 0, 5);
	struct add add;
	(void)state;
	while (body.len <= JUDGE_BODY_MAX)
		buf_put_text(&body, "\xe2\x80\x94 n AAAAAAA=\n");
	assert_int_equal(add_parse(buf_view(&body), &add), TRAIL_INVALID);
	buf_release(&body);
}

static void test_logs_of_others_may_have_any_origin_and_extensions(void **state)
{
#define ROOT_LINE "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
	static const struct {
		const char *text;
		enum trail_err strict, any;
	} cases[] = {
		{ "o\n8\n" ROOT_LINE, TRAIL_OK, TRAIL_OK },
		{ "rekor.example - 123+4\n8\n" ROOT_LINE, TRAIL_INVALID, TRAIL_OK },
		{ "o\n8\n" ROOT_LINE "ext\n", TRAIL_INVALID, TRAIL_OK },
		{ "o\n8\n" ROOT_LINE "ext\nmore\n", TRAIL_INVALID, TRAIL_OK },
		{ "o\n8\n" ROOT_LINE "\n", TRAIL_INVALID, TRAIL_INVALID },
		{ "o\n8\n" ROOT_LINE "ext\n\n", TRAIL_INVALID, TRAIL_INVALID },
		{ "o\n8\n" ROOT_LINE "ext", TRAIL_INVALID, TRAIL_INVALID },
		{ "\n8\n" ROOT_LINE, TRAIL_INVALID, TRAIL_INVALID },
		{ "o\n08\n" ROOT_LINE, TRAIL_INVALID, TRAIL_INVALID },
		{ "o\n8\n", TRAIL_INVALID, TRAIL_INVALID },
		{ "", TRAIL_INVALID, TRAIL_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct checkpoint cp;
		const struct span text = span_text(cases[i].text);
		if (checkpoint_parse(text, &cp) != cases[i].strict ||
			checkpoint_parse_any(text, &cp) != cases[i].any)
			fail_msg("case %zu", i);
	}
}

static int make_log(void **state)
{
	const uint8_t seed[SIGN_SEED_LEN] = { 7 };
	(void)state;
	if (!crypto_init() || skey_make(span_text(ORIGIN), seed, &key) != TRAIL_OK)
		return -1;
	log_watched = (struct watched){ .origin = ORIGIN, .vkey = key.vkey };
	honest = log_of(LEAVES);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_true_extension_is_cosigned),
		cmocka_unit_test(test_no_fork_is_cosigned),
		cmocka_unit_test(test_old_must_be_what_was_cosigned_last),
		cmocka_unit_test(test_a_proof_where_none_is_due_is_refused),
		cmocka_unit_test(test_the_empty_tree_has_one_root),
		cmocka_unit_test(test_what_the_log_did_not_sign_is_not_looked_at),
		cmocka_unit_test(test_a_body_comes_out_as_it_was_put),
		cmocka_unit_test(test_every_cut_of_a_body_is_malformed),
		cmocka_unit_test(test_sixty_three_hashes_are_taken_and_no_more),
		cmocka_unit_test(test_a_body_over_its_limit_is_malformed),
		cmocka_unit_test(test_logs_of_others_may_have_any_origin_and_extensions),
	};
	return cmocka_run_group_tests(tests, make_log, NULL);
}
