/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that read rows and single records: what they make of answers, honest and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/line.h"

#include "../../proto/wire.h"

#include <stdlib.h>

static void put_first_page(struct line *l, uint64_t until)
{
	line_make_page(l, until);
	line_put_page(l);
	line_put_growth(l, LINE_HELD, LOG_RECORDS);
}

static void put_next_page(struct line *l, uint64_t until)
{
	line_make_page(l, until);
	line_put_page(l);
}

/* Read until the end; answers how many rows came. */
static size_t read_all(struct trail_rows *r)
{
	const struct trail_entry *n;
	size_t count = 0;
	enum trail_err err;
	while ((err = trail_rows_next(r, &n)) == TRAIL_OK)
		count++;
	assert_int_equal(err, TRAIL_END);
	return count;
}

/* ---- rows ---- */

static void rows_come_page_by_page(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	put_first_page(l, 12);
	put_next_page(l, LOG_READ);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	assert_int_equal(trail_size(l->t), LOG_RECORDS);
	for (uint64_t i = LOG_FIRST; i < LOG_READ; i++) {
		assert_int_equal(trail_rows_matched(r), i - LOG_FIRST);
		assert_string_equal(trail_rows_method(r), "");
		assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
		assert_int_equal(trail_entry_index(n), i);
		assert_memory_equal(trail_entry_leaf(n), l->log.leaves[i].b, HASH_LEN);
		assert_string_equal(trail_entry_source_name(n), i % 2 == 0 ? "alpha" : "beta");
		assert_string_equal(trail_entry_peer_name(n), "unix:1000");
		assert_string_equal(trail_event_get(trail_entry_event(n), TRAIL_ACTOR_ID),
			i % 3 == 0 ? "anna" : "bo");
		assert_int_equal(trail_rows_looked(r), i < 12 ? 12 : LOG_READ);
	}
	assert_int_equal(trail_rows_next(r, &n), TRAIL_END);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_END);
	assert_true(trail_rows_matched(r) == 16 && trail_rows_read(r) == LOG_READ);
	assert_true(trail_rows_size(r) == LOG_RECORDS && trail_rows_gaps(r) == 3);
	assert_true(trail_rows_sources(r) == 2 && trail_rows_current(r) == 1);
	assert_string_equal(trail_rows_method(r), "scan");
	trail_rows_free(r);
}

static void newest_first_looks_downwards(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	struct trail_query *q = trail_query_new();
	l->asked.question.paging.newest_first = true;
	put_first_page(l, 12);
	put_next_page(l, 0);
	assert_int_equal(trail_query_set_newest_first(q, true), TRAIL_OK);
	assert_int_equal(trail_search(l->t, q, &r), TRAIL_OK);
	trail_query_free(q);
	assert_int_equal(trail_rows_looked(r), LOG_READ - 12);
	assert_int_equal(read_all(r), 16);
	assert_int_equal(trail_rows_looked(r), LOG_READ);
	trail_rows_free(r);
}

static void erased_rows_have_no_event_of_the_row_before(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	size_t len = 1;
	l->log.erased[5] = true;
	put_first_page(l, LOG_READ);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
	assert_non_null(trail_entry_event(n));
	assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
	assert_int_equal(trail_entry_index(n), 5);
	assert_null(trail_entry_event(n));
	assert_null(trail_entry_salt(n));
	assert_null(trail_entry_payload(n, &len));
	assert_int_equal(len, 0);
	trail_rows_free(r);
}

static void the_rest_may_be_counted(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	put_first_page(l, 12);
	l->asked.question.paging.count = true;
	put_next_page(l, 15);
	put_next_page(l, LOG_READ);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
	assert_int_equal(trail_rows_matched(r), 1);
	assert_int_equal(trail_rows_count(r), TRAIL_OK);
	assert_int_equal(trail_rows_matched(r), 16);
	assert_int_equal(trail_rows_sources(r), 2);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_END);
	trail_rows_free(r);
}

static void a_history_is_one_object_s(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	l->asked.kind = REQUEST_HISTORY;
	l->asked.query = query_of_object(span_text("/o/1"), &l->asked.object);
	put_first_page(l, LOG_READ);
	assert_int_equal(trail_history(l->t, "/o/1", NULL, &r), TRAIL_OK);
	assert_int_equal(read_all(r), 8);
	trail_rows_free(r);
}

static void who_follows_has_each_checkpoint_settled(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	struct trail_query *q = trail_query_new();
	l->asked.question.paging.follow_ms = 1;
	put_first_page(l, LOG_READ);
	put_next_page(l, LOG_READ); /* empty */
	put_next_page(l, LOG_RECORDS);
	assert_int_equal(trail_query_set_follow(q, true), TRAIL_OK);
	assert_int_equal(trail_search(l->t, q, &r), TRAIL_OK);
	trail_query_free(q);
	for (uint64_t i = LOG_FIRST; i < LOG_RECORDS; i++) {
		assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
		assert_int_equal(trail_entry_index(n), i);
	}
	assert_int_equal(trail_rows_count(r), TRAIL_MISUSE);
	trail_rows_free(r);
}

/* ---- what fails ---- */

static void put_busy(struct line *l)
{
	struct response busy = {
		.kind = RESPONSE_ERROR,
		.error = { .code = TRAIL_BUSY, .sentence = span_text("later"), .retry_ms = 5 },
	};
	line_put(l, &busy);
}

static void a_refused_page_may_be_asked_for_again(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	put_busy(l);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_BUSY);
	assert_null(r);
	put_first_page(l, 5);
	put_busy(l);
	put_next_page(l, LOG_READ);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_BUSY);
	assert_int_equal(trail_error_retry_ms(l->t), 5);
	assert_int_equal(trail_rows_matched(r), 1);
	assert_int_equal(read_all(r), 15);
	trail_rows_free(r);
}

static void a_lie_ends_the_handle(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	struct trail_entry *entry = NULL;
	const struct trail_entry *n = NULL;
	put_first_page(l, 5);
	line_make_page(l, LOG_READ);
	l->p.page.matched++;
	line_put_page(l);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_CORRUPT);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_CORRUPT);
	assert_int_equal(trail_rows_count(r), TRAIL_CORRUPT);
	assert_int_equal(trail_get(l->t, 5, &entry), TRAIL_CORRUPT);
	assert_int_equal(trail_rows_matched(r), 1);
	trail_rows_free(r);
}

static void no_row_is_given_out_of_a_tree_that_does_not_extend_the_known_one(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	struct response bad = { .kind = RESPONSE_PROOF };
	small_log_growth(&l->log, LINE_HELD, LOG_RECORDS, &bad.proof.path);
	bad.proof.path.path[0].b[0] ^= 1;
	line_make_page(l, LOG_READ);
	line_put_page(l);
	line_put(l, &bad);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_CORRUPT);
	assert_null(r);
	assert_int_equal(trail_size(l->t), LINE_HELD);
}

/* Else a page in a tree between the two would be proven to extend nothing. */
static void what_was_seen_before_is_settled_before_a_question(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	struct buf note = { 0 };
	small_log_sign(&l->log, LINE_HELD + 2, &note);
	assert_int_equal(trust_see(&l->t->trust, buf_view(&note), NULL, &l->t->fault), TRAIL_OK);
	buf_release(&note);
	line_put_growth(l, LINE_HELD, LINE_HELD + 2);
	small_page_make(&l->p, &l->log, &l->asked, LINE_HELD + 1, LOG_READ);
	line_put_page(l);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_CORRUPT);
	assert_null(r);
	assert_int_equal(trail_size(l->t), LINE_HELD + 2);
}

static void rows_end_with_their_handle(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	put_first_page(l, 12);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_OK);
	trail_close(l->t);
	assert_int_equal(trail_rows_next(r, &n), TRAIL_MISUSE);
	assert_int_equal(trail_rows_count(r), TRAIL_MISUSE);
	trail_free(l->t);
	l->t = NULL;
	assert_int_equal(trail_rows_next(r, &n), TRAIL_MISUSE);
	assert_int_equal(trail_entry_index(n), LOG_FIRST);
	assert_true(trail_rows_read(r) == LOG_READ && trail_rows_matched(r) == 1);
	trail_rows_free(r);
}

static void a_handle_is_freed_before_its_rows_or_behind(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	const struct trail_entry *n = NULL;
	put_first_page(l, 12);
	assert_int_equal(trail_search(l->t, NULL, &r), TRAIL_OK);
	trail_free(l->t);
	l->t = NULL;
	assert_int_equal(trail_rows_next(r, &n), TRAIL_MISUSE);
	trail_rows_free(r);
}

static void what_is_no_query_is_not_asked(void **state)
{
	static const struct {
		const char *terms;
		enum trail_err err;
		uint32_t at;
		const char *sentence;
	} cases[] = {
		{ "actr:anna", TRAIL_INVALID, 0,
			"the query, at \"actr\" (byte 0): there is no field \"actr\"; did you "
			"mean actor?" },
		{ "action:read  actor:", TRAIL_INVALID, 13,
			"the query, at \"actor:\" (byte 13): a value is missing behind "
			"\"actor:\"" },
		{ "unit:b..a", TRAIL_INVALID, 5,
			"the query, at \"b..a\" (byte 5): the range ends before it begins: turn it "
			"around" },
		{ "actor:\xff", TRAIL_INVALID, 0, "the query is not UTF-8" },
	};
	struct line *l = *state;
	struct trail_rows *r = NULL;
	struct trail_query *q = trail_query_new();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(trail_query_set_terms(q, cases[i].terms), TRAIL_OK);
		assert_int_equal(trail_search(l->t, q, &r), cases[i].err);
		assert_int_equal(trail_error_index(l->t), cases[i].at);
		assert_string_equal(trail_error(l->t), cases[i].sentence);
	}
	assert_int_equal(trail_history(l->t, "/o/1", q, &r), TRAIL_MISUSE);
	assert_int_equal(trail_query_set_terms(q, NULL), TRAIL_OK);
	assert_int_equal(trail_history(l->t, "", q, &r), TRAIL_INVALID);
	assert_int_equal(trail_query_set_newest_first(q, true), TRAIL_OK);
	assert_int_equal(trail_query_set_follow(q, true), TRAIL_OK);
	assert_int_equal(trail_search(l->t, q, &r), TRAIL_MISUSE);
	trail_query_free(q);
	assert_true(atomic_load(&l->heard) == 0 && !r);
}

/* Long and of many bytes a character: what a sentence shows is cut between characters. */
static void sentences_show_whole_characters(void **state)
{
	struct line *l = *state;
	struct trail_rows *r = NULL;
	struct trail_query *q = trail_query_new();
	char terms[256] = "x";
	for (size_t i = 0; i < 40; i++)
		memcpy(terms + 1 + 3 * i, "\xe2\x82\xac", 3);
	assert_int_equal(trail_query_set_terms(q, terms), TRAIL_OK);
	assert_int_equal(trail_search(l->t, q, &r), TRAIL_INVALID);
	assert_true(text_utf8(span_text(trail_error(l->t))));
	trail_query_free(q);
}

static void a_query_has_a_length(void **state)
{
	char *terms = calloc(1, QUERY_MAX + 2);
	struct trail_query *q = trail_query_new();
	(void)state;
	memset(terms, 'a', QUERY_MAX + 1);
	assert_int_equal(trail_query_set_terms(q, terms), TRAIL_TOO_BIG);
	terms[QUERY_MAX] = '\0';
	assert_int_equal(trail_query_set_terms(q, terms), TRAIL_OK);
	trail_query_free(q);
	free(terms);
}

/* ---- one record ---- */

static void ask_record(struct line *l, uint64_t index, bool genesis)
{
	l->asked = (struct answer){
		.kind = REQUEST_GET,
		.question = { .index = index, .want_genesis = genesis },
	};
	put_first_page(l, index + 1);
}

static void a_record_is_shown_with_its_names(void **state)
{
	struct line *l = *state;
	struct trail_entry *n = NULL;
	ask_record(l, 9, false);
	assert_int_equal(trail_get(l->t, 9, &n), TRAIL_OK);
	assert_true(trail_entry_index(n) == 9 && trail_entry_size(n) == LOG_RECORDS);
	assert_string_equal(trail_entry_source_name(n), "beta");
	assert_string_equal(trail_entry_peer_name(n), "unix:1000");
	assert_string_equal(trail_event_get(trail_entry_event(n), TRAIL_OBJECT_ID), "/o/1");
	trail_entry_free(n);
}

static void a_source_is_named_by_itself(void **state)
{
	struct line *l = *state;
	struct trail_entry *n = NULL;
	ask_record(l, LOG_ALPHA, false);
	assert_int_equal(trail_get(l->t, LOG_ALPHA, &n), TRAIL_OK);
	assert_string_equal(trail_entry_source_name(n), "alpha");
	assert_string_equal(trail_entry_peer_name(n), "unix:1000");
	assert_null(trail_entry_event(n));
	trail_entry_free(n);
}

int main(void)
{
#define ON_A_LINE(test_) cmocka_unit_test_setup_teardown(test_, line_new, line_free)
	const struct CMUnitTest tests[] = {
		ON_A_LINE(rows_come_page_by_page),
		ON_A_LINE(newest_first_looks_downwards),
		ON_A_LINE(erased_rows_have_no_event_of_the_row_before),
		ON_A_LINE(the_rest_may_be_counted),
		ON_A_LINE(a_history_is_one_object_s),
		ON_A_LINE(who_follows_has_each_checkpoint_settled),
		ON_A_LINE(a_refused_page_may_be_asked_for_again),
		ON_A_LINE(a_lie_ends_the_handle),
		ON_A_LINE(no_row_is_given_out_of_a_tree_that_does_not_extend_the_known_one),
		ON_A_LINE(what_was_seen_before_is_settled_before_a_question),
		ON_A_LINE(rows_end_with_their_handle),
		ON_A_LINE(a_handle_is_freed_before_its_rows_or_behind),
		ON_A_LINE(what_is_no_query_is_not_asked),
		ON_A_LINE(sentences_show_whole_characters),
		cmocka_unit_test(a_query_has_a_length),
		ON_A_LINE(a_record_is_shown_with_its_names),
		ON_A_LINE(a_source_is_named_by_itself),
	};
	return cmocka_run_group_tests_name("client_reading", tests, NULL, NULL);
}
