/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include "../proto/group.h"
#include "../proto/wire.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	OBJECT_MAX = 32, /* "get:" and a number */
	NUMBER_MAX = 24,
	ATTRIBUTES_MAX = 6,
};

/* The attributes, and the numbers that their values view. */
struct notes {
	struct attribute list[ATTRIBUTES_MAX];
	char numbers[ATTRIBUTES_MAX][NUMBER_MAX];
	size_t count;
};

static void note_text(struct notes *notes, const char *key, struct span value)
{
	notes->list[notes->count++] = (struct attribute){ span_text(key), value };
}

static void note_count(struct notes *notes, const char *key, uint64_t number)
{
	char *text = notes->numbers[notes->count];
	(void)snprintf(text, NUMBER_MAX, "%" PRIu64, number);
	note_text(notes, key, span_text(text));
}

static void note_time(struct notes *notes, const char *key, int64_t time_ns)
{
	char *text = notes->numbers[notes->count];
	(void)snprintf(text, NUMBER_MAX, "%" PRId64, time_ns);
	note_text(notes, key, span_text(text));
}

static const char *verb_of(enum request_kind kind)
{
	if (kind == REQUEST_SEARCH)
		return "search";
	if (kind == REQUEST_REPORT)
		return "report";
	return kind == REQUEST_HISTORY ? "history" : "get";
}

static void note_all(struct notes *notes, const struct request *request)
{
	const struct question *q = &request->question;
	bool report = request->kind == REQUEST_REPORT;
	if (request->kind == REQUEST_SEARCH || report)
		note_text(notes, "query", q->text);
	else if (request->kind == REQUEST_HISTORY)
		note_text(notes, "object", q->text);
	else if (q->count > 1)
		note_count(notes, "count", q->count);
	if (report)
		note_text(notes, "by", span_text(group_word(q->by)));
	if (q->paging.since_ns != 0)
		note_time(notes, "since_ns", q->paging.since_ns);
	if (q->paging.until_ns != 0)
		note_time(notes, "until_ns", q->paging.until_ns);
	if (q->paging.follow_ms != 0)
		note_text(notes, "follow", span_text("true"));
}

struct span trace_subject(const struct op *op)
{
	const struct query_term *only = NULL;
	const struct query *query = &op->query;
	bool asks = op->request.kind == REQUEST_SEARCH || op->request.kind == REQUEST_REPORT;
	for (size_t i = 0; asks && i < query->count; i++) {
		const struct query_term *term = &query->terms[i];
		if (term->field != QUERY_SUBJECT || term->negated)
			continue;
		if (only)
			return span_of(NULL, 0);
		only = term;
	}
	if (only && only->shape == QUERY_IS && only->low.len <= EVENT_ID_MAX &&
		text_name(only->low))
		return only->low;
	return span_of(NULL, 0);
}

void trace_encode(const struct op *op, int64_t time_ns, struct buf *out)
{
	char actor[PEER_ACTOR_MAX];
	char object[OBJECT_MAX];
	struct notes notes = { .count = 0 };
	const char *verb = verb_of(op->request.kind);
	peer_actor(&op->peer, actor);
	if (op->request.kind == REQUEST_GET)
		(void)snprintf(object, sizeof object, "get:%" PRIu64, op->request.question.index);
	else
		(void)snprintf(object, sizeof object, "%s", verb);
	note_all(&notes, &op->request);
	struct event_value event = {
		.time_ns = time_ns,
		.action = ACTION_READ,
		.verb = span_text(verb),
		.actor = { .id = span_text(actor), .type = ACTOR_USER },
		.object = { .id = span_text(object) },
		.subject = trace_subject(op),
		.attributes = notes.list,
		.attribute_count = notes.count,
	};
	event_encode(&event, out);
}

bool trace_tells(const struct op *op, struct span payload)
{
	struct event_facts facts;
	struct event_fault fault;
	struct buf again = { 0 };
	if (event_walk(payload, &facts, &fault) != TRAIL_OK)
		return false;
	trace_encode(op, facts.time_ns, &again);
	bool same = !again.failed && span_equal(buf_view(&again), payload);
	buf_release(&again);
	return same;
}
