/* SPDX-License-Identifier: Apache-2.0 */
#include "readers.h"

#include "ask.h"
#include "checkpoints.h"
#include "controls.h"
#include "queue.h"
#include "sources.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	THREADS_MAX = 16,
	CURSOR_LEN = 8
};

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

/* ---- Records ---- */

static void records(struct lookup *r)
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
	if (!lookup_room(r, (size_t)take * RECORD_LEN + 1024))
		return;
	for (uint64_t done = 0; done < take;) {
		uint64_t more;
		const uint8_t *bytes = store_record(r->txn, page.first + done, &more);
		if (!bytes) {
			lookup_damaged(r);
			return;
		}
		more = more < take - done ? more : take - done;
		buf_put(&op->answer, bytes, (size_t)more * RECORD_LEN);
		done += more;
	}
	page.records = span_of(op->answer.data, (size_t)take * RECORD_LEN);
	page.done = take == left;
	store_be64(cursor, page.first + take);
	page.next = lookup_keep(r, cursor, sizeof cursor);
	page.checkpoint = lookup_keep(r, r->head.note, r->head.note_len);
	op->response.kind = RESPONSE_RECORDS;
	op->response.records = page;
}

/* ---- Prove ---- */

static bool prove_inclusion(struct lookup *r, struct proof_answer *answer)
{
	struct hash leaf;
	uint64_t index = r->op->request.prove.index;
	const uint8_t *bytes = store_record(r->txn, index, NULL);
	if (!bytes ||
		tree_inclusion(index, answer->size, store_node, r->txn, &answer->path) !=
			TRAIL_OK) {
		lookup_damaged(r);
		return false;
	}
	record_leaf(bytes, &leaf);
	answer->leaf = lookup_keep(r, leaf.b, HASH_LEN);
	return true;
}

static bool prove_consistency(struct lookup *r, struct proof_answer *answer)
{
	uint64_t from = r->op->request.prove.from;
	if (from == 0 || from > answer->size) {
		op_refuse(r->op, TRAIL_INVALID,
			"nothing can be proven from size %llu to size %llu: the first must be 1 to "
			"the second",
			(unsigned long long)from, (unsigned long long)answer->size);
		return false;
	}
	if (tree_consistency(from, answer->size, store_node, r->txn, &answer->path) == TRAIL_OK)
		return true;
	lookup_damaged(r);
	return false;
}

static void prove(struct lookup *r)
{
	struct op *op = r->op;
	const struct prove *p = &op->request.prove;
	struct proof_answer answer = { .size = 0 };
	if (!lookup_size(r, p->size, &answer.size))
		return;
	if (!p->consistency && p->index >= answer.size) {
		op_refuse(op, TRAIL_INVALID, "index %llu is not below size %llu",
			(unsigned long long)p->index, (unsigned long long)answer.size);
		return;
	}
	if (!lookup_room(r, 1024))
		return;
	if (!(p->consistency ? prove_consistency(r, &answer) : prove_inclusion(r, &answer)))
		return;
	answer.checkpoint = lookup_keep(r, r->head.note, r->head.note_len);
	op->response.kind = RESPONSE_PROOF;
	op->response.proof = answer;
}

/* ---- threads ---- */

static void look_up(struct lookup *r)
{
	switch (r->op->request.kind) {
	case REQUEST_RECORDS:
		records(r);
		break;
	case REQUEST_PROVE:
		prove(r);
		break;
	case REQUEST_CHECKPOINT:
		checkpoints_answer(r);
		break;
	case REQUEST_SOURCES:
		sources_answer(r);
		break;
	case REQUEST_CONTROLS:
		controls_answer(r);
		break;
	case REQUEST_GET:
	case REQUEST_SEARCH:
	case REQUEST_HISTORY:
	case REQUEST_REPORT:
		ask_answer(r);
		break;
	case REQUEST_NONE:
	case REQUEST_HELLO:
	case REQUEST_APPEND:
	case REQUEST_CLOSE:
	case REQUEST_KEEPALIVE:
	case REQUEST_STATUS:
	case REQUEST_INDEX_CHECK:
		op_refuse(r->op, TRAIL_UNSUPPORTED, "no reader answers that kind of request");
		break;
	}
}

static void answer(struct reader *reader, struct op *op)
{
	const struct readers *all = reader->all;
	struct lookup r = {
		.store = all->options.store,
		.identity = span_of(all->identity, all->identity_len),
		.chunker = reader->chunker,
		.catalog = all->options.catalog,
		.op = op,
	};
	op->response = (struct response){ .id = op->request.id };
	/* The head first: the transaction then sees at least what it covers. */
	if (!store_head(r.store, &r.head)) {
		op_refuse(op, TRAIL_UNAVAILABLE, "the log is starting");
		return;
	}
	r.txn = db_begin(store_db(r.store), false);
	if (!r.txn) {
		op_refuse_unread(op);
		return;
	}
	look_up(&r);
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
