/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verification is told to do, and what it tells.
 */
#include "verify.h"

#include "../proto/evidence.h"

#include <stdlib.h>

enum {
	THREADS_MAX = 16
};

struct trail_verify *trail_verify_new(void)
{
	return crypto_init() ? calloc(1, sizeof(struct trail_verify)) : NULL;
}

void trail_verify_free(struct trail_verify *v)
{
	if (!v)
		return;
	buf_release(&v->checkpoint);
	buf_release(&v->since);
	buf_release(&v->anchors);
	verify_reset(v);
	free(v);
}

void verify_reset(struct trail_verify *v)
{
	if (v->set)
		v->set_free(v->set);
	v->set = NULL;
	trail_entry_free(v->result.proof.entry);
	v->result = (struct verify_result){ 0 };
}

void cosigners_keep(struct cosigners *to, const struct policy *policy, const struct quorum *quorum)
{
	for (size_t i = 0; policy && i < policy->witnesses; i++) {
		if (!quorum->cosigned[i])
			continue;
		const struct cosigner *who = &policy->witness[i].cosigner;
		memcpy(to->list[to->count].name, who->name, sizeof who->name);
		to->list[to->count++].time_ns = quorum->time_s[i] * UINT64_C(1000000000);
	}
}

void proof_keep_quorum(
	struct proof_facts *facts, const struct policy *policy, const struct quorum *quorum)
{
	if (!policy)
		return;
	facts->numbers[TRAIL_PROOF_QUORUM] = quorum->satisfied;
	facts->numbers[TRAIL_PROOF_OVERLAP] = policy_overlap(policy);
	cosigners_keep(&facts->cosigners, policy, quorum);
}

/* Signature lines of a note, which stand behind its last blank line. */
static size_t count_lines(struct span note)
{
	size_t count = 0;
	for (size_t i = note.len; i >= 2; i--) {
		if (note.data[i - 1] != '\n')
			continue;
		if (note.data[i - 2] == '\n')
			break;
		count++;
	}
	return count;
}

size_t note_lines_left(struct span note, const struct quorum *quorum)
{
	size_t known = 1 + quorum->count;
	size_t lines = count_lines(note);
	return lines > known ? lines - known : 0;
}

enum trail_err verify_cosigners(struct trail_verify *v, const struct policy *policy,
	const struct vkey *key, struct span note, uint64_t size)
{
	struct findings *found = &v->result.found;
	struct quorum quorum;
	if (!policy)
		return TRAIL_OK;
	enum trail_err err = evidence_cosigners(found, policy, key, note, size, &quorum);
	if (err != TRAIL_OK)
		return err;
	proof_keep_quorum(&v->result.proof, policy, &quorum);
	v->result.proof.numbers[TRAIL_PROOF_COSIGNED_SIZE] = size;
	evidence_quorum(found, policy, key, &quorum);
	return TRAIL_OK;
}

const char VERIFY_GIVEN[] = "the given checkpoint";

enum trail_err verify_open_given(
	struct trail_verify *v, const struct vkey *key, struct checkpoint *cp, struct fault *fault)
{
	struct span note = buf_view(&v->checkpoint);
	*cp = (struct checkpoint){ 0 };
	enum trail_err err = note.len != 0 ? checkpoint_open(note, key, cp) : TRAIL_OK;
	if (err == TRAIL_OK)
		return err;
	*cp = (struct checkpoint){ 0 };
	if (err == TRAIL_INVALID)
		return fault_set(fault, err,
			"%s is not a checkpoint; `trail checkpoint` prints one", VERIFY_GIVEN);
	findings_add(&v->result.found, FIND_CHECKPOINT_NOTE, FINDING_NOWHERE,
		"%s is not signed by %s: it is another log's, or was changed; find out which "
		"before you go on",
		VERIFY_GIVEN, key->name);
	return TRAIL_OK;
}

void verify_genesis(
	struct trail_verify *v, const struct log_identity *identity, const struct hash *leaf)
{
	if (hash_equal(leaf, &identity->genesis))
		return;
	findings_add(&v->result.found, FIND_IDENTITY_GIVEN, 0,
		"record 0 is not the one that the log identity of %s names: this is another log, "
		"or its beginning was changed; compare the identity with one from a path that you "
		"trust, and ask who answers for the log",
		identity->vkey.name);
}

static enum trail_err set_note(struct buf *to, const char *note, size_t len)
{
	if (!note || len == 0 || len > NOTE_LEN_MAX)
		return TRAIL_INVALID;
	buf_clear(to);
	buf_put(to, note, len);
	return to->failed ? TRAIL_NOMEM : TRAIL_OK;
}

enum trail_err trail_verify_set_checkpoint(struct trail_verify *v, const char *note, size_t len)
{
	return v ? set_note(&v->checkpoint, note, len) : TRAIL_MISUSE;
}

enum trail_err trail_verify_set_since(struct trail_verify *v, const char *note, size_t len)
{
	return v ? set_note(&v->since, note, len) : TRAIL_MISUSE;
}

enum trail_err trail_verify_set_vkey(struct trail_verify *v, const char *vkey)
{
	if (!v || !vkey)
		return TRAIL_MISUSE;
	if (vkey_parse(span_text(vkey), &v->vkey) != TRAIL_OK)
		return TRAIL_INVALID;
	v->has_vkey = true;
	return TRAIL_OK;
}

enum trail_err trail_verify_set_resume(struct trail_verify *v, bool on)
{
	if (!v)
		return TRAIL_MISUSE;
	v->resume = on;
	return TRAIL_OK;
}

enum trail_err trail_verify_set_payloads(struct trail_verify *v, bool on)
{
	if (!v)
		return TRAIL_MISUSE;
	v->payloads = on;
	return TRAIL_OK;
}

enum trail_err trail_verify_set_threads(struct trail_verify *v, unsigned threads)
{
	if (!v)
		return TRAIL_MISUSE;
	if (threads > THREADS_MAX)
		return TRAIL_INVALID;
	v->threads = threads;
	return TRAIL_OK;
}

enum trail_err trail_verify_set_progress(
	struct trail_verify *v, trail_progress_fn progress, void *ctx)
{
	if (!v)
		return TRAIL_MISUSE;
	v->progress = progress;
	v->ctx = ctx;
	return TRAIL_OK;
}

enum trail_verdict trail_verify_verdict(const struct trail_verify *v)
{
	if (!v || !v->result.ended)
		return TRAIL_VERDICT_NONE;
	if (v->result.found.invalid != 0)
		return TRAIL_VERDICT_INVALID;
	return v->result.found.unverifiable != 0 ? TRAIL_VERDICT_UNVERIFIABLE : TRAIL_VERDICT_VALID;
}

const char *trail_verify_origin(const struct trail_verify *v)
{
	return v ? v->result.origin : "";
}

uint64_t trail_verify_size(const struct trail_verify *v)
{
	return v ? v->result.size : 0;
}

const uint8_t *trail_verify_root(const struct trail_verify *v)
{
	return v && v->result.whole ? v->result.root.b : NULL;
}

uint64_t trail_verify_since(const struct trail_verify *v)
{
	return v ? v->result.since : 0;
}

uint64_t trail_verify_checked(const struct trail_verify *v)
{
	return v ? v->result.checked : 0;
}

uint64_t trail_verify_payloads(const struct trail_verify *v)
{
	return v ? v->result.payloads : 0;
}

uint64_t trail_verify_erased(const struct trail_verify *v)
{
	return v ? v->result.erased : 0;
}

uint64_t trail_verify_uncovered(const struct trail_verify *v)
{
	/* Evidence whose checkpoint does not open shows records of a tree of no size. */
	return v && v->result.checked < v->result.size ? v->result.size - v->result.checked : 0;
}

uint64_t trail_verify_seals(const struct trail_verify *v)
{
	return v ? v->result.seals : 0;
}

bool trail_verify_sealed(const struct trail_verify *v, uint64_t *index, int64_t *time_ns)
{
	if (!v || !index || !time_ns || !v->result.sealed)
		return false;
	*index = v->result.sealed_index;
	*time_ns = (int64_t)v->result.sealed_ns;
	return true;
}

bool trail_verify_first_bad(const struct trail_verify *v, uint64_t *index, bool *exact)
{
	return v && index && exact && findings_first_bad(&v->result.found, index, exact);
}

uint64_t trail_verify_invalid(const struct trail_verify *v)
{
	return v ? v->result.found.invalid : 0;
}

uint64_t trail_verify_unverifiable(const struct trail_verify *v)
{
	return v ? v->result.found.unverifiable : 0;
}

size_t trail_verify_findings(const struct trail_verify *v)
{
	return v ? v->result.found.listed : 0;
}

static const struct finding *finding(const struct trail_verify *v, size_t i)
{
	return v && i < v->result.found.listed ? &v->result.found.list[i] : NULL;
}

const char *trail_verify_finding_code(const struct trail_verify *v, size_t i)
{
	const struct finding *f = finding(v, i);
	return f ? finding_code(f->code) : NULL;
}

bool trail_verify_finding_index(const struct trail_verify *v, size_t i, uint64_t *index)
{
	const struct finding *f = finding(v, i);
	if (!f || !index || f->index == FINDING_NOWHERE)
		return false;
	*index = f->index;
	return true;
}

const char *trail_verify_finding_what(const struct trail_verify *v, size_t i)
{
	const struct finding *f = finding(v, i);
	return f ? f->what : NULL;
}

bool trail_verify_finding_is_invalid(const struct trail_verify *v, size_t i)
{
	const struct finding *f = finding(v, i);
	return f && finding_weight(f->code) == WEIGHT_INVALID;
}
