/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "clock.h"
#include "page.h"
#include "standing.h"
#include "trace.h"

enum {
	CURSOR_VERSION = 1,
	CURSOR_LEN = 36,
	CURSOR_NEWEST_FIRST = 1,
	CURSOR_FOLLOW = 2,
	PAGE_NS = 20 * 1000 * 1000, /* of scanning; then others have their turn */
	CLOCK_EVERY = 64,           /* records between looks at the clock */
	SMALL_BYTES = 64 * 1024,    /* of one record, or of who follows: many may wait */
	SMALL_ROWS = ROWS_MAX / 4,
	DAEMON_ARENA = 1024,
	SOURCE_ARENA = 512,
	SOURCES_MET = 128, /* whose names are looked up once per page, mostly */
};

_Static_assert((int)CURSOR_LEN <= (int)CURSOR_MAX, "`next` has a bound on the wire");

/* What `next` holds: u8 version | u8 flags | u16 0 | u64 read, position, matched, gaps. */
struct cursor {
	uint8_t flags;
	uint64_t read;     /* index of the trace */
	uint64_t position; /* upwards: look from here on; downwards: below */
	uint64_t matched;
	uint64_t gaps;
};

/* A source met on the way, and whether it is the one that is asked for. 0: none yet. */
struct met {
	uint64_t source;
	bool named;
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
	struct met met[SOURCES_MET];
	struct sweep sweep;
	struct page page;
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
	};
	if (ask->at.flags != flags_of(&ask->question->paging))
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

static void range_of_query(struct ask *ask)
{
	const struct paging *paging = &ask->question->paging;
	if (!ask->down)
		ask->low = paging->from;
	else if (paging->from != 0 && paging->from < ask->high)
		ask->high = paging->from;
	if (!query_asks(ask->query, QUERY_INDEX))
		return;
	if (ask->query->index > ask->low)
		ask->low = ask->query->index;
	if (ask->query->index < ask->high)
		ask->high = ask->query->index + 1;
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

/* Whether record `index` with this leaf lies in the tree that is signed. */
static bool in_tree(const struct ask *ask, uint64_t index, const struct hash *leaf)
{
	const struct head *head = &ask->look->head;
	struct tree_proof proof;
	return tree_inclusion(index, head->size, store_node, ask->look->txn, &proof) == TRAIL_OK &&
		tree_inclusion_check(leaf, index, head->size, &proof, &head->root);
}

/*
 * *named: whether the entry of `source` gives it the name that is asked for. The entry must lie in
 * the signed tree: under another name its events would be passed over.
 */
static enum trail_err is_named(struct ask *ask, uint64_t source, bool *named)
{
	uint8_t room[SOURCE_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct span salt, payload, name;
	struct record r;
	struct hash leaf;
	const uint8_t *bytes = store_record(ask->look->txn, source, NULL);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	record_leaf(bytes, &leaf);
	if (r.kind != KIND_SOURCE || !in_tree(ask, source, &leaf) ||
		sweep_payload(&ask->sweep, source, &r, &salt, &payload) ||
		source_decode(payload, &arena, &name))
		return TRAIL_CORRUPT;
	*named = span_equal(name, ask->query->source);
	return TRAIL_OK;
}

/* *yes: whether the question is about `source`. */
static enum trail_err concerns(struct ask *ask, uint64_t source, bool *yes)
{
	struct met *met = &ask->met[source % SOURCES_MET];
	struct span name = ask->query->source;
	*yes = !query_asks(ask->query, QUERY_SOURCE) || (source == 0 && name.len == 0);
	/* No entry has the empty name, which is the log's own. */
	if (*yes || source == 0 || name.len == 0)
		return TRAIL_OK;
	if (met->source != source) {
		enum trail_err err = is_named(ask, source, &met->named);
		if (err)
			return err;
		met->source = source;
	}
	*yes = met->named;
	return TRAIL_OK;
}

/* ---- looking ---- */

/* Ids must stand in the payload as they are: most records are passed by without a walk. */
static bool may_match(const struct query *q, struct span payload)
{
	const struct span ids[] = { q->actor, q->object, q->subject };
	for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++)
		if (query_asks(q, (enum query_field)(QUERY_ACTOR + i)) && ids[i].len != 0 &&
			!memmem(payload.data, payload.len, ids[i].data, ids[i].len))
			return false;
	return true;
}

/* *matches: whether the event answers. TRAIL_CORRUPT: it is no event, though committed to. */
static enum trail_err judge_event(
	const struct ask *ask, uint64_t index, struct span payload, bool *matches)
{
	const struct paging *paging = &ask->question->paging;
	struct event_facts facts;
	struct event_fault fault;
	*matches = false;
	if (!may_match(ask->query, payload))
		return TRAIL_OK;
	if (event_walk(payload, &facts, &fault) != TRAIL_OK)
		return TRAIL_CORRUPT;
	*matches = query_matches(ask->query, index, &facts) &&
		(paging->since_ns == 0 || facts.time_ns >= paging->since_ns) &&
		(paging->until_ns == 0 || facts.time_ns < paging->until_ns);
	return TRAIL_OK;
}

/* Whether the question says anything about an event that only its payload answers. */
static bool asks_payload(const struct ask *ask)
{
	const uint32_t record_fields = UINT32_C(1) << QUERY_SOURCE | UINT32_C(1) << QUERY_INDEX;
	const struct paging *paging = &ask->question->paging;
	return (ask->query->asked & ~record_fields) != 0 || paging->since_ns != 0 ||
		paging->until_ns != 0;
}

/* The record, if it answers, goes to the page. TRAIL_END: the page is full. */
static enum trail_err take(
	struct ask *ask, uint64_t index, const uint8_t bytes[RECORD_LEN], const struct record *r)
{
	struct span salt = { 0 }, payload = { 0 };
	bool matches = true;
	bool count = ask->question->paging.count;
	if (ask->events && r->kind != KIND_EVENT)
		return TRAIL_OK;
	if (ask->events && concerns(ask, r->source, &matches))
		return TRAIL_CORRUPT;
	if (!matches)
		return TRAIL_OK;
	if (count && !asks_payload(ask)) {
		ask->at.matched++;
		return TRAIL_OK;
	}
	/* This version erases nothing: a payload that is not there was taken away. */
	if (sweep_payload(&ask->sweep, index, r, &salt, &payload))
		return TRAIL_CORRUPT;
	if (ask->events && judge_event(ask, index, payload, &matches))
		return TRAIL_CORRUPT;
	if (!matches)
		return TRAIL_OK;
	enum trail_err err = TRAIL_OK;
	if (!count)
		err = page_add(&ask->page, index, bytes, r, salt, payload);
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
	if (!ask->chained && ask->down && !in_tree(ask, index, &leaf))
		return TRAIL_CORRUPT;
	ask->chained = true;
	ask->link = ask->down ? r->prev : leaf;
	return TRAIL_OK;
}

/* Upwards it is the last. */
static enum trail_err chain_end(const struct ask *ask)
{
	if (!ask->chained || ask->down || in_tree(ask, ask->at.position - 1, &ask->link))
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

/* Look until the page is full, its time is over, or nothing is left. */
static enum trail_err look_on(struct ask *ask)
{
	uint64_t left = ask->high - ask->low;
	for (uint64_t i = 0; i < left; i++) {
		uint64_t index = ask->down ? ask->high - 1 - i : ask->low + i;
		if (i % CLOCK_EVERY == CLOCK_EVERY - 1 && clock_now().boot_ns > ask->end_ns)
			return TRAIL_OK;
		enum trail_err err = look_at(ask, index);
		if (err)
			return err == TRAIL_END ? TRAIL_OK : err;
		ask->at.position = ask->down ? index : index + 1;
	}
	return TRAIL_OK;
}

/* ---- the answer ---- */

static bool nothing_left(const struct ask *ask)
{
	return ask->down ? ask->at.position <= ask->low : ask->at.position >= ask->high;
}

/* What is known to be missing, at the end. */
static enum trail_err complete(struct ask *ask, struct completeness *out)
{
	struct source_standing s = { .source = 0 };
	bool damaged = false;
	uint64_t now = clock_now().real_ns;
	*out = (struct completeness){ .method = METHOD_SCAN,
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
		.position = ask->at.position,
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
	return q->paging.follow_ms != 0 || (request->kind == REQUEST_GET && q->count <= 1);
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

size_t ask_need(const struct request *request)
{
	return page_need(rows_of(request), bytes_of(request));
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

/* False: refused. */
static bool begin(struct ask *ask)
{
	struct lookup *look = ask->look;
	sweep_begin(&ask->sweep, look->store, look->txn, look->chunker);
	if (!begin_cursor(ask) || !set_range(ask))
		return false;
	const struct request *request = &look->op->request;
	ask->page = (struct page){ .look = look, .sweep = &ask->sweep, .size = ask->size };
	return page_open(&ask->page, rows_of(request), bytes_of(request), 0);
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
	if (!err)
		err = chain_end(&ask);
	/* Who follows waits for what is new, not for what is left out of the range. */
	if (op->request.question.paging.follow_ms != 0 && nothing_left(&ask))
		ask.at.position = ask.size;
	if (!err)
		err = finish(&ask);
	if (err)
		lookup_damaged(look);
}
