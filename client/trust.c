/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include <inttypes.h>
#include <stdlib.h>

static void sighting_release(struct sighting *s)
{
	buf_release(&s->note);
	*s = (struct sighting){ 0 };
}

void trust_release(struct trust *trust)
{
	sighting_release(&trust->held);
	sighting_release(&trust->seen);
	free(trust->text);
	free(trust->policy);
	*trust = (struct trust){ 0 };
}

void trust_reset(struct trust *trust)
{
	sighting_release(&trust->held);
	sighting_release(&trust->seen);
	trust->owed_count = 0;
	trust->kept = (struct checkpoint){ 0 };
	if (trust->level == TRAIL_TRUST_GIVEN)
		return;
	free(trust->text);
	trust->text = NULL;
	trust->level = TRAIL_TRUST_NONE;
}

enum trail_err trust_set(struct trust *trust, struct span text, enum trail_trust level)
{
	struct log_identity identity;
	if (identity_parse(text, &identity) != TRAIL_OK)
		return TRAIL_INVALID;
	char *copy = strndup((const char *)text.data, text.len);
	if (!copy)
		return TRAIL_NOMEM;
	free(trust->text);
	trust->text = copy;
	trust->identity = identity;
	trust->level = level;
	return TRAIL_OK;
}

enum trail_err trust_set_policy(struct trust *trust, struct span text, struct fault *fault)
{
	struct policy_fault wrong;
	struct policy *policy = calloc(1, sizeof *policy);
	if (!policy)
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	enum trail_err err = policy_parse(text, policy, &wrong);
	if (err != TRAIL_OK) {
		free(policy);
		if (wrong.line == 0)
			return fault_set(
				fault, TRAIL_INVALID, "the witness policy: %s", wrong.what);
		return fault_set(fault, TRAIL_INVALID, "line %u of the witness policy: %s",
			wrong.line, wrong.what);
	}
	free(trust->policy);
	trust->policy = policy;
	return TRAIL_OK;
}

enum trail_err trust_quorum(
	const struct trust *trust, struct span note, uint64_t *since_s, struct fault *fault)
{
	struct quorum quorum;
	*since_s = 0;
	if (!trust->policy || !policy_takes_log(trust->policy, &trust->identity.vkey))
		return TRAIL_OK;
	enum trail_err err = quorum_of(trust->policy, note, &quorum);
	if (err == TRAIL_NOMEM)
		return fault_set(fault, err, "memory is out");
	if (err != TRAIL_OK)
		return fault_set(fault, TRAIL_CORRUPT,
			"a witness's line on the checkpoint does not verify: do not believe the "
			"checkpoint");
	*since_s = quorum.since_s;
	return TRAIL_OK;
}

bool identity_same(const struct log_identity *a, const struct log_identity *b)
{
	return vkey_same(&a->vkey, &b->vkey) && hash_equal(&a->genesis, &b->genesis);
}

static bool is_same(const struct checkpoint *a, const struct checkpoint *b)
{
	return a->size == b->size && hash_equal(&a->root, &b->root);
}

/* Two signed notes of one size must be of one tree. */
static bool forks(const struct checkpoint *a, const struct checkpoint *b)
{
	return a->size == b->size && a->size != 0 && !hash_equal(&a->root, &b->root);
}

static enum trail_err owe(struct trust *trust, const struct checkpoint *cp, struct fault *fault)
{
	for (size_t i = 0; i < trust->owed_count; i++) {
		if (is_same(&trust->owed[i], cp))
			return TRAIL_OK;
	}
	if (trust->owed_count == TRUST_OWED_MAX)
		return fault_set(fault, TRAIL_BUSY,
			"too many checkpoints wait to be proven; call trail_settle");
	trust->owed[trust->owed_count++] = *cp;
	return TRAIL_OK;
}

/* One that is larger than all before takes the place of `seen`. */
static enum trail_err see_larger(
	struct trust *trust, struct span note, const struct checkpoint *cp, struct fault *fault)
{
	enum trail_err err = TRAIL_OK;
	if (trust->seen.cp.size > trust->held.cp.size && trust->held.cp.size != 0)
		err = owe(trust, &trust->seen.cp, fault);
	if (err != TRAIL_OK)
		return err;
	buf_clear(&trust->seen.note);
	buf_put_span(&trust->seen.note, note);
	if (trust->seen.note.failed)
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	trust->seen.cp = *cp;
	return TRAIL_OK;
}

static enum trail_err remember(
	struct trust *trust, struct span note, const struct checkpoint *cp, struct fault *fault)
{
	if (cp->size > trust->seen.cp.size)
		return see_larger(trust, note, cp, fault);
	bool known = cp->size == 0 || is_same(cp, &trust->seen.cp) || is_same(cp, &trust->held.cp);
	return known ? TRAIL_OK : owe(trust, cp, fault);
}

enum trail_err trust_see(
	struct trust *trust, struct span note, struct checkpoint *cp, struct fault *fault)
{
	struct checkpoint found;
	if (note.len > NOTE_LEN_MAX ||
		checkpoint_open(note, &trust->identity.vkey, &found) != TRAIL_OK)
		return fault_set(fault, TRAIL_CORRUPT,
			"the daemon gave a checkpoint that %s did not sign; do not trust it, and "
			"tell who answers for the log",
			trust->identity.vkey.name);
	if (forks(&trust->held.cp, &found) || forks(&trust->seen.cp, &found))
		return fault_set(fault, TRAIL_CORRUPT,
			"%s signed two different trees of %" PRIu64
			" records; keep both checkpoints: they are evidence",
			found.origin, found.size);
	enum trail_err err = remember(trust, note, &found, fault);
	if (err == TRAIL_OK && cp)
		*cp = found;
	return err;
}

/* The two checkpoints of the proof that is due. False: none is. */
static bool due(
	const struct trust *trust, const struct checkpoint **from, const struct checkpoint **to)
{
	bool grown = trust->seen.cp.size > trust->held.cp.size;
	if (!grown && trust->owed_count == 0)
		return false;
	*from = grown ? &trust->held.cp : &trust->owed[trust->owed_count - 1];
	*to = grown ? &trust->seen.cp : &trust->held.cp;
	return true;
}

bool trust_due(const struct trust *trust, uint64_t *from, uint64_t *to)
{
	const struct checkpoint *smaller, *larger;
	if (!due(trust, &smaller, &larger))
		return false;
	*from = smaller->size;
	*to = larger->size;
	return true;
}

static enum trail_err hold_seen(struct trust *trust, struct fault *fault)
{
	buf_clear(&trust->held.note);
	buf_put_span(&trust->held.note, buf_view(&trust->seen.note));
	if (trust->held.note.failed)
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	trust->held.cp = trust->seen.cp;
	return TRAIL_OK;
}

enum trail_err trust_advance(
	struct trust *trust, const struct tree_proof *proof, struct fault *fault)
{
	const struct checkpoint *from, *to;
	if (!due(trust, &from, &to))
		return TRAIL_OK;
	if (from->size != 0 &&
		!tree_consistency_check(from->size, &from->root, to->size, &to->root, proof))
		return fault_set(fault, TRAIL_CORRUPT,
			"%s cannot prove that its checkpoint of %" PRIu64
			" records extends the one of %" PRIu64
			" seen before: its history was changed; keep both checkpoints",
			to->origin, to->size, from->size);
	if (to == &trust->seen.cp)
		return hold_seen(trust, fault);
	trust->owed_count--;
	return TRAIL_OK;
}
