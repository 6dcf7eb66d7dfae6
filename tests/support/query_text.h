/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query written anew, in one way alone: every text in quotes, no number with a needless zero, one
 * space between terms. Parsing that gives the same query.
 */
#ifndef TESTS_SUPPORT_QUERY_TEXT_H
#define TESTS_SUPPORT_QUERY_TEXT_H

#include "../../proto/query.h"

#include <inttypes.h>

static inline void query_text_end(struct buf *out, struct span text)
{
	if (!text.data)
		return;
	buf_put_u8(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buf_put_u8(out, '\\');
		buf_put_u8(out, text.data[i]);
	}
	buf_put_u8(out, '"');
}

static inline void query_text_texts(struct buf *out, const struct query_term *term)
{
	struct event_facts facts = { .id = term->low };
	const struct query_view view = { .facts = &facts };
	char room[QUERY_ROOM_LEN];
	bool bytes = term->field == QUERY_ID && term->shape == QUERY_IS && term->low.len != 0;
	query_text_end(out, bytes ? query_value(&view, QUERY_ID, room) : term->low);
	if (term->shape == QUERY_BETWEEN)
		buf_put_text(out, "..");
	query_text_end(out, term->high);
	if (term->shape == QUERY_BEGINS)
		buf_put_u8(out, '*');
}

static inline void query_text_numbers(struct buf *out, const struct query_term *term)
{
	if (query_kind(term->field) == QUERY_WORD) {
		buf_put_text(out, query_word(term->field, (uint32_t)term->from));
		return;
	}
	buf_printf(out, "%" PRIu64, term->from);
	if (term->shape == QUERY_BETWEEN)
		buf_put_text(out, "..");
	if (term->shape == QUERY_BETWEEN && term->to != UINT64_MAX)
		buf_printf(out, "%" PRIu64, term->to);
}

/* Append it. */
static inline void query_text_put(struct buf *out, const struct query *query)
{
	for (size_t i = 0; i < query->count; i++) {
		const struct query_term *term = &query->terms[i];
		buf_printf(out, "%s%s%s:", i ? " " : "", term->negated ? "-" : "",
			query_field_name(term->field));
		if (query_kind(term->field) == QUERY_TEXT)
			query_text_texts(out, term);
		else
			query_text_numbers(out, term);
	}
}

#endif
