/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records, once, in order: proto/spine.h judges each, each grows the tree, and what must fit
 * them is walked beside.
 */
#include "check_lanes.h"

enum {
	DISORDER_MAX = 1000,
	PROGRESS_EVERY = 1024,
};

/* A walk along the spine, with what is walked in step. */
struct reading {
	struct scan *scan;
	struct spine *judge; /* the scan's */
	struct frontier tree;
	struct control_lane control;
	struct tile_lanes tiles;
	struct head_lane heads;
	uint64_t last_commit; /* first index of the newest row */
	bool broken;          /* records are missing before here */
	bool headed;          /* head_begin was called */
	unsigned disorder;
};

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

/* ---- rows ---- */

/* The key and the marks are known once record 0 was judged, or is missing. */
static void begin_heads(struct reading *r)
{
	if (r->headed)
		return;
	r->headed = true;
	head_begin(&r->heads, r->scan);
}

static void take_first(struct reading *r, const struct hash *leaf)
{
	struct scan *scan = r->scan;
	scan->first_leaf = *leaf;
	scan->has_first = true;
	if (!scan->evidence->given && !scan->evidence->has_stored)
		scan->genesis = *leaf;
}

/* Before it joins the tree: a SEAL seals what lies before it. */
static void take_seal(struct reading *r, uint64_t index, const struct record *record)
{
	struct hash root;
	if (record->kind != KIND_SEAL || !record_known(record))
		return;
	frontier_root(&r->tree, &root);
	seals_take(&r->scan->control.seals, index, record, r->broken ? NULL : &root);
}

static void take_record(struct reading *r, const uint8_t bytes[RECORD_LEN])
{
	struct control_facts facts = { 0 };
	struct record record;
	struct hash leaf;
	uint64_t index = r->judge->next;
	record_decode(bytes, &record);
	if (record.kind != KIND_EVENT)
		facts = control_take(&r->control, index, &record);
	record_leaf(bytes, &leaf);
	if (spine_take(r->judge, &record, &leaf, &facts) != TRAIL_OK)
		scan_nomem();
	take_seal(r, index, &record);
	if (record.kind == KIND_EVENT || record.kind == KIND_PEER)
		enter_class(r->scan, record.class_no);
	r->scan->box->result.records++;
	if (index == 0)
		take_first(r, &leaf);
	begin_heads(r);
	if (r->broken)
		return;
	frontier_append(&r->tree, &leaf, tile_done, &r->tiles);
	if (r->tree.size == r->heads.next)
		head_compare(&r->heads, &r->tree);
}

/* From here on no root can be computed, and no numbering is known. */
static void jump(struct reading *r, uint64_t to)
{
	spine_jump(r->judge, to);
	seals_jump(&r->scan->control.seals);
	begin_heads(r);
	r->broken = true;
}

/* Whether a row continues the chain: then its key is what is wrong. */
static bool continues(const struct reading *r, struct span value)
{
	return r->judge->chained && value.len >= RECORD_LEN &&
		memcmp(value.data + RECORD_LEN - HASH_LEN, r->judge->last_leaf.b, HASH_LEN) == 0;
}

/* False: the row is to be passed over. */
static bool place_row(struct reading *r, uint64_t first, struct span value)
{
	if (first == r->judge->next)
		return true;
	if (continues(r, value)) {
		r->disorder++;
		scan_find(r->scan, FIND_SPINE_EXTRA, r->judge->next,
			"the records that follow %llu lie under %llu; restore the store",
			(unsigned long long)r->judge->next - 1, (unsigned long long)first);
		return true;
	}
	if (first > r->judge->next && first < INT64_MAX) {
		jump(r, first);
		return true;
	}
	r->disorder++;
	scan_find(r->scan, FIND_SPINE_EXTRA, first < r->judge->next ? first : r->judge->next,
		"a row of records under %llu, where record %llu is due; restore the store",
		(unsigned long long)first, (unsigned long long)r->judge->next);
	return false;
}

static void take_row(struct reading *r, uint64_t first, struct span value)
{
	struct black_box *box = r->scan->box;
	if (value.len == 0 || value.len % RECORD_LEN != 0)
		scan_find(r->scan, FIND_SPINE_LENGTH, r->judge->next,
			"the row of records under %llu has %zu bytes; restore the store",
			(unsigned long long)first, value.len);
	r->last_commit = r->judge->next;
	for (size_t at = 0; value.len - at >= RECORD_LEN; at += RECORD_LEN) {
		take_record(r, value.data + at);
		if (r->judge->next % PROGRESS_EVERY == 0) {
			atomic_fetch_add_explicit(&box->steps, 1, memory_order_relaxed);
			atomic_store_explicit(&box->done, r->judge->next, memory_order_relaxed);
		}
	}
	tile_commit(&r->tiles);
}

static void tell_seals(const struct seals *s, struct scan_result *result)
{
	result->seals = s->count;
	result->sealed = s->sealed;
	result->sealed_index = s->sealed_index;
	result->sealed_ns = s->sealed_ns;
}

static void finish(struct reading *r)
{
	struct scan_result *result = &r->scan->box->result;
	spine_end(r->judge);
	begin_heads(r);
	result->size = r->judge->next;
	result->broken = r->broken;
	result->closed = r->judge->closed;
	result->succession = r->scan->control.succession;
	tell_seals(&r->scan->control.seals, result);
	frontier_root(&r->tree, &result->root);
	control_end(&r->control);
	tile_end(&r->tiles, !r->broken);
	head_end(&r->heads, r->judge->next, r->last_commit, r->broken);
	if (r->judge->next == 0)
		scan_find(r->scan, FIND_SPINE_GENESIS, 0,
			"the store holds no record, not even the one that begins a log");
}

void check_spine(struct scan *scan)
{
	struct reading r = { .scan = scan, .judge = &scan->spine };
	struct walk walk;
	control_begin(&r.control, scan);
	tile_begin(&r.tiles, scan);
	walk_begin(&walk, scan, scan->txn, TABLE_SPINE, span_of(NULL, 0));
	while (r.disorder < DISORDER_MAX && walk_next(&walk)) {
		uint64_t first = load_be64(walk.key.data);
		if (place_row(&r, first, walk.value))
			take_row(&r, first, walk.value);
	}
	walk_count(&walk);
	finish(&r);
	check_source(scan, r.broken);
}
