/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of an answer: the honest one is accepted, every single lie is refused and leaves the answer
 * where it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/small_log.h"

#include "../../proto/codec.h"
#include "../../proto/query_parse.h"

#include <stdlib.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

/* A question, and the honest page that comes next. */
struct world {
	struct small_log log;
	struct trust trust;
	struct answer a;
	struct small_page p;
	struct fault fault;
};

static enum trail_err take(struct world *w)
{
	enum trail_err err = answer_see(&w->a, &w->p.page, &w->trust, &w->fault);
	if (err != TRAIL_OK)
		return err;
	return answer_take(&w->a, &w->p.page, &w->trust.identity, &w->fault);
}

static void serve(struct world *w, uint64_t until)
{
	small_page_release(&w->p);
	small_page_make(&w->p, &w->log, &w->a, LOG_RECORDS, until);
}

static void search(struct world *w, const char *terms)
{
	static _Alignas(16) uint8_t room[8192];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct query_fault fault;
	w->a.kind = REQUEST_SEARCH;
	assert_int_equal(query_parse(span_text(terms), &arena, &w->a.query, &fault), TRAIL_OK);
}

/* ---- questions ---- */

static void ask_all(struct world *w)
{
	search(w, "");
	serve(w, LOG_READ);
}
static void ask_anna(struct world *w)
{
	search(w, "actor:anna");
	serve(w, LOG_READ);
}
static void ask_down(struct world *w)
{
	search(w, "");
	w->a.question.paging.newest_first = true;
	serve(w, 0);
}
static void ask_alpha(struct world *w)
{
	search(w, "source:alpha");
	serve(w, LOG_READ);
}
static void ask_traild(struct world *w)
{
	search(w, "source:traild");
	serve(w, LOG_READ);
}
static void ask_history(struct world *w)
{
	w->a.kind = REQUEST_HISTORY;
	w->a.query = query_of_object(span_text("/o/1"), &w->a.object);
	serve(w, LOG_READ);
}
static void ask_times(struct world *w)
{
	search(w, "");
	w->a.question.paging.since_ns = LOG_TIME_NS + 6;
	w->a.question.paging.until_ns = LOG_TIME_NS + 11;
	serve(w, LOG_READ);
}
static void ask_from(struct world *w)
{
	search(w, "");
	w->a.question.paging.from = 12;
	serve(w, LOG_READ);
}
static void ask_down_from(struct world *w)
{
	search(w, "");
	w->a.question.paging.from = 12;
	w->a.question.paging.newest_first = true;
	serve(w, 0);
}
static void ask_few(struct world *w)
{
	search(w, "");
	w->a.question.paging.limit = 4;
	serve(w, LOG_FIRST + 4);
}
static void ask_count(struct world *w)
{
	search(w, "actor:anna");
	w->a.question.paging.count = true;
	serve(w, LOG_READ);
}
static void ask_follow(struct world *w)
{
	search(w, "");
	w->a.question.paging.follow_ms = 1;
	serve(w, 23);
}
static void ask_follow_on(struct world *w)
{
	ask_follow(w);
	assert_int_equal(take(w), TRAIL_OK);
	serve(w, LOG_RECORDS);
}
static void ask_range(struct world *w)
{
	w->a.kind = REQUEST_GET;
	w->a.question.index = 1;
	w->a.question.count = 7;
	serve(w, 8);
}
static void ask_evidence(struct world *w)
{
	w->a.kind = REQUEST_GET;
	w->a.question.index = 9;
	w->a.question.want_genesis = true;
	serve(w, 10);
}
static void ask_second_page(struct world *w)
{
	search(w, "");
	serve(w, 12);
	assert_int_equal(take(w), TRAIL_OK);
	serve(w, LOG_READ);
}
static void ask_empty_page(struct world *w)
{
	search(w, "actor:nobody");
	serve(w, 12);
}

static struct world *world_new(void (*ask)(struct world *w))
{
	struct world *w = calloc(1, sizeof *w);
	struct buf text = { 0 };
	assert_non_null(w);
	small_log_make(&w->log);
	struct log_identity id = small_log_identity(&w->log);
	identity_put(&text, &id);
	assert_int_equal(trust_set(&w->trust, buf_view(&text), TRAIL_TRUST_GIVEN), TRAIL_OK);
	buf_release(&text);
	w->a.floor = LOG_READ;
	ask(w);
	return w;
}

static void world_free(struct world *w)
{
	answer_release(&w->a);
	trust_release(&w->trust);
	small_page_release(&w->p);
	small_log_release(&w->log);
	free(w);
}

/* ---- honest pages ---- */

static const struct {
	const char *name;
	void (*ask)(struct world *w);
	size_t rows;
	uint64_t first, last; /* indexes */
	const char *source;   /* of the first */
} HONEST[] = {
	{ "all", ask_all, 16, 4, 19, "alpha" },
	{ "anna", ask_anna, 5, 6, 18, "alpha" },
	{ "newest first", ask_down, 16, 19, 4, "beta" },
	{ "alpha's", ask_alpha, 8, 4, 18, "alpha" },
	{ "history", ask_history, 8, 5, 19, "beta" },
	{ "times", ask_times, 5, 6, 10, "alpha" },
	{ "from", ask_from, 8, 12, 19, "alpha" },
	{ "newest first, from", ask_down_from, 8, 11, 4, "beta" },
	{ "few", ask_few, 4, 4, 7, "alpha" },
	{ "follow", ask_follow, 19, 4, 22, "alpha" },
	{ "follow on", ask_follow_on, 1, 23, 23, "beta" },
	{ "range", ask_range, 7, 1, 7, "traild" },
	{ "evidence", ask_evidence, 1, 9, 9, "beta" },
	{ "second page", ask_second_page, 8, 12, 19, "alpha" },
};

static void honest_pages_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(HONEST); i++) {
		struct world *w = world_new(HONEST[i].ask);
		if (take(w) != TRAIL_OK)
			fail_msg("%s: %s", HONEST[i].name, w->fault.sentence);
		assert_int_equal(w->a.row_count, HONEST[i].rows);
		const struct row *first = &w->a.rows[0];
		assert_int_equal(first->item.shown->index, HONEST[i].first);
		assert_int_equal(w->a.rows[w->a.row_count - 1].item.shown->index, HONEST[i].last);
		assert_string_equal(first->source, HONEST[i].source);
		if (first->item.record.peer != 0)
			assert_string_equal(first->peer, "unix:1000");
		assert_int_equal(w->a.cp.size, LOG_RECORDS);
		assert_int_equal(w->a.read, LOG_READ);
		assert_int_equal(
			w->a.question.paging.size, answer_follows(&w->a) ? 0 : LOG_RECORDS);
		world_free(w);
	}
}

static void a_count_has_no_rows_and_is_complete(void **state)
{
	(void)state;
	struct world *w = world_new(ask_count);
	assert_int_equal(take(w), TRAIL_OK);
	assert_true(w->a.matched == 5 && w->a.row_count == 0 && w->a.done);
	assert_true(w->a.completeness.sources == 2 && w->a.completeness.current == 1);
	assert_true(w->a.completeness.gaps == 3 && w->a.completeness.method == METHOD_SCAN);
	world_free(w);
}

static void an_answer_may_be_empty(void **state)
{
	static const char *const TERMS[] = { "actor:nobody", "source:traild", "index:4294967296" };
	(void)state;
	for (size_t i = 0; i < COUNT(TERMS); i++) {
		struct world *w = world_new(ask_traild);
		search(w, TERMS[i]);
		serve(w, LOG_READ);
		assert_int_equal(take(w), TRAIL_OK);
		assert_true(w->a.done && w->a.matched == 0);
		world_free(w);
	}
}

static void empty_pages_lead_on(void **state)
{
	(void)state;
	struct world *w = world_new(ask_empty_page);
	assert_int_equal(take(w), TRAIL_OK);
	assert_true(!w->a.done && w->a.row_count == 0 && w->a.position == 12);
	assert_true(span_equal(w->a.question.paging.next, span_text("further")));
	serve(w, LOG_READ);
	assert_int_equal(take(w), TRAIL_OK);
	assert_true(w->a.done);
	world_free(w);
}

/* What is erased still stands in the log, and answers what asks nothing of its content. */
static void erased_events_are_shown_where_nothing_is_asked_of_them(void **state)
{
	(void)state;
	struct world *w = world_new(ask_alpha);
	w->log.erased[10] = true;
	w->log.erased[LOG_PEER] = true;
	serve(w, LOG_READ);
	assert_int_equal(take(w), TRAIL_OK);
	assert_int_equal(w->a.row_count, 8);
	assert_false(item_is_open(&w->a.rows[3].item));
	assert_null(w->a.rows[0].peer);
	world_free(w);
}

/* ---- rows that answer another question ---- */

/* The page has every event; whether each of them answers. */
static const struct {
	const char *terms;
	bool all;
} ASKED[] = {
	{ "actor:anna actor:bo", true },
	{ "actor:anna", false },
	{ "-actor:anna", false },
	{ "-actor:eva", true },
	{ "actor:*", true },
	{ "actor:a*", false },
	{ "actor:a..bo", true },
	{ "actor:a..b", false },
	{ "actor:b..", false },
	{ "object:/o/*", true },
	{ "object:/o/1", false },
	{ "action:read action:delete", true },
	{ "action:delete", false },
	{ "-action:read", false },
	{ "outcome:success", true },
	{ "outcome:denied outcome:failure", false },
	{ "source:alpha source:beta", true },
	{ "source:a*", false },
	{ "-source:beta", false },
	{ "-source:traild", true },
	{ "peer:unix:1000", true },
	{ "peer:unix:1001", false },
	{ "-peer:unix:*", false },
	{ "class:0", true },
	{ "class:1..", false },
	{ "index:4..19", true },
	{ "index:5..19", false },
	{ "index:..18", false },
	{ "index:4..10 index:11..", true },
	{ "-index:12", false },
	{ "subject:\"\"", true },
	{ "subject:*", false },
	{ "medium:digital", true },
	{ "medium:oral medium:paper", false },
	{ "unit:x", false },
	{ "-unit:x", true },
	{ "type:x", false },
	{ "verb:x", false },
	{ "purpose:x", false },
	{ "correlation:x", false },
	{ "host:x", false },
	{ "id:*", false },
	{ "id:\"\"", true },
};

static void no_row_is_taken_that_does_not_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ASKED); i++) {
		struct world *w = world_new(ask_all);
		search(w, ASKED[i].terms);
		enum trail_err err = take(w);
		if (err != (ASKED[i].all ? TRAIL_OK : TRAIL_CORRUPT))
			fail_msg("%s: %d", ASKED[i].terms, (int)err);
		world_free(w);
	}
}

/* Where nothing is known of a peer, it is none. */
static void an_erased_peer_has_no_name(void **state)
{
	(void)state;
	for (unsigned named = 0; named < 2; named++) {
		struct world *w = world_new(ask_all);
		w->log.erased[LOG_PEER] = true;
		serve(w, LOG_READ);
		search(w, named ? "peer:unix:1000" : "peer:\"\"");
		assert_int_equal(take(w), named ? TRAIL_CORRUPT : TRAIL_OK);
		world_free(w);
	}
}

/* ---- lies about the page ---- */

static void lie_read_early(struct world *w)
{
	w->p.page.read = LOG_READ - 1;
}
static void lie_read_late(struct world *w)
{
	w->p.page.read = LOG_RECORDS;
}
static void lie_read_other(struct world *w)
{
	w->p.page.read++;
}
static void lie_position_far(struct world *w)
{
	w->p.page.position = LOG_READ + 1;
}
static void lie_position_behind_the_log(struct world *w)
{
	w->p.page.position = LOG_RECORDS + 1;
}
static void lie_position_short(struct world *w)
{
	w->p.page.position--;
}
static void lie_position_back(struct world *w)
{
	w->p.page.position = 11;
}
static void lie_position_up(struct world *w)
{
	w->p.page.position = LOG_READ + 1;
}
static void lie_position_stuck(struct world *w)
{
	w->p.page.position = 0;
}
static void lie_matched_more(struct world *w)
{
	w->p.page.matched++;
}
static void lie_matched_less(struct world *w)
{
	w->p.page.matched--;
}
static void lie_matched_back(struct world *w)
{
	w->p.page.matched = 1;
}
static void lie_matched_beyond(struct world *w)
{
	w->p.page.matched = LOG_READ + 1;
}
static void lie_no_next(struct world *w)
{
	w->p.page.next.len = 0;
}
static void lie_incomplete(struct world *w)
{
	w->p.page.completeness = (struct completeness){ 0 };
}
static void lie_current(struct world *w)
{
	w->p.page.completeness.current = 3;
}
static void lie_done(struct world *w)
{
	w->p.page.done = true;
	w->p.page.completeness = (struct completeness){ METHOD_SCAN, 2, 1, 3, 0 };
}
static void lie_note_bit(struct world *w)
{
	w->p.note.data[w->p.note.len - 5] ^= 1;
}
static void lie_note_none(struct world *w)
{
	w->p.page.checkpoint.len = 0;
}
static void lie_note_other_key(struct world *w)
{
	static const uint8_t SEED[SIGN_SEED_LEN] = { 8 };
	struct span origin = span_text("example.org/log");
	assert_int_equal(skey_make(origin, SEED, &w->log.skey), TRAIL_OK);
	serve(w, LOG_READ);
}
static void lie_note_smaller(struct world *w)
{
	buf_clear(&w->p.note);
	small_log_sign(&w->log, LOG_RECORDS - 1, &w->p.note);
	w->p.page.checkpoint = buf_view(&w->p.note);
}
static void lie_note_old(struct world *w)
{
	small_page_release(&w->p);
	small_page_make(&w->p, &w->log, &w->a, LOG_RECORDS - 1, LOG_READ);
	w->a.floor = LOG_RECORDS;
}
static void lie_follow_old(struct world *w)
{
	small_page_release(&w->p);
	small_page_make(&w->p, &w->log, &w->a, LOG_RECORDS - 1, LOG_RECORDS - 1);
}
static void lie_fork(struct world *w)
{
	assert_int_equal(trust_see(&w->trust, w->p.page.checkpoint, NULL, &w->fault), TRAIL_OK);
	w->log.salts[6][0] ^= 1;
	small_log_chain(&w->log);
	serve(w, LOG_READ);
}
static void lie_other_size(struct world *w)
{
	small_page_release(&w->p);
	small_page_make(&w->p, &w->log, &w->a, LOG_RECORDS - 1, LOG_READ);
}

/* The bytes that a view shows are the page's own, and may be bent. */
static uint8_t *bytes_of(struct world *w, const void *view)
{
	uint8_t *base = (uint8_t *)&w->p;
	return base + ((const uint8_t *)view - base);
}

/* ---- lies about rows ---- */

static void drop_row(struct world *w, size_t i)
{
	struct rows *page = &w->p.page;
	for (page->row_count--; i < page->row_count; i++)
		w->p.rows[i] = w->p.rows[i + 1];
	page->matched--;
}
static void lie_row_left_out(struct world *w)
{
	drop_row(w, 4);
}
static void lie_last_left_out(struct world *w)
{
	drop_row(w, w->p.page.row_count - 1);
}
static void lie_range_cut(struct world *w)
{
	serve(w, 7);
	w->p.page.done = true;
}
static void lie_range_missing(struct world *w)
{
	serve(w, 1);
	w->p.page.done = true;
}
static void lie_range_more(struct world *w)
{
	serve(w, 9);
	w->p.page.done = true;
}
static void lie_rows_swapped(struct world *w)
{
	struct evidence_item kept = w->p.rows[1];
	w->p.rows[1] = w->p.rows[2];
	w->p.rows[2] = kept;
}
static void lie_row_doubled(struct world *w)
{
	w->p.rows[2] = w->p.rows[1];
}
static void lie_row_moved(struct world *w)
{
	w->p.rows[0].index++;
}
static void lie_row_at_the_end(struct world *w)
{
	w->p.rows[w->p.page.row_count - 1].index = LOG_READ;
}
static void lie_path_short(struct world *w)
{
	w->p.rows[w->p.page.row_count - 1].path_count--;
}
static void lie_path_none(struct world *w)
{
	w->p.rows[w->p.page.row_count - 1].path_count = 0;
}
static void lie_down_path_none(struct world *w)
{
	w->p.rows[0].path_count = 0;
}
static void lie_salt_missing(struct world *w)
{
	w->p.rows[1].salt.len = 0;
}
static void lie_erased(struct world *w)
{
	w->p.rows[1].salt.len = w->p.rows[1].payload.len = 0;
}
static void lie_other_answer(struct world *w)
{
	search(w, "");
	serve(w, LOG_READ);
	search(w, "actor:anna");
}
static void lie_other_source(struct world *w)
{
	search(w, "");
	serve(w, LOG_READ);
	search(w, "source:beta");
}
static void lie_own_source(struct world *w)
{
	search(w, "");
	serve(w, LOG_READ);
	search(w, "source:traild");
}
static void lie_other_times(struct world *w)
{
	w->a.question.paging.since_ns++;
}
static void lie_other_end(struct world *w)
{
	w->a.question.paging.until_ns--;
}
static void lie_other_from(struct world *w)
{
	w->a.question.paging.from++;
}
static void lie_down_other_from(struct world *w)
{
	w->a.question.paging.from--;
}
static void lie_no_event(struct world *w)
{
	w->a.kind = REQUEST_GET;
	w->a.question.count = LOG_READ;
	serve(w, LOG_READ);
	w->a.kind = REQUEST_SEARCH;
	w->p.page.completeness.method = METHOD_SCAN;
}
static void lie_broken_event(struct world *w)
{
	w->a.question.paging.since_ns = 1;
	serve(w, LOG_READ);
	small_log_change(&w->log, 5, KIND_EVENT, span_text("no event"));
	/* The honest page leaves it out; put it where the next row was. */
	serve(w, LOG_READ);
	struct evidence_item *row = &w->p.rows[1];
	memcpy(bytes_of(w, row->record.data), w->log.records[5], RECORD_LEN);
	memcpy(bytes_of(w, row->salt.data), w->log.salts[5], SALT_LEN);
	memcpy(bytes_of(w, row->payload.data), "no event", 8);
	row->index = 5;
	row->payload.len = 8;
	struct tree_proof path;
	small_log_path(&w->log, 5, LOG_RECORDS, &path);
	memcpy(bytes_of(w, row->path), path.path, path.count * sizeof path.path[0]);
	row->path_count = path.count;
}
static void lie_too_many(struct world *w)
{
	serve(w, LOG_FIRST + 5);
}
static void lie_not_counted(struct world *w)
{
	w->a.question.paging.count = false;
	serve(w, LOG_READ);
	w->a.question.paging.count = true;
}

/* ---- lies about what is named ---- */

static void lie_name_missing(struct world *w)
{
	w->p.named[0] = w->p.named[--w->p.page.named_count];
}
static void lie_name_twice(struct world *w)
{
	w->p.named[w->p.page.named_count++] = w->p.named[0];
}
static void lie_name_path_none(struct world *w)
{
	w->p.named[0].path_count = 0;
}
static void lie_name_closed(struct world *w)
{
	w->p.named[0].salt.len = w->p.named[0].payload.len = 0;
}
static void lie_name_moved(struct world *w)
{
	w->p.named[0].index = 3;
}
/* A source that every proof shows, but what it says is no name, or another's. */
static void rename_alpha(struct world *w, const char *name)
{
	struct buf payload = { 0 };
	source_encode(span_text(name), &payload);
	small_log_change(&w->log, LOG_ALPHA, KIND_SOURCE, buf_view(&payload));
	buf_release(&payload);
	serve(w, LOG_READ);
}
static void lie_name_of_another(struct world *w)
{
	rename_alpha(w, "beta");
}
static void lie_name_of_the_log(struct world *w)
{
	rename_alpha(w, "traild");
}
static void lie_name_malformed(struct world *w)
{
	small_log_change(&w->log, LOG_ALPHA, KIND_SOURCE, span_text("\xff"));
	serve(w, LOG_READ);
}
static void lie_peer_malformed(struct world *w)
{
	small_log_change(&w->log, LOG_PEER, KIND_PEER, span_text("\xff"));
	serve(w, LOG_READ);
}
static void lie_source_is_peer(struct world *w)
{
	store_be64(w->log.records[7] + 8, LOG_PEER);
	small_log_chain(&w->log);
	serve(w, LOG_READ);
}
static void lie_peer_is_source(struct world *w)
{
	store_be64(w->log.records[7] + 16, LOG_ALPHA);
	small_log_chain(&w->log);
	serve(w, LOG_READ);
}
static void lie_source_is_event(struct world *w)
{
	store_be64(w->log.records[7] + 8, 5);
	small_log_chain(&w->log);
	serve(w, LOG_READ);
}
static void lie_source_is_later(struct world *w)
{
	struct buf payload = { 0 };
	source_encode(span_text("gamma"), &payload);
	small_log_change(&w->log, LOG_RECORDS - 1, KIND_SOURCE, buf_view(&payload));
	buf_release(&payload);
	store_be64(w->log.records[7] + 8, LOG_RECORDS - 1);
	small_log_chain(&w->log);
	serve(w, LOG_READ);
}
static void lie_genesis_uncalled(struct world *w)
{
	w->a.question.want_genesis = true;
	serve(w, LOG_READ);
	w->a.question.want_genesis = false;
}
static void lie_genesis_missing(struct world *w)
{
	w->p.page.named_count--;
}
static void lie_genesis_other(struct world *w)
{
	small_log_change(&w->log, 0, KIND_DAEMON, span_text("another"));
	serve(w, 10);
}

static const struct {
	const char *name;
	void (*ask)(struct world *w);
	void (*tell)(struct world *w);
} LIES[] = {
	{ "read early", ask_few, lie_read_early },
	{ "read late", ask_all, lie_read_late },
	{ "read other", ask_second_page, lie_read_other },
	{ "position far", ask_all, lie_position_far },
	{ "position behind the log", ask_follow, lie_position_behind_the_log },
	{ "position short", ask_all, lie_position_short },
	{ "position back", ask_second_page, lie_position_back },
	{ "position up", ask_down, lie_position_up },
	{ "position stuck", ask_empty_page, lie_position_stuck },
	{ "matched more", ask_all, lie_matched_more },
	{ "matched less", ask_all, lie_matched_less },
	{ "matched back", ask_second_page, lie_matched_back },
	{ "matched beyond", ask_count, lie_matched_beyond },
	{ "no next", ask_few, lie_no_next },
	{ "follow: no next", ask_follow, lie_no_next },
	{ "incomplete", ask_all, lie_incomplete },
	{ "current", ask_all, lie_current },
	{ "follow: done", ask_follow, lie_done },
	{ "note bit", ask_all, lie_note_bit },
	{ "no note", ask_all, lie_note_none },
	{ "note of another key", ask_all, lie_note_other_key },
	{ "note smaller", ask_all, lie_note_smaller },
	{ "note old", ask_all, lie_note_old },
	{ "follow: note old", ask_follow_on, lie_follow_old },
	{ "fork", ask_all, lie_fork },
	{ "other size", ask_second_page, lie_other_size },
	{ "left out of a chain", ask_all, lie_row_left_out },
	{ "newest first: left out of a chain", ask_down, lie_row_left_out },
	{ "last left out of a chain", ask_all, lie_last_left_out },
	{ "range: left out", ask_range, lie_row_left_out },
	{ "range: cut", ask_range, lie_range_cut },
	{ "range: missing", ask_range, lie_range_missing },
	{ "range: more", ask_range, lie_range_more },
	{ "one record: missing", ask_evidence, lie_last_left_out },
	{ "swapped", ask_anna, lie_rows_swapped },
	{ "swapped in a chain", ask_all, lie_rows_swapped },
	{ "newest first: swapped", ask_down, lie_rows_swapped },
	{ "doubled", ask_anna, lie_row_doubled },
	{ "doubled in a chain", ask_all, lie_row_doubled },
	{ "moved", ask_anna, lie_row_moved },
	{ "moved to the end", ask_anna, lie_row_at_the_end },
	{ "path short", ask_all, lie_path_short },
	{ "no path", ask_all, lie_path_none },
	{ "no path of its own", ask_anna, lie_path_none },
	{ "newest first: no path", ask_down, lie_down_path_none },
	{ "salt missing", ask_all, lie_salt_missing },
	{ "erased, and answers", ask_anna, lie_erased },
	{ "erased, and has a time", ask_times, lie_erased },
	{ "another answer", ask_anna, lie_other_answer },
	{ "another source", ask_all, lie_other_source },
	{ "the log's own", ask_all, lie_own_source },
	{ "too early", ask_times, lie_other_times },
	{ "too late", ask_times, lie_other_end },
	{ "before from", ask_from, lie_other_from },
	{ "newest first: behind from", ask_down_from, lie_down_other_from },
	{ "no event", ask_all, lie_no_event },
	{ "broken event", ask_all, lie_broken_event },
	{ "too many", ask_few, lie_too_many },
	{ "not counted", ask_count, lie_not_counted },
	{ "name missing", ask_all, lie_name_missing },
	{ "name twice", ask_all, lie_name_twice },
	{ "name without path", ask_all, lie_name_path_none },
	{ "name closed", ask_all, lie_name_closed },
	{ "name moved", ask_all, lie_name_moved },
	{ "name of another", ask_all, lie_name_of_another },
	{ "name of the log", ask_all, lie_name_of_the_log },
	{ "name malformed", ask_all, lie_name_malformed },
	{ "peer malformed", ask_all, lie_peer_malformed },
	{ "source is a peer", ask_all, lie_source_is_peer },
	{ "peer is a source", ask_all, lie_peer_is_source },
	{ "source is an event", ask_all, lie_source_is_event },
	{ "source is later", ask_all, lie_source_is_later },
	{ "genesis uncalled for", ask_all, lie_genesis_uncalled },
	{ "genesis missing", ask_evidence, lie_genesis_missing },
	{ "genesis of another log", ask_evidence, lie_genesis_other },
};

static void every_lie_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(LIES); i++) {
		struct world *w = world_new(LIES[i].ask);
		bool begun = w->a.begun;
		uint64_t matched = w->a.matched;
		LIES[i].tell(w);
		enum trail_err err = take(w);
		if (err != TRAIL_CORRUPT)
			fail_msg("the lie \"%s\" was answered %d", LIES[i].name, (int)err);
		assert_true(w->fault.sentence[0] != '\0');
		assert_true(w->a.begun == begun && w->a.matched == matched && !w->a.done);
		assert_true(w->a.row_count == 0 && w->a.named_count == 0);
		world_free(w);
	}
}

static void a_lie_is_told_with_its_record(void **state)
{
	(void)state;
	struct world *w = world_new(ask_anna);
	bytes_of(w, w->p.rows[1].payload.data)[3] ^= 1;
	assert_int_equal(take(w), TRAIL_CORRUPT);
	assert_string_equal(w->fault.sentence,
		"record 9 does not verify: it does not commit to the payload that was given; do "
		"not trust this answer");
	world_free(w);
}

static void flip_each(struct world *w, const void *view, size_t len, uint64_t index)
{
	uint8_t *bytes = bytes_of(w, view);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (take(w) != TRAIL_CORRUPT)
			fail_msg("bit %zu of %zu of record %u", bit, 8 * len, (unsigned)index);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void flip_item(struct world *w, const struct evidence_item *item)
{
	flip_each(w, item->record.data, item->record.len, item->index);
	flip_each(w, item->salt.data, item->salt.len, item->index);
	flip_each(w, item->payload.data, item->payload.len, item->index);
	flip_each(w, item->path, item->path_count * HASH_LEN, item->index);
}

static void flip_all(void (*ask)(struct world *w))
{
	struct world *w = world_new(ask);
	/* In a tree that is held already: no signature is looked at each time. */
	assert_int_equal(trust_see(&w->trust, w->p.page.checkpoint, &w->a.cp, &w->fault), TRAIL_OK);
	w->a.question.paging.size = LOG_RECORDS;
	for (size_t i = 0; i < w->p.page.row_count; i++)
		flip_item(w, &w->p.rows[i]);
	for (size_t i = 0; i < w->p.page.named_count; i++)
		flip_item(w, &w->p.named[i]);
	assert_int_equal(take(w), TRAIL_OK);
	world_free(w);
}

static void every_bit_counts(void **state)
{
	(void)state;
	flip_all(ask_anna);
	flip_all(ask_few);
	flip_all(ask_down_from);
	flip_all(ask_range);
	flip_all(ask_evidence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_pages_are_taken),
		cmocka_unit_test(a_count_has_no_rows_and_is_complete),
		cmocka_unit_test(an_answer_may_be_empty),
		cmocka_unit_test(empty_pages_lead_on),
		cmocka_unit_test(erased_events_are_shown_where_nothing_is_asked_of_them),
		cmocka_unit_test(no_row_is_taken_that_does_not_answer),
		cmocka_unit_test(an_erased_peer_has_no_name),
		cmocka_unit_test(every_lie_is_found),
		cmocka_unit_test(a_lie_is_told_with_its_record),
		cmocka_unit_test(every_bit_counts),
	};
	return cmocka_run_group_tests_name("client_rows", tests, NULL, NULL);
}
