/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events from text, whatever it came in: options, CSV cells, JSON. Strict; every refusal names the
 * field and says why, without subject, as the library's own do ("actor.id" "is required").
 */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "../../include/trail.h"

#include <jansson.h>

enum {
	SOURCE_MAX = 64
};

/* What is wrong, cut where it is too long. Holds foreign text. */
struct complaint {
	char field[96];
	char why[192];
};

/* Fill it; always false. */
bool complain(struct complaint *c, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Set the one field that has this dotted name: a text field of <trail.h>, or time, action, outcome,
 * medium, actor.type, id, raw (base64). False: *c is filled.
 */
bool field_set(struct trail_event *e, const char *name, const char *value, struct complaint *c);
/* Whether field_set knows the name. */
bool field_known(const char *name);
/* Fields of an exported line that are the daemon's and not the event's: passed over. */
bool field_ignored(const char *name);
/*
 * Fill an empty event from a JSON object as DESIGN section 3 names its members. `source` becomes
 * the line's own, or stays. False: *c is filled.
 */
bool event_from_json(const json_t *line, struct trail_event *e, char source[SOURCE_MAX + 1],
	struct complaint *c);
/* Add the event's members to `to`; names of DESIGN section 3, absent fields left out. */
void event_to_json(const struct trail_event *e, json_t *to);
/* "01234567-89ab-cdef-0123-456789abcdef" */
void uuid_text(const uint8_t id[TRAIL_ID_LEN], char out[37]);

#endif
