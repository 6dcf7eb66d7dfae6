/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control entries: exactly one row per control record, of its kind, with the payload that it
 * commits to. What those payloads say is judged by proto/control.h.
 */
#include "check_lanes.h"

enum {
	CONTROL_LEN_MAX = 64 * 1024,
};

void control_begin(struct control_lane *lane, struct scan *scan)
{
	*lane = (struct control_lane){ 0 };
	walk_begin(&lane->walk, scan, scan->txn, TABLE_CONTROL, span_of(NULL, 0));
	lane->has = walk_next(&lane->walk);
}

static uint64_t row_index(const struct control_lane *lane)
{
	return load_be64(lane->walk.key.data);
}

static void extra(const struct control_lane *lane)
{
	scan_find(lane->walk.scan, FIND_CONTROL_EXTRA, row_index(lane),
		"a control payload lies under %llu, which is no control entry; restore the store",
		(unsigned long long)row_index(lane));
}

/* ---- rows ---- */

static void judge_row(struct control_lane *lane, uint64_t index, const struct record *r,
	struct control_facts *facts)
{
	struct scan *scan = lane->walk.scan;
	struct control_row row;
	struct hash commitment;
	if (!control_row_decode(lane->walk.value, &row) || row.kind != r->kind ||
		row.payload.len > CONTROL_LEN_MAX) {
		scan_find(scan, FIND_CONTROL_ROW, index,
			"the control row of entry %llu is malformed or of another kind; restore "
			"the "
			"store",
			(unsigned long long)index);
		return;
	}
	if (!row.salt)
		return;
	record_commitment(row.salt, row.payload, &commitment);
	if (!hash_equal(&commitment, &r->commitment)) {
		scan_find(scan, FIND_CONTROL_COMMITMENT, index,
			"the payload of control entry %llu is not what its record commits to; "
			"compare with a mirror",
			(unsigned long long)index);
		return;
	}
	scan->box->result.payloads++;
	/* A PEER's payload is kept like an event's, and judged with those. */
	if (!record_known(r) || r->kind == KIND_PEER)
		return;
	if (control_judge(&scan->control, index, r, row.payload, facts) != TRAIL_OK)
		scan_nomem();
	if (index == 0 && scan->control.has_genesis_key && !scan->evidence->given) {
		scan->vkey = scan->control.genesis_key;
		scan->has_vkey = true;
	}
}

struct control_facts control_take(struct control_lane *lane, uint64_t index, const struct record *r)
{
	/* A payload that is missing or unreadable says that it is neither. */
	struct control_facts facts = { .known = true };
	while (lane->has && row_index(lane) < index) {
		extra(lane);
		lane->has = walk_next(&lane->walk);
	}
	if (lane->has && row_index(lane) == index) {
		judge_row(lane, index, r, &facts);
		lane->has = walk_next(&lane->walk);
		return facts;
	}
	if (record_known(r))
		scan_find(lane->walk.scan, FIND_CONTROL_MISSING, index,
			"the payload of control entry %llu is missing; restore the store",
			(unsigned long long)index);
	return facts;
}

void control_end(struct control_lane *lane)
{
	for (; lane->has; lane->has = walk_next(&lane->walk))
		extra(lane);
	walk_count(&lane->walk);
}
