/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_stream.h"

#include "deadline.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- answers ---- */

/* The records of an answer, if they are those that were asked for. */
static enum trail_err take_records(struct page *page, const struct record_page *answer)
{
	struct fault *fault = &page->stream->t->fault;
	uint64_t at = page->first + page->got;
	size_t room = (page->count - page->got) * RECORD_LEN;
	size_t len = answer->records.len;
	if (answer->first != at || len == 0 || len > room || len % RECORD_LEN != 0)
		return fault_set(fault, TRAIL_CORRUPT,
			"asked for %zu records from %" PRIu64 " on, the daemon gave %zu bytes from "
			"%" PRIu64 " on",
			page->count - page->got, at, len, answer->first);
	memcpy(page->bytes + page->got * RECORD_LEN, answer->records.data, len);
	page->got += len / RECORD_LEN;
	return TRAIL_OK;
}

/* The slot's finish. `t` NULL: the connection is dropped, and stream_close frees the page. */
static void take_answer(struct trail *t, struct slot *slot, enum trail_err lost)
{
	struct page *page = (struct page *)slot;
	struct stream *s = page->stream;
	struct response answer;
	page->state = PAGE_FREE;
	if (!t)
		return;
	enum trail_err err = lost;
	if (err == TRAIL_OK)
		err = call_read(t, slot, RESPONSE_RECORDS, &answer);
	else
		t->fault = t->lost;
	if (err == TRAIL_OK)
		err = take_records(page, &answer.records);
	if (err == TRAIL_OK) {
		s->deadline = deadline_in(t->timeout_ms);
	} else if (err == TRAIL_BUSY && deadline_left(s->deadline) > 0) {
		s->busy = true;
	} else {
		page->why = t->fault;
		page->state = PAGE_FAILED;
		return;
	}
	page->state = page->got == page->count ? PAGE_FILLED : PAGE_SHORT;
	if (page->state == PAGE_FILLED)
		crew_give(&s->crew, page);
}

/* ---- requests ---- */

static void ask(struct page *page)
{
	struct trail *t = page->stream->t;
	struct request request = {
		.kind = REQUEST_RECORDS,
		.records = {
			.first = page->first + page->got,
			.limit = page->count - page->got,
		},
	};
	buf_clear(&page->slot.answer);
	page->slot.answered = false;
	page->slot.finish = take_answer;
	page->state = PAGE_ASKED;
	if (call_submit(t, &request, &page->slot) != TRAIL_OK) {
		page->why = t->fault;
		page->state = PAGE_FAILED;
	}
}

/* Where the page that begins at `first` ends: with its block, or at a cut. */
static uint64_t page_end(struct stream *s, uint64_t first)
{
	uint64_t end = (first | (PAGE_RECORDS - 1)) + 1;
	while (*s->cuts <= first)
		s->cuts++;
	return end < *s->cuts ? end : *s->cuts;
}

static void begin_page(struct stream *s, struct page *page)
{
	uint64_t end = page_end(s, s->asked);
	page->first = s->asked;
	page->count = (size_t)(end - s->asked);
	page->got = 0;
	s->asked = end;
	s->put++;
	ask(page);
}

static struct page *page_of(struct stream *s, size_t number)
{
	return &s->pages[number % STREAM_PAGES];
}

static void ask_more(struct stream *s)
{
	if (s->busy)
		deadline_pause(s->deadline);
	s->busy = false;
	for (size_t n = s->due; n < s->put; n++)
		if (page_of(s, n)->state == PAGE_SHORT)
			ask(page_of(s, n));
	while (s->asked < s->end && s->put - s->due < STREAM_PAGES)
		begin_page(s, page_of(s, s->put));
}

/* ---- in order ---- */

enum trail_err stream_open(struct stream *s, struct trail *t, unsigned threads, uint64_t first,
	const uint64_t *cuts, size_t cut_count)
{
	*s = (struct stream){
		.t = t,
		.asked = first,
		.end = cuts[cut_count - 1],
		.cuts = cuts,
		.deadline = deadline_in(t->timeout_ms),
	};
	s->pages = calloc(STREAM_PAGES, sizeof *s->pages);
	if (!s->pages || !crew_start(&s->crew, threads)) {
		free(s->pages);
		s->pages = NULL;
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	}
	for (size_t i = 0; i < STREAM_PAGES; i++)
		s->pages[i].stream = s;
	return TRAIL_OK;
}

static enum trail_err wait_for_answers(struct stream *s)
{
	struct trail *t = s->t;
	enum trail_err err = calls_wait(t, s->deadline);
	if (err == TRAIL_TIMEOUT)
		return fault_set(&t->fault, err, "%s did not give the records in time", t->address);
	return err;
}

static bool is_awaited(const struct stream *s)
{
	for (size_t i = 0; i < STREAM_PAGES; i++)
		if (s->pages[i].state == PAGE_ASKED)
			return true;
	return false;
}

/* Take what is there already, so that the crew and the daemon have work while this thread judges.
 */
static void take_what_came(struct stream *s)
{
	while (is_awaited(s) && calls_process(s->t, deadline_in(0)) == TRAIL_OK)
		;
	ask_more(s);
}

enum trail_err stream_next(struct stream *s, struct page **out, uint64_t *at)
{
	struct page *page = page_of(s, s->due);
	ask_more(s);
	take_what_came(s);
	if (s->due == s->put)
		return TRAIL_END;
	*at = page->first + page->got;
	while (page->state == PAGE_ASKED || page->state == PAGE_SHORT) {
		enum trail_err err = wait_for_answers(s);
		if (err != TRAIL_OK)
			return err;
		ask_more(s);
	}
	if (page->state == PAGE_FAILED) {
		s->t->fault = page->why;
		*at = page->first + page->got;
		return page->why.code;
	}
	crew_finish(&s->crew, page);
	*out = page;
	return TRAIL_OK;
}

void stream_pass(struct stream *s)
{
	page_of(s, s->due)->state = PAGE_FREE;
	s->due++;
	s->deadline = deadline_in(s->t->timeout_ms);
}

void stream_close(struct stream *s)
{
	if (!s->pages)
		return;
	crew_stop(&s->crew);
	for (size_t i = 0; i < STREAM_PAGES; i++)
		buf_release(&s->pages[i].slot.answer);
	free(s->pages);
	s->pages = NULL;
}
