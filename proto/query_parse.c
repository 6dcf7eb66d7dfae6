/* SPDX-License-Identifier: Apache-2.0 */
#include "query_parse.h"

#include "suggest.h"

#include <stdio.h>

enum {
	WORD_SHOWN_MAX = 32,
	SOURCE_NAME_MAX = 64,
	UUID_BYTES = 16,
	ARENA_ALIGN = 16, /* what one allocation may lose */
	TERM_MIN = 5,     /* bytes of the shortest term, "id:x", and the space before the next */
};

/* One end of a value as it stands in the text, without its quotes, escapes and all. */
struct end {
	bool given;
	bool quoted;
	size_t at;
	struct span raw;
};

/* One term as it stands in the text. */
struct term {
	size_t at, len; /* the whole of it */
	bool negated;
	struct span name;
	enum query_field field;
	size_t value_at, value_len; /* quotes, star and dots as well */
	enum query_shape shape;
	struct end low, high;
};

struct parser {
	struct span text;
	size_t at;
	struct arena *arena;
	struct query_fault *fault;
	struct query_term terms[QUERY_TERMS_MAX];
	size_t count;
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

static bool at_quote(const struct parser *p)
{
	return !at_end(p) && here(p) == '"';
}

/* Behind a term. */
static bool at_gap(const struct parser *p)
{
	return at_end(p) || is_space(here(p));
}

/* ---- what was meant ---- */

/* ASCII alone: never the locale's. */
static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The field whose name is nearest to the letters at the beginning of `word`; NULL: none is near. */
static const char *suggest_field(struct span word)
{
	const char *names[QUERY_FIELDS + 1] = { NULL };
	char letters[WORD_SHOWN_MAX + 1] = "";
	for (size_t i = 0; i < QUERY_FIELDS; i++)
		names[i] = query_field_name((enum query_field)i);
	for (size_t i = 0; i < word.len && i < WORD_SHOWN_MAX; i++) {
		char c = lower(word.data[i]);
		if (c < 'a' || c > 'z')
			break;
		letters[i] = c;
	}
	return letters[0] ? suggest(letters, names) : NULL;
}

/* ---- the parts of a term ---- */

static enum trail_err take_quoted(struct parser *p, struct end *end)
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
	*end = (struct end){
		.given = true,
		.quoted = true,
		.at = start,
		.raw = span_of(p->text.data + start, p->at - start),
	};
	p->at++;
	return TRAIL_OK;
}

/* Up to a space or a quote. */
static struct span take_run(struct parser *p)
{
	size_t start = p->at;
	while (!at_gap(p) && here(p) != '"')
		p->at++;
	return span_of(p->text.data + start, p->at - start);
}

static enum trail_err refuse_quote(struct parser *p)
{
	WHY(p, "quotes stand around a whole value: field:\"a value\"");
	return refuse(p, TRAIL_INVALID, p->at, 1);
}

/* Where ".." begins; its length: nowhere. */
static size_t find_dots(struct span run)
{
	for (size_t i = 0; i + 1 < run.len; i++)
		if (run.data[i] == '.' && run.data[i + 1] == '.')
			return i;
	return run.len;
}

static bool ends_in_star(struct span run)
{
	return run.len != 0 && run.data[run.len - 1] == '*';
}

/* A bare end of a range must be told from its dots, and from a prefix. */
static enum trail_err judge_bare_end(struct parser *p, const struct end *end)
{
	struct span raw = end->raw;
	if (!end->given || end->quoted)
		return TRAIL_OK;
	if (raw.data[0] == '.' || find_dots(raw) != raw.len) {
		WHY(p, "\"..\" stands once in a range: an end with dots belongs in quotes");
		return refuse(p, TRAIL_INVALID, end->at, raw.len);
	}
	if (ends_in_star(raw)) {
		WHY(p, "an end of a range is no prefix: a star that is meant belongs in quotes");
		return refuse(p, TRAIL_INVALID, end->at + raw.len - 1, 1);
	}
	return TRAIL_OK;
}

/* What stands behind "..". */
static enum trail_err take_high(struct parser *p, struct term *term)
{
	struct end *high = &term->high;
	size_t start = p->at;
	struct span run = take_run(p);
	term->shape = QUERY_BETWEEN;
	if (at_quote(p))
		return run.len == 0 ? take_quoted(p, high) : refuse_quote(p);
	*high = (struct end){ .given = run.len != 0, .at = start, .raw = run };
	if (high->given || term->low.given)
		return judge_bare_end(p, high);
	WHY(p, "a range has one end at least: 1..5, 1.. or ..5");
	return refuse(p, TRAIL_INVALID, term->value_at, p->at - term->value_at);
}

static enum trail_err take_bare(struct parser *p, struct term *term)
{
	size_t start = p->at;
	struct span run = take_run(p);
	size_t dots = find_dots(run);
	struct end *low = &term->low;
	*low = (struct end){ .given = true, .at = start, .raw = run };
	if (dots != run.len) {
		low->raw.len = dots;
		low->given = dots != 0;
		p->at = start + dots + 2;
		enum trail_err err = judge_bare_end(p, low);
		return err ? err : take_high(p, term);
	}
	if (at_quote(p))
		return refuse_quote(p);
	if (ends_in_star(run)) {
		term->shape = QUERY_BEGINS;
		low->raw.len--;
	}
	return TRAIL_OK;
}

static bool next_is(const struct parser *p, const char *what)
{
	size_t len = strlen(what);
	return p->text.len - p->at >= len && memcmp(p->text.data + p->at, what, len) == 0;
}

static enum trail_err take_from_quotes(struct parser *p, struct term *term)
{
	enum trail_err err = take_quoted(p, &term->low);
	if (err)
		return err;
	if (next_is(p, "..")) {
		p->at += 2;
		return take_high(p, term);
	}
	if (next_is(p, "*")) {
		term->shape = QUERY_BEGINS;
		p->at++;
	}
	return TRAIL_OK;
}

static enum trail_err take_value(struct parser *p, struct term *term)
{
	term->value_at = p->at;
	term->shape = QUERY_IS;
	if (at_gap(p)) {
		WHY(p, "a value is missing behind \"%.*s:\"", (int)term->name.len,
			(const char *)term->name.data);
		return refuse(p, TRAIL_INVALID, term->at, p->at - term->at);
	}
	enum trail_err err = at_quote(p) ? take_from_quotes(p, term) : take_bare(p, term);
	if (err)
		return err;
	term->value_len = p->at - term->value_at;
	if (at_gap(p))
		return TRAIL_OK;
	WHY(p, "a space belongs between closing quotes and the next term");
	return refuse(p, TRAIL_INVALID, p->at, 1);
}

/* What begins with no field and colon: where it ends is where the next space is. */
static enum trail_err refuse_bare_word(struct parser *p, size_t start)
{
	bool minus = start < p->text.len && p->text.data[start] == '-';
	const char *near =
		suggest_field(span_of(p->text.data + start + minus, p->text.len - start - minus));
	while (!at_gap(p))
		p->at++;
	WHY(p, "a term is field:value, for example actor:anna or object:/journal/4711%s%s%s",
		near ? "; did you mean " : "", near ? near : "", near ? ":?" : "");
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
	term->name = span_of(p->text.data + start, p->at - start);
	if (at_end(p) || here(p) != ':' || term->name.len == 0)
		return refuse_bare_word(p, term->at);
	p->at++;
	enum trail_err err = take_value(p, term);
	term->len = p->at - term->at;
	return err;
}

/* ---- which field ---- */

static enum trail_err refuse_field(struct parser *p, const struct term *term, const char *word)
{
	const char *near = word[0] ? suggest_field(term->name) : NULL;
	int len = 0;
	if (near)
		WHY(p, "there is no field \"%s\"; did you mean %s?", word, near);
	else
		len = snprintf(p->fault->why, QUERY_WHY_LEN, "there is no such field; fields are");
	for (size_t i = 0; !near && i < QUERY_FIELDS; i++)
		len += snprintf(p->fault->why + len, QUERY_WHY_LEN - (size_t)len, "%s%s",
			i + 1 == QUERY_FIELDS ? " and "
				: i == 0      ? " "
					      : ", ",
			query_field_name((enum query_field)i));
	return refuse(p, TRAIL_INVALID, term->at + term->negated, term->name.len);
}

static enum trail_err find_field(struct parser *p, struct term *term)
{
	char word[WORD_SHOWN_MAX + 1] = "";
	if (term->name.len <= WORD_SHOWN_MAX)
		memcpy(word, term->name.data, term->name.len);
	for (size_t i = 0; i < QUERY_FIELDS; i++) {
		if (strcmp(query_field_name((enum query_field)i), word) == 0) {
			term->field = (enum query_field)i;
			return TRAIL_OK;
		}
	}
	return refuse_field(p, term, word);
}

/* ---- what the value means ---- */

/* Without the escapes of a quoted value; NULL data where it is not given. */
static enum trail_err unescape(struct parser *p, const struct end *end, struct span *out)
{
	*out = end->given ? end->raw : span_of(NULL, 0);
	if (!end->quoted || !memchr(end->raw.data, '\\', end->raw.len))
		return TRAIL_OK;
	uint8_t *to = arena_take(p->arena, end->raw.len);
	size_t len = 0;
	if (!to)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < end->raw.len; i++) {
		uint8_t c = end->raw.data[i];
		if (c == '\\') {
			c = end->raw.data[++i];
			if (c != '"' && c != '\\') {
				WHY(p,
					"in quotes a backslash stands before a quote or a "
					"backslash alone");
				return refuse(p, TRAIL_INVALID, end->at + i - 1, 2);
			}
		}
		to[len++] = c;
	}
	*out = span_of(to, len);
	return TRAIL_OK;
}

static enum trail_err refuse_end(struct parser *p, const struct end *end)
{
	return refuse(p, TRAIL_INVALID, end->at, end->raw.len);
}

static enum trail_err refuse_order(struct parser *p, const struct term *term)
{
	WHY(p, "the range ends before it begins: turn it around");
	return refuse(p, TRAIL_INVALID, term->value_at, term->value_len);
}

static enum trail_err refuse_word(
	struct parser *p, const struct term *term, const char *word, uint32_t first)
{
	enum query_field field = term->field;
	const char *words[8] = { NULL };
	uint32_t count = query_word_count(field);
	for (uint32_t i = first; i < count; i++)
		words[i - first] = query_word(field, i);
	char *why = p->fault->why;
	int len = snprintf(why, QUERY_WHY_LEN, "%s is one of", query_field_name(field));
	for (uint32_t i = first; i < count; i++)
		len += snprintf(why + len, QUERY_WHY_LEN - (size_t)len, "%s %s",
			i == first ? "" : ",", words[i - first]);
	const char *near = word[0] ? suggest(word, words) : NULL;
	if (near)
		(void)snprintf(why + len, QUERY_WHY_LEN - (size_t)len, "; did you mean %s?", near);
	return refuse_end(p, &term->low);
}

static enum trail_err take_word(
	struct parser *p, const struct term *term, struct span value, struct query_term *out)
{
	char word[WORD_SHOWN_MAX + 1] = "";
	uint32_t first = query_word(term->field, 0)[0] == '\0';
	if (term->shape != QUERY_IS) {
		WHY(p, "%s is a word, and has no %s: repeat the term for each word",
			query_field_name(term->field),
			term->shape == QUERY_BEGINS ? "prefix" : "range");
		return refuse(p, TRAIL_INVALID, term->value_at, term->value_len);
	}
	for (size_t i = 0; value.len <= WORD_SHOWN_MAX && i < value.len; i++)
		word[i] = lower(value.data[i]);
	/* A NUL would end the word before its end. */
	bool whole = strlen(word) == value.len && value.len != 0;
	for (uint32_t i = first; whole && i < query_word_count(term->field); i++) {
		if (strcmp(word, query_word(term->field, i)) == 0) {
			out->from = out->to = i;
			return TRAIL_OK;
		}
	}
	return refuse_word(p, term, word, first);
}

static enum trail_err read_number(
	struct parser *p, const struct term *term, const struct end *end, uint64_t *out)
{
	struct span digits;
	uint64_t number = 0;
	if (!end->given)
		return TRAIL_OK;
	enum trail_err err = unescape(p, end, &digits);
	if (err)
		return err;
	bool ok = digits.len > 0;
	for (size_t i = 0; ok && i < digits.len; i++)
		ok = digits.data[i] >= '0' && digits.data[i] <= '9' &&
			!__builtin_mul_overflow(number, UINT64_C(10), &number) &&
			!__builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number);
	if (ok && (term->field != QUERY_CLASS || number <= UINT32_MAX)) {
		*out = number;
		return TRAIL_OK;
	}
	if (term->field == QUERY_CLASS)
		WHY(p, "a class is a number, from 0 to 4294967295");
	else
		WHY(p, "an index is a number of the log's records, from 0");
	return refuse_end(p, end);
}

static enum trail_err take_numbers(
	struct parser *p, const struct term *term, struct query_term *out)
{
	if (term->shape == QUERY_BEGINS) {
		WHY(p, "%s is a number, and has no prefix: a range is 1..5, 1.. or ..5",
			query_field_name(term->field));
		return refuse(p, TRAIL_INVALID, term->value_at, term->value_len);
	}
	out->to = UINT64_MAX;
	enum trail_err err = read_number(p, term, &term->low, &out->from);
	if (!err)
		err = read_number(p, term, &term->high, &out->to);
	if (!err && term->shape == QUERY_IS)
		out->to = out->from;
	if (!err && out->to < out->from)
		return refuse_order(p, term);
	return err;
}

static bool source_bytes(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!name.data[i] ||
			!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", name.data[i]))
			return false;
	return name.len <= SOURCE_NAME_MAX;
}

static enum trail_err judge_source(
	struct parser *p, const struct term *term, const struct query_term *value)
{
	bool low = source_bytes(value->low) && (term->shape != QUERY_IS || value->low.len != 0);
	if (low && source_bytes(value->high))
		return TRAIL_OK;
	WHY(p, "a source's name is 1 to 64 of a-z 0-9 . _ -");
	return refuse_end(p, low ? &term->high : &term->low);
}

/* The beginning of a UUID's text, any case. */
static bool uuid_begins(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = lower(text.data[i]);
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		if (dash ? c != '-' : !hex)
			return false;
	}
	return text.len <= QUERY_UUID_LEN;
}

static uint8_t nibble(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The text of an id in lower case; of a whole one its bytes. */
static enum trail_err fold_id(struct parser *p, enum query_shape shape, struct span *value)
{
	uint8_t *to = value->len ? arena_take(p->arena, value->len) : NULL;
	size_t n = 0;
	if (value->len == 0)
		return TRAIL_OK;
	if (!to)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < value->len; i++)
		to[i] = (uint8_t)lower(value->data[i]);
	*value = span_of(to, value->len);
	if (shape != QUERY_IS)
		return TRAIL_OK;
	for (size_t i = 0; i < QUERY_UUID_LEN; i += 2) {
		i += to[i] == '-';
		to[n++] = (uint8_t)(nibble(to[i]) << 4 | nibble(to[i + 1]));
	}
	*value = span_of(to, UUID_BYTES);
	return TRAIL_OK;
}

static enum trail_err judge_id(struct parser *p, const struct term *term, struct query_term *value)
{
	bool whole = value->low.len == 0 || value->low.len == QUERY_UUID_LEN;
	bool low = uuid_begins(value->low) && (term->shape != QUERY_IS || whole);
	if (!low || !uuid_begins(value->high)) {
		WHY(p,
			"an id is a UUID, such as 0198f3c2-7d1e-7c55-9a10-2f7c7b1f0a11; its "
			"beginning is asked for with a * behind it");
		return refuse_end(p, low ? &term->high : &term->low);
	}
	enum trail_err err = fold_id(p, term->shape, &value->low);
	return err ? err : fold_id(p, term->shape, &value->high);
}

/* An empty text beside data is an end that was given. */
static bool ends_early(const struct query_term *value)
{
	struct span low = value->low, high = value->high;
	if (!low.data || !high.data)
		return false;
	size_t len = low.len < high.len ? low.len : high.len;
	int order = len ? memcmp(low.data, high.data, len) : 0;
	return order > 0 || (order == 0 && low.len > high.len);
}

static enum trail_err take_text(struct parser *p, const struct term *term, struct query_term *out)
{
	enum trail_err err = TRAIL_OK;
	if (term->field == QUERY_SOURCE)
		err = judge_source(p, term, out);
	else if (term->field == QUERY_ID)
		err = judge_id(p, term, out);
	if (!err && term->shape == QUERY_BETWEEN && ends_early(out))
		return refuse_order(p, term);
	return err;
}

static enum trail_err understand(struct parser *p, const struct term *term, struct query_term *out)
{
	*out = (struct query_term){
		.field = term->field,
		.shape = term->shape,
		.negated = term->negated,
		.at = term->at,
		.len = term->len,
	};
	if (query_kind(term->field) == QUERY_NUMBER)
		return take_numbers(p, term, out);
	enum trail_err err = unescape(p, &term->low, &out->low);
	if (!err)
		err = unescape(p, &term->high, &out->high);
	if (err || query_kind(term->field) == QUERY_TEXT)
		return err ? err : take_text(p, term, out);
	err = take_word(p, term, out->low, out);
	out->low = span_of(NULL, 0);
	return err;
}

/* ---- the whole ---- */

static enum trail_err add_term(struct parser *p)
{
	struct term term;
	enum trail_err err = take_term(p, &term);
	if (!err)
		err = find_field(p, &term);
	if (!err && p->count == QUERY_TERMS_MAX) {
		WHY(p, "a query has at most %d terms: ask in two, or use a prefix or a range",
			QUERY_TERMS_MAX);
		return refuse(p, TRAIL_TOO_BIG, term.at, term.len);
	}
	if (!err)
		err = understand(p, &term, &p->terms[p->count]);
	if (err == TRAIL_TOO_BIG) {
		WHY(p, "there is no room for this value");
		return refuse(p, err, term.at, term.len);
	}
	p->count += !err;
	return err;
}

size_t query_room(size_t len)
{
	size_t terms = (len + 1) / TERM_MIN + 1;
	if (terms > QUERY_TERMS_MAX)
		terms = QUERY_TERMS_MAX;
	/* Each byte of an id is copied twice at most: without its escapes, and in lower case. */
	return len * 2 + terms * (sizeof(struct query_term) + (size_t)4 * ARENA_ALIGN) +
		ARENA_ALIGN;
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
		enum trail_err err = add_term(&p);
		if (err)
			return err;
	}
	size_t size = p.count * sizeof p.terms[0];
	struct query_term *terms = size ? arena_take(arena, size) : NULL;
	if (size && !terms) {
		WHY(&p, "there is no room for this query");
		return refuse(&p, TRAIL_TOO_BIG, 0, text.len);
	}
	if (size)
		memcpy(terms, p.terms, size);
	*out = (struct query){ .terms = terms, .count = p.count };
	return TRAIL_OK;
}
