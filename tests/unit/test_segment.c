/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, rows are what was asked for: a segment has each term that was put into it, in order, with its
 * docs and no others, and none that was not; so has one that was merged of others. What was changed
 * is noticed.
 */
#include "../../daemon/index/merge.h"

#include "../support/index_case.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct index_case world;
static struct segment_walk walk;
static struct segment_cursor cursor;

static int setup(void **state)
{
	(void)state;
	index_case_make(&world);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	index_case_remove(&world);
	return 0;
}

static void throw_away(struct segment *segment)
{
	char name[SEGMENT_NAME_MAX];
	segment_name(segment->place.serial, name);
	segment_close(segment);
	assert_int_equal(unlinkat(world.at, name, 0), 0);
}

/* ---- docs ---- */

/* A part of a term: what a segment of [from, to) is to have of it. */
struct part {
	const struct model_term *term;
	uint64_t from;
	size_t first, end;
};

static struct part part_of(const struct model_term *term, const struct segment_place *place)
{
	return (struct part){ term, place->from, model_below(term, place->from),
		model_below(term, place->to) };
}

static uint32_t doc_of(const struct part *p, size_t i)
{
	return (uint32_t)(p->term->docs[i] - p->from);
}

struct each {
	const struct part *part;
	size_t at;
};

static void check_each(void *ctx, uint32_t doc)
{
	struct each *e = ctx;
	/* Millions: an assertion a doc would take most of the test's time. */
	if (e->at >= e->part->end || doc != doc_of(e->part, e->at++))
		fail_msg("doc %u is not of the term", doc);
}

static void assert_seeks(const struct part *p, uint32_t doc)
{
	size_t up = model_below(p->term, p->from + doc);
	size_t down = model_below(p->term, p->from + doc + 1);
	uint32_t found;
	up = up > p->end ? p->end : up;
	down = down > p->end ? p->end : down;
	assert_int_equal(segment_cursor_seek(&cursor, doc, false, &found),
		up < p->end ? TRAIL_OK : TRAIL_END);
	if (up < p->end)
		assert_int_equal(found, doc_of(p, up));
	assert_int_equal(segment_cursor_seek(&cursor, doc, true, &found),
		down > p->first ? TRAIL_OK : TRAIL_END);
	if (down > p->first)
		assert_int_equal(found, doc_of(p, down - 1));
}

static void assert_counts(const struct part *p, uint32_t low, uint32_t high)
{
	uint32_t count;
	size_t first = model_below(p->term, p->from + low);
	size_t end = model_below(p->term, p->from + high + 1);
	first = first > p->end ? p->end : first;
	end = end > p->end ? p->end : end;
	assert_int_equal(segment_cursor_count(&cursor, low, high, &count), TRAIL_OK);
	assert_int_equal(count, low <= high ? end - first : 0);
}

static uint32_t some_doc(uint64_t *random, const struct part *p, uint32_t docs)
{
	if (random_below(random, 3) == 0)
		return (uint32_t)random_below(random, (uint64_t)docs + 1);
	uint32_t doc = doc_of(p, p->first + random_below(random, p->end - p->first));
	return doc + (uint32_t)random_below(random, 3) - (doc > 0);
}

/* The term that was found has the docs of `p`. */
static void assert_docs(uint64_t *random, const struct segment *s, const struct segment_term *term,
	const struct part *p)
{
	uint32_t docs = (uint32_t)(s->place.to - s->place.from);
	struct each each = { p, p->first };
	assert_int_equal(term->count, p->end - p->first);
	for (size_t i = p->first; i < p->end; i++) {
		uint32_t second = model_second(p->term->docs[i]);
		if (second < term->first_s || second > term->last_s)
			fail_msg("%u lies outside of the term's time", second);
	}
	assert_int_equal(segment_cursor_open(&cursor, s, term), TRAIL_OK);
	for (unsigned i = 0; i < 20; i++) {
		assert_seeks(p, some_doc(random, p, docs));
		assert_counts(p, some_doc(random, p, docs), some_doc(random, p, docs));
	}
	assert_counts(p, 0, UINT32_MAX - 1);
	assert_int_equal(segment_cursor_each(&cursor, check_each, &each), TRAIL_OK);
	assert_int_equal(each.at, p->end);
	segment_cursor_close(&cursor);
}

/* ---- terms ---- */

/* All terms in order, each with its docs; those that have none are not there. */
static void assert_walk(uint64_t *random, const struct model *model, const struct segment *s)
{
	static struct segment_walk way;
	struct segment_term term;
	uint64_t terms = 0, cut = 0;
	segment_walk_seek(&way, s, span_of(NULL, 0));
	for (size_t i = 0; i < model->count; i++) {
		const struct part p = part_of(&model->terms[i], &s->place);
		if (p.first == p.end)
			continue;
		assert_true(segment_walk_next(&way, &term));
		assert_true(span_equal(term.key, model_key(p.term)));
		assert_docs(random, s, &term, &p);
		terms++;
		cut += p.term->len == TERM_KEY_MAX;
	}
	assert_false(segment_walk_next(&way, &term));
	assert_int_equal(way.err, TRAIL_OK);
	assert_int_equal(s->sum.terms, terms);
	assert_int_equal(s->sum.cut, cut);
}

static void assert_found(const struct model *model, const struct segment *s)
{
	struct segment_term term;
	for (size_t i = 0; i < model->count; i++) {
		const struct part p = part_of(&model->terms[i], &s->place);
		assert_int_equal(segment_find(&walk, s, model_key(p.term), &term), p.first < p.end);
		assert_int_equal(walk.err, TRAIL_OK);
	}
}

/* The first term of the model that is in the segment and not below `key`; count: none. */
static size_t model_from(const struct model *model, const struct segment *s, struct span key)
{
	for (size_t i = 0; i < model->count; i++) {
		const struct part p = part_of(&model->terms[i], &s->place);
		size_t len = key.len < p.term->len ? key.len : p.term->len;
		int way = memcmp(p.term->key, key.data, len);
		if (p.first < p.end && (way > 0 || (way == 0 && p.term->len >= key.len)))
			return i;
	}
	return model->count;
}

/* A walk that begins anywhere; a key that is not there is not found. */
static void assert_sought(uint64_t *random, const struct model *model, const struct segment *s)
{
	for (unsigned round = 0; round < 300; round++) {
		struct segment_term term;
		struct model_term near = model->terms[random_below(random, model->count)];
		uint64_t at = random_below(random, near.len);
		near.key[at] = (uint8_t)(near.key[at] + random_below(random, 3) - 1);
		if (random_below(random, 2))
			near.len -= random_below(random, near.len);
		size_t want = model_from(model, s, model_key(&near));
		bool there = want < model->count &&
			span_equal(model_key(&model->terms[want]), model_key(&near));
		assert_int_equal(segment_find(&walk, s, model_key(&near), &term), there);
		segment_walk_seek(&walk, s, model_key(&near));
		for (unsigned i = 0; i < 5 && want < model->count; want++) {
			const struct part p = part_of(&model->terms[want], &s->place);
			if (p.first == p.end)
				continue;
			assert_true(segment_walk_next(&walk, &term));
			assert_true(span_equal(term.key, model_key(p.term)));
			i++;
		}
		assert_int_equal(walk.err, TRAIL_OK);
	}
}

static void assert_segment(uint64_t *random, const struct model *model, const struct segment *s)
{
	assert_walk(random, model, s);
	assert_found(model, s);
	assert_sought(random, model, s);
}

static void check_model(
	uint64_t *random, size_t terms, size_t key_min, uint32_t docs, unsigned height)
{
	struct model model;
	struct segment s;
	model_make(&model, random, terms, key_min, docs);
	assert_true(index_case_segment(&world, &model, 0, docs, &s));
	assert_true(s.sum.height >= height);
	assert_segment(random, &model, &s);
	throw_away(&s);
	model_release(&model);
	assert_int_equal(index_case_files(&world), 0);
}

static void test_a_segment_has_what_was_put_into_it(void **state)
{
	uint64_t random = 1;
	(void)state;
	check_model(&random, 1, 1, 1, 0);
	for (unsigned i = 0; i < 20; i++)
		check_model(&random, 1 + random_below(&random, 60), 1,
			1 + (uint32_t)random_below(&random, 3000), 0);
	check_model(&random, 30, 1, 100000, 0);
}

static void test_a_tall_segment_has_what_was_put_into_it(void **state)
{
	uint64_t random = 2;
	(void)state;
	check_model(&random, 6000, 1, 64, 1);
	check_model(&random, 6000, TERM_KEY_MAX, 32, 2);
}

static void test_a_list_of_many_blocks_has_its_docs(void **state)
{
	enum {
		MANY = 1500000
	};
	uint64_t random = 3;
	struct model_term term = { .len = 3, .key = "\3ab", .count = MANY };
	struct model model = { .docs = UINT32_MAX, .count = 1, .terms = &term };
	struct segment s;
	struct segment_term found;
	(void)state;
	term.docs = malloc(MANY * sizeof *term.docs);
	assert_non_null(term.docs);
	uint64_t doc = 0;
	for (size_t i = 0; i < MANY; i++, doc += 129 + random_below(&random, 2500))
		term.docs[i] = (uint32_t)doc;
	assert_true(doc < UINT32_MAX);
	assert_true(index_case_segment(&world, &model, 0, UINT32_MAX, &s));
	assert_true(segment_find(&walk, &s, model_key(&term), &found));
	/* Their directory is longer than a block. */
	assert_true(found.chunks > SEGMENT_DIR_PER_BLOCK);
	const struct part p = part_of(&term, &s.place);
	for (unsigned i = 0; i < 4; i++)
		assert_docs(&random, &s, &found, &p);
	throw_away(&s);
	free(term.docs);
}

static void check_overlap(uint64_t *random, const struct segment *s, const struct model_term *term,
	const uint64_t *bits)
{
	struct segment_term found;
	const struct part p = part_of(term, &s->place);
	uint32_t docs = (uint32_t)(s->place.to - s->place.from);
	assert_true(segment_find(&walk, s, model_key(term), &found));
	assert_int_equal(segment_cursor_open(&cursor, s, &found), TRAIL_OK);
	for (unsigned round = 0; round < 6; round++) {
		uint32_t low = round ? some_doc(random, &p, docs) : 0, want = 0, count;
		uint32_t high = round ? some_doc(random, &p, docs) : docs - 1;
		for (size_t i = p.first; i < p.end; i++)
			want += term->docs[i] >= low && term->docs[i] <= high &&
				(bits[term->docs[i] / 64] >> term->docs[i] % 64 & 1);
		assert_int_equal(
			segment_cursor_overlap(&cursor, bits, low, high, &count), TRAIL_OK);
		assert_int_equal(count, want);
	}
	segment_cursor_close(&cursor);
}

static void test_overlap_is_counted(void **state)
{
	uint64_t random = 4;
	(void)state;
	for (unsigned round = 0; round < 12; round++) {
		uint32_t docs = 1 + (uint32_t)random_below(&random, round < 8 ? 400 : 100000);
		size_t words = docs / 64 + 2;
		struct model model;
		struct segment s;
		uint64_t *bits = calloc(words, sizeof *bits);
		assert_non_null(bits);
		for (size_t i = 0; i + 1 < words; i++)
			bits[i] = ~(uint64_t)0 << random_below(&random, 64) ^ random_next(&random);
		model_make(&model, &random, 30, 1, docs);
		assert_true(index_case_segment(&world, &model, 0, docs, &s));
		for (size_t i = 0; i < model.count; i++)
			check_overlap(&random, &s, &model.terms[i], bits);
		throw_away(&s);
		model_release(&model);
		free(bits);
	}
}

/* ---- writing ---- */

static struct segment_writer *begin(const struct segment_place *place)
{
	struct segment_writer *w = segment_write_begin(world.at, world.key, &world.genesis, place);
	assert_non_null(w);
	return w;
}

static void test_docs_that_do_not_ascend_are_refused(void **state)
{
	static const uint32_t DOCS[][3] = { { 5, 5, 6 }, { 5, 6, 4 }, { 0, 0, 1 },
		{ UINT32_MAX, UINT32_MAX, 0 } };
	(void)state;
	for (size_t i = 0; i < sizeof DOCS / sizeof *DOCS; i++) {
		struct segment_place place = index_case_place(&world, 0, UINT32_MAX);
		struct segment_sum sum = { 0 };
		struct segment_writer *w = begin(&place);
		segment_write_term(w, span_text("a"), 1, 1);
		for (size_t j = 0; j < 3; j++)
			segment_write_doc(w, DOCS[i][j]);
		assert_int_equal(segment_write_end(w, &sum), TRAIL_CORRUPT);
		assert_int_equal(index_case_files(&world), 0);
	}
}

static void test_no_file_is_left_of_what_was_not_finished(void **state)
{
	struct segment_place place = index_case_place(&world, 0, 10);
	struct segment_sum sum = { 0 };
	(void)state;
	struct segment_writer *w = begin(&place);
	assert_int_equal(index_case_files(&world), 1);
	segment_write_term(w, span_text("a"), 1, 1);
	segment_write_doc(w, 1);
	segment_write_abort(w);
	assert_int_equal(index_case_files(&world), 0);
	/* A segment without terms is none. */
	assert_int_equal(segment_write_end(begin(&place), &sum), TRAIL_INVALID);
	assert_int_equal(index_case_files(&world), 0);
	segment_write_abort(NULL);
}

/* ---- reading what is damaged ---- */

static void pass_over(void *ctx, uint32_t doc)
{
	(void)ctx;
	(void)doc;
}

/* Read all that there is of a segment; the first error. */
static enum trail_err read_all(const struct segment *s)
{
	struct segment_term term;
	enum trail_err err = TRAIL_OK;
	segment_walk_seek(&walk, s, span_of(NULL, 0));
	while (!err && segment_walk_next(&walk, &term)) {
		err = segment_cursor_open(&cursor, s, &term);
		if (!err)
			err = segment_cursor_each(&cursor, pass_over, NULL);
		segment_cursor_close(&cursor);
	}
	return err ? err : walk.err;
}

static void test_every_damaged_block_is_seen(void **state)
{
	uint64_t random = 5;
	struct model model;
	struct segment s, again;
	(void)state;
	model_make(&model, &random, 200, 30, 80000);
	assert_true(index_case_segment(&world, &model, 0, model.docs, &s));
	assert_int_equal(read_all(&s), TRAIL_OK);
	for (uint32_t i = 0; i < s.sum.blocks; i++) {
		size_t at = (size_t)i * BLOCK_LEN + random_below(&random, BLOCK_LEN);
		index_case_damage(&world, &s.place, at);
		enum trail_err err =
			segment_open(world.at, world.key, &world.genesis, &s.place, &again);
		/* The footer is read at once. */
		assert_int_equal(err, i + 1 == s.sum.blocks ? TRAIL_CORRUPT : TRAIL_OK);
		if (!err) {
			assert_int_equal(read_all(&again), TRAIL_CORRUPT);
			segment_close(&again);
		}
		index_case_damage(&world, &s.place, at);
	}
	throw_away(&s);
	model_release(&model);
}

static void test_a_file_that_was_cut_or_is_another_is_refused(void **state)
{
	uint64_t random = 6;
	struct model model;
	struct segment s, again;
	char name[SEGMENT_NAME_MAX];
	(void)state;
	model_make(&model, &random, 50, 1, 3000);
	assert_true(index_case_segment(&world, &model, 0, model.docs, &s));
	struct segment_place other = s.place;
	other.from = 1;
	assert_int_equal(
		segment_open(world.at, world.key, &world.genesis, &other, &again), TRAIL_CORRUPT);
	other.serial = 4711;
	assert_int_equal(
		segment_open(world.at, world.key, &world.genesis, &other, &again), TRAIL_CORRUPT);
	segment_name(s.place.serial, name);
	for (int cut = 1; cut <= 2 * BLOCK_LEN; cut += BLOCK_LEN / 2) {
		off_t len = (off_t)s.sum.blocks * BLOCK_LEN - cut;
		char path[CASE_PATH_MAX + SEGMENT_NAME_MAX];
		(void)snprintf(path, sizeof path, "%s/%s", world.folder, name);
		assert_int_equal(truncate(path, len), 0);
		assert_int_equal(
			segment_open(world.at, world.key, &world.genesis, &s.place, &again),
			TRAIL_CORRUPT);
	}
	throw_away(&s);
	model_release(&model);
}

/* The segment with another footer, sealed as it must be. */
static enum trail_err open_with(const struct segment *s, const struct segment_sum *sum)
{
	uint8_t footer[SEGMENT_FOOTER_LEN];
	struct segment again;
	segment_sum_encode(sum, footer);
	index_case_forge(&world, &s->place, s->sum.blocks - 1, span_of(footer, sizeof footer));
	enum trail_err err = segment_open(world.at, world.key, &world.genesis, &s->place, &again);
	if (!err)
		segment_close(&again);
	return err;
}

/* What a fault of ours might seal, or somebody who has the key: no walk without an end. */
static void test_a_footer_that_cannot_be_is_refused(void **state)
{
	uint64_t random = 10;
	struct model model;
	struct segment s;
	(void)state;
	model_make(&model, &random, 50, 1, 3000);
	assert_true(index_case_segment(&world, &model, 0, model.docs, &s));
	assert_int_equal(open_with(&s, &s.sum), TRAIL_OK);
	struct segment_sum sum = s.sum;
	sum.blocks++;
	assert_int_equal(open_with(&s, &sum), TRAIL_CORRUPT);
	sum = s.sum;
	sum.root = sum.blocks;
	assert_int_equal(open_with(&s, &sum), TRAIL_CORRUPT);
	sum = s.sum;
	sum.height = SEGMENT_HEIGHT_MAX;
	assert_int_equal(open_with(&s, &sum), TRAIL_CORRUPT);
	sum = s.sum;
	sum.last_s = sum.first_s - 1;
	assert_int_equal(open_with(&s, &sum), TRAIL_CORRUPT);
	sum = s.sum;
	sum.terms = UINT64_C(1) << 60;
	assert_int_equal(open_with(&s, &sum), TRAIL_CORRUPT);
	throw_away(&s);
	model_release(&model);
}

static void test_an_empty_block_of_a_tree_is_refused(void **state)
{
	uint64_t random = 11;
	struct model model;
	struct segment s;
	(void)state;
	model_make(&model, &random, 2000, 60, 4);
	assert_true(index_case_segment(&world, &model, 0, model.docs, &s));
	assert_true(s.sum.height > 0);
	/* Its first leaf: a circle of such would be walked for years. */
	index_case_forge(&world, &s.place, 0, span_of(NULL, 0));
	assert_int_equal(read_all(&s), TRAIL_CORRUPT);
	throw_away(&s);
	model_release(&model);
}

/* ---- merging ---- */

enum {
	PARTS_MAX = MERGE_MAX
};

struct parts {
	size_t count;
	struct segment segments[PARTS_MAX];
	const struct segment *views[PARTS_MAX];
};

/* Segments that follow each other and are the model; those that would be empty are not made. */
static void cut_up(uint64_t *random, const struct model *model, size_t count, struct parts *parts)
{
	uint64_t from = 0;
	parts->count = 0;
	for (size_t i = 0; i < count && from < model->docs; i++) {
		uint64_t left = model->docs - from;
		uint64_t to = i + 1 == count ? model->docs
					     : from + 1 + random_below(random, (left + 3) / 4);
		struct segment *s = &parts->segments[parts->count];
		if (index_case_segment(&world, model, from, to, s)) {
			parts->views[parts->count] = s;
			parts->count++;
		}
		from = to;
	}
}

static void release_parts(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		throw_away(&parts->segments[i]);
}

static enum trail_err merge_all(
	const struct parts *parts, const struct segment_place *place, uint64_t step, size_t *bad)
{
	struct segment_sum sum;
	struct merge *m =
		merge_begin(world.at, world.key, &world.genesis, place, parts->views, parts->count);
	assert_non_null(m);
	enum trail_err err;
	do {
		err = merge_step(m, step, &sum, bad);
	} while (err == TRAIL_MORE);
	return err;
}

static void check_merge(uint64_t *random, size_t count, size_t terms, uint32_t docs)
{
	struct model model;
	struct parts parts;
	struct segment merged;
	size_t bad = SIZE_MAX;
	model_make(&model, random, terms, 1, docs);
	cut_up(random, &model, count, &parts);
	struct segment_place place = index_case_place(&world, 0, docs);
	if (parts.count >= 2) {
		assert_int_equal(
			merge_all(&parts, &place, 1 + random_below(random, 500), &bad), TRAIL_OK);
		assert_int_equal(segment_open(world.at, world.key, &world.genesis, &place, &merged),
			TRAIL_OK);
		uint64_t records = 0;
		for (size_t i = 0; i < parts.count; i++)
			records += parts.segments[i].sum.records;
		assert_int_equal(merged.sum.records, records);
		assert_segment(random, &model, &merged);
		throw_away(&merged);
	}
	release_parts(&parts);
	model_release(&model);
	assert_int_equal(index_case_files(&world), 0);
}

static void test_merged_segments_have_what_each_had(void **state)
{
	uint64_t random = 7;
	(void)state;
	for (size_t count = 2; count <= MERGE_MAX; count++)
		check_merge(&random, count, 1 + random_below(&random, 80),
			(uint32_t)(20 + random_below(&random, 4000)));
	check_merge(&random, MERGE_MAX, 30, 80000);
	check_merge(&random, 5, 4000, 300);
}

static void test_a_damaged_input_of_a_merge_is_named(void **state)
{
	uint64_t random = 8;
	struct model model;
	struct parts parts;
	(void)state;
	model_make(&model, &random, 60, 20, 60000);
	cut_up(&random, &model, 6, &parts);
	assert_int_equal(parts.count, 6);
	for (size_t i = 0; i < parts.count; i++) {
		const struct segment *s = &parts.segments[i];
		struct segment_place place = index_case_place(&world, 0, model.docs);
		for (uint32_t block = 0; block + 1 < s->sum.blocks; block++) {
			size_t bad = SIZE_MAX, at = (size_t)block * BLOCK_LEN + 1000;
			index_case_damage(&world, &s->place, at);
			assert_int_equal(merge_all(&parts, &place, 1000, &bad), TRAIL_CORRUPT);
			assert_int_equal(bad, i);
			assert_int_equal(index_case_files(&world), parts.count);
			index_case_damage(&world, &s->place, at);
		}
	}
	release_parts(&parts);
	model_release(&model);
}

/* One of a term "a" with the docs 1 and `doc`, which need not lie in it. */
static void make_small(struct segment *s, uint64_t from, uint64_t to, uint32_t doc)
{
	struct segment_place place = index_case_place(&world, from, to);
	struct segment_sum sum = { 0 };
	struct segment_writer *w = begin(&place);
	segment_write_term(w, span_text("a"), 1, 1);
	segment_write_doc(w, 1);
	segment_write_doc(w, doc);
	assert_int_equal(segment_write_end(w, &sum), TRAIL_OK);
	assert_int_equal(segment_open(world.at, world.key, &world.genesis, &place, s), TRAIL_OK);
}

/* Not its neighbour, which would be made anew again and again. */
static void test_an_input_whose_docs_are_not_its_own_is_named(void **state)
{
	(void)state;
	for (size_t guilty = 0; guilty < 3; guilty++) {
		struct parts parts = { .count = 3 };
		size_t bad = SIZE_MAX;
		for (size_t i = 0; i < 3; i++) {
			make_small(
				&parts.segments[i], 100 * i, 100 * i + 100, i == guilty ? 105 : 99);
			parts.views[i] = &parts.segments[i];
		}
		struct segment_place place = index_case_place(&world, 0, 300);
		assert_int_equal(merge_all(&parts, &place, 1000, &bad), TRAIL_CORRUPT);
		assert_int_equal(bad, guilty);
		release_parts(&parts);
	}
}

/* ---- what somebody with the key changed ---- */

/* The content of block `number`, to be changed and put back. */
static size_t take_block(const struct segment *segment, uint32_t number, uint8_t out[BLOCK_LEN])
{
	struct span content;
	assert_int_equal(pread(segment->fd, out, BLOCK_LEN, (off_t)number * BLOCK_LEN), BLOCK_LEN);
	assert_true(block_open(&segment->seal, number, out, &content));
	memmove(out, content.data, content.len);
	return content.len;
}

static void test_a_tree_that_points_beside_its_leaves_is_refused(void **state)
{
	uint64_t random = 7;
	struct model model;
	struct segment segment;
	struct segment_term term;
	uint8_t block[BLOCK_LEN];
	(void)state;
	model_make(&model, &random, 3000, 40, 20);
	assert_true(index_case_segment(&world, &model, 0, 20, &segment));
	assert_true(segment.sum.height > 0);
	size_t len = take_block(&segment, segment.sum.root, block);
	/* varint shared, 0 of the first; varint more; the first byte of the key that it goes by. */
	assert_int_equal(block[0], 0);
	block[2 + (block[1] >= 0x80)]++;
	index_case_forge(&world, &segment.place, segment.sum.root, span_of(block, len));
	segment_walk_seek(&walk, &segment, span_of(NULL, 0));
	assert_false(segment_walk_next(&walk, &term));
	assert_int_equal(walk.err, TRAIL_CORRUPT);
	throw_away(&segment);
	model_release(&model);
}

/* A list of several chunks, and what its term's directory says of the docs of the last. */
static void test_a_directory_that_counts_wrongly_is_seen_by_who_checks(void **state)
{
	uint32_t docs[40000];
	struct model_term only = { .len = 2, .key = { 6, 'a' }, .count = 40000, .docs = docs };
	const struct model model = { .docs = 80000, .count = 1, .terms = &only };
	struct segment segment;
	struct segment_term term;
	uint8_t block[BLOCK_LEN];
	(void)state;
	for (uint32_t i = 0; i < 40000; i++)
		docs[i] = 2 * i;
	assert_true(index_case_segment(&world, &model, 0, 80000, &segment));
	assert_true(segment_find(&walk, &segment, model_key(&only), &term) && term.chunks > 1);
	assert_int_equal(segment_cursor_open(&cursor, &segment, &term), TRAIL_OK);
	assert_int_equal(segment_cursor_check(&cursor), TRAIL_OK);
	segment_cursor_close(&cursor);
	size_t len = take_block(&segment, term.start + term.chunks, block);
	block[len - 1] ^= 1;
	index_case_forge(&world, &segment.place, term.start + term.chunks, span_of(block, len));
	assert_int_equal(segment_cursor_open(&cursor, &segment, &term), TRAIL_OK);
	assert_int_equal(segment_cursor_check(&cursor), TRAIL_CORRUPT);
	segment_cursor_close(&cursor);
	term.count++;
	block[len - 1] ^= 1;
	index_case_forge(&world, &segment.place, term.start + term.chunks, span_of(block, len));
	assert_int_equal(segment_cursor_open(&cursor, &segment, &term), TRAIL_OK);
	assert_int_equal(segment_cursor_check(&cursor), TRAIL_CORRUPT);
	segment_cursor_close(&cursor);
	throw_away(&segment);
}

static void test_no_file_is_left_of_a_merge_that_was_given_up(void **state)
{
	uint64_t random = 9;
	struct model model;
	struct parts parts;
	struct segment_sum sum;
	size_t bad;
	(void)state;
	model_make(&model, &random, 100, 1, 5000);
	cut_up(&random, &model, 3, &parts);
	struct segment_place place = index_case_place(&world, 0, model.docs);
	struct merge *m =
		merge_begin(world.at, world.key, &world.genesis, &place, parts.views, parts.count);
	assert_non_null(m);
	assert_int_equal(merge_step(m, 10, &sum, &bad), TRAIL_MORE);
	assert_int_equal(index_case_files(&world), parts.count + 1);
	merge_abort(m);
	assert_int_equal(index_case_files(&world), parts.count);
	release_parts(&parts);
	model_release(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_segment_has_what_was_put_into_it),
		cmocka_unit_test(test_a_tall_segment_has_what_was_put_into_it),
		cmocka_unit_test(test_a_list_of_many_blocks_has_its_docs),
		cmocka_unit_test(test_overlap_is_counted),
		cmocka_unit_test(test_docs_that_do_not_ascend_are_refused),
		cmocka_unit_test(test_no_file_is_left_of_what_was_not_finished),
		cmocka_unit_test(test_every_damaged_block_is_seen),
		cmocka_unit_test(test_a_file_that_was_cut_or_is_another_is_refused),
		cmocka_unit_test(test_a_footer_that_cannot_be_is_refused),
		cmocka_unit_test(test_an_empty_block_of_a_tree_is_refused),
		cmocka_unit_test(test_merged_segments_have_what_each_had),
		cmocka_unit_test(test_a_damaged_input_of_a_merge_is_named),
		cmocka_unit_test(test_an_input_whose_docs_are_not_its_own_is_named),
		cmocka_unit_test(test_a_tree_that_points_beside_its_leaves_is_refused),
		cmocka_unit_test(test_a_directory_that_counts_wrongly_is_seen_by_who_checks),
		cmocka_unit_test(test_no_file_is_left_of_a_merge_that_was_given_up),
	};
	return cmocka_run_group_tests_name("segment", tests, setup, teardown);
}
