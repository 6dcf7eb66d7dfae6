/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "stopwatch.h"
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	TIMEOUT_MS = 600 * 1000, /* a scan of many events takes long */
	ARENA_BYTES = 4 << 20,
};

/* ---- the library ---- */

struct trail *ask_open(const char *path)
{
	char address[256];
	struct trail *t = trail_new();
	(void)snprintf(address, sizeof address, "unix:%s", path);
	if (t && trail_set_timeout(t, TIMEOUT_MS) == TRAIL_OK &&
		trail_set_state_dir(t, "") == TRAIL_OK && trail_open(t, address) == TRAIL_OK)
		return t;
	(void)fprintf(stderr, "%s: %s\n", address, t ? trail_error(t) : "memory is out");
	trail_free(t);
	return NULL;
}

static bool set_query(struct trail_query *q, const struct inquiry *of, const struct ask *a)
{
	/* Counting begins behind the first page. */
	uint32_t page = of->shape == SHAPE_COUNT ? 1 : (uint32_t)of->limit;
	return q && trail_query_set_page(q, page) == TRAIL_OK &&
		trail_query_set_time(q, a->since_ns, a->until_ns) == TRAIL_OK &&
		(a->object[0] != '\0' || trail_query_set_terms(q, a->terms) == TRAIL_OK);
}

/* The rows, or their number; times count from `start`. */
static enum trail_err take_rows(
	struct trail_rows *rows, const struct inquiry *q, uint64_t start, struct outcome *o)
{
	const struct trail_entry *entry;
	enum trail_err err = TRAIL_OK;
	if (q->shape == SHAPE_COUNT) {
		err = trail_rows_count(rows);
		o->rows = trail_rows_matched(rows);
	}
	while (err == TRAIL_OK && q->shape == SHAPE_ROWS) {
		err = trail_rows_next(rows, &entry);
		if (o->first_ns == 0)
			o->first_ns = monotonic_ns() - start;
		if (err != TRAIL_OK || trail_entry_source(entry) == 0)
			continue;
		outcome_add(o, trail_event_id(trail_entry_event(entry)));
		if (o->rows == q->limit)
			break;
	}
	o->last_ns = monotonic_ns() - start;
	if (o->first_ns == 0)
		o->first_ns = o->last_ns;
	return err == TRAIL_END ? TRAIL_OK : err;
}

/* How many of each unit; the rows are the units. */
static enum trail_err take_report(struct trail *t, struct trail_query *query, struct outcome *o)
{
	struct trail_report *report = NULL;
	uint64_t start = monotonic_ns();
	enum trail_err err = trail_report(t, query, TRAIL_BY_UNIT, 0, &report);
	o->last_ns = o->first_ns = monotonic_ns() - start;
	for (size_t i = 0; err == TRAIL_OK && i < trail_report_count(report); i++)
		o->rows += trail_report_key(report, i)[0] != '\0';
	trail_report_free(report);
	return err;
}

enum asked ask_trail(struct trail *t, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why)
{
	struct trail_query *query = trail_query_new();
	struct trail_rows *rows = NULL;
	enum trail_err err = TRAIL_NOMEM;
	*o = (struct outcome){ 0 };
	*why = "memory is out";
	if (set_query(query, q, a) && q->shape == SHAPE_REPORT) {
		err = take_report(t, query, o);
		*why = trail_error(t);
	} else if (query) {
		uint64_t start = monotonic_ns();
		err = a->object[0] != '\0' ? trail_history(t, a->object, query, &rows)
					   : trail_search(t, query, &rows);
		if (err == TRAIL_OK)
			err = take_rows(rows, q, start, o);
		*why = trail_error(t);
	}
	trail_rows_free(rows);
	trail_query_free(query);
	if (err == TRAIL_UNSUPPORTED)
		return ASKED_LEFT_OUT;
	if (err == TRAIL_OK)
		return ASKED_DONE;
	(void)fprintf(stderr, "%s %s: %s\n", a->object, a->terms, *why);
	return ASKED_FAILED;
}

/* ---- the wire ---- */

struct wire_asker {
	int fd;
	uint64_t id; /* of the last request */
	struct buf in;
	struct arena arena;
};

struct wire_asker *ask_wire_open(const char *path)
{
	struct wire_asker *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->fd = talk_connect(path);
	w->id = 1; /* Hello's */
	w->arena = (struct arena){ .data = malloc(ARENA_BYTES), .cap = ARENA_BYTES };
	if (w->fd >= 0 && w->arena.data && talk_hello(w->fd, span_of(NULL, 0), 0))
		return w;
	ask_wire_close(w);
	return NULL;
}

void ask_wire_close(struct wire_asker *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		(void)close(w->fd);
	buf_release(&w->in);
	free(w->arena.data);
	free(w);
}

static void take_page(
	const struct rows *page, const struct inquiry *q, uint64_t start, struct outcome *o)
{
	o->rows = page->matched;
	if (o->first_ns == 0 && (page->row_count > 0 || page->done))
		o->first_ns = monotonic_ns() - start;
	if (q->limit != 0 && o->rows > q->limit)
		o->rows = q->limit;
}

/* What was refused is said already; the code tells whether anybody could ask it. */
static enum asked refused(const struct response *response, const char **why)
{
	*why = "the daemon does not know that yet";
	return response->kind == RESPONSE_ERROR && response->error.code == TRAIL_UNSUPPORTED
		? ASKED_LEFT_OUT
		: ASKED_FAILED;
}

enum asked ask_wire(struct wire_asker *w, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why)
{
	bool history = a->object[0] != '\0';
	uint8_t next[CURSOR_MAX];
	struct response response = { 0 };
	struct request request = {
		.kind = history ? REQUEST_HISTORY : REQUEST_SEARCH,
		.question = { .text = span_text(history ? a->object : a->terms),
			.paging = { .since_ns = a->since_ns,
				.until_ns = a->until_ns,
				.limit = (uint32_t)q->limit,
				.count = q->shape == SHAPE_COUNT } },
	};
	*o = (struct outcome){ 0 };
	*why = "the library adds up the pages of a report";
	if (q->shape == SHAPE_REPORT)
		return ASKED_LEFT_OUT;
	uint64_t start = monotonic_ns();
	do {
		request.id = ++w->id;
		if (!talk_call(w->fd, &request, &w->in, &w->arena, &response))
			return refused(&response, why);
		if (response.kind != RESPONSE_ROWS || response.rows.next.len > sizeof next)
			return ASKED_FAILED;
		take_page(&response.rows, q, start, o);
		if (response.rows.next.len > 0)
			memcpy(next, response.rows.next.data, response.rows.next.len);
		request.question.paging.next = span_of(next, response.rows.next.len);
	} while (!response.rows.done && (q->limit == 0 || o->rows < q->limit));
	o->last_ns = monotonic_ns() - start;
	return ASKED_DONE;
}
