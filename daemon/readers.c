/* SPDX-License-Identifier: Apache-2.0 */
#include "readers.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 16, CURSOR_LEN = 8 };

struct reader {
	struct readers *all;
	struct chunker *chunker;
	pthread_t thread;
};

struct readers {
	struct readers_options options;
	char identity[512];
	size_t identity_len;
	struct queue *queue;
	unsigned started;
	struct reader readers[THREADS_MAX];
};

/* One op being answered. */
struct reading {
	struct reader *reader;
	struct store *store;
	struct op *op;
	struct db_txn *txn;
	struct head head;
};

static void refuse_damaged(struct op *op)
{
	op_refuse(op, TRAIL_UNAVAILABLE,
		"the store is damaged there; the operator must run `traild check`");
}

/* Pieces that must outlive the transaction go to the answer, whose room is reserved first. */
static struct span keep(struct op *op, const void *data, size_t len)
{
	size_t at = op->answer.len;
	buf_put(&op->answer, data, len);
	return op->answer.failed ? span_of(NULL, 0) : span_of(op->answer.data + at, len);
}

static bool answer_room(struct op *op, size_t len)
{
	buf_clear(&op->answer);
	if (buf_reserve(&op->answer, len))
		return true;
	op_refuse(op, TRAIL_BUSY, "memory is out; try again");
	return false;
}

static bool within(struct reading *r, uint64_t index)
{
	if (index < r->head.size)
		return true;
	op_refuse(r->op, TRAIL_INVALID, "index %llu is not below the log's size, %llu",
		(unsigned long long)index, (unsigned long long)r->head.size);
	return false;
}

/* ---- Get ---- */

/* The payload of a control entry that stands in clear, or of a PEER, decoded for its name. */
static bool name_of(struct reading *r, uint64_t index, enum record_kind kind, struct got *got)
{
	uint8_t room[2048];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct buf bytes = { 0 };
	struct span salt, payload, name;
	struct peer_name peer;
	if (index == 0)
		return true;
	enum trail_err err = store_payload(
		r->store, r->txn, r->reader->chunker, index, &bytes, &salt, &payload);
	if (err == TRAIL_OK && kind == KIND_SOURCE) {
		err = source_decode(payload, &arena, &name);
		if (err == TRAIL_OK)
			got->source = keep(r->op, name.data, name.len);
	} else if (err == TRAIL_OK) {
		err = peer_decode(payload, &arena, &peer);
		if (err == TRAIL_OK) {
			got->peer_type = peer.type;
			got->peer = keep(r->op, peer.name.data, peer.name.len);
		}
	}
	buf_release(&bytes);
	return err == TRAIL_OK || err == TRAIL_END;
}

static void get(struct reading *r)
{
	struct op *op = r->op;
	uint64_t index = op->request.question.index;
	struct got got = { 0 };
	struct record record;
	if (!within(r, index) || !answer_room(op, EVENT_LEN_MAX + 8192))
		return;
	const uint8_t *bytes = store_record(r->txn, index, NULL);
	if (!bytes) {
		refuse_damaged(op);
		return;
	}
	record_decode(bytes, &record);
	got.record = keep(op, bytes, RECORD_LEN);
	enum trail_err err = store_payload(r->store, r->txn, r->reader->chunker, index,
		&op->answer, &got.salt, &got.payload);
	bool whole = (err == TRAIL_OK || err == TRAIL_END) &&
		name_of(r, record.source, KIND_SOURCE, &got) &&
		name_of(r, record.peer, KIND_PEER, &got) &&
		tree_inclusion(index, r->head.size, store_node, r->txn, &got.path) == TRAIL_OK;
	if (!whole) {
		refuse_damaged(op);
		return;
	}
	got.checkpoint = keep(op, r->head.note, r->head.note_len);
	op->response.kind = RESPONSE_GOT;
	op->response.got = got;
}

/* ---- Records ---- */

static void records(struct reading *r)
{
	struct op *op = r->op;
	const struct records_wanted *wanted = &op->request.records;
	struct record_page page = { .first = wanted->first };
	uint8_t cursor[CURSOR_LEN];
	if (wanted->next.len == CURSOR_LEN) {
		page.first = load_be64(wanted->next.data);
	} else if (wanted->next.len != 0) {
		op_refuse(op, TRAIL_INVALID, "`next` is not from a page of this log");
		return;
	}
	uint64_t left = page.first < r->head.size ? r->head.size - page.first : 0;
	uint64_t take = wanted->limit != 0 && wanted->limit < RECORD_PAGE_MAX ? wanted->limit
									      : RECORD_PAGE_MAX;
	take = take < left ? take : left;
	if (!answer_room(op, (size_t)take * RECORD_LEN + 1024))
		return;
	for (uint64_t done = 0; done < take;) {
		uint64_t more;
		const uint8_t *bytes = store_record(r->txn, page.first + done, &more);
		if (!bytes) {
			refuse_damaged(op);
			return;
		}
		more = more < take - done ? more : take - done;
		buf_put(&op->answer, bytes, (size_t)more * RECORD_LEN);
		done += more;
	}
	page.records = span_of(op->answer.data, (size_t)take * RECORD_LEN);
	page.done = take == left;
	store_be64(cursor, page.first + take);
	page.next = keep(op, cursor, sizeof cursor);
	page.checkpoint = keep(op, r->head.note, r->head.note_len);
	op->response.kind = RESPONSE_RECORDS;
	op->response.records = page;
}

/* ---- Prove, Checkpoint ---- */

static bool prove_inclusion(struct reading *r, struct proof_answer *answer)
{
	struct hash leaf;
	uint64_t index = r->op->request.prove.index;
	const uint8_t *bytes = store_record(r->txn, index, NULL);
	if (!bytes ||
		tree_inclusion(index, answer->size, store_node, r->txn, &answer->path) !=
			TRAIL_OK) {
		refuse_damaged(r->op);
		return false;
	}
	record_leaf(bytes, &leaf);
	answer->leaf = keep(r->op, leaf.b, HASH_LEN);
	return true;
}

static bool prove_consistency(struct reading *r, struct proof_answer *answer)
{
	uint64_t from = r->op->request.prove.from;
	if (from == 0 || from > answer->size) {
		op_refuse(r->op, TRAIL_INVALID,
			"nothing can be proven from size %llu to size %llu: the first must be 1 to the second",
			(unsigned long long)from, (unsigned long long)answer->size);
		return false;
	}
	if (tree_consistency(from, answer->size, store_node, r->txn, &answer->path) == TRAIL_OK)
		return true;
	refuse_damaged(r->op);
	return false;
}

static void prove(struct reading *r)
{
	struct op *op = r->op;
	const struct prove *p = &op->request.prove;
	struct proof_answer answer = { .size = p->size == 0 ? r->head.size : p->size };
	if (answer.size > r->head.size) {
		op_refuse(op, TRAIL_INVALID, "size %llu is larger than the log's, %llu",
			(unsigned long long)answer.size, (unsigned long long)r->head.size);
		return;
	}
	if (!p->consistency && p->index >= answer.size) {
		op_refuse(op, TRAIL_INVALID, "index %llu is not below size %llu",
			(unsigned long long)p->index, (unsigned long long)answer.size);
		return;
	}
	if (!answer_room(op, 1024))
		return;
	if (!(p->consistency ? prove_consistency(r, &answer) : prove_inclusion(r, &answer)))
		return;
	answer.checkpoint = keep(op, r->head.note, r->head.note_len);
	op->response.kind = RESPONSE_PROOF;
	op->response.proof = answer;
}

static void checkpoint(struct reading *r)
{
	if (!answer_room(r->op, 1024))
		return;
	r->op->response.checkpoint = (struct checkpoint_answer){
		.checkpoint = keep(r->op, r->head.note, r->head.note_len),
		.identity = keep(r->op, r->reader->all->identity, r->reader->all->identity_len),
	};
	r->op->response.kind = RESPONSE_CHECKPOINT;
}

/* ---- threads ---- */

static void answer(struct reader *reader, struct op *op)
{
	struct reading r = { .reader = reader, .store = reader->all->options.store, .op = op };
	op->response = (struct response){ .id = op->request.id };
	/* The head first: the transaction then sees at least what it covers. */
	if (!store_head(r.store, &r.head)) {
		op_refuse(op, TRAIL_UNAVAILABLE, "the log is starting");
		return;
	}
	r.txn = db_begin(store_db(r.store), false);
	if (!r.txn) {
		op_refuse(op, TRAIL_BUSY, "the store takes no more readers just now; try again");
		return;
	}
	if (op->request.kind == REQUEST_GET)
		get(&r);
	else if (op->request.kind == REQUEST_RECORDS)
		records(&r);
	else if (op->request.kind == REQUEST_PROVE)
		prove(&r);
	else
		checkpoint(&r);
	db_abort(r.txn);
}

static void *run(void *ctx)
{
	struct reader *reader = ctx;
	struct readers *all = reader->all;
	for (;;) {
		struct op *op = queue_take(all->queue, -1);
		if (!op)
			return NULL;
		answer(reader, op);
		all->options.done(all->options.ctx, op);
	}
}

static bool start_one(struct readers *all, struct reader *reader)
{
	reader->all = all;
	reader->chunker = chunker_new();
	return reader->chunker && pthread_create(&reader->thread, NULL, run, reader) == 0;
}

enum trail_err readers_start(const struct readers_options *options, struct readers **out)
{
	struct buf text = { 0 };
	if (options->threads == 0 || options->threads > THREADS_MAX)
		return TRAIL_INVALID;
	struct readers *all = calloc(1, sizeof *all);
	if (!all)
		return TRAIL_NOMEM;
	all->options = *options;
	all->queue = queue_new();
	identity_put(&text, &options->identity);
	bool ok = all->queue && !text.failed && text.len <= sizeof all->identity;
	if (ok) {
		memcpy(all->identity, text.data, text.len);
		all->identity_len = text.len;
	}
	buf_release(&text);
	while (ok && all->started < options->threads) {
		ok = start_one(all, &all->readers[all->started]);
		all->started += ok;
	}
	if (!ok) {
		readers_stop(all);
		return TRAIL_NOMEM;
	}
	*out = all;
	return TRAIL_OK;
}

void readers_push(struct readers *readers, struct op *op)
{
	queue_push(readers->queue, op);
}

void readers_stop(struct readers *all)
{
	if (!all)
		return;
	if (all->queue)
		queue_close(all->queue);
	for (unsigned i = 0; i < all->started; i++)
		(void)pthread_join(all->readers[i].thread, NULL);
	for (unsigned i = 0; i < THREADS_MAX; i++)
		chunker_free(all->readers[i].chunker);
	queue_free(all->queue);
	free(all);
}
