/* SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE_NS (UINT64_C(60) * 1000000000)

enum {
	OUTCOME_DENIED = 1,
	REASON_MAX = 512,
};

/* A peer's running minute. actor "": a free row. */
struct row {
	char actor[PEER_ACTOR_MAX];
	uint64_t began_ns;
	unsigned told;
	uint64_t counted;
};

struct refusals {
	uint64_t total;
	struct row rows[REFUSAL_PEERS];
	struct row others;
};

struct refusals *refusals_new(void)
{
	return calloc(1, sizeof(struct refusals));
}

void refusals_free(struct refusals *r)
{
	free(r);
}

static bool minute_over(const struct row *row, uint64_t now_ns)
{
	return now_ns - row->began_ns >= MINUTE_NS;
}

/* The row of `actor`: its own, a free one, or the one that late comers share. */
static struct row *row_of(struct refusals *r, uint64_t now_ns, const char *actor)
{
	struct row *unused = NULL;
	for (size_t i = 0; i < REFUSAL_PEERS; i++) {
		struct row *row = &r->rows[i];
		if (strcmp(row->actor, actor) == 0)
			return row;
		/* A sum that is not told yet keeps its row. */
		bool over = minute_over(row, now_ns) && row->counted == 0;
		if (!unused && (!row->actor[0] || over))
			unused = row;
	}
	struct row *row = unused ? unused : &r->others;
	if (unused || !row->actor[0]) {
		*row = (struct row){ .began_ns = now_ns };
		(void)snprintf(row->actor, sizeof row->actor, "%s", unused ? actor : "others");
	}
	return row;
}

bool refusals_admit(struct refusals *r, uint64_t now_ns, const struct peer *peer)
{
	char actor[PEER_ACTOR_MAX];
	peer_actor(peer, actor);
	r->total++;
	struct row *row = row_of(r, now_ns, actor);
	if (minute_over(row, now_ns) && row->counted == 0) {
		row->began_ns = now_ns;
		row->told = 0;
	}
	if (row->told < REFUSAL_SINGLES) {
		row->told++;
		return true;
	}
	row->counted++;
	return false;
}

uint64_t refusals_due(struct refusals *r, uint64_t now_ns, char actor[PEER_ACTOR_MAX])
{
	for (size_t i = 0; i <= REFUSAL_PEERS; i++) {
		struct row *row = i < REFUSAL_PEERS ? &r->rows[i] : &r->others;
		if (row->counted == 0 || !minute_over(row, now_ns))
			continue;
		uint64_t count = row->counted;
		memcpy(actor, row->actor, PEER_ACTOR_MAX);
		*row = (struct row){ 0 };
		return count;
	}
	return 0;
}

uint64_t refusals_total(const struct refusals *r)
{
	return r->total;
}

void refusal_encode(const struct refusal *refusal, int64_t time_ns, struct buf *out)
{
	char count[24];
	(void)snprintf(count, sizeof count, "%" PRIu64, refusal->count);
	struct attribute more[2];
	size_t more_count = 0;
	if (refusal->count)
		more[more_count++] = (struct attribute){ span_text("count"), span_text(count) };
	if (refusal->asked)
		more[more_count++] = (struct attribute){ span_text(refusal->asked), refusal->text };
	struct span reason = refusal->reason;
	if (reason.len > REASON_MAX)
		reason.len = REASON_MAX;
	struct event_value event = {
		.time_ns = time_ns,
		.action = ACTION_EXECUTE,
		.verb = span_text("refuse"),
		.outcome = OUTCOME_DENIED,
		.reason = reason,
		.actor = { .id = refusal->actor, .type = ACTOR_USER },
		.object = { .id = refusal->object },
		.subject = refusal->subject,
		.attributes = more,
		.attribute_count = more_count,
	};
	event_encode(&event, out);
}
