/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a query: parsing needs no more memory than the header says, a fault lies inside of
 * the text, what is accepted can be written anew and read as the same, and whether an event answers
 * it is what its terms say, one by one.
 */
#include "fuzz.h"

#include "../../proto/query_parse.h"
#include "../support/query_text.h"

static void check_written_anew(const struct query *q)
{
	struct buf text = { 0 }, twice = { 0 };
	struct query again;
	struct query_fault fault;
	query_text_put(&text, q);
	struct arena arena = fuzz_arena(query_room(text.len));
	fuzz_assert(query_parse(buf_view(&text), &arena, &again, &fault) == TRAIL_OK);
	query_text_put(&twice, &again);
	fuzz_assert(!twice.failed && span_equal(buf_view(&text), buf_view(&twice)));
	free(arena.data);
	buf_release(&text);
	buf_release(&twice);
}

/* The terms of one field: one of those without NOT fits, if there are any; none of the others. */
static bool field_met(const struct query *q, enum query_field field, const struct query_view *view)
{
	bool wanted = false, met = false;
	for (size_t i = 0; i < q->count; i++) {
		const struct query_term *term = &q->terms[i];
		if (term->field != field)
			continue;
		bool fits = query_term_fits(term, view);
		if (term->negated && fits)
			return false;
		wanted = wanted || !term->negated;
		met = met || (!term->negated && fits);
	}
	return met || !wanted;
}

static void check_matching(const struct query *q, const struct query_view *view)
{
	bool all = true;
	for (unsigned i = 0; i < QUERY_FIELDS; i++) {
		enum query_field field = (enum query_field)i;
		bool met = field_met(q, field, view);
		fuzz_assert(query_allows(q, field, view) == met);
		all = all && met;
	}
	fuzz_assert(query_matches(q, view) == all);
	fuzz_assert(!all || query_allows_record(q, view));
}

static void check_accepted(const struct query *q)
{
	const struct event_facts none = { 0 };
	const struct event_facts some = {
		.action = ACTION_READ,
		.actor_id = span_text("a"),
		.object_id = span_text("/hr/a"),
		.id = span_of("0123456789abcdef", 16),
		.unit = span_text("*"),
	};
	check_written_anew(q);
	check_matching(q, &(struct query_view){ .facts = &none });
	check_matching(
		q, &(struct query_view){ .index = 5, .source = span_text("a"), .facts = &some });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena arena = fuzz_arena(query_room(len));
	struct query query;
	struct query_fault fault;
	enum trail_err err = query_parse(span_of(data, len), &arena, &query, &fault);
	if (err == TRAIL_OK) {
		fuzz_assert(query.count <= QUERY_TERMS_MAX);
		check_accepted(&query);
	} else {
		fuzz_assert(err == TRAIL_INVALID || err == TRAIL_TOO_BIG);
		fuzz_assert(fault.at <= len && fault.len <= len - fault.at);
		fuzz_assert(fault.why[0] != '\0' && memchr(fault.why, 0, sizeof fault.why));
		/* The memory that is promised is enough: what is too big is the number of terms. */
		fuzz_assert(err == TRAIL_INVALID || strstr(fault.why, "terms"));
	}
	free(arena.data);
	return 0;
}
