/* SPDX-License-Identifier: Apache-2.0 */
/* The list of sources: two pages of an honest daemon, and every lie about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../support/line.h"

#include "../../proto/codec.h"

#include <stdlib.h>

/* The honest answer: alpha on the first page, beta on the second. */
struct list {
	struct source_state states[2];
	uint8_t records[2][RECORD_LEN];
	struct tree_proof paths[2];
	struct sources_answer pages[2];
	struct buf note;
};

static void list_make(struct list *list, const struct small_log *log)
{
	static const uint64_t INDEXES[2] = { LOG_ALPHA, LOG_BETA };
	*list = (struct list){ 0 };
	small_log_sign(log, LOG_RECORDS, &list->note);
	for (size_t i = 0; i < 2; i++) {
		uint64_t index = INDEXES[i];
		memcpy(list->records[i], log->records[index], RECORD_LEN);
		small_log_path(log, index, LOG_RECORDS, &list->paths[i]);
		list->states[i] = (struct source_state){
			.entry = {
				.index = index,
				.record = span_of(list->records[i], RECORD_LEN),
				.salt = span_of(log->salts[index], SALT_LEN),
				.payload = buf_view(&log->payloads[index]),
				.path = list->paths[i].path,
				.path_count = list->paths[i].count,
			},
			.heard_ns = 10 + i,
			.newest = 18 + i,
			.open = 1 + (uint32_t)i,
			.imports = 3,
			.open_ends = 4,
			.lost = 5,
			.missing = 6,
		};
		list->pages[i] = (struct sources_answer){ .states = &list->states[i], .count = 1 };
	}
	list->pages[0].checkpoint = buf_view(&list->note);
	list->pages[0].next = span_text("further");
	list->pages[1].done = true;
}

static void put_list(struct line *l, const struct list *list)
{
	struct response first = { .kind = RESPONSE_SOURCES, .sources = list->pages[0] };
	struct response second = { .kind = RESPONSE_SOURCES, .sources = list->pages[1] };
	line_put(l, &first);
	line_put_growth(l, LINE_HELD, LOG_RECORDS);
	line_put(l, &second);
}

static void sources_come_with_names_and_numbers(void **state)
{
	struct line *l = *state;
	struct list list;
	struct trail_sources *s = NULL;
	list_make(&list, &l->log);
	put_list(l, &list);
	assert_int_equal(trail_sources_ask(l->t, &s), TRAIL_OK);
	assert_int_equal(trail_size(l->t), LOG_RECORDS);
	assert_int_equal(trail_sources_count(s), 2);
	assert_int_equal(trail_sources_index(s, 0), LOG_ALPHA);
	assert_string_equal(trail_sources_name(s, 0), "alpha");
	assert_string_equal(trail_sources_name(s, 1), "beta");
	assert_true(trail_sources_heard(s, 1) == 11 && trail_sources_newest(s, 1) == 19);
	assert_true(trail_sources_open(s, 1) == 2 && trail_sources_imports(s, 1) == 3);
	assert_true(trail_sources_open_ends(s, 1) == 4 && trail_sources_lost(s, 1) == 5);
	assert_int_equal(trail_sources_missing(s, 1), 6);
	assert_null(trail_sources_name(s, 2));
	assert_int_equal(trail_sources_index(s, 2), 0);
	trail_sources_free(s);
	buf_release(&list.note);
}

static void lie_record(struct line *l, struct list *list)
{
	(void)l;
	list->records[1][100] ^= 1;
}
static void lie_index(struct line *l, struct list *list)
{
	(void)l;
	list->states[1].entry.index++;
}
static void lie_path(struct line *l, struct list *list)
{
	(void)l;
	list->paths[0].path[1].b[0] ^= 1;
}
static void lie_path_none(struct line *l, struct list *list)
{
	(void)l;
	list->states[0].entry.path_count = 0;
}
static void lie_payload(struct line *l, struct list *list)
{
	(void)l;
	list->states[1].entry.payload = list->states[0].entry.payload;
}
static void lie_closed(struct line *l, struct list *list)
{
	(void)l;
	list->states[1].entry.payload.len = list->states[1].entry.salt.len = 0;
}
static void lie_twice(struct line *l, struct list *list)
{
	(void)l;
	list->states[1] = list->states[0];
}
static void lie_swapped(struct line *l, struct list *list)
{
	struct source_state kept = list->states[0];
	(void)l;
	list->states[0] = list->states[1];
	list->states[1] = kept;
}
static void lie_peer(struct line *l, struct list *list)
{
	struct evidence_item *entry = &list->states[0].entry;
	memcpy(list->records[0], l->log.records[LOG_PEER], RECORD_LEN);
	small_log_path(&l->log, LOG_PEER, LOG_RECORDS, &list->paths[0]);
	entry->index = LOG_PEER;
	entry->salt = span_of(l->log.salts[LOG_PEER], SALT_LEN);
	entry->payload = buf_view(&l->log.payloads[LOG_PEER]);
}
static void list_anew(struct line *l, struct list *list)
{
	buf_release(&list->note);
	list_make(list, &l->log);
}
static void lie_same_name(struct line *l, struct list *list)
{
	struct buf payload = { 0 };
	source_encode(span_text("alpha"), &payload);
	small_log_change(&l->log, LOG_BETA, KIND_SOURCE, buf_view(&payload));
	buf_release(&payload);
	list_anew(l, list);
}
static void lie_no_name(struct line *l, struct list *list)
{
	small_log_change(&l->log, LOG_BETA, KIND_SOURCE, span_text("\x0a\x01/"));
	list_anew(l, list);
}
static void lie_empty_page(struct line *l, struct list *list)
{
	(void)l;
	list->pages[0].count = 0;
}
static void lie_no_next(struct line *l, struct list *list)
{
	(void)l;
	list->pages[0].next.len = 0;
}
static void lie_note(struct line *l, struct list *list)
{
	(void)l;
	list->note.data[list->note.len - 5] ^= 1;
}
static void lie_note_old(struct line *l, struct list *list)
{
	buf_clear(&list->note);
	small_log_sign(&l->log, LINE_HELD - 1, &list->note);
	list->pages[0].checkpoint = buf_view(&list->note);
}

static const struct {
	const char *name;
	void (*tell)(struct line *l, struct list *list);
} LIES[] = {
	{ "record", lie_record },
	{ "index", lie_index },
	{ "path", lie_path },
	{ "no path", lie_path_none },
	{ "payload", lie_payload },
	{ "closed", lie_closed },
	{ "twice", lie_twice },
	{ "swapped", lie_swapped },
	{ "peer", lie_peer },
	{ "same name", lie_same_name },
	{ "no name", lie_no_name },
	{ "empty page", lie_empty_page },
	{ "no next", lie_no_next },
	{ "note", lie_note },
	{ "old note", lie_note_old },
};

static void every_lie_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof LIES / sizeof LIES[0]; i++) {
		struct line *l;
		struct list list;
		struct trail_sources *s = NULL;
		(void)line_new((void **)&l);
		list_make(&list, &l->log);
		LIES[i].tell(l, &list);
		put_list(l, &list);
		enum trail_err err = trail_sources_ask(l->t, &s);
		if (err != TRAIL_CORRUPT)
			fail_msg("the lie \"%s\" was answered %d", LIES[i].name, (int)err);
		assert_null(s);
		assert_true(trail_error(l->t)[0] != '\0');
		assert_int_equal(trail_sources_ask(l->t, &s), TRAIL_CORRUPT);
		buf_release(&list.note);
		(void)line_free((void **)&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			sources_come_with_names_and_numbers, line_new, line_free),
		cmocka_unit_test(every_lie_is_found),
	};
	return cmocka_run_group_tests_name("client_sources", tests, NULL, NULL);
}
