/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicates that an honest log tells of, of other content than was sent: record, chain, path and
 * signature all fit, so that nothing but the commitment can tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/trail_receipt.h"

enum {
	RECORDS = 3, /* a genesis, a source, the event held */
	HELD = 2,
	SOURCE = 1,
};

static const char ORIGIN[] = "example.org/log";
static const uint64_t EPOCH = 77, SEQ = 10;

struct world {
	struct skey skey;
	struct trust trust;
	uint8_t records[RECORDS][RECORD_LEN];
	struct hash leaves[RECORDS];
	uint8_t salt[SALT_LEN];
	struct buf note;
	struct run run;
	struct appended answer;
};

static struct trail_batch *sending(const char *object)
{
	struct trail_event *e = trail_event_new();
	struct trail_batch *batch = trail_batch_new();
	assert_int_equal(trail_batch_begin(batch, "src", EPOCH, SEQ), TRAIL_OK);
	trail_event_clear(e); /* the id, which would be drawn anew */
	trail_event_set_time(e, 1);
	trail_event_set_action(e, TRAIL_READ);
	trail_event_set(e, TRAIL_ACTOR_ID, "u17");
	trail_event_set(e, TRAIL_OBJECT_ID, object);
	assert_int_equal(trail_batch_add(batch, e), TRAIL_OK);
	trail_event_free(e);
	return batch;
}

/* Three chained records, the last of which holds what `batch` sends. */
static void write_records(struct world *w, const struct trail_batch *batch)
{
	struct hash prev = { 0 };
	memset(w->salt, 0x41, sizeof w->salt);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct record r = { .version = RECORD_VERSION, .kind = KIND_DAEMON, .prev = prev };
		if (i == HELD) {
			r.kind = KIND_EVENT;
			r.source = SOURCE;
			r.epoch = EPOCH;
			r.seq = SEQ;
			record_commitment(w->salt, batch_event(batch, 0), &r.commitment);
		}
		record_encode(&r, w->records[i]);
		record_leaf(w->records[i], &w->leaves[i]);
		prev = w->leaves[i];
	}
}

static void sign(struct world *w)
{
	static const uint8_t seed[SIGN_SEED_LEN] = { 7 };
	struct checkpoint cp = { .size = RECORDS };
	struct log_identity id = { .genesis = w->leaves[0] };
	struct frontier f = { 0 };
	struct buf text = { 0 };
	assert_int_equal(skey_make(span_text(ORIGIN), seed, &w->skey), TRAIL_OK);
	for (unsigned i = 0; i < RECORDS; i++)
		frontier_append(&f, &w->leaves[i], NULL, NULL);
	frontier_root(&f, &cp.root);
	memcpy(cp.origin, ORIGIN, sizeof ORIGIN);
	checkpoint_put(&text, &cp);
	assert_int_equal(note_sign(buf_view(&text), &w->skey, &w->note), TRAIL_OK);
	buf_clear(&text);
	id.vkey = w->skey.vkey;
	identity_put(&text, &id);
	assert_int_equal(trust_set(&w->trust, buf_view(&text), TRAIL_TRUST_GIVEN), TRAIL_OK);
	buf_release(&text);
}

static void hold(struct world *w, const char *object)
{
	struct trail_batch *batch = sending(object);
	assert_true(crypto_init());
	*w = (struct world){ 0 };
	write_records(w, batch);
	sign(w);
	w->run = (struct run){
		.first_index = HELD,
		.count = 1,
		.first_seq = SEQ,
		.source = SOURCE,
		.duplicate = true,
		.records = span_of(w->records[HELD], RECORD_LEN),
		.salts = span_of(w->salt, SALT_LEN),
		.path.count = 1,
	};
	hash_node(&w->leaves[0], &w->leaves[1], &w->run.path.path[0]);
	w->answer = (struct appended){
		.runs = &w->run,
		.run_count = 1,
		.checkpoint = buf_view(&w->note),
	};
	trail_batch_free(batch);
}

static enum trail_err receive(struct world *w, const char *object, struct fault *fault)
{
	struct trail_receipt *receipt = NULL;
	struct trail_batch *batch = sending(object);
	enum trail_err err = receipt_make(batch, &w->answer, &w->trust, &receipt, fault);
	assert_int_equal(err == TRAIL_OK, receipt && trail_receipt_checked(receipt, 0));
	trail_receipt_free(receipt);
	trail_batch_free(batch);
	return err;
}

static void other_content_under_the_same_number_is_no_receipt(void **state)
{
	struct world w;
	struct fault fault = { 0 };
	(void)state;
	hold(&w, "/x");
	assert_int_equal(receive(&w, "/x", &fault), TRAIL_OK);
	assert_int_equal(receive(&w, "/y", &fault), TRAIL_CORRUPT);
	assert_int_equal(receive(&w, "/x", &fault), TRAIL_OK);
	/* The right content under another salt. */
	w.salt[0] ^= 1;
	assert_int_equal(receive(&w, "/x", &fault), TRAIL_CORRUPT);
	trust_release(&w.trust);
	buf_release(&w.note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_content_under_the_same_number_is_no_receipt),
	};
	return cmocka_run_group_tests_name("client_held", tests, NULL, NULL);
}
