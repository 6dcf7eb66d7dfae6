/* SPDX-License-Identifier: Apache-2.0 */
#include "spine.h"

enum {
	ENTRIES_MAX = 1 << 22, /* 32 MiB of numbers; no log that somebody runs has so many */
};

enum trail_err spine_init(struct spine *s, struct findings *found)
{
	*s = (struct spine){ .found = found, .numbers = numbers_new() };
	return s->numbers ? TRAIL_OK : TRAIL_NOMEM;
}

void spine_release(struct spine *s)
{
	numbers_free(s->numbers);
	index_set_release(&s->sources);
	index_set_release(&s->peers);
	index_set_release(&s->starts);
	*s = (struct spine){ 0 };
}

void spine_resume(
	struct spine *s, uint64_t next, const struct hash *last_leaf, uint64_t last_received_ns)
{
	s->next = next;
	s->blind = next;
	s->last_leaf = *last_leaf;
	s->last_ns = last_received_ns;
	s->chained = true;
	numbers_forget(s->numbers);
}

/* ---- the chain ---- */

static void report_prev(struct spine *s, uint64_t index)
{
	findings_add(s->found, FIND_SPINE_PREV, index,
		"record %llu is not the one that the log was chained by: it was changed, removed "
		"or put in; compare with a mirror",
		(unsigned long long)index);
}

/*
 * A prev that does not fit speaks against the record that has it or against the one before. When
 * the record behind does not fit either, it was the one that has it.
 */
static void judge_prev(struct spine *s, uint64_t index, const struct record *r)
{
	bool fits = !s->chained || hash_equal(&r->prev, &s->last_leaf);
	uint64_t suspect = s->suspect;
	s->suspect = 0;
	if (suspect != 0)
		report_prev(s, fits ? suspect - 1 : suspect);
	else if (!fits)
		s->suspect = index;
}

void spine_end(struct spine *s)
{
	if (s->suspect != 0)
		report_prev(s, s->suspect - 1);
	s->suspect = 0;
}

static void judge_genesis(struct spine *s, const struct record *r)
{
	static const struct hash none;
	if (r->kind != KIND_DAEMON || r->peer != 0 || !hash_equal(&r->prev, &none))
		findings_add(s->found, FIND_SPINE_GENESIS, 0,
			"record 0 is not the beginning of a log: restore the store");
}

/* ---- numbers that name entries ---- */

static bool names_entry(const struct spine *s, const struct index_set *entries, uint64_t number)
{
	return number < s->blind || index_set_has(entries, number);
}

bool spine_has_source(const struct spine *s, uint64_t number)
{
	return names_entry(s, &s->sources, number);
}

static void judge_peer(struct spine *s, uint64_t index, const struct record *r, bool needed)
{
	if ((r->peer == 0 && !needed) || names_entry(s, &s->peers, r->peer))
		return;
	findings_add(s->found, FIND_SPINE_PEER, index,
		"record %llu names peer %llu, which is no PEER entry before it",
		(unsigned long long)index, (unsigned long long)r->peer);
}

/* ---- events ---- */

static void begin_run(struct spine *s, uint64_t start, uint64_t own_seq)
{
	s->last_start = start;
	s->own_seq = own_seq;
}

/* The daemon's own: source 0, epoch = index of the last start, numbered from 1 without a gap. */
static void judge_own(struct spine *s, uint64_t index, const struct record *r)
{
	if (s->blind != 0 && s->last_start == 0)
		begin_run(s, r->epoch, r->seq - 1);
	else if (index_set_has(&s->starts, r->epoch))
		begin_run(s, r->epoch, 0);
	/* It says which start was the last one, so the entries that followed that were none. */
	s->starts.count = 0;
	if (r->epoch != s->last_start || r->epoch == 0)
		findings_add(s->found, FIND_SPINE_EPOCH, index,
			"the daemon's own event %llu has epoch %llu; the last start is %llu",
			(unsigned long long)index, (unsigned long long)r->epoch,
			(unsigned long long)s->last_start);
	else if (r->seq != s->own_seq + 1)
		findings_add(s->found, FIND_SPINE_SEQ, index,
			"the daemon's own event %llu has number %llu where %llu is due",
			(unsigned long long)index, (unsigned long long)r->seq,
			(unsigned long long)s->own_seq + 1);
	s->own_seq = r->seq;
}

static enum trail_err judge_event(struct spine *s, uint64_t index, const struct record *r)
{
	judge_peer(s, index, r, r->source != 0);
	if (r->source == 0) {
		judge_own(s, index, r);
		return TRAIL_OK;
	}
	if (!spine_has_source(s, r->source))
		findings_add(s->found, FIND_SPINE_SOURCE, index,
			"record %llu names source %llu, which is no SOURCE entry before it",
			(unsigned long long)index, (unsigned long long)r->source);
	if (r->epoch == 0 && (r->flags & FLAG_UNPROTECTED) == 0)
		findings_add(s->found, FIND_SPINE_EPOCH, index,
			"record %llu is of epoch 0 and not flagged as unprotected",
			(unsigned long long)index);
	return numbers_take(s->numbers, s->found, index, r);
}

/* ---- control entries ---- */

static void judge_control(struct spine *s, uint64_t index, const struct record *r)
{
	if (r->source != 0 || r->epoch != 0 || r->seq != 0 || r->class_no != 0 || r->flags != 0)
		findings_add(s->found, FIND_SPINE_CONTROL, index,
			"control entry %llu has a source, number, class or flag",
			(unsigned long long)index);
	judge_peer(s, index, r, false);
}

/* False: memory is out. */
static bool enter_in(struct spine *s, struct index_set *entries, uint64_t index)
{
	if (entries->count < ENTRIES_MAX)
		return index_set_add(entries, index);
	if (s->blind != UINT64_MAX)
		findings_add(s->found, FIND_SPINE_ENTRIES, index,
			"more than %d entries of one kind: numbers that name entries are not "
			"judged "
			"from here on",
			ENTRIES_MAX);
	s->blind = UINT64_MAX;
	return true;
}

/* Remember what later records may name. False: memory is out. */
static bool enter(
	struct spine *s, uint64_t index, const struct record *r, const struct control_facts *facts)
{
	if (facts->is_start)
		begin_run(s, index, 0);
	if (facts->is_closed && s->closed == 0)
		s->closed = index;
	if (r->kind == KIND_SOURCE)
		return enter_in(s, &s->sources, index);
	if (r->kind == KIND_PEER)
		return enter_in(s, &s->peers, index);
	if (r->kind == KIND_ERASURE)
		s->erasures = true;
	/* Record 0 is the genesis, which is no start. */
	if (r->kind == KIND_DAEMON && !facts->known && index != 0)
		return enter_in(s, &s->starts, index);
	return true;
}

/* ---- one record ---- */

static void judge_time(
	struct spine *s, uint64_t index, const struct record *r, const struct control_facts *facts)
{
	bool may_go_back = facts->known ? facts->is_clock : r->kind == KIND_DAEMON;
	if (r->received_ns < s->last_ns && !may_go_back)
		findings_add(s->found, FIND_SPINE_TIME, index,
			"record %llu was received before record %llu, and is no clock entry",
			(unsigned long long)index, (unsigned long long)index - 1);
}

static void judge_closed(struct spine *s, uint64_t index, const struct record *r)
{
	if (s->closed == 0 || s->closed_broken || r->kind == KIND_SEAL)
		return;
	s->closed_broken = true;
	findings_add(s->found, FIND_SUCCESSION_AFTER, index,
		"the log was closed for good by entry %llu, and record %llu stands behind it: "
		"somebody "
		"went on with its key; ask its successor",
		(unsigned long long)s->closed, (unsigned long long)index);
}

enum trail_err spine_take(struct spine *s, const struct record *r, const struct hash *leaf,
	const struct control_facts *facts)
{
	static const struct control_facts unknown;
	enum trail_err err = TRAIL_OK;
	uint64_t index = s->next;
	if (!facts)
		facts = &unknown;
	if (!record_known(r))
		findings_add(s->found, FIND_SPINE_UNKNOWN, index,
			"record %llu has version %u, kind %u, flags %u: a later traild must judge "
			"it",
			(unsigned long long)index, r->version, r->kind, r->flags);
	judge_prev(s, index, r);
	if (index == 0)
		judge_genesis(s, r);
	if (r->version == RECORD_VERSION && r->kind == KIND_EVENT)
		err = judge_event(s, index, r);
	else if (r->kind != KIND_EVENT)
		judge_control(s, index, r);
	judge_time(s, index, r, facts);
	judge_closed(s, index, r);
	if (err == TRAIL_OK && !enter(s, index, r, facts))
		err = TRAIL_NOMEM;
	s->last_ns = r->received_ns;
	s->last_leaf = *leaf;
	s->chained = true;
	s->next = index + 1;
	return err;
}

void spine_jump(struct spine *s, uint64_t to)
{
	findings_add(s->found, FIND_SPINE_MISSING, s->next,
		"records %llu to %llu are missing; restore the store or take them from a mirror",
		(unsigned long long)s->next, (unsigned long long)to - 1);
	spine_end(s);
	s->next = to;
	s->chained = false;
	s->blind = UINT64_MAX;
	s->last_ns = 0;
	s->last_start = 0;
	s->starts.count = 0;
	numbers_forget(s->numbers);
}
