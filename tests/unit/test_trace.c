/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/trace.h"

#include "../../proto/query_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	TIME_NS = 1760000000,
	ARENA = 16 * 1024,
};

/* What the service makes of a request, in an arena of its own. */
static struct op op_of(struct request request, struct arena *arena)
{
	struct op op = {
		.peer = { .type = PEER_UNIX_USER, .name = "1001" },
		.request = request,
	};
	struct query_fault fault;
	arena_reset(arena);
	if (request.kind == REQUEST_SEARCH)
		(void)query_parse(request.question.text, arena, &op.query, &fault);
	else if (request.kind == REQUEST_HISTORY)
		op.query = query_of_object(
			request.question.text, arena_take(arena, sizeof(struct query_term)));
	return op;
}

static struct arena some_arena(void)
{
	struct arena arena = { .data = malloc(ARENA), .cap = ARENA };
	assert_non_null(arena.data);
	return arena;
}

#define Q(text) (const uint8_t *)(text)

/* Each asks something else than every other. */
static const struct request DIFFERENT[] = {
	{ .kind = REQUEST_GET, .question = { .index = 5 } },
	{ .kind = REQUEST_GET, .question = { .index = 6 } },
	{ .kind = REQUEST_GET, .question = { .index = 5, .count = 2 } },
	{ .kind = REQUEST_GET, .question = { .index = 5, .count = UINT64_C(1) << 63 } },
	{ .kind = REQUEST_GET, .question = { .index = 5, .count = (UINT64_C(1) << 63) + 2 } },
	{ .kind = REQUEST_SEARCH, .question = { .text = { Q("actor:a"), 7 } } },
	{ .kind = REQUEST_SEARCH, .question = { .text = { Q("actor:b"), 7 } } },
	{ .kind = REQUEST_SEARCH, .question = { .text = { Q("subject:a"), 9 } } },
	{ .kind = REQUEST_SEARCH, .question = { .text = { Q(""), 0 } } },
	{ .kind = REQUEST_SEARCH, .question = { .paging.since_ns = 1 } },
	{ .kind = REQUEST_SEARCH, .question = { .paging.since_ns = -1 } },
	{ .kind = REQUEST_SEARCH, .question = { .paging.until_ns = 1 } },
	{ .kind = REQUEST_SEARCH, .question = { .paging.follow_ms = 1 } },
	{ .kind = REQUEST_HISTORY, .question = { .text = { Q("actor:a"), 7 } } },
	{ .kind = REQUEST_HISTORY, .question = { .text = { Q("/o/1"), 4 } } },
};
enum {
	DIFFERENT_COUNT = sizeof DIFFERENT / sizeof DIFFERENT[0]
};

static void test_every_difference_is_told(void **state)
{
	struct arena arena = some_arena(), other = some_arena();
	struct buf trace = { 0 };
	(void)state;
	for (size_t i = 0; i < DIFFERENT_COUNT; i++) {
		struct op op = op_of(DIFFERENT[i], &arena);
		buf_clear(&trace);
		trace_encode(&op, TIME_NS, &trace);
		for (size_t k = 0; k < DIFFERENT_COUNT; k++) {
			struct op asked = op_of(DIFFERENT[k], &other);
			assert_int_equal(trace_tells(&asked, buf_view(&trace)), i == k);
		}
	}
	buf_release(&trace);
	free(arena.data);
	free(other.data);
}

/* Where and how its pages come is no other question. */
static void test_pages_of_one_question_have_one_trace(void **state)
{
	struct arena arena = some_arena();
	struct request request = DIFFERENT[5];
	struct buf trace = { 0 };
	(void)state;
	struct op op = op_of(request, &arena);
	trace_encode(&op, TIME_NS, &trace);
	op.request.question.paging.next = span_text("somewhere");
	op.request.question.paging.limit = 3;
	op.request.question.paging.size = 9;
	op.request.question.paging.count = true;
	assert_true(trace_tells(&op, buf_view(&trace)));
	buf_release(&trace);
	free(arena.data);
}

static void test_only_who_asked_asked(void **state)
{
	struct arena arena = some_arena();
	struct buf trace = { 0 };
	(void)state;
	struct op op = op_of(DIFFERENT[5], &arena);
	trace_encode(&op, TIME_NS, &trace);
	struct op other = op;
	(void)strcpy(other.peer.name, "1002");
	assert_false(trace_tells(&other, buf_view(&trace)));
	other = op;
	other.peer.type = PEER_CERTIFICATE;
	assert_false(trace_tells(&other, buf_view(&trace)));
	assert_true(trace_tells(&op, buf_view(&trace)));
	buf_release(&trace);
	free(arena.data);
}

static void test_no_turned_bit_is_the_trace(void **state)
{
	struct arena arena = some_arena();
	struct buf trace = { 0 };
	(void)state;
	struct op op = op_of(DIFFERENT[9], &arena);
	trace_encode(&op, TIME_NS, &trace);
	struct event_facts facts;
	struct event_fault fault;
	for (size_t bit = 0; bit < trace.len * 8; bit++) {
		trace.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		/* At another time it may well have been asked; that is for the record to say. */
		bool other_time = event_walk(buf_view(&trace), &facts, &fault) == TRAIL_OK &&
			facts.time_ns != TIME_NS;
		if (!other_time)
			assert_false(trace_tells(&op, buf_view(&trace)));
		trace.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_true(trace_tells(&op, buf_view(&trace)));
	assert_false(trace_tells(&op, span_of(NULL, 0)));
	buf_release(&trace);
	free(arena.data);
}

/* Whatever the codec lets through: UTF-8 without NUL, up to QUERY_MAX bytes. */
static void test_a_trace_is_always_an_event(void **state)
{
	static const char *const HOSTILE[] = { "a", "\x01", "\x7f", "\n", "\xc2\x85",
		"\xe2\x80\xae", "\xe2\x81\xa6", "\"", "\\", "\xf0\x9f\x98\x80" };
	static char text[QUERY_MAX + 8];
	struct arena arena = some_arena();
	struct buf trace = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof HOSTILE / sizeof HOSTILE[0]; i++) {
		for (unsigned subject = 0; subject < 2; subject++) {
			struct event_facts facts;
			struct event_fault fault;
			size_t len = (size_t)sprintf(text, "%s", subject ? "subject:\"" : "");
			while (len + strlen(HOSTILE[i]) + 1 <= QUERY_MAX)
				len += (size_t)sprintf(text + len, "%s", HOSTILE[i]);
			if (subject)
				text[len++] = '"';
			struct request request = { .kind = REQUEST_SEARCH };
			request.question.text = span_of(text, len);
			request.question.paging.since_ns = INT64_MIN;
			request.question.paging.until_ns = INT64_MAX;
			request.question.paging.follow_ms = 1;
			struct op op = op_of(request, &arena);
			buf_clear(&trace);
			trace_encode(&op, TIME_NS, &trace);
			assert_int_equal(event_walk(buf_view(&trace), &facts, &fault), TRAIL_OK);
			assert_true(trace_tells(&op, buf_view(&trace)));
		}
	}
	buf_release(&trace);
	free(arena.data);
}

static void test_subject_is_told_where_an_event_can_have_it(void **state)
{
	static char long_id[8 + EVENT_ID_MAX + 2] = "subject:";
	static const struct {
		const char *query, *subject;
	} CASES[] = {
		{ "subject:anna", "anna" },
		{ "subject:\"anna \\\"b\\\"\" actor:x", "anna \"b\"" },
		{ "actor:anna", "" },
		{ "subject:anna -subject:bo -actor:anna", "anna" },
		{ "-subject:anna", "" },
		{ "subject:anna subject:bo", "" },
		{ "subject:anna subject:b*", "" },
		{ "subject:ann*", "" },
		{ "subject:anna..anna", "" },
		{ "subject:\"\"", "" },
		{ "subject:\"\x01\"", "" },
		{ "subject:\"a\xe2\x80\xae\"", "" },
		{ long_id, "" },
	};
	struct arena arena = some_arena();
	(void)state;
	memset(long_id + 8, 'x', EVENT_ID_MAX + 1);
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct request request = { .kind = REQUEST_SEARCH };
		request.question.text = span_text(CASES[i].query);
		struct op op = op_of(request, &arena);
		assert_true(span_equal(trace_subject(&op), span_text(CASES[i].subject)));
	}
	free(arena.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_difference_is_told),
		cmocka_unit_test(test_pages_of_one_question_have_one_trace),
		cmocka_unit_test(test_only_who_asked_asked),
		cmocka_unit_test(test_no_turned_bit_is_the_trace),
		cmocka_unit_test(test_a_trace_is_always_an_event),
		cmocka_unit_test(test_subject_is_told_where_an_event_can_have_it),
	};
	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
