/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

static const char *const ACTIONS[] = { "", "create", "read", "modify", "delete", "execute" };
static const char *const OUTCOMES[] = { "success", "denied", "failure", "unknown" };
static const char *const MEDIA[] = { "digital", "paper", "oral" };

#define WORDS(list_) .kind = QUERY_WORD, .words = (list_), .count = sizeof(list_) / sizeof *(list_)

static const struct {
	const char *name;
	enum query_kind kind;
	const char *const *words;
	uint32_t count;
} FIELDS[] = {
	[QUERY_ACTOR] = { "actor", .kind = QUERY_TEXT },
	[QUERY_OBJECT] = { "object", .kind = QUERY_TEXT },
	[QUERY_SUBJECT] = { "subject", .kind = QUERY_TEXT },
	[QUERY_ACTION] = { "action", WORDS(ACTIONS) },
	[QUERY_OUTCOME] = { "outcome", WORDS(OUTCOMES) },
	[QUERY_SOURCE] = { "source", .kind = QUERY_TEXT },
	[QUERY_INDEX] = { "index", .kind = QUERY_NUMBER },
	[QUERY_PEER] = { "peer", .kind = QUERY_TEXT },
	[QUERY_UNIT] = { "unit", .kind = QUERY_TEXT },
	[QUERY_TYPE] = { "type", .kind = QUERY_TEXT },
	[QUERY_VERB] = { "verb", .kind = QUERY_TEXT },
	[QUERY_CLASS] = { "class", .kind = QUERY_NUMBER },
	[QUERY_PURPOSE] = { "purpose", .kind = QUERY_TEXT },
	[QUERY_CORRELATION] = { "correlation", .kind = QUERY_TEXT },
	[QUERY_ID] = { "id", .kind = QUERY_TEXT },
	[QUERY_MEDIUM] = { "medium", WORDS(MEDIA) },
	[QUERY_HOST] = { "host", .kind = QUERY_TEXT },
};

_Static_assert(sizeof FIELDS / sizeof FIELDS[0] == QUERY_FIELDS, "a row for each");
_Static_assert(QUERY_FIELDS <= 32, "a bit for each");

/* Fields that the record and its names answer, a bit each. */
static const uint32_t BY_RECORD = UINT32_C(1) << QUERY_SOURCE | UINT32_C(1) << QUERY_INDEX |
	UINT32_C(1) << QUERY_PEER | UINT32_C(1) << QUERY_CLASS;

const char *query_field_name(enum query_field field)
{
	return FIELDS[field].name;
}

enum query_kind query_kind(enum query_field field)
{
	return FIELDS[field].kind;
}

const char *query_word(enum query_field field, uint32_t number)
{
	return number < FIELDS[field].count ? FIELDS[field].words[number] : "";
}

uint32_t query_word_count(enum query_field field)
{
	return FIELDS[field].count;
}

bool query_asks(const struct query *query, enum query_field field)
{
	for (size_t i = 0; i < query->count; i++)
		if (query->terms[i].field == field)
			return true;
	return false;
}

bool query_asks_event(const struct query *query)
{
	for (size_t i = 0; i < query->count; i++)
		if ((BY_RECORD >> query->terms[i].field & 1) == 0)
			return true;
	return false;
}

/* ---- what an event has ---- */

static struct span uuid_text(struct span id, char room[QUERY_ROOM_LEN])
{
	static const char HEX[] = "0123456789abcdef";
	size_t n = 0;
	if (id.len != 16)
		return span_of(NULL, 0);
	for (size_t i = 0; i < id.len; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			room[n++] = '-';
		room[n++] = HEX[id.data[i] >> 4];
		room[n++] = HEX[id.data[i] & 15];
	}
	return span_of(room, n);
}

struct span query_value(
	const struct query_view *view, enum query_field field, char room[QUERY_ROOM_LEN])
{
	const struct event_facts *facts = view->facts;
	switch (field) {
	case QUERY_ACTOR:
		return facts->actor_id;
	case QUERY_OBJECT:
		return facts->object_id;
	case QUERY_SUBJECT:
		return facts->subject;
	case QUERY_SOURCE:
		return view->source;
	case QUERY_PEER:
		return view->peer;
	case QUERY_UNIT:
		return facts->unit;
	case QUERY_TYPE:
		return facts->object_type;
	case QUERY_VERB:
		return facts->verb;
	case QUERY_PURPOSE:
		return facts->purpose;
	case QUERY_CORRELATION:
		return facts->correlation;
	case QUERY_ID:
		return uuid_text(facts->id, room);
	case QUERY_HOST:
		return facts->host;
	case QUERY_ACTION:
	case QUERY_OUTCOME:
	case QUERY_INDEX:
	case QUERY_CLASS:
	case QUERY_MEDIUM:
	case QUERY_FIELDS:
		break;
	}
	return span_of(NULL, 0);
}

static uint64_t number_of(const struct query_view *view, enum query_field field)
{
	switch ((int)field) {
	case QUERY_ACTION:
		return view->facts->action;
	case QUERY_OUTCOME:
		return view->facts->outcome;
	case QUERY_MEDIUM:
		return view->facts->medium;
	case QUERY_CLASS:
		return view->class_no;
	default:
		return view->index;
	}
}

/* ---- matching ---- */

static bool text_fits(const struct query_term *term, struct span value)
{
	switch (term->shape) {
	case QUERY_IS:
		return span_equal(term->low, value);
	case QUERY_BEGINS:
		return value.len != 0 && value.len >= term->low.len &&
			span_equal(term->low, span_of(value.data, term->low.len));
	case QUERY_BETWEEN:
		break;
	}
	return value.len != 0 && (!term->low.data || span_compare(term->low, value) <= 0) &&
		(!term->high.data || span_compare(value, term->high) <= 0);
}

bool query_term_fits(const struct query_term *term, const struct query_view *view)
{
	char room[QUERY_ROOM_LEN];
	if (FIELDS[term->field].kind != QUERY_TEXT) {
		uint64_t number = number_of(view, term->field);
		return term->from <= number && number <= term->to;
	}
	if (term->field == QUERY_ID && term->shape == QUERY_IS)
		return span_equal(term->low, view->facts->id);
	return text_fits(term, query_value(view, term->field, room));
}

/* The terms of the fields whose bits are set. */
static bool meets(const struct query *query, uint32_t fields, const struct query_view *view)
{
	uint32_t wanted = 0, met = 0;
	for (size_t i = 0; i < query->count; i++) {
		const struct query_term *term = &query->terms[i];
		uint32_t bit = UINT32_C(1) << term->field;
		bool open = term->negated || (met & bit) == 0;
		if ((fields & bit) == 0)
			continue;
		bool fits = open && query_term_fits(term, view);
		if (term->negated && fits)
			return false;
		if (!term->negated) {
			wanted |= bit;
			met |= fits ? bit : 0;
		}
	}
	return wanted == met;
}

bool query_allows(const struct query *query, enum query_field field, const struct query_view *view)
{
	return meets(query, UINT32_C(1) << field, view);
}

bool query_allows_record(const struct query *query, const struct query_view *view)
{
	return meets(query, BY_RECORD, view);
}

bool query_matches(const struct query *query, const struct query_view *view)
{
	return meets(query, UINT32_MAX, view);
}

struct span query_needle(const struct query *query, enum query_field field)
{
	const struct query_term *only = NULL;
	for (size_t i = 0; i < query->count; i++) {
		const struct query_term *term = &query->terms[i];
		if (term->field != field || term->negated)
			continue;
		if (only)
			return span_of(NULL, 0);
		only = term;
	}
	/* In the event an id is bytes, so a part of its text is not to be found there. */
	bool plain = only && FIELDS[field].kind == QUERY_TEXT &&
		(only->shape == QUERY_IS || (only->shape == QUERY_BEGINS && field != QUERY_ID));
	return plain ? only->low : span_of(NULL, 0);
}

struct query query_of_object(struct span object, struct query_term *term)
{
	*term = (struct query_term){ .field = QUERY_OBJECT, .shape = QUERY_IS, .low = object };
	return (struct query){ .terms = term, .count = 1 };
}
