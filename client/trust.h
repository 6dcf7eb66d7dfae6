/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which log this is, and the newest checkpoint of it that is proven to extend all before. Pure:
 * judges what it is shown; who asks the daemon and who keeps files stands elsewhere.
 *
 *   held  proven: extends everything seen before this connection, or is the first one seen
 *   kept  held when the contact began: from an earlier one
 *   seen  the largest signed one that an answer carried; not yet proven to extend `held`
 *   owed  smaller ones that answers carried; not yet proven to be prefixes of `held`
 */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "../proto/checkpoint.h"
#include "../proto/quorum.h"
#include "../proto/tree.h"
#include "fault.h"

enum {
	TRUST_OWED_MAX = 128, /* twice what can be in flight */
};

/* A checkpoint with the note that signed it; size 0: none. */
struct sighting {
	struct checkpoint cp;
	struct buf note;
};

struct trust {
	enum trail_trust level;
	struct log_identity identity;
	char *text;             /* the identity file; NULL: unknown yet */
	struct checkpoint kept; /* size 0: none */
	struct sighting held;
	struct sighting seen;
	struct checkpoint owed[TRUST_OWED_MAX];
	size_t owed_count;
	struct policy *policy; /* by which cosignatures are judged; NULL: none was given */
};

void trust_release(struct trust *trust);
/* Forget the checkpoints, and the identity unless it was given by the caller. */
void trust_reset(struct trust *trust);
/* Set the identity from its file's text. TRAIL_INVALID: it is none. TRAIL_NOMEM. */
enum trail_err trust_set(struct trust *trust, struct span text, enum trail_trust level);
/*
 * Take the witness policy (C2SP tlog-policy) that cosignatures must meet. TRAIL_INVALID,
 * TRAIL_NOMEM: *fault says why, and the policy before stays.
 */
enum trail_err trust_set_policy(struct trust *trust, struct span text, struct fault *fault);
/*
 * Whether `note`, of this log, bears cosignatures that meet the policy: *since_s is when they did,
 * by the witnesses' clocks; 0: they do not, or no policy was given. TRAIL_CORRUPT: a line of one of
 * its witnesses does not verify. TRAIL_NOMEM.
 */
enum trail_err trust_quorum(
	const struct trust *trust, struct span note, uint64_t *since_s, struct fault *fault);
bool identity_same(const struct log_identity *a, const struct log_identity *b);
/*
 * Open a note of this log and remember it as `seen` when it is the largest. *cp (may be NULL) is
 * what it says. TRAIL_CORRUPT: not signed by this log, of another origin, or with another root than
 * one of the same size. TRAIL_BUSY: too many are owed; settle first. TRAIL_NOMEM.
 */
enum trail_err trust_see(
	struct trust *trust, struct span note, struct checkpoint *cp, struct fault *fault);
/*
 * Whether a consistency proof is due, and from which size to which: first that `seen` extends
 * `held`, then that `held` extends each that is owed.
 */
bool trust_due(const struct trust *trust, uint64_t *from, uint64_t *to);
/*
 * Take the proof that is due (none, while nothing is held). TRAIL_CORRUPT: it proves no such thing.
 * TRAIL_NOMEM.
 */
enum trail_err trust_advance(
	struct trust *trust, const struct tree_proof *proof, struct fault *fault);

#endif
