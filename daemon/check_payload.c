/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads: every EVENT and PEER record has exactly one, in a chunk of its class and month whose
 * records are of one commit. The table is in order of (class, first index), so for each class the
 * spine is walked once more, and records and chunk items are merged by index.
 */
#include "check_lanes.h"
#include "chunk.h"

enum {
	CLASSES_MAX = 256,
	PROGRESS_EVERY = 1024,
};

/* A walk along the spine, record by record. */
struct cursor {
	struct walk walk;
	bool has;
	const uint8_t *record;
	uint64_t index;
	uint64_t row_first, row_end; /* of its commit */
};

struct payloads {
	struct scan *scan;
	struct chunker *chunker;
	struct walk walk; /* of the chunks */
	bool has;         /* it stands on a chunk that was not used up */
	struct cursor at; /* of the class in work */
	uint32_t class_no;
	uint64_t hidden_end; /* records below lie in a chunk that did not open: said already */
	uint64_t progress;
};

/* ---- along the spine ---- */

static bool next_row(struct cursor *c)
{
	while (walk_next(&c->walk)) {
		size_t count = c->walk.value.len / RECORD_LEN;
		c->row_first = load_be64(c->walk.key.data);
		if (count == 0 || c->row_first > INT64_MAX)
			continue;
		c->row_end = c->row_first + count;
		c->index = c->row_first;
		c->record = c->walk.value.data;
		return true;
	}
	return false;
}

static void advance(struct payloads *p)
{
	struct cursor *c = &p->at;
	struct black_box *box = p->scan->box;
	c->index++;
	c->record += RECORD_LEN;
	if (++p->progress % PROGRESS_EVERY == 0) {
		atomic_fetch_add_explicit(&box->steps, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&box->done, PROGRESS_EVERY, memory_order_relaxed);
	}
	if (c->index >= c->row_end)
		c->has = next_row(c);
}

static bool is_wanted(const struct payloads *p)
{
	const uint8_t *r = p->at.record;
	return (r[1] == KIND_EVENT || r[1] == KIND_PEER) && load_be32(r + 4) == p->class_no;
}

static void missing(struct payloads *p)
{
	struct scan *scan = p->scan;
	uint64_t index = p->at.index;
	if (scan->spine.erasures) {
		scan->box->result.erased++;
		scan_find(scan, FIND_PAYLOAD_ERASED, index,
			"the payload of record %llu is missing; whether an ERASURE covers it this "
			"traild cannot tell",
			(unsigned long long)index);
		return;
	}
	scan_find(scan, FIND_PAYLOAD_MISSING, index,
		"the payload of record %llu is missing, and nothing was ever erased; restore the "
		"store",
		(unsigned long long)index);
}

/* Go to record `index`; what is passed on the way has no payload. False: there is no such record.
 */
static bool go_to(struct payloads *p, uint64_t index)
{
	for (; p->at.has && p->at.index < index; advance(p)) {
		if (is_wanted(p) && p->at.index >= p->hidden_end)
			missing(p);
	}
	return p->at.has && p->at.index == index;
}

/* ---- one item ---- */

static void judge_event(struct scan *scan, uint64_t index, struct span payload)
{
	struct event_facts facts;
	struct event_fault fault;
	if (event_walk(payload, &facts, &fault) == TRAIL_OK)
		return;
	scan_find(scan, FIND_PAYLOAD_EVENT, index, "record %llu holds no valid event: %.47s %s",
		(unsigned long long)index, fault.field, fault.why);
}

static void judge_item(struct payloads *p, const struct chunk_item *item)
{
	struct scan *scan = p->scan;
	struct record r;
	struct hash commitment;
	struct control_facts facts = { 0 };
	record_decode(p->at.record, &r);
	record_commitment(item->salt, item->payload, &commitment);
	if (!hash_equal(&commitment, &r.commitment)) {
		scan_find(scan, FIND_PAYLOAD_COMMITMENT, item->index,
			"the payload of record %llu is not what the record commits to; compare "
			"with a mirror",
			(unsigned long long)item->index);
		return;
	}
	scan->box->result.payloads++;
	if (!record_known(&r))
		return;
	if (r.kind == KIND_EVENT)
		judge_event(scan, item->index, item->payload);
	else if (control_judge(&scan->control, item->index, &r, item->payload, &facts) != TRAIL_OK)
		scan_nomem();
}

static void extra(struct payloads *p, uint64_t index)
{
	scan_find(p->scan, FIND_PAYLOAD_EXTRA, index,
		"a payload of class %u lies under %llu, where no record of that class wants one; "
		"restore the store",
		p->class_no, (unsigned long long)index);
}

/* ---- one chunk ---- */

static uint64_t chunk_first(const struct payloads *p)
{
	return load_be64(p->walk.key.data + 4);
}

static void next_chunk(struct payloads *p)
{
	p->has = walk_next(&p->walk);
}

static uint64_t received(const struct payloads *p)
{
	return load_be64(p->at.record + 24);
}

static void misplaced(struct payloads *p, uint64_t index)
{
	scan_find(p->scan, FIND_PAYLOAD_PLACE, index,
		"the chunk from %llu on holds record %llu of another commit or month; restore the "
		"store",
		(unsigned long long)chunk_first(p), (unsigned long long)index);
}

static void take_items(struct payloads *p, size_t count, uint32_t month)
{
	uint64_t commit_end = p->at.row_end;
	for (size_t i = 0; i < count; i++) {
		struct chunk_item item = chunk_item(p->chunker, i);
		if (!go_to(p, item.index) || !is_wanted(p)) {
			extra(p, item.index);
			continue;
		}
		if (item.index >= commit_end || month_of(received(p)) != month)
			misplaced(p, item.index);
		judge_item(p, &item);
		advance(p);
	}
}

static void cannot_open(struct payloads *p, enum trail_err err)
{
	uint64_t first = chunk_first(p);
	p->hidden_end = p->at.row_end;
	/* There was never a version 0: zeros are damage, not a later traild's. */
	if (err == TRAIL_UNSUPPORTED && p->walk.value.data[0] != 0)
		scan_find(p->scan, FIND_PAYLOAD_SEALED, first,
			"the chunk from %llu on is of another version or needs keys",
			(unsigned long long)first);
	else
		scan_find(p->scan, FIND_PAYLOAD_CHUNK, first,
			"the chunk from %llu on is malformed or was changed; restore the store",
			(unsigned long long)first);
}

static void take_chunk(struct payloads *p)
{
	uint64_t first = chunk_first(p);
	size_t count;
	bool found = go_to(p, first);
	p->hidden_end = 0;
	if (!found) {
		extra(p, first);
		return;
	}
	struct chunk_place place = {
		.genesis = p->scan->genesis,
		.class_no = p->class_no,
		.month = month_of(received(p)),
		.first = first,
	};
	enum trail_err err = chunk_open(p->chunker, &place, p->walk.value, &count);
	if (err != TRAIL_OK)
		cannot_open(p, err);
	else
		take_items(p, count, place.month);
}

/* ---- one class ---- */

static uint32_t chunk_class(const struct payloads *p)
{
	return load_be32(p->walk.key.data);
}

static void stray_chunk(struct payloads *p)
{
	scan_find(p->scan, FIND_PAYLOAD_EXTRA, FINDING_NOWHERE,
		"a chunk of class %u lies under %llu, and no record has that class; restore the "
		"store",
		chunk_class(p), (unsigned long long)chunk_first(p));
	next_chunk(p);
}

static void take_class(struct payloads *p, uint32_t class_no)
{
	p->class_no = class_no;
	p->at = (struct cursor){ 0 };
	walk_begin(&p->at.walk, p->scan, p->scan->txn, TABLE_SPINE, span_of(NULL, 0));
	p->at.has = next_row(&p->at);
	while (p->has && chunk_class(p) < class_no)
		stray_chunk(p);
	for (; p->has && chunk_class(p) == class_no; next_chunk(p))
		take_chunk(p);
	(void)go_to(p, UINT64_MAX);
	p->hidden_end = 0;
}

void check_payload(struct scan *scan)
{
	struct payloads p = { .scan = scan };
	p.chunker = chunker_new();
	if (!p.chunker)
		scan_nomem();
	walk_begin(&p.walk, scan, scan->txn, TABLE_PAYLOAD, span_of(NULL, 0));
	next_chunk(&p);
	size_t count = scan->classes.count;
	if (count > CLASSES_MAX) {
		scan_find(scan, FIND_PAYLOAD_CLASSES, FINDING_NOWHERE,
			"the records have %zu classes; payloads above the first %d are not checked",
			count, CLASSES_MAX);
		count = CLASSES_MAX;
	}
	atomic_store_explicit(&scan->box->passes, (uint32_t)count + 1, memory_order_relaxed);
	for (size_t i = 0; i < count; i++)
		take_class(&p, (uint32_t)scan->classes.list[i]);
	while (p.has)
		stray_chunk(&p);
	walk_count(&p.walk);
	chunker_free(p.chunker);
}
