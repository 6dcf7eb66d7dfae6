/* SPDX-License-Identifier: Apache-2.0 */
/* What a report counts by: a field of a query, or time. Pure. */
#ifndef PROTO_GROUP_H
#define PROTO_GROUP_H

#include "message.h"
#include "query.h"

enum {
	GROUP_BUCKET_MIN_NS = 1000000000, /* the shortest bucket of time */
};

/* NULL: the report can be had; else what is wrong with it. */
const char *group_misfit(enum report_group by, uint64_t bucket_ns);
/* "actor"; as a query calls the field. `by` is known. */
const char *group_word(enum report_group by);
/* The field of a group that is not GROUP_TIME. */
enum query_field group_field(enum report_group by);

/* The key of the bucket that holds a time. */
void group_time_key(int64_t time_ns, uint64_t bucket_ns, uint8_t key[GROUP_TIME_LEN]);
/* When the bucket of a key begins. */
int64_t group_time(const uint8_t key[GROUP_TIME_LEN]);
/* The key of what an event has in `by`; `room` is for keys that are made. */
struct span group_key(
	const struct question *q, const struct query_view *view, char room[QUERY_ROOM_LEN]);

#endif
