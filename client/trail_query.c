/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_query.h"

#include <stdlib.h>

struct trail_query *trail_query_new(void)
{
	return calloc(1, sizeof(struct trail_query));
}

void trail_query_free(struct trail_query *q)
{
	if (!q)
		return;
	buf_release(&q->terms);
	free(q);
}

enum trail_err trail_query_set_terms(struct trail_query *q, const char *terms)
{
	if (!q)
		return TRAIL_MISUSE;
	size_t len = terms ? strlen(terms) : 0;
	if (len > QUERY_MAX)
		return TRAIL_TOO_BIG;
	struct buf copy = { 0 };
	buf_put(&copy, terms, len);
	if (copy.failed)
		return TRAIL_NOMEM;
	buf_release(&q->terms);
	q->terms = copy;
	return TRAIL_OK;
}

enum trail_err trail_query_set_time(struct trail_query *q, int64_t since_ns, int64_t until_ns)
{
	if (!q)
		return TRAIL_MISUSE;
	q->since_ns = since_ns;
	q->until_ns = until_ns;
	return TRAIL_OK;
}

enum trail_err trail_query_set_newest_first(struct trail_query *q, bool on)
{
	if (!q)
		return TRAIL_MISUSE;
	q->newest_first = on;
	return TRAIL_OK;
}

enum trail_err trail_query_set_from(struct trail_query *q, uint64_t from)
{
	if (!q)
		return TRAIL_MISUSE;
	q->from = from;
	return TRAIL_OK;
}

enum trail_err trail_query_set_follow(struct trail_query *q, bool on)
{
	if (!q)
		return TRAIL_MISUSE;
	q->follow = on;
	return TRAIL_OK;
}

enum trail_err trail_query_set_scan(struct trail_query *q, bool on)
{
	if (!q)
		return TRAIL_MISUSE;
	q->scan = on;
	return TRAIL_OK;
}

enum trail_err trail_query_set_evidence(struct trail_query *q, bool on)
{
	if (!q)
		return TRAIL_MISUSE;
	q->evidence = on;
	return TRAIL_OK;
}

enum trail_err trail_query_set_progress(
	struct trail_query *q, trail_progress_fn progress, void *ctx)
{
	if (!q)
		return TRAIL_MISUSE;
	q->progress = progress;
	q->ctx = ctx;
	return TRAIL_OK;
}
