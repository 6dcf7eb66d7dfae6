/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a query: parsing needs no more memory than the header says, a fault lies inside of
 * the text, and what is accepted can be written anew and read as the same.
 */
#include "fuzz.h"

#include "../../proto/query.h"

#include <stdlib.h>

static void put_id(struct buf *out, const struct query *q, enum query_field field, const char *name,
	struct span id)
{
	if (!query_asks(q, field))
		return;
	buf_put_text(out, name);
	buf_put_text(out, ":\"");
	for (size_t i = 0; i < id.len; i++) {
		if (id.data[i] == '"' || id.data[i] == '\\')
			buf_put_u8(out, '\\');
		buf_put_u8(out, id.data[i]);
	}
	buf_put_text(out, "\" ");
}

/* The same query in other words: every value in quotes, every term in the order of the fields. */
static void write_anew(struct buf *out, const struct query *q)
{
	static const char *const ACTIONS[] = { "", "create", "read", "modify", "delete",
		"execute" };
	static const char *const OUTCOMES[] = { "success", "denied", "failure", "unknown" };
	put_id(out, q, QUERY_ACTOR, "actor", q->actor);
	put_id(out, q, QUERY_OBJECT, "object", q->object);
	put_id(out, q, QUERY_SUBJECT, "subject", q->subject);
	if (query_asks(q, QUERY_ACTION))
		buf_printf(out, "action:%s ", ACTIONS[q->action]);
	if (query_asks(q, QUERY_OUTCOME))
		buf_printf(out, "outcome:%s ", OUTCOMES[q->outcome]);
	put_id(out, q, QUERY_SOURCE, "source",
		q->source.len == 0 ? span_text("traild") : q->source);
	if (query_asks(q, QUERY_INDEX))
		buf_printf(out, "index:%llu", (unsigned long long)q->index);
	fuzz_assert(!out->failed);
}

static bool same(const struct query *a, const struct query *b)
{
	return a->asked == b->asked && span_equal(a->actor, b->actor) &&
		span_equal(a->object, b->object) && span_equal(a->subject, b->subject) &&
		span_equal(a->source, b->source) && a->action == b->action &&
		a->outcome == b->outcome && a->index == b->index;
}

static void check_accepted(const struct query *q)
{
	struct buf text = { 0 };
	struct query again;
	struct query_fault fault;
	write_anew(&text, q);
	struct arena arena = fuzz_arena(text.len + QUERY_ALIGN);
	fuzz_assert(query_parse(buf_view(&text), &arena, &again, &fault) == TRAIL_OK);
	fuzz_assert(same(q, &again));
	free(arena.data);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena arena = fuzz_arena(len + QUERY_ALIGN);
	struct query query;
	struct query_fault fault;
	enum trail_err err = query_parse(span_of(data, len), &arena, &query, &fault);
	if (err == TRAIL_OK) {
		const struct event_facts none = { 0 };
		check_accepted(&query);
		(void)query_matches(&query, 0, &none);
	} else {
		fuzz_assert(err == TRAIL_INVALID || err == TRAIL_UNSUPPORTED);
		fuzz_assert(fault.at <= len && fault.len <= len - fault.at);
		fuzz_assert(fault.why[0] != '\0' && memchr(fault.why, 0, sizeof fault.why));
	}
	free(arena.data);
	return 0;
}
