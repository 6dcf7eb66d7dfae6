/* SPDX-License-Identifier: Apache-2.0 */
#include "gather.h"

#include "../../proto/codec.h"

enum {
	ARENA = 1024
};

/* ---- judging ---- */

static bool add_part(const struct record *r, struct gather_range *range)
{
	uint32_t month = month_of(r->received_ns);
	for (size_t i = range->count; i-- > 0;)
		if (range->parts[i].class_no == r->class_no && range->parts[i].month == month)
			return true;
	if (range->count == GATHER_PARTS_MAX)
		return false;
	range->parts[range->count++] = (struct gather_part){ r->class_no, month };
	return true;
}

/* The leaf of the record before `from`, which the first is chained to. */
static bool leaf_before(struct sweep *sweep, uint64_t from, struct hash *leaf)
{
	*leaf = (struct hash){ 0 };
	if (from == 0)
		return true;
	const uint8_t *bytes = sweep_record(sweep, from - 1);
	if (bytes)
		record_leaf(bytes, leaf);
	return bytes != NULL;
}

enum trail_err gather_judge(struct gather *g, struct db_txn *txn, struct gather_range *range)
{
	struct sweep sweep;
	struct hash *leaf = &range->leaf;
	sweep_begin(&sweep, g->store, txn, g->chunker);
	range->count = 0;
	if (!leaf_before(&sweep, range->from, leaf))
		return TRAIL_CORRUPT;
	for (uint64_t i = range->from; i < range->to; i++) {
		struct record r;
		const uint8_t *bytes = sweep_record(&sweep, i);
		if (!bytes)
			return TRAIL_CORRUPT;
		record_decode(bytes, &r);
		if (!hash_equal(&r.prev, leaf))
			return TRAIL_CORRUPT;
		if (!add_part(&r, range))
			range->to = i;
		else
			record_leaf(bytes, leaf);
	}
	return store_proves(txn, &g->head, range->to - 1, leaf) ? TRAIL_OK : TRAIL_CORRUPT;
}

/* ---- names ---- */

/* The name of entry `number`, to `to`: a copy, since the next one may take its place. */
static enum trail_err name_of(struct gather *g, struct sweep *names, uint64_t number,
	enum record_kind kind, char to[ENTRY_NAME_MAX + 1])
{
	struct gather_name *name = &g->names[number % GATHER_NAMES];
	if (name->text[0] == '\0' || name->number != number || name->kind != kind) {
		name->number = number;
		name->kind = kind;
		name->text[0] = '\0';
		enum trail_err err = entry_name(names, &g->head, number, kind, name->text);
		if (err)
			return err;
	}
	memcpy(to, name->text, sizeof name->text);
	return TRAIL_OK;
}

/* ---- runs ---- */

/* One pass over a range. */
struct pass {
	struct gather *g;
	struct sweep sweep;
	uint64_t from;
	struct run *run;
};

static enum trail_err add_loss(struct pass *p, uint64_t index, uint64_t source, uint64_t received)
{
	struct term term = { .field = TERM_LOSS };
	char name[ENTRY_NAME_MAX + 1];
	enum trail_err err = name_of(p->g, &p->sweep, source, KIND_SOURCE, name);
	if (err)
		return err;
	term.value = span_text(name);
	return run_add(p->run, (uint32_t)(index - p->from), segment_seconds((int64_t)received),
		       &term, 1)
		? TRAIL_OK
		: TRAIL_NOMEM;
}

static enum trail_err add_event(struct pass *p, uint64_t index, const struct record *r)
{
	struct span salt, payload = { 0 };
	char source[ENTRY_NAME_MAX + 1], peer[ENTRY_NAME_MAX + 1];
	struct event_facts facts;
	struct event_fault fault;
	struct term_room room;
	struct term terms[TERM_OF_EVENT_MAX + 1];
	/* Names first: the payload is a view of the chunk that is open. */
	enum trail_err err = name_of(p->g, &p->sweep, r->source, KIND_SOURCE, source);
	if (!err)
		err = name_of(p->g, &p->sweep, r->peer, KIND_PEER, peer);
	if (!err)
		err = sweep_payload(&p->sweep, index, r, &salt, &payload);
	if (err || event_walk(payload, &facts, &fault) != TRAIL_OK)
		return TRAIL_CORRUPT;
	size_t count = terms_of_event(&facts, span_text(source), span_text(peer), &room, terms);
	if (r->flags & FLAG_LOSS)
		terms[count++] = (struct term){ TERM_LOSS, span_text(source) };
	return run_add(p->run, (uint32_t)(index - p->from), segment_seconds(facts.time_ns), terms,
		       count)
		? TRAIL_OK
		: TRAIL_NOMEM;
}

static enum trail_err add_entry(struct pass *p, uint64_t index, const struct record *r)
{
	uint8_t room[ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct daemon_entry entry;
	struct span salt, payload;
	if (r->kind != KIND_DAEMON || index == 0)
		return TRAIL_OK;
	if (sweep_payload(&p->sweep, index, r, &salt, &payload) ||
		daemon_entry_decode(payload, &arena, &entry))
		return TRAIL_CORRUPT;
	return entry.what == DAEMON_LOSS ? add_loss(p, index, entry.source, r->received_ns)
					 : TRAIL_OK;
}

enum trail_err gather_run(struct gather *g, struct db_txn *txn, const struct gather_part *part,
	uint64_t from, uint64_t to, struct run *run)
{
	struct pass p = { .g = g, .from = from, .run = run };
	sweep_begin(&p.sweep, g->store, txn, g->chunker);
	for (uint64_t i = from; i < to; i++) {
		struct record r;
		const uint8_t *bytes = sweep_record(&p.sweep, i);
		if (!bytes)
			return TRAIL_CORRUPT;
		record_decode(bytes, &r);
		if (r.class_no != part->class_no || month_of(r.received_ns) != part->month)
			continue;
		enum trail_err err =
			r.kind == KIND_EVENT ? add_event(&p, i, &r) : add_entry(&p, i, &r);
		if (err)
			return err;
	}
	return TRAIL_OK;
}
