/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail_event: texts in one pool, so that filling and clearing an event over
 * and over costs no allocation.
 */
#ifndef CLIENT_TRAIL_EVENT_H
#define CLIENT_TRAIL_EVENT_H

#include "../proto/message.h"

/* Text in the pool at [at, at + len), with a NUL behind it. */
struct piece {
	size_t at;
	size_t len;
	bool set;
};

struct trail_event {
	struct buf pool;
	struct piece text[TRAIL_FIELD_COUNT];
	struct piece raw;
	bool has_id;
	uint8_t id[TRAIL_ID_LEN];
	int64_t time_ns;
	int action, outcome, medium, actor_type;
	struct piece changes[EVENT_REPEAT_MAX][3]; /* field, old, new */
	size_t change_count;
	struct piece attributes[EVENT_REPEAT_MAX][2]; /* key, value */
	size_t attribute_count;
	struct event_fault fault;
	const char *early; /* a setter's complaint, static text; NULL: none */
	const char *early_field;
	struct buf encoded; /* scratch of trail_event_check */
};

/*
 * Judge the event and append its encoding to `out`. On an error `out` is as it was and e->fault
 * says why. TRAIL_INVALID, TRAIL_TOO_BIG, TRAIL_NOMEM.
 */
enum trail_err event_put(struct trail_event *e, struct buf *out);
/* Fill an empty event from a value whose spans are copied. */
void event_fill(struct trail_event *e, const struct event_value *value);

#endif
