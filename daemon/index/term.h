/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event can be found by. A term is a field and a value; its key in a segment's dictionary
 * is the field's byte and the value's first 255 bytes, so that the terms of a field lie side by
 * side in the order of their values, and a prefix is a range. Pure.
 *
 * Which event has which terms is fixed here alone: what a search looks for and what the index holds
 * cannot part.
 */
#ifndef DAEMON_INDEX_TERM_H
#define DAEMON_INDEX_TERM_H

#include "../../proto/event.h"
#include "segment.h"

/* On disk: numbers keep their meaning. */
enum term_field {
	TERM_EVENT = 1,  /* every event; no value */
	TERM_LOSS = 2,   /* the record tells that something is missing: name of the source */
	TERM_HOUR = 3,   /* of the event's time: u32 hours since 1970, cut as segment_seconds */
	TERM_SOURCE = 4, /* names */
	TERM_PEER = 5,
	TERM_ACTOR = 6,
	TERM_UNIT = 7,
	TERM_OBJECT = 8,
	TERM_ANCESTOR = 9, /* of the object: its id up to and with each "/" but a first one */
	TERM_TYPE = 10,
	TERM_SUBJECT = 11,
	TERM_ACTION = 12, /* u8, as are outcome and medium */
	TERM_VERB = 13,
	TERM_OUTCOME = 14,
	TERM_PURPOSE = 15,
	TERM_CORRELATION = 16,
	TERM_MEDIUM = 17,
	TERM_HOST = 18,
	TERM_ID = 19, /* the first 8 bytes of the UUID: for half the room it says nearly as much */
	TERM_FIELDS
};

enum {
	TERM_VALUE_MAX = TERM_KEY_MAX - 1,
	TERM_ANCESTORS_MAX = 16, /* what lies deeper is found by a prefix of the object */
	TERM_ID_LEN = 8,
	TERM_HOUR_LEN = 4,
	TERM_HOUR_S = 3600,
};

struct term {
	enum term_field field;
	struct span value; /* at most TERM_VALUE_MAX bytes */
};

/* Room for values that stand nowhere in the event. */
struct term_room {
	uint8_t hour[TERM_HOUR_LEN];
	uint8_t action, outcome, medium;
};

enum {
	TERM_OF_EVENT_MAX = TERM_FIELDS + TERM_ANCESTORS_MAX
};

/* The key, at `out`; answers its length. */
size_t term_key(enum term_field field, struct span value, uint8_t out[TERM_KEY_MAX]);
/* Whether a term of the index says all of this value, not its beginning alone. */
static inline bool term_is_whole(enum term_field field, struct span value)
{
	return field != TERM_ID && value.len < TERM_VALUE_MAX;
}

/* What people call the field; "?": there is none of that number. Static. */
const char *term_field_name(uint32_t field);

uint32_t term_hour(int64_t time_ns);
/*
 * The terms of an event with these facts, from this source and peer (their names; empty: none), to
 * `out`; answers how many. They view the facts, the names and `room`.
 */
size_t terms_of_event(const struct event_facts *facts, struct span source, struct span peer,
	struct term_room *room, struct term out[TERM_OF_EVENT_MAX]);

/*
 * Whether what begins with `prefix` is exactly what has the ancestor `prefix`.
 */
bool term_prefix_is_ancestor(struct span prefix);

#endif
