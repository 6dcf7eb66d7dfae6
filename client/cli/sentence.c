/* SPDX-License-Identifier: Apache-2.0 */
#include "sentence.h"

#include "cell.h"
#include "entry_words.h"
#include "glyph.h"
#include "when.h"

#include <string.h>
#include <wctype.h>

enum {
	VALUE_COLUMNS = 60,
	REASON_COLUMNS = 120,
};

/*
 * Whether the value can be told from the words around it without quotes: it is one word, or a name,
 * each of whose words begins with a capital, as none of ours does.
 */
static bool stands_alone(const char *text)
{
	struct glyphs g;
	struct glyph glyph;
	bool name = false, begins = true, first = true;
	uint32_t last = 0;
	glyphs_init(&g, text, strlen(text));
	for (; glyphs_next(&g, &glyph); first = false, last = glyph.point) {
		bool sign = glyph.point < 0x80 && !strchr(" \"()[],;", (int)glyph.point);
		if (glyph.sort != GLYPH_PLAIN)
			return false;
		if (first)
			name = iswupper(glyph.point);
		else if (begins && !iswupper(glyph.point) && !iswdigit(glyph.point))
			return false;
		begins = name && glyph.point == ' ';
		if (!begins && !sign && !iswalnum(glyph.point))
			return false;
	}
	return text[0] != '\0' && last != ' ';
}

static void put_quoted(FILE *to, const char *text, size_t limit)
{
	(void)fputc('"', to);
	(void)print_cell(to, text, limit, "\"");
	(void)fputc('"', to);
}

static void put_value(FILE *to, const char *text, size_t limit)
{
	if (stands_alone(text))
		(void)print_cell(to, text, limit, NULL);
	else
		put_quoted(to, text, limit);
}

/* A space, our words, and a space: what stands between values. */
static void put_words(FILE *to, const char *words)
{
	(void)fputc(' ', to);
	catalogue_put(to, words);
	(void)fputc(' ', to);
}

/* Our words and the field's value; nothing where the event has none. */
static void put_field(
	FILE *to, const char *words, const struct trail_event *e, enum trail_field field)
{
	const char *value = trail_event_get(e, field);
	if (!value)
		return;
	put_words(to, words);
	put_value(to, value, VALUE_COLUMNS);
}

/* The name with the id and `more` behind it, or the id alone with that. */
static void put_named(FILE *to, const char *name, const char *id, const char *more)
{
	put_value(to, name ? name : id, VALUE_COLUMNS);
	if (!name && !more)
		return;
	(void)fputs(" (", to);
	if (name)
		put_value(to, id, VALUE_COLUMNS);
	(void)fputs(name && more ? ", " : "", to);
	if (more)
		put_value(to, more, VALUE_COLUMNS);
	(void)fputc(')', to);
}

static void put_actor(FILE *to, const struct catalogue *c, const struct trail_event *e)
{
	const char *id = trail_event_get(e, TRAIL_ACTOR_ID);
	put_named(to, trail_event_get(e, TRAIL_ACTOR_NAME), id ? id : "",
		trail_event_get(e, TRAIL_ACTOR_UNIT));
	put_field(to, c->for_whom, e, TRAIL_ACTOR_ON_BEHALF_OF);
}

/* What was denied or failed was not done: "tried to read". */
static void put_deed(FILE *to, const struct catalogue *c, const struct deed *deed, int outcome)
{
	bool tried = outcome == TRAIL_REFUSED || outcome == TRAIL_FAILURE;
	(void)fputc(' ', to);
	if (outcome != TRAIL_SUCCESS) {
		catalogue_put(to, tried ? c->tried_to : c->may_have);
		(void)fputc(' ', to);
	}
	catalogue_put(to, outcome == TRAIL_SUCCESS ? deed->done : deed->tried);
}

/*
 * The log's word for the action and the source's behind it: a source could call "print" what it
 * numbers as a deletion. Only for what is none of the four is the source's word, where there is a
 * translation, the whole; and the log is believed about itself.
 */
static void put_action(
	FILE *to, const struct catalogue *c, const struct trail_event *e, const struct act *own)
{
	/* The library gives no event of an action that it does not know. */
	int action = trail_event_action(e);
	bool known = trail_word_name(TRAIL_WORD_ACTION, action) != NULL;
	const char *verb = event_verb(e);
	const struct act *acts = own ? own : action == TRAIL_EXECUTE ? c->acts : NULL;
	const struct deed *act = verb && acts ? catalogue_act(acts, verb) : NULL;
	put_deed(to, c, act ? act : &c->actions[known ? action : 0], trail_event_outcome(e));
	if (verb && !act) {
		(void)fputs(" [", to);
		put_value(to, verb, VALUE_COLUMNS);
		(void)fputc(']', to);
	}
}

/* What the log names as the object of a question is the question's kind, which is told already. */
static bool is_told(const struct trail_event *e)
{
	const char *verb = event_verb(e);
	const char *id = trail_event_get(e, TRAIL_OBJECT_ID);
	return verb && id && strcmp(verb, id) == 0;
}

static void put_object(FILE *to, const struct trail_event *e)
{
	const char *type = trail_event_get(e, TRAIL_OBJECT_TYPE);
	const char *id = trail_event_get(e, TRAIL_OBJECT_ID);
	(void)fputc(' ', to);
	if (type) {
		put_value(to, type, VALUE_COLUMNS);
		(void)fputc(' ', to);
	}
	put_named(to, trail_event_get(e, TRAIL_OBJECT_NAME), id ? id : "", NULL);
}

static void put_outcome(FILE *to, const struct manner *m, const struct trail_event *e)
{
	int outcome = trail_event_outcome(e);
	const char *reason = trail_event_get(e, TRAIL_REASON);
	bool known = trail_word_name(TRAIL_WORD_OUTCOME, outcome) != NULL;
	bool alert = outcome != TRAIL_SUCCESS;
	(void)fprintf(to, " %s %s", screen_utf8() ? "\xe2\x80\x93" : "-",
		alert ? screen_alert(m->screen) : "");
	catalogue_put(to, m->words->outcomes[known ? outcome : TRAIL_UNKNOWN]);
	if (reason) {
		(void)fputs(": ", to);
		put_value(to, reason, REASON_COLUMNS);
	}
	(void)fputs(alert ? screen_plain(m->screen) : "", to);
}

/* Not whether it was protected on its way: that is the usual lot of single events. */
static void put_flags(FILE *to, const struct catalogue *c, uint32_t flags)
{
	for (unsigned bit = 0; bit < FLAG_BITS; bit++) {
		if (!(flags >> bit & 1) || bit == FLAG_UNPROTECTED_BIT)
			continue;
		(void)fputs(" [", to);
		catalogue_put(to, bit < CATALOGUE_FLAGS ? c->flags[bit] : c->unknown_flag);
		if (bit >= CATALOGUE_FLAGS)
			(void)fprintf(to, " %u", bit);
		(void)fputc(']', to);
	}
}

static void put_name(FILE *to, const struct catalogue *c, const char *name)
{
	if (name)
		put_value(to, name, VALUE_COLUMNS);
	else
		catalogue_put(to, c->name_erased);
}

/* What the log says of itself: the question that was asked, how many were refused. */
static void put_attributes(FILE *to, const struct trail_event *e)
{
	for (size_t i = 0; i < trail_event_attribute_count(e); i++) {
		const char *value = trail_event_attribute_value(e, i);
		(void)fputs(", ", to);
		put_value(to, trail_event_attribute_key(e, i), VALUE_COLUMNS);
		(void)fputc(' ', to);
		put_quoted(to, value ? value : "", REASON_COLUMNS);
	}
}

static void put_event(
	FILE *to, const struct manner *m, const struct trail_entry *n, const struct trail_event *e)
{
	const struct catalogue *c = m->words;
	int medium = trail_event_medium(e);
	const char *purpose = trail_event_get(e, TRAIL_PURPOSE);
	bool own = trail_entry_source(n) == 0;
	put_actor(to, c, e);
	put_action(to, c, e, own ? c->asks : NULL);
	if (!own || !is_told(e))
		put_object(to, e);
	put_field(to, c->about, e, TRAIL_SUBJECT);
	if (trail_word_name(TRAIL_WORD_MEDIUM, medium))
		catalogue_put(to, c->media[medium]);
	put_words(to, c->in);
	put_name(to, c, trail_entry_source_name(n));
	if (purpose) {
		(void)fputs(", ", to);
		catalogue_put(to, c->purpose);
		(void)fputs(": ", to);
		put_value(to, purpose, VALUE_COLUMNS);
	}
	if (own)
		put_attributes(to, e);
	put_outcome(to, m, e);
}

/* Of which kind it is, of a record that is no event, or whose event is not there. */
static void put_kind(FILE *to, const struct catalogue *c, const struct trail_entry *n)
{
	int kind = trail_entry_kind(n);
	if (kind == ENTRY_EVENT) {
		catalogue_put(to, c->event_in);
		(void)fputc(' ', to);
		put_name(to, c, trail_entry_source_name(n));
	} else if (kind == ENTRY_SOURCE) {
		(void)fputs("SOURCE ", to);
		put_name(to, c, trail_entry_source_name(n));
		(void)fputc(' ', to);
		catalogue_put(to, c->begins);
	} else if (trail_word_name(TRAIL_WORD_KIND, kind)) {
		(void)fputs(entry_kind_text(n), to);
		catalogue_put(to, c->record);
	} else {
		catalogue_put(to, c->record_of_unknown_kind);
		(void)fprintf(to, " %d", kind);
	}
}

/* What the log holds besides events, and events that are not there to be told. */
static void put_other(FILE *to, const struct catalogue *c, const struct trail_entry *n)
{
	size_t len;
	bool there = trail_entry_payload(n, &len) != NULL;
	bool peer = trail_entry_kind(n) == ENTRY_PEER;
	put_kind(to, c, n);
	(void)fputs(peer ? "" : ",", to);
	put_words(to, peer ? c->of : c->by);
	put_name(to, c, trail_entry_peer_name(n));
	if (there && trail_entry_kind(n) != ENTRY_EVENT)
		return;
	(void)fputs(" [", to);
	catalogue_put(to, there ? c->payload_of : c->payload_erased);
	if (there) {
		(void)fprintf(to, " %zu ", len);
		catalogue_put(to, c->cannot_be_read);
	}
	(void)fputc(']', to);
}

void print_sentence(FILE *to, const struct manner *m, const struct trail_entry *n)
{
	char when[WHEN_MAX];
	const struct trail_event *e = trail_entry_event(n);
	when_read(entry_time(n), m->utc, when);
	(void)fprintf(to, "%8llu  %s  ", (unsigned long long)trail_entry_index(n), when);
	if (e)
		put_event(to, m, n, e);
	else
		put_other(to, m->words, n);
	put_flags(to, m->words, trail_entry_flags(n));
	(void)fputc('\n', to);
}
