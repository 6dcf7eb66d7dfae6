/* SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include <inttypes.h>
#include <stdio.h>

static const enum query_field FIELDS[] = {
	[GROUP_ACTOR] = QUERY_ACTOR,
	[GROUP_OBJECT] = QUERY_OBJECT,
	[GROUP_SUBJECT] = QUERY_SUBJECT,
	[GROUP_ACTION] = QUERY_ACTION,
	[GROUP_OUTCOME] = QUERY_OUTCOME,
	[GROUP_SOURCE] = QUERY_SOURCE,
	[GROUP_PEER] = QUERY_PEER,
	[GROUP_UNIT] = QUERY_UNIT,
	[GROUP_TYPE] = QUERY_TYPE,
	[GROUP_VERB] = QUERY_VERB,
	[GROUP_CLASS] = QUERY_CLASS,
	[GROUP_PURPOSE] = QUERY_PURPOSE,
	[GROUP_CORRELATION] = QUERY_CORRELATION,
	[GROUP_MEDIUM] = QUERY_MEDIUM,
	[GROUP_HOST] = QUERY_HOST,
};

static const uint64_t SIGN = UINT64_C(1) << 63; /* makes negative times sort first */

const char *group_misfit(enum report_group by, uint64_t bucket_ns)
{
	if (by < GROUP_ACTOR || by > GROUP_TIME)
		return "a report is by a field that it can be by, or by time";
	if (by == GROUP_TIME ? bucket_ns < GROUP_BUCKET_MIN_NS || bucket_ns > INT64_MAX
			     : bucket_ns != 0)
		return "a report by time, and no other, has buckets of at least a second";
	return NULL;
}

const char *group_word(enum report_group by)
{
	return by == GROUP_TIME ? "time" : query_field_name(FIELDS[by]);
}

enum query_field group_field(enum report_group by)
{
	return FIELDS[by];
}

void group_time_key(int64_t time_ns, uint64_t bucket_ns, uint8_t key[GROUP_TIME_LEN])
{
	int64_t bucket = (int64_t)bucket_ns;
	int64_t past = time_ns % bucket;
	past += past < 0 ? bucket : 0;
	/* The first bucket of all may begin before what 64 bits can say: it begins there. */
	int64_t begin = time_ns < INT64_MIN + past ? INT64_MIN : time_ns - past;
	store_be64(key, (uint64_t)begin ^ SIGN);
}

int64_t group_time(const uint8_t key[GROUP_TIME_LEN])
{
	return (int64_t)(load_be64(key) ^ SIGN);
}

static uint64_t number_of(enum query_field field, const struct query_view *view)
{
	if (field == QUERY_CLASS)
		return view->class_no;
	if (field == QUERY_ACTION)
		return view->facts->action;
	return field == QUERY_OUTCOME ? view->facts->outcome : view->facts->medium;
}

struct span group_key(
	const struct question *q, const struct query_view *view, char room[QUERY_ROOM_LEN])
{
	if (q->by == GROUP_TIME) {
		group_time_key(view->facts->time_ns, q->bucket_ns, (uint8_t *)room);
		return span_of(room, GROUP_TIME_LEN);
	}
	enum query_field field = FIELDS[q->by];
	if (query_kind(field) == QUERY_TEXT)
		return query_value(view, field, room);
	uint64_t number = number_of(field, view);
	if (query_kind(field) == QUERY_WORD)
		return span_text(query_word(field, (uint32_t)number));
	int len = snprintf(room, QUERY_ROOM_LEN, "%" PRIu64, number);
	return span_of(room, (size_t)len);
}
