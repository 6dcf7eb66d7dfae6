/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/evidence.h"

#include "../../proto/wire.h"
#include "../support/sealed_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* One judgement: what was found, and what holds. */
struct trial {
	struct findings found;
	struct evidence_case c;
	struct policy policy;
};

static struct trial trial;

static void judge_with(struct span text, const struct log_identity *identity, const char *policy)
{
	struct policy_fault fault;
	evidence_release(&trial.c);
	trial.found = (struct findings){ 0 };
	trial.c = (struct evidence_case){ .found = &trial.found, .identity = identity };
	if (policy) {
		assert_int_equal(policy_parse(span_text(policy), &trial.policy, &fault), TRAIL_OK);
		trial.c.policy = &trial.policy;
	}
	assert_int_equal(evidence_judge(&trial.c, text), TRAIL_OK);
}

static bool is_valid(void)
{
	return trial.found.invalid == 0 && trial.found.unverifiable == 0;
}

/* The only code that was found; FINDING_CODES: none, or several. */
static uint32_t only_code(void)
{
	return trial.found.listed == 1 ? trial.found.list[0].code : FINDING_CODES;
}

static const char POLICY[] =
	"witness w witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X\n"
	"quorum w\n";
static const char STRANGERS[] =
	"witness w example.com/foo+7c264079+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n"
	"quorum w\n";

/* An honest log, and the proof of its first event. */
struct sound {
	struct sealed_log log;
	struct evidence evidence;
	struct buf text;
};

static int setup(void **state)
{
	static struct sound s;
	sealed_log_make(&s.log, NULL);
	sealed_log_evidence(&s.log, SEALED_LOG_EVENT, &s.evidence);
	sealed_log_proof(&s.log, &s.evidence, SEALED_LOG_SECOND, true, &s.text);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct sound *s = *state;
	buf_release(&s->text);
	sealed_log_release(&s->log);
	evidence_release(&trial.c);
	return 0;
}

/* The proof of `evidence` as it is, judged by the identity and the policy. */
static void judge_changed(struct sound *s, const struct evidence *evidence)
{
	struct buf text = { 0 };
	uint64_t size = evidence->count ? sealed_log_sealed(evidence->items[0].index) : 1;
	sealed_log_proof(&s->log, evidence, size, true, &text);
	judge_with(buf_view(&text), &s->log.identity, POLICY);
	evidence_release(&trial.c);
	buf_release(&text);
}

/* ---- what holds ---- */

static void test_g3_a_sound_proof_holds_without_the_log(void **state)
{
	struct sound *s = *state;
	const struct evidence_case *c = &trial.c;
	judge_with(buf_view(&s->text), &s->log.identity, POLICY);
	assert_true(is_valid());
	assert_int_equal(c->index, SEALED_LOG_EVENT);
	assert_int_equal(c->cp.size, SEALED_LOG_SECOND);
	assert_true(c->signed_by_log && c->seal.holds && c->seal_before.holds);
	assert_int_equal(c->seal.text.epoch, 1);
	assert_int_equal(c->seal_before.text.epoch, 0);
	assert_int_equal(c->source.shown->index, 4);
	assert_int_equal(c->peer.shown->index, 3);
	assert_int_equal(c->quorum.count, 1);
	assert_true(c->quorum.satisfied);
	assert_int_equal(c->quorum.time_s[0], 1700000003 + SEALED_LOG_SECOND);
	/* The note that the SEAL before carries: the record is younger than this cosignature. */
	assert_int_equal(c->quorum_before.count, 1);
	assert_int_equal(c->seal_before.behind.size, SEALED_LOG_FIRST - 1);
}

static void test_every_record_can_be_proven(void **state)
{
	struct sound *s = *state;
	for (uint64_t index = 0; index < SEALED_LOG_SECOND; index++) {
		struct evidence evidence;
		sealed_log_evidence(&s->log, index, &evidence);
		judge_changed(s, &evidence);
		assert_true(is_valid());
	}
}

static void test_evidence_is_read_as_it_was_encoded(void **state)
{
	struct sound *s = *state;
	struct evidence back;
	struct buf bytes = { 0 }, again = { 0 };
	evidence_encode(&s->evidence, &bytes);
	assert_int_equal(evidence_decode(buf_view(&bytes), &back), TRAIL_OK);
	assert_int_equal(back.count, EVIDENCE_ITEMS_MAX);
	evidence_encode(&back, &again);
	assert_true(span_equal(buf_view(&bytes), buf_view(&again)));
	buf_release(&bytes);
	buf_release(&again);
}

/* ---- what was changed ---- */

static void test_g3_any_changed_byte_of_a_proof_is_noticed(void **state)
{
	static const uint8_t flips[] = { 0x01, 0x20 };
	struct sound *s = *state;
	for (size_t i = 0; i < s->text.len; i++) {
		for (size_t f = 0; f < sizeof flips; f++) {
			s->text.data[i] ^= flips[f];
			judge_with(buf_view(&s->text), &s->log.identity, POLICY);
			if (is_valid())
				fail_msg("byte %zu flipped by %u is taken", i, flips[f]);
			s->text.data[i] ^= flips[f];
		}
	}
	judge_with(buf_view(&s->text), &s->log.identity, POLICY);
	assert_true(is_valid());
}

static void test_g3_any_changed_byte_of_its_evidence_is_noticed(void **state)
{
	struct sound *s = *state;
	struct buf extra = { 0 }, text = { 0 };
	evidence_encode(&s->evidence, &extra);
	for (size_t i = 0; i < extra.len; i++) {
		for (unsigned bit = 0; bit < 8; bit += 7) {
			extra.data[i] ^= (uint8_t)(1U << bit);
			buf_clear(&text);
			tlog_proof_put(&text, buf_view(&extra), SEALED_LOG_EVENT,
				&s->evidence.paths[0],
				sealed_log_note(&s->log, SEALED_LOG_SECOND, true));
			judge_with(buf_view(&text), &s->log.identity, POLICY);
			if (is_valid())
				fail_msg("bit %u of byte %zu is taken", bit, i);
			extra.data[i] ^= (uint8_t)(1U << bit);
		}
	}
	evidence_release(&trial.c);
	buf_release(&extra);
	buf_release(&text);
}

static void test_g3_a_cut_or_longer_proof_is_noticed(void **state)
{
	struct sound *s = *state;
	struct buf longer = { 0 };
	for (size_t len = 0; len < s->text.len; len++) {
		judge_with(span_of(s->text.data, len), &s->log.identity, POLICY);
		assert_false(is_valid());
	}
	buf_put_span(&longer, buf_view(&s->text));
	buf_put_u8(&longer, '\n');
	judge_with(buf_view(&longer), &s->log.identity, POLICY);
	assert_false(is_valid());
	buf_release(&longer);
}

static void test_g3_items_cannot_be_dropped_doubled_or_moved(void **state)
{
	struct sound *s = *state;
	const struct evidence *sound = &s->evidence;
	for (size_t i = 0; i < sound->count; i++) {
		struct evidence e = *sound;
		memmove(&e.items[i], &e.items[i + 1], (e.count - i - 1) * sizeof e.items[0]);
		e.count--;
		judge_changed(s, &e);
		assert_true(trial.found.invalid != 0);
		for (size_t j = 0; j < sound->count; j++) {
			e = *sound;
			e.items[i] = sound->items[j];
			e.items[j] = sound->items[i];
			judge_changed(s, &e);
			assert_true(i == j ? is_valid() : trial.found.invalid != 0);
			e = *sound;
			e.items[i] = sound->items[j];
			judge_changed(s, &e);
			assert_true(i == j ? is_valid() : trial.found.invalid != 0);
		}
	}
}

static void test_a_stranger_among_the_items_is_noticed(void **state)
{
	struct sound *s = *state;
	struct evidence e = s->evidence;
	struct tree_proof path;
	/* In the place of the SEAL before, one that is true and does not belong there. */
	sealed_log_item(&s->log, 1, SEALED_LOG_SECOND, &e.items[e.count - 1], &path);
	judge_changed(s, &e);
	assert_int_equal(only_code(), FIND_EVIDENCE_BEFORE);
	/* And of the SOURCE. */
	e = s->evidence;
	sealed_log_item(&s->log, 1, SEALED_LOG_SECOND, &e.items[2], &path);
	judge_changed(s, &e);
	assert_int_equal(only_code(), FIND_EVIDENCE_ITEMS);
	assert_int_equal(trial.found.list[0].index, 4);
}

static void test_the_seal_before_cannot_be_left_out(void **state)
{
	struct sound *s = *state;
	struct evidence e = s->evidence;
	e.count--;
	judge_changed(s, &e);
	assert_int_equal(only_code(), FIND_EVIDENCE_EPOCH);
}

/* ---- what is not there ---- */

static void test_without_an_identity_nothing_is_verifiable(void **state)
{
	struct sound *s = *state;
	judge_with(buf_view(&s->text), NULL, POLICY);
	assert_int_equal(trial.found.invalid, 0);
	assert_int_equal(only_code(), FIND_EVIDENCE_IDENTITY);
	assert_true(hash_equal(&trial.c.log.genesis, &s->log.identity.genesis));
}

static void test_another_logs_identity_is_not_met(void **state)
{
	struct sound *s = *state;
	struct log_identity other = s->log.identity;
	other.genesis.b[0] ^= 1;
	judge_with(buf_view(&s->text), &other, NULL);
	assert_int_equal(only_code(), FIND_EVIDENCE_GENESIS);
	/* Another key with the same first record. */
	other = s->log.identity;
	other.vkey.pub[0] ^= 1;
	judge_with(buf_view(&s->text), &other, NULL);
	assert_int_equal(only_code(), FIND_EVIDENCE_GENESIS);
}

static void test_an_unsealed_proof_says_so(void **state)
{
	struct sound *s = *state;
	struct evidence e = s->evidence;
	e.seal = span_of(NULL, 0);
	judge_changed(s, &e);
	assert_int_equal(trial.found.invalid, 0);
	assert_int_equal(only_code(), FIND_EVIDENCE_UNSEALED);
}

static void test_what_was_erased_is_told(void **state)
{
	struct sound *s = *state;
	/* The event, and the peer: its name is a person's. */
	static const size_t at[] = { 0, 3 };
	for (size_t i = 0; i < 2; i++) {
		struct evidence e = s->evidence;
		e.items[at[i]].salt = e.items[at[i]].payload = span_of(NULL, 0);
		judge_changed(s, &e);
		assert_int_equal(trial.found.invalid, 0);
		assert_int_equal(only_code(), FIND_EVIDENCE_ERASED);
	}
	/* Who writes to the log is not erased, nor how it began, nor a SEAL. */
	static const size_t never[] = { 1, 2, 4 };
	for (size_t i = 0; i < 3; i++) {
		struct evidence e = s->evidence;
		e.items[never[i]].salt = e.items[never[i]].payload = span_of(NULL, 0);
		judge_changed(s, &e);
		assert_int_equal(trial.found.invalid, 1);
	}
}

static void test_cosignatures_count_by_the_policy_alone(void **state)
{
	struct sound *s = *state;
	struct buf text = { 0 };
	judge_with(buf_view(&s->text), &s->log.identity, STRANGERS);
	assert_int_equal(only_code(), FIND_EVIDENCE_QUORUM);
	assert_int_equal(trial.c.quorum.count, 0);
	/* Without the line. */
	sealed_log_proof(&s->log, &s->evidence, SEALED_LOG_SECOND, false, &text);
	judge_with(buf_view(&text), &s->log.identity, POLICY);
	assert_int_equal(only_code(), FIND_EVIDENCE_QUORUM);
	judge_with(buf_view(&text), &s->log.identity, NULL);
	assert_true(is_valid());
	buf_release(&text);
}

/* ---- logs that lie ---- */

static uint32_t code_of(const struct sealed_log_plan *plan)
{
	struct sealed_log log;
	struct evidence evidence;
	struct buf text = { 0 };
	sealed_log_make(&log, plan);
	sealed_log_evidence(&log, SEALED_LOG_EVENT, &evidence);
	sealed_log_proof(&log, &evidence, SEALED_LOG_SECOND, true, &text);
	judge_with(buf_view(&text), &log.identity, NULL);
	evidence_release(&trial.c);
	buf_release(&text);
	sealed_log_release(&log);
	return only_code();
}

static void test_g4_a_log_that_lies_is_named_for_what_it_does(void **state)
{
	const struct {
		struct sealed_log_plan plan;
		enum finding_code code;
	} lies[] = {
		{ { .second_epoch = 2 }, FIND_EVIDENCE_EPOCH },
		{ { .second_key = 3 }, FIND_EVIDENCE_SEAL },
		{ { .second_other_root = true }, FIND_EVIDENCE_SEAL },
		{ { .first_foreign_note = true }, FIND_EVIDENCE_BEFORE },
		{ { .first_early_ns = 1 }, FIND_EVIDENCE_BEFORE },
		{ { .source_is_peer = true }, FIND_EVIDENCE_NAME },
		{ { .bad_event = true }, FIND_EVIDENCE_EVENT },
		{ { .unknown_flag = true }, FIND_EVIDENCE_UNKNOWN },
	};
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		assert_int_equal(code_of(&lies[i].plan), lies[i].code);
}

static void test_a_seal_of_another_size_seals_nothing(void **state)
{
	struct sound *s = *state;
	struct evidence e = s->evidence;
	e.seal = buf_view(&s->log.bare[0]);
	judge_changed(s, &e);
	assert_int_equal(only_code(), FIND_EVIDENCE_SEAL);
	/* With its note, which whoever passes it on could have changed. */
	e.seal = buf_view(&s->log.payload[SEALED_LOG_SECOND]);
	judge_changed(s, &e);
	assert_int_equal(only_code(), FIND_EVIDENCE_SEAL);
}

/* ---- bytes ---- */

static void assert_malformed(struct buf *bytes)
{
	struct evidence out;
	assert_int_equal(evidence_decode(buf_view(bytes), &out), TRAIL_INVALID);
	buf_clear(bytes);
}

static void test_there_is_one_encoding(void **state)
{
	struct buf b = { 0 };
	uint8_t record[RECORD_LEN] = { 0 }, other[40] = { 0 };
	(void)state;
	struct evidence_item item = { .record = span_of(record, RECORD_LEN) };
	for (size_t i = 0; i <= EVIDENCE_ITEMS_MAX; i++)
		evidence_item_encode(1, &item, &b); /* one too many */
	assert_malformed(&b);
	item.payload = span_of(other, 3); /* without a salt */
	evidence_item_encode(1, &item, &b);
	assert_malformed(&b);
	item.salt = span_of(other, SALT_LEN - 1);
	evidence_item_encode(1, &item, &b);
	assert_malformed(&b);
	item = (struct evidence_item){ .record = span_of(record, RECORD_LEN - 1) };
	evidence_item_encode(1, &item, &b);
	assert_malformed(&b);
	item.record = span_of(record, RECORD_LEN);
	evidence_item_encode(4, &item, &b); /* a field that is not known */
	assert_malformed(&b);
	wire_put_bytes(&b, 2, span_of(other, 4));
	evidence_item_encode(1, &item, &b); /* out of order */
	assert_malformed(&b);
	wire_put_item(&b, 2, span_of(NULL, 0)); /* an empty one */
	assert_malformed(&b);
	wire_put_bytes(&b, 2, span_of(other, 4));
	wire_put_bytes(&b, 2, span_of(other, 4)); /* twice */
	assert_malformed(&b);
	struct wire_mark mark = wire_open(&b, 1);
	wire_put_member(&b, 1, 0); /* a default that is spelt out */
	wire_put_bytes(&b, 2, span_of(record, RECORD_LEN));
	wire_close(&b, mark);
	assert_malformed(&b);
	mark = wire_open(&b, 1);
	wire_put_bytes(&b, 2, span_of(record, RECORD_LEN));
	wire_put_item(&b, 5, span_of(other, 31)); /* a short hash */
	wire_close(&b, mark);
	assert_malformed(&b);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g3_a_sound_proof_holds_without_the_log),
		cmocka_unit_test(test_every_record_can_be_proven),
		cmocka_unit_test(test_evidence_is_read_as_it_was_encoded),
		cmocka_unit_test(test_g3_any_changed_byte_of_a_proof_is_noticed),
		cmocka_unit_test(test_g3_any_changed_byte_of_its_evidence_is_noticed),
		cmocka_unit_test(test_g3_a_cut_or_longer_proof_is_noticed),
		cmocka_unit_test(test_g3_items_cannot_be_dropped_doubled_or_moved),
		cmocka_unit_test(test_a_stranger_among_the_items_is_noticed),
		cmocka_unit_test(test_the_seal_before_cannot_be_left_out),
		cmocka_unit_test(test_without_an_identity_nothing_is_verifiable),
		cmocka_unit_test(test_another_logs_identity_is_not_met),
		cmocka_unit_test(test_an_unsealed_proof_says_so),
		cmocka_unit_test(test_what_was_erased_is_told),
		cmocka_unit_test(test_cosignatures_count_by_the_policy_alone),
		cmocka_unit_test(test_g4_a_log_that_lies_is_named_for_what_it_does),
		cmocka_unit_test(test_a_seal_of_another_size_seals_nothing),
		cmocka_unit_test(test_there_is_one_encoding),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, setup, teardown);
}
