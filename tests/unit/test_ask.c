/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/ask.h"

#include "../../daemon/trace.h"
#include "../../proto/query_parse.h"
#include "../support/lookup_case.h"
#include "../support/store_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	EVENTS = 300,
	ROWS = 2000,
	ARENA = 16 * 1024
};

static const uint64_t NOON = UINT64_C(1760000000) * 1000000000;
static const uint64_t S = 1000000000;

/* The log: two sources, several commits, two months; and the records that tell of losses. */
static uint64_t journal, files, peer;
static uint64_t index_of[EVENTS];
static _Alignas(16) uint8_t arena_bytes[ARENA];
static uint8_t cursor[CURSOR_MAX];

/* Everything but its source follows from n. */
static void say(struct lookup_case *c, unsigned n, uint64_t source, uint64_t lost)
{
	char actor[16], object[16], subject[16];
	struct buf payload = { 0 };
	(void)snprintf(actor, sizeof actor, "a%u", n % 3);
	(void)snprintf(object, sizeof object, "/o/%u", n % 7);
	(void)snprintf(subject, sizeof subject, "p-%u", n % 5);
	struct event_value event = {
		.time_ns = 1 + n,
		.action = 1 + n % 5,
		.outcome = n % 4,
		.actor.id = span_text(actor),
		.object.id = span_text(object),
		.subject = span_text(subject),
	};
	event_encode(&event, &payload);
	index_of[n] = builder_said(c->b, source, peer, 7, lost, buf_view(&payload));
	buf_release(&payload);
}

static void say_loss(struct lookup_case *c, uint64_t source)
{
	struct daemon_entry entry = { .what = DAEMON_LOSS, .source = source, .epoch = 3 };
	struct buf payload = { 0 };
	daemon_entry_encode(&entry, &payload);
	builder_control(c->b, KIND_DAEMON, buf_view(&payload));
	buf_release(&payload);
}

static int setup(void **state)
{
	static struct lookup_case c;
	lookup_case_make(&c);
	peer = builder_peer(c.b, "1001");
	journal = builder_source(c.b, "journal", peer);
	files = builder_source(c.b, "files", peer);
	for (unsigned n = 0; n < EVENTS; n++) {
		if (n == EVENTS / 2)
			builder_set_time(c.b, NOON + 40 * 86400 * S);
		say(&c, n, n / 4 % 2 ? files : journal, n == 40 || n == 44 ? 2 : 0);
		if (n == 60)
			say_loss(&c, files);
		if (n % 70 == 69)
			builder_commit(c.b);
	}
	builder_commit(c.b);
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	lookup_case_remove(*state);
	return 0;
}

/* ---- asking ---- */

static struct query_term object_term; /* of a history */

static void set_request(struct lookup_case *c, const struct request *request)
{
	struct query_fault fault;
	struct op *op = &c->op;
	op->arena = (struct arena){ .data = arena_bytes, .cap = sizeof arena_bytes };
	op->request = *request;
	op->query = (struct query){ 0 };
	if (request->kind == REQUEST_SEARCH)
		assert_int_equal(
			query_parse(request->question.text, &op->arena, &op->query, &fault),
			TRAIL_OK);
	else if (request->kind == REQUEST_HISTORY)
		op->query = query_of_object(request->question.text, &object_term);
}

static struct request search(const char *query)
{
	return (struct request){ .kind = REQUEST_SEARCH, .question.text = span_text(query) };
}

/* As the writer does: the question becomes an event. */
static void put_on_record(struct lookup_case *c)
{
	struct buf trace = { 0 };
	trace_encode(&c->op, (int64_t)NOON, &trace);
	c->op.own_index = builder_own(c->b, buf_view(&trace));
	builder_commit(c->b);
	buf_release(&trace);
}

/* One page; NULL: refused. */
static const struct rows *answer(struct lookup_case *c)
{
	lookup_case_begin(c);
	ask_answer(&c->look);
	lookup_case_end(c);
	return c->op.response.kind == RESPONSE_ROWS ? &c->op.response.rows : NULL;
}

/* The first page. */
static const struct rows *ask(struct lookup_case *c, const struct request *request)
{
	set_request(c, request);
	put_on_record(c);
	return answer(c);
}

/* The page behind `rows`. */
static const struct rows *ask_on(struct lookup_case *c, const struct rows *rows)
{
	assert_int_equal(ask_trace(rows->next), rows->read);
	memcpy(cursor, rows->next.data, rows->next.len);
	c->op.request.question.paging.next = span_of(cursor, rows->next.len);
	c->op.own_index = 0;
	return answer(c);
}

struct found {
	size_t count, pages;
	uint64_t index[ROWS];
	struct rows last;
};

static void collect(struct found *found, const struct rows *rows)
{
	assert_non_null(rows);
	for (size_t i = 0; i < rows->row_count; i++) {
		assert_true(found->count < ROWS);
		found->index[found->count++] = rows->rows[i].index;
	}
	found->pages++;
	found->last = *rows;
}

/* All pages. */
static void ask_all(struct lookup_case *c, const struct request *request, struct found *found)
{
	*found = (struct found){ .count = 0 };
	const struct rows *rows = ask(c, request);
	collect(found, rows);
	while (!found->last.done) {
		rows = ask_on(c, &found->last);
		assert_true(rows && rows->read == found->last.read);
		collect(found, rows);
	}
	assert_true(request->question.paging.count || found->last.matched == found->count);
}

static void assert_refused(struct lookup_case *c, const struct rows *rows, enum trail_err code)
{
	assert_null(rows);
	assert_int_equal(c->op.response.kind, RESPONSE_ERROR);
	assert_int_equal(c->op.response.error.code, code);
}

/* ---- what is found ---- */

/* An event as a test judges it. */
struct seen {
	uint64_t index;
	const char *source; /* "" : the log's own */
	bool own;           /* nobody's but the log's */
	const struct event_facts *facts;
};

/* A query, and what it asks in words of the test's own; NULL and -1: nothing of this. */
struct want {
	const char *query, *actor, *object, *subject, *source;
	int action, outcome;
	bool (*fits)(const struct seen *seen);
};

static bool has(struct span value, const char *text)
{
	return span_equal(value, span_text(text));
}

static bool begins(struct span value, const char *text)
{
	return value.len >= strlen(text) && memcmp(value.data, text, strlen(text)) == 0;
}

static bool a1_or_a2(const struct seen *seen)
{
	return has(seen->facts->actor_id, "a1") || has(seen->facts->actor_id, "a2");
}
static bool not_a1(const struct seen *seen)
{
	return !has(seen->facts->actor_id, "a1");
}
static bool a_but_not_a1(const struct seen *seen)
{
	return begins(seen->facts->actor_id, "a") && not_a1(seen);
}
static bool none_subject(const struct seen *seen)
{
	return seen->facts->subject.len == 0;
}
static bool any_subject(const struct seen *seen)
{
	return seen->facts->subject.len != 0;
}
static bool subject_2_to_3(const struct seen *seen)
{
	return has(seen->facts->subject, "p-2") || has(seen->facts->subject, "p-3");
}
static bool journal_or_files(const struct seen *seen)
{
	return seen->source[0] != '\0';
}
static bool not_files(const struct seen *seen)
{
	return strcmp(seen->source, "files") != 0;
}
static bool peer_1001(const struct seen *seen)
{
	return !seen->own;
}
static bool own(const struct seen *seen)
{
	return seen->own;
}
static bool two_places(const struct seen *seen)
{
	return (seen->index >= 50 && seen->index <= 60) || seen->index >= 250;
}
static bool outside(const struct seen *seen)
{
	return seen->index < 50 || seen->index > 250;
}
static bool nothing(const struct seen *seen)
{
	(void)seen;
	return false;
}
static bool odd_or(const struct seen *seen)
{
	const struct event_facts *facts = seen->facts;
	return (facts->action == ACTION_READ || facts->action == ACTION_DELETE) &&
		facts->outcome != 1 && begins(facts->object_id, "/o/") && not_files(seen) &&
		!has(facts->object_id, "/o/3");
}

#define FITS(text_, fits_)                                                                         \
	{                                                                                          \
		text_, NULL, NULL, NULL, NULL, -1, -1, fits_                                       \
	}

static const struct want WANTS[] = {
	{ "", NULL, NULL, NULL, NULL, -1, -1, NULL },
	{ "actor:a1", "a1", NULL, NULL, NULL, -1, -1, NULL },
	{ "object:/o/3", NULL, "/o/3", NULL, NULL, -1, -1, NULL },
	{ "subject:p-4", NULL, NULL, "p-4", NULL, -1, -1, NULL },
	{ "action:DELETE", NULL, NULL, NULL, NULL, ACTION_DELETE, -1, NULL },
	{ "outcome:denied", NULL, NULL, NULL, NULL, -1, 1, NULL },
	{ "outcome:success", NULL, NULL, NULL, NULL, -1, 0, NULL },
	{ "source:journal", NULL, NULL, NULL, "journal", -1, -1, NULL },
	{ "source:files", NULL, NULL, NULL, "files", -1, -1, NULL },
	{ "source:traild", NULL, NULL, NULL, "", -1, -1, NULL },
	{ "source:nobody", NULL, NULL, NULL, "nobody", -1, -1, NULL },
	{ "actor:uid:1001", "uid:1001", NULL, NULL, NULL, -1, -1, NULL },
	{ "actor:\"a2\" object:/o/1 source:files", "a2", "/o/1", NULL, "files", -1, -1, NULL },
	{ "actor:a action:read", "a", NULL, NULL, NULL, ACTION_READ, -1, NULL },
	{ "subject:p-1 outcome:failure", NULL, NULL, "p-1", NULL, -1, 2, NULL },
	FITS("actor:a1 actor:a2", a1_or_a2),
	FITS("actor:a1..a2", a1_or_a2),
	FITS("-actor:a1", not_a1),
	FITS("actor:a* -actor:a1", a_but_not_a1),
	FITS("-subject:*", none_subject),
	FITS("subject:\"\"", none_subject),
	FITS("subject:*", any_subject),
	FITS("subject:p-2..p-3", subject_2_to_3),
	FITS("source:journal source:files", journal_or_files),
	FITS("source:a..j source:jo*", journal_or_files),
	FITS("-source:traild", journal_or_files),
	FITS("-source:files", not_files),
	FITS("peer:unix:1001", peer_1001),
	FITS("peer:unix:* -peer:certificate:*", peer_1001),
	FITS("peer:traild", own),
	FITS("-peer:unix:1001", own),
	FITS("index:50..60 index:250..", two_places),
	FITS("-index:50..250", outside),
	FITS("class:1..", nothing),
	FITS("class:0 unit:x", nothing),
	FITS("action:read action:delete -outcome:denied object:/o/* -source:files -object:/o/3",
		odd_or),
};
enum {
	WANT_COUNT = sizeof WANTS / sizeof WANTS[0]
};

static bool is(const char *wanted, struct span got)
{
	return !wanted || span_equal(span_text(wanted), got);
}

/* By a way of its own: one record after the other, each looked up by itself. */
static bool answers(
	struct lookup_case *c, const struct want *w, const struct paging *p, uint64_t index)
{
	struct record r = lookup_case_record(c, index);
	struct event_facts facts;
	struct event_fault fault;
	struct span salt, payload;
	struct buf room = { 0 };
	const char *source = r.source == journal ? "journal" : r.source == files ? "files" : "";
	if (r.kind != KIND_EVENT || (w->source && strcmp(w->source, source) != 0))
		return false;
	struct db_txn *txn = db_begin(builder_db(c->b), false);
	assert_int_equal(store_case_payload(builder_store(c->b), txn, c->chunker, index, &room,
				 &salt, &payload),
		TRAIL_OK);
	assert_int_equal(event_walk(payload, &facts, &fault), TRAIL_OK);
	bool yes = is(w->actor, facts.actor_id) && is(w->object, facts.object_id) &&
		is(w->subject, facts.subject) &&
		(w->action < 0 || w->action == (int)facts.action) &&
		(w->outcome < 0 || w->outcome == (int)facts.outcome) &&
		(p->since_ns == 0 || facts.time_ns >= p->since_ns) &&
		(p->until_ns == 0 || facts.time_ns < p->until_ns);
	const struct seen seen = { index, source, r.source == 0, &facts };
	yes = yes && (!w->fits || w->fits(&seen));
	db_abort(txn);
	buf_release(&room);
	return yes;
}

static void assert_found(struct lookup_case *c, const struct want *w, const struct paging *p)
{
	static struct found found;
	struct request request = search(w->query);
	request.question.paging = *p;
	ask_all(c, &request, &found);
	uint64_t read = found.last.read;
	uint64_t low = p->newest_first ? 0 : p->from;
	uint64_t high = p->newest_first && p->from != 0 && p->from < read ? p->from : read;
	size_t n = 0;
	for (uint64_t i = low; i < high; i++) {
		uint64_t index = p->newest_first ? high - 1 - (i - low) : i;
		if (!answers(c, w, p, index))
			continue;
		if (!p->count)
			assert_true(n < found.count && found.index[n] == index);
		n++;
	}
	assert_int_equal(found.count, p->count ? 0 : n);
	assert_int_equal(found.last.matched, n);
	assert_true(p->limit == 0 || found.pages >= found.count / p->limit);
	assert_int_equal(found.last.completeness.method, METHOD_SCAN);
}

static void test_exactly_what_answers_is_found(void **state)
{
	struct lookup_case *c = *state;
	static const struct paging PAGINGS[] = {
		{ .from = 0 },
		{ .newest_first = true },
		{ .limit = 7 },
		{ .limit = 7, .newest_first = true },
		{ .count = true },
		{ .count = true, .newest_first = true, .from = 200 },
		{ .since_ns = 50, .until_ns = 200 },
		{ .until_ns = 120, .newest_first = true, .limit = 1 },
		{ .from = 100 },
		{ .from = 100, .newest_first = true },
		{ .from = 1 << 30 },
		{ .from = 1 << 30, .newest_first = true },
	};
	for (size_t i = 0; i < WANT_COUNT; i++)
		for (size_t k = 0; k < sizeof PAGINGS / sizeof PAGINGS[0]; k++)
			assert_found(c, &WANTS[i], &PAGINGS[k]);
}

/* Names are remembered in few places: those of two entries may want the same one. */
static void test_sources_whose_names_share_a_place_are_told_apart(void **state)
{
	enum {
		PLACES = 128,
		EACH = 5
	};
	struct lookup_case *c = *state;
	static struct found found;
	size_t before;
	struct request request = search("source:journal");
	ask_all(c, &request, &found);
	before = found.count;
	do
		say(c, 0, files, 0);
	while ((index_of[0] + 1) % PLACES != journal % PLACES);
	uint64_t late = builder_source(c->b, "late", peer);
	assert_int_equal(late % PLACES, journal % PLACES);
	for (unsigned n = 0; n < EACH; n++) {
		say(c, 1, late, 0);
		say(c, 1, journal, 0);
	}
	builder_commit(c->b);
	ask_all(c, &request, &found);
	assert_int_equal(found.count, before + EACH);
	request = search("source:late");
	ask_all(c, &request, &found);
	assert_int_equal(found.count, EACH);
}

static void test_an_index_is_looked_at_alone(void **state)
{
	struct lookup_case *c = *state;
	static struct found found;
	for (unsigned down = 0; down < 2; down++) {
		for (unsigned n = 0; n < EVENTS; n += 23) {
			char text[64];
			(void)snprintf(
				text, sizeof text, "index:%llu", (unsigned long long)index_of[n]);
			struct request request = search(text);
			request.question.paging.newest_first = down;
			ask_all(c, &request, &found);
			assert_true(found.count == 1 && found.index[0] == index_of[n]);
		}
		struct request request = search("index:18446744073709551615");
		request.question.paging.newest_first = down;
		ask_all(c, &request, &found);
		assert_int_equal(found.count, 0);
		request = search("index:0");
		ask_all(c, &request, &found);
		assert_int_equal(found.count, 0);
	}
}

static void test_a_history_is_that_of_one_object(void **state)
{
	struct lookup_case *c = *state;
	static struct found found;
	struct request request = { .kind = REQUEST_HISTORY, .question.text = span_text("/o/3") };
	ask_all(c, &request, &found);
	size_t n = 0;
	for (unsigned i = 3; i < EVENTS; i += 7)
		assert_true(n < found.count && found.index[n++] == index_of[i]);
	assert_int_equal(found.count, n);
}

static void test_rows_first_and_the_rest_counted(void **state)
{
	struct lookup_case *c = *state;
	struct request request = search("actor:a1");
	request.question.paging.limit = 10;
	const struct rows *rows = ask(c, &request);
	assert_true(rows && rows->row_count == 10 && !rows->done);
	struct rows first = *rows;
	c->op.request.question.paging.count = true;
	rows = ask_on(c, &first);
	assert_true(rows && rows->row_count == 0 && rows->done);
	assert_int_equal(rows->matched, EVENTS / 3);
}

/* ---- Get ---- */

static void test_get_gives_any_range_below_its_own_trace(void **state)
{
	struct lookup_case *c = *state;
	static struct found found;
	uint64_t size = builder_size(c->b);
	static const struct {
		uint64_t index, count, limit;
	} CASES[] = { { 0, 1, 0 }, { 5, 0, 0 }, { 5, 3, 0 }, { 0, 1 << 20, 0 }, { 7, 300, 9 },
		{ 9, UINT64_MAX, 0 } };
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct request request = { .kind = REQUEST_GET };
		request.question.index = CASES[i].index;
		request.question.count = CASES[i].count;
		request.question.paging.limit = (uint32_t)CASES[i].limit;
		ask_all(c, &request, &found);
		uint64_t count = CASES[i].count ? CASES[i].count : 1;
		uint64_t there = found.last.read - CASES[i].index;
		assert_int_equal(found.count, count < there ? count : there);
		for (size_t k = 0; k < found.count; k++)
			assert_int_equal(found.index[k], CASES[i].index + k);
	}
	struct request request = { .kind = REQUEST_GET, .question.index = size + 100 };
	assert_refused(c, ask(c, &request), TRAIL_INVALID);
	/* Not even its own trace. */
	request.question.index = builder_size(c->b);
	assert_refused(c, ask(c, &request), TRAIL_INVALID);
}

static void test_get_adds_the_genesis_for_evidence(void **state)
{
	struct lookup_case *c = *state;
	for (unsigned i = 0; i < 2; i++) {
		struct request request = { .kind = REQUEST_GET };
		request.question.index = index_of[20];
		request.question.want_genesis = i != 0;
		const struct rows *rows = ask(c, &request);
		assert_true(rows && rows->row_count == 1);
		assert_int_equal(rows->named_count, 2 + i);
		if (i == 1)
			assert_int_equal(rows->named[2].index, 0);
	}
}

/* ---- how far ---- */

static void test_nothing_behind_the_question_is_shown_unless_it_follows(void **state)
{
	struct lookup_case *c = *state;
	struct request request = search("source:journal");
	request.question.paging.limit = 200;
	const struct rows *rows = ask(c, &request);
	assert_non_null(rows);
	struct rows first = *rows;
	uint64_t read = rows->read;
	say(c, 299, journal, 0);
	uint64_t fresh = index_of[299];
	builder_commit(c->b);
	rows = ask_on(c, &first);
	assert_true(rows && rows->done && rows->position == read);
	request = search("source:journal");
	request.question.paging.follow_ms = 1;
	rows = ask(c, &request);
	for (unsigned pages = 0; rows && rows->row_count != 0 && pages < 20; pages++) {
		first = *rows;
		rows = ask_on(c, &first);
	}
	assert_true(rows && rows->row_count == 0 && !rows->done);
	assert_int_equal(rows->position, builder_size(c->b));
	say(c, 298, journal, 0);
	builder_commit(c->b);
	first = *rows;
	rows = ask_on(c, &first);
	assert_true(rows && rows->row_count == 1);
	assert_true(rows->rows[0].index == index_of[298] && rows->rows[0].index > fresh);
}

/* Else it would be asked again and again, as the log is larger. */
static void test_who_follows_ends_at_the_logs_end_whatever_the_range(void **state)
{
	struct lookup_case *c = *state;
	static const char *const QUERIES[] = { "index:1", "index:18446744073709551615",
		"source:nobody", "actor:nobody" };
	for (size_t i = 0; i < sizeof QUERIES / sizeof QUERIES[0]; i++) {
		for (unsigned from = 0; from < 2; from++) {
			struct request request = search(QUERIES[i]);
			request.question.paging.follow_ms = 1;
			request.question.paging.from = from ? 1 << 30 : 0;
			const struct rows *rows = ask(c, &request);
			assert_true(rows && rows->row_count == 0 && !rows->done);
			assert_int_equal(rows->position, builder_size(c->b));
		}
	}
}

static void test_the_tree_must_hold_the_question(void **state)
{
	struct lookup_case *c = *state;
	struct request request = search("actor:a1");
	set_request(c, &request);
	put_on_record(c);
	uint64_t read = c->op.own_index;
	static const struct {
		int64_t beyond;
		enum trail_err code;
	} CASES[] = { { -1, TRAIL_INVALID }, { 0, TRAIL_INVALID }, { 1, TRAIL_OK },
		{ 2, TRAIL_INVALID } };
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		c->op.request.question.paging.size = read + (uint64_t)CASES[i].beyond;
		const struct rows *rows = answer(c);
		if (CASES[i].code != TRAIL_OK)
			assert_refused(c, rows, CASES[i].code);
		else
			assert_true(rows && rows->checkpoint.len == 0);
	}
	c->op.request.question.paging.size = 0;
	const struct rows *rows = answer(c);
	assert_true(rows && rows->checkpoint.len > 0);
}

/* ---- cursors ---- */

static void test_a_page_is_for_its_question_and_its_peer(void **state)
{
	struct lookup_case *c = *state;
	struct request request = search("actor:a1");
	request.question.paging.limit = 5;
	const struct rows *rows = ask(c, &request);
	assert_non_null(rows);
	struct rows first = *rows;
	assert_non_null(ask_on(c, &first));
	static const char *const OTHERS[] = { "", "actor:a2", "subject:a1", "actor:\"a1\"" };
	for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
		struct request other = search(OTHERS[i]);
		other.question.paging.next = span_of(cursor, first.next.len);
		set_request(c, &other);
		c->op.own_index = 0;
		assert_refused(c, answer(c), TRAIL_INVALID);
	}
	request.question.paging.next = span_of(cursor, first.next.len);
	set_request(c, &request);
	assert_non_null(answer(c));
	(void)strcpy(c->op.peer.name, "1002");
	assert_refused(c, answer(c), TRAIL_INVALID);
	(void)strcpy(c->op.peer.name, "1001");
	c->op.request.question.paging.newest_first = true;
	assert_refused(c, answer(c), TRAIL_INVALID);
	c->op.request.question.paging.newest_first = false;
	c->op.request.question.paging.follow_ms = 1;
	assert_refused(c, answer(c), TRAIL_INVALID);
}

/* Whoever bends it sees nothing but answers to the question that is on record. */
enum {
	FLAG_INDEXED_BIT = 10
};

static void test_no_bent_cursor_shows_more(void **state)
{
	struct lookup_case *c = *state;
	static const struct want ASKED[] = {
		{ "actor:a1", "a1", NULL, NULL, NULL, -1, -1, NULL },
		{ "subject:p-4", NULL, NULL, "p-4", NULL, -1, -1, NULL },
	};
	const struct paging plain = { .limit = 5 };
	for (unsigned down = 0; down < 2; down++) {
		struct request request = search(ASKED[down].query);
		request.question.paging.limit = 5;
		request.question.paging.newest_first = down;
		const struct rows *rows = ask(c, &request);
		assert_non_null(rows);
		struct rows first = *rows;
		size_t len = first.next.len;
		assert_non_null(ask_on(c, &first));
		for (size_t bit = 0; bit < len * 8; bit++) {
			cursor[bit / 8] ^= (uint8_t)(1U << bit % 8);
			rows = answer(c);
			assert_true(rows || c->op.response.error.code == TRAIL_INVALID);
			for (size_t i = 0; rows && i < rows->row_count; i++) {
				assert_true(rows->rows[i].index < first.read);
				assert_true(answers(c, &ASKED[down], &plain, rows->rows[i].index));
			}
			/*
			 * Version, flags and reserve, and the trace itself, are judged; but for
			 * the flag that says by what means the pages before were found.
			 */
			if (bit / 8 < 12 && bit != FLAG_INDEXED_BIT)
				assert_null(rows);
			cursor[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		for (size_t cut = 1; cut < len; cut++) {
			c->op.request.question.paging.next = span_of(cursor, cut);
			assert_refused(c, answer(c), TRAIL_INVALID);
		}
	}
}

/* ---- how complete ---- */

static void test_gaps_are_counted_where_they_concern(void **state)
{
	struct lookup_case *c = *state;
	static struct found found;
	struct epoch *epoch = builder_epoch(c->b, journal, 7);
	static const struct {
		const char *query;
		uint64_t from;
		uint32_t sources, current;
		uint64_t gaps;
	} CASES[] = {
		/* Two declared (40: journal, 44: files), one LOSS entry and one missing. */
		{ "", 0, 2, 1, 4 },
		{ "actor:nobody", 0, 2, 1, 4 },
		{ "source:journal", 0, 1, 0, 2 },
		{ "source:files", 0, 1, 1, 2 },
		{ "source:traild", 0, 0, 0, 0 },
		{ "source:nobody", 0, 0, 0, 0 },
		{ "-source:journal", 0, 1, 1, 2 },
		{ "source:files source:nobody", 0, 1, 1, 2 },
		{ "source:j*", 0, 1, 0, 2 },
		{ "source:* actor:nobody", 0, 2, 1, 4 },
		/* Only in the range that was looked at. */
		{ "", 200, 2, 1, 1 },
	};
	epochs_heard(builder_epochs(c->b), epoch, epoch->row.last_ns, epoch->row.last + 5);
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		for (unsigned limit = 0; limit < 8; limit += 7) {
			struct request request = search(CASES[i].query);
			request.question.paging.from = CASES[i].from;
			request.question.paging.limit = limit;
			ask_all(c, &request, &found);
			assert_int_equal(found.last.completeness.sources, CASES[i].sources);
			assert_int_equal(found.last.completeness.current, CASES[i].current);
			assert_int_equal(found.last.completeness.gaps, CASES[i].gaps);
		}
	}
}

/* ---- G8: who may write the store makes no row disappear ---- */

/* Questions for each way to look; each covers the whole log. */
static void assert_all_fail(struct lookup_case *c)
{
	static const char *const QUERIES[] = { "actor:a1", "actor:nobody", "source:journal",
		"source:nobody", "" };
	for (size_t i = 0; i < 2 * sizeof QUERIES / sizeof QUERIES[0]; i++) {
		struct request request = search(QUERIES[i / 2]);
		request.question.paging.newest_first = i % 2;
		const struct rows *rows = ask(c, &request);
		while (rows && !rows->done) {
			struct rows first = *rows;
			rows = ask_on(c, &first);
		}
		assert_refused(c, rows, TRAIL_UNAVAILABLE);
	}
	struct request request = { .kind = REQUEST_GET, .question.count = UINT64_MAX };
	assert_refused(c, ask(c, &request), TRAIL_UNAVAILABLE);
}

static void test_g8_a_missing_or_other_payload_fails_what_would_read_it(void **state)
{
	struct lookup_case *c = *state;
	static struct found found;
	for (unsigned i = 0; i < 2; i++) {
		struct row_before before =
			lookup_case_payload(c, index_of[33], span_text(i ? "other" : ""));
		static const char *const QUERIES[] = { "actor:a1", "actor:nobody", "source:journal",
			"", "source:journal actor:nobody" };
		for (size_t k = 0; k < 2 * sizeof QUERIES / sizeof QUERIES[0]; k++) {
			struct request request = search(QUERIES[k / 2]);
			request.question.paging.newest_first = k % 2;
			assert_refused(c, ask(c, &request), TRAIL_UNAVAILABLE);
		}
		struct request request = { .kind = REQUEST_GET, .question.index = index_of[33] };
		assert_refused(c, ask(c, &request), TRAIL_UNAVAILABLE);
		/* Whose payload does not matter is not read. */
		request = search("source:files");
		ask_all(c, &request, &found);
		assert_true(found.count > 100);
		lookup_case_undo(c, &before);
	}
}

static void test_g8_no_byte_of_a_record_can_be_another(void **state)
{
	struct lookup_case *c = *state;
	for (size_t at = 0; at < RECORD_LEN; at += 3) {
		uint8_t bytes[RECORD_LEN];
		struct record r = lookup_case_record(c, index_of[34]);
		record_encode(&r, bytes);
		bytes[at] ^= 1;
		record_decode(bytes, &r);
		struct row_before before = lookup_case_replace(c, index_of[34], &r);
		assert_all_fail(c);
		lookup_case_undo(c, &before);
	}
}

enum {
	FORGED_MAX = 32
};

/*
 * Another actor in the newest event of a source, by who knows every format: payload and chunk,
 * commitment, and with `chained` every record behind it. How many rows changed.
 */
static size_t forge(struct lookup_case *c, bool chained, struct row_before before[FORGED_MAX])
{
	uint64_t index = index_of[EVENTS - 1], size = builder_size(c->b);
	struct record r = lookup_case_record(c, index);
	struct buf room = { 0 };
	struct span salt, payload;
	size_t n = 0;
	lookup_case_begin(c);
	assert_int_equal(store_case_payload(c->look.store, c->look.txn, c->chunker, index, &room,
				 &salt, &payload),
		TRAIL_OK);
	lookup_case_end(c);
	uint8_t *actor = memmem(room.data + SALT_LEN, payload.len, "a2", 2);
	assert_non_null(actor);
	actor[1] = '9';
	before[n++] = lookup_case_payload(c, index, payload);
	record_commitment(salt.data, payload, &r.commitment);
	before[n++] = lookup_case_replace(c, index, &r);
	for (uint64_t i = index + 1; chained && i < size; i++) {
		uint8_t bytes[RECORD_LEN];
		struct hash leaf;
		assert_true(n < FORGED_MAX);
		record_encode(&r, bytes);
		record_leaf(bytes, &leaf);
		r = lookup_case_record(c, i);
		r.prev = leaf;
		before[n++] = lookup_case_replace(c, i, &r);
	}
	buf_release(&room);
	return n;
}

static void test_g8_a_forged_event_is_found_by_chain_or_tree(void **state)
{
	struct lookup_case *c = *state;
	static struct row_before before[FORGED_MAX];
	static const char *const QUERIES[] = { "actor:a2", "actor:a9", "actor:nobody" };
	for (unsigned i = 0; i < 12; i++) {
		struct request request = search(QUERIES[i / 4]);
		request.question.paging.newest_first = i & 1;
		set_request(c, &request);
		put_on_record(c);
		size_t n = forge(c, i & 2, before);
		assert_refused(c, answer(c), TRAIL_UNAVAILABLE);
		while (n > 0)
			lookup_case_undo(c, &before[--n]);
		assert_non_null(answer(c));
	}
}

/* No state row says whose an event is. */
static void test_g8_a_source_without_rows_is_found_all_the_same(void **state)
{
	struct lookup_case *c = *state;
	uint8_t key[KEY_SOURCE_LEN];
	key_source(journal, 7, key);
	struct buf row = lookup_case_row(c, TABLE_SOURCE, span_of(key, sizeof key));
	lookup_case_delete(c, TABLE_SOURCE, span_of(key, sizeof key));
	const struct paging plain = { .limit = 0 };
	assert_found(c, &WANTS[7], &plain);
	lookup_case_put(c, TABLE_SOURCE, span_of(key, sizeof key), buf_view(&row));
	buf_release(&row);
}

/* The SOURCE entry under another name, its commitment made to fit. */
static void test_g8_no_entry_gives_a_source_another_name(void **state)
{
	struct lookup_case *c = *state;
	uint8_t key[KEY_INDEX_LEN];
	key_index(journal, key);
	struct span at = span_of(key, sizeof key);
	struct buf row = lookup_case_row(c, TABLE_CONTROL, at);
	struct record r = lookup_case_record(c, journal);
	row.data[row.len - 1] = 'x';
	record_commitment(row.data + 1, span_of(row.data + 1 + SALT_LEN, row.len - 1 - SALT_LEN),
		&r.commitment);
	struct row_before before = lookup_case_replace(c, journal, &r);
	lookup_case_put(c, TABLE_CONTROL, at, buf_view(&row));
	/* The range does not hold the entry itself. */
	for (unsigned down = 0; down < 2; down++) {
		struct request request = search("source:journal");
		request.question.paging.newest_first = down;
		request.question.paging.from = down ? 0 : 20;
		assert_refused(c, ask(c, &request), TRAIL_UNAVAILABLE);
	}
	row.data[row.len - 1] = 'l';
	lookup_case_put(c, TABLE_CONTROL, at, buf_view(&row));
	lookup_case_undo(c, &before);
	buf_release(&row);
}

/* Nor is a peer's entry believed that does not lie in the signed tree. */
static void test_g8_no_entry_gives_a_peer_another_name(void **state)
{
	struct lookup_case *c = *state;
	struct record r = lookup_case_record(c, peer);
	r.received_ns ^= 1;
	struct row_before before = lookup_case_replace(c, peer, &r);
	/* The range does not hold the entry itself. */
	struct request request = search("peer:unix:1001");
	request.question.paging.from = 20;
	assert_refused(c, ask(c, &request), TRAIL_UNAVAILABLE);
	lookup_case_undo(c, &before);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_exactly_what_answers_is_found),
		CASE(test_sources_whose_names_share_a_place_are_told_apart),
		CASE(test_an_index_is_looked_at_alone),
		CASE(test_a_history_is_that_of_one_object),
		CASE(test_rows_first_and_the_rest_counted),
		CASE(test_get_gives_any_range_below_its_own_trace),
		CASE(test_get_adds_the_genesis_for_evidence),
		CASE(test_nothing_behind_the_question_is_shown_unless_it_follows),
		CASE(test_who_follows_ends_at_the_logs_end_whatever_the_range),
		CASE(test_the_tree_must_hold_the_question),
		CASE(test_a_page_is_for_its_question_and_its_peer),
		CASE(test_no_bent_cursor_shows_more),
		CASE(test_gaps_are_counted_where_they_concern),
		CASE(test_g8_a_missing_or_other_payload_fails_what_would_read_it),
		CASE(test_g8_no_byte_of_a_record_can_be_another),
		CASE(test_g8_a_forged_event_is_found_by_chain_or_tree),
		CASE(test_g8_a_source_without_rows_is_found_all_the_same),
		CASE(test_g8_no_entry_gives_a_source_another_name),
		CASE(test_g8_no_entry_gives_a_peer_another_name),
	};
	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
