/* SPDX-License-Identifier: Apache-2.0 */
#include "parked.h"

#include <pthread.h>
#include <stdlib.h>

struct parked {
	struct store *store;
	pthread_mutex_t lock;
	struct op *first;
};

struct parked *parked_new(struct store *store)
{
	struct parked *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->store = store;
	(void)pthread_mutex_init(&p->lock, NULL);
	return p;
}

void parked_free(struct parked *p)
{
	if (!p)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

bool parked_wants(const struct op *op)
{
	return op_awaits_witnesses(op) && op->response.kind == RESPONSE_APPENDED;
}

/* The tree must hold the last record of each run; one that was not found has no place. */
static uint64_t size_of(const struct op *op)
{
	const struct appended *a = &op->response.appended;
	uint64_t size = 0;
	for (size_t i = 0; i < a->run_count; i++) {
		const uint64_t end = a->runs[i].first_index + a->runs[i].count;
		if (a->runs[i].first_index != 0 && end > size)
			size = end;
	}
	return size;
}

void parked_put(struct parked *p, struct op *op, uint64_t now_ns)
{
	op->parked_size = size_of(op);
	op->parked_until_ns = now_ns + op->request.append.wait_ms * UINT64_C(1000000);
	(void)pthread_mutex_lock(&p->lock);
	op->next = p->first;
	p->first = op;
	(void)pthread_mutex_unlock(&p->lock);
}

/* The paths that it asked for lead to the cosigned root. */
static enum trail_err prove(struct op *op, uint64_t size, struct db_txn *txn)
{
	struct appended *a = &op->response.appended;
	enum trail_err err = TRAIL_OK;
	for (size_t i = 0; err == TRAIL_OK && i < a->run_count; i++)
		if (a->runs[i].first_index != 0)
			err = tree_inclusion(a->runs[i].first_index + a->runs[i].count - 1, size,
				store_node, txn, &a->runs[i].path);
	return err;
}

static void answer(struct op *op, uint64_t size, struct shared_note *note, struct db_txn *txn)
{
	if (op->request.append.want_proof && (!txn || prove(op, size, txn) != TRAIL_OK)) {
		op_refuse_unread(op);
		return;
	}
	op->note = shared_note_ref(note);
	op->response.appended.checkpoint = shared_note_view(note);
}

struct op *parked_take(
	struct parked *p, uint64_t size, struct shared_note *note, uint64_t now_ns, bool all)
{
	struct op *taken = NULL;
	(void)pthread_mutex_lock(&p->lock);
	for (struct op **at = &p->first; *at;) {
		struct op *op = *at;
		const bool met = note && op->parked_size <= size;
		if (!met && !all && now_ns < op->parked_until_ns) {
			at = &op->next;
			continue;
		}
		*at = op->next;
		op->parked_met = met;
		op->next = taken;
		taken = op;
	}
	(void)pthread_mutex_unlock(&p->lock);
	struct db_txn *txn = taken && note ? db_begin(store_db(p->store), false) : NULL;
	for (struct op *op = taken; op; op = op->next)
		if (op->parked_met)
			answer(op, size, note, txn);
	db_abort(txn);
	return taken;
}

uint64_t parked_next_ns(struct parked *p)
{
	uint64_t next = UINT64_MAX;
	(void)pthread_mutex_lock(&p->lock);
	for (const struct op *op = p->first; op; op = op->next)
		if (op->parked_until_ns < next)
			next = op->parked_until_ns;
	(void)pthread_mutex_unlock(&p->lock);
	return next;
}
