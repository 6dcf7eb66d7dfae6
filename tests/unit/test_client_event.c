/* SPDX-License-Identifier: Apache-2.0 */
/* Events and batches of libtrail: what is set comes back, what is wrong is named, nothing crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/handle.h"
#include "../../client/trail_batch.h"
#include "../../proto/codec.h"

#include <stdlib.h>
#include <unistd.h>

static struct trail_event *good_event(void)
{
	struct trail_event *e = trail_event_new();
	assert_non_null(e);
	trail_event_set_time(e, 1);
	trail_event_set_action(e, TRAIL_READ);
	trail_event_set(e, TRAIL_ACTOR_ID, "u17");
	trail_event_set(e, TRAIL_OBJECT_ID, "o");
	return e;
}

static void every_field_survives_the_wire(void **state)
{
	static const uint8_t ID[TRAIL_ID_LEN] = { 1, 2, 3 };
	static uint8_t room[65536];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct event_value value;
	struct buf bytes = { 0 };
	struct trail_event *e = good_event(), *back = trail_event_new();
	size_t len;
	(void)state;
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		trail_event_set(e, (enum trail_field)f, trail_field_name((enum trail_field)f));
	trail_event_set_id(e, ID);
	trail_event_set_outcome(e, TRAIL_FAILURE);
	trail_event_set_medium(e, TRAIL_ORAL);
	trail_event_set_actor_type(e, TRAIL_ACTOR_SERVICE);
	trail_event_add_change(e, "f", "1", "2");
	trail_event_add_change(e, "g", NULL, "2");
	trail_event_add_attribute(e, "k", "v");
	trail_event_set_raw(e, "\0\xff", 2);
	assert_int_equal(event_put(e, &bytes), TRAIL_OK);
	assert_int_equal(event_decode(buf_view(&bytes), &arena, &value), TRAIL_OK);
	event_fill(back, &value);
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		assert_string_equal(trail_event_get(back, (enum trail_field)f),
			trail_field_name((enum trail_field)f));
	assert_memory_equal(trail_event_id(back), ID, sizeof ID);
	assert_int_equal(trail_event_outcome(back), TRAIL_FAILURE);
	assert_int_equal(trail_event_medium(back), TRAIL_ORAL);
	assert_int_equal(trail_event_actor_type(back), TRAIL_ACTOR_SERVICE);
	assert_int_equal(trail_event_change_count(back), 2);
	assert_string_equal(trail_event_change_new(back, 0), "2");
	assert_null(trail_event_change_old(back, 1));
	assert_string_equal(trail_event_attribute_value(back, 0), "v");
	assert_memory_equal(trail_event_raw(back, &len), "\0\xff", 2);
	assert_int_equal(len, 2);
	trail_event_free(e);
	trail_event_free(back);
	buf_release(&bytes);
}

static void drop_actor(struct trail_event *e)
{
	trail_event_set(e, TRAIL_ACTOR_ID, NULL);
}

static void drop_object(struct trail_event *e)
{
	trail_event_set(e, TRAIL_OBJECT_ID, "");
}

static void drop_time(struct trail_event *e)
{
	trail_event_set_time(e, 0);
}

static void bad_utf8(struct trail_event *e)
{
	trail_event_set(e, TRAIL_REASON, "\xff");
}

static void bad_action(struct trail_event *e)
{
	trail_event_set_action(e, (enum trail_action)9);
}

static void bad_bidi(struct trail_event *e)
{
	trail_event_set(e, TRAIL_SUBJECT, "a\xe2\x80\xae");
}

static void too_many(struct trail_event *e)
{
	for (int i = 0; i < 65; i++)
		trail_event_add_attribute(e, "k", "v");
}

static void too_long(struct trail_event *e)
{
	static const uint8_t RAW[EVENT_RAW_MAX + 1];
	trail_event_set_raw(e, RAW, sizeof RAW);
}

static void unknown_field(struct trail_event *e)
{
	trail_event_set(e, (enum trail_field)TRAIL_FIELD_COUNT, "x");
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		void (*spoil)(struct trail_event *e);
		const char *field;
	} CASES[] = {
		{ drop_actor, "actor.id" },
		{ drop_object, "object.id" },
		{ drop_time, "time_ns" },
		{ bad_utf8, "reason" },
		{ bad_action, "action" },
		{ bad_bidi, "subject" },
		{ too_many, "attributes" },
		{ too_long, "raw" },
		{ unknown_field, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct trail_event *e = good_event();
		assert_int_equal(trail_event_check(e), TRAIL_OK);
		CASES[i].spoil(e);
		assert_int_equal(trail_event_check(e), TRAIL_INVALID);
		if (strncmp(trail_event_fault_field(e), CASES[i].field, strlen(CASES[i].field)) !=
			0)
			fail_msg("case %zu names \"%s\"", i, trail_event_fault_field(e));
		assert_true(trail_event_fault_why(e)[0] != '\0');
		trail_event_clear(e);
		assert_null(trail_event_get(e, TRAIL_ACTOR_ID));
		trail_event_free(e);
	}
}

static void a_refused_event_leaves_the_batch_as_it_was(void **state)
{
	struct trail_batch *b = trail_batch_new();
	struct trail_event *e = good_event();
	(void)state;
	assert_int_equal(trail_batch_begin(b, "s", 1, 1), TRAIL_OK);
	assert_int_equal(trail_batch_add(b, e), TRAIL_OK);
	size_t bytes = trail_batch_bytes(b);
	trail_event_set(e, TRAIL_OBJECT_ID, "");
	assert_int_equal(trail_batch_add(b, e), TRAIL_INVALID);
	assert_int_equal(trail_batch_bytes(b), bytes);
	assert_int_equal(trail_batch_count(b), 1);
	trail_batch_free(b);
	trail_event_free(e);
}

static void a_full_batch_says_so_without_a_fault(void **state)
{
	struct trail_batch *b = trail_batch_new();
	struct trail_event *e = good_event();
	(void)state;
	assert_int_equal(trail_batch_begin(b, "s", 1, 1), TRAIL_OK);
	for (int i = 0; i < TRAIL_BATCH_MAX; i++)
		assert_int_equal(trail_batch_add(b, e), TRAIL_OK);
	assert_int_equal(trail_batch_add(b, e), TRAIL_TOO_BIG);
	assert_string_equal(trail_event_fault_why(e), "");
	trail_batch_free(b);
	trail_event_free(e);
}

static void a_batch_begins_only_where_it_can(void **state)
{
	static const struct {
		const char *source;
		uint64_t epoch, seq;
		int answer;
	} CASES[] = {
		{ "s", 0, 0, TRAIL_OK },
		{ "s", 5, 1, TRAIL_OK },
		{ "s", 0, 1, TRAIL_INVALID },
		{ "s", 5, 0, TRAIL_INVALID },
		{ "", 5, 1, TRAIL_INVALID },
		{ "S", 5, 1, TRAIL_INVALID },
		{ "traild", 5, 1, TRAIL_INVALID },
		{ NULL, 5, 1, TRAIL_INVALID },
	};
	struct trail_batch *b = trail_batch_new();
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		assert_int_equal(
			trail_batch_begin(b, CASES[i].source, CASES[i].epoch, CASES[i].seq),
			CASES[i].answer);
	trail_batch_free(b);
}

static void misuse_is_an_error_and_no_crash(void **state)
{
	uint64_t last;
	struct trail *t = trail_new();
	(void)state;
	assert_int_equal(trail_append(NULL, "s", NULL, NULL), TRAIL_MISUSE);
	assert_int_equal(trail_append(t, "s", NULL, NULL), TRAIL_MISUSE);
	assert_int_equal(trail_claim(t, "s", 1, &last), TRAIL_MISUSE);
	assert_int_equal(trail_process(t, 0), TRAIL_MISUSE);
	assert_int_equal(trail_flush(NULL, 0), TRAIL_MISUSE);
	assert_int_equal(trail_event_check(NULL), TRAIL_MISUSE);
	assert_true(trail_error(t)[0] != '\0');
	assert_int_equal(trail_open(t, "tls:host:1"), TRAIL_UNSUPPORTED);
	assert_int_equal(trail_open(t, "unix:/nowhere/at/all"), TRAIL_UNAVAILABLE);
	assert_int_equal(trail_set_timeout(t, 0), TRAIL_INVALID);
	assert_int_equal(trail_set_identity(t, "x", 1), TRAIL_INVALID);
	trail_event_set(NULL, TRAIL_VERB, "x");
	assert_int_equal(trail_receipt_count(NULL), 0);
	trail_free(NULL);
	trail_close(t);
	assert_int_equal(trail_settle(t), TRAIL_MISUSE);
	t->pid = getpid() + 1; /* as after fork */
	assert_int_equal(trail_open(t, "unix:/nowhere"), TRAIL_MISUSE);
	trail_free(t);
}

static void words_go_both_ways(void **state)
{
	(void)state;
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		assert_int_equal(trail_field_find(trail_field_name((enum trail_field)f)), f);
	for (int list = 0; list <= TRAIL_WORD_KIND; list++)
		for (int n = 0; n < 16; n++) {
			const char *word = trail_word_name((enum trail_word)list, n);
			if (word)
				assert_int_equal(trail_word_find((enum trail_word)list, word), n);
		}
	assert_int_equal(trail_word_find(TRAIL_WORD_ACTION, "rEaD"), TRAIL_READ);
	assert_int_equal(trail_word_find(TRAIL_WORD_ACTION, "REA"), -1);
	assert_int_equal(trail_word_find(TRAIL_WORD_ACTION, "READS"), -1);
	assert_int_equal(trail_field_find("actor.type"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives_the_wire),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_refused_event_leaves_the_batch_as_it_was),
		cmocka_unit_test(a_full_batch_says_so_without_a_fault),
		cmocka_unit_test(a_batch_begins_only_where_it_can),
		cmocka_unit_test(misuse_is_an_error_and_no_crash),
		cmocka_unit_test(words_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
