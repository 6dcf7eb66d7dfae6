/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: what an honest log answers is accepted, and every single lie is refused. The log is
 * made here from proto/ alone: records, tree, note.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/trail_receipt.h"

#include <stdlib.h>

enum {
	BEFORE = 5,
	EVENTS = 3,
	RECORDS = BEFORE + EVENTS,
	SOURCE = 3,
	PEER = 4
};
static const uint64_t EPOCH = 77, SEQ = 10, RECEIVED = 1700000000000000000;

/* A log of RECORDS records whose last EVENTS are a batch's, and the honest answer about them. */
struct world {
	struct skey skey;
	struct trust trust;
	struct trail_batch *batch;
	uint8_t records[RECORDS][RECORD_LEN];
	struct hash leaves[RECORDS];
	uint8_t salts[EVENTS][SALT_LEN];
	uint32_t flags[EVENTS];
	struct buf note;
	struct run run;
	struct appended answer;
	struct fault fault;
};

static enum trail_err node_of(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct world *w = ctx;
	struct frontier f = { 0 };
	uint64_t first = index << level, count = UINT64_C(1) << level;
	for (uint64_t i = first; i < first + count; i++)
		frontier_append(&f, &w->leaves[i], NULL, NULL);
	frontier_root(&f, out);
	return TRAIL_OK;
}

static void sign_tree(struct world *w, uint64_t size)
{
	struct checkpoint cp = { .origin = "example.org/log", .size = size };
	struct buf text = { 0 };
	assert_int_equal(tree_root(size, node_of, w, &cp.root), TRAIL_OK);
	checkpoint_put(&text, &cp);
	buf_clear(&w->note);
	assert_int_equal(note_sign(buf_view(&text), &w->skey, &w->note), TRAIL_OK);
	w->answer.checkpoint = buf_view(&w->note);
	buf_release(&text);
}

static void add_events(struct world *w)
{
	struct trail_event *e = trail_event_new();
	w->batch = trail_batch_new();
	assert_int_equal(trail_batch_begin(w->batch, "src", EPOCH, SEQ), TRAIL_OK);
	for (unsigned i = 0; i < EVENTS; i++) {
		trail_event_clear(e);
		trail_event_set_time(e, (int64_t)RECEIVED + i);
		trail_event_set_action(e, TRAIL_READ);
		trail_event_set(e, TRAIL_ACTOR_ID, "u17");
		trail_event_set(e, TRAIL_OBJECT_ID, i == 0 ? "a" : i == 1 ? "b" : "c");
		assert_int_equal(trail_batch_add(w->batch, e), TRAIL_OK);
	}
	trail_event_free(e);
}

static void write_records(struct world *w)
{
	struct hash prev = { 0 };
	for (unsigned i = 0; i < RECORDS; i++) {
		struct record r = { .version = 1, .kind = KIND_DAEMON, .prev = prev };
		if (i >= BEFORE) {
			unsigned k = i - BEFORE;
			memset(w->salts[k], (int)(0x40 + k), SALT_LEN);
			r = (struct record){ .version = 1,
				.kind = KIND_EVENT,
				.flags = FLAG_LATE,
				.source = SOURCE,
				.peer = PEER,
				.received_ns = RECEIVED,
				.epoch = EPOCH,
				.seq = SEQ + k,
				.prev = prev };
			record_commitment(w->salts[k], batch_event(w->batch, k), &r.commitment);
			w->flags[k] = FLAG_LATE;
		}
		record_encode(&r, w->records[i]);
		record_leaf(w->records[i], &w->leaves[i]);
		prev = w->leaves[i];
	}
}

static int make_world(void **state)
{
	static const uint8_t SEED[SIGN_SEED_LEN] = { 7 };
	struct world *w = calloc(1, sizeof *w);
	struct buf text = { 0 };
	assert_true(crypto_init());
	assert_int_equal(skey_make(span_text("example.org/log"), SEED, &w->skey), TRAIL_OK);
	add_events(w);
	write_records(w);
	struct log_identity id = { .vkey = w->skey.vkey, .genesis = w->leaves[0] };
	identity_put(&text, &id);
	assert_int_equal(trust_set(&w->trust, buf_view(&text), TRAIL_TRUST_GIVEN), TRAIL_OK);
	buf_release(&text);
	w->run = (struct run){
		.first_index = BEFORE,
		.count = EVENTS,
		.first_seq = SEQ,
		.received_ns = RECEIVED,
		.source = SOURCE,
		.peer = PEER,
		.prev = w->leaves[BEFORE - 1],
		.flags = w->flags,
		.salts = span_of(w->salts, sizeof w->salts),
	};
	assert_int_equal(tree_inclusion(RECORDS - 1, RECORDS, node_of, w, &w->run.path), TRAIL_OK);
	w->answer = (struct appended){ .runs = &w->run, .run_count = 1 };
	sign_tree(w, RECORDS);
	*state = w;
	return 0;
}

static int free_world(void **state)
{
	struct world *w = *state;
	trust_release(&w->trust);
	trail_batch_free(w->batch);
	buf_release(&w->note);
	free(w);
	return 0;
}

static enum trail_err make(struct world *w, struct trail_receipt **r)
{
	return receipt_make(w->batch, &w->answer, &w->trust, r, &w->fault);
}

/* The same events, told of as held before. */
static void tell_duplicates(struct world *w)
{
	w->run.duplicate = true;
	w->run.records = span_of(w->records[BEFORE], EVENTS * RECORD_LEN);
}

static void an_honest_answer_becomes_a_receipt(void **state)
{
	struct world *w = *state;
	struct trail_receipt *r = NULL;
	assert_int_equal(make(w, &r), TRAIL_OK);
	assert_int_equal(trail_receipt_count(r), EVENTS);
	for (unsigned i = 0; i < EVENTS; i++) {
		assert_int_equal(trail_receipt_index(r, i), BEFORE + i);
		assert_int_equal(trail_receipt_seq(r, i), SEQ + i);
		assert_true(trail_receipt_checked(r, i));
		assert_false(trail_receipt_duplicate(r, i));
		assert_memory_equal(trail_receipt_record(r, i), w->records[BEFORE + i], RECORD_LEN);
		assert_memory_equal(trail_receipt_leaf(r, i), w->leaves[BEFORE + i].b, HASH_LEN);
	}
	assert_int_equal(trail_receipt_size(r), RECORDS);
	assert_null(trail_receipt_leaf(r, EVENTS));
	trail_receipt_free(r);
}

/* Two witnesses, of a policy that wants both; `first_line` goes in front of it. */
static void want_witnesses(struct world *w, struct cosign_key keys[2], const char *first_line)
{
	struct buf text = { 0 };
	buf_put_text(&text, first_line);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t seed[SIGN_SEED_LEN] = { (uint8_t)(0x60 + i) };
		assert_int_equal(cosign_key_make(span_text(i == 0 ? "w.example/a" : "w.example/b"),
					 seed, &keys[i]),
			TRAIL_OK);
		buf_put_text(&text, i == 0 ? "witness a " : "witness b ");
		cosigner_put(&text, &keys[i].cosigner);
		buf_put_u8(&text, '\n');
	}
	buf_put_text(&text, "group both all a b\nquorum both\n");
	assert_int_equal(trust_set_policy(&w->trust, buf_view(&text), &w->fault), TRAIL_OK);
	buf_release(&text);
}

static void cosign(struct world *w, const struct cosign_key *key, uint64_t time_s)
{
	struct span text;
	struct buf line = { 0 };
	assert_int_equal(note_open(buf_view(&w->note), &w->skey.vkey, &text), TRAIL_OK);
	assert_int_equal(cosign_sign(text, key, time_s, &line), TRAIL_OK);
	buf_put_span(&w->note, buf_view(&line));
	w->answer.checkpoint = buf_view(&w->note);
	buf_release(&line);
}

static uint64_t witnessed(struct world *w)
{
	struct trail_receipt *r = NULL;
	assert_int_equal(make(w, &r), TRAIL_OK);
	uint64_t ns = trail_receipt_witnessed(r);
	trail_receipt_free(r);
	return ns;
}

static void test_g5_witnessed_is_what_the_own_policy_says(void **state)
{
	struct world *w = *state;
	struct cosign_key keys[2];
	assert_int_equal(witnessed(w), 0);
	want_witnesses(w, keys, "");
	assert_int_equal(witnessed(w), 0);
	cosign(w, &keys[1], 1700000009);
	assert_int_equal(witnessed(w), 0);
	cosign(w, &keys[0], 1700000004);
	assert_int_equal(witnessed(w), UINT64_C(1700000009000000000));
	/* A policy for another log says nothing of this one. */
	want_witnesses(w, keys,
		"log example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n");
	assert_int_equal(witnessed(w), 0);
}

static void test_g5_a_false_cosignature_spoils_the_receipt(void **state)
{
	struct world *w = *state;
	struct cosign_key keys[2];
	struct trail_receipt *r = NULL;
	want_witnesses(w, keys, "");
	cosign(w, &keys[0], 1700000004);
	size_t at = w->note.len - 10;
	w->note.data[at] = w->note.data[at] == 'A' ? 'B' : 'A';
	assert_int_equal(make(w, &r), TRAIL_CORRUPT);
	assert_null(r);
}

static void duplicates_are_opened_and_proven(void **state)
{
	struct world *w = *state;
	struct trail_receipt *r = NULL;
	tell_duplicates(w);
	assert_int_equal(make(w, &r), TRAIL_OK);
	assert_true(trail_receipt_duplicate(r, 0));
	assert_true(trail_receipt_checked(r, 2));
	trail_receipt_free(r);
}

static void duplicates_that_were_erased_are_not_called_checked(void **state)
{
	struct world *w = *state;
	struct trail_receipt *r = NULL;
	tell_duplicates(w);
	memset(w->salts[1], 0, SALT_LEN);
	w->answer.unchecked = 1;
	assert_int_equal(make(w, &r), TRAIL_OK);
	assert_false(trail_receipt_checked(r, 1));
	assert_null(trail_receipt_salt(r, 1));
	assert_true(trail_receipt_checked(r, 2));
	trail_receipt_free(r);
}

/* Each turns the honest answer into a lie. */
static void lie_salt(struct world *w)
{
	w->salts[1][3] ^= 1;
}
static void lie_prev(struct world *w)
{
	w->run.prev.b[0] ^= 1;
}
static void lie_received(struct world *w)
{
	w->run.received_ns++;
}
static void lie_source(struct world *w)
{
	w->run.source--;
}
static void lie_source_zero(struct world *w)
{
	w->run.source = 0;
}
static void lie_peer(struct world *w)
{
	w->run.peer--;
}
static void lie_peer_later(struct world *w)
{
	w->run.peer = BEFORE;
}
static void lie_flag(struct world *w)
{
	w->flags[2] = 0;
}
static void lie_flag_unknown(struct world *w)
{
	w->flags[0] = 16;
}
static void lie_class(struct world *w)
{
	static const uint32_t CLASSES[EVENTS] = { 0, 1, 0 };
	w->run.classes = CLASSES;
}
static void lie_seq(struct world *w)
{
	w->run.first_seq++;
}
static void lie_index(struct world *w)
{
	w->run.first_index--;
}
static void lie_index_far(struct world *w)
{
	w->run.first_index = UINT64_MAX - 1;
}
static void lie_fewer(struct world *w)
{
	w->run.count--;
	w->run.salts.len -= SALT_LEN;
}
static void lie_more(struct world *w)
{
	w->run.count++;
}
static void lie_none(struct world *w)
{
	w->answer.run_count = 0;
}
static void lie_empty_run(struct world *w)
{
	w->run.count = 0;
}
static void lie_salts_short(struct world *w)
{
	w->run.salts.len--;
}
static void lie_path(struct world *w)
{
	w->run.path.path[0].b[9] ^= 1;
}
static void lie_path_short(struct world *w)
{
	w->run.path.count--;
}
static void lie_path_none(struct world *w)
{
	w->run.path.count = 0;
}
static void lie_unchecked(struct world *w)
{
	w->answer.unchecked = 1;
}
static void lie_note(struct world *w)
{
	w->note.data[w->note.len - 5] ^= 1;
}
static void lie_note_none(struct world *w)
{
	w->answer.checkpoint.len = 0;
}
static void lie_note_old(struct world *w)
{
	sign_tree(w, RECORDS - 1);
}
static void lie_other_key(struct world *w)
{
	static const uint8_t SEED[SIGN_SEED_LEN] = { 8 };
	assert_int_equal(skey_make(span_text("example.org/log"), SEED, &w->skey), TRAIL_OK);
	sign_tree(w, RECORDS);
}
static void lie_loss(struct world *w)
{
	assert_int_equal(trail_batch_lost(w->batch, 2), TRAIL_OK);
}
static void lie_held_other_content(struct world *w)
{
	tell_duplicates(w);
	w->records[BEFORE + 1][50] ^= 1;
}
static void lie_held_other_seq(struct world *w)
{
	tell_duplicates(w);
	w->records[BEFORE][47] ^= 1;
}
static void lie_held_other_epoch(struct world *w)
{
	tell_duplicates(w);
	w->records[BEFORE][39] ^= 1;
}
static void lie_held_unchained(struct world *w)
{
	tell_duplicates(w);
	w->records[BEFORE + 1][90] ^= 1;
}
static void lie_held_not_in_tree(struct world *w)
{
	tell_duplicates(w);
	w->records[BEFORE + 2][111] ^= 1;
}
static void lie_held_salts_missing(struct world *w)
{
	tell_duplicates(w);
	w->run.salts.len = 0;
}
static void lie_held_records_cut(struct world *w)
{
	tell_duplicates(w);
	w->run.records.len--;
}
static void lie_held_erased_uncounted(struct world *w)
{
	tell_duplicates(w);
	memset(w->salts[1], 0, SALT_LEN);
}

static void every_lie_is_found(void **state)
{
	static const struct {
		const char *name;
		void (*tell)(struct world *w);
	} LIES[] = {
		{ "salt", lie_salt },
		{ "prev", lie_prev },
		{ "received", lie_received },
		{ "source", lie_source },
		{ "source 0", lie_source_zero },
		{ "peer", lie_peer },
		{ "peer later", lie_peer_later },
		{ "flag", lie_flag },
		{ "unknown flag", lie_flag_unknown },
		{ "class", lie_class },
		{ "seq", lie_seq },
		{ "index", lie_index },
		{ "far index", lie_index_far },
		{ "fewer", lie_fewer },
		{ "more", lie_more },
		{ "none", lie_none },
		{ "empty run", lie_empty_run },
		{ "salts short", lie_salts_short },
		{ "path", lie_path },
		{ "path short", lie_path_short },
		{ "no path", lie_path_none },
		{ "unchecked", lie_unchecked },
		{ "note", lie_note },
		{ "no note", lie_note_none },
		{ "older note", lie_note_old },
		{ "other key", lie_other_key },
		{ "loss not noted", lie_loss },
		{ "held: content", lie_held_other_content },
		{ "held: seq", lie_held_other_seq },
		{ "held: epoch", lie_held_other_epoch },
		{ "held: chain", lie_held_unchained },
		{ "held: tree", lie_held_not_in_tree },
		{ "held: no salts", lie_held_salts_missing },
		{ "held: records cut", lie_held_records_cut },
		{ "held: erased uncounted", lie_held_erased_uncounted },
	};
	(void)state;
	for (size_t i = 0; i < sizeof LIES / sizeof LIES[0]; i++) {
		struct world *w;
		struct trail_receipt *r = NULL;
		(void)make_world((void **)&w);
		LIES[i].tell(w);
		enum trail_err err = make(w, &r);
		if (err != TRAIL_CORRUPT)
			fail_msg("the lie \"%s\" was answered %d", LIES[i].name, (int)err);
		assert_null(r);
		assert_true(w->fault.sentence[0] != '\0');
		(void)free_world((void **)&w);
	}
}

static void two_trees_of_one_size_are_evidence(void **state)
{
	struct world *w = *state;
	struct trail_receipt *r = NULL;
	assert_int_equal(make(w, &r), TRAIL_OK);
	trail_receipt_free(r);
	w->leaves[1].b[0] ^= 1;
	sign_tree(w, RECORDS);
	assert_int_equal(trust_see(&w->trust, buf_view(&w->note), NULL, &w->fault), TRAIL_CORRUPT);
}

static void a_head_is_held_only_with_its_proof(void **state)
{
	struct world *w = *state;
	struct tree_proof proof;
	sign_tree(w, 4);
	assert_int_equal(trust_see(&w->trust, buf_view(&w->note), NULL, &w->fault), TRAIL_OK);
	assert_int_equal(trust_advance(&w->trust, NULL, &w->fault), TRAIL_OK);
	sign_tree(w, RECORDS);
	assert_int_equal(trust_see(&w->trust, buf_view(&w->note), NULL, &w->fault), TRAIL_OK);
	uint64_t from, to;
	assert_true(trust_due(&w->trust, &from, &to));
	assert_true(from == 4 && to == RECORDS);
	assert_int_equal(tree_consistency(4, RECORDS, node_of, w, &proof), TRAIL_OK);
	struct tree_proof bad = proof;
	bad.path[0].b[0] ^= 1;
	assert_int_equal(trust_advance(&w->trust, &bad, &w->fault), TRAIL_CORRUPT);
	assert_int_equal(w->trust.held.cp.size, 4);
	assert_int_equal(trust_advance(&w->trust, &proof, &w->fault), TRAIL_OK);
	assert_int_equal(w->trust.held.cp.size, RECORDS);
}

static enum trail_err see_tree(struct world *w, uint64_t size)
{
	sign_tree(w, size);
	return trust_see(&w->trust, buf_view(&w->note), NULL, &w->fault);
}

/* Give each proof that is due, of the tree as it is now. */
static enum trail_err prove_all(struct world *w, unsigned *proofs)
{
	uint64_t from, to;
	enum trail_err err = TRAIL_OK;
	for (*proofs = 0; err == TRAIL_OK && trust_due(&w->trust, &from, &to); ++*proofs) {
		struct tree_proof proof = { 0 };
		assert_int_equal(tree_consistency(from, to, node_of, w, &proof), TRAIL_OK);
		err = trust_advance(&w->trust, &proof, &w->fault);
	}
	return err;
}

/* In flight at a time, answers carry many checkpoints: each must be a prefix of the one kept. */
static void every_checkpoint_is_proven(void **state)
{
	struct world *w = *state;
	unsigned proofs;
	assert_int_equal(see_tree(w, 2), TRAIL_OK);
	assert_int_equal(trust_advance(&w->trust, NULL, &w->fault), TRAIL_OK);
	/* 3 when 5 was seen already; 5 again; 2 is held. */
	assert_int_equal(see_tree(w, 5), TRAIL_OK);
	assert_int_equal(see_tree(w, 3), TRAIL_OK);
	assert_int_equal(see_tree(w, 5), TRAIL_OK);
	assert_int_equal(see_tree(w, 2), TRAIL_OK);
	assert_int_equal(see_tree(w, RECORDS), TRAIL_OK);
	assert_int_equal(prove_all(w, &proofs), TRAIL_OK);
	assert_int_equal(proofs, 3); /* 2 to RECORDS; 5 and 3 to RECORDS */
	assert_int_equal(w->trust.held.cp.size, RECORDS);
	/* One of another tree, signed all the same, is found out behind the larger one. */
	struct hash leaf = w->leaves[1];
	w->leaves[1].b[0] ^= 1;
	assert_int_equal(see_tree(w, 4), TRAIL_OK);
	w->leaves[1] = leaf;
	assert_int_equal(prove_all(w, &proofs), TRAIL_CORRUPT);
}

static void what_is_owed_is_bounded(void **state)
{
	struct world *w = *state;
	unsigned proofs;
	assert_int_equal(see_tree(w, RECORDS), TRAIL_OK);
	assert_int_equal(trust_advance(&w->trust, NULL, &w->fault), TRAIL_OK);
	/* A signer that forks at will: as many trees of size 3 as it likes. */
	for (unsigned i = 0; i < TRUST_OWED_MAX; i++) {
		w->leaves[1].b[0] = (uint8_t)i;
		assert_int_equal(see_tree(w, 3), TRAIL_OK);
	}
	w->leaves[1].b[1] ^= 1;
	assert_int_equal(see_tree(w, 3), TRAIL_BUSY);
	assert_int_equal(prove_all(w, &proofs), TRAIL_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_honest_answer_becomes_a_receipt, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			duplicates_are_opened_and_proven, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			duplicates_that_were_erased_are_not_called_checked, make_world, free_world),
		cmocka_unit_test(every_lie_is_found),
		cmocka_unit_test_setup_teardown(
			two_trees_of_one_size_are_evidence, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			a_head_is_held_only_with_its_proof, make_world, free_world),
		cmocka_unit_test_setup_teardown(every_checkpoint_is_proven, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			test_g5_witnessed_is_what_the_own_policy_says, make_world, free_world),
		cmocka_unit_test_setup_teardown(
			test_g5_a_false_cosignature_spoils_the_receipt, make_world, free_world),
		cmocka_unit_test_setup_teardown(what_is_owed_is_bounded, make_world, free_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
