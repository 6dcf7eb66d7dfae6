/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query as a value (DESIGN.md section 10), and whether an event answers it: the same at both
 * ends, with and without an index. proto/query_parse makes one of text. Pure.
 *
 * Terms of one field that are not negated: one of them must fit (OR). Every field with such a term
 * must be met (AND). No negated term may fit (AND NOT). A query without terms matches every event.
 *
 * What an event does not have is the empty text: IS "" finds events without a subject, say, and
 * BEGINS "" those with one. Texts are compared byte by byte, as they are. An absent value lies in
 * no range.
 */
#ifndef PROTO_QUERY_H
#define PROTO_QUERY_H

#include "event.h"

enum query_field {
	QUERY_ACTOR,
	QUERY_OBJECT,
	QUERY_SUBJECT,
	QUERY_ACTION,  /* a word */
	QUERY_OUTCOME, /* a word */
	QUERY_SOURCE,  /* its name; "traild": the log itself */
	QUERY_INDEX,   /* a number */
	QUERY_PEER,    /* its name, as it is shown: unix:1001 */
	QUERY_UNIT,
	QUERY_TYPE,
	QUERY_VERB,
	QUERY_CLASS, /* a number */
	QUERY_PURPOSE,
	QUERY_CORRELATION,
	QUERY_ID,     /* a UUID; as text in lower case */
	QUERY_MEDIUM, /* a word */
	QUERY_HOST,
	QUERY_FIELDS
};

enum query_shape {
	QUERY_IS,
	QUERY_BEGINS,
	QUERY_BETWEEN, /* both ends included */
};

/* What a field holds, and so what its terms may be. */
enum query_kind {
	QUERY_TEXT,
	QUERY_NUMBER, /* IS, BETWEEN */
	QUERY_WORD,   /* IS */
};

struct query_term {
	enum query_field field;
	enum query_shape shape;
	bool negated;
	/*
	 * Text. IS, BEGINS: low. BETWEEN: NULL data is an open end. An id that is asked for as a
	 * whole: its 16 bytes, or none; else its text in lower case.
	 */
	struct span low, high;
	uint64_t from, to; /* numbers and words; IS: both the same */
	size_t at, len;    /* where the term stands in the text of the query */
};

enum {
	QUERY_TERMS_MAX = 64,
	QUERY_UUID_LEN = 36, /* as text */
	QUERY_ROOM_LEN = 40,
};

/* The terms are somebody else's: of the arena that the query was parsed to, mostly. */
struct query {
	const struct query_term *terms;
	size_t count;
};

/* An event, as a query looks at it. */
struct query_view {
	uint64_t index;
	uint32_t class_no;
	/* Their names; "traild" for those of the log itself; empty: none (erased). */
	struct span source, peer;
	const struct event_facts *facts; /* all zero where the event is not at hand */
};

/* What the field is called in a query; words of a word's field by number, "" where none is. */
const char *query_field_name(enum query_field field);
enum query_kind query_kind(enum query_field field);
const char *query_word(enum query_field field, uint32_t number);
/* How many numbers of words there are; they begin with 0, or 1. */
uint32_t query_word_count(enum query_field field);

/* Any term of the field. */
bool query_asks(const struct query *query, enum query_field field);
/* Any term that the record and its names alone do not answer: the event must be at hand. */
bool query_asks_event(const struct query *query);
/* Whether one term fits, whether or not it is negated. */
bool query_term_fits(const struct query_term *term, const struct query_view *view);
/* Whether the terms of one field are met, those of all others left aside. */
bool query_allows(const struct query *query, enum query_field field, const struct query_view *view);
/* Whether those are met that the record and its names answer; view->facts may be NULL. */
bool query_allows_record(const struct query *query, const struct query_view *view);
bool query_matches(const struct query *query, const struct query_view *view);
/* What the event has in a field of text; an id as UUID text, in `room`. Empty: none. */
struct span query_value(
	const struct query_view *view, enum query_field field, char room[QUERY_ROOM_LEN]);
/*
 * The one text of a field that every match must have or begin with: that of its only term without
 * NOT. Empty: there is none such. An id is 16 bytes.
 */
struct span query_needle(const struct query *query, enum query_field field);

/* The query for one object's history: `object` is taken as it is, `term` is where it is put. */
struct query query_of_object(struct span object, struct query_term *term);

#endif
