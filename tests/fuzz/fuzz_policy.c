/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Witness policies from anywhere. Beyond not crashing: a fault has a sentence that can be shown and
 * a line of the text; what is taken has its numbers in bounds, and all witnesses together are a
 * quorum of it, none at all only of a policy that needs none.
 */
#include "fuzz.h"

#include "../../proto/policy.h"
#include "../../proto/wire.h"

static void look_at(const struct policy *p)
{
	bool cosigned[POLICY_WITNESSES_MAX] = { 0 };
	const unsigned overlap = policy_overlap(p);
	fuzz_assert(p->witnesses <= POLICY_WITNESSES_MAX && p->groups <= POLICY_GROUPS_MAX);
	fuzz_assert(overlap <= p->witnesses);
	fuzz_assert(policy_satisfied(p, cosigned) == (p->kind == POLICY_QUORUM_NONE));
	for (size_t i = 0; i < p->witnesses; i++)
		cosigned[i] = true;
	fuzz_assert(policy_satisfied(p, cosigned));
	for (size_t i = 0; i < p->witnesses; i++)
		fuzz_assert(p->witness[i].parent == POLICY_NODE_NONE ||
			p->witness[i].parent < p->groups);
	for (size_t i = 0; i < p->groups; i++)
		fuzz_assert(p->group[i].parent == POLICY_NODE_NONE ||
			(p->group[i].parent > i && p->group[i].parent < p->groups));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *policy = malloc(sizeof *policy);
	struct policy_fault fault;
	fuzz_assert(policy != NULL && crypto_init());
	if (policy_parse(span_of(data, size), policy, &fault) == TRAIL_OK)
		look_at(policy);
	else
		fuzz_assert(fault.line <= size + 1 && fault.what[0] != '\0' &&
			text_name(span_text(fault.what)));
	free(policy);
	return 0;
}
