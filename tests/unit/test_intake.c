/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/intake.h"

#include "../../proto/codec.h"
#include "../support/intake_case.h"
#include "../support/random.h"
#include "../support/store_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	WRITERS = 4,
	SEQS = 4000,
	OPERATIONS = 4000
};

static const uint64_t E = 1000; /* some epoch */
static const uint64_t S = 1000000000;
static const uint64_t IMPORT = EPOCH_IMPORT_BIT | 5;

static int setup(void **state)
{
	struct intake_case *c = calloc(1, sizeof *c);
	if (!c)
		return -1;
	intake_case_make(c);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	intake_case_remove(*state);
	free(*state);
	return 0;
}

/* ---- what is expected of an answer ---- */

static void expect_refused(const struct op *op, enum trail_err code)
{
	assert_int_equal(op->response.kind, RESPONSE_ERROR);
	assert_int_equal(op->response.error.code, code);
	assert_true(op->response.error.sentence.len > 10);
}

static const struct run *expect_runs(const struct op *op, size_t count)
{
	assert_int_equal(op->response.kind, RESPONSE_APPENDED);
	assert_int_equal(op->response.appended.run_count, count);
	return op->response.appended.runs;
}

/* Nothing of the op is in the batch or in the numbering. */
static void refuse_and_stage_nothing(struct intake_case *c, struct op *op, enum trail_err code)
{
	uint64_t next = batch_next(c->in.batch);
	size_t sources = names_count(c->in.sources);
	size_t peers = names_count(c->in.peers);
	case_take(c, op);
	expect_refused(op, code);
	assert_int_equal(batch_next(c->in.batch), next);
	assert_int_equal(names_count(c->in.sources), sources);
	assert_int_equal(names_count(c->in.peers), peers);
}

static const struct run *append_fresh(
	struct intake_case *c, uint64_t epoch, uint64_t first_seq, size_t count)
{
	struct op *op = case_append(c, epoch, first_seq, count, "event");
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	assert_false(run->duplicate);
	assert_int_equal(run->count, count);
	assert_int_equal(run->first_seq, first_seq);
	return run;
}

/* ---- a first request ---- */

static void test_a_first_append_introduces_peer_and_source(void **state)
{
	struct intake_case *c = *state;
	uint64_t next = batch_next(c->in.batch);
	struct op *op = case_append(c, E, 1, 3, "event");
	op->request.append.want_salts = true;
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	assert_int_equal(run->peer, next);
	assert_int_equal(run->source, next + 1);
	assert_int_equal(run->first_index, next + 2);
	assert_int_equal(run->salts.len, 3 * SALT_LEN);
	assert_null(run->flags);
	intake_case_commit(c);
	assert_int_equal(case_record(c, next).kind, KIND_PEER);
	assert_int_equal(case_record(c, next + 1).kind, KIND_SOURCE);
	assert_int_equal(case_record(c, next + 1).peer, next);
	/* The next request of the same two makes neither again. */
	assert_int_equal(append_fresh(c, E, 4, 2)->first_index, next + 5);
}

static void test_an_answer_lets_the_records_be_made_again(void **state)
{
	struct intake_case *c = *state;
	struct op *op = case_append(c, E, 6, 4, "event");
	op->request.append.lost = 5;
	op->request.append.want_salts = true;
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	struct hash prev = run->prev;
	intake_case_commit(c);
	for (size_t i = 0; i < 4; i++) {
		uint8_t bytes[RECORD_LEN];
		struct record stored = case_record(c, run->first_index + i);
		struct record r = {
			.version = RECORD_VERSION,
			.kind = KIND_EVENT,
			.flags = (uint16_t)run->flags[i],
			.source = run->source,
			.peer = run->peer,
			.received_ns = run->received_ns,
			.epoch = E,
			.seq = run->first_seq + i,
			.prev = prev,
		};
		record_commitment(run->salts.data + i * SALT_LEN, op->request.append.events[i],
			&r.commitment);
		record_encode(&r, bytes);
		uint8_t wanted[RECORD_LEN];
		record_encode(&stored, wanted);
		assert_memory_equal(bytes, wanted, RECORD_LEN);
		assert_int_equal(stored.flags, i == 0 ? FLAG_LOSS : 0);
		record_leaf(bytes, &prev);
	}
}

static void test_a_late_event_is_flagged(void **state)
{
	struct intake_case *c = *state;
	struct op *op = case_append(c, E, 1, 3, "event");
	int64_t *times = calloc(3, sizeof *times);
	assert_non_null(times);
	times[0] = (int64_t)op->received_ns - 25 * 3600 * (int64_t)S;
	times[1] = (int64_t)op->received_ns;
	times[2] = (int64_t)op->received_ns + 360 * (int64_t)S;
	const int64_t *kept = op->times;
	op->times = times;
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	assert_non_null(run->flags);
	assert_int_equal(run->flags[0], FLAG_LATE);
	assert_int_equal(run->flags[1], 0);
	assert_int_equal(run->flags[2], FLAG_LATE);
	op->times = kept;
	free(times);
}

/* ---- numbering ---- */

static void test_a_number_out_of_turn_is_expected_and_stages_nothing(void **state)
{
	struct intake_case *c = *state;
	struct op *op = case_append(c, E, 2, 1, "event");
	refuse_and_stage_nothing(c, op, TRAIL_EXPECTED);
	assert_int_equal(op->response.error.expected, 1);
	(void)append_fresh(c, E, 1, 3);
	op = case_append(c, E, 5, 2, "event");
	refuse_and_stage_nothing(c, op, TRAIL_EXPECTED);
	assert_int_equal(op->response.error.expected, 4);
	/* Pipelined behind it: refused alike, until one starts there. */
	refuse_and_stage_nothing(c, case_append(c, E, 7, 2, "event"), TRAIL_EXPECTED);
	(void)append_fresh(c, E, 4, 1);
	(void)append_fresh(c, E, 5, 2);
}

static void test_a_loss_must_be_declared_exactly(void **state)
{
	struct intake_case *c = *state;
	static const uint64_t wrong[] = { 0, 1, 3, UINT64_MAX - 2000 };
	(void)append_fresh(c, E, 1, 3);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct op *op = case_append(c, E, 6, 1, "event");
		op->request.append.lost = wrong[i];
		refuse_and_stage_nothing(c, op, TRAIL_EXPECTED);
		assert_int_equal(op->response.error.expected, 4);
	}
	struct op *op = case_append(c, E, 4, 1, "event");
	op->request.append.lost = 1;
	refuse_and_stage_nothing(c, op, TRAIL_EXPECTED);
	op = case_append(c, E, 6, 2, "event");
	op->request.append.lost = 2;
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	assert_int_equal(run->flags[0], FLAG_LOSS);
	assert_int_equal(run->flags[1], 0);
	struct epoch *epoch = epochs_find(c->in.epochs, run->source, E);
	assert_int_equal(epoch->row.last, 7);
	assert_int_equal(epoch->row.holes, 2);
}

static void test_a_hole_is_final(void **state)
{
	struct intake_case *c = *state;
	(void)append_fresh(c, E, 1, 3);
	struct op *op = case_append(c, E, 6, 2, "event");
	op->request.append.lost = 2;
	case_take(c, op);
	for (int again = 0; again < 2; again++) {
		op = case_append(c, E, 5, 1, "event");
		intake_case_commit(c);
		refuse_and_stage_nothing(c, op, TRAIL_CONFLICT);
		/* From stored ones into the hole. */
		op = case_append(c, E, 2, 4, "event");
		refuse_and_stage_nothing(c, op, TRAIL_CONFLICT);
		assert_int_equal(op->response.error.index, 2);
		/* The retry of the declaration itself is a duplicate. */
		op = case_append(c, E, 6, 2, "event");
		op->request.append.lost = 2;
		case_take(c, op);
		assert_true(expect_runs(op, 1)->duplicate);
		intake_case_restart(c);
		c->session++;
	}
}

static void test_the_highest_numbers_do_not_wrap(void **state)
{
	struct intake_case *c = *state;
	uint64_t first = UINT64_MAX - 10;
	struct op *op = case_append(c, E, first, 10, "event");
	op->request.append.lost = first - 1;
	case_take(c, op);
	(void)expect_runs(op, 1);
	op = case_append(c, E, UINT64_MAX - 2, 1, "event");
	case_take(c, op);
	assert_true(expect_runs(op, 1)->duplicate);
	op = case_append(c, E, 1, 1, "event");
	refuse_and_stage_nothing(c, op, TRAIL_CONFLICT);
}

/* ---- duplicates ---- */

static void expect_held(struct intake_case *c, const struct op *op, const struct run *run,
	const struct run *first, const uint8_t *salts)
{
	assert_true(run->duplicate);
	assert_int_equal(run->first_index, first->first_index);
	assert_int_equal(run->count, first->count);
	assert_int_equal(run->source, first->source);
	assert_int_equal(run->peer, first->peer);
	assert_int_equal(run->records.len, (size_t)run->count * RECORD_LEN);
	assert_memory_equal(run->salts.data, salts, run->salts.len);
	assert_int_equal(op->response.appended.unchecked, 0);
	for (size_t i = 0; i < run->count; i++) {
		uint8_t bytes[RECORD_LEN];
		struct record r = case_record(c, run->first_index + i);
		record_encode(&r, bytes);
		assert_memory_equal(run->records.data + i * RECORD_LEN, bytes, RECORD_LEN);
	}
}

static void test_a_retry_is_answered_with_what_is_held(void **state)
{
	struct intake_case *c = *state;
	struct op *first = case_append(c, E, 1, 5, "event");
	uint8_t salts[5 * SALT_LEN];
	memcpy(salts, first->salts, sizeof salts);
	case_take(c, first);
	const struct run *run = expect_runs(first, 1);
	struct op *retry = case_append(c, E, 1, 5, "event");
	/* In the same batch it cannot be read back yet. */
	assert_int_equal(intake_take(&c->in, retry), INTAKE_COMMIT_FIRST);
	intake_case_commit(c);
	uint64_t size = batch_next(c->in.batch);
	for (int again = 0; again < 3; again++) {
		retry = case_append(c, E, 1, 5, "event");
		case_take(c, retry);
		expect_held(c, retry, expect_runs(retry, 1), run, salts);
		assert_int_equal(batch_next(c->in.batch), size + (uint64_t)again);
		intake_case_restart(c); /* adds its START */
	}
}

static void test_a_retry_that_goes_further_stores_the_rest_once(void **state)
{
	struct intake_case *c = *state;
	uint8_t salts[3 * SALT_LEN];
	struct op *first = case_append(c, E, 1, 3, "event");
	memcpy(salts, first->salts, sizeof salts);
	case_take(c, first);
	const struct run *held = expect_runs(first, 1);
	intake_case_commit(c);
	struct op *op = case_append(c, E, 1, 5, "event");
	op->request.append.want_salts = true;
	uint8_t fresh[2 * SALT_LEN];
	memcpy(fresh, op->salts + sizeof salts, sizeof fresh);
	case_take(c, op);
	const struct run *runs = expect_runs(op, 2);
	expect_held(c, op, &runs[0], held, salts);
	assert_false(runs[1].duplicate);
	assert_int_equal(runs[1].first_seq, 4);
	assert_int_equal(runs[1].count, 2);
	assert_int_equal(runs[1].salts.len, sizeof fresh);
	assert_memory_equal(runs[1].salts.data, fresh, sizeof fresh);
	intake_case_commit(c);
	struct hash commitment;
	record_commitment(fresh, op->request.append.events[3], &commitment);
	struct record r = case_record(c, runs[1].first_index);
	assert_int_equal(r.seq, 4);
	assert_memory_equal(&r.commitment, &commitment, sizeof commitment);
}

static void test_other_content_under_a_number_is_a_conflict(void **state)
{
	struct intake_case *c = *state;
	(void)append_fresh(c, E, 1, 5);
	intake_case_commit(c);
	struct op *op = case_append(c, E, 3, 1, "changed");
	refuse_and_stage_nothing(c, op, TRAIL_CONFLICT);
	op = case_append(c, E, 1, 7, "event");
	struct op *other = case_append(c, E, 1, 7, "changed");
	struct span events[7];
	memcpy(events, op->request.append.events, sizeof events);
	events[3] = other->request.append.events[3];
	op->request.append.events = events;
	refuse_and_stage_nothing(c, op, TRAIL_CONFLICT);
	assert_int_equal(op->response.error.index, 3);
}

/* One event per request, two epochs in turn: nothing lies side by side. */
static void test_scattered_duplicates_are_told_run_by_run_and_bounded(void **state)
{
	struct intake_case *c = *state;
	size_t taken = 0;
	for (uint64_t seq = 1; seq <= 300; seq++) {
		(void)append_fresh(c, E, seq, 1);
		(void)append_fresh(c, E + 1, seq, 1);
	}
	intake_case_commit(c);
	for (;; taken++) {
		struct op *op = case_append(c, E, 1, 300, "event");
		if (intake_take(&c->in, op) == INTAKE_COMMIT_FIRST)
			break;
		const struct run *runs = expect_runs(op, 300);
		for (size_t i = 0; i < 300; i++) {
			assert_int_equal(runs[i].first_seq, i + 1);
			assert_int_equal(runs[i].count, 1);
			assert_int_equal(runs[i].first_index, runs[0].first_index + 2 * i);
			assert_int_equal(runs[i].records.len, RECORD_LEN);
		}
	}
	assert_in_range(taken, 5, 50);
	intake_case_commit(c);
	assert_int_equal(intake_take(&c->in, case_append(c, E, 1, 300, "event")), INTAKE_TAKEN);
}

static void test_an_erased_payload_leaves_a_duplicate_unchecked(void **state)
{
	struct intake_case *c = *state;
	uint8_t key[KEY_PAYLOAD_LEN];
	struct span found, value;
	uint64_t first = append_fresh(c, E, 1, 3)->first_index;
	intake_case_commit(c);
	struct db_txn *txn = db_begin(store_db(c->store), true);
	key_payload(0, first, key);
	assert_true(db_floor(txn, TABLE_PAYLOAD, span_of(key, sizeof key), &found, &value));
	memcpy(key, found.data, sizeof key);
	db_delete(txn, TABLE_PAYLOAD, span_of(key, sizeof key));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	struct op *op = case_append(c, E, 1, 3, "changed");
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	assert_int_equal(run->first_index, first);
	assert_int_equal(op->response.appended.unchecked, 3);
	static const uint8_t none[3 * SALT_LEN];
	assert_memory_equal(run->salts.data, none, sizeof none);
}

/* ---- epoch 0 ---- */

static void test_epoch_0_is_numbered_here_and_may_double(void **state)
{
	struct intake_case *c = *state;
	for (uint64_t seq = 1; seq < 6; seq++) {
		struct op *op = case_append(c, 0, 1, 1, "event");
		case_take(c, op);
		const struct run *run = expect_runs(op, 1);
		assert_int_equal(run->first_seq, seq);
		assert_int_equal(run->flags[0], FLAG_UNPROTECTED);
		/* It has no owner and no holder. */
		c->session++;
		c->uid = seq % 2 ? "1000" : "1001";
	}
	intake_case_restart(c);
	struct op *op = case_append(c, 0, 1, 2, "event");
	case_take(c, op);
	assert_int_equal(expect_runs(op, 1)->first_seq, 6);
}

/* ---- who may speak ---- */

static void test_a_second_connection_takes_over_by_hello(void **state)
{
	struct intake_case *c = *state;
	(void)append_fresh(c, E, 1, 2);
	c->session = 2;
	refuse_and_stage_nothing(c, case_append(c, E, 3, 1, "event"), TRAIL_DENIED);
	refuse_and_stage_nothing(c, case_word(c, REQUEST_CLOSE, E, 2), TRAIL_DENIED);
	refuse_and_stage_nothing(c, case_word(c, REQUEST_KEEPALIVE, E, 2), TRAIL_DENIED);
	struct op *hello = case_hello(c, E);
	case_take(c, hello);
	assert_int_equal(hello->response.kind, RESPONSE_HELLO);
	assert_int_equal(hello->response.hello.standing_count, 1);
	assert_true(hello->response.hello.standings[0].known);
	assert_int_equal(hello->response.hello.standings[0].last, 2);
	(void)append_fresh(c, E, 3, 1);
	c->session = 1;
	refuse_and_stage_nothing(c, case_append(c, E, 4, 1, "event"), TRAIL_DENIED);
}

static void test_an_epoch_belongs_to_who_opened_it(void **state)
{
	struct intake_case *c = *state;
	(void)append_fresh(c, E, 1, 2);
	for (int again = 0; again < 2; again++) {
		c->uid = "1001";
		c->session = 2;
		refuse_and_stage_nothing(c, case_append(c, E, 3, 1, "event"), TRAIL_DENIED);
		refuse_and_stage_nothing(c, case_append(c, E, 1, 1, "event"), TRAIL_DENIED);
		refuse_and_stage_nothing(c, case_hello(c, E), TRAIL_DENIED);
		refuse_and_stage_nothing(c, case_word(c, REQUEST_CLOSE, E, 2), TRAIL_DENIED);
		refuse_and_stage_nothing(c, case_word(c, REQUEST_KEEPALIVE, E, 9), TRAIL_DENIED);
		/* A name is not an identity without its type. */
		struct op *op = case_append(c, E, 3, 1, "event");
		(void)snprintf(op->peer.name, sizeof op->peer.name, "1000");
		op->peer.type = PEER_CERTIFICATE;
		refuse_and_stage_nothing(c, op, TRAIL_DENIED);
		intake_case_restart(c);
	}
	c->uid = "1000";
	(void)append_fresh(c, E, 3, 1);
}

static void test_a_keepalive_that_gave_out_numbers_makes_an_owner(void **state)
{
	struct intake_case *c = *state;
	(void)append_fresh(c, E, 1, 1);
	case_take(c, case_hello(c, E + 1));
	struct op *op = case_word(c, REQUEST_KEEPALIVE, E + 1, 0);
	case_take(c, op);
	assert_int_equal(op->response.kind, RESPONSE_KEPT);
	struct epoch *epoch =
		epochs_find(c->in.epochs, names_find(c->in.sources, 0, span_text("ehr")), E + 1);
	assert_int_equal(epoch->row.peer, 0);
	case_take(c, case_word(c, REQUEST_KEEPALIVE, E + 1, 7));
	assert_int_equal(epoch->row.made, 7);
	assert_int_not_equal(epoch->row.peer, 0);
	intake_case_restart(c);
	c->uid = "1001";
	refuse_and_stage_nothing(c, case_hello(c, E + 1), TRAIL_DENIED);
	c->uid = "1000";
	(void)append_fresh(c, E + 1, 1, 1);
}

static void test_a_keepalive_of_nothing_known_is_answered_with_nothing(void **state)
{
	struct intake_case *c = *state;
	struct op *op = case_word(c, REQUEST_KEEPALIVE, E, 5);
	uint64_t next = batch_next(c->in.batch);
	case_take(c, op);
	assert_int_equal(op->response.kind, RESPONSE_KEPT);
	assert_int_equal(op->response.last, 0);
	assert_int_equal(batch_next(c->in.batch), next);
}

/* ---- ends ---- */

static void test_a_close_must_name_the_last_and_ends_the_epoch(void **state)
{
	struct intake_case *c = *state;
	struct op *op = case_word(c, REQUEST_CLOSE, E, 0);
	refuse_and_stage_nothing(c, op, TRAIL_EXPECTED);
	(void)append_fresh(c, E, 1, 3);
	op = case_word(c, REQUEST_CLOSE, E, 2);
	refuse_and_stage_nothing(c, op, TRAIL_EXPECTED);
	assert_int_equal(op->response.error.expected, 4);
	op = case_word(c, REQUEST_CLOSE, E, 3);
	case_take(c, op);
	assert_int_equal(op->response.kind, RESPONSE_CLOSED);
	assert_true(epochs_must_write(c->in.epochs));
	for (int again = 0; again < 2; again++) {
		refuse_and_stage_nothing(c, case_append(c, E, 4, 1, "event"), TRAIL_CLOSED);
		refuse_and_stage_nothing(c, case_append(c, E - 1, 1, 1, "event"), TRAIL_CLOSED);
		refuse_and_stage_nothing(c, case_word(c, REQUEST_CLOSE, E, 3), TRAIL_CLOSED);
		struct op *hello = case_hello(c, E);
		case_take(c, hello);
		assert_int_equal(hello->response.kind, RESPONSE_HELLO);
		assert_false(hello->response.hello.standings[0].known);
		assert_int_equal(hello->response.hello.standings[0].floor, E);
		intake_case_restart(c);
	}
	(void)append_fresh(c, E + 1, 1, 1);
}

static void test_a_closed_import_takes_the_same_again_and_nothing_new(void **state)
{
	struct intake_case *c = *state;
	uint64_t first = append_fresh(c, IMPORT, 1, 4)->first_index;
	struct op *op = case_word(c, REQUEST_CLOSE, IMPORT, 4);
	case_take(c, op);
	assert_int_equal(op->response.kind, RESPONSE_CLOSED);
	intake_case_restart(c);
	op = case_append(c, IMPORT, 1, 4, "event");
	case_take(c, op);
	const struct run *run = expect_runs(op, 1);
	assert_true(run->duplicate);
	assert_int_equal(run->first_index, first);
	/* To say it again changes nothing, so it costs no commit. */
	assert_false(epochs_must_write(c->in.epochs));
	refuse_and_stage_nothing(c, case_append(c, IMPORT, 5, 1, "event"), TRAIL_CLOSED);
	refuse_and_stage_nothing(c, case_append(c, IMPORT, 3, 3, "event"), TRAIL_CLOSED);
	op = case_word(c, REQUEST_CLOSE, IMPORT, 4);
	case_take(c, op);
	assert_int_equal(op->response.kind, RESPONSE_CLOSED);
	op = case_append(c, IMPORT, 2, 1, "changed");
	refuse_and_stage_nothing(c, op, TRAIL_CONFLICT);
}

static struct daemon_entry entry_at(struct intake_case *c, uint64_t index)
{
	static uint8_t room[4096];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct buf out = { 0 };
	struct span salt, payload;
	struct daemon_entry entry = { 0 };
	struct db_txn *txn = db_begin(store_db(c->store), false);
	assert_int_equal(case_record(c, index).kind, KIND_DAEMON);
	assert_int_equal(
		store_case_payload(c->store, txn, c->in.chunker, index, &out, &salt, &payload),
		TRAIL_OK);
	assert_int_equal(daemon_entry_decode(payload, &arena, &entry), TRAIL_OK);
	db_abort(txn);
	buf_release(&out);
	return entry;
}

static void test_one_epoch_too_many_pushes_out_the_oldest_on_record(void **state)
{
	struct intake_case *c = *state;
	uint64_t source = append_fresh(c, E, 1, 2)->source;
	for (uint64_t n = 1; n < EPOCHS_OPEN_MAX; n++)
		(void)append_fresh(c, E + n, 1, 1);
	(void)append_fresh(c, E, 3, 1); /* so that the next in line is E + 1 */
	intake_case_commit(c);
	uint64_t at = batch_next(c->in.batch);
	/* It waited in the queue: its own time lies before that of the entry. */
	c->behind_ns = S;
	const struct run *run = append_fresh(c, E + EPOCHS_OPEN_MAX, 1, 1);
	assert_int_equal(run->first_index, at + 1);
	intake_case_commit(c);
	struct daemon_entry loss = entry_at(c, at);
	assert_int_equal(loss.what, DAEMON_LOSS);
	assert_int_equal(loss.cause, LOSS_PUSHED);
	assert_int_equal(loss.source, source);
	assert_int_equal(loss.epoch, E + 1);
	assert_int_equal(loss.last, 1);
	assert_true(case_record(c, at + 1).received_ns >= case_record(c, at).received_ns);
	assert_true(run->received_ns == case_record(c, at + 1).received_ns);
	refuse_and_stage_nothing(c, case_append(c, E + 1, 2, 1, "event"), TRAIL_CLOSED);
	(void)append_fresh(c, E, 4, 1);
	/* By Hello nothing is pushed out while there are mere claims to go. */
	case_take(c, case_hello(c, E + 5000));
	at = batch_next(c->in.batch);
	case_take(c, case_hello(c, E + 5001));
	assert_int_equal(batch_next(c->in.batch), at);
}

static void test_a_silent_epoch_is_listed_once(void **state)
{
	struct intake_case *c = *state;
	uint64_t source = append_fresh(c, E, 1, 2)->source;
	intake_case_commit(c);
	uint64_t at = batch_next(c->in.batch);
	intake_tick(&c->in);
	assert_int_equal(batch_next(c->in.batch), at);
	c->in.now.real_ns += 25 * 3600 * S;
	intake_tick(&c->in);
	intake_tick(&c->in);
	assert_int_equal(batch_next(c->in.batch), at + 1);
	intake_case_commit(c);
	struct daemon_entry loss = entry_at(c, at);
	assert_int_equal(loss.cause, LOSS_SILENT);
	assert_int_equal(loss.source, source);
	assert_int_equal(loss.epoch, E);
	assert_int_equal(loss.last, 2);
}

/* ---- bounds ---- */

static void test_below_the_reserve_only_what_is_held_is_answered(void **state)
{
	struct intake_case *c = *state;
	(void)append_fresh(c, E, 1, 3);
	intake_case_commit(c);
	c->in.full = true;
	refuse_and_stage_nothing(c, case_append(c, E, 4, 1, "event"), TRAIL_FULL);
	refuse_and_stage_nothing(c, case_append(c, E, 2, 3, "event"), TRAIL_FULL);
	refuse_and_stage_nothing(c, case_append(c, 0, 1, 1, "event"), TRAIL_FULL);
	struct op *op = case_append(c, E, 2, 2, "event");
	case_take(c, op);
	assert_true(expect_runs(op, 1)->duplicate);
	/* Wrong numbers are told as ever. */
	refuse_and_stage_nothing(c, case_append(c, E, 9, 1, "event"), TRAIL_EXPECTED);
	c->in.full = false;
	(void)append_fresh(c, E, 4, 1);
}

static void test_the_number_of_sources_is_bounded(void **state)
{
	struct intake_case *c = *state;
	char name[32];
	(void)append_fresh(c, E, 1, 1);
	for (int i = 0; names_count(c->in.sources) < SOURCES_MAX; i++) {
		(void)snprintf(name, sizeof name, "s%d", i);
		assert_true(names_add(c->in.sources, 0, span_text(name), 1));
	}
	c->source = "one-too-many";
	refuse_and_stage_nothing(c, case_append(c, E, 1, 1, "event"), TRAIL_FULL);
	c->source = "ehr";
	(void)append_fresh(c, E, 2, 1);
}

static void test_half_of_the_reserve_is_for_questions(void **state)
{
	struct intake_case *c = *state;
	struct op *question = case_own(c);
	question->kind = OP_QUESTION;
	c->in.full = true;
	uint64_t next = batch_next(c->in.batch);
	case_take(c, question);
	assert_int_equal(question->own_index, next);
	c->in.starved = true;
	question = case_own(c);
	question->kind = OP_QUESTION;
	refuse_and_stage_nothing(c, question, TRAIL_FULL);
	/* What the daemon has to say of itself comes before. */
	case_take(c, case_own(c));
	assert_int_equal(batch_next(c->in.batch), next + 2);
}

static void test_the_number_of_peers_is_bounded(void **state)
{
	struct intake_case *c = *state;
	char name[32];
	(void)append_fresh(c, E, 1, 1);
	for (int i = 0; names_count(c->in.peers) < SOURCES_MAX; i++) {
		(void)snprintf(name, sizeof name, "s%d", i);
		assert_true(names_add(c->in.peers, PEER_UNIX_USER, span_text(name), 1));
	}
	c->uid = "4294967295";
	refuse_and_stage_nothing(c, case_append(c, E + 1, 1, 1, "event"), TRAIL_FULL);
	c->uid = "1000";
	(void)append_fresh(c, E, 2, 1);
}

static void test_a_full_batch_asks_for_a_commit_and_loses_nothing(void **state)
{
	struct intake_case *c = *state;
	uint64_t seq = 1;
	int batches = 0;
	while (batches < 3) {
		struct op *op = case_append(c, E, seq, 1000, "event");
		if (intake_take(&c->in, op) == INTAKE_COMMIT_FIRST) {
			assert_true(batch_next(c->in.batch) - batch_committed(c->in.batch) > 15000);
			batches++;
			intake_case_commit(c);
			assert_int_equal(intake_take(&c->in, op), INTAKE_TAKEN);
		}
		assert_int_equal(expect_runs(op, 1)->first_seq, seq);
		seq += 1000;
	}
	intake_case_restart(c);
	struct op *op = case_append(c, E, seq - 1000, 1001, "event");
	case_take(c, op);
	const struct run *runs = expect_runs(op, 2);
	assert_true(runs[0].duplicate && runs[0].count == 1000 && !runs[1].duplicate);
}

/* ---- the daemon's own ---- */

static void test_own_events_are_numbered_from_each_start(void **state)
{
	struct intake_case *c = *state;
	for (int start = 0; start < 2; start++) {
		uint64_t at = batch_next(c->in.batch);
		assert_int_equal(c->in.own_epoch, at - 1);
		for (uint64_t i = 0; i < 3; i++)
			case_take(c, case_own(c));
		intake_case_commit(c);
		for (uint64_t i = 0; i < 3; i++) {
			struct record r = case_record(c, at + i);
			assert_int_equal(r.kind, KIND_EVENT);
			assert_int_equal(r.source, 0);
			assert_int_equal(r.peer, 0);
			assert_int_equal(r.epoch, at - 1);
			assert_int_equal(r.seq, i + 1);
		}
		intake_case_restart(c);
	}
}

static void test_a_log_ahead_of_the_clock_says_so_and_goes_on(void **state)
{
	struct intake_case *c = *state;
	uint64_t ahead = clock_now().real_ns + 3600 * S;
	(void)batch_add_control(c->in.batch, KIND_DAEMON, 0, ahead, span_text("from the future"));
	uint64_t at = batch_next(c->in.batch);
	intake_case_commit(c);
	(void)append_fresh(c, E, 1, 1);
	intake_case_commit(c);
	struct daemon_entry jump = entry_at(c, at);
	assert_int_equal(jump.what, DAEMON_CLOCK);
	assert_true(jump.from_ns == ahead);
	assert_true(case_record(c, at).received_ns == jump.to_ns && jump.to_ns < ahead);
	assert_true(case_record(c, at + 1).received_ns >= jump.to_ns);
	assert_true(case_record(c, at + 1).received_ns < ahead);
}

/* ---- restarts on damage ---- */

static void test_a_changed_source_name_is_found_at_start(void **state)
{
	struct intake_case *c = *state;
	uint8_t key[KEY_INDEX_LEN];
	struct span value;
	uint64_t source = append_fresh(c, E, 1, 1)->source;
	intake_case_commit(c);
	key_index(source, key);
	struct db_txn *txn = db_begin(store_db(c->store), true);
	assert_true(db_get(txn, TABLE_CONTROL, span_of(key, sizeof key), &value));
	struct buf row = { 0 };
	buf_put_span(&row, value);
	row.data[row.len - 1] ^= 1; /* "ehr" becomes "ehs" */
	db_put(txn, TABLE_CONTROL, span_of(key, sizeof key), buf_view(&row));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_int_equal(intake_case_reopen(c), TRAIL_CORRUPT);
	row.data[row.len - 1] ^= 1;
	txn = db_begin(store_db(c->store), true);
	db_put(txn, TABLE_CONTROL, span_of(key, sizeof key), buf_view(&row));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_int_equal(intake_case_reopen(c), TRAIL_OK);
	buf_release(&row);
}

static void test_a_damaged_chunk_breaks_off_instead_of_answering(void **state)
{
	struct intake_case *c = *state;
	uint8_t key[KEY_PAYLOAD_LEN];
	struct span found, value;
	uint64_t first = append_fresh(c, E, 1, 1)->first_index;
	intake_case_commit(c);
	key_payload(0, first, key);
	struct db_txn *txn = db_begin(store_db(c->store), true);
	assert_true(db_floor(txn, TABLE_PAYLOAD, span_of(key, sizeof key), &found, &value));
	memcpy(key, found.data, sizeof key);
	struct buf row = { 0 };
	buf_put_span(&row, value);
	for (size_t i = 8; i < row.len - CHUNK_TAG_LEN; i++)
		row.data[i] ^= 0x80;
	db_put(txn, TABLE_PAYLOAD, span_of(key, sizeof key), buf_view(&row));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	struct op *op = case_append(c, E, 1, 1, "event");
	case_take(c, op);
	expect_refused(op, TRAIL_UNAVAILABLE);
	assert_int_equal(c->in.broken, TRAIL_CORRUPT);
	buf_release(&row);
}

/* ---- random writers against plain arrays ---- */

struct writer_model {
	uint64_t last;
	uint64_t index[SEQS]; /* by seq; 0: lost */
};

struct world {
	struct intake_case *c;
	struct writer_model w[WRITERS];
	uint64_t seed;
	size_t fresh, duplicate, expected, conflict;
};

static void note_fresh(struct writer_model *w, const struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		w->index[run->first_seq + i] = run->first_index + i;
	w->last = run->first_seq + run->count - 1;
}

static void expect_duplicates(const struct writer_model *w, const struct run *run)
{
	assert_int_equal(run->records.len, (size_t)run->count * RECORD_LEN);
	for (uint32_t i = 0; i < run->count; i++)
		assert_int_equal(run->first_index + i, w->index[run->first_seq + i]);
}

static void expect_appended(struct world *m, struct writer_model *w, const struct op *op)
{
	const struct append *a = &op->request.append;
	uint64_t seq = a->first_seq;
	assert_int_equal(op->response.kind, RESPONSE_APPENDED);
	for (size_t i = 0; i < op->response.appended.run_count; i++) {
		const struct run *run = &op->response.appended.runs[i];
		assert_int_equal(run->first_seq, seq);
		assert_int_equal(run->duplicate, seq <= w->last);
		m->fresh += !run->duplicate;
		m->duplicate += run->duplicate;
		if (run->duplicate)
			expect_duplicates(w, run);
		else
			note_fresh(w, run);
		seq += run->count;
	}
	assert_int_equal(seq, a->first_seq + a->event_count);
}

static bool hits_hole(const struct writer_model *w, const struct append *a)
{
	uint64_t end = a->first_seq + a->event_count;
	for (uint64_t seq = a->first_seq; seq <= w->last && seq < end; seq++)
		if (w->index[seq] == 0)
			return true;
	return false;
}

static void say_something(struct world *m)
{
	uint64_t n = random_below(&m->seed, WRITERS);
	struct writer_model *w = &m->w[n];
	uint64_t kind = random_below(&m->seed, 10);
	uint64_t first = w->last + 1;
	if (kind < 3)
		first = 1 + random_below(&m->seed, w->last + 1);
	else if (kind < 5)
		first += 1 + random_below(&m->seed, 5);
	size_t count = 1 + random_below(&m->seed, 20);
	if (first + count >= SEQS)
		return;
	m->c->session = 10 + n;
	struct op *op = case_append(m->c, 500 + n, first, count, "event");
	struct append *a = &op->request.append;
	if (kind == 3)
		a->lost = first - w->last - 1;
	case_take(m->c, op);
	if (first > w->last + 1 && kind != 3) {
		expect_refused(op, TRAIL_EXPECTED);
		assert_int_equal(op->response.error.expected, w->last + 1);
		m->expected++;
	} else if (hits_hole(w, a)) {
		expect_refused(op, TRAIL_CONFLICT);
		m->conflict++;
	} else {
		expect_appended(m, w, op);
	}
}

/* Every record of the spine stands where the model has it, once. */
static void expect_spine(struct world *m)
{
	size_t counted = 0;
	size_t wanted = 0;
	for (uint64_t i = 0; i < batch_committed(m->c->in.batch); i++) {
		struct record r = case_record(m->c, i);
		if (r.kind != KIND_EVENT)
			continue;
		counted++;
		assert_int_equal(m->w[r.epoch - 500].index[r.seq], i);
	}
	for (size_t n = 0; n < WRITERS; n++)
		for (uint64_t seq = 1; seq <= m->w[n].last; seq++)
			wanted += m->w[n].index[seq] != 0;
	assert_int_equal(counted, wanted);
}

static void test_random_writers_are_numbered_as_in_plain_arrays(void **state)
{
	struct world *m = calloc(1, sizeof *m);
	assert_non_null(m);
	m->c = *state;
	m->seed = 41;
	for (int i = 0; i < OPERATIONS; i++) {
		say_something(m);
		if (random_below(&m->seed, 30) == 0)
			intake_case_commit(m->c);
		if (random_below(&m->seed, 400) == 0)
			intake_case_restart(m->c);
	}
	intake_case_commit(m->c);
	expect_spine(m);
	assert_true(m->fresh > 500 && m->duplicate > 200);
	assert_true(m->expected > 100 && m->conflict > 20);
	free(m);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_a_first_append_introduces_peer_and_source),
		EACH(test_an_answer_lets_the_records_be_made_again),
		EACH(test_a_late_event_is_flagged),
		EACH(test_a_number_out_of_turn_is_expected_and_stages_nothing),
		EACH(test_a_loss_must_be_declared_exactly),
		EACH(test_a_hole_is_final),
		EACH(test_the_highest_numbers_do_not_wrap),
		EACH(test_a_retry_is_answered_with_what_is_held),
		EACH(test_a_retry_that_goes_further_stores_the_rest_once),
		EACH(test_other_content_under_a_number_is_a_conflict),
		EACH(test_scattered_duplicates_are_told_run_by_run_and_bounded),
		EACH(test_an_erased_payload_leaves_a_duplicate_unchecked),
		EACH(test_epoch_0_is_numbered_here_and_may_double),
		EACH(test_a_second_connection_takes_over_by_hello),
		EACH(test_an_epoch_belongs_to_who_opened_it),
		EACH(test_a_keepalive_that_gave_out_numbers_makes_an_owner),
		EACH(test_a_keepalive_of_nothing_known_is_answered_with_nothing),
		EACH(test_a_close_must_name_the_last_and_ends_the_epoch),
		EACH(test_a_closed_import_takes_the_same_again_and_nothing_new),
		EACH(test_one_epoch_too_many_pushes_out_the_oldest_on_record),
		EACH(test_a_silent_epoch_is_listed_once),
		EACH(test_below_the_reserve_only_what_is_held_is_answered),
		EACH(test_the_number_of_sources_is_bounded),
		EACH(test_half_of_the_reserve_is_for_questions),
		EACH(test_the_number_of_peers_is_bounded),
		EACH(test_a_full_batch_asks_for_a_commit_and_loses_nothing),
		EACH(test_own_events_are_numbered_from_each_start),
		EACH(test_a_log_ahead_of_the_clock_says_so_and_goes_on),
		EACH(test_a_changed_source_name_is_found_at_start),
		EACH(test_a_damaged_chunk_breaks_off_instead_of_answering),
		EACH(test_random_writers_are_numbered_as_in_plain_arrays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
