/* SPDX-License-Identifier: Apache-2.0 */
#include "small_log.h"

#include "../../proto/codec.h"

#include <stdio.h>
#include <stdlib.h>

static const char ORIGIN[] = "example.org/log";

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- the log ---- */

static void put_event(struct buf *out, uint64_t i)
{
	char object[8];
	(void)snprintf(object, sizeof object, "/o/%u", (unsigned)(i % 2));
	struct event_value event = {
		.time_ns = LOG_TIME_NS + (int64_t)i,
		.action = ACTION_READ,
		.actor.id = span_text(i % 3 == 0 ? "anna" : "bo"),
		.object.id = span_text(object),
	};
	event_encode(&event, out);
}

static void put_payload(struct buf *out, uint64_t i)
{
	const struct genesis genesis = { .format = 1, .origin = span_text(ORIGIN) };
	const struct peer_name peer = { .type = PEER_UNIX_USER, .name = span_text("1000") };
	if (i == 0)
		genesis_encode(&genesis, out);
	else if (i == LOG_PEER)
		peer_encode(&peer, out);
	else if (i < LOG_FIRST)
		source_encode(span_text(i == LOG_ALPHA ? "alpha" : "beta"), out);
	else
		put_event(out, i);
}

static struct record record_at(uint64_t i)
{
	static const uint8_t KINDS[LOG_FIRST] = { KIND_DAEMON, KIND_PEER, KIND_SOURCE,
		KIND_SOURCE };
	struct record r = {
		.version = RECORD_VERSION,
		.kind = i < LOG_FIRST ? KINDS[i] : KIND_EVENT,
		.received_ns = (uint64_t)LOG_TIME_NS + i,
	};
	bool sent = i >= LOG_FIRST && i != LOG_READ;
	if (sent)
		r.source = i % 2 == 0 ? LOG_ALPHA : LOG_BETA;
	if (sent || i == LOG_ALPHA || i == LOG_BETA)
		r.peer = LOG_PEER;
	if (i >= LOG_FIRST)
		r.seq = i;
	return r;
}

void small_log_chain(struct small_log *log)
{
	struct hash prev = { 0 };
	for (uint64_t i = 0; i < LOG_RECORDS; i++) {
		struct record r;
		record_decode(log->records[i], &r);
		r.prev = prev;
		record_commitment(log->salts[i], buf_view(&log->payloads[i]), &r.commitment);
		record_encode(&r, log->records[i]);
		record_leaf(log->records[i], &log->leaves[i]);
		prev = log->leaves[i];
	}
}

void small_log_make(struct small_log *log)
{
	static const uint8_t SEED[SIGN_SEED_LEN] = { 7 };
	*log = (struct small_log){ 0 };
	must(crypto_init() && skey_make(span_text(ORIGIN), SEED, &log->skey) == TRAIL_OK);
	for (uint64_t i = 0; i < LOG_RECORDS; i++) {
		struct record r = record_at(i);
		record_encode(&r, log->records[i]);
		memset(log->salts[i], (int)(0x40 + i), SALT_LEN);
		put_payload(&log->payloads[i], i);
	}
	small_log_chain(log);
}

void small_log_release(struct small_log *log)
{
	for (uint64_t i = 0; i < LOG_RECORDS; i++)
		buf_release(&log->payloads[i]);
}

void small_log_change(struct small_log *log, uint64_t index, uint8_t kind, struct span payload)
{
	log->records[index][1] = kind;
	buf_clear(&log->payloads[index]);
	buf_put_span(&log->payloads[index], payload);
	small_log_chain(log);
}

static enum trail_err node_of(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct small_log *log = ctx;
	struct frontier f = { 0 };
	uint64_t first = index << level, count = UINT64_C(1) << level;
	for (uint64_t i = first; i < first + count; i++)
		frontier_append(&f, &log->leaves[i], NULL, NULL);
	frontier_root(&f, out);
	return TRAIL_OK;
}

/* What asks for nodes takes a pointer to what may change; node_of changes nothing. */
static void *nodes_of(const struct small_log *log)
{
	return (void *)(uintptr_t)log;
}

void small_log_sign(const struct small_log *log, uint64_t size, struct buf *note)
{
	struct checkpoint cp = { .size = size };
	struct buf text = { 0 };
	memcpy(cp.origin, ORIGIN, sizeof ORIGIN);
	must(tree_root(size, node_of, nodes_of(log), &cp.root) == TRAIL_OK);
	checkpoint_put(&text, &cp);
	must(note_sign(buf_view(&text), &log->skey, note) == TRAIL_OK);
	buf_release(&text);
}

struct log_identity small_log_identity(const struct small_log *log)
{
	return (struct log_identity){ .vkey = log->skey.vkey, .genesis = log->leaves[0] };
}

void small_log_path(
	const struct small_log *log, uint64_t index, uint64_t size, struct tree_proof *proof)
{
	must(tree_inclusion(index, size, node_of, nodes_of(log), proof) == TRAIL_OK);
}

void small_log_growth(
	const struct small_log *log, uint64_t from, uint64_t to, struct tree_proof *proof)
{
	must(tree_consistency(from, to, node_of, nodes_of(log), proof) == TRAIL_OK);
}

/* ---- its pages ---- */

static void put_item(struct small_page *p, struct evidence_item *item, const struct small_log *log,
	uint64_t index)
{
	size_t at = p->items++;
	struct span payload = buf_view(&log->payloads[index]);
	must(payload.len <= PAGE_PAYLOAD);
	memcpy(p->records[at], log->records[index], RECORD_LEN);
	memcpy(p->salts[at], log->salts[index], SALT_LEN);
	memcpy(p->payloads[at], payload.data, payload.len);
	*item = (struct evidence_item){
		.index = index,
		.record = span_of(p->records[at], RECORD_LEN),
		.path = p->paths[at],
	};
	if (log->erased[index])
		return;
	item->salt = span_of(p->salts[at], SALT_LEN);
	item->payload = span_of(p->payloads[at], payload.len);
}

static void prove(struct small_page *p, struct evidence_item *item, const struct small_log *log,
	uint64_t size)
{
	struct tree_proof proof;
	struct hash *path = p->paths[(item->record.data - p->records[0]) / RECORD_LEN];
	small_log_path(log, item->index, size, &proof);
	must(proof.count <= PAGE_PATH);
	memcpy(path, proof.path, proof.count * sizeof path[0]);
	item->path_count = proof.count;
}

static void name(struct small_page *p, const struct small_log *log, uint64_t index)
{
	for (size_t i = 0; i < p->page.named_count; i++)
		if (p->named[i].index == index)
			return;
	must(p->page.named_count < PAGE_NAMED);
	put_item(p, &p->named[p->page.named_count++], log, index);
}

static bool answers(const struct small_log *log, const struct answer *asked, uint64_t index)
{
	const struct paging *bounds = &asked->question.paging;
	struct event_facts facts = { 0 };
	struct event_fault fault;
	struct record r;
	record_decode(log->records[index], &r);
	if (asked->kind == REQUEST_GET)
		return true;
	if (r.kind != KIND_EVENT)
		return false;
	if (!log->erased[index] &&
		event_walk(buf_view(&log->payloads[index]), &facts, &fault) != TRAIL_OK)
		return false;
	const struct query_view view = {
		.index = index,
		.class_no = r.class_no,
		.source = span_text(r.source == LOG_ALPHA ? "alpha"
				: r.source == LOG_BETA    ? "beta"
							  : "traild"),
		.peer = span_text(r.peer == 0           ? "traild"
				: log->erased[LOG_PEER] ? ""
							: "unix:1000"),
		.facts = &facts,
	};
	return query_matches(&asked->query, &view) &&
		(bounds->since_ns == 0 || facts.time_ns >= bounds->since_ns) &&
		(bounds->until_ns == 0 || facts.time_ns < bounds->until_ns);
}

static void add_row(struct small_page *p, const struct small_log *log, uint64_t index)
{
	struct record r;
	record_decode(log->records[index], &r);
	put_item(p, &p->rows[p->page.row_count++], log, index);
	if (r.source != 0)
		name(p, log, r.source);
	if (r.peer != 0)
		name(p, log, r.peer);
}

/* Where the pages before ended. */
static uint64_t start_of(const struct answer *asked)
{
	if (asked->begun)
		return asked->position;
	if (asked->kind == REQUEST_GET)
		return asked->question.index;
	return asked->question.paging.newest_first ? LOG_READ : 0;
}

static void fill(struct small_page *p, const struct small_log *log, const struct answer *asked,
	uint64_t until)
{
	bool down = asked->question.paging.newest_first;
	uint64_t from = asked->question.paging.from;
	uint64_t at = start_of(asked);
	while (at != until) {
		uint64_t index = down ? --at : at++;
		bool inside = from == 0 || (down ? index < from : index >= from);
		if (!inside || !answers(log, asked, index))
			continue;
		p->page.matched++;
		if (!asked->question.paging.count)
			add_row(p, log, index);
	}
	if (asked->question.want_genesis)
		name(p, log, 0);
}

static void prove_all(struct small_page *p, const struct small_log *log, uint64_t size)
{
	for (size_t i = 0; i < p->page.row_count; i++) {
		uint64_t next = p->rows[i].index + 1;
		bool above = i > 0 && p->rows[i - 1].index == next;
		bool below = i + 1 < p->page.row_count && p->rows[i + 1].index == next;
		if (!above && !below)
			prove(p, &p->rows[i], log, size);
	}
	for (size_t i = 0; i < p->page.named_count; i++)
		prove(p, &p->named[i], log, size);
}

void small_page_make(struct small_page *p, const struct small_log *log, const struct answer *asked,
	uint64_t size, uint64_t until)
{
	uint64_t range_end =
		asked->question.index + (asked->question.count ? asked->question.count : 1);
	bool down = asked->question.paging.newest_first;
	bool end = asked->kind == REQUEST_GET ? until == range_end : until == (down ? 0 : LOG_READ);
	bool done = end && !answer_follows(asked);
	*p = (struct small_page){
		.page = {
			.rows = p->rows,
			.named = p->named,
			.read = LOG_READ,
			.matched = asked->matched,
			.position = until,
			.next = span_text("further"),
			.done = done,
		},
	};
	if (done && asked->kind != REQUEST_GET)
		p->page.completeness = (struct completeness){ METHOD_SCAN, 2, 1, 3, 0 };
	fill(p, log, asked, until);
	prove_all(p, log, size);
	if (asked->question.paging.size == 0) {
		small_log_sign(log, size, &p->note);
		p->page.checkpoint = buf_view(&p->note);
	}
}

void small_page_release(struct small_page *p)
{
	buf_release(&p->note);
}
