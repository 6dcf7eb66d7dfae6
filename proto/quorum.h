/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness policy says of one note: who cosigned it, when, and whether that is enough.
 */
#ifndef PROTO_QUORUM_H
#define PROTO_QUORUM_H

#include "policy.h"

/* By the witnesses' numbers in the policy. */
struct quorum {
	bool cosigned[POLICY_WITNESSES_MAX];
	uint64_t time_s[POLICY_WITNESSES_MAX]; /* by its clock, seconds since 1970 */
	size_t count;                          /* who cosigned */
	bool satisfied;
	/*
	 * satisfied: the time by which enough of them had seen the tree, taken in the order of
	 * their times. 0: not satisfied, or none is needed.
	 */
	uint64_t since_s;
};

/*
 * Open every cosignature of the policy's witnesses that `note` bears. The log's own signature is
 * the caller's to check. TRAIL_CORRUPT: a line of a known witness does not verify, so nothing in
 * the note is to be believed. TRAIL_INVALID: not a note. TRAIL_NOMEM.
 */
enum trail_err quorum_of(const struct policy *policy, struct span note, struct quorum *out);

#endif
