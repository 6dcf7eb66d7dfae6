/* SPDX-License-Identifier: Apache-2.0 */
#include "term.h"

size_t term_key(enum term_field field, struct span value, uint8_t out[TERM_KEY_MAX])
{
	size_t len = value.len < TERM_VALUE_MAX ? value.len : TERM_VALUE_MAX;
	out[0] = (uint8_t)field;
	if (len > 0)
		memcpy(out + 1, value.data, len);
	return 1 + len;
}

uint32_t term_hour(int64_t time_ns)
{
	return segment_seconds(time_ns) / TERM_HOUR_S;
}

static void put(struct term *out, size_t *count, enum term_field field, struct span value)
{
	if (value.len == 0)
		return;
	if (value.len > TERM_VALUE_MAX)
		value.len = TERM_VALUE_MAX;
	out[(*count)++] = (struct term){ field, value };
}

static void put_ancestors(struct term *out, size_t *count, struct span object)
{
	unsigned n = 0;
	/* A "/" in front alone says nothing. */
	for (size_t i = 1; i < object.len && i < TERM_VALUE_MAX && n < TERM_ANCESTORS_MAX; i++) {
		if (object.data[i] != '/')
			continue;
		put(out, count, TERM_ANCESTOR, span_of(object.data, i + 1));
		n++;
	}
}

size_t terms_of_event(const struct event_facts *facts, struct span source, struct span peer,
	struct term_room *room, struct term out[TERM_OF_EVENT_MAX])
{
	size_t count = 0;
	store_be32(room->hour, term_hour(facts->time_ns));
	room->action = (uint8_t)facts->action;
	room->outcome = (uint8_t)facts->outcome;
	room->medium = (uint8_t)facts->medium;
	out[count++] = (struct term){ TERM_EVENT, { 0 } };
	put(out, &count, TERM_HOUR, span_of(room->hour, TERM_HOUR_LEN));
	put(out, &count, TERM_ACTION, span_of(&room->action, 1));
	put(out, &count, TERM_OUTCOME, span_of(&room->outcome, 1));
	put(out, &count, TERM_MEDIUM, span_of(&room->medium, 1));
	put(out, &count, TERM_SOURCE, source);
	put(out, &count, TERM_PEER, peer);
	put(out, &count, TERM_ACTOR, facts->actor_id);
	put(out, &count, TERM_UNIT, facts->unit);
	put(out, &count, TERM_OBJECT, facts->object_id);
	put_ancestors(out, &count, facts->object_id);
	put(out, &count, TERM_TYPE, facts->object_type);
	put(out, &count, TERM_SUBJECT, facts->subject);
	put(out, &count, TERM_VERB, facts->verb);
	put(out, &count, TERM_PURPOSE, facts->purpose);
	put(out, &count, TERM_CORRELATION, facts->correlation);
	put(out, &count, TERM_HOST, facts->host);
	if (facts->id.len >= TERM_ID_LEN)
		put(out, &count, TERM_ID, span_of(facts->id.data, TERM_ID_LEN));
	return count;
}

bool term_prefix_is_ancestor(struct span prefix)
{
	unsigned n = 0;
	for (size_t i = 1; i < prefix.len; i++)
		n += prefix.data[i] == '/';
	return n >= 1 && n <= TERM_ANCESTORS_MAX && prefix.len <= TERM_VALUE_MAX &&
		prefix.data[prefix.len - 1] == '/';
}

const char *term_field_name(uint32_t field)
{
	static const char *const NAMES[TERM_FIELDS] = {
		[TERM_EVENT] = "event",
		[TERM_LOSS] = "loss",
		[TERM_HOUR] = "time",
		[TERM_SOURCE] = "source",
		[TERM_PEER] = "peer",
		[TERM_ACTOR] = "actor",
		[TERM_UNIT] = "unit",
		[TERM_OBJECT] = "object",
		[TERM_ANCESTOR] = "object",
		[TERM_TYPE] = "type",
		[TERM_SUBJECT] = "subject",
		[TERM_ACTION] = "action",
		[TERM_VERB] = "verb",
		[TERM_OUTCOME] = "outcome",
		[TERM_PURPOSE] = "purpose",
		[TERM_CORRELATION] = "correlation",
		[TERM_MEDIUM] = "medium",
		[TERM_HOST] = "host",
		[TERM_ID] = "id",
	};
	return field < TERM_FIELDS && NAMES[field] ? NAMES[field] : "?";
}
