/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, rows are what was asked for: over many segments, holes, damage and a tail that is not
 * indexed, the index says of each record whether it knows it, and of those that it knows which
 * answer, how many, and by which value.
 */
#include "../../daemon/index/census.h"

#include "../../daemon/index/run.h"
#include "../../proto/query_parse.h"
#include "../support/index_case.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	EVENTS = 1200,
	CLASSES = 3,
	HOLES_MAX = 16,
	PLACES_MAX = 128,
	KEYS_MAX = 64,
};

struct event {
	uint32_t class_no;
	bool unknown; /* in a hole, or behind what is indexed */
	struct event_facts facts;
};

static struct index_case world;
static struct event events[EVENTS];
static uint64_t indexed;
static struct index_hole holes[HOLES_MAX];
static size_t hole_count;
static struct segment_place places[PLACES_MAX];
static size_t place_count;
static struct catalog *catalog;

static struct span word(uint64_t *random)
{
	static const char *const WORDS[] = { "a", "b", "ab", "anna", "/hr/a", "/hr/b" };
	if (random_below(random, 4) == 0)
		return span_of(NULL, 0);
	return span_text(WORDS[random_below(random, sizeof WORDS / sizeof *WORDS)]);
}

static void make_events(uint64_t *random)
{
	for (size_t i = 0; i < EVENTS; i++)
		events[i] = (struct event){ .class_no = (uint32_t)random_below(random, CLASSES),
			.facts = { .time_ns = INT64_C(3600000000000) * 400000 +
					(int64_t)(random_next(random) >> 18),
				.action = 1 + (uint32_t)random_below(random, 5),
				.actor_id = word(random),
				.object_id = word(random),
				.verb = word(random) } };
	indexed = EVENTS - random_below(random, EVENTS / 4);
	for (uint64_t i = indexed; i < EVENTS; i++)
		events[i].unknown = true;
}

/* The segment of a class's events in [from, to), if there are any. */
static void make_segment(uint32_t class_no, uint64_t from, uint64_t to)
{
	struct segment_place place = index_case_place(&world, from, to);
	struct run *run = run_new();
	assert_non_null(run);
	place.class_no = class_no;
	for (uint64_t i = from; i < to; i++) {
		struct term terms[TERM_OF_EVENT_MAX];
		struct term_room room;
		if (events[i].class_no != class_no)
			continue;
		size_t n = terms_of_event(
			&events[i].facts, span_text("his"), span_of(NULL, 0), &room, terms);
		assert_true(run_add(run, (uint32_t)(i - from),
			segment_seconds(events[i].facts.time_ns), terms, n));
	}
	struct segment_writer *w = segment_write_begin(world.at, world.key, &world.genesis, &place);
	assert_non_null(w);
	assert_true(run_write(run, w));
	struct segment_sum sum = { .records = run_records(run) };
	enum trail_err err = segment_write_end(w, &sum);
	assert_int_equal(err, run_records(run) > 0 ? TRAIL_OK : TRAIL_INVALID);
	if (!err)
		places[place_count++] = place;
	run_free(run);
}

/* A class's segments, one behind the other, each of its own length; some are holes instead. */
static void make_class(uint64_t *random, uint32_t class_no)
{
	for (uint64_t from = 0; from < indexed;) {
		uint64_t to = from + 20 + random_below(random, 200);
		to = to < indexed ? to : indexed;
		if (hole_count < HOLES_MAX && random_below(random, 8) == 0) {
			holes[hole_count++] = (struct index_hole){ class_no, 202601, from, to };
			for (uint64_t i = from; i < to; i++)
				events[i].unknown = true;
		} else {
			make_segment(class_no, from, to);
		}
		from = to;
	}
}

static bool knows(void *ctx, uint64_t index, const struct hash *leaf)
{
	(void)ctx;
	(void)leaf;
	return index == indexed;
}

static void make_catalog(uint64_t *random)
{
	size_t lost;
	index_case_make(&world);
	hole_count = place_count = 0;
	make_events(random);
	const struct catalog_options options = {
		.folder = world.folder, .key = world.key, .genesis = world.genesis, .knows = knows
	};
	assert_int_equal(catalog_open(&options, &catalog, &lost), TRAIL_OK);
	for (uint32_t i = 0; i < CLASSES; i++)
		make_class(random, i);
	const struct catalog_change change = { .add = places,
		.add_count = place_count,
		.indexed = indexed,
		.holes = holes,
		.hole_count = hole_count };
	assert_int_equal(catalog_apply(catalog, &change), TRAIL_OK);
}

static void drop_catalog(void)
{
	catalog_close(catalog);
	index_case_remove(&world);
}

/* ---- questions ---- */

struct ask {
	struct query query;
	uint8_t room[8192];
	struct match_question question;
};

static const char *const QUERIES[] = { "", "actor:a", "actor:a*", "-actor:a verb:b..",
	"object:/hr/*", "class:1", "class:0..1 -verb:b", "index:100..700", "subject:\"\"",
	"actor:\"\" -index:5..50", "action:read action:modify", "actor:nobody" };

enum {
	QUERY_COUNT = sizeof QUERIES / sizeof *QUERIES
};

static void make_ask(struct ask *ask, const char *text)
{
	struct arena arena = { .data = ask->room, .cap = sizeof ask->room };
	struct query_fault fault;
	assert_int_equal(query_parse(span_text(text), &arena, &ask->query, &fault), TRAIL_OK);
	ask->question = (struct match_question){ .query = &ask->query };
}

static struct query_view view_of(uint64_t index)
{
	return (struct query_view){ index, events[index].class_no, span_text("his"),
		span_of(NULL, 0), &events[index].facts };
}

static bool answers(const struct ask *ask, uint64_t index)
{
	const struct query_view view = view_of(index);
	return query_matches(&ask->query, &view);
}

/* ---- parts and hits ---- */

/* All of a part is known, or nothing. */
static void assert_part(const struct hits_part *part, uint64_t index)
{
	assert_true(part->from <= index && part->to > index);
	for (uint64_t i = part->from; i < part->to && i < EVENTS; i++)
		if (events[i].unknown == part->indexed)
			fail_msg("%u is known, or is not", (unsigned)i);
}

static void check_part(const struct ask *ask, struct hits *h, uint64_t from, uint64_t to, bool down)
{
	struct hits_hit hit;
	uint64_t count = 0, sum;
	for (uint64_t low = from, high = to;;) {
		enum trail_err err = hits_next(h, low, high, down, false, &hit);
		assert_true(err == TRAIL_OK || err == TRAIL_END);
		uint64_t stop = err ? (down ? low : high) : hit.index + (down ? 1 : 0);
		for (uint64_t i = down ? stop : low; i < (down ? high : stop); i++)
			if (answers(ask, i))
				fail_msg("%u answers and is hidden", (unsigned)i);
		if (err)
			break;
		assert_true(hit.event && hit.sure && answers(ask, hit.index));
		count++;
		low = down ? low : hit.index + 1;
		high = down ? hit.index : high;
	}
	assert_int_equal(hits_count(h, from, to, &sum), TRAIL_OK);
	assert_int_equal(sum, count);
}

static void check_all(const struct ask *ask, struct hits *h, bool down)
{
	uint64_t index = down ? EVENTS - 1 : 0;
	for (;;) {
		struct hits_part part = hits_part(h, index);
		assert_part(&part, index);
		uint64_t to = part.to < EVENTS ? part.to : EVENTS;
		if (part.indexed)
			check_part(ask, h, part.from, to, down);
		if (down ? part.from == 0 : to == EVENTS)
			return;
		index = down ? part.from - 1 : to;
	}
}

static void test_what_is_known_is_found_and_what_is_not_is_said(void **state)
{
	uint64_t random = 1;
	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		make_catalog(&random);
		for (unsigned i = 0; i < 2 * QUERY_COUNT; i++) {
			static struct ask ask;
			make_ask(&ask, QUERIES[i / 2]);
			struct hits *h = hits_open(catalog, &ask.question);
			assert_non_null(h);
			check_all(&ask, h, i % 2);
			hits_close(h);
		}
		drop_catalog();
	}
}

static void forget(const struct segment_place *place)
{
	for (uint64_t i = place->from; i < place->to; i++)
		events[i].unknown = true;
}

static void test_a_damaged_segment_is_no_part_that_is_known(void **state)
{
	static struct ask ask;
	uint64_t random = 2;
	(void)state;
	make_ask(&ask, "actor:a");
	for (unsigned round = 0; round < 10; round++) {
		make_catalog(&random);
		const struct segment_place bad = places[random_below(&random, place_count)];
		struct hits_hit hit;
		uint64_t sum;
		struct hits *h = hits_open(catalog, &ask.question);
		index_case_damage(&world, &bad, 100);
		enum trail_err err = round % 2
			? hits_count(h, bad.from, bad.to, &sum)
			: hits_next(h, bad.from, bad.to, round % 4 == 0, false, &hit);
		assert_int_equal(err, TRAIL_CORRUPT);
		forget(&bad);
		assert_true(catalog_suspects(catalog));
		hits_close(h);
		/* Who comes next does not use it. */
		h = hits_open(catalog, &ask.question);
		check_all(&ask, h, round % 4 < 2);
		hits_close(h);
		drop_catalog();
	}
}

/* The record was said to answer and does not. */
static void test_who_is_accused_is_no_longer_believed(void **state)
{
	static struct ask ask;
	uint64_t random = 3, sum;
	(void)state;
	make_ask(&ask, "");
	make_catalog(&random);
	const struct segment_place bad = places[place_count / 2];
	struct hits *h = hits_open(catalog, &ask.question);
	assert_int_equal(hits_count(h, bad.from, bad.from + 1, &sum), TRAIL_OK);
	hits_accuse(h, bad.from);
	assert_false(hits_part(h, bad.from).indexed);
	assert_true(catalog_suspects(catalog));
	hits_close(h);
	drop_catalog();
}

/* ---- reports ---- */

struct tally {
	size_t count;
	struct {
		size_t len;
		uint8_t key[64];
		uint64_t events;
	} keys[KEYS_MAX * 8];
};

static void tally_add(struct tally *t, struct span key, uint64_t n)
{
	if (key.len == 0 || n == 0)
		return;
	for (size_t i = 0; i < t->count; i++) {
		if (!span_equal(span_of(t->keys[i].key, t->keys[i].len), key))
			continue;
		t->keys[i].events += n;
		return;
	}
	assert_true(t->count < sizeof t->keys / sizeof t->keys[0] && key.len < 64);
	t->keys[t->count].len = key.len;
	memcpy(t->keys[t->count].key, key.data, key.len);
	t->keys[t->count++].events = n;
}

static void assert_same(const struct tally *a, const struct tally *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		size_t j = 0;
		while (j < b->count &&
			(a->keys[i].len != b->keys[j].len ||
				memcmp(a->keys[i].key, b->keys[j].key, a->keys[i].len) != 0))
			j++;
		assert_true(j < b->count);
		assert_int_equal(a->keys[i].events, b->keys[j].events);
	}
}

static void count_naively(const struct ask *ask, const struct census_wish *wish, uint64_t from,
	uint64_t to, struct tally *t)
{
	const struct question q = { .by = wish->by, .bucket_ns = wish->bucket_ns };
	for (uint64_t i = from; i < to; i++) {
		char room[QUERY_ROOM_LEN];
		const struct query_view view = view_of(i);
		if (answers(ask, i))
			tally_add(t, group_key(&q, &view, room), 1);
	}
}

/* One range that is indexed, piece by piece. */
static void check_census(
	const struct ask *ask, const struct census_wish *wish, uint64_t from, uint64_t to)
{
	while (from < to) {
		static struct tally want, got;
		struct span key;
		uint64_t count, high = to;
		struct census *c;
		struct hits *h = hits_open(catalog, &ask->question);
		assert_non_null(h);
		assert_int_equal(census_open(h, wish, from, &high, &c), TRAIL_OK);
		assert_true(high > from && high <= to);
		want.count = got.count = 0;
		while (census_next(c, &key, &count) == TRAIL_OK)
			tally_add(&got, key, count);
		count_naively(ask, wish, from, high, &want);
		assert_same(&want, &got);
		census_close(c);
		hits_close(h);
		from = high;
	}
}

static void test_reports_are_what_one_counts(void **state)
{
	static const enum report_group BY[] = { GROUP_ACTOR, GROUP_OBJECT, GROUP_SUBJECT,
		GROUP_ACTION, GROUP_VERB, GROUP_CLASS, GROUP_SOURCE, GROUP_TIME };
	uint64_t random = 4;
	(void)state;
	for (unsigned round = 0; round < 24; round++) {
		static struct ask ask;
		make_catalog(&random);
		make_ask(&ask, QUERIES[round % QUERY_COUNT]);
		for (size_t i = 0; i < sizeof BY / sizeof *BY; i++) {
			struct hits *h = hits_open(catalog, &ask.question);
			const struct hits_part part = hits_part(h, random_below(&random, indexed));
			const struct census_wish wish = { .by = BY[i],
				.bucket_ns = UINT64_C(3600000000000) * (1 + 23 * (round % 2)) };
			hits_close(h);
			uint64_t to = part.to < EVENTS ? part.to : EVENTS;
			uint64_t cut = random_below(&random, 3) * (to - part.from) / 5;
			if (part.indexed)
				check_census(&ask, &wish, part.from + cut, to - cut);
		}
		drop_catalog();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_is_found_and_what_is_not_is_said),
		cmocka_unit_test(test_a_damaged_segment_is_no_part_that_is_known),
		cmocka_unit_test(test_who_is_accused_is_no_longer_believed),
		cmocka_unit_test(test_reports_are_what_one_counts),
	};
	return cmocka_run_group_tests_name("hits", tests, NULL, NULL);
}
