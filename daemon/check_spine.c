/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records, once, in order: each is chained to the one before, grows the tree, and says only
 * what FORMATS.md section 2 lets it say. What must fit the records is walked beside them.
 */
#include "check_lanes.h"
#include "check_number.h"

enum {
	DISORDER_MAX = 1000,
	PROGRESS_EVERY = 1024,
};

struct spine {
	struct scan *scan;
	struct frontier tree;
	struct control_lane control;
	struct tile_lanes tiles;
	struct head_lane heads;
	uint64_t next;	      /* index of the next record */
	uint64_t last_commit; /* first index of the newest row */
	uint64_t last_ns;
	struct hash last_leaf;
	bool chained;	  /* last_leaf is that of record next - 1 */
	bool broken;	  /* records are missing before here */
	bool headed;	  /* head_begin was called */
	uint64_t suspect; /* its prev did not fit; 0: none (record 0 has no predecessor) */
	unsigned disorder;
};

/* ---- one record ---- */

static void report_prev(struct spine *s, uint64_t index)
{
	scan_find(s->scan, FIND_SPINE_PREV, index,
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

static void end_suspicion(struct spine *s)
{
	if (s->suspect != 0)
		report_prev(s, s->suspect - 1);
	s->suspect = 0;
}

static void judge_peer(struct spine *s, uint64_t index, const struct record *r, bool needed)
{
	if (s->broken || (r->peer == 0 && !needed) || index_set_has(&s->scan->peers, r->peer))
		return;
	scan_find(s->scan, FIND_SPINE_PEER, index,
		"record %llu names peer %llu, which is no PEER entry before it",
		(unsigned long long)index, (unsigned long long)r->peer);
}

/* The daemon's own: source 0, epoch = index of the last start, numbered from 1 without a gap. */
static void judge_own(struct spine *s, uint64_t index, const struct record *r)
{
	struct scan *scan = s->scan;
	if (s->broken && scan->last_start == 0) {
		scan->last_start = r->epoch;
		scan->own_seq = r->seq - 1;
	}
	if (r->epoch != scan->last_start || r->epoch == 0)
		scan_find(scan, FIND_SPINE_EPOCH, index,
			"the daemon's own event %llu has epoch %llu; the last start is %llu",
			(unsigned long long)index, (unsigned long long)r->epoch,
			(unsigned long long)scan->last_start);
	else if (r->seq != scan->own_seq + 1)
		scan_find(scan, FIND_SPINE_SEQ, index,
			"the daemon's own event %llu has number %llu where %llu is due",
			(unsigned long long)index, (unsigned long long)r->seq,
			(unsigned long long)scan->own_seq + 1);
	scan->own_seq = r->seq;
}

static void judge_event(struct spine *s, uint64_t index, const struct record *r)
{
	struct scan *scan = s->scan;
	judge_peer(s, index, r, r->source != 0);
	if (r->source == 0) {
		judge_own(s, index, r);
		return;
	}
	if (!s->broken && !index_set_has(&scan->sources, r->source))
		scan_find(scan, FIND_SPINE_SOURCE, index,
			"record %llu names source %llu, which is no SOURCE entry before it",
			(unsigned long long)index, (unsigned long long)r->source);
	if (r->epoch == 0 && (r->flags & FLAG_UNPROTECTED) == 0)
		scan_find(scan, FIND_SPINE_EPOCH, index,
			"record %llu is of epoch 0 and not flagged as unprotected",
			(unsigned long long)index);
	numbers_take(scan, index, r);
}

static struct control_facts judge_control(struct spine *s, uint64_t index, const struct record *r)
{
	if (r->source != 0 || r->epoch != 0 || r->seq != 0 || r->class_no != 0 || r->flags != 0)
		scan_find(s->scan, FIND_SPINE_CONTROL, index,
			"control entry %llu has a source, number, class or flag",
			(unsigned long long)index);
	judge_peer(s, index, r, false);
	return control_take(&s->control, index, r);
}

static void enter(
	struct spine *s, uint64_t index, const struct record *r, const struct control_facts *facts)
{
	struct scan *scan = s->scan;
	bool ok = true;
	if (r->kind == KIND_SOURCE)
		ok = index_set_add(&scan->sources, index);
	else if (r->kind == KIND_PEER)
		ok = index_set_add(&scan->peers, index);
	else if (r->kind == KIND_ERASURE)
		scan->erasures = true;
	if (!ok)
		scan_nomem();
	if (facts->is_start) {
		scan->last_start = index;
		scan->own_seq = 0;
	}
}

static void judge_genesis(struct spine *s, const struct record *r)
{
	static const struct hash none;
	if (r->kind != KIND_DAEMON || r->peer != 0 || !hash_equal(&r->prev, &none))
		scan_find(s->scan, FIND_SPINE_GENESIS, 0,
			"record 0 is not the beginning of a log: restore the store");
}

static void enter_class(struct scan *scan, uint32_t class_no)
{
	struct index_set *classes = &scan->classes;
	size_t at = classes->count;
	if (index_set_has(classes, class_no))
		return;
	if (!index_set_add(classes, class_no))
		scan_nomem();
	/* Kept ascending by hand: they come in any order, and there are few. */
	for (; at > 0 && classes->list[at - 1] > class_no; at--)
		classes->list[at] = classes->list[at - 1];
	classes->list[at] = class_no;
}

static void judge(struct spine *s, uint64_t index, const struct record *r)
{
	struct control_facts facts = { 0 };
	if (!record_known(r))
		scan_find(s->scan, FIND_SPINE_UNKNOWN, index,
			"record %llu has version %u, kind %u, flags %u: a later traild must judge "
			"it",
			(unsigned long long)index, r->version, r->kind, r->flags);
	judge_prev(s, index, r);
	if (index == 0)
		judge_genesis(s, r);
	if (r->version == RECORD_VERSION && r->kind == KIND_EVENT)
		judge_event(s, index, r);
	else if (r->kind != KIND_EVENT)
		facts = judge_control(s, index, r);
	if (r->received_ns < s->last_ns && !facts.is_clock)
		scan_find(s->scan, FIND_SPINE_TIME, index,
			"record %llu was received before record %llu, and is no clock entry",
			(unsigned long long)index, (unsigned long long)index - 1);
	if (r->kind == KIND_EVENT || r->kind == KIND_PEER)
		enter_class(s->scan, r->class_no);
	enter(s, index, r, &facts);
	s->last_ns = r->received_ns;
}

/* ---- rows ---- */

/* The key and the marks are known once record 0 was judged, or is missing. */
static void begin_heads(struct spine *s)
{
	if (s->headed)
		return;
	s->headed = true;
	head_begin(&s->heads, s->scan);
}

static void take_first(struct spine *s)
{
	struct scan *scan = s->scan;
	scan->first_leaf = s->last_leaf;
	scan->has_first = true;
	if (!scan->evidence->given && !scan->evidence->has_stored)
		scan->genesis = s->last_leaf;
}

static void take_record(struct spine *s, const uint8_t bytes[RECORD_LEN])
{
	struct record r;
	uint64_t index = s->next;
	record_decode(bytes, &r);
	judge(s, index, &r);
	record_leaf(bytes, &s->last_leaf);
	s->chained = true;
	s->next = index + 1;
	s->scan->box->result.records++;
	if (index == 0)
		take_first(s);
	begin_heads(s);
	if (s->broken)
		return;
	frontier_append(&s->tree, &s->last_leaf, tile_done, &s->tiles);
	if (s->tree.size == s->heads.next)
		head_compare(&s->heads, &s->tree);
}

/* From here on no root can be computed, and no numbering is known. */
static void jump(struct spine *s, uint64_t to)
{
	scan_find(s->scan, FIND_SPINE_MISSING, s->next,
		"records %llu to %llu are missing; restore the store or take them from a mirror",
		(unsigned long long)s->next, (unsigned long long)to - 1);
	end_suspicion(s);
	begin_heads(s);
	s->next = to;
	s->chained = false;
	s->broken = true;
	s->last_ns = 0;
	s->scan->last_start = 0;
	numbers_forget(s->scan->numbers);
}

/* Whether a row continues the chain: then its key is what is wrong. */
static bool continues(const struct spine *s, struct span value)
{
	return s->chained && value.len >= RECORD_LEN &&
	       memcmp(value.data + RECORD_LEN - HASH_LEN, s->last_leaf.b, HASH_LEN) == 0;
}

/* False: the row is to be passed over. */
static bool place_row(struct spine *s, uint64_t first, struct span value)
{
	if (first == s->next)
		return true;
	if (continues(s, value)) {
		s->disorder++;
		scan_find(s->scan, FIND_SPINE_EXTRA, s->next,
			"the records that follow %llu lie under %llu; restore the store",
			(unsigned long long)s->next - 1, (unsigned long long)first);
		return true;
	}
	if (first > s->next && first < INT64_MAX) {
		jump(s, first);
		return true;
	}
	s->disorder++;
	scan_find(s->scan, FIND_SPINE_EXTRA, first < s->next ? first : s->next,
		"a row of records under %llu, where record %llu is due; restore the store",
		(unsigned long long)first, (unsigned long long)s->next);
	return false;
}

static void take_row(struct spine *s, uint64_t first, struct span value)
{
	struct black_box *box = s->scan->box;
	if (value.len == 0 || value.len % RECORD_LEN != 0)
		scan_find(s->scan, FIND_SPINE_LENGTH, s->next,
			"the row of records under %llu has %zu bytes; restore the store",
			(unsigned long long)first, value.len);
	s->last_commit = s->next;
	for (size_t at = 0; value.len - at >= RECORD_LEN; at += RECORD_LEN) {
		take_record(s, value.data + at);
		if (s->next % PROGRESS_EVERY == 0) {
			atomic_fetch_add_explicit(&box->steps, 1, memory_order_relaxed);
			atomic_store_explicit(&box->done, s->next, memory_order_relaxed);
		}
	}
	tile_commit(&s->tiles);
}

static void finish(struct spine *s)
{
	struct scan_result *result = &s->scan->box->result;
	end_suspicion(s);
	begin_heads(s);
	result->size = s->next;
	result->broken = s->broken;
	frontier_root(&s->tree, &result->root);
	control_end(&s->control);
	tile_end(&s->tiles, !s->broken);
	head_end(&s->heads, s->next, s->last_commit, s->broken);
	if (s->next == 0)
		scan_find(s->scan, FIND_SPINE_GENESIS, 0,
			"the store holds no record, not even the one that begins a log");
}

void check_spine(struct scan *scan)
{
	struct spine s = { .scan = scan };
	struct walk walk;
	control_begin(&s.control, scan);
	tile_begin(&s.tiles, scan);
	walk_begin(&walk, scan, scan->txn, TABLE_SPINE, span_of(NULL, 0));
	while (s.disorder < DISORDER_MAX && walk_next(&walk)) {
		uint64_t first = load_be64(walk.key.data);
		if (place_row(&s, first, walk.value))
			take_row(&s, first, walk.value);
	}
	walk_count(&walk);
	finish(&s);
	check_source(scan, s.broken);
}
