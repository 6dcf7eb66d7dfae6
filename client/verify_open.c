/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_open.h"

#include <inttypes.h>

enum trail_err opener_open(
	struct opener *o, struct trail *t, struct verify_result *result, const struct spine *spine)
{
	*o = (struct opener){ .result = result, .closed = true };
	o->lane.t = t;
	if (control_init(&o->control, &result->found, spine) != TRAIL_OK)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	o->control.pinned = &t->trust.identity.vkey;
	return TRAIL_OK;
}

void opener_begin(struct opener *o, bool all, uint64_t size)
{
	lane_open(&o->lane, o->lane.t, !all, o->control.spine->next, size);
	o->closed = false;
}

void opener_give_up(struct opener *o)
{
	o->closed = true;
}

void opener_close(struct opener *o)
{
	lane_close(&o->lane);
	control_release(&o->control);
	index_set_release(&o->missing);
}

static bool is_kept_like_an_event(const struct record *r)
{
	return r->kind == KIND_EVENT || r->kind == KIND_PEER;
}

static enum trail_err take_missing(struct opener *o, uint64_t index, const struct record *r)
{
	if (!is_kept_like_an_event(r)) {
		/* Who knows what a later kind keeps. */
		if (record_known(r))
			findings_add(&o->result->found, FIND_CONTROL_MISSING, index,
				"the daemon gives no payload for control entry %" PRIu64, index);
		return TRAIL_OK;
	}
	o->missing_count++;
	if (o->missing.count == FINDINGS_MAX || index_set_add(&o->missing, index))
		return TRAIL_OK;
	return TRAIL_NOMEM;
}

static void judge_event(struct opener *o, uint64_t index, struct span payload)
{
	struct event_facts facts;
	struct event_fault fault;
	if (event_walk(payload, &facts, &fault) == TRAIL_OK)
		return;
	findings_add(&o->result->found, FIND_PAYLOAD_EVENT, index,
		"record %" PRIu64 " holds no valid event: %.47s %s", index, fault.field, fault.why);
}

static enum trail_err judge_payload(struct opener *o, uint64_t index, const struct record *r,
	const struct evidence_item *row, struct control_facts *facts)
{
	struct hash commitment;
	bool like_event = is_kept_like_an_event(r);
	record_commitment(row->salt.data, row->payload, &commitment);
	if (!hash_equal(&commitment, &r->commitment)) {
		findings_add(&o->result->found,
			like_event ? FIND_PAYLOAD_COMMITMENT : FIND_CONTROL_COMMITMENT, index,
			"the payload of record %" PRIu64 " is not what the record commits to",
			index);
		return TRAIL_OK;
	}
	o->result->payloads += !o->lane.controls;
	if (!record_known(r))
		return TRAIL_OK;
	if (r->kind != KIND_EVENT)
		return control_judge(&o->control, index, r, row->payload, facts);
	judge_event(o, index, row->payload);
	return TRAIL_OK;
}

/* The row that is due, or NULL: the daemon has none. TRAIL_END: none is asked for. */
static enum trail_err due_row(
	struct opener *o, const struct record *r, const struct evidence_item **row)
{
	if (o->closed)
		return TRAIL_END;
	if (!o->lane.controls)
		return lane_next(&o->lane, row);
	if (is_kept_like_an_event(r))
		return TRAIL_END;
	if (!o->waiting)
		lane_refresh(&o->lane);
	enum trail_err err = lane_find(&o->lane, o->control.spine->next, row);
	o->waiting = err == TRAIL_MORE;
	return err;
}

/* Of control entries the others can be judged all the same. */
static enum trail_err another_record(struct opener *o, uint64_t index)
{
	static const char WHAT[] =
		"the daemon shows another record with the payload than in the spine";
	if (!o->lane.controls)
		return fault_set(&o->lane.t->fault, TRAIL_CORRUPT, "%s", WHAT);
	findings_add(&o->result->found, FIND_DAEMON_PAGE, index, "at record %" PRIu64 ": %s", index,
		WHAT);
	return TRAIL_OK;
}

enum trail_err opener_take(struct opener *o, const uint8_t bytes[RECORD_LEN],
	const struct record *r, struct control_facts *facts)
{
	const struct evidence_item *row = NULL;
	struct fault *fault = &o->lane.t->fault;
	uint64_t index = o->control.spine->next;
	enum trail_err err = due_row(o, r, &row);
	if (err != TRAIL_OK)
		return err == TRAIL_END ? TRAIL_OK : err;
	if (row && !span_equal(row->record, span_of(bytes, RECORD_LEN)))
		return another_record(o, index);
	if (!row || row->salt.len == 0)
		err = take_missing(o, index, r);
	else
		err = judge_payload(o, index, r, row, facts);
	return err == TRAIL_OK ? err : fault_set(fault, err, "memory is out");
}

static void find_missing(struct opener *o, uint64_t index, bool erased)
{
	struct findings *found = &o->result->found;
	if (erased)
		findings_add(found, FIND_PAYLOAD_ERASED, index,
			"the daemon gives no payload for record %" PRIu64 "; whether an ERASURE "
			"covers it cannot be told",
			index);
	else
		findings_add(found, FIND_PAYLOAD_MISSING, index,
			"the daemon gives no payload for record %" PRIu64 ", and nothing was ever "
			"erased",
			index);
}

void opener_end(struct opener *o)
{
	/* What was erased before the first record that was seen is not known. */
	bool erased = o->control.spine->erasures || o->result->since != 0;
	o->result->erased = erased ? o->missing_count : 0;
	for (size_t i = 0; i < o->missing.count; i++)
		find_missing(o, o->missing.list[i], erased);
	/* Those that the list of findings has no room for are only counted. */
	for (uint64_t i = o->missing.count; i < o->missing_count; i++)
		find_missing(o, FINDING_NOWHERE, erased);
}
