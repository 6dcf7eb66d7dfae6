/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include "suggest.h"

#include <stdio.h>

enum {
	FIELD_WORD_MAX = 32
};

/* All fields of section 10; those behind QUERY_FIELDS are not answered yet. */
static const char *const FIELDS[] = {
	[QUERY_ACTOR] = "actor",
	[QUERY_OBJECT] = "object",
	[QUERY_SUBJECT] = "subject",
	[QUERY_ACTION] = "action",
	[QUERY_OUTCOME] = "outcome",
	[QUERY_SOURCE] = "source",
	[QUERY_INDEX] = "index",
	"peer",
	"unit",
	"type",
	"verb",
	"class",
	"purpose",
	"correlation",
	"id",
	"medium",
	"host",
	NULL,
};

static const char *const ACTIONS[] = { NULL, "create", "read", "modify", "delete", "execute" };
static const char *const OUTCOMES[] = { "success", "denied", "failure", "unknown" };

/* One term as it stands in the text; `value` is without its quotes, escapes and all. */
struct term {
	size_t at, len; /* the whole of it */
	bool negated;
	struct span field;
	size_t value_at;
	struct span value;
	bool quoted;
};

struct parser {
	struct span text;
	size_t at;
	struct arena *arena;
	struct query query;
	struct query_fault *fault;
};

static enum trail_err refuse(struct parser *p, enum trail_err code, size_t at, size_t len)
{
	p->fault->at = at;
	p->fault->len = len;
	return code;
}

#define WHY(p, ...) (void)snprintf((p)->fault->why, QUERY_WHY_LEN, __VA_ARGS__)

static bool at_end(const struct parser *p)
{
	return p->at == p->text.len;
}

static char here(const struct parser *p)
{
	return (char)p->text.data[p->at];
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- the words of a term ---- */

static enum trail_err take_quoted(struct parser *p, struct term *term)
{
	size_t start = ++p->at;
	while (!at_end(p) && here(p) != '"') {
		if (here(p) == '\\' && ++p->at == p->text.len)
			break;
		p->at++;
	}
	if (at_end(p)) {
		WHY(p, "the quotes that begin here do not end");
		return refuse(p, TRAIL_INVALID, start - 1, 1);
	}
	term->quoted = true;
	term->value_at = start;
	term->value = span_of(p->text.data + start, p->at - start);
	p->at++;
	if (at_end(p) || is_space(here(p)))
		return TRAIL_OK;
	WHY(p, "a space belongs between closing quotes and the next term");
	return refuse(p, TRAIL_INVALID, p->at, 1);
}

static enum trail_err take_bare(struct parser *p, struct term *term)
{
	size_t start = p->at;
	while (!at_end(p) && !is_space(here(p)) && here(p) != '"')
		p->at++;
	if (!at_end(p) && here(p) == '"') {
		WHY(p, "quotes stand around a whole value: field:\"a value\"");
		return refuse(p, TRAIL_INVALID, p->at, 1);
	}
	term->value_at = start;
	term->value = span_of(p->text.data + start, p->at - start);
	if (term->value.len > 0)
		return TRAIL_OK;
	WHY(p, "a value is missing behind \"%.*s:\"", (int)term->field.len,
		(const char *)term->field.data);
	return refuse(p, TRAIL_INVALID, term->at, p->at - term->at);
}

/* A word without colon: where it ends is where the next space or quote is. */
static enum trail_err refuse_bare_word(struct parser *p, size_t start)
{
	while (!at_end(p) && !is_space(here(p)))
		p->at++;
	WHY(p, "a term is field:value, for example actor:anna or object:/journal/4711");
	return refuse(p, TRAIL_INVALID, start, p->at - start);
}

static enum trail_err take_term(struct parser *p, struct term *term)
{
	*term = (struct term){ .at = p->at };
	if (here(p) == '-') {
		term->negated = true;
		p->at++;
	}
	size_t start = p->at;
	while (!at_end(p) && here(p) >= 'a' && here(p) <= 'z')
		p->at++;
	term->field = span_of(p->text.data + start, p->at - start);
	if (at_end(p) || here(p) != ':' || term->field.len == 0)
		return refuse_bare_word(p, term->at);
	p->at++;
	bool quoted = !at_end(p) && here(p) == '"';
	enum trail_err err = quoted ? take_quoted(p, term) : take_bare(p, term);
	term->len = p->at - term->at;
	return err;
}

/* ---- what it means ---- */

static enum trail_err find_field(struct parser *p, const struct term *term, size_t *field)
{
	char word[FIELD_WORD_MAX + 1] = "";
	if (term->field.len <= FIELD_WORD_MAX)
		memcpy(word, term->field.data, term->field.len);
	for (size_t i = 0; FIELDS[i]; i++) {
		if (strcmp(FIELDS[i], word) == 0) {
			*field = i;
			return TRAIL_OK;
		}
	}
	const char *near = word[0] ? suggest(word, FIELDS) : NULL;
	if (near)
		WHY(p, "there is no field \"%s\"; did you mean %s?", word, near);
	else
		WHY(p,
			"there is no such field; fields are actor, object, subject, action, "
			"outcome, source and index");
	return refuse(p, TRAIL_INVALID, term->at + term->negated, term->field.len);
}

static enum trail_err not_yet(struct parser *p, const struct term *term, const char *what)
{
	WHY(p, "%s cannot be asked for yet", what);
	return refuse(p, TRAIL_UNSUPPORTED, term->at, term->len);
}

static bool ends_in_star(struct span value)
{
	return value.len > 0 && value.data[value.len - 1] == '*';
}

static bool has_range(struct span value)
{
	for (size_t i = 0; i + 1 < value.len; i++)
		if (value.data[i] == '.' && value.data[i + 1] == '.')
			return true;
	return false;
}

/* The parts of the grammar that are known, and still to be answered. */
static enum trail_err judge_shape(struct parser *p, const struct term *term, size_t field)
{
	bool bare = !term->quoted;
	if (field >= QUERY_FIELDS) {
		WHY(p, "the field %s cannot be asked for yet", FIELDS[field]);
		return refuse(p, TRAIL_UNSUPPORTED, term->at + term->negated, term->field.len);
	}
	if (term->negated)
		return not_yet(p, term, "NOT (\"-\" in front of a term)");
	if (bare && ends_in_star(term->value))
		return not_yet(p, term, "a prefix (\"*\" at the end; in quotes it is a star)");
	if (bare && has_range(term->value))
		return not_yet(p, term, "a range (\"..\"; in quotes it is two dots)");
	if (query_asks(&p->query, (enum query_field)field))
		return not_yet(p, term, "OR (a field that comes again)");
	return TRAIL_OK;
}

/* Without the escapes of a quoted value. */
static enum trail_err unescape(struct parser *p, const struct term *term, struct span *out)
{
	if (!term->quoted || !memchr(term->value.data, '\\', term->value.len)) {
		*out = term->value;
		return TRAIL_OK;
	}
	uint8_t *to = arena_take(p->arena, term->value.len);
	size_t len = 0;
	if (!to)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < term->value.len; i++) {
		uint8_t c = term->value.data[i];
		if (c == '\\') {
			c = term->value.data[++i];
			if (c != '"' && c != '\\') {
				WHY(p,
					"in quotes a backslash stands before a quote or a "
					"backslash alone");
				return refuse(p, TRAIL_INVALID, term->value_at + i - 1, 2);
			}
		}
		to[len++] = c;
	}
	*out = span_of(to, len);
	return TRAIL_OK;
}

/* Any case, ASCII alone: never the locale's. */
static bool same_word(struct span value, const char *word)
{
	if (!word || strlen(word) != value.len)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];
		if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)word[i])
			return false;
	}
	return true;
}

static enum trail_err take_word(struct parser *p, const struct term *term, struct span value,
	const char *const *words, size_t count, uint32_t *out)
{
	for (size_t i = 0; i < count; i++) {
		if (same_word(value, words[i])) {
			*out = (uint32_t)i;
			return TRAIL_OK;
		}
	}
	size_t first = words[0] ? 0 : 1;
	int len = snprintf(p->fault->why, QUERY_WHY_LEN, "%.*s is one of", (int)term->field.len,
		(const char *)term->field.data);
	for (size_t i = first; i < count; i++)
		len += snprintf(p->fault->why + len, QUERY_WHY_LEN - (size_t)len, "%s %s",
			i == first ? "" : ",", words[i]);
	return refuse(p, TRAIL_INVALID, term->value_at, term->value.len);
}

static enum trail_err take_index(
	struct parser *p, const struct term *term, struct span value, uint64_t *out)
{
	uint64_t number = 0;
	bool ok = value.len > 0;
	for (size_t i = 0; ok && i < value.len; i++)
		ok = value.data[i] >= '0' && value.data[i] <= '9' &&
			!__builtin_mul_overflow(number, UINT64_C(10), &number) &&
			!__builtin_add_overflow(number, (uint64_t)(value.data[i] - '0'), &number);
	if (ok) {
		*out = number;
		return TRAIL_OK;
	}
	WHY(p, "an index is a number of the log's records, from 0");
	return refuse(p, TRAIL_INVALID, term->value_at, term->value.len);
}

static enum trail_err take_source(
	struct parser *p, const struct term *term, struct span value, struct span *out)
{
	if (span_equal(value, span_text("traild"))) {
		*out = span_of(NULL, 0);
		return TRAIL_OK;
	}
	*out = value;
	if (source_name_valid(value))
		return TRAIL_OK;
	WHY(p, "a source's name is 1 to 64 of a-z 0-9 . _ -");
	return refuse(p, TRAIL_INVALID, term->value_at, term->value.len);
}

static enum trail_err take_value(struct parser *p, const struct term *term, enum query_field field)
{
	struct query *q = &p->query;
	struct span value;
	enum trail_err err = unescape(p, term, &value);
	if (err)
		return err;
	switch (field) {
	case QUERY_ACTOR:
		q->actor = value;
		break;
	case QUERY_OBJECT:
		q->object = value;
		break;
	case QUERY_SUBJECT:
		q->subject = value;
		break;
	case QUERY_ACTION:
		return take_word(
			p, term, value, ACTIONS, sizeof ACTIONS / sizeof ACTIONS[0], &q->action);
	case QUERY_OUTCOME:
		return take_word(p, term, value, OUTCOMES, sizeof OUTCOMES / sizeof OUTCOMES[0],
			&q->outcome);
	case QUERY_SOURCE:
		return take_source(p, term, value, &q->source);
	case QUERY_INDEX:
		return take_index(p, term, value, &q->index);
	case QUERY_FIELDS:
		break;
	}
	return TRAIL_OK;
}

enum trail_err query_parse(
	struct span text, struct arena *arena, struct query *out, struct query_fault *fault)
{
	struct parser p = { .text = text, .arena = arena, .fault = fault };
	*fault = (struct query_fault){ 0 };
	for (;;) {
		while (!at_end(&p) && is_space(here(&p)))
			p.at++;
		if (at_end(&p))
			break;
		struct term term;
		size_t field = 0;
		enum trail_err err = take_term(&p, &term);
		if (!err)
			err = find_field(&p, &term, &field);
		if (!err)
			err = judge_shape(&p, &term, field);
		if (!err)
			err = take_value(&p, &term, (enum query_field)field);
		if (err)
			return err;
		p.query.asked |= UINT32_C(1) << field;
	}
	*out = p.query;
	return TRAIL_OK;
}

struct query query_of_object(struct span object)
{
	return (struct query){ .asked = UINT32_C(1) << QUERY_OBJECT, .object = object };
}

/* ---- matching ---- */

bool query_matches(const struct query *q, uint64_t index, const struct event_facts *facts)
{
	if (query_asks(q, QUERY_ACTOR) && !span_equal(q->actor, facts->actor_id))
		return false;
	if (query_asks(q, QUERY_OBJECT) && !span_equal(q->object, facts->object_id))
		return false;
	if (query_asks(q, QUERY_SUBJECT) && !span_equal(q->subject, facts->subject))
		return false;
	if (query_asks(q, QUERY_ACTION) && q->action != facts->action)
		return false;
	if (query_asks(q, QUERY_OUTCOME) && q->outcome != facts->outcome)
		return false;
	return !query_asks(q, QUERY_INDEX) || q->index == index;
}
