/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the spine, on records made by hand: each test begins with a small sound log, changes
 * what it is about, and says which findings must come and no other.
 */
#include "../../proto/spine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	RECORDS_MAX = 64,
	ENTRIES_MAX = 1 << 22, /* proto/spine.h */
};

/* A log in the making, chained when it is judged. */
struct fixture {
	struct record list[RECORDS_MAX];
	struct control_facts facts[RECORDS_MAX];
	size_t count;
	size_t unchained; /* this record's prev is left as it is; 0: none */
	bool blind;       /* the judge is told no facts */
	struct findings found;
	struct spine spine;
};

static uint64_t put(struct fixture *f, struct record r, struct control_facts facts)
{
	assert_true(f->count < RECORDS_MAX);
	r.version = RECORD_VERSION;
	r.received_ns = r.received_ns != 0 ? r.received_ns : 1000 + f->count;
	facts.known = true;
	f->list[f->count] = r;
	f->facts[f->count] = facts;
	return f->count++;
}

static uint64_t put_kind(struct fixture *f, enum record_kind kind)
{
	return put(f, (struct record){ .kind = (uint8_t)kind }, (struct control_facts){ 0 });
}

static uint64_t put_start(struct fixture *f)
{
	return put(f, (struct record){ .kind = KIND_DAEMON },
		(struct control_facts){ .is_start = true });
}

static uint64_t put_event(
	struct fixture *f, uint64_t source, uint64_t peer, uint64_t epoch, uint64_t seq)
{
	struct record r = {
		.kind = KIND_EVENT, .source = source, .peer = peer, .epoch = epoch, .seq = seq
	};
	return put(f, r, (struct control_facts){ 0 });
}

/* Genesis 0, start 1, PEER 2, SOURCE 3, two events of epoch 7. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	if (!f)
		return -1;
	*state = f;
	(void)put_kind(f, KIND_DAEMON);
	(void)put_start(f);
	(void)put_kind(f, KIND_PEER);
	(void)put_kind(f, KIND_SOURCE);
	(void)put_event(f, 3, 2, 7, 1);
	(void)put_event(f, 3, 2, 7, 2);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	spine_release(&f->spine);
	free(f);
	return 0;
}

/* Judge records from `from` on. */
static void judge_rest(struct fixture *f, size_t from)
{
	for (size_t i = from; i < f->count; i++) {
		uint8_t bytes[RECORD_LEN];
		struct hash leaf;
		struct record *r = &f->list[i];
		if (i != f->unchained && i != 0)
			r->prev = f->spine.last_leaf;
		record_encode(r, bytes);
		record_leaf(bytes, &leaf);
		assert_int_equal(
			spine_take(&f->spine, r, &leaf, f->blind ? NULL : &f->facts[i]), TRAIL_OK);
	}
	spine_end(&f->spine);
}

static void judge(struct fixture *f)
{
	spine_release(&f->spine);
	memset(&f->found, 0, sizeof f->found);
	assert_int_equal(spine_init(&f->spine, &f->found), TRAIL_OK);
	judge_rest(f, 0);
}

static void expect_none(struct fixture *f)
{
	for (uint32_t i = 0; i < f->found.listed; i++)
		print_error("%s\n", f->found.list[i].what);
	assert_int_equal(f->found.listed, 0);
}

static void expect_one(struct fixture *f, enum finding_code code, uint64_t index)
{
	for (uint32_t i = 0; i < f->found.listed; i++)
		print_message("%s\n", f->found.list[i].what);
	assert_int_equal(f->found.listed, 1);
	assert_int_equal(f->found.list[0].code, code);
	assert_int_equal(f->found.list[0].index, index);
}

static void a_sound_log_has_no_findings(void **state)
{
	struct fixture *f = *state;
	(void)put_event(f, 0, 0, 1, 1);
	(void)put_event(f, 0, 0, 1, 2);
	uint64_t again = put_start(f);
	(void)put_event(f, 0, 0, again, 1);
	judge(f);
	expect_none(f);
	f->blind = true;
	judge(f);
	expect_none(f);
}

static void a_log_begins_with_a_daemon_entry_of_nobody(void **state)
{
	struct fixture *f = *state;
	f->list[0].kind = KIND_POLICY;
	judge(f);
	expect_one(f, FIND_SPINE_GENESIS, 0);
	f->list[0].kind = KIND_DAEMON;
	f->list[0].prev.b[31] = 1;
	judge(f);
	expect_one(f, FIND_SPINE_GENESIS, 0);
}

static void a_changed_record_is_told_from_a_changed_prev(void **state)
{
	struct fixture *f = *state;
	/* Record 4 names another record 3 than the one that is there. */
	f->unchained = 4;
	judge(f);
	expect_one(f, FIND_SPINE_PREV, 3);
	/* Record 4's own prev was changed, so that record 5 does not fit it either. */
	f->list[5].prev = (struct hash){ { 9 } };
	f->unchained = 5;
	judge(f);
	expect_one(f, FIND_SPINE_PREV, 4);
}

static void numbers_name_earlier_entries_alone(void **state)
{
	struct fixture *f = *state;
	f->list[4].source = f->list[5].source = 2;
	judge(f);
	assert_int_equal(f->found.listed, 2);
	assert_int_equal(f->found.list[0].code, FIND_SPINE_SOURCE);
	f->list[4].source = f->list[5].source = 3;
	f->list[4].peer = f->list[5].peer = 3;
	judge(f);
	assert_int_equal(f->found.listed, 2);
	assert_int_equal(f->found.list[0].code, FIND_SPINE_PEER);
	/* No event of a source comes from nobody. */
	f->list[4].peer = f->list[5].peer = 0;
	judge(f);
	assert_int_equal(f->found.listed, 2);
	assert_int_equal(f->found.list[1].code, FIND_SPINE_PEER);
}

static void control_entries_have_no_numbers(void **state)
{
	struct fixture *f = *state;
	f->list[3].seq = 1;
	judge(f);
	expect_one(f, FIND_SPINE_CONTROL, 3);
}

static void epoch_0_carries_its_flag(void **state)
{
	struct fixture *f = *state;
	uint64_t at = put_event(f, 3, 2, 0, 1);
	judge(f);
	expect_one(f, FIND_SPINE_EPOCH, at);
	f->list[at].flags = FLAG_UNPROTECTED;
	judge(f);
	expect_none(f);
}

static void what_is_unknown_is_unverifiable(void **state)
{
	struct fixture *f = *state;
	f->list[4].flags = 32;
	judge(f);
	expect_one(f, FIND_SPINE_UNKNOWN, 4);
	assert_int_equal(f->found.invalid, 0);
}

static void time_goes_back_in_clock_entries_alone(void **state)
{
	struct fixture *f = *state;
	uint64_t at = put(f, (struct record){ .kind = KIND_DAEMON, .received_ns = 5 },
		(struct control_facts){ .is_clock = true });
	judge(f);
	expect_none(f);
	f->facts[at].is_clock = false;
	judge(f);
	expect_one(f, FIND_SPINE_TIME, at);
	/* Without its payload a DAEMON entry may be one; an event may not. */
	f->blind = true;
	judge(f);
	expect_none(f);
	f->list[at].kind = KIND_POLICY;
	judge(f);
	expect_one(f, FIND_SPINE_TIME, at);
}

static void own_events_belong_to_the_last_start(void **state)
{
	struct fixture *f = *state;
	uint64_t at = put_event(f, 0, 0, 2, 1);
	judge(f);
	expect_one(f, FIND_SPINE_EPOCH, at);
	f->list[at].epoch = 1;
	f->list[at].seq = 2;
	judge(f);
	expect_one(f, FIND_SPINE_SEQ, at);
}

static void a_daemon_entry_may_be_a_start_where_nobody_can_tell(void **state)
{
	struct fixture *f = *state;
	f->blind = true;
	(void)put_event(f, 0, 0, 1, 1);
	uint64_t second = put_kind(f, KIND_DAEMON);
	uint64_t third = put_kind(f, KIND_DAEMON);
	(void)put_event(f, 0, 0, second, 1);
	judge(f);
	expect_none(f);
	/* So the third was no start: it stood there already. */
	uint64_t at = put_event(f, 0, 0, third, 1);
	judge(f);
	expect_one(f, FIND_SPINE_EPOCH, at);
	/* Nor is a record that is no DAEMON entry, or genesis. */
	f->list[at].epoch = 4;
	judge(f);
	expect_one(f, FIND_SPINE_EPOCH, at);
	f->list[at].epoch = 0;
	judge(f);
	expect_one(f, FIND_SPINE_EPOCH, at);
}

static void a_run_that_is_taken_up_begins_with_1(void **state)
{
	struct fixture *f = *state;
	f->blind = true;
	uint64_t at = put_event(f, 0, 0, 1, 2);
	judge(f);
	expect_one(f, FIND_SPINE_SEQ, at);
}

static void behind_missing_records_nothing_is_held_against_what_comes(void **state)
{
	struct fixture *f = *state;
	(void)put_event(f, 3, 2, 7, 9);
	(void)put_event(f, 0, 0, 1, 5);
	(void)put_event(f, 0, 0, 1, 6);
	(void)put_event(f, 4000, 4001, 8, 3);
	assert_int_equal(spine_init(&f->spine, &f->found), TRAIL_OK);
	f->unchained = 6;
	size_t all = f->count;
	f->count = 6;
	judge_rest(f, 0);
	f->count = all;
	spine_jump(&f->spine, 60);
	judge_rest(f, 6);
	expect_one(f, FIND_SPINE_MISSING, 6);
	assert_int_equal(f->spine.next, 64);
}

static void what_was_seen_is_judged_though_the_beginning_was_not(void **state)
{
	struct fixture *f = *state;
	(void)put_event(f, 40, 41, 9, 5);
	uint64_t source = put_event(f, 200, 2, 9, 6);
	uint64_t peer = put_event(f, 40, 200, 10, 1);
	static const struct hash last = { { 7 } };
	assert_int_equal(spine_init(&f->spine, &f->found), TRAIL_OK);
	spine_resume(&f->spine, 100, &last, 1);
	f->blind = true;
	judge_rest(f, 2);
	assert_int_equal(f->found.listed, 2);
	assert_int_equal(f->found.list[0].code, FIND_SPINE_SOURCE);
	assert_int_equal(f->found.list[0].index, 100 + source - 2);
	assert_int_equal(f->found.list[1].code, FIND_SPINE_PEER);
	assert_int_equal(f->found.list[1].index, 100 + peer - 2);
}

static void too_many_entries_are_said_and_not_held_against_what_comes(void **state)
{
	struct fixture *f = *state;
	struct record r = { .version = RECORD_VERSION, .kind = KIND_SOURCE };
	judge(f);
	while (f->spine.sources.count < ENTRIES_MAX)
		assert_int_equal(spine_take(&f->spine, &r, &r.prev, NULL), TRAIL_OK);
	size_t before = f->found.listed;
	uint64_t at = f->spine.next;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(spine_take(&f->spine, &r, &r.prev, NULL), TRAIL_OK);
	assert_int_equal(f->spine.sources.count, ENTRIES_MAX);
	r = (struct record){ .version = RECORD_VERSION, .kind = KIND_EVENT, .source = at };
	r.peer = 2;
	r.epoch = r.seq = 1;
	assert_int_equal(spine_take(&f->spine, &r, &r.prev, NULL), TRAIL_OK);
	assert_int_equal(f->found.listed, before + 1);
	assert_int_equal(f->found.list[before].code, FIND_SPINE_ENTRIES);
	assert_int_equal(f->found.list[before].index, at);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_sound_log_has_no_findings),
		CASE(a_log_begins_with_a_daemon_entry_of_nobody),
		CASE(a_changed_record_is_told_from_a_changed_prev),
		CASE(numbers_name_earlier_entries_alone),
		CASE(control_entries_have_no_numbers),
		CASE(epoch_0_carries_its_flag),
		CASE(what_is_unknown_is_unverifiable),
		CASE(time_goes_back_in_clock_entries_alone),
		CASE(own_events_belong_to_the_last_start),
		CASE(a_daemon_entry_may_be_a_start_where_nobody_can_tell),
		CASE(a_run_that_is_taken_up_begins_with_1),
		CASE(behind_missing_records_nothing_is_held_against_what_comes),
		CASE(what_was_seen_is_judged_though_the_beginning_was_not),
		CASE(too_many_entries_are_said_and_not_held_against_what_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
