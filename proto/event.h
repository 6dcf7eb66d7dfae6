/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event that a source says (DESIGN.md section 3), judged on its received bytes: walked once,
 * never re-encoded (FORMATS.md section 3, one event, one encoding).
 */
#ifndef PROTO_EVENT_H
#define PROTO_EVENT_H

#include "bytes.h"
#include "err.h"

enum {
	EVENT_LEN_MAX = 32 * 1024,
	EVENT_ID_MAX = 1024,   /* ids: actor.id, object.id, subject, correlation, ... */
	EVENT_TEXT_MAX = 4096, /* other strings */
	EVENT_RAW_MAX = 16 * 1024,
	EVENT_REPEAT_MAX = 64,    /* changes, attributes: each */
	EVENT_FIELD_HIGHEST = 16, /* announced in Hello */
};

enum event_action {
	ACTION_CREATE = 1,
	ACTION_READ = 2,
	ACTION_MODIFY = 3,
	ACTION_DELETE = 4,
	ACTION_EXECUTE = 5,
};

/* What the walk found of what may be searched for; views into the event's bytes. */
struct event_facts {
	int64_t time_ns;
	uint32_t action;
	uint32_t outcome;
	struct span actor_id;
	struct span object_id;
	struct span object_type;
	struct span subject;
	struct span id; /* empty, or 16 bytes */
	struct span verb;
	struct span unit;
	struct span purpose;
	uint32_t medium;
	struct span host;
	struct span correlation;
};

/*
 * Why an event is refused: the field's dotted name ("actor.id", "changes[3].field", "" for the
 * event as a whole, "#17" for a field that the schema lacks) and a sentence without its subject
 * ("is required", "holds a NUL"). Both point at static or in-struct text; no allocation.
 */
struct event_fault {
	char field[48];
	const char *why;
};

/*
 * Walk `event` once.
 *
 * TRAIL_OK       it is valid; *facts is set.
 * TRAIL_TOO_BIG  longer than EVENT_LEN_MAX; *fault is set.
 * TRAIL_INVALID  anything else that FORMATS.md section 3 or the limits forbid; *fault is set.
 */
enum trail_err event_walk(struct span event, struct event_facts *facts, struct event_fault *fault);

/*
 * Source names: 1 to 64 of a-z 0-9 . _ - ; "traild" is the log's own and not to be had.
 */
bool source_name_valid(struct span name);

#endif
