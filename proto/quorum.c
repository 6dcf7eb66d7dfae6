/* SPDX-License-Identifier: Apache-2.0 */
#include "quorum.h"

/* Who cosigned first of those that are not taken. False: nobody is left. */
static bool earliest(
	const struct policy *policy, const struct quorum *q, const bool *taken, size_t *next)
{
	bool found = false;
	for (size_t i = 0; i < policy->witnesses; i++) {
		if (!q->cosigned[i] || taken[i] || (found && q->time_s[i] >= q->time_s[*next]))
			continue;
		*next = i;
		found = true;
	}
	return found;
}

/* The time at which the policy was first met, when its cosignatures are taken in their order. */
static uint64_t met_at(const struct policy *policy, const struct quorum *q)
{
	bool taken[POLICY_WITNESSES_MAX] = { false };
	uint64_t at = 0;
	size_t next = 0;
	while (!policy_satisfied(policy, taken) && earliest(policy, q, taken, &next)) {
		taken[next] = true;
		at = q->time_s[next];
	}
	return at;
}

enum trail_err quorum_of(const struct policy *policy, struct span note, struct quorum *out)
{
	struct quorum q = { 0 };
	for (size_t i = 0; i < policy->witnesses; i++) {
		enum trail_err err = cosign_open(note, &policy->witness[i].cosigner, &q.time_s[i]);
		if (err != TRAIL_OK && err != TRAIL_END)
			return err;
		q.cosigned[i] = err == TRAIL_OK;
		q.count += err == TRAIL_OK;
	}
	q.satisfied = policy_satisfied(policy, q.cosigned);
	if (q.satisfied)
		q.since_s = met_at(policy, &q);
	*out = q;
	return TRAIL_OK;
}
