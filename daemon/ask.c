/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "../proto/group.h"
#include "clock.h"
#include "counts.h"
#include "entry_name.h"
#include "index/census.h"
#include "nodes.h"
#include "page.h"
#include "standing.h"
#include "trace.h"

enum {
	CURSOR_VERSION = 1,
	CURSOR_LEN = 52,
	CURSOR_NEWEST_FIRST = 1,
	CURSOR_FOLLOW = 2,
	CURSOR_KEYS = 8,            /* a report stands amid the keys of a part of the log */
	CURSOR_DOUBTS = 16,         /* or amid that part's records that the index is not sure of */
	CURSOR_INDEXED = 4,         /* part of the answer came from the index */
	HITS_EVERY = 8,             /* rows that the index names between looks at the clock */
	PAGE_NS = 20 * 1000 * 1000, /* of scanning; then others have their turn */
	CENSUS_NS = 80 * 1000 * 1000, /* of counting by the index: a plan is dear to make twice */
	CLOCK_EVERY = 64,             /* records between looks at the clock */
	SMALL_BYTES = 64 * 1024,      /* of one record, or of who follows: many may wait */
	SMALL_ROWS = ROWS_MAX / 4,
	DAEMON_ARENA = 1024,
	NAMES_MET = 128, /* that are looked up once per page, mostly */
};

_Static_assert((int)CURSOR_LEN <= (int)CURSOR_MAX, "`next` has a bound on the wire");

/*
 * What `next` holds: u8 version | u8 flags | u16 0 | u64 read, position, matched, gaps, end, due.
 */
struct cursor {
	uint8_t flags;
	uint64_t read;     /* index of the trace */
	uint64_t position; /* upwards: look from here on; downwards: below */
	uint64_t matched;
	uint64_t gaps;
	/* CURSOR_KEYS, CURSOR_DOUBTS: the part is [position, end); events of no key yet. */
	uint64_t end, due;
};

/* The name of a source or peer that was met on the way. Entry 0: none yet. */
struct met {
	uint64_t entry;
	char name[ENTRY_NAME_MAX + 1];
};

struct ask {
	struct lookup *look;
	const struct question *question;
	const struct query *query;
	struct cursor at;
	uint64_t low, high; /* the range that is asked */
	uint64_t size;      /* of the tree that proves the rows */
	bool events;        /* events alone; else any record (Get) */
	bool down;
	bool asks_event; /* more than the record and its names answer */
	bool asks_source, asks_peer;
	struct span needles[QUERY_FIELDS]; /* bytes that an event must hold to match */
	size_t needle_count;
	struct met met[NAMES_MET];
	struct sweep sweep;
	struct page page;
	struct counts *counts; /* of a report; NULL: there are rows */
	bool by_hand;          /* this page's records are looked at one by one */
	bool refused;          /* the response is set */
	struct nodes nodes;
	struct match_question asked; /* of the index */
	struct hits *hits;           /* NULL: the log itself is read */
	/* Of the record looked at last: its leaf; downwards its prev, the leaf of the next. */
	bool chained;
	struct hash link;
	uint64_t end_ns;
};

static bool refuse(struct ask *ask, const char *why)
{
	op_refuse(ask->look->op, TRAIL_INVALID, "%s", why);
	return false;
}

/* ---- where to go on ---- */

static struct span cursor_keep(struct ask *ask)
{
	uint8_t bytes[CURSOR_LEN] = { CURSOR_VERSION, ask->at.flags };
	store_be64(bytes + 4, ask->at.read);
	store_be64(bytes + 12, ask->at.position);
	store_be64(bytes + 20, ask->at.matched);
	store_be64(bytes + 28, ask->at.gaps);
	store_be64(bytes + 36, ask->at.end);
	store_be64(bytes + 44, ask->at.due);
	return lookup_keep(ask->look, bytes, sizeof bytes);
}

static uint8_t flags_of(const struct paging *paging)
{
	return (uint8_t)((paging->newest_first ? CURSOR_NEWEST_FIRST : 0) |
		(paging->follow_ms != 0 ? CURSOR_FOLLOW : 0));
}

static bool cursor_read(struct ask *ask, struct span next)
{
	if (next.len != CURSOR_LEN || next.data[0] != CURSOR_VERSION || next.data[2] != 0 ||
		next.data[3] != 0)
		return refuse(ask, "`next` is not from a page of this daemon: ask anew");
	ask->at = (struct cursor){
		.flags = next.data[1],
		.read = load_be64(next.data + 4),
		.position = load_be64(next.data + 12),
		.matched = load_be64(next.data + 20),
		.gaps = load_be64(next.data + 28),
		.end = load_be64(next.data + 36),
		.due = load_be64(next.data + 44),
	};
	uint8_t known = CURSOR_INDEXED;
	if (ask->look->op->request.kind == REQUEST_REPORT)
		known |= CURSOR_KEYS | CURSOR_DOUBTS;
	if ((ask->at.flags & ~known) != flags_of(&ask->question->paging))
		return refuse(ask, "`next` belongs to a question in another order: ask anew");
	return true;
}

/* The record that `next` names must say that this peer asked this question. */
static bool on_record(struct ask *ask)
{
	struct record r = { 0 };
	struct span salt, payload;
	const uint8_t *bytes = NULL;
	if (ask->at.read < ask->look->head.size)
		bytes = sweep_record(&ask->sweep, ask->at.read);
	if (bytes)
		record_decode(bytes, &r);
	if (bytes && r.kind == KIND_EVENT && r.source == 0 &&
		sweep_payload(&ask->sweep, ask->at.read, &r, &salt, &payload) == TRAIL_OK &&
		trace_tells(ask->look->op, payload))
		return true;
	return refuse(ask,
		"`next` belongs to another question, or to one that is not on record for you: ask "
		"anew");
}

/* Where a question's first page begins. */
static void cursor_first(struct ask *ask)
{
	ask->at = (struct cursor){
		.flags = flags_of(&ask->question->paging),
		.read = ask->look->op->own_index,
		.position = ask->down ? UINT64_MAX : 0,
	};
}

/* ---- what is asked ---- */

/* Low and high of a Get. */
static bool range_of_get(struct ask *ask)
{
	const struct question *q = ask->question;
	uint64_t count = q->count ? q->count : 1;
	if (q->index >= ask->high) {
		op_refuse(ask->look->op, TRAIL_INVALID,
			"index %llu is not below the log's size, %llu",
			(unsigned long long)q->index, (unsigned long long)ask->look->head.size);
		return false;
	}
	ask->low = q->index;
	if (count < ask->high - ask->low)
		ask->high = ask->low + count;
	return true;
}

/* No index outside of all that are asked for can match. */
static void range_of_terms(struct ask *ask)
{
	uint64_t first = UINT64_MAX, last = 0;
	bool asked = false;
	for (size_t i = 0; i < ask->query->count; i++) {
		const struct query_term *term = &ask->query->terms[i];
		if (term->field != QUERY_INDEX || term->negated)
			continue;
		asked = true;
		first = term->from < first ? term->from : first;
		last = term->to > last ? term->to : last;
	}
	if (asked && first > ask->low)
		ask->low = first;
	if (asked && last < ask->high)
		ask->high = last + 1;
}

/* Nor one of those that are left out from the log's beginning on, or to its end. */
static void range_of_negations(struct ask *ask)
{
	for (size_t i = 0; i < ask->query->count; i++) {
		const struct query_term *term = &ask->query->terms[i];
		if (term->field != QUERY_INDEX || !term->negated)
			continue;
		if (term->from == 0 && term->to >= ask->low && term->to < UINT64_MAX)
			ask->low = term->to + 1;
		if (term->to == UINT64_MAX && term->from < ask->high)
			ask->high = term->from;
	}
}

static void range_of_query(struct ask *ask)
{
	const struct paging *paging = &ask->question->paging;
	if (!ask->down)
		ask->low = paging->from;
	else if (paging->from != 0 && paging->from < ask->high)
		ask->high = paging->from;
	range_of_terms(ask);
	range_of_negations(ask);
}

/* The range that is left, of [low, high). */
static void range_from_cursor(struct ask *ask)
{
	if (ask->down && ask->at.position < ask->high)
		ask->high = ask->at.position;
	if (!ask->down && ask->at.position > ask->low)
		ask->low = ask->at.position;
	if (ask->low > ask->high)
		ask->low = ask->high;
}

static bool set_range(struct ask *ask)
{
	const struct paging *paging = &ask->question->paging;
	if (!lookup_size(ask->look, paging->size, &ask->size))
		return false;
	if (ask->size <= ask->at.read)
		return refuse(ask, "`size` is not above the index of the question itself");
	ask->high = paging->follow_ms ? ask->size : ask->at.read;
	if (ask->events)
		range_of_query(ask);
	else if (!range_of_get(ask))
		return false;
	range_from_cursor(ask);
	return true;
}

/* ---- whom it is about ---- */

/* The name of entry `index`, of `kind`; a view until the next call. Index 0 is the log itself. */
static enum trail_err name_of(
	struct ask *ask, uint64_t index, enum record_kind kind, struct span *name)
{
	struct met *met = &ask->met[index % NAMES_MET];
	enum trail_err err = TRAIL_OK;
	*name = span_text("traild");
	if (index == 0)
		return TRAIL_OK;
	if (met->entry != index) {
		met->entry = 0;
		err = entry_name(&ask->sweep, &ask->look->head, index, kind, met->name);
		met->entry = err ? 0 : index;
	}
	*name = span_text(met->name);
	return err;
}

static struct span copy_name(struct span name, char to[ENTRY_NAME_MAX + 1])
{
	if (name.len != 0)
		memcpy(to, name.data, name.len);
	return span_of(to, name.len);
}

/* *yes: whether the question is about `source`. */
static enum trail_err concerns(struct ask *ask, uint64_t source, bool *yes)
{
	struct query_view view = { .source = { 0 } };
	enum trail_err err = TRAIL_OK;
	if (ask->asks_source)
		err = name_of(ask, source, KIND_SOURCE, &view.source);
	*yes = !ask->asks_source || (!err && query_allows(ask->query, QUERY_SOURCE, &view));
	return err;
}

/* ---- looking ---- */

/*
 * What an event must hold as it is asked for, so that most are passed by without a walk: texts of
 * fields that are asked for but once.
 */
static void gather_needles(struct ask *ask)
{
	for (size_t i = 0; i < QUERY_FIELDS; i++) {
		enum query_field field = (enum query_field)i;
		struct span needle = query_needle(ask->query, field);
		if (needle.len != 0 && field != QUERY_SOURCE && field != QUERY_PEER)
			ask->needles[ask->needle_count++] = needle;
	}
}

static bool may_match(const struct ask *ask, struct span payload)
{
	for (size_t i = 0; i < ask->needle_count; i++)
		if (!memmem(payload.data, payload.len, ask->needles[i].data, ask->needles[i].len))
			return false;
	return true;
}

/*
 * *matches: whether the event answers; then view->facts are its, in *facts. TRAIL_CORRUPT: it is no
 * event, though committed to. */
static enum trail_err judge_event(const struct ask *ask, struct query_view *view,
	struct event_facts *facts, struct span payload, bool *matches)
{
	const struct paging *paging = &ask->question->paging;
	struct event_fault fault;
	*matches = false;
	if (!may_match(ask, payload))
		return TRAIL_OK;
	if (event_walk(payload, facts, &fault) != TRAIL_OK)
		return TRAIL_CORRUPT;
	view->facts = facts;
	*matches = query_matches(ask->query, view) &&
		(paging->since_ns == 0 || facts->time_ns >= paging->since_ns) &&
		(paging->until_ns == 0 || facts->time_ns < paging->until_ns);
	return TRAIL_OK;
}

/*
 * What the record and its names say of an event goes to *view, whose names are copied to `names`,
 * since the second may drive the first out. *matches: whether the question is about such.
 */
static enum trail_err judge_record(struct ask *ask, const struct record *r, struct query_view *view,
	char names[2][ENTRY_NAME_MAX + 1], bool *matches)
{
	enum trail_err err = TRAIL_OK;
	if (ask->asks_source)
		err = name_of(ask, r->source, KIND_SOURCE, &view->source);
	view->source = copy_name(view->source, names[0]);
	if (!err && ask->asks_peer)
		err = name_of(ask, r->peer, KIND_PEER, &view->peer);
	view->peer = copy_name(view->peer, names[1]);
	*matches = !err && query_allows_record(ask->query, view);
	return err;
}

/* One more of what the event has, or its row. TRAIL_END: the page is full. */
static enum trail_err put_event(struct ask *ask, const struct query_view *view,
	const uint8_t bytes[RECORD_LEN], const struct record *r, struct span salt,
	struct span payload)
{
	char room[QUERY_ROOM_LEN];
	if (ask->counts)
		return counts_add(ask->counts, group_key(ask->question, view, room), 1) ? TRAIL_OK
											: TRAIL_END;
	return page_add(&ask->page, view->index, bytes, r, salt, payload);
}

/* The record, if it answers, goes to the page. TRAIL_END: the page is full. */
static enum trail_err take(
	struct ask *ask, uint64_t index, const uint8_t bytes[RECORD_LEN], const struct record *r)
{
	struct query_view view = { .index = index, .class_no = r->class_no };
	struct event_facts facts;
	char names[2][ENTRY_NAME_MAX + 1];
	struct span salt = { 0 }, payload = { 0 };
	bool matches = true;
	bool count = ask->question->paging.count;
	if (ask->events && r->kind != KIND_EVENT)
		return TRAIL_OK;
	if (ask->events && judge_record(ask, r, &view, names, &matches))
		return TRAIL_CORRUPT;
	if (!matches)
		return TRAIL_OK;
	if (count && !ask->asks_event) {
		ask->at.matched++;
		return TRAIL_OK;
	}
	/* This version erases nothing: a payload that is not there was taken away. */
	if (sweep_payload(&ask->sweep, index, r, &salt, &payload))
		return TRAIL_CORRUPT;
	if (ask->events && judge_event(ask, &view, &facts, payload, &matches))
		return TRAIL_CORRUPT;
	if (!matches)
		return TRAIL_OK;
	enum trail_err err = TRAIL_OK;
	if (!count)
		err = put_event(ask, &view, bytes, r, salt, payload);
	ask->at.matched += err == TRAIL_OK;
	return err;
}

/* The source of which the record itself tells a loss; *loss: whether it does. */
static enum trail_err find_loss(
	struct ask *ask, uint64_t index, const struct record *r, uint64_t *source, bool *loss)
{
	uint8_t room[DAEMON_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct daemon_entry entry;
	struct span salt, payload;
	*source = r->source;
	*loss = r->kind == KIND_EVENT && (r->flags & FLAG_LOSS) != 0;
	if (r->kind != KIND_DAEMON || index == 0)
		return TRAIL_OK;
	if (sweep_payload(&ask->sweep, index, r, &salt, &payload) ||
		daemon_entry_decode(payload, &arena, &entry))
		return TRAIL_CORRUPT;
	*source = entry.source;
	*loss = entry.what == DAEMON_LOSS;
	return TRAIL_OK;
}

static enum trail_err count_gaps(struct ask *ask, uint64_t index, const struct record *r)
{
	uint64_t source;
	bool loss, ours = false;
	enum trail_err err = find_loss(ask, index, r, &source, &loss);
	if (!err && loss)
		err = concerns(ask, source, &ours);
	if (!err)
		ask->at.gaps += ours;
	return err;
}

/*
 * The record must be the one that its neighbour, looked at before, was chained with. One record of
 * a page must lie in the signed tree, and so do all below it: downwards that is the first.
 */
static enum trail_err chain(
	struct ask *ask, uint64_t index, const uint8_t bytes[RECORD_LEN], const struct record *r)
{
	struct hash leaf;
	record_leaf(bytes, &leaf);
	if (ask->chained && !hash_equal(ask->down ? &leaf : &r->prev, &ask->link))
		return TRAIL_CORRUPT;
	if (!ask->chained && ask->down &&
		!store_proves(ask->look->txn, &ask->look->head, index, &leaf))
		return TRAIL_CORRUPT;
	ask->chained = true;
	ask->link = ask->down ? r->prev : leaf;
	return TRAIL_OK;
}

/* Upwards it is the last. */
static enum trail_err chain_end(const struct ask *ask)
{
	if (!ask->chained || ask->down ||
		store_proves(ask->look->txn, &ask->look->head, ask->at.position - 1, &ask->link))
		return TRAIL_OK;
	return TRAIL_CORRUPT;
}

static enum trail_err look_at(struct ask *ask, uint64_t index)
{
	struct record r;
	const uint8_t *bytes = sweep_record(&ask->sweep, index);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	enum trail_err err = take(ask, index, bytes, &r);
	if (!err)
		err = chain(ask, index, bytes, &r);
	if (!err && ask->events)
		err = count_gaps(ask, index, &r);
	return err;
}

static bool nothing_left(const struct ask *ask)
{
	return ask->down ? ask->at.position <= ask->low : ask->at.position >= ask->high;
}

static bool time_is_over(const struct ask *ask)
{
	return clock_now().boot_ns > ask->end_ns;
}

/* Read the records [from, to). TRAIL_END: the page is full, or its time is over. */
static enum trail_err scan(struct ask *ask, uint64_t from, uint64_t to)
{
	for (uint64_t i = 0; i < to - from; i++) {
		uint64_t index = ask->down ? to - 1 - i : from + i;
		if (i % CLOCK_EVERY == CLOCK_EVERY - 1 && time_is_over(ask))
			return TRAIL_END;
		enum trail_err err = look_at(ask, index);
		if (err)
			return err;
		ask->at.position = ask->down ? index : index + 1;
	}
	return TRAIL_OK;
}

/* ---- with the index ---- */

/* The records that are left of [from, to). */
static void left_of(const struct ask *ask, uint64_t *from, uint64_t *to)
{
	if (ask->down && ask->at.position < *to)
		*to = ask->at.position;
	if (!ask->down && ask->at.position > *from)
		*from = ask->at.position;
}

/*
 * TRAIL_MORE for what went wrong with the index, which is no fault of the log's: a segment that is
 * damaged is left out from now on, and an index that cannot be read is left alone.
 */
static enum trail_err of_index(struct ask *ask, enum trail_err err)
{
	if (err == TRAIL_IO || err == TRAIL_NOMEM) {
		hits_close(ask->hits);
		ask->hits = NULL;
	}
	return err == TRAIL_OK || err == TRAIL_END ? err : TRAIL_MORE;
}

/* Count what answers without doubt in the part that is passed: up to `edge`, and without it. */
static enum trail_err count_passed(struct ask *ask, uint64_t from, uint64_t to, uint64_t edge)
{
	uint64_t sum = 0;
	if (!ask->question->paging.count || (ask->at.flags & CURSOR_DOUBTS) != 0)
		return TRAIL_OK;
	enum trail_err err = of_index(
		ask, hits_count(ask->hits, ask->down ? edge : from, ask->down ? to : edge, &sum));
	if (!err)
		ask->at.matched += sum;
	return err;
}

/*
 * A record that is no row, so that nobody gets its proof: it must lie in the signed tree, or who
 * changed it could make it answer otherwise. (Where records are read one after the other, they are
 * chained.)
 */
static bool is_signed(struct ask *ask, uint64_t index, const uint8_t bytes[RECORD_LEN])
{
	struct hash leaf;
	record_leaf(bytes, &leaf);
	return head_proves(&ask->look->head, nodes_get, &ask->nodes, index, &leaf);
}

/*
 * A record that the index names: judged as any. TRAIL_MORE: the index said for sure that it
 * answers, and it does not; nothing that is damaged may answer.
 */
static enum trail_err judge_hit(struct ask *ask, const struct hits_hit *hit)
{
	struct record r;
	uint64_t before = ask->at.matched;
	size_t rows = ask->page.row_count;
	const uint8_t *bytes = sweep_record(&ask->sweep, hit->index);
	enum trail_err err = TRAIL_OK;
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	if (hit->event)
		err = take(ask, hit->index, bytes, &r);
	if (!err && hit->sure && ask->at.matched == before) {
		hits_accuse(ask->hits, hit->index);
		return TRAIL_MORE;
	}
	if (!err && ask->page.row_count == rows && !is_signed(ask, hit->index, bytes))
		return TRAIL_CORRUPT;
	return !err && hit->loss ? count_gaps(ask, hit->index, &r) : err;
}

/*
 * Look at what the index names in [from, to). TRAIL_END as scan. TRAIL_MORE: what is left is to be
 * looked at in another way.
 */
static enum trail_err look_up(struct ask *ask, uint64_t from, uint64_t to)
{
	/* What is sure was counted before, where the index told of it. */
	bool told = (ask->at.flags & CURSOR_DOUBTS) != 0;
	bool count = ask->question->paging.count || told;
	ask->at.flags |= CURSOR_INDEXED;
	for (unsigned n = 1;; n++) {
		struct hits_hit hit;
		left_of(ask, &from, &to);
		enum trail_err found =
			of_index(ask, hits_next(ask->hits, from, to, ask->down, count, &hit));
		bool over = found == TRAIL_END;
		/* Where the place is when all before the hit was looked at. */
		uint64_t edge = over ? (ask->down ? from : to) : hit.index + ask->down;
		enum trail_err err = over || !found ? count_passed(ask, from, to, edge) : found;
		if (!err) {
			ask->at.position = edge;
			err = over ? TRAIL_OK : judge_hit(ask, &hit);
		}
		if (err || over)
			return err;
		ask->at.position = ask->down ? hit.index : hit.index + 1;
		if (n % HITS_EVERY == 0 && time_is_over(ask))
			return TRAIL_END;
	}
}

/* ---- a report from the index ---- */

/* Whether a report stands amid a part of the log. */
static bool is_amid(const struct ask *ask)
{
	return (ask->at.flags & (CURSOR_KEYS | CURSOR_DOUBTS)) != 0;
}

/* What the report begins with: the keys of a part of the log, one after another. */
static enum trail_err begin_keys(struct ask *ask, uint64_t from, uint64_t end)
{
	enum trail_err err = of_index(ask, hits_count(ask->hits, from, end, &ask->at.due));
	if (err)
		return err;
	ask->at.position = from;
	ask->at.end = end;
	ask->at.flags |= CURSOR_KEYS | CURSOR_INDEXED;
	return TRAIL_OK;
}

/* Put key for key. TRAIL_END: there is no room, or no time. TRAIL_CORRUPT: the index is damaged. */
static enum trail_err put_keys(struct ask *ask, struct census *census)
{
	for (unsigned n = 1;; n++) {
		struct span key;
		uint64_t count;
		enum trail_err err = census_next(census, &key, &count);
		if (err == TRAIL_END)
			break;
		if (err)
			return err;
		if (count > ask->at.due)
			return TRAIL_CORRUPT;
		if (!counts_add(ask->counts, key, count))
			return TRAIL_END;
		ask->at.matched += count;
		ask->at.due -= count;
		/* The hours of one bucket are not parted: the next page begins behind it. */
		bool may_part = ask->question->by != GROUP_TIME;
		if (may_part && n % CLOCK_EVERY == 0 && time_is_over(ask))
			return TRAIL_END;
	}
	/* What is left has no value. */
	if (ask->at.due != 0 && !counts_add(ask->counts, span_of(NULL, 0), ask->at.due))
		return TRAIL_END;
	ask->at.matched += ask->at.due;
	ask->at.due = 0;
	ask->at.flags = (uint8_t)((ask->at.flags & ~CURSOR_KEYS) | CURSOR_DOUBTS);
	return TRAIL_OK;
}

/* The index changed under a report that is half told: the client asks anew. */
static enum trail_err refuse_half(struct ask *ask)
{
	op_refuse(ask->look->op, TRAIL_UNAVAILABLE,
		"the index changed while the report was made: ask anew");
	ask->refused = true;
	return TRAIL_END;
}

/*
 * The keys of [from, to), or of its beginning; TRAIL_MORE: this page looks at the records
 * themselves.
 */
static enum trail_err tell_keys(struct ask *ask, uint64_t from, uint64_t to)
{
	const struct cursor before = ask->at;
	bool on = (ask->at.flags & CURSOR_KEYS) != 0;
	const struct census_wish wish = { ask->question->by, ask->question->bucket_ns,
		on ? ask->question->after : span_of(NULL, 0) };
	struct census *census;
	uint64_t end = on ? ask->at.end : to;
	if (end > to || end <= from)
		return refuse_half(ask);
	ask->end_ns = clock_now().boot_ns + CENSUS_NS;
	enum trail_err err = census_open(ask->hits, &wish, from, &end, &census);
	if (on && (err || end != ask->at.end)) {
		if (!err)
			census_close(census);
		return refuse_half(ask);
	}
	if (err)
		return TRAIL_MORE;
	if (!on)
		err = begin_keys(ask, from, end);
	if (!err)
		err = put_keys(ask, census);
	census_close(census);
	if (err == TRAIL_OK || err == TRAIL_END)
		return err;
	if (on)
		return refuse_half(ask);
	/* Nothing of it was told: as if it had not begun. */
	ask->at = before;
	counts_clear(ask->counts);
	return TRAIL_MORE;
}

/*
 * What the index tells of a report about [from, to). TRAIL_END, TRAIL_MORE as look_up.
 */
static enum trail_err tell(struct ask *ask, uint64_t from, uint64_t to)
{
	enum trail_err err = TRAIL_OK;
	if ((ask->at.flags & CURSOR_DOUBTS) == 0) {
		/* A page of keys in order has no others before them: the last says where to go on.
		 */
		if (ask->counts->count != 0)
			return TRAIL_END;
		err = tell_keys(ask, from, to);
		ask->by_hand = err == TRAIL_MORE;
	}
	if (err)
		return err;
	if (ask->at.end > to)
		return refuse_half(ask);
	err = look_up(ask, from, ask->at.end);
	if (!err)
		ask->at.flags &= (uint8_t)~CURSOR_DOUBTS;
	return err == TRAIL_MORE ? refuse_half(ask) : err;
}

/* The part of [low, high) where the look goes on. */
static struct hits_part next_part(const struct ask *ask)
{
	uint64_t from = ask->low, to = ask->high;
	struct hits_part part = { .from = 0, .to = UINT64_MAX };
	left_of(ask, &from, &to);
	if (ask->hits)
		part = hits_part(ask->hits, ask->down ? to - 1 : from);
	part.from = part.from > from ? part.from : from;
	part.to = part.to < to ? part.to : to;
	return part;
}

/* Whether a report is told by the index, as far as that reaches. */
static bool tells(const struct ask *ask)
{
	const struct census_wish wish = { .by = ask->question->by,
		.bucket_ns = ask->question->bucket_ns };
	return ask->counts && !ask->down && !ask->by_hand && !ask->question->paging.count &&
		census_can(&wish);
}

/* Look until the page is full, its time is over, or nothing is left. */
static enum trail_err look_on(struct ask *ask)
{
	enum trail_err err = TRAIL_OK;
	while (!err && !nothing_left(ask)) {
		struct hits_part part = next_part(ask);
		if (is_amid(ask) && !(part.indexed && tells(ask))) {
			err = refuse_half(ask);
		} else if (part.indexed) {
			/* What was scanned must be found to be chained first. */
			err = chain_end(ask);
			ask->chained = false;
			if (!err)
				err = tells(ask) ? tell(ask, part.from, part.to)
						 : look_up(ask, part.from, part.to);
			if (err == TRAIL_MORE)
				err = TRAIL_OK;
		} else {
			err = scan(ask, part.from, part.to);
		}
	}
	return err == TRAIL_END ? TRAIL_OK : err;
}

/* ---- the answer ---- */

/* What is known to be missing, at the end. */
static enum trail_err complete(struct ask *ask, struct completeness *out)
{
	struct source_standing s = { .source = 0 };
	bool damaged = false;
	uint64_t now = clock_now().real_ns;
	*out = (struct completeness){ .method = ask->at.flags & CURSOR_INDEXED ? METHOD_INDEX
									       : METHOD_SCAN,
		.gaps = ask->at.gaps,
		.witnessed = store_witnessed(ask->look->store, NULL) };
	while (standing_next(ask->look->txn, s.source, now, &s, &damaged) &&
		s.source < ask->look->head.size) {
		bool ours;
		if (concerns(ask, s.source, &ours))
			return TRAIL_CORRUPT;
		if (!ours)
			continue;
		out->sources++;
		out->current += standing_current(&s);
		out->gaps += s.missing != 0;
	}
	return damaged || db_error(ask->look->txn) ? TRAIL_CORRUPT : TRAIL_OK;
}

static enum trail_err finish(struct ask *ask)
{
	struct op *op = ask->look->op;
	const struct paging *paging = &ask->question->paging;
	struct rows rows = {
		.rows = ask->page.rows,
		.row_count = ask->page.row_count,
		.named = ask->page.named,
		.read = ask->at.read,
		.matched = ask->at.matched,
		/* A part that is being told is looked at, though not all of it is told. */
		.position = is_amid(ask) ? ask->at.end : ask->at.position,
		.done = paging->follow_ms == 0 && nothing_left(ask),
	};
	enum trail_err err = TRAIL_OK;
	if (ask->question->want_genesis && page_name(&ask->page, 0))
		err = TRAIL_CORRUPT;
	if (!err)
		err = page_close(&ask->page);
	if (!err && rows.done && ask->events)
		err = complete(ask, &rows.completeness);
	if (err)
		return err;
	rows.named_count = ask->page.named_count;
	rows.counts = ask->counts ? ask->counts->list : NULL;
	rows.count_count = ask->counts ? ask->counts->count : 0;
	rows.next = cursor_keep(ask);
	if (paging->size == 0)
		rows.checkpoint =
			lookup_keep(ask->look, ask->look->head.note, ask->look->head.note_len);
	op->response.kind = RESPONSE_ROWS;
	op->response.rows = rows;
	return TRAIL_OK;
}

static bool is_small(const struct request *request)
{
	const struct question *q = &request->question;
	return q->paging.follow_ms != 0 || request->kind == REQUEST_REPORT ||
		(request->kind == REQUEST_GET && q->count <= 1);
}

static size_t rows_of(const struct request *request)
{
	size_t most = is_small(request) ? SMALL_ROWS : ROWS_MAX;
	uint32_t limit = request->question.paging.limit;
	return limit != 0 && limit < most ? limit : most;
}

static size_t bytes_of(const struct request *request)
{
	return is_small(request) ? SMALL_BYTES : PAGE_BYTES;
}

static size_t extra_of(const struct request *request)
{
	return request->kind == REQUEST_REPORT ? sizeof(struct counts) : 0;
}

size_t ask_need(const struct request *request)
{
	return page_need(rows_of(request), bytes_of(request)) + extra_of(request);
}

uint64_t ask_trace(struct span next)
{
	return next.len == CURSOR_LEN ? load_be64(next.data + 4) : 0;
}

/* The first page, or a later one whose question is on record. False: refused. */
static bool begin_cursor(struct ask *ask)
{
	struct span next = ask->question->paging.next;
	uint64_t traced = ask->look->op->own_index;
	if (next.len == 0) {
		cursor_first(ask);
		return true;
	}
	if (!cursor_read(ask, next))
		return false;
	if (traced == 0)
		return on_record(ask);
	ask->at.read = traced;
	return true;
}

/* What the question needs to know of each record. */
static void understand(struct ask *ask)
{
	const struct paging *paging = &ask->question->paging;
	ask->asks_event =
		query_asks_event(ask->query) || paging->since_ns != 0 || paging->until_ns != 0;
	ask->asks_source =
		query_asks(ask->query, QUERY_SOURCE) || ask->question->by == GROUP_SOURCE;
	ask->asks_peer = query_asks(ask->query, QUERY_PEER) || ask->question->by == GROUP_PEER;
	gather_needles(ask);
}

/* Without memory for them the log itself is read. */
static void open_hits(struct ask *ask)
{
	const struct paging *paging = &ask->question->paging;
	ask->asked = (struct match_question){ ask->query, paging->since_ns, paging->until_ns };
	if (ask->look->catalog && ask->events && !paging->scan)
		ask->hits = hits_open(ask->look->catalog, &ask->asked);
}

/* False: refused. */
static bool begin(struct ask *ask)
{
	struct lookup *look = ask->look;
	sweep_begin(&ask->sweep, look->store, look->txn, look->chunker);
	nodes_begin(&ask->nodes, look->txn);
	understand(ask);
	if (!begin_cursor(ask) || !set_range(ask))
		return false;
	const struct request *request = &look->op->request;
	ask->page = (struct page){ .look = look, .sweep = &ask->sweep, .size = ask->size };
	open_hits(ask);
	if (!page_open(&ask->page, rows_of(request), bytes_of(request), extra_of(request)))
		return false;
	if (request->kind == REQUEST_REPORT) {
		ask->counts = ask->page.extra;
		ask->counts->seed = load_be64(look->head.root.b);
	}
	return true;
}

void ask_answer(struct lookup *look)
{
	const struct op *op = look->op;
	struct ask ask = {
		.look = look,
		.question = &op->request.question,
		.query = &op->query,
		.events = op->request.kind != REQUEST_GET,
		.down = op->request.question.paging.newest_first,
		.end_ns = clock_now().boot_ns + PAGE_NS,
	};
	if (!begin(&ask))
		return;
	if (ask.low == ask.high)
		ask.at.position = ask.low;
	enum trail_err err = look_on(&ask);
	if (!err && ask.refused)
		err = TRAIL_UNAVAILABLE;
	if (!err)
		err = chain_end(&ask);
	/* Who follows waits for what is new, not for what is left out of the range. */
	if (op->request.question.paging.follow_ms != 0 && nothing_left(&ask))
		ask.at.position = ask.size;
	if (!err)
		err = finish(&ask);
	hits_close(ask.hits);
	if (err && !ask.refused)
		lookup_damaged(look);
}
