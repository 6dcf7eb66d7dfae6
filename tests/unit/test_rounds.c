/* SPDX-License-Identifier: Apache-2.0 */
/* What witnesses are asked, what of their answers is believed, and when a quorum is one. */
#include "../../daemon/rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

enum {
	WITNESSES = 3,
	NOW_S = 1700000000,
	WHY_LEN = 128,
};

static const char ORIGIN[] = "example.org/audit";

/* A log and three witnesses, two of which are a quorum. */
struct bench {
	struct skey log;
	struct cosign_key keys[WITNESSES];
	struct policy policy;
	struct rounds *rounds;
	struct head head;
	struct witnessed witnessed;
	char why[WHY_LEN];
};

static void make_policy(struct bench *b)
{
	struct buf text = { 0 };
	struct policy_fault fault;
	for (size_t i = 0; i < WITNESSES; i++) {
		char name[16];
		uint8_t seed[SIGN_SEED_LEN] = { (uint8_t)(i + 1) };
		(void)snprintf(name, sizeof name, "w%zu.example", i);
		assert_int_equal(cosign_key_make(span_text(name), seed, &b->keys[i]), TRAIL_OK);
		buf_printf(&text, "witness w%zu ", i);
		cosigner_put(&text, &b->keys[i].cosigner);
		buf_put_u8(&text, '\n');
	}
	buf_put_text(&text, "group g 2 w0 w1 w2\nquorum g\n");
	assert_int_equal(policy_parse(buf_view(&text), &b->policy, &fault), TRAIL_OK);
	buf_release(&text);
}

/* The log's head of `size`; its root tells sizes and histories apart. */
static struct head head_of(const struct bench *b, uint64_t size, uint8_t history)
{
	struct head head = { .size = size, .root = { { history, (uint8_t)size } } };
	struct checkpoint cp = { .size = size, .root = head.root };
	struct buf text = { 0 };
	struct buf note = { 0 };
	memcpy(cp.origin, ORIGIN, sizeof ORIGIN);
	checkpoint_put(&text, &cp);
	assert_int_equal(note_sign(buf_view(&text), &b->log, &note), TRAIL_OK);
	memcpy(head.note, note.data, note.len);
	head.note_len = note.len;
	buf_release(&text);
	buf_release(&note);
	return head;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	uint8_t seed[SIGN_SEED_LEN] = { 9 };
	if (!b || !crypto_init())
		return -1;
	assert_int_equal(skey_make(span_text(ORIGIN), seed, &b->log), TRAIL_OK);
	make_policy(b);
	const struct rounds_options options = { .policy = &b->policy,
		.log = b->log.vkey,
		.interval_ms = 100,
		.patience_ms = 1000,
		.refresh_ms = 5000 };
	b->rounds = rounds_new(&options);
	*state = b;
	return b->rounds ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	rounds_free(b->rounds);
	buf_release(&b->witnessed.note);
	free(b);
	return 0;
}

static uint64_t begin(struct bench *b, uint64_t size, uint64_t now_ms)
{
	b->head = head_of(b, size, 0);
	return rounds_begin(b->rounds, &b->head, now_ms);
}

/* The line by which key `k` cosigns the text of `head` at `time_s`. */
static void put_line(
	struct bench *b, struct buf *out, size_t k, const struct head *head, uint64_t time_s)
{
	struct span text;
	assert_int_equal(
		note_open(span_of(head->note, head->note_len), &b->log.vkey, &text), TRAIL_OK);
	assert_int_equal(cosign_sign(text, &b->keys[k], time_s, out), TRAIL_OK);
}

static enum testimony give(
	struct bench *b, unsigned witness, uint64_t round, unsigned status, struct span body)
{
	const struct rounds_answer a = { .witness = witness,
		.round = round,
		.trouble = status != 0 ? NULL : "it cannot be reached",
		.status = status,
		.body = body };
	return rounds_judge(b->rounds, &a, b->head.size, NOW_S, b->why);
}

static enum testimony cosign(struct bench *b, unsigned witness, uint64_t round, uint64_t time_s)
{
	struct buf line = { 0 };
	put_line(b, &line, witness, &b->head, time_s);
	const enum testimony said = give(b, witness, round, 200, buf_view(&line));
	buf_release(&line);
	return said;
}

static enum witness_what state_of(struct bench *b, size_t i)
{
	struct witness_state states[WITNESSES_MAX];
	assert_int_equal(rounds_states(b->rounds, states), WITNESSES);
	return states[i].state;
}

static void test_g5_a_note_is_witnessed_when_a_quorum_cosigned_it(void **state)
{
	struct bench *b = *state;
	struct quorum q;
	const uint64_t round = begin(b, 10, 0);
	assert_int_equal(cosign(b, 0, round, NOW_S), TESTIMONY_COSIGNED);
	assert_false(rounds_witnessed(b->rounds, &b->witnessed));
	assert_int_equal(cosign(b, 2, round, NOW_S + 2), TESTIMONY_COSIGNED);
	assert_true(rounds_witnessed(b->rounds, &b->witnessed));
	assert_false(rounds_witnessed(b->rounds, &b->witnessed));
	assert_int_equal(b->witnessed.size, 10);
	assert_int_equal(b->witnessed.time_s, NOW_S + 2);
	assert_int_equal(quorum_of(&b->policy, buf_view(&b->witnessed.note), &q), TRAIL_OK);
	assert_true(q.satisfied && q.count == 2);
	/* One that comes later is added. */
	assert_int_equal(cosign(b, 1, round, NOW_S), TESTIMONY_COSIGNED);
	assert_true(rounds_witnessed(b->rounds, &b->witnessed));
	assert_int_equal(quorum_of(&b->policy, buf_view(&b->witnessed.note), &q), TRAIL_OK);
	assert_int_equal(q.count, 3);
}

/* The same one again and again is one. */
static void test_g5_one_witness_alone_is_no_quorum(void **state)
{
	struct bench *b = *state;
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(cosign(b, 0, begin(b, 10, i), NOW_S + i), TESTIMONY_COSIGNED);
	assert_false(rounds_witnessed(b->rounds, &b->witnessed));
}

static void test_g5_cosignatures_of_two_checkpoints_do_not_add_up(void **state)
{
	struct bench *b = *state;
	uint64_t round = begin(b, 10, 0);
	assert_int_equal(cosign(b, 0, round, NOW_S), TESTIMONY_COSIGNED);
	round = begin(b, 11, 0);
	assert_int_equal(cosign(b, 1, round, NOW_S), TESTIMONY_COSIGNED);
	assert_false(rounds_witnessed(b->rounds, &b->witnessed));
}

/* Each lie of witness 0, for which it is not believed. */
static void test_g5_only_its_own_signature_over_our_checkpoint_is_believed(void **state)
{
	struct bench *b = *state;
	const uint64_t round = begin(b, 10, 0);
	const struct head other = head_of(b, 10, 1);
	const struct head larger = head_of(b, 11, 0);
	const struct {
		size_t key;
		const struct head *head;
		uint64_t time_s;
	} lies[] = {
		{ 1, &b->head, NOW_S },       /* another's */
		{ 0, &other, NOW_S },         /* of another history */
		{ 0, &larger, NOW_S },        /* of another size */
		{ 0, &b->head, NOW_S + 301 }, /* of the future */
		{ 0, &b->head, INT64_MAX },   /* of its end */
	};
	for (size_t i = 0; i < COUNT(lies); i++) {
		struct buf line = { 0 };
		put_line(b, &line, lies[i].key, lies[i].head, lies[i].time_s);
		if (give(b, 0, round, 200, buf_view(&line)) != TESTIMONY_LIE)
			fail_msg("lie %zu is believed", i);
		assert_int_equal(state_of(b, 0), WITNESS_LIES);
		buf_release(&line);
	}
	assert_int_equal(cosign(b, 0, round, NOW_S + 300), TESTIMONY_COSIGNED);
	assert_int_equal(state_of(b, 0), WITNESS_COSIGNS);
}

static void test_what_is_no_line_is_a_lie(void **state)
{
	struct bench *b = *state;
	const uint64_t round = begin(b, 10, 0);
	static const char *const bodies[] = { "", "\n", "hello\n", "\xe2\x80\x94 w0.example\n",
		"\xe2\x80\x94 w0.example AAAAAAAA\n", "\xff\xff\n", "a\n\nb\n" };
	struct buf line = { 0 };
	put_line(b, &line, 0, &b->head, NOW_S);
	for (size_t i = 0; i < COUNT(bodies); i++)
		if (give(b, 0, round, 200, span_text(bodies[i])) != TESTIMONY_LIE)
			fail_msg("body %zu is believed", i);
	/* A good one without its end, or behind what is none. */
	assert_int_equal(give(b, 0, round, 200, span_of(line.data, line.len - 1)), TESTIMONY_LIE);
	struct buf mixed = { 0 };
	buf_put_text(&mixed, "hello\n");
	buf_put_span(&mixed, buf_view(&line));
	assert_int_equal(give(b, 0, round, 200, buf_view(&mixed)), TESTIMONY_LIE);
	/* Beside a stranger's it is good. */
	mixed.len = 0;
	put_line(b, &mixed, 1, &b->head, NOW_S);
	buf_put_span(&mixed, buf_view(&line));
	assert_int_equal(give(b, 0, round, 200, buf_view(&mixed)), TESTIMONY_COSIGNED);
	assert_false(rounds_witnessed(b->rounds, &b->witnessed)); /* which does not count */
	buf_release(&line);
	buf_release(&mixed);
}

static void test_g5_an_old_time_is_not_believed(void **state)
{
	struct bench *b = *state;
	assert_int_equal(cosign(b, 0, begin(b, 10, 0), NOW_S), TESTIMONY_COSIGNED);
	assert_int_equal(cosign(b, 0, begin(b, 11, 0), NOW_S - 1), TESTIMONY_LIE);
	assert_int_equal(cosign(b, 0, begin(b, 12, 0), NOW_S), TESTIMONY_COSIGNED);
}

static void test_what_an_earlier_run_kept_is_remembered(void **state)
{
	struct bench *b = *state;
	struct buf note = { 0 };
	b->head = head_of(b, 10, 0);
	buf_put(&note, b->head.note, b->head.note_len);
	assert_false(rounds_remember(b->rounds, buf_view(&note)));
	put_line(b, &note, 0, &b->head, NOW_S);
	assert_false(rounds_remember(b->rounds, buf_view(&note)));
	put_line(b, &note, 1, &b->head, NOW_S + 5);
	assert_true(rounds_remember(b->rounds, buf_view(&note)));
	assert_true(rounds_witnessed(b->rounds, &b->witnessed));
	assert_int_equal(b->witnessed.size, 10);
	assert_true(span_equal(buf_view(&b->witnessed.note), buf_view(&note)));
	/* Nobody answered yet; but who signed later cannot sign earlier now. */
	assert_int_equal(state_of(b, 0), WITNESS_SILENT);
	assert_int_equal(cosign(b, 1, begin(b, 11, 0), NOW_S + 4), TESTIMONY_LIE);
	buf_release(&note);
}

static void test_answers_of_other_kinds(void **state)
{
	struct bench *b = *state;
	const uint64_t round = begin(b, 10, 0);
	static const struct {
		unsigned status;
		enum testimony said;
		enum witness_what state;
	} cases[] = {
		{ 0, TESTIMONY_AWAY, WITNESS_AWAY }, { 429, TESTIMONY_AWAY, WITNESS_AWAY },
		{ 500, TESTIMONY_AWAY, WITNESS_AWAY }, { 503, TESTIMONY_AWAY, WITNESS_AWAY },
		{ 404, TESTIMONY_REFUSED, WITNESS_AWAY }, { 403, TESTIMONY_REFUSED, WITNESS_AWAY },
		{ 400, TESTIMONY_REFUSED, WITNESS_AWAY }, { 302, TESTIMONY_REFUSED, WITNESS_AWAY },
		{ 409, TESTIMONY_DISPUTED, WITNESS_FORK }, /* without a size */
		{ 422, TESTIMONY_DISPUTED, WITNESS_FORK },
		{ 0, TESTIMONY_AWAY, WITNESS_FORK }, /* which silence does not take back */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (give(b, 0, round, cases[i].status, span_text("x\n")) != cases[i].said ||
			state_of(b, 0) != cases[i].state)
			fail_msg("case %zu", i);
	}
	assert_int_equal(cosign(b, 0, round, NOW_S), TESTIMONY_COSIGNED);
	assert_int_equal(state_of(b, 0), WITNESS_COSIGNS);
}

static void test_g6_a_size_that_we_never_had_is_evidence(void **state)
{
	struct bench *b = *state;
	const uint64_t round = begin(b, 10, 0);
	struct rounds_answer a = { .round = round, .status = 409, .told = true };
	static const struct {
		uint64_t held, committed;
		enum testimony said;
	} cases[] = {
		{ 3, 10, TESTIMONY_BEHIND },
		{ 10, 10, TESTIMONY_BEHIND },
		{ 11, 12, TESTIMONY_BEHIND }, /* of a checkpoint that came since */
		{ 13, 12, TESTIMONY_AHEAD },
		{ INT64_MAX, 12, TESTIMONY_AHEAD },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		a.held = cases[i].held;
		if (rounds_judge(b->rounds, &a, cases[i].committed, NOW_S, b->why) != cases[i].said)
			fail_msg("case %zu", i);
	}
	/* Also when it was asked so long ago that nobody remembers. */
	a.round = 999;
	assert_int_equal(rounds_judge(b->rounds, &a, 12, NOW_S, b->why), TESTIMONY_AHEAD);
	a.held = 3;
	assert_int_equal(rounds_judge(b->rounds, &a, 12, NOW_S, b->why), TESTIMONY_LATE);
}

static void test_a_slow_witness_may_complete_an_earlier_round_but_none_goes_back(void **state)
{
	struct bench *b = *state;
	const uint64_t first = begin(b, 10, 0);
	const struct head old = b->head;
	assert_int_equal(cosign(b, 0, first, NOW_S), TESTIMONY_COSIGNED);
	const uint64_t second = begin(b, 11, 0);
	assert_int_equal(cosign(b, 0, second, NOW_S), TESTIMONY_COSIGNED);
	const struct head young = b->head;
	b->head = old;
	assert_int_equal(cosign(b, 1, first, NOW_S), TESTIMONY_COSIGNED);
	assert_true(rounds_witnessed(b->rounds, &b->witnessed));
	assert_int_equal(b->witnessed.size, 10);
	b->head = young;
	assert_int_equal(cosign(b, 1, second, NOW_S), TESTIMONY_COSIGNED);
	assert_true(rounds_witnessed(b->rounds, &b->witnessed));
	assert_int_equal(b->witnessed.size, 11);
	b->head = old;
	assert_int_equal(cosign(b, 2, first, NOW_S), TESTIMONY_COSIGNED);
	assert_false(rounds_witnessed(b->rounds, &b->witnessed));
	/* A round that was too long ago is not looked at. */
	for (int i = 0; i < ROUNDS_KEPT; i++)
		(void)begin(b, 12, 0);
	assert_int_equal(give(b, 2, first, 200, span_text("")), TESTIMONY_LATE);
	assert_int_equal(give(b, 2, 0, 200, span_text("")), TESTIMONY_LATE);
}

static void test_rounds_follow_growth_quorums_and_age(void **state)
{
	struct bench *b = *state;
	assert_false(rounds_due(b->rounds, 0, 0));
	assert_true(rounds_due(b->rounds, 10, 0));
	assert_int_equal(rounds_next_ms(b->rounds), 0);
	const uint64_t round = begin(b, 10, 1000);
	/* Nothing to show anew, or too soon. */
	assert_false(rounds_due(b->rounds, 10, 2000));
	assert_false(rounds_due(b->rounds, 11, 1099));
	/* It grew, but there is no quorum yet: until its time is over. */
	assert_false(rounds_due(b->rounds, 11, 1100));
	assert_false(rounds_due(b->rounds, 11, 1999));
	assert_true(rounds_due(b->rounds, 11, 2000));
	assert_int_equal(rounds_next_ms(b->rounds), 2000);
	assert_int_equal(cosign(b, 0, round, NOW_S), TESTIMONY_COSIGNED);
	assert_int_equal(cosign(b, 1, round, NOW_S), TESTIMONY_COSIGNED);
	assert_true(rounds_due(b->rounds, 11, 1100));
	assert_int_equal(rounds_next_ms(b->rounds), 1100);
	/* The same checkpoint again, when its cosignatures are old. */
	assert_false(rounds_due(b->rounds, 10, 5999));
	assert_true(rounds_due(b->rounds, 10, 6000));
}

static void test_g6_a_note_under_our_own_key_tells(void **state)
{
	struct bench *b = *state;
	struct checkpoint cp;
	const struct head ours = head_of(b, 10, 0);
	const struct span note = span_of(ours.note, ours.note_len);
	assert_int_equal(rounds_shown(b->rounds, note, 9, &cp), SHOWN_LARGER);
	assert_int_equal(rounds_shown(b->rounds, note, 10, &cp), SHOWN_OTHER);
	assert_true(cp.size == 10 && hash_equal(&cp.root, &ours.root));
	struct head forged = ours;
	forged.note[forged.note_len - 10] ^= 1;
	assert_int_equal(rounds_shown(b->rounds, span_of(forged.note, forged.note_len), 1, &cp),
		SHOWN_NOTHING);
	assert_int_equal(rounds_shown(b->rounds, span_text("x"), 1, &cp), SHOWN_NOTHING);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_g5_a_note_is_witnessed_when_a_quorum_cosigned_it),
		TEST(test_g5_one_witness_alone_is_no_quorum),
		TEST(test_g5_cosignatures_of_two_checkpoints_do_not_add_up),
		TEST(test_g5_only_its_own_signature_over_our_checkpoint_is_believed),
		TEST(test_what_is_no_line_is_a_lie),
		TEST(test_g5_an_old_time_is_not_believed),
		TEST(test_what_an_earlier_run_kept_is_remembered),
		TEST(test_answers_of_other_kinds),
		TEST(test_g6_a_size_that_we_never_had_is_evidence),
		TEST(test_a_slow_witness_may_complete_an_earlier_round_but_none_goes_back),
		TEST(test_rounds_follow_growth_quorums_and_age),
		TEST(test_g6_a_note_under_our_own_key_tells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
