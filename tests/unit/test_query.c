/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of queries: what each says, where each that is refused is at fault, and matching. */
#include "../../proto/query.h"

#include "../support/guard.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

enum {
	ACTOR = 1 << QUERY_ACTOR,
	OBJECT = 1 << QUERY_OBJECT,
	SUBJECT = 1 << QUERY_SUBJECT,
	ACTION = 1 << QUERY_ACTION,
	OUTCOME = 1 << QUERY_OUTCOME,
	SOURCE = 1 << QUERY_SOURCE,
	INDEX = 1 << QUERY_INDEX,
};

/* A parsed query, and the memory that it views: just as much as the header says is enough. */
struct parsed {
	struct span text;
	struct arena arena;
	struct query query;
	struct query_fault fault;
	enum trail_err err;
};

static struct parsed parse(struct span text)
{
	struct parsed p = { .text = guard_copy(text), .arena.cap = text.len + QUERY_ALIGN };
	p.arena.data = malloc(p.arena.cap);
	assert_non_null(p.arena.data);
	p.err = query_parse(p.text, &p.arena, &p.query, &p.fault);
	return p;
}

static void parsed_free(struct parsed *p)
{
	guard_free(p->text);
	free(p->arena.data);
}

/* ---- what is a query ---- */

static const struct {
	const char *text;
	uint32_t asked;
	const char *actor, *object, *subject, *source; /* NULL: empty */
	uint32_t action, outcome;
	uint64_t index;
} queries[] = {
	{ .text = "" },
	{ .text = " \t\r\n " },
	{ .text = "actor:anna", .asked = ACTOR, .actor = "anna" },
	{ .text = "  actor:anna\t", .asked = ACTOR, .actor = "anna" },
	{ .text = "actor:\"\"", .asked = ACTOR },
	{ .text = "actor:\"Anna B\"", .asked = ACTOR, .actor = "Anna B" },
	{ .text = "actor:\"a\\\"b\\\\c\"", .asked = ACTOR, .actor = "a\"b\\c" },
	{ .text = "actor:a\\b", .asked = ACTOR, .actor = "a\\b" },
	{ .text = "actor:a:b", .asked = ACTOR, .actor = "a:b" },
	{ .text = "actor::", .asked = ACTOR, .actor = ":" },
	{ .text = "actor:-x", .asked = ACTOR, .actor = "-x" },
	{ .text = "actor:*x", .asked = ACTOR, .actor = "*x" },
	{ .text = "actor:a.b", .asked = ACTOR, .actor = "a.b" },
	{ .text = "actor:\"x*\"", .asked = ACTOR, .actor = "x*" },
	{ .text = "actor:\"1..2\"", .asked = ACTOR, .actor = "1..2" },
	{ .text = "actor:\"-x\"", .asked = ACTOR, .actor = "-x" },
	{ .text = "actor:\xc3\xa4", .asked = ACTOR, .actor = "\xc3\xa4" },
	{ .text = "object:/journal/4711", .asked = OBJECT, .object = "/journal/4711" },
	{ .text = "subject:p-93", .asked = SUBJECT, .subject = "p-93" },
	{ .text = "action:create", .asked = ACTION, .action = ACTION_CREATE },
	{ .text = "action:READ", .asked = ACTION, .action = ACTION_READ },
	{ .text = "action:Modify", .asked = ACTION, .action = ACTION_MODIFY },
	{ .text = "action:\"delete\"", .asked = ACTION, .action = ACTION_DELETE },
	{ .text = "action:eXecute", .asked = ACTION, .action = ACTION_EXECUTE },
	{ .text = "outcome:success", .asked = OUTCOME, .outcome = 0 },
	{ .text = "outcome:denied", .asked = OUTCOME, .outcome = 1 },
	{ .text = "outcome:FAILURE", .asked = OUTCOME, .outcome = 2 },
	{ .text = "outcome:unknown", .asked = OUTCOME, .outcome = 3 },
	{ .text = "source:journal", .asked = SOURCE, .source = "journal" },
	{ .text = "source:traild", .asked = SOURCE },
	{ .text = "source:\"a.b_c-d\"", .asked = SOURCE, .source = "a.b_c-d" },
	{ .text = "index:0", .asked = INDEX },
	{ .text = "index:007", .asked = INDEX, .index = 7 },
	{ .text = "index:18446744073709551615", .asked = INDEX, .index = UINT64_MAX },
	{ .text = "index:\"12\"", .asked = INDEX, .index = 12 },
	{ .text = "actor:anna action:read\nindex:5",
		.asked = ACTOR | ACTION | INDEX,
		.actor = "anna",
		.action = ACTION_READ,
		.index = 5 },
	{ .text = "subject:s object:\"o o\" source:x outcome:denied",
		.asked = SUBJECT | OBJECT | SOURCE | OUTCOME,
		.subject = "s",
		.object = "o o",
		.source = "x",
		.outcome = 1 },
};

static bool is(struct span got, const char *want)
{
	return span_equal(got, span_text(want ? want : ""));
}

static void test_queries_say_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct parsed p = parse(span_text(queries[i].text));
		const struct query *q = &p.query;
		if (p.err != TRAIL_OK)
			fail_msg("%s: %s", queries[i].text, p.fault.why);
		bool ids = is(q->actor, queries[i].actor) && is(q->object, queries[i].object) &&
			is(q->subject, queries[i].subject) && is(q->source, queries[i].source);
		bool rest = q->asked == queries[i].asked && q->action == queries[i].action &&
			q->outcome == queries[i].outcome && q->index == queries[i].index;
		if (!ids || !rest)
			fail_msg("\"%s\" was read as something else", queries[i].text);
		parsed_free(&p);
	}
}

/* ---- what is none ---- */

#define BAD TRAIL_INVALID
#define YET TRAIL_UNSUPPORTED

static const struct {
	const char *text;
	enum trail_err err;
	size_t at, len;
	const char *why; /* a part of the clause */
} faults[] = {
	/* no term */
	{ "anna", BAD, 0, 4, "field:value" },
	{ "actor:a  anna", BAD, 9, 4, "field:value" },
	{ "Actor:anna", BAD, 0, 10, "field:value" },
	{ ":anna", BAD, 0, 5, "field:value" },
	{ "-", BAD, 0, 1, "field:value" },
	{ "-:x", BAD, 0, 3, "field:value" },
	{ "\"actor\":x", BAD, 0, 9, "field:value" },
	{ "actor=anna", BAD, 0, 10, "field:value" },
	{ "\xff", BAD, 0, 1, "field:value" },
	/* no field */
	{ "actr:anna", BAD, 0, 4, "there is no field \"actr\"; did you mean actor?" },
	{ "actor:a  sorce:x", BAD, 9, 5, "did you mean source?" },
	{ "-actr:anna", BAD, 1, 4, "did you mean actor?" },
	{ "zzzzzzzz:x", BAD, 0, 8, "fields are actor" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:x", BAD, 0, 40, "fields are actor" },
	/* no value */
	{ "actor:", BAD, 0, 6, "a value is missing behind \"actor:\"" },
	{ "actor: x", BAD, 0, 6, "a value is missing" },
	{ "index:1 object:", BAD, 8, 7, "a value is missing behind \"object:\"" },
	/* quotes */
	{ "actor:\"a", BAD, 6, 1, "do not end" },
	{ "actor:\"a\\\"", BAD, 6, 1, "do not end" },
	{ "actor:\"a\\", BAD, 6, 1, "do not end" },
	{ "actor:\"", BAD, 6, 1, "do not end" },
	{ "actor:\"a\"b", BAD, 9, 1, "a space belongs" },
	{ "actor:\"a\"\"b\"", BAD, 9, 1, "a space belongs" },
	{ "actor:a\"b\"", BAD, 7, 1, "around a whole value" },
	{ "actor:\"a\\n\"", BAD, 8, 2, "a backslash stands before" },
	{ "actor:a object:\"\\\\\\x\"", BAD, 18, 2, "a backslash stands before" },
	/* values of a kind */
	{ "action:look", BAD, 7, 4, "action is one of create, read, modify, delete, execute" },
	{ "action:\"\"", BAD, 8, 0, "action is one of" },
	{ "action:readx", BAD, 7, 5, "action is one of" },
	{ "outcome:ok", BAD, 8, 2, "outcome is one of success, denied, failure, unknown" },
	{ "index:1x", BAD, 6, 2, "an index is a number" },
	{ "index:-1", BAD, 6, 2, "an index is a number" },
	{ "index:\"\"", BAD, 7, 0, "an index is a number" },
	{ "index:18446744073709551616", BAD, 6, 20, "an index is a number" },
	{ "index:99999999999999999999", BAD, 6, 20, "an index is a number" },
	{ "source:UPPER", BAD, 7, 5, "a-z 0-9" },
	{ "source:\"a b\"", BAD, 8, 3, "a-z 0-9" },
	{ "source:\"\"", BAD, 8, 0, "a-z 0-9" },
	/* known, and not answered yet */
	{ "-actor:a", YET, 0, 8, "NOT" },
	{ "actor:a*", YET, 0, 8, "a prefix" },
	{ "actor:*", YET, 0, 7, "a prefix" },
	{ "actor:..", YET, 0, 8, "a range" },
	{ "index:1..5", YET, 0, 10, "a range" },
	{ "actor:a actor:b", YET, 8, 7, "OR" },
	{ "actor:a actor:a", YET, 8, 7, "OR" },
	{ "unit:hr", YET, 0, 4, "the field unit" },
	{ "-unit:hr", YET, 1, 4, "the field unit" },
	{ "actor:x peer:1", YET, 8, 4, "the field peer" },
	{ "type:a", YET, 0, 4, "the field type" },
	{ "verb:a", YET, 0, 4, "the field verb" },
	{ "class:1", YET, 0, 5, "the field class" },
	{ "purpose:a", YET, 0, 7, "the field purpose" },
	{ "correlation:a", YET, 0, 11, "the field correlation" },
	{ "id:a", YET, 0, 2, "the field id" },
	{ "medium:paper", YET, 0, 6, "the field medium" },
	{ "host:a", YET, 0, 4, "the field host" },
};

static void test_faults_are_told_at_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct parsed p = parse(span_text(faults[i].text));
		const struct query_fault *f = &p.fault;
		if (p.err != faults[i].err || f->at != faults[i].at || f->len != faults[i].len ||
			!strstr(f->why, faults[i].why))
			fail_msg("%s: %d at %zu, %zu long: %s", faults[i].text, (int)p.err, f->at,
				f->len, f->why);
		parsed_free(&p);
	}
}

static void test_a_fault_is_told_of_the_first_term_that_has_one(void **state)
{
	(void)state;
	struct parsed p = parse(span_text("actor:a unit:hr actr:x"));
	assert_int_equal(p.err, TRAIL_UNSUPPORTED);
	assert_int_equal(p.fault.at, 8);
	parsed_free(&p);
}

static void test_unescaping_takes_no_more_than_it_was_given(void **state)
{
	(void)state;
	static const char text[] = "actor:\"a\\\\b\"";
	struct query query;
	struct query_fault fault;
	struct arena none = { 0 };
	assert_int_equal(query_parse(span_text(text), &none, &query, &fault), TRAIL_TOO_BIG);
	assert_int_equal(query_parse(span_text("actor:\"ab\""), &none, &query, &fault), TRAIL_OK);
}

/* Escapes in each field that may have some, and in one that may not. */
static void test_the_memory_that_is_promised_is_enough(void **state)
{
	static const char text[] = "actor:\"\\\\\" object:\"\\\\\" subject:\"\\\\\" index:\"\\\\\"";
	(void)state;
	struct parsed p = parse(span_text(text));
	assert_int_equal(p.err, TRAIL_INVALID);
	parsed_free(&p);
	p = parse(span_of(text, sizeof text - sizeof " index:\"\\\\\""));
	assert_int_equal(p.err, TRAIL_OK);
	assert_true(is(p.query.actor, "\\") && is(p.query.object, "\\"));
	assert_true(is(p.query.subject, "\\"));
	parsed_free(&p);
}

/* Bytes that are likely to mean something, in any order. */
static void test_hostile_bytes_are_bounded(void **state)
{
	static const char *const PIECES[] = { "actor:", "index:", "-", "\"", "\\", " ", "..", "*",
		"a", "action:", "read", "\xff", ":", "object:\"", "9", "\n" };
	uint64_t random = 7;
	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		char text[128] = "";
		size_t len = 0;
		size_t pieces = (size_t)(random_next(&random) % 12);
		for (size_t i = 0; i < pieces; i++) {
			const char *piece = PIECES[random_next(&random) % COUNT(PIECES)];
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		struct parsed p = parse(span_of(text, len));
		if (p.err != TRAIL_OK) {
			assert_true(p.err == TRAIL_INVALID || p.err == TRAIL_UNSUPPORTED);
			assert_true(p.fault.at <= len && p.fault.len <= len - p.fault.at);
			assert_true(p.fault.why[0] != '\0');
		}
		parsed_free(&p);
	}
}

/* ---- matching ---- */

static struct event_facts facts(void)
{
	return (struct event_facts){
		.action = ACTION_READ,
		.outcome = 1,
		.actor_id = span_text("anna"),
		.object_id = span_text("/a b"),
		.subject = span_text("p-1"),
	};
}

static const struct {
	const char *text;
	bool matches;
} matches[] = {
	{ "", true },
	{ "actor:anna", true },
	{ "actor:Anna", false },
	{ "actor:ann", false },
	{ "actor:annab", false },
	{ "actor:\"\"", false },
	{ "object:\"/a b\"", true },
	{ "object:/a", false },
	{ "subject:p-1", true },
	{ "subject:p-2", false },
	{ "action:read", true },
	{ "action:create", false },
	{ "outcome:denied", true },
	{ "outcome:success", false },
	{ "index:9", true },
	{ "index:8", false },
	{ "source:whatever", true }, /* who has the names decides */
	{ "source:traild", true },
	{ "actor:anna subject:p-1 action:read outcome:denied index:9 object:\"/a b\"", true },
	{ "actor:anna subject:p-2 action:read", false },
	{ "actor:bo action:read", false },
};

static void test_all_terms_must_be_met(void **state)
{
	(void)state;
	const struct event_facts event = facts();
	for (size_t i = 0; i < COUNT(matches); i++) {
		struct parsed p = parse(span_text(matches[i].text));
		assert_int_equal(p.err, TRAIL_OK);
		if (query_matches(&p.query, 9, &event) != matches[i].matches)
			fail_msg("%s", matches[i].text);
		parsed_free(&p);
	}
}

static void test_an_object_is_taken_as_it_is(void **state)
{
	(void)state;
	struct event_facts event = facts();
	static const char odd[] = "-\"x\" *..\\";
	event.object_id = span_text(odd);
	const struct query query = query_of_object(span_text(odd));
	assert_int_equal(query.asked, OBJECT);
	assert_true(query_matches(&query, 0, &event));
	event.object_id = span_text("x");
	assert_false(query_matches(&query, 0, &event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries_say_what_they_say),
		cmocka_unit_test(test_faults_are_told_at_their_place),
		cmocka_unit_test(test_a_fault_is_told_of_the_first_term_that_has_one),
		cmocka_unit_test(test_unescaping_takes_no_more_than_it_was_given),
		cmocka_unit_test(test_the_memory_that_is_promised_is_enough),
		cmocka_unit_test(test_hostile_bytes_are_bounded),
		cmocka_unit_test(test_all_terms_must_be_met),
		cmocka_unit_test(test_an_object_is_taken_as_it_is),
	};
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
