/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a record and its event, one by one, under their names in JSON, and a choice among
 * them. Those whose value is a list come last: as text they are JSON.
 */
#ifndef CLI_COLUMN_H
#define CLI_COLUMN_H

#include "output.h"

#include "../../include/trail.h"

enum column {
	/* The record's own. */
	COLUMN_INDEX,
	COLUMN_KIND,
	COLUMN_RECEIVED,
	COLUMN_SOURCE,
	COLUMN_PEER,
	COLUMN_EPOCH,
	COLUMN_SEQ,
	COLUMN_CLASS,
	COLUMN_FLAGS,
	/* The event's. */
	COLUMN_ID,
	COLUMN_TIME,
	COLUMN_ACTION,
	COLUMN_OUTCOME,
	COLUMN_ACTOR_TYPE,
	COLUMN_MEDIUM,
	COLUMN_RAW,
	COLUMN_TEXT, /* the first of the text fields of <trail.h>, in its order */
	COLUMN_CHANGES = COLUMN_TEXT + TRAIL_FIELD_COUNT,
	COLUMN_ATTRIBUTES,
	COLUMN_COUNT
};

/* Columns in the order in which they were named. */
struct pick {
	unsigned char columns[COLUMN_COUNT];
	size_t count; /* 0: none was */
};

/* "index", "actor.id". */
const char *column_name(unsigned column);
/*
 * Read the value of --fields, "time,actor.id": names of columns, or what a query calls them (actor,
 * object, type, unit, host). False: a sentence was said.
 */
bool pick_read(const char *list, struct pick *pick);

enum {
	COLUMN_ROOM = 48
};

struct column_text {
	const char *text; /* NULL: the record has none */
	char room[COLUMN_ROOM];
	char *owned;
};

/* The value as text: times in UTC, lists as JSON. `t` lives as long as `n`; then column_release. */
void column_read(struct column_text *t, const struct trail_entry *n, unsigned column);
void column_release(struct column_text *t);

/* The members of `entry` (see entry_json.h) that were picked, in that order; takes it over. */
json_t *pick_json(const struct pick *pick, json_t *entry);

#endif
