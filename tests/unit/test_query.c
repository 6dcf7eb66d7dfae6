/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of queries: what each says, where each that is refused is at fault, and matching. */
#include "../../proto/query_parse.h"

#include "../support/guard.h"
#include "../support/query_text.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

#define UUID       "0198f3c2-7d1e-7c55-9a10-2f7c7b1f0a11"
#define UUID_UPPER "0198F3C2-7D1E-7C55-9A10-2F7C7B1F0A11"

static const uint8_t UUID_BYTES[16] = { 0x01, 0x98, 0xf3, 0xc2, 0x7d, 0x1e, 0x7c, 0x55, 0x9a, 0x10,
	0x2f, 0x7c, 0x7b, 0x1f, 0x0a, 0x11 };

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
	struct parsed p = { .text = guard_copy(text), .arena.cap = query_room(text.len) };
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
	const char *anew; /* the same, as tests/support/query_text writes it */
} queries[] = {
	{ "", "" },
	{ " \t\r\n ", "" },
	/* the whole of a text */
	{ "actor:anna", "actor:\"anna\"" },
	{ "  actor:anna\t", "actor:\"anna\"" },
	{ "actor:\"\"", "actor:\"\"" },
	{ "actor:\"Anna B\"", "actor:\"Anna B\"" },
	{ "actor:\"a\\\"b\\\\c\"", "actor:\"a\\\"b\\\\c\"" },
	{ "actor:a\\b", "actor:\"a\\\\b\"" },
	{ "actor:a:b", "actor:\"a:b\"" },
	{ "actor::", "actor:\":\"" },
	{ "actor:-x", "actor:\"-x\"" },
	{ "actor:*x", "actor:\"*x\"" },
	{ "actor:a.b", "actor:\"a.b\"" },
	{ "actor:.", "actor:\".\"" },
	{ "actor:\"x*\"", "actor:\"x*\"" },
	{ "actor:\"1..2\"", "actor:\"1..2\"" },
	{ "actor:\"-x\"", "actor:\"-x\"" },
	{ "actor:\xc3\xa4", "actor:\"\xc3\xa4\"" },
	/* every field of text */
	{ "object:/journal/4711", "object:\"/journal/4711\"" },
	{ "subject:p-93", "subject:\"p-93\"" },
	{ "source:journal", "source:\"journal\"" },
	{ "source:traild", "source:\"traild\"" },
	{ "source:\"a.b_c-d\"", "source:\"a.b_c-d\"" },
	{ "peer:unix:1001", "peer:\"unix:1001\"" },
	{ "unit:hr", "unit:\"hr\"" },
	{ "type:journal", "type:\"journal\"" },
	{ "verb:print", "verb:\"print\"" },
	{ "purpose:case:7", "purpose:\"case:7\"" },
	{ "correlation:req-1", "correlation:\"req-1\"" },
	{ "host:pc-0001", "host:\"pc-0001\"" },
	{ "id:" UUID, "id:\"" UUID "\"" },
	{ "id:" UUID_UPPER, "id:\"" UUID "\"" },
	{ "id:\"\"", "id:\"\"" },
	/* words */
	{ "action:create", "action:create" },
	{ "action:READ", "action:read" },
	{ "action:Modify", "action:modify" },
	{ "action:\"delete\"", "action:delete" },
	{ "action:eXecute", "action:execute" },
	{ "outcome:success", "outcome:success" },
	{ "outcome:denied", "outcome:denied" },
	{ "outcome:FAILURE", "outcome:failure" },
	{ "outcome:unknown", "outcome:unknown" },
	{ "medium:digital", "medium:digital" },
	{ "medium:Paper", "medium:paper" },
	{ "medium:oral", "medium:oral" },
	/* numbers */
	{ "index:0", "index:0" },
	{ "index:007", "index:7" },
	{ "index:18446744073709551615", "index:18446744073709551615" },
	{ "index:\"12\"", "index:12" },
	{ "class:4294967295", "class:4294967295" },
	{ "index:1..5", "index:1..5" },
	{ "index:\"1\"..\"5\"", "index:1..5" },
	{ "index:5..5", "index:5..5" },
	{ "index:7..", "index:7.." },
	{ "index:..7", "index:0..7" },
	{ "class:2..3", "class:2..3" },
	/* prefixes */
	{ "actor:a*", "actor:\"a\"*" },
	{ "actor:*", "actor:\"\"*" },
	{ "actor:\"\"*", "actor:\"\"*" },
	{ "actor:**", "actor:\"*\"*" },
	{ "actor:a*b", "actor:\"a*b\"" },
	{ "object:/hr/*", "object:\"/hr/\"*" },
	{ "object:\"/a b/\"*", "object:\"/a b/\"*" },
	{ "object:\"/a \\\"b\"*", "object:\"/a \\\"b\"*" },
	{ "source:case*", "source:\"case\"*" },
	{ "source:*", "source:\"\"*" },
	{ "peer:unix:*", "peer:\"unix:\"*" },
	{ "id:0198F*", "id:\"0198f\"*" },
	{ "id:0198f3c2-*", "id:\"0198f3c2-\"*" },
	/* ranges of text */
	{ "unit:a..b", "unit:\"a\"..\"b\"" },
	{ "unit:a..", "unit:\"a\".." },
	{ "unit:..b", "unit:..\"b\"" },
	{ "unit:\"a b\"..\"c d\"", "unit:\"a b\"..\"c d\"" },
	{ "unit:\"a b\"..c", "unit:\"a b\"..\"c\"" },
	{ "unit:a..\"c d\"", "unit:\"a\"..\"c d\"" },
	{ "unit:..\"c d\"", "unit:..\"c d\"" },
	{ "unit:\"c d\"..", "unit:\"c d\".." },
	{ "unit:\"\"..a", "unit:\"\"..\"a\"" },
	{ "unit:\"a..\"..\"b*\"", "unit:\"a..\"..\"b*\"" },
	{ "unit:\"\\\\\"..\"\\\\\\\\\"", "unit:\"\\\\\"..\"\\\\\\\\\"" },
	{ "unit:a..a", "unit:\"a\"..\"a\"" },
	{ "object:/a.b/..", "object:\"/a.b/\".." },
	{ "id:0A..0b", "id:\"0a\"..\"0b\"" },
	{ "source:a..b", "source:\"a\"..\"b\"" },
	/* NOT, OR, AND */
	{ "-actor:anna", "-actor:\"anna\"" },
	{ "-actor:a*", "-actor:\"a\"*" },
	{ "-index:1..5", "-index:1..5" },
	{ "-action:read", "-action:read" },
	{ "actor:a actor:b", "actor:\"a\" actor:\"b\"" },
	{ "actor:anna action:read\nindex:5", "actor:\"anna\" action:read index:5" },
	{ "subject:s -object:\"o o\" source:x outcome:denied outcome:failure",
		"subject:\"s\" -object:\"o o\" source:\"x\" outcome:denied outcome:failure" },
};

static void assert_anew(const struct query *query, const char *text, const char *want)
{
	struct buf out = { 0 };
	query_text_put(&out, query);
	assert_false(out.failed);
	if (!span_equal(buf_view(&out), span_text(want)))
		fail_msg("\"%s\" was read as %.*s", text, (int)out.len, (const char *)out.data);
	buf_release(&out);
}

static void test_queries_say_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct parsed p = parse(span_text(queries[i].text));
		if (p.err != TRAIL_OK)
			fail_msg("%s: %s", queries[i].text, p.fault.why);
		assert_anew(&p.query, queries[i].text, queries[i].anew);
		parsed_free(&p);
		p = parse(span_text(queries[i].anew));
		assert_int_equal(p.err, TRAIL_OK);
		assert_anew(&p.query, queries[i].anew, queries[i].anew);
		parsed_free(&p);
	}
}

static void test_terms_know_where_they_stand(void **state)
{
	(void)state;
	struct parsed p = parse(span_text("  actor:a -unit:\"x y\"*\tindex:1.."));
	assert_int_equal(p.err, TRAIL_OK);
	assert_int_equal(p.query.count, 3);
	static const struct {
		size_t at, len;
	} want[] = { { 2, 7 }, { 10, 12 }, { 23, 9 } };
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_int_equal(p.query.terms[i].at, want[i].at);
		assert_int_equal(p.query.terms[i].len, want[i].len);
	}
	parsed_free(&p);
}

/* ---- what is none ---- */

#define BAD TRAIL_INVALID

static const struct {
	const char *text;
	size_t at, len;
	const char *why; /* a part of the clause */
} faults[] = {
	/* no term */
	{ "anna", 0, 4, "field:value" },
	{ "actor:a  anna", 9, 4, "field:value" },
	{ "Actor:anna", 0, 10,
		"field:value, for example actor:anna or object:/journal/4711; did "
		"you mean actor:?" },
	{ "-Unit=hr", 0, 8, "did you mean unit:?" },
	{ ":anna", 0, 5, "field:value" },
	{ "-", 0, 1, "field:value" },
	{ "-:x", 0, 3, "field:value" },
	{ "--actor:x", 0, 9, "field:value" },
	{ "\"actor\":x", 0, 9, "field:value" },
	{ "actor=anna", 0, 10, "did you mean actor:?" },
	{ "subjct", 0, 6, "did you mean subject:?" },
	{ "\xff", 0, 1, "field:value" },
	/* no field */
	{ "actr:anna", 0, 4, "there is no field \"actr\"; did you mean actor?" },
	{ "actor:a  sorce:x", 9, 5, "did you mean source?" },
	{ "-actr:anna", 1, 4, "did you mean actor?" },
	{ "corelation:x", 0, 10, "did you mean correlation?" },
	{ "zzzzzzzz:x", 0, 8,
		"fields are actor, object, subject, action, outcome, source, index, "
		"peer, unit, type, verb, class, purpose, correlation, id, medium and "
		"host" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:x", 0, 40, "fields are actor" },
	/* no value */
	{ "actor:", 0, 6, "a value is missing behind \"actor:\"" },
	{ "actor: x", 0, 6, "a value is missing" },
	{ "-actor:", 0, 7, "a value is missing" },
	{ "index:1 object:", 8, 7, "a value is missing behind \"object:\"" },
	/* quotes */
	{ "actor:\"a", 6, 1, "do not end" },
	{ "actor:\"a\\\"", 6, 1, "do not end" },
	{ "actor:\"a\\", 6, 1, "do not end" },
	{ "actor:\"", 6, 1, "do not end" },
	{ "actor:a..\"b", 9, 1, "do not end" },
	{ "actor:\"a\"b", 9, 1, "a space belongs" },
	{ "actor:\"a\"\"b\"", 9, 1, "a space belongs" },
	{ "actor:\"a\"*b", 10, 1, "a space belongs" },
	{ "actor:\"a\"..\"b\"*", 14, 1, "a space belongs" },
	{ "actor:a\"b\"", 7, 1, "around a whole value" },
	{ "actor:a*\"b\"", 8, 1, "around a whole value" },
	{ "actor:\"a\"..b\"c\"", 12, 1, "around a whole value" },
	{ "actor:a..b\"c\"", 10, 1, "around a whole value" },
	{ "actor:\"a\\n\"", 8, 2, "a backslash stands before" },
	{ "actor:a object:\"\\\\\\x\"", 18, 2, "a backslash stands before" },
	{ "actor:a..\"\\x\"", 10, 2, "a backslash stands before" },
	/* ranges */
	{ "actor:..", 6, 2, "a range has one end at least" },
	{ "actor:a  -index:..", 16, 2, "a range has one end at least" },
	{ "actor:a...b", 9, 2, "stands once in a range" },
	{ "actor:...b", 8, 2, "stands once in a range" },
	{ "actor:...", 8, 1, "stands once in a range" },
	{ "actor:a..b..c", 9, 4, "stands once in a range" },
	{ "actor:\"a\"...b", 11, 2, "stands once in a range" },
	{ "object:/a/../b/../c", 12, 7, "belongs in quotes" },
	{ "actor:a*..b", 7, 1, "an end of a range is no prefix" },
	{ "actor:a..b*", 10, 1, "an end of a range is no prefix" },
	{ "actor:\"a\"..*", 11, 1, "an end of a range is no prefix" },
	{ "actor:b..a", 6, 4, "ends before it begins" },
	{ "actor:ab..a", 6, 5, "ends before it begins" },
	{ "actor:a..\"\"", 6, 5, "ends before it begins" },
	{ "actor:\"b\"..\"a\" x", 6, 8, "ends before it begins" },
	{ "index:5..4", 6, 4, "ends before it begins" },
	{ "id:b..a", 3, 4, "ends before it begins" },
	/* words */
	{ "action:look", 7, 4, "action is one of create, read, modify, delete, execute" },
	{ "action:raed", 7, 4, "execute; did you mean read?" },
	{ "action:\"\"", 8, 0, "action is one of" },
	{ "action:readx", 7, 5, "did you mean read?" },
	{ "outcome:ok", 8, 2, "outcome is one of success, denied, failure, unknown" },
	{ "outcome:DENYED", 8, 6, "did you mean denied?" },
	{ "medium:papper", 7, 6, "medium is one of digital, paper, oral; did you mean paper?" },
	{ "action:read*", 7, 5, "action is a word, and has no prefix" },
	{ "medium:*", 7, 1, "has no prefix" },
	{ "outcome:denied..failure", 8, 15, "outcome is a word, and has no range" },
	/* numbers */
	{ "index:1x", 6, 2, "an index is a number" },
	{ "index:-1", 6, 2, "an index is a number" },
	{ "index:\"\"", 7, 0, "an index is a number" },
	{ "index:18446744073709551616", 6, 20, "an index is a number" },
	{ "index:99999999999999999999", 6, 20, "an index is a number" },
	{ "index:1..x", 9, 1, "an index is a number" },
	{ "index:x..1", 6, 1, "an index is a number" },
	{ "index:1*", 6, 2, "index is a number, and has no prefix" },
	{ "class:4294967296", 6, 10, "a class is a number" },
	{ "class:secret", 6, 6, "a class is a number" },
	{ "class:1..4294967296", 9, 10, "a class is a number" },
	{ "class:*", 6, 1, "class is a number, and has no prefix" },
	/* names of sources */
	{ "source:UPPER", 7, 5, "a-z 0-9" },
	{ "source:\"a b\"", 8, 3, "a-z 0-9" },
	{ "source:\"\"", 8, 0, "a-z 0-9" },
	{ "source:A*", 7, 1, "a-z 0-9" },
	{ "source:a..B", 10, 1, "a-z 0-9" },
	{ "source:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 7, 65,
		"1 to 64" },
	/* ids */
	{ "id:17", 3, 2, "an id is a UUID" },
	{ "id:" UUID "0", 3, 37, "an id is a UUID" },
	{ "id:0198f3c2_7d1e-7c55-9a10-2f7c7b1f0a11", 3, 36, "an id is a UUID" },
	{ "id:0198f3c2-7d1e-7c55-9a10-2f7c7b1f0a1g", 3, 36, "an id is a UUID" },
	{ "id:g*", 3, 1, "an id is a UUID" },
	{ "id:-*", 3, 1, "an id is a UUID" },
	{ "id:0..x", 6, 1, "an id is a UUID" },
	{ "id:" UUID "0*", 3, 37, "an id is a UUID" },
};

static void test_faults_are_told_at_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct parsed p = parse(span_text(faults[i].text));
		const struct query_fault *f = &p.fault;
		if (p.err != BAD || f->at != faults[i].at || f->len != faults[i].len ||
			!strstr(f->why, faults[i].why))
			fail_msg("%s: %d at %zu, %zu long: %s", faults[i].text, (int)p.err, f->at,
				f->len, f->why);
		parsed_free(&p);
	}
}

static void test_a_fault_is_told_of_the_first_term_that_has_one(void **state)
{
	(void)state;
	struct parsed p = parse(span_text("actor:a unit:b..a actr:x"));
	assert_int_equal(p.err, TRAIL_INVALID);
	assert_int_equal(p.fault.at, 13);
	parsed_free(&p);
}

static void test_the_memory_that_is_given_is_not_exceeded(void **state)
{
	(void)state;
	static const char *const TEXTS[] = { "actor:\"a\\\\b\"", ("id:" UUID), "id:0*", "actor:a" };
	for (size_t i = 0; i < COUNT(TEXTS); i++) {
		uint8_t room[16];
		struct query query;
		struct query_fault fault;
		struct arena none = { .data = room, .cap = 4 };
		assert_int_equal(
			query_parse(span_text(TEXTS[i]), &none, &query, &fault), TRAIL_TOO_BIG);
		assert_true(fault.why[0] != '\0');
	}
	struct parsed p = parse(span_text(""));
	struct arena none = { 0 };
	assert_int_equal(query_parse(p.text, &none, &p.query, &p.fault), TRAIL_OK);
	parsed_free(&p);
}

/* As many terms as there may be, each with all the copies that a value may need. */
static void test_the_memory_that_is_promised_is_enough(void **state)
{
	static const char *const TERMS[] = { "id:*", "id:\"A\"..\"A\"", "unit:\"\\\\\"..\"\\\\\"",
		("id:" UUID_UPPER), "class:1" };
	(void)state;
	for (size_t i = 0; i < COUNT(TERMS); i++) {
		char text[4096];
		size_t len = 0;
		for (unsigned n = 0; n < QUERY_TERMS_MAX; n++)
			len += (size_t)sprintf(text + len, "%s%s", n ? " " : "", TERMS[i]);
		struct parsed p = parse(span_of(text, len));
		assert_int_equal(p.err, TRAIL_OK);
		assert_int_equal(p.query.count, QUERY_TERMS_MAX);
		parsed_free(&p);
		len += (size_t)sprintf(text + len, " %s", TERMS[i]);
		p = parse(span_of(text, len));
		assert_int_equal(p.err, TRAIL_TOO_BIG);
		assert_int_equal(p.fault.at, len - strlen(TERMS[i]));
		assert_int_equal(p.fault.len, strlen(TERMS[i]));
		assert_non_null(strstr(p.fault.why, "at most 64 terms"));
		parsed_free(&p);
	}
}

/* Bytes that are likely to mean something, in any order. */
static void test_hostile_bytes_are_bounded(void **state)
{
	static const char *const PIECES[] = { "actor:", "index:", "-", "\"", "\\", " ", "..", "*",
		"a", "action:", "read", "\xff", ":", "object:\"", "9", "\n",
		"id:", "source:", "\\\\", "0" };
	uint64_t random = 7;
	size_t taken = 0;
	(void)state;
	for (size_t round = 0; round < 40000; round++) {
		char text[128] = "";
		size_t len = 0;
		size_t pieces = (size_t)(random_next(&random) % 12);
		for (size_t i = 0; i < pieces; i++) {
			const char *piece = PIECES[random_next(&random) % COUNT(PIECES)];
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		struct parsed p = parse(span_of(text, len));
		taken += p.err == TRAIL_OK && p.query.count != 0;
		if (p.err != TRAIL_OK) {
			assert_int_equal(p.err, TRAIL_INVALID);
			assert_true(p.fault.at <= len && p.fault.len <= len - p.fault.at);
			assert_true(p.fault.why[0] != '\0');
		}
		parsed_free(&p);
	}
	assert_true(taken > 500);
}

/* ---- matching ---- */

static struct event_facts facts(void)
{
	return (struct event_facts){
		.action = ACTION_READ,
		.outcome = 1,
		.medium = 2,
		.actor_id = span_text("anna"),
		.object_id = span_text("/a b"),
		.object_type = span_text("journal"),
		.subject = span_text("p-1"),
		.unit = span_text("hr"),
		.verb = span_text("open"),
		.host = span_text("pc-1"),
		.id = span_of(UUID_BYTES, sizeof UUID_BYTES),
	};
}

static struct query_view view_of(const struct event_facts *event)
{
	return (struct query_view){
		.index = 9,
		.class_no = 3,
		.source = span_text("files"),
		.peer = span_text("unix:1001"),
		.facts = event,
	};
}

static const struct {
	const char *text;
	bool matches;
} matches[] = {
	{ "", true },
	/* every field, as it is and otherwise */
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
	{ "medium:oral", true },
	{ "medium:digital", false },
	{ "index:9", true },
	{ "index:8", false },
	{ "class:3", true },
	{ "class:9", false },
	{ "source:files", true },
	{ "source:traild", false },
	{ "peer:unix:1001", true },
	{ "peer:1001", false },
	{ "unit:hr", true },
	{ "unit:it", false },
	{ "type:journal", true },
	{ "type:hr", false },
	{ "verb:open", true },
	{ "verb:read", false },
	{ "host:pc-1", true },
	{ "host:pc-2", false },
	{ "id:" UUID_UPPER, true },
	{ "id:0198f3c2-7d1e-7c55-9a10-2f7c7b1f0a12", false },
	/* what it does not have */
	{ "purpose:\"\"", true },
	{ "correlation:\"\"", true },
	{ "purpose:x", false },
	{ "correlation:x", false },
	{ "-purpose:x", true },
	{ "-purpose:\"\"", false },
	{ "purpose:*", false },
	{ "-purpose:*", true },
	{ "purpose:a..", false },
	{ "purpose:..z", false },
	{ "purpose:\"\"..z", false },
	{ "id:\"\"", false },
	/* prefixes */
	{ "actor:a*", true },
	{ "actor:anna*", true },
	{ "actor:annab*", false },
	{ "actor:b*", false },
	{ "actor:*", true },
	{ "source:f*", true },
	{ "source:g*", false },
	{ "peer:unix:*", true },
	{ "id:0198F3*", true },
	{ "id:0198f3c2-7d1e-7c55-9a10-2f7c7b1f0a11*", true },
	{ "id:0198f4*", false },
	{ "id:*", true },
	/* ranges, both ends included, byte by byte */
	{ "index:9..9", true },
	{ "index:1..9", true },
	{ "index:9..10", true },
	{ "index:10..", false },
	{ "index:..8", false },
	{ "index:..9", true },
	{ "class:3..", true },
	{ "class:4..", false },
	{ "unit:hr..hr", true },
	{ "unit:ha..hr", true },
	{ "unit:hr..ht", true },
	{ "unit:h..i", true },
	{ "unit:..h", false },
	{ "unit:hra..", false },
	{ "unit:\"hr \"..", false },
	{ "unit:..hr", true },
	{ "unit:hr..", true },
	{ "id:0198..0199", true },
	{ "id:0199..", false },
	{ "source:a..files", true },
	/* OR within a field, AND between fields, NOT */
	{ "actor:bo actor:anna", true },
	{ "actor:anna actor:bo", true },
	{ "actor:bo actor:eva", false },
	{ "actor:bo actor:a*", true },
	{ "action:create action:read", true },
	{ "index:1..3 index:8..10", true },
	{ "-actor:anna", false },
	{ "-actor:bo", true },
	{ "-actor:bo -actor:anna", false },
	{ "actor:a* -actor:anna", false },
	{ "actor:a* -actor:anders", true },
	{ "actor:anna -unit:hr", false },
	{ "actor:anna -unit:it", true },
	{ "-index:9", false },
	{ "-source:files", false },
	{ "-source:f*", false },
	{ "actor:anna subject:p-1 action:read outcome:denied index:9 object:\"/a b\"", true },
	{ "actor:anna subject:p-2 action:read", false },
	{ "actor:bo action:read", false },
	{ "subject:p-2 actor:anna subject:p-1", true },
};

static void test_all_terms_must_be_met(void **state)
{
	(void)state;
	const struct event_facts event = facts();
	const struct query_view view = view_of(&event);
	for (size_t i = 0; i < COUNT(matches); i++) {
		struct parsed p = parse(span_text(matches[i].text));
		assert_int_equal(p.err, TRAIL_OK);
		if (query_matches(&p.query, &view) != matches[i].matches)
			fail_msg("%s", matches[i].text);
		parsed_free(&p);
	}
}

/* What each field's value is: a query for it, and for it alone, finds it. */
static void test_values_are_those_of_their_fields(void **state)
{
	(void)state;
	const struct event_facts event = { .actor_id = span_text("1"),
		.object_id = span_text("2"),
		.subject = span_text("3"),
		.unit = span_text("6"),
		.object_type = span_text("7"),
		.verb = span_text("8"),
		.purpose = span_text("9"),
		.correlation = span_text("10"),
		.host = span_text("11"),
		.id = span_of(UUID_BYTES, sizeof UUID_BYTES) };
	const struct query_view view = {
		.source = span_text("4"), .peer = span_text("5"), .facts = &event
	};
	static const struct {
		enum query_field field;
		const char *value;
	} want[] = { { QUERY_ACTOR, "1" }, { QUERY_OBJECT, "2" }, { QUERY_SUBJECT, "3" },
		{ QUERY_SOURCE, "4" }, { QUERY_PEER, "5" }, { QUERY_UNIT, "6" },
		{ QUERY_TYPE, "7" }, { QUERY_VERB, "8" }, { QUERY_PURPOSE, "9" },
		{ QUERY_CORRELATION, "10" }, { QUERY_HOST, "11" }, { QUERY_ID, UUID },
		{ QUERY_ACTION, "" }, { QUERY_INDEX, "" } };
	for (size_t i = 0; i < COUNT(want); i++) {
		char room[QUERY_ROOM_LEN];
		struct span value = query_value(&view, want[i].field, room);
		assert_true(span_equal(value, span_text(want[i].value)));
	}
}

static void test_what_a_query_asks_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *text, *needle; /* for actor */
		bool actor, event;
	} cases[] = {
		{ "", "", false, false },
		{ "source:a index:1 class:2 peer:x", "", false, false },
		{ "-source:a medium:oral", "", false, true },
		{ "actor:anna", "anna", true, true },
		{ "actor:anna*", "anna", true, true },
		{ "actor:anna -actor:bo unit:x", "anna", true, true },
		{ "-actor:anna", "", true, true },
		{ "actor:anna actor:bo", "", true, true },
		{ "actor:anna actor:anna", "", true, true },
		{ "actor:anna..bo", "", true, true },
		{ "actor:\"\"", "", true, true },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct parsed p = parse(span_text(cases[i].text));
		assert_int_equal(p.err, TRAIL_OK);
		assert_int_equal(query_asks(&p.query, QUERY_ACTOR), cases[i].actor);
		assert_int_equal(query_asks_event(&p.query), cases[i].event);
		assert_true(span_equal(
			query_needle(&p.query, QUERY_ACTOR), span_text(cases[i].needle)));
		parsed_free(&p);
	}
	struct parsed p = parse(span_text("id:" UUID " action:read"));
	assert_true(span_equal(query_needle(&p.query, QUERY_ID), span_of(UUID_BYTES, 16)));
	assert_int_equal(query_needle(&p.query, QUERY_ACTION).len, 0);
	parsed_free(&p);
	p = parse(span_text("id:0198*"));
	assert_int_equal(query_needle(&p.query, QUERY_ID).len, 0);
	parsed_free(&p);
}

static void test_fields_are_judged_alone_where_that_is_asked(void **state)
{
	(void)state;
	const struct event_facts event = facts();
	const struct query_view view = view_of(&event);
	struct parsed p = parse(span_text("source:files index:8 actor:anna"));
	assert_true(query_allows(&p.query, QUERY_SOURCE, &view));
	assert_true(query_allows(&p.query, QUERY_ACTOR, &view));
	assert_true(query_allows(&p.query, QUERY_UNIT, &view));
	assert_false(query_allows(&p.query, QUERY_INDEX, &view));
	assert_false(query_allows_record(&p.query, &view));
	parsed_free(&p);
	p = parse(span_text("source:files index:9 actor:bo"));
	assert_true(query_allows_record(&p.query, &view));
	assert_false(query_matches(&p.query, &view));
	parsed_free(&p);
}

static void test_an_object_is_taken_as_it_is(void **state)
{
	(void)state;
	struct event_facts event = facts();
	struct query_term term;
	static const char odd[] = "-\"x\" *..\\";
	event.object_id = span_text(odd);
	const struct query_view view = view_of(&event);
	const struct query query = query_of_object(span_text(odd), &term);
	assert_true(query_asks(&query, QUERY_OBJECT));
	assert_true(query_matches(&query, &view));
	event.object_id = span_text("x");
	assert_false(query_matches(&query, &view));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries_say_what_they_say),
		cmocka_unit_test(test_terms_know_where_they_stand),
		cmocka_unit_test(test_faults_are_told_at_their_place),
		cmocka_unit_test(test_a_fault_is_told_of_the_first_term_that_has_one),
		cmocka_unit_test(test_the_memory_that_is_given_is_not_exceeded),
		cmocka_unit_test(test_the_memory_that_is_promised_is_enough),
		cmocka_unit_test(test_hostile_bytes_are_bounded),
		cmocka_unit_test(test_all_terms_must_be_met),
		cmocka_unit_test(test_values_are_those_of_their_fields),
		cmocka_unit_test(test_what_a_query_asks_is_told),
		cmocka_unit_test(test_fields_are_judged_alone_where_that_is_asked),
		cmocka_unit_test(test_an_object_is_taken_as_it_is),
	};
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
