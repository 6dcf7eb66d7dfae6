/* SPDX-License-Identifier: Apache-2.0 */
#include "column.h"

#include "base64.h"
#include "entry_json.h"
#include "entry_words.h"
#include "fields.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_LEN = 64
};

static const char *const NAMES[COLUMN_TEXT] = { "index", "kind", "received", "source", "peer",
	"epoch", "seq", "class", "flags", "id", "time", "action", "outcome", "actor.type", "medium",
	"raw" };

/* What a query calls them. */
static const struct {
	const char *word, *name;
} WORDS[] = {
	{ "actor", "actor.id" },
	{ "object", "object.id" },
	{ "type", "object.type" },
	{ "unit", "actor.unit" },
	{ "host", "origin.host" },
};

enum {
	WORD_COUNT = sizeof WORDS / sizeof WORDS[0]
};

const char *column_name(unsigned column)
{
	if (column < COLUMN_TEXT)
		return NAMES[column];
	if (column < COLUMN_CHANGES)
		return trail_field_name((enum trail_field)(column - COLUMN_TEXT));
	return column == COLUMN_CHANGES ? "changes" : "attributes";
}

/* COLUMN_COUNT: none has that name. */
static unsigned find_column(const char *name)
{
	unsigned c = 0;
	for (unsigned i = 0; i < WORD_COUNT; i++)
		if (strcmp(WORDS[i].word, name) == 0)
			name = WORDS[i].name;
	while (c < COLUMN_COUNT && strcmp(column_name(c), name) != 0)
		c++;
	return c;
}

static bool refuse_name(const char *name)
{
	const char *names[COLUMN_COUNT + WORD_COUNT + 1] = { 0 };
	for (unsigned c = 0; c < COLUMN_COUNT; c++)
		names[c] = column_name(c);
	for (unsigned i = 0; i < WORD_COUNT; i++)
		names[COLUMN_COUNT + i] = WORDS[i].word;
	const char *near = trail_suggest(name, names);
	if (near)
		say("--fields: there is no field \"%s\"; did you mean %s?", name, near);
	else
		say("--fields: there is no field \"%s\"; `trail search --help` lists them", name);
	return false;
}

static bool pick_add(struct pick *pick, const char *name)
{
	unsigned c = find_column(name);
	if (c == COLUMN_COUNT)
		return refuse_name(name);
	for (size_t i = 0; i < pick->count; i++) {
		if (pick->columns[i] == c) {
			say("--fields: %s comes twice", column_name(c));
			return false;
		}
	}
	pick->columns[pick->count++] = (unsigned char)c;
	return true;
}

bool pick_read(const char *list, struct pick *pick)
{
	*pick = (struct pick){ 0 };
	for (bool more = true; more;) {
		char name[NAME_MAX_LEN];
		size_t len = strcspn(list, ",");
		if (len == 0) {
			say("--fields takes names with a comma between two, for example: "
			    "--fields time,actor.id,object.id");
			return false;
		}
		/* The beginning of a longer one is no name either. */
		len = len < sizeof name ? len : sizeof name - 1;
		memcpy(name, list, len);
		name[len] = '\0';
		if (!pick_add(pick, name))
			return false;
		more = list[len] == ',';
		list += len + more;
	}
	return true;
}

/* ---- as text ---- */

static void read_number(struct column_text *t, uint64_t number)
{
	(void)snprintf(t->room, sizeof t->room, "%llu", (unsigned long long)number);
	t->text = t->room;
}

static void read_time(struct column_text *t, int64_t ns)
{
	_Static_assert((int)COLUMN_ROOM >= (int)WHEN_MAX, "a time fits");
	when_utc(ns, t->room);
	t->text = t->room;
}

static void read_raw(struct column_text *t, const struct trail_event *e)
{
	size_t len;
	const uint8_t *raw = trail_event_raw(e, &len);
	t->owned = raw ? base64_text(raw, len) : NULL;
	if (raw && !t->owned)
		say("memory is out");
	t->text = t->owned;
}

static void read_list(struct column_text *t, const struct trail_entry *n, unsigned column)
{
	size_t len = 0;
	json_t *entry = entry_json(n, false);
	const json_t *list = json_object_get(entry, column_name(column));
	FILE *to = list ? open_memstream(&t->owned, &len) : NULL;
	if (to) {
		print_json_value(to, list);
		(void)fclose(to);
	}
	t->text = t->owned;
	json_decref(entry);
}

static void read_own(struct column_text *t, const struct trail_entry *n, unsigned column)
{
	switch (column) {
	case COLUMN_INDEX:
		read_number(t, trail_entry_index(n));
		break;
	case COLUMN_KIND:
		t->text = entry_kind_text(n);
		break;
	case COLUMN_RECEIVED:
		read_time(t, (int64_t)trail_entry_received(n));
		break;
	case COLUMN_SOURCE:
		t->text = trail_entry_source_name(n);
		break;
	case COLUMN_PEER:
		t->text = trail_entry_peer_name(n);
		break;
	case COLUMN_EPOCH:
		read_number(t, trail_entry_epoch(n));
		break;
	case COLUMN_SEQ:
		read_number(t, trail_entry_seq(n));
		break;
	case COLUMN_CLASS:
		read_number(t, trail_entry_class(n));
		break;
	default:
		read_number(t, trail_entry_flags(n));
		break;
	}
}

static void read_id(struct column_text *t, const struct trail_event *e)
{
	if (!trail_event_id(e))
		return;
	uuid_text(trail_event_id(e), t->room);
	t->text = t->room;
}

static void read_event(struct column_text *t, const struct trail_event *e, unsigned column)
{
	switch (column) {
	case COLUMN_ID:
		read_id(t, e);
		break;
	case COLUMN_TIME:
		read_time(t, trail_event_time(e));
		break;
	case COLUMN_ACTION:
		t->text = trail_word_name(TRAIL_WORD_ACTION, trail_event_action(e));
		break;
	case COLUMN_OUTCOME:
		t->text = trail_word_name(TRAIL_WORD_OUTCOME, trail_event_outcome(e));
		break;
	case COLUMN_ACTOR_TYPE:
		t->text = trail_word_name(TRAIL_WORD_ACTOR_TYPE, trail_event_actor_type(e));
		break;
	case COLUMN_MEDIUM:
		t->text = trail_word_name(TRAIL_WORD_MEDIUM, trail_event_medium(e));
		break;
	case COLUMN_RAW:
		read_raw(t, e);
		break;
	default:
		t->text = trail_event_get(e, (enum trail_field)(column - COLUMN_TEXT));
		break;
	}
}

void column_read(struct column_text *t, const struct trail_entry *n, unsigned column)
{
	t->text = NULL;
	t->owned = NULL;
	if (column <= COLUMN_FLAGS)
		read_own(t, n, column);
	else if (!trail_entry_event(n))
		return;
	else if (column >= COLUMN_CHANGES)
		read_list(t, n, column);
	else
		read_event(t, trail_entry_event(n), column);
}

void column_release(struct column_text *t)
{
	free(t->owned);
	t->owned = NULL;
}

/* ---- as JSON ---- */

/* "actor.id" is the member "id" of the member "actor". */
static void copy_member(json_t *to, const json_t *from, const char *name)
{
	char outer[NAME_MAX_LEN];
	const char *dot = strchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);
	(void)snprintf(outer, sizeof outer, "%.*s", (int)(len < sizeof outer ? len : 0), name);
	json_t *member = json_object_get(from, outer);
	if (!dot) {
		(void)json_object_set(to, outer, member);
		return;
	}
	json_t *value = json_object_get(member, dot + 1);
	if (!value)
		return;
	if (!json_object_get(to, outer))
		(void)json_object_set_new(to, outer, json_object());
	(void)json_object_set(json_object_get(to, outer), dot + 1, value);
}

json_t *pick_json(const struct pick *pick, json_t *entry)
{
	if (pick->count == 0)
		return entry;
	json_t *to = json_object();
	for (size_t i = 0; i < pick->count; i++)
		copy_member(to, entry, column_name(pick->columns[i]));
	json_decref(entry);
	return to;
}
