/* SPDX-License-Identifier: Apache-2.0 */
/* How a query is understood, in words: so that who asks sees what will be asked. */
#include "handle.h"
#include "terms.h"
#include "trail_query.h"

#include <inttypes.h>

/* Where the lines go, and the one that is being written. */
struct telling {
	trail_line_fn line;
	void *ctx;
	struct buf text;
};

static void tell(struct telling *to)
{
	buf_put_u8(&to->text, '\0');
	if (!to->text.failed)
		to->line(to->ctx, (const char *)to->text.data);
	bool failed = to->text.failed;
	buf_clear(&to->text);
	to->text.failed = failed;
}

/* In quotes where it would run into the words around it. */
static void put_text(struct buf *out, struct span text)
{
	bool quotes = text.len == 0 || memchr(text.data, ' ', text.len) ||
		memchr(text.data, ',', text.len) || memchr(text.data, '"', text.len);
	if (quotes)
		buf_put_u8(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || (quotes && text.data[i] == '\\'))
			buf_put_u8(out, '\\');
		buf_put_u8(out, text.data[i]);
	}
	if (quotes)
		buf_put_u8(out, '"');
}

/* One end of a value, of whatever kind. */
static void put_value(struct buf *out, const struct query_term *term, bool high)
{
	const struct event_facts facts = { .id = term->low };
	const struct query_view view = { .facts = &facts };
	char room[QUERY_ROOM_LEN];
	if (query_kind(term->field) == QUERY_WORD)
		buf_put_text(out, query_word(term->field, (uint32_t)term->from));
	else if (query_kind(term->field) == QUERY_NUMBER)
		buf_printf(out, "%" PRIu64, high ? term->to : term->from);
	else if (term->field == QUERY_ID && term->shape == QUERY_IS)
		put_text(out, query_value(&view, QUERY_ID, room));
	else
		put_text(out, high ? term->high : term->low);
}

static bool is_number(const struct query_term *term)
{
	return query_kind(term->field) == QUERY_NUMBER;
}

static void put_range(struct buf *out, const struct query_term *term)
{
	bool low = is_number(term) ? term->from != 0 : term->low.data != NULL;
	bool high = is_number(term) ? term->to != UINT64_MAX : term->high.data != NULL;
	buf_put_text(out, low ? "is from " : "is up to ");
	if (low)
		put_value(out, term, false);
	if (low && high)
		buf_put_text(out, " to ");
	if (high)
		put_value(out, term, true);
	buf_put_text(out, high ? "" : low ? " on" : "any");
}

/* What one term says of its field. */
static void put_clause(struct buf *out, const struct query_term *term)
{
	bool text = query_kind(term->field) == QUERY_TEXT;
	bool empty = text && term->low.len == 0;
	if (term->shape == QUERY_BETWEEN) {
		put_range(out, term);
	} else if (empty) {
		buf_put_text(out, term->shape == QUERY_IS ? "is not there" : "is there");
	} else {
		buf_put_text(out, term->shape == QUERY_IS ? "is " : "begins with ");
		put_value(out, term, false);
	}
}

static bool is_plain(const struct query_term *term)
{
	return term->shape == QUERY_IS &&
		(query_kind(term->field) != QUERY_TEXT || term->low.len != 0);
}

/* The next term of the field without NOT, from `i` on; NULL: there is none. */
static const struct query_term *next_of(
	const struct query *query, enum query_field field, size_t *i)
{
	while (*i < query->count) {
		const struct query_term *term = &query->terms[(*i)++];
		if (term->field == field && !term->negated)
			return term;
	}
	return NULL;
}

/* "actor is one of: anna, bo", "index is from 5 to 9, or is 12". */
static void tell_field(struct telling *to, const struct query *query, enum query_field field)
{
	const struct query_term *term;
	size_t count = 0, plain = 0;
	for (size_t i = 0; (term = next_of(query, field, &i)) != NULL; count++)
		plain += is_plain(term);
	if (count == 0)
		return;
	bool list = count > 1 && plain == count;
	buf_printf(&to->text, "%s %s", query_field_name(field), list ? "is one of: " : "");
	size_t told = 0;
	for (size_t i = 0; (term = next_of(query, field, &i)) != NULL; told++) {
		buf_put_text(&to->text, told == 0 ? "" : list ? ", " : ", or ");
		if (list)
			put_value(&to->text, term, false);
		else
			put_clause(&to->text, term);
	}
	tell(to);
}

static void tell_not(struct telling *to, const struct query_term *term)
{
	buf_printf(&to->text, "not: %s ", query_field_name(term->field));
	put_clause(&to->text, term);
	tell(to);
}

static void tell_all(struct telling *to, const struct query *query)
{
	if (query->count == 0) {
		buf_put_text(&to->text, "every event");
		tell(to);
	}
	for (unsigned field = 0; field < QUERY_FIELDS; field++)
		tell_field(to, query, (enum query_field)field);
	for (size_t i = 0; i < query->count; i++)
		if (query->terms[i].negated)
			tell_not(to, &query->terms[i]);
}

enum trail_err trail_query_explain(
	struct trail *t, const struct trail_query *q, trail_line_fn line, void *ctx)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!line)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is nobody to tell");
	struct telling to = { .line = line, .ctx = ctx };
	struct buf room = { 0 };
	struct query query;
	err = terms_read(q ? buf_view(&q->terms) : span_of(NULL, 0), &room, &query, &t->fault);
	t->inside = true;
	if (err == TRAIL_OK)
		tell_all(&to, &query);
	t->inside = false;
	if (to.text.failed)
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	buf_release(&to.text);
	buf_release(&room);
	return err;
}
