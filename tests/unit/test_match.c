/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, rows are what was asked for: what the index answers to random questions over random events is
 * held against the events themselves. It names every event that answers; what it names without a
 * doubt answers; and what it counts are they.
 */
#include "../../daemon/index/match.h"

#include "../../daemon/index/run.h"
#include "../../proto/query_parse.h"
#include "../support/index_case.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	DOCS_MAX = 3000,
	TEXT_MAX = 8192,
	CLASS = 3,
};

static const int64_t HOUR_NS = INT64_C(3600000000000);
static const uint64_t FROM = 1000; /* index of doc 0 */

struct event {
	bool is, loss;
	struct event_facts facts;
	struct span source, peer;
	uint8_t id[16];
};

static struct index_case world;
static struct event events[DOCS_MAX];
static uint32_t docs;
static struct segment segment;

/* Long values that begin alike, and go on, or not, where the index cuts them. */
static char longs[6][301];

static int setup(void **state)
{
	static const size_t LENS[] = { 253, 254, 255, 256, 257, 300 };
	(void)state;
	index_case_make(&world);
	for (size_t i = 0; i < 6; i++) {
		memset(longs[i], 'x', LENS[i]);
		if (i == 5)
			longs[i][299] = 'z';
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	index_case_remove(&world);
	return 0;
}

/* ---- events ---- */

static const char *word(uint64_t *random)
{
	static const char *const WORDS[] = { "a", "b", "ab", "abc", "anna", "anna.b", "\xc3\xa5",
		"B", "0", "zz" };
	if (random_below(random, 12) == 0)
		return longs[random_below(random, 6)];
	return WORDS[random_below(random, sizeof WORDS / sizeof *WORDS)];
}

static const char *path(uint64_t *random)
{
	static const char *const PATHS[] = { "/hr/a", "/hr/b", "/hr/", "/hr", "/hr/a/1", "/hr/a/2",
		"hr/a", "/x//y", "//", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q" };
	if (random_below(random, 12) == 0)
		return longs[random_below(random, 6)];
	return PATHS[random_below(random, sizeof PATHS / sizeof *PATHS)];
}

static struct span maybe(uint64_t *random, const char *text)
{
	return random_below(random, 3) ? span_text(text) : span_of(NULL, 0);
}

/* Around a few hours, on them, and at the ends of what is kept. */
static int64_t some_time(uint64_t *random)
{
	int64_t hour = HOUR_NS * (int64_t)(480000 + random_below(random, 5));
	switch (random_below(random, 40)) {
	case 0:
		return -(int64_t)random_below(random, 1000000);
	case 1:
		return INT64_C(4294967295000000000) + (int64_t)(random_next(random) >> 3);
	case 2:
		return hour;
	case 3:
		return hour - 1;
	default:
		return hour + (int64_t)random_below(random, (uint64_t)HOUR_NS);
	}
}

static void make_event(struct event *e, uint64_t *random, int64_t within)
{
	*e = (struct event){ .is = random_below(random, 4) != 0 };
	e->loss = random_below(random, 20) == 0;
	e->source = span_text(random_below(random, 2) ? "his" : "lab");
	if (!e->is)
		return;
	e->peer = maybe(random, random_below(random, 2) ? "unix:1" : "tls:lab");
	/* Ids that begin alike. */
	for (size_t i = 0; i < sizeof e->id; i++)
		e->id[i] = i == 7 || i == 15 ? (uint8_t)random_below(random, 4) : 0x1f;
	e->facts = (struct event_facts){
		.time_ns = within ? within + (int64_t)random_below(random, 3 * HOUR_NS)
				  : some_time(random),
		.action = 1 + (uint32_t)random_below(random, 5),
		.outcome = (uint32_t)random_below(random, 3),
		.medium = (uint32_t)random_below(random, 3),
		.actor_id = maybe(random, word(random)),
		.object_id = maybe(random, path(random)),
		.object_type = maybe(random, "t"),
		.subject = maybe(random, word(random)),
		.verb = maybe(random, word(random)),
		.unit = maybe(random, "u"),
		.host = maybe(random, word(random)),
	};
	if (random_below(random, 4))
		e->facts.id = span_of(e->id, sizeof e->id);
}

static void add_event(struct run *run, uint32_t doc)
{
	const struct event *e = &events[doc];
	struct term terms[TERM_OF_EVENT_MAX + 1];
	struct term_room room;
	size_t n = e->is ? terms_of_event(&e->facts, e->source, e->peer, &room, terms) : 0;
	if (e->loss)
		terms[n++] = (struct term){ TERM_LOSS, e->source };
	if (n > 0)
		assert_true(run_add(run, doc, segment_seconds(e->facts.time_ns), terms, n));
}

/* A segment of `count` docs, most of which are events. `within`: all in three hours from then on.
 */
static void make_segment(uint64_t *random, uint32_t count, int64_t within)
{
	struct run *run = run_new();
	struct segment_place place = index_case_place(&world, FROM, FROM + count);
	assert_non_null(run);
	place.class_no = CLASS;
	docs = count;
	for (uint32_t doc = 0; doc < docs; doc++) {
		make_event(&events[doc], random, within);
		if (doc == 0)
			events[doc].is = true;
		add_event(run, doc);
	}
	struct segment_writer *w = segment_write_begin(world.at, world.key, &world.genesis, &place);
	assert_non_null(w);
	assert_true(run_write(run, w));
	struct segment_sum sum = { run_records(run), .losses = run_losses(run) };
	assert_int_equal(segment_write_end(w, &sum), TRAIL_OK);
	assert_int_equal(
		segment_open(world.at, world.key, &world.genesis, &place, &segment), TRAIL_OK);
	run_free(run);
}

static void drop_segment(void)
{
	char name[SEGMENT_NAME_MAX];
	segment_name(segment.place.serial, name);
	segment_close(&segment);
	assert_int_equal(unlinkat(world.at, name, 0), 0);
}

/* ---- questions ---- */

static void put_text(struct buf *out, uint64_t *random, const char *text)
{
	switch (random_below(random, 6)) {
	case 0:
		buf_printf(out, "\"%.*s\"*", (int)random_below(random, strlen(text) + 1), text);
		return;
	case 1:
		buf_printf(out, "\"%s\"..", text);
		return;
	case 2:
		buf_printf(out, "..\"%s\"", text);
		return;
	case 3:
		buf_put_text(out, random_below(random, 2) ? "*" : "\"\"");
		return;
	default:
		buf_printf(out, "\"%s\"", text);
	}
}

static void put_id(struct buf *out, uint64_t *random)
{
	static const char WHOLE[] = "1f1f1f1f-1f1f-1f00-1f1f-1f1f1f1f1f00";
	char text[sizeof WHOLE];
	memcpy(text, WHOLE, sizeof WHOLE);
	text[17] = (char)('0' + random_below(random, 4));
	text[35] = (char)('0' + random_below(random, 4));
	switch (random_below(random, 4)) {
	case 0:
		buf_printf(out, "id:%.*s*", (int)random_below(random, sizeof WHOLE), text);
		return;
	case 1:
		buf_printf(out, "id:%.*s..", (int)(1 + random_below(random, 36)), text);
		return;
	case 2:
		buf_put_text(out, "id:\"\"");
		return;
	default:
		buf_printf(out, "id:%s", text);
	}
}

static void put_term(struct buf *out, uint64_t *random)
{
	static const char *const TEXTS[] = { "actor", "subject", "verb", "host" };
	static const char *const WORDS[] = { "action:read", "action:modify", "action:create",
		"outcome:denied", "class:3", "class:0..4", "class:4", "source:his", "source:l*",
		"peer:unix:1", "peer:\"\"", "type:t", "unit:\"\"", "unit:u", "type:*" };
	if (random_below(random, 3) == 0)
		buf_put_u8(out, '-');
	switch (random_below(random, 8)) {
	case 0:
		put_id(out, random);
		return;
	case 1:
	case 2:
		buf_put_text(out, "object:");
		put_text(out, random, path(random));
		return;
	case 3:
		buf_put_text(out, WORDS[random_below(random, sizeof WORDS / sizeof *WORDS)]);
		return;
	case 4:
		buf_printf(out, "index:%u..%u", (unsigned)(900 + random_below(random, docs)),
			(unsigned)(1000 + docs + random_below(random, 9)));
		return;
	default:
		buf_printf(out, "%s:", TEXTS[random_below(random, 4)]);
		put_text(out, random, word(random));
	}
}

struct ask {
	struct buf text;
	uint8_t room[TEXT_MAX * 16];
	struct query query;
	struct match_question question;
};

static void make_ask(struct ask *ask, uint64_t *random)
{
	struct arena arena = { .data = ask->room, .cap = sizeof ask->room };
	struct query_fault fault;
	do {
		buf_clear(&ask->text);
		arena.used = 0;
		for (uint64_t n = random_below(random, 4); n > 0; n--) {
			put_term(&ask->text, random);
			buf_put_u8(&ask->text, ' ');
		}
		assert_false(ask->text.failed);
		/* A range may be turned: another, then. */
	} while (query_parse(buf_view(&ask->text), &arena, &ask->query, &fault) != TRAIL_OK);
	ask->question = (struct match_question){ .query = &ask->query };
	if (random_below(random, 3) == 0)
		ask->question.since_ns = some_time(random);
	if (random_below(random, 3) == 0)
		ask->question.until_ns = some_time(random);
}

/* ---- the truth ---- */

static bool answers(const struct ask *ask, uint32_t doc)
{
	const struct event *e = &events[doc];
	const struct match_question *q = &ask->question;
	const struct query_view view = { FROM + doc, CLASS, e->source, e->peer, &e->facts };
	return e->is && query_matches(&ask->query, &view) &&
		(q->since_ns == 0 || e->facts.time_ns >= q->since_ns) &&
		(q->until_ns == 0 || e->facts.time_ns < q->until_ns);
}

#define ASK_FAIL(ask, doc, what)                                                                   \
	fail_msg("doc %u %s: %.*s [%lld, %lld)", (unsigned)(doc), what, (int)(ask)->text.len,      \
		(const char *)(ask)->text.data, (long long)(ask)->question.since_ns,               \
		(long long)(ask)->question.until_ns)

/* What the index says of one doc, and whether that is so. */
static void judge(const struct ask *ask, uint32_t doc, const struct match_hit *hit, bool losses)
{
	bool truth = answers(ask, doc);
	bool found = hit && hit->event;
	if (truth && !found)
		ASK_FAIL(ask, doc, "answers and is hidden");
	if (found && hit->sure && !truth)
		ASK_FAIL(ask, doc, "does not answer, and is said to");
	if (hit && hit->loss != (losses && events[doc].loss))
		ASK_FAIL(ask, doc, "is a loss, or none");
	if (!hit && losses && events[doc].loss)
		ASK_FAIL(ask, doc, "is a loss that is hidden");
	if (hit && !hit->event && !hit->loss)
		ASK_FAIL(ask, doc, "is found as nothing");
}

/* All hits, one way; answers how many are sure. */
static uint64_t check_way(const struct ask *ask, bool down, bool losses)
{
	struct match *m;
	struct match_hit hit;
	uint64_t sure = 0;
	assert_int_equal(match_open(&segment, &ask->question, losses, &m), TRAIL_OK);
	uint32_t doc = down ? docs - 1 : 0;
	for (bool more = true; more;) {
		enum trail_err err = match_next(m, doc, down, &hit);
		assert_true(err == TRAIL_OK || err == TRAIL_END);
		uint32_t stop = err ? (down ? 0 : docs - 1) : hit.doc;
		assert_true(down ? stop <= doc : stop >= doc);
		/* What is passed over, and what is found. */
		for (; doc != stop; doc += down ? -1U : 1U)
			judge(ask, doc, NULL, losses);
		judge(ask, doc, err ? NULL : &hit, losses);
		sure += !err && hit.event && hit.sure;
		more = !err && doc != (down ? 0 : docs - 1);
		doc += down ? -1U : 1U;
	}
	match_close(m);
	return sure;
}

/* What is counted without a look, and what is looked at one by one, are the answers. */
static void check_count(const struct ask *ask, uint32_t low, uint32_t high, uint64_t sure)
{
	struct match *m;
	struct match_hit hit;
	uint64_t want = 0, count, all = 0;
	assert_int_equal(match_open(&segment, &ask->question, false, &m), TRAIL_OK);
	for (uint32_t doc = low; doc <= high && doc < docs; doc++)
		want += answers(ask, doc);
	assert_int_equal(match_count(m, low, high, &count), TRAIL_OK);
	if (low == 0 && high == docs - 1 && count != sure)
		ASK_FAIL(ask, high, "is counted as sure, and was found not to be");
	all = count;
	for (uint32_t doc = low; match_next_doubt(m, doc, false, &hit) == TRAIL_OK;) {
		doc = hit.doc;
		if (doc > high)
			break;
		all += answers(ask, doc);
		doc++;
	}
	if (all != want)
		ASK_FAIL(ask, high, "and those before it are counted wrongly");
	if (match_is_all(m))
		for (uint32_t doc = 0; doc < docs; doc++)
			assert_int_equal(answers(ask, doc), events[doc].is);
	match_close(m);
}

static void check_ask(const struct ask *ask, uint64_t *random)
{
	uint64_t sure = check_way(ask, false, false);
	assert_int_equal(check_way(ask, true, false), sure);
	assert_int_equal(check_way(ask, false, true), sure);
	assert_int_equal(check_way(ask, true, true), sure);
	check_count(ask, 0, docs - 1, sure);
	check_count(ask, (uint32_t)random_below(random, docs), (uint32_t)random_below(random, docs),
		sure);
}

static void check_segment(uint64_t *random, uint32_t count, int64_t within, unsigned asks)
{
	static struct ask ask;
	make_segment(random, count, within);
	for (unsigned i = 0; i < asks; i++) {
		make_ask(&ask, random);
		check_ask(&ask, random);
	}
	buf_release(&ask.text);
	drop_segment();
}

static void test_random_questions_are_answered_as_the_events_are(void **state)
{
	uint64_t random = 1;
	(void)state;
	for (unsigned i = 0; i < 40; i++)
		check_segment(&random, 1 + (uint32_t)random_below(&random, 150), 0, 150);
	check_segment(&random, DOCS_MAX, 0, 150);
}

static void test_questions_of_time_over_a_few_hours(void **state)
{
	uint64_t random = 2;
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		check_segment(&random, 100, HOUR_NS * (480001 + i % 3), 150);
}

/* ---- edges, one by one ---- */

static void check_text(struct span text, int64_t since, int64_t until)
{
	static struct ask ask;
	uint64_t random = 3;
	struct arena arena = { .data = ask.room, .cap = sizeof ask.room };
	struct query_fault fault;
	buf_clear(&ask.text);
	buf_put_span(&ask.text, text);
	assert_int_equal(query_parse(buf_view(&ask.text), &arena, &ask.query, &fault), TRAIL_OK);
	ask.question = (struct match_question){ &ask.query, since, until };
	check_ask(&ask, &random);
	buf_release(&ask.text);
}

static void test_what_the_index_cut_is_never_excluded(void **state)
{
	static const char *const BEGIN[] = { "-verb:\"", "-verb:\"", "-verb:\"", "-verb:..\"",
		"verb:\"", "verb:\"", "-object:\"", "-object:\"" };
	static const char *const END[] = { "\"", "\"*", "\"..", "\"", "\"", "\"*", "\"", "\"*" };
	struct buf text = { 0 };
	uint64_t random = 4;
	(void)state;
	make_segment(&random, 2000, 0);
	for (size_t i = 0; i < 6; i++) {
		for (size_t j = 0; j < sizeof BEGIN / sizeof *BEGIN; j++) {
			buf_clear(&text);
			buf_put_text(&text, BEGIN[j]);
			buf_put_text(&text, longs[i]);
			buf_put_text(&text, END[j]);
			check_text(buf_view(&text), 0, 0);
		}
	}
	buf_release(&text);
	check_text(span_text("-id:1f1f1f1f-1f1f-1f00-1f1f-1f1f1f1f1f00"), 0, 0);
	check_text(span_text("-id:1f1f1f1f-1f1f-1f00*"), 0, 0);
	check_text(span_text("-id:1f1f1f1f-1f1f-1f00-1f1f-1f1f1f1f1f00.."), 0, 0);
	drop_segment();
}

static void test_edges_of_hours_are_in_doubt(void **state)
{
	static const int64_t OFFSETS[] = { -1, 0, 1, 1800000000000, -1000000000 };
	uint64_t random = 5;
	(void)state;
	make_segment(&random, 1500, 0);
	for (int64_t hour = 479999; hour < 480007; hour++) {
		for (size_t i = 0; i < 5; i++) {
			int64_t ns = HOUR_NS * hour + OFFSETS[i];
			check_text(span_text(""), ns, 0);
			check_text(span_text(""), 0, ns);
			check_text(span_text("-verb:a"), ns, ns + HOUR_NS);
			check_text(span_text("subject:\"\""), ns, ns + 1);
		}
	}
	check_text(span_text(""), -5, 5);
	check_text(span_text(""), INT64_MAX, 0);
	check_text(span_text(""), 1, INT64_MAX);
	check_text(span_text(""), 0, INT64_MIN + 1);
	check_text(span_text(""), INT64_C(4294967295000000000), INT64_C(4294967297000000000));
	drop_segment();
}

/* Events whose list has a block of its own. */
static struct segment_place make_long_list(void)
{
	struct segment_place place = index_case_place(&world, 0, 40000);
	struct segment_sum sum = { .records = 20000 };
	struct segment_writer *w = segment_write_begin(world.at, world.key, &world.genesis, &place);
	assert_non_null(w);
	segment_write_term(w, span_text("\1"), 1, 1);
	for (uint32_t doc = 0; doc < 40000; doc += 2)
		segment_write_doc(w, doc);
	assert_int_equal(segment_write_end(w, &sum), TRAIL_OK);
	return place;
}

/* Who asks once more is not told a part of it as if that were all. */
static void test_damage_is_said_each_time(void **state)
{
	static struct ask ask;
	struct arena arena = { .data = ask.room, .cap = sizeof ask.room };
	struct query_fault fault;
	struct match *m;
	struct match_hit hit;
	uint64_t count;
	(void)state;
	const struct segment_place place = make_long_list();
	assert_int_equal(query_parse(span_text("index:5.."), &arena, &ask.query, &fault), TRAIL_OK);
	ask.question = (struct match_question){ .query = &ask.query };
	assert_int_equal(
		segment_open(world.at, world.key, &world.genesis, &place, &segment), TRAIL_OK);
	assert_int_equal(match_open(&segment, &ask.question, false, &m), TRAIL_OK);
	index_case_damage(&world, &place, 100);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(match_count(m, 0, 100, &count), TRAIL_CORRUPT);
		assert_int_equal(match_next(m, 0, false, &hit), TRAIL_CORRUPT);
	}
	match_close(m);
	drop_segment();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_questions_are_answered_as_the_events_are),
		cmocka_unit_test(test_questions_of_time_over_a_few_hours),
		cmocka_unit_test(test_what_the_index_cut_is_never_excluded),
		cmocka_unit_test(test_edges_of_hours_are_in_doubt),
		cmocka_unit_test(test_damage_is_said_each_time),
	};
	return cmocka_run_group_tests_name("match", tests, setup, teardown);
}
