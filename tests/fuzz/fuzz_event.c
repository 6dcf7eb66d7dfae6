/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an event: what the walk accepts decodes in the memory that was asked for, and is the
 * one encoding of its value.
 */
#include "fuzz.h"

#include "../../proto/codec.h"

#include <stdlib.h>

static void check_accepted(struct span event, const struct event_facts *facts)
{
	struct arena arena = fuzz_arena(codec_arena_need(event));
	struct event_value value;
	struct buf back = { 0 };
	fuzz_assert(event_decode(event, &arena, &value) == TRAIL_OK);
	fuzz_assert(value.time_ns == facts->time_ns && value.action == facts->action);
	fuzz_assert(span_equal(value.actor.id, facts->actor_id));
	fuzz_assert(span_equal(value.object.id, facts->object_id));
	fuzz_assert(span_equal(value.subject, facts->subject));
	event_encode(&value, &back);
	fuzz_assert(span_equal(buf_view(&back), event));
	buf_release(&back);
	free(arena.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span event = span_of(data, len);
	struct event_facts facts;
	struct event_fault fault = { 0 };
	enum trail_err err = event_walk(event, &facts, &fault);
	if (err == TRAIL_OK) {
		check_accepted(event, &facts);
		return 0;
	}
	fuzz_assert((err == TRAIL_TOO_BIG) == (len > EVENT_LEN_MAX));
	fuzz_assert(fault.why && memchr(fault.field, 0, sizeof fault.field));
	return 0;
}
