/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_rows.h"

#include "../proto/wire.h"
#include "deadline.h"
#include "terms.h"
#include "trail_query.h"

#include <stdlib.h>

enum {
	FOLLOW_SLACK_MS = 1000, /* for the answer's way, of what the handle waits */
};

/* ---- the list of the handle ---- */

static void join(struct trail_rows *r, struct trail *t)
{
	r->t = t;
	r->next = t->rows;
	t->rows = r;
}

static void leave(struct trail_rows *r)
{
	struct trail_rows **at = r->t ? &r->t->rows : NULL;
	while (at && *at != r)
		at = &(*at)->next;
	if (at)
		*at = r->next;
	r->t = NULL;
}

void rows_forsake(struct trail *t)
{
	while (t->rows)
		leave(t->rows);
}

/* ---- asking ---- */

static enum trail_err read_terms(struct trail *t, struct trail_rows *r)
{
	return terms_read(buf_view(&r->text), &r->literal, &r->reading.answer.query, &t->fault);
}

static enum trail_err read_object(struct trail *t, struct trail_rows *r)
{
	struct span id = buf_view(&r->text);
	if (id.len == 0 || id.len > EVENT_ID_MAX || !text_utf8(id))
		return fault_set(&t->fault, TRAIL_INVALID,
			"an object's id has 1 to %d bytes of UTF-8", EVENT_ID_MAX);
	struct answer *a = &r->reading.answer;
	a->query = query_of_object(id, &a->object);
	return TRAIL_OK;
}

static enum trail_err set_bounds(struct trail *t, const struct trail_query *q, struct paging *p)
{
	if (!q)
		return TRAIL_OK;
	if (q->follow && q->newest_first)
		return fault_set(&t->fault, TRAIL_MISUSE,
			"who follows sees the oldest first: it goes not with newest_first");
	*p = (struct paging){
		.from = q->from,
		.since_ns = q->since_ns,
		.until_ns = q->until_ns,
		.newest_first = q->newest_first,
		.limit = q->page_rows,
		.scan = q->scan,
		.follow_ms = q->follow, /* the first page comes at once */
	};
	return TRAIL_OK;
}

/* What rows lean on, before the page is gone. */
static void keep_named(struct trail_rows *r)
{
	const struct answer *a = &r->reading.answer;
	if (!r->evidence)
		return;
	if (r->note.len == 0)
		buf_put_span(&r->note, a->note);
	for (size_t i = 0; i < a->named_count; i++)
		kept_items_add(&r->named, a->named[i].item.shown);
}

/* Ask `kind` about `text` within the bounds of `q`, and wait for the first page. */
static enum trail_err ask(struct trail *t, enum request_kind kind, struct span text,
	const struct trail_query *q, struct trail_rows **rows)
{
	struct trail_rows *r = calloc(1, sizeof *r);
	if (!r)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	struct answer *a = &r->reading.answer;
	a->kind = kind;
	buf_put_span(&r->text, text);
	a->question.text = buf_view(&r->text);
	enum trail_err err = set_bounds(t, q, &a->question.paging);
	if (err == TRAIL_OK && r->text.failed)
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	if (q) {
		r->progress = q->progress;
		r->ctx = q->ctx;
		r->evidence = q->evidence;
	}
	if (err == TRAIL_OK)
		err = kind == REQUEST_SEARCH ? read_terms(t, r) : read_object(t, r);
	if (err == TRAIL_OK)
		err = handle_ready(t);
	if (err == TRAIL_OK)
		err = reading_turn(&r->reading, t, deadline_in(t->timeout_ms));
	if (err != TRAIL_OK) {
		trail_rows_free(r);
		return err;
	}
	keep_named(r);
	join(r, t);
	*rows = r;
	return TRAIL_OK;
}

enum trail_err trail_search(struct trail *t, const struct trail_query *q, struct trail_rows **rows)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!rows)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the rows");
	return ask(t, REQUEST_SEARCH, q ? buf_view(&q->terms) : span_of(NULL, 0), q, rows);
}

enum trail_err trail_history(
	struct trail *t, const char *object, const struct trail_query *q, struct trail_rows **rows)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!object || !rows || (q && q->terms.len != 0))
		return fault_set(&t->fault, TRAIL_MISUSE,
			"a history needs an object, a place for the rows, and no terms");
	return ask(t, REQUEST_HISTORY, span_text(object), q, rows);
}

/* ---- row by row ---- */

static enum trail_err enter(const struct trail_rows *r)
{
	return r && r->t ? handle_enter(r->t) : TRAIL_MISUSE;
}

static enum trail_err turn(struct trail_rows *r, int64_t deadline)
{
	enum trail_err err = reading_turn(&r->reading, r->t, deadline);
	r->given = err == TRAIL_OK ? 0 : r->reading.answer.row_count;
	if (err == TRAIL_OK)
		keep_named(r);
	return err;
}

/* Another page, which may have no rows. TRAIL_MORE: stop. */
static enum trail_err turn_on(struct trail_rows *r)
{
	struct trail *t = r->t;
	enum trail_err err = turn(r, deadline_in(t->timeout_ms));
	if (err != TRAIL_OK || !r->progress || r->reading.answer.done)
		return err;
	t->inside = true;
	bool go_on = r->progress(r->ctx, trail_rows_looked(r), r->reading.answer.read);
	t->inside = false;
	return go_on ? TRAIL_OK : TRAIL_MORE;
}

/* The next page of who follows, that waits a little shorter than the call may. */
static enum trail_err turn_following(struct trail_rows *r, int64_t deadline)
{
	int slack = r->t->timeout_ms / 4;
	slack = slack < FOLLOW_SLACK_MS ? slack : FOLLOW_SLACK_MS;
	int wait = deadline_left(deadline) - slack;
	if (wait <= 0)
		return TRAIL_MORE;
	r->reading.answer.question.paging.follow_ms =
		(uint32_t)(wait < FOLLOW_MS_MAX ? wait : FOLLOW_MS_MAX);
	return turn(r, deadline);
}

enum trail_err trail_rows_next(struct trail_rows *r, const struct trail_entry **entry)
{
	enum trail_err err = enter(r);
	if (err != TRAIL_OK)
		return err;
	if (!entry)
		return fault_set(&r->t->fault, TRAIL_MISUSE, "there is no place for the entry");
	const struct answer *a = &r->reading.answer;
	int64_t deadline = deadline_in(r->t->timeout_ms);
	while (r->given == a->row_count) {
		if (a->done)
			return TRAIL_END;
		err = answer_follows(a) ? turn_following(r, deadline) : turn_on(r);
		if (err != TRAIL_OK)
			return err;
	}
	if (!entry_set(&r->entry, &a->rows[r->given], &a->cp))
		return fault_set(&r->t->fault, TRAIL_NOMEM, "memory is out");
	r->given++;
	*entry = &r->entry;
	return TRAIL_OK;
}

enum trail_err trail_rows_count(struct trail_rows *r)
{
	enum trail_err err = enter(r);
	if (err != TRAIL_OK)
		return err;
	struct answer *a = &r->reading.answer;
	if (answer_follows(a))
		return fault_set(
			&r->t->fault, TRAIL_MISUSE, "who follows cannot count: there is no end");
	a->question.paging.count = true;
	r->given = a->row_count;
	while (err == TRAIL_OK && !a->done)
		err = turn_on(r);
	return err;
}

uint64_t trail_rows_matched(const struct trail_rows *r)
{
	return r ? r->reading.answer.matched - (r->reading.answer.row_count - r->given) : 0;
}

uint64_t trail_rows_read(const struct trail_rows *r)
{
	return r ? r->reading.answer.read : 0;
}

uint64_t trail_rows_looked(const struct trail_rows *r)
{
	if (!r)
		return 0;
	const struct answer *a = &r->reading.answer;
	return a->question.paging.newest_first ? a->read - a->position : a->position;
}

uint64_t trail_rows_size(const struct trail_rows *r)
{
	return r ? r->reading.answer.cp.size : 0;
}

/* What the last page said, once its rows are given out. */
static struct completeness ended(const struct trail_rows *r)
{
	bool end = r && r->reading.answer.done && r->given == r->reading.answer.row_count;
	return end ? r->reading.answer.completeness : (struct completeness){ 0 };
}

uint32_t trail_rows_sources(const struct trail_rows *r)
{
	return ended(r).sources;
}

uint32_t trail_rows_current(const struct trail_rows *r)
{
	return ended(r).current;
}

uint64_t trail_rows_gaps(const struct trail_rows *r)
{
	return ended(r).gaps;
}

uint64_t trail_rows_witnessed(const struct trail_rows *r)
{
	return ended(r).witnessed;
}

const char *rows_method(enum search_method method)
{
	return method == METHOD_SCAN ? "scan" : method == METHOD_INDEX ? "index" : "";
}

const char *trail_rows_method(const struct trail_rows *r)
{
	return rows_method(ended(r).method);
}

void trail_rows_free(struct trail_rows *r)
{
	if (!r)
		return;
	leave(r);
	reading_release(&r->reading);
	entry_release(&r->entry);
	buf_release(&r->text);
	buf_release(&r->literal);
	buf_release(&r->note);
	kept_items_release(&r->named);
	free(r);
}
