/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence that is judged without the log: what to judge it by, and what it shows.
 */
#include "../proto/evidence.h"
#include "trail_entry.h"
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>

static const uint64_t SECOND_NS = 1000000000;

enum trail_err trail_verify_set_anchors(struct trail_verify *v, const char *pem, size_t len)
{
	if (!v || !pem)
		return TRAIL_MISUSE;
	if (len == 0 || len > STAMP_ANCHORS_MAX)
		return TRAIL_INVALID;
	buf_clear(&v->anchors);
	buf_put(&v->anchors, pem, len);
	return v->anchors.failed ? TRAIL_NOMEM : TRAIL_OK;
}

/* ---- what is kept of a proof ---- */

/* A row of the record, as answers of the daemon have them. False: memory is out. */
static bool set_row(const struct evidence_case *c, struct row *row, char *names[2])
{
	struct item item;
	const struct evidence_record *entries[2] = { &c->source, &c->peer };
	(void)item_open(c->event.shown, &row->item);
	for (size_t i = 0; i < 2; i++) {
		names[i] = NULL;
		if (!entries[i]->shown)
			names[i] = strdup("traild");
		else if (item_open(entries[i]->shown, &item) == NULL &&
			item_name(&item, &names[i]) == TRAIL_NOMEM)
			return false;
		/* An erased name is none; one of the log itself is always there. */
		if (!entries[i]->shown && !names[i])
			return false;
	}
	row->source = names[0];
	row->peer = names[1];
	return true;
}

static bool keep_entry(struct proof_facts *facts, const struct evidence_case *c)
{
	char *names[2] = { NULL, NULL };
	struct row row = { 0 };
	facts->entry = calloc(1, sizeof *facts->entry);
	bool whole =
		facts->entry && set_row(c, &row, names) && entry_set(facts->entry, &row, &c->cp);
	free(names[0]);
	free(names[1]);
	return whole;
}

static void keep_numbers(struct proof_facts *facts, const struct evidence_case *c)
{
	uint64_t *n = facts->numbers;
	n[TRAIL_PROOF_SEALED] = c->seal.holds;
	if (c->seal.holds) {
		n[TRAIL_PROOF_SEAL_EPOCH] = c->seal.text.epoch;
		n[TRAIL_PROOF_SEAL_SIZE] = c->seal.text.size;
		n[TRAIL_PROOF_SEAL_TIME] = c->seal.text.time_ns;
	}
	n[TRAIL_PROOF_BEFORE] = c->seal_before.holds;
	if (c->seal_before.holds) {
		n[TRAIL_PROOF_BEFORE_SIZE] = c->seal_before.text.size;
		n[TRAIL_PROOF_BEFORE_TIME] = c->seal_before.text.time_ns;
	}
	n[TRAIL_PROOF_SEAL_MAX] = c->anchor.max_ns;
	n[TRAIL_PROOF_STAMP] = c->evidence.stamp.len != 0;
	if (c->stamped)
		n[TRAIL_PROOF_STAMP_TIME] = (uint64_t)c->stamp.time_s * SECOND_NS;
	n[TRAIL_PROOF_LINES] = c->signed_by_log ? note_lines_left(c->note, &c->quorum) : 0;
}

static size_t count_open(const struct evidence_case *c, size_t *records)
{
	const struct evidence_record *all[] = { &c->event, &c->genesis, &c->source, &c->peer,
		&c->before };
	size_t open = 0;
	*records = 0;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		const struct evidence_item *shown = all[i]->shown;
		/* Record 0 may be the one that is proven. */
		if (!shown || (i == 1 && c->index == 0))
			continue;
		*records += 1;
		open += shown->salt.len != 0;
	}
	return open;
}

static bool keep_facts(struct verify_result *result, const struct evidence_case *c)
{
	struct proof_facts *facts = &result->proof;
	size_t records;
	memcpy(result->origin, c->log.vkey.name, sizeof result->origin);
	keep_numbers(facts, c);
	if (c->stamped)
		(void)snprintf(facts->authority, sizeof facts->authority, "%s", c->stamp.authority);
	proof_keep_quorum(facts, c->policy, &c->quorum);
	cosigners_keep(&facts->before, c->policy, &c->quorum_before);
	if (c->signed_by_log) {
		result->size = c->cp.size;
		result->root = c->cp.root;
		result->whole = true;
	}
	result->payloads = count_open(c, &records);
	result->checked = records;
	/* What contradicts what it claims is not shown as if it were said. */
	return !c->event.shown || result->found.invalid != 0 || keep_entry(facts, c);
}

/* ---- the judgement ---- */

static enum trail_err judge(struct trail_verify *v, struct evidence_case *c, struct span text)
{
	struct verify_result *result = &v->result;
	enum trail_err err = evidence_judge(c, text);
	if (err == TRAIL_OK && !keep_facts(result, c))
		err = TRAIL_NOMEM;
	result->ended = err == TRAIL_OK;
	evidence_release(c);
	return err;
}

enum trail_err trail_verify_proof(
	struct trail *t, struct trail_verify *v, const char *text, size_t len)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!v || !text)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no proof to judge");
	verify_reset(v);
	struct evidence_case *c = calloc(1, sizeof *c);
	if (!c)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	c->found = &v->result.found;
	/* One that came from a daemon, now or before, is no path that a verifier trusts. */
	c->identity = t->trust.level == TRAIL_TRUST_GIVEN ? &t->trust.identity : NULL;
	c->policy = t->trust.policy;
	c->anchors = buf_view(&v->anchors);
	err = judge(v, c, span_of(text, len));
	free(c);
	return err == TRAIL_OK ? err : fault_set(&t->fault, err, "memory is out");
}

/* ---- what is told ---- */

const struct trail_entry *trail_verify_entry(const struct trail_verify *v)
{
	return v ? v->result.proof.entry : NULL;
}

uint64_t trail_verify_number(const struct trail_verify *v, enum trail_proof_number number)
{
	return v && (unsigned)number < TRAIL_PROOF_COUNT ? v->result.proof.numbers[number] : 0;
}

const char *trail_verify_authority(const struct trail_verify *v)
{
	return v ? v->result.proof.authority : "";
}

static const struct cosigners *cosigners_of(const struct trail_verify *v, bool before)
{
	static const struct cosigners none = { .count = 0 };
	if (!v)
		return &none;
	return before ? &v->result.proof.before : &v->result.proof.cosigners;
}

size_t trail_verify_cosigners(const struct trail_verify *v, bool before)
{
	return cosigners_of(v, before)->count;
}

const char *trail_verify_cosigner(const struct trail_verify *v, bool before, size_t i)
{
	const struct cosigners *all = cosigners_of(v, before);
	return i < all->count ? all->list[i].name : NULL;
}

uint64_t trail_verify_cosigned(const struct trail_verify *v, bool before, size_t i)
{
	const struct cosigners *all = cosigners_of(v, before);
	return i < all->count ? all->list[i].time_ns : 0;
}
