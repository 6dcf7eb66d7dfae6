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

/* Whether the value can be told from the words around it without quotes. */
static bool stands_alone(const char *text)
{
	struct glyphs g;
	struct glyph glyph;
	glyphs_init(&g, text, strlen(text));
	while (glyphs_next(&g, &glyph)) {
		bool sign = glyph.point < 0x80 && !strchr(" \"()[],;", (int)glyph.point);
		if (glyph.sort != GLYPH_PLAIN || !(sign || iswalnum(glyph.point)))
			return false;
	}
	return text[0] != '\0';
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

/* `before` and the field's value; nothing where the event has none. */
static void put_field(
	FILE *to, const char *before, const struct trail_event *e, enum trail_field field)
{
	const char *value = trail_event_get(e, field);
	if (!value)
		return;
	(void)fputs(before, to);
	put_value(to, value, VALUE_COLUMNS);
}

static void put_actor(FILE *to, const struct trail_event *e)
{
	const char *name = trail_event_get(e, TRAIL_ACTOR_NAME);
	put_field(to, "", e, TRAIL_ACTOR_ID);
	if (name) {
		(void)fputc(' ', to);
		put_quoted(to, name, VALUE_COLUMNS);
	}
	if (trail_event_get(e, TRAIL_ACTOR_UNIT)) {
		put_field(to, " (", e, TRAIL_ACTOR_UNIT);
		(void)fputc(')', to);
	}
	put_field(to, " for ", e, TRAIL_ACTOR_ON_BEHALF_OF);
}

static void put_action(FILE *to, const struct trail_event *e)
{
	static const char *const DID[] = { NULL, "created", "read", "modified", "deleted",
		"executed" };
	/* The library gives no event of an action that it does not know. */
	int action = trail_event_action(e);
	bool known = trail_word_name(TRAIL_WORD_ACTION, action) != NULL;
	(void)fprintf(to, " %s", known ? DID[action] : "did something to");
	if (event_verb(e)) {
		put_field(to, " [", e, TRAIL_VERB);
		(void)fputc(']', to);
	}
}

static void put_outcome(FILE *to, const struct screen *s, const struct trail_event *e)
{
	static const char *const WORDS[] = { NULL, "denied", "failed", "outcome unknown" };
	int outcome = trail_event_outcome(e);
	const char *reason = trail_event_get(e, TRAIL_REASON);
	if (outcome == TRAIL_SUCCESS)
		return;
	bool known = trail_word_name(TRAIL_WORD_OUTCOME, outcome) != NULL;
	(void)fprintf(to, " %s[%s", screen_alert(s), WORDS[known ? outcome : TRAIL_UNKNOWN]);
	if (reason) {
		(void)fputs(": ", to);
		put_value(to, reason, REASON_COLUMNS);
	}
	(void)fprintf(to, "]%s", screen_plain(s));
}

/* Not whether it was protected on its way: that is the usual lot of single events. */
static void put_flags(FILE *to, uint32_t flags)
{
	for (unsigned bit = 0; bit < FLAG_BITS; bit++) {
		const char *text = flag_text(bit);
		if (!(flags >> bit & 1) || bit == FLAG_UNPROTECTED_BIT)
			continue;
		if (text)
			(void)fprintf(to, " [%s]", text);
		else
			(void)fprintf(to, " [unknown flag %u]", bit);
	}
}

static void put_name(FILE *to, const char *before, const char *name)
{
	(void)fputs(before, to);
	if (name)
		put_value(to, name, VALUE_COLUMNS);
	else
		(void)fputs("(name erased)", to);
}

/* What the log says of itself: the question that was asked, how many were refused. */
static void put_attributes(FILE *to, const struct trail_event *e)
{
	for (size_t i = 0; i < trail_event_attribute_count(e); i++) {
		const char *value = trail_event_attribute_value(e, i);
		(void)fprintf(to, ", ");
		put_value(to, trail_event_attribute_key(e, i), VALUE_COLUMNS);
		(void)fputc(' ', to);
		put_quoted(to, value ? value : "", REASON_COLUMNS);
	}
}

static void put_event(
	FILE *to, const struct screen *s, const struct trail_entry *n, const struct trail_event *e)
{
	static const char *const MEDIA[] = { "", ", on paper", ", spoken" };
	int medium = trail_event_medium(e);
	put_actor(to, e);
	put_action(to, e);
	put_field(to, " ", e, TRAIL_OBJECT_ID);
	put_field(to, " about ", e, TRAIL_SUBJECT);
	put_field(to, ", purpose ", e, TRAIL_PURPOSE);
	if (trail_word_name(TRAIL_WORD_MEDIUM, medium))
		(void)fputs(MEDIA[medium], to);
	put_name(to, ", in ", trail_entry_source_name(n));
	if (trail_entry_source(n) == 0)
		put_attributes(to, e);
	put_outcome(to, s, e);
}

/* What the log holds besides events, and events that are not there to be told. */
static void put_other(FILE *to, const struct trail_entry *n)
{
	size_t len;
	bool there = trail_entry_payload(n, &len) != NULL;
	int kind = trail_entry_kind(n);
	if (kind == ENTRY_EVENT) {
		put_name(to, "an EVENT in ", trail_entry_source_name(n));
	} else if (kind == ENTRY_SOURCE) {
		put_name(to, "SOURCE ", trail_entry_source_name(n));
		(void)fputs(" begins", to);
	} else if (trail_word_name(TRAIL_WORD_KIND, kind)) {
		(void)fprintf(to, "%s record", entry_kind_text(n));
	} else {
		(void)fprintf(to, "record of the unknown kind %d", kind);
	}
	if (kind == ENTRY_PEER)
		put_name(to, " of ", trail_entry_peer_name(n));
	else
		put_name(to, ", by ", trail_entry_peer_name(n));
	if (!there)
		(void)fputs(" [payload erased]", to);
	else if (kind == ENTRY_EVENT)
		(void)fprintf(to, " [payload of %zu bytes cannot be read]", len);
}

void print_sentence(FILE *to, const struct screen *s, bool utc, const struct trail_entry *n)
{
	char when[WHEN_MAX];
	const struct trail_event *e = trail_entry_event(n);
	when_show(entry_time(n), utc, 3, when);
	(void)fprintf(to, "%8llu  %s  ", (unsigned long long)trail_entry_index(n), when);
	if (e)
		put_event(to, s, n, e);
	else
		put_other(to, n);
	put_flags(to, trail_entry_flags(n));
	(void)fputc('\n', to);
}
