/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)

static struct refusals *r;

static int setup(void **state)
{
	(void)state;
	r = refusals_new();
	return r ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	refusals_free(r);
	return 0;
}

static struct peer uid(unsigned number)
{
	struct peer peer = { .type = PEER_UNIX_USER };
	(void)snprintf(peer.name, sizeof peer.name, "%u", number);
	return peer;
}

/* How many of `count` refusals are told by themselves. */
static unsigned refuse(unsigned number, uint64_t now_ns, unsigned count)
{
	struct peer peer = uid(number);
	unsigned told = 0;
	for (unsigned i = 0; i < count; i++)
		told += refusals_admit(r, now_ns, &peer);
	return told;
}

static void test_ten_a_minute_one_by_one_the_rest_as_one(void **state)
{
	char actor[PEER_ACTOR_MAX];
	(void)state;
	assert_int_equal(refuse(1001, 5 * SECOND, 10), 10);
	assert_int_equal(refuse(1001, 6 * SECOND, 57), 0);
	assert_int_equal(refusals_due(r, 5 * SECOND + MINUTE - 1, actor), 0);
	assert_int_equal(refusals_due(r, 5 * SECOND + MINUTE, actor), 57);
	assert_string_equal(actor, "uid:1001");
	assert_int_equal(refusals_due(r, 5 * SECOND + MINUTE, actor), 0);
	assert_int_equal(refusals_total(r), 67);
}

static void test_a_new_minute_begins_anew(void **state)
{
	char actor[PEER_ACTOR_MAX];
	(void)state;
	assert_int_equal(refuse(1001, 0, 9), 9);
	assert_int_equal(refuse(1001, MINUTE, 11), 10);
	assert_int_equal(refusals_due(r, MINUTE + 1, actor), 0);
	assert_int_equal(refusals_due(r, 2 * MINUTE, actor), 1);
	assert_int_equal(refuse(1001, 2 * MINUTE, 1), 1);
}

static void test_a_sum_that_is_not_told_yet_is_not_lost(void **state)
{
	char actor[PEER_ACTOR_MAX];
	(void)state;
	(void)refuse(1001, 0, 12);
	/* Late, before anybody asked for the sum. */
	assert_int_equal(refuse(1001, 3 * MINUTE, 5), 0);
	assert_int_equal(refusals_due(r, 3 * MINUTE, actor), 7);
}

static void test_peers_do_not_share_their_ten(void **state)
{
	char actor[PEER_ACTOR_MAX];
	(void)state;
	assert_int_equal(refuse(1001, 0, 100), 10);
	assert_int_equal(refuse(1002, 0, 10), 10);
	assert_int_equal(refusals_due(r, MINUTE, actor), 90);
	assert_string_equal(actor, "uid:1001");
	assert_int_equal(refusals_due(r, MINUTE, actor), 0);
}

static void test_any_number_of_peers_is_bounded(void **state)
{
	unsigned told = 0;
	uint64_t sum = 0;
	uint64_t count;
	bool others = false;
	char actor[PEER_ACTOR_MAX];
	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 10000; i++)
			told += refuse(i, round, 20);
	assert_int_equal(told, (REFUSAL_PEERS + 1) * REFUSAL_SINGLES);
	while ((count = refusals_due(r, 2 * MINUTE, actor))) {
		sum += count;
		others = others || strcmp(actor, "others") == 0;
	}
	assert_true(others);
	assert_int_equal(sum + told, 2 * 10000 * 20);
	/* And then there is room again. */
	assert_int_equal(refuse(77777, 2 * MINUTE, 20), 10);
}

static void test_the_event_is_one_that_the_log_takes(void **state)
{
	static const uint64_t counts[] = { 0, 57 };
	char reason[2000];
	(void)state;
	memset(reason, 'r', sizeof reason);
	for (size_t i = 0; i < 2; i++) {
		struct refusal refusal = {
			.actor = span_text("uid:1001"),
			.object = span_text("append:lifecare"),
			.reason = span_of(reason, sizeof reason),
			.count = counts[i],
		};
		struct buf out = { 0 };
		struct event_facts facts;
		struct event_fault fault;
		refusal_encode(&refusal, 1700000000, &out);
		assert_false(out.failed);
		assert_true(out.len <= REFUSAL_EVENT_MAX);
		assert_int_equal(event_walk(buf_view(&out), &facts, &fault), TRAIL_OK);
		assert_int_equal(facts.time_ns, 1700000000);
		assert_int_equal(facts.action, ACTION_EXECUTE);
		assert_int_equal(facts.outcome, 1);
		assert_true(span_equal(facts.actor_id, refusal.actor));
		assert_true(span_equal(facts.object_id, refusal.object));
		assert_int_equal(memmem(out.data, out.len,
					 "\x0a\x05"
					 "count\x12\x02"
					 "57",
					 11) != NULL,
			counts[i] == 57);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_ten_a_minute_one_by_one_the_rest_as_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_new_minute_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_sum_that_is_not_told_yet_is_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peers_do_not_share_their_ten, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_any_number_of_peers_is_bounded, setup, teardown),
		cmocka_unit_test(test_the_event_is_one_that_the_log_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
