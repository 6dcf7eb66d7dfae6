/* SPDX-License-Identifier: Apache-2.0 */
#include "followers.h"

static struct errand *next_of(const struct errand *errand)
{
	return errand->op.next ? errand_of(errand->op.next) : NULL;
}

static struct errand *take_out(struct followers *all, struct errand *before, struct errand *errand)
{
	if (before)
		before->op.next = errand->op.next;
	else
		all->first = next_of(errand);
	errand->op.next = NULL;
	return errand;
}

void followers_add(struct followers *all, struct errand *errand)
{
	errand->op.next = all->first ? &all->first->op : NULL;
	all->first = errand;
}

struct errand *followers_grown(struct followers *all, uint64_t size)
{
	struct errand *before = NULL;
	for (struct errand *e = all->first; e; before = e, e = next_of(e))
		if (e->op.response.rows.position < size)
			return take_out(all, before, e);
	return NULL;
}

struct errand *followers_due(struct followers *all, uint64_t now_ns)
{
	struct errand *before = NULL;
	for (struct errand *e = all->first; e; before = e, e = next_of(e))
		if (e->until_ns <= now_ns)
			return take_out(all, before, e);
	return NULL;
}

uint64_t followers_soonest(const struct followers *all)
{
	uint64_t soonest = UINT64_MAX;
	for (const struct errand *e = all->first; e; e = next_of(e))
		if (e->until_ns < soonest)
			soonest = e->until_ns;
	return soonest;
}
