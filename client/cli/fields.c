/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include "base64.h"
#include "output.h"
#include "when.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool complain(struct complaint *c, const char *field, const char *format, ...)
{
	va_list ap;
	(void)snprintf(c->field, sizeof c->field, "%s", field);
	va_start(ap, format);
	(void)vsnprintf(c->why, sizeof c->why, format, ap);
	va_end(ap);
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool uuid_parse(const char *text, uint8_t id[TRAIL_ID_LEN])
{
	size_t out = 0;
	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
			continue;
		}
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		id[out++] = (uint8_t)(high << 4 | low);
		i++;
	}
	return true;
}

void uuid_text(const uint8_t id[TRAIL_ID_LEN], char out[37])
{
	static const char DIGITS[] = "0123456789abcdef";
	for (size_t i = 0; i < TRAIL_ID_LEN; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = DIGITS[id[i] >> 4];
		*out++ = DIGITS[id[i] & 15];
	}
	*out = '\0';
}

static bool set_id(struct trail_event *e, const char *value, struct complaint *c)
{
	uint8_t id[TRAIL_ID_LEN];
	if (!uuid_parse(value, id))
		return complain(c, "id", "is not a UUID like 01234567-89ab-cdef-0123-456789abcdef");
	trail_event_set_id(e, id);
	return true;
}

static bool set_time(struct trail_event *e, const char *value, struct complaint *c)
{
	int64_t ns;
	if (!when_parse(value, &ns))
		return complain(c, "time",
			"is not an RFC 3339 time like 2026-03-01T12:00:00Z (\"%s\")", value);
	trail_event_set_time(e, ns);
	return true;
}

static bool set_raw(struct trail_event *e, const char *value, struct complaint *c)
{
	size_t len;
	uint8_t *data = base64_bytes(value, &len);
	if (!data)
		return complain(c, "raw", "is not base64");
	trail_event_set_raw(e, data, len);
	free(data);
	return true;
}

/* The fields that hold one word of a list. */
static const struct {
	const char *name;
	enum trail_word list;
	const char *words;
} LISTED[] = {
	{ "action", TRAIL_WORD_ACTION, "CREATE, READ, MODIFY, DELETE or EXECUTE" },
	{ "outcome", TRAIL_WORD_OUTCOME, "SUCCESS, DENIED, FAILURE or UNKNOWN" },
	{ "medium", TRAIL_WORD_MEDIUM, "DIGITAL, PAPER or ORAL" },
	{ "actor.type", TRAIL_WORD_ACTOR_TYPE, "UNSPECIFIED, USER, SYSTEM, SERVICE or ANONYMOUS" },
};

enum {
	LISTED_COUNT = sizeof LISTED / sizeof LISTED[0]
};

static bool set_listed(
	struct trail_event *e, unsigned which, const char *value, struct complaint *c)
{
	int number = trail_word_find(LISTED[which].list, value);
	if (number < 0)
		return complain(c, LISTED[which].name, "must be %s, not \"%s\"",
			LISTED[which].words, value);
	switch (LISTED[which].list) {
	case TRAIL_WORD_ACTION:
		trail_event_set_action(e, (enum trail_action)number);
		break;
	case TRAIL_WORD_OUTCOME:
		trail_event_set_outcome(e, (enum trail_outcome)number);
		break;
	case TRAIL_WORD_MEDIUM:
		trail_event_set_medium(e, (enum trail_medium)number);
		break;
	case TRAIL_WORD_ACTOR_TYPE:
		trail_event_set_actor_type(e, (enum trail_actor_type)number);
		break;
	case TRAIL_WORD_KIND:
		break;
	}
	return true;
}

bool field_set(struct trail_event *e, const char *name, const char *value, struct complaint *c)
{
	int field = trail_field_find(name);
	if (field >= 0) {
		trail_event_set(e, (enum trail_field)field, value);
		return true;
	}
	for (unsigned i = 0; i < LISTED_COUNT; i++)
		if (strcmp(LISTED[i].name, name) == 0)
			return set_listed(e, i, value, c);
	if (strcmp(name, "time") == 0)
		return set_time(e, value, c);
	if (strcmp(name, "id") == 0)
		return set_id(e, value, c);
	if (strcmp(name, "raw") == 0)
		return set_raw(e, value, c);
	return complain(c, name, "is not a field of an event");
}

bool field_known(const char *name)
{
	for (unsigned i = 0; i < LISTED_COUNT; i++)
		if (strcmp(LISTED[i].name, name) == 0)
			return true;
	return trail_field_find(name) >= 0 || strcmp(name, "time") == 0 ||
		strcmp(name, "id") == 0 || strcmp(name, "raw") == 0;
}

bool field_ignored(const char *name)
{
	static const char *const IGNORED[] = { "index", "received", "peer", "epoch", "seq", "class",
		"flags", "kind", "proof" };
	for (unsigned i = 0; i < sizeof IGNORED / sizeof IGNORED[0]; i++)
		if (strcmp(IGNORED[i], name) == 0)
			return true;
	/* The last column of an answer bears its question as its name. */
	return strncmp(name, "trail search", strlen("trail search")) == 0 ||
		strncmp(name, "trail history", strlen("trail history")) == 0;
}

/* ---- from JSON ---- */

/* actor, object, origin: their members are fields with a dotted name. */
static bool take_nested(
	struct trail_event *e, const char *outer, const json_t *object, struct complaint *c)
{
	void *at = json_object_iter((json_t *)(uintptr_t)object);
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
		char name[96];
		const char *value = json_string_value(json_object_iter_value(at));
		int len = snprintf(name, sizeof name, "%s.%s", outer, json_object_iter_key(at));
		if (len < 0 || len >= (int)sizeof name)
			return complain(c, outer, "has a member of a name that is too long");
		if (!value)
			return complain(c, name, "must be a string");
		if (!field_set(e, name, value, c))
			return false;
	}
	return true;
}

/* The text of a member that may be absent. False: it is there and no string, or not known. */
static bool take_members(const json_t *object, const char *const names[3], const char *values[3])
{
	size_t known = 0;
	for (unsigned i = 0; i < 3; i++) {
		const json_t *value = names[i] ? json_object_get(object, names[i]) : NULL;
		values[i] = json_string_value(value);
		if (value && !values[i])
			return false;
		known += value != NULL;
	}
	return json_is_object(object) && json_object_size(object) == known;
}

static bool take_changes(struct trail_event *e, const json_t *list, struct complaint *c)
{
	static const char *const NAMES[3] = { "field", "old", "new" };
	size_t i;
	const json_t *item;
	if (!json_is_array(list))
		return complain(c, "changes", "must be a list of {field, old, new}");
	json_array_foreach(list, i, item)
	{
		const char *values[3];
		if (!take_members(item, NAMES, values)) {
			char name[48];
			(void)snprintf(name, sizeof name, "changes[%zu]", i);
			return complain(c, name, "must be {field, old, new}, all strings");
		}
		trail_event_add_change(e, values[0], values[1], values[2]);
	}
	return true;
}

static bool take_attributes(struct trail_event *e, const json_t *list, struct complaint *c)
{
	static const char *const NAMES[3] = { "key", "value", NULL };
	size_t i;
	const json_t *item;
	if (!json_is_array(list))
		return complain(c, "attributes", "must be a list of {key, value}");
	json_array_foreach(list, i, item)
	{
		const char *values[3];
		if (!take_members(item, NAMES, values)) {
			char name[48];
			(void)snprintf(name, sizeof name, "attributes[%zu]", i);
			return complain(c, name, "must be {key, value}, both strings");
		}
		trail_event_add_attribute(e, values[0], values[1]);
	}
	return true;
}

static bool take_source(const json_t *value, char source[SOURCE_MAX + 1], struct complaint *c)
{
	const char *text = json_string_value(value);
	if (!text || strlen(text) > SOURCE_MAX)
		return complain(c, "source", "must be a name of 1 to 64 of a-z 0-9 . _ -");
	memcpy(source, text, strlen(text) + 1);
	return true;
}

static bool take_member(struct trail_event *e, const char *name, const json_t *value,
	char source[SOURCE_MAX + 1], struct complaint *c)
{
	bool nests = strcmp(name, "actor") == 0 || strcmp(name, "object") == 0 ||
		strcmp(name, "origin") == 0;
	if (field_ignored(name))
		return true;
	if (nests && json_is_object(value))
		return take_nested(e, name, value, c);
	if (nests)
		return complain(c, name, "must be an object, like {\"id\":\"...\"}");
	if (strcmp(name, "changes") == 0)
		return take_changes(e, value, c);
	if (strcmp(name, "attributes") == 0)
		return take_attributes(e, value, c);
	if (strcmp(name, "source") == 0)
		return take_source(value, source, c);
	if (strchr(name, '.'))
		return complain(c, name, "is not a field of an event; nest it");
	if (!json_is_string(value))
		return complain(c, name, "must be a string");
	return field_set(e, name, json_string_value(value), c);
}

bool event_from_json(
	const json_t *line, struct trail_event *e, char source[SOURCE_MAX + 1], struct complaint *c)
{
	json_t *object = (json_t *)(uintptr_t)line;
	if (!json_is_object(line))
		return complain(c, "", "is not a JSON object");
	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
		if (!take_member(
			    e, json_object_iter_key(at), json_object_iter_value(at), source, c))
			return false;
	return true;
}

/* ---- to JSON ---- */

static void put(json_t *to, const char *name, json_t *value)
{
	(void)json_object_set_new(to, name, value);
}

/* The object under `name`, made if need be. */
static json_t *nested(json_t *to, const char *name, size_t len)
{
	char outer[32];
	(void)snprintf(outer, sizeof outer, "%.*s", (int)len, name);
	json_t *found = json_object_get(to, outer);
	if (found)
		return found;
	put(to, outer, json_object());
	return json_object_get(to, outer);
}

static void put_field(json_t *to, const char *name, const char *value)
{
	const char *dot = strchr(name, '.');
	if (dot)
		put(nested(to, name, (size_t)(dot - name)), dot + 1, json_text(value));
	else
		put(to, name, json_text(value));
}

static void put_word(json_t *to, const char *name, enum trail_word list, int number)
{
	const char *word = trail_word_name(list, number);
	if (word)
		put_field(to, name, word);
}

static void put_lists(const struct trail_event *e, json_t *to)
{
	json_t *changes = json_array(), *attributes = json_array();
	for (size_t i = 0; i < trail_event_change_count(e); i++) {
		json_t *item = json_object();
		const char *old_value = trail_event_change_old(e, i);
		const char *new_value = trail_event_change_new(e, i);
		put(item, "field", json_string(trail_event_change_field(e, i)));
		if (old_value)
			put(item, "old", json_string(old_value));
		if (new_value)
			put(item, "new", json_string(new_value));
		(void)json_array_append_new(changes, item);
	}
	for (size_t i = 0; i < trail_event_attribute_count(e); i++) {
		json_t *item = json_object();
		const char *value = trail_event_attribute_value(e, i);
		put(item, "key", json_string(trail_event_attribute_key(e, i)));
		put(item, "value", json_string(value ? value : ""));
		(void)json_array_append_new(attributes, item);
	}
	if (json_array_size(changes) != 0)
		(void)json_object_set(to, "changes", changes);
	if (json_array_size(attributes) != 0)
		(void)json_object_set(to, "attributes", attributes);
	json_decref(changes);
	json_decref(attributes);
}

void event_to_json(const struct trail_event *e, json_t *to)
{
	char text[WHEN_MAX];
	size_t len;
	const uint8_t *raw = trail_event_raw(e, &len);
	if (trail_event_id(e)) {
		char id[37];
		uuid_text(trail_event_id(e), id);
		put(to, "id", json_string(id));
	}
	when_utc(trail_event_time(e), text);
	put(to, "time", json_string(text));
	put_word(to, "action", TRAIL_WORD_ACTION, trail_event_action(e));
	put_word(to, "outcome", TRAIL_WORD_OUTCOME, trail_event_outcome(e));
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++) {
		const char *value = trail_event_get(e, (enum trail_field)f);
		if (value)
			put_field(to, trail_field_name((enum trail_field)f), value);
	}
	if (trail_event_actor_type(e) != TRAIL_ACTOR_UNSPECIFIED)
		put_word(to, "actor.type", TRAIL_WORD_ACTOR_TYPE, trail_event_actor_type(e));
	put_word(to, "medium", TRAIL_WORD_MEDIUM, trail_event_medium(e));
	put_lists(e, to);
	if (raw)
		put(to, "raw", json_base64(raw, len));
}
