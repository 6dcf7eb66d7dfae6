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
	*trust = (struct trust){ 0 };
}

void trust_reset(struct trust *trust)
{
	sighting_release(&trust->held);
	sighting_release(&trust->seen);
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

bool identity_same(const struct log_identity *a, const struct log_identity *b)
{
	return strcmp(a->vkey.name, b->vkey.name) == 0 && a->vkey.keyid == b->vkey.keyid &&
	       memcmp(a->vkey.pub, b->vkey.pub, sizeof a->vkey.pub) == 0 &&
	       hash_equal(&a->genesis, &b->genesis);
}

/* Two signed notes of one size must be of one tree. */
static bool forks(const struct sighting *s, const struct checkpoint *cp)
{
	return s->cp.size == cp->size && cp->size != 0 && !hash_equal(&s->cp.root, &cp->root);
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
	if (forks(&trust->held, &found) || forks(&trust->seen, &found))
		return fault_set(fault, TRAIL_CORRUPT,
			"%s signed two different trees of %" PRIu64
			" records; keep both checkpoints: they are evidence",
			found.origin, found.size);
	if (found.size > trust->seen.cp.size) {
		buf_clear(&trust->seen.note);
		buf_put_span(&trust->seen.note, note);
		if (trust->seen.note.failed)
			return fault_set(fault, TRAIL_NOMEM, "memory is out");
		trust->seen.cp = found;
	}
	if (cp)
		*cp = found;
	return TRAIL_OK;
}

bool trust_due(const struct trust *trust)
{
	return trust->seen.cp.size > trust->held.cp.size;
}

enum trail_err trust_advance(
	struct trust *trust, const struct tree_proof *proof, struct fault *fault)
{
	const struct checkpoint *from = &trust->held.cp;
	const struct checkpoint *to = &trust->seen.cp;
	if (!trust_due(trust))
		return TRAIL_OK;
	if (from->size != 0 &&
		!tree_consistency_check(from->size, &from->root, to->size, &to->root, proof))
		return fault_set(fault, TRAIL_CORRUPT,
			"%s cannot prove that its checkpoint of %" PRIu64
			" records extends the one of %" PRIu64
			" seen before: its history was changed; keep both checkpoints",
			to->origin, to->size, from->size);
	buf_clear(&trust->held.note);
	buf_put_span(&trust->held.note, buf_view(&trust->seen.note));
	if (trust->held.note.failed)
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	trust->held.cp = *to;
	return TRAIL_OK;
}
