/* SPDX-License-Identifier: Apache-2.0 */
#include "errand.h"

#include "slab.h"

#include <stdlib.h>

enum {
	IDLE_MAX = 1024,            /* what is kept of a burst, */
	IDLE_MIN = 128,             /* and what of that when it is over */
	ANSWER_KEPT_MAX = 8 * 1024, /* scratch kept with an idle errand; a page of records is not */
};

_Static_assert(offsetof(struct errand, op) == 0, "errand_of is a cast");

struct errands {
	struct slab *arenas;
	struct errand *idle;
	size_t idle_count;
};

struct errands *errands_new(size_t bytes)
{
	struct errands *pool = calloc(1, sizeof *pool);
	if (!pool)
		return NULL;
	pool->arenas = slab_new(bytes);
	if (!pool->arenas) {
		free(pool);
		return NULL;
	}
	return pool;
}

static void errand_free(struct errand *errand)
{
	buf_release(&errand->op.answer);
	free(errand);
}

void errands_free(struct errands *pool)
{
	if (!pool)
		return;
	while (pool->idle) {
		struct errand *errand = pool->idle;
		pool->idle = errand_of(errand->op.next);
		errand_free(errand);
	}
	slab_free(pool->arenas);
	free(pool);
}

bool errands_fit(size_t need)
{
	return slab_size(need) != 0;
}

static struct errand *blank(struct errands *pool)
{
	struct errand *errand = pool->idle;
	if (!errand)
		return calloc(1, sizeof *errand);
	pool->idle = errand_of(errand->op.next);
	pool->idle_count--;
	return errand;
}

struct errand *errands_take(struct errands *pool, size_t need)
{
	size_t cap;
	void *arena = slab_take(pool->arenas, need, &cap);
	if (!arena)
		return NULL;
	struct errand *errand = blank(pool);
	if (!errand) {
		slab_give(pool->arenas, arena, cap);
		return NULL;
	}
	/* Field by field: zeroing the response's proof buffers would cost more than the request. */
	struct op *op = &errand->op;
	op->next = NULL;
	op->kind = OP_REQUEST;
	op->session = 0;
	op->lane = 0;
	op->received_ns = 0;
	op->arena = (struct arena){ .data = arena, .cap = cap };
	op->charged = cap + sizeof *errand;
	op->request.id = 0;
	op->request.kind = REQUEST_NONE;
	op->times = NULL;
	op->salts = NULL;
	op->commitments = NULL;
	op->query = (struct query){ 0 };
	op->own = (struct span){ 0 };
	op->own_index = 0;
	op->response.id = 0;
	op->response.kind = RESPONSE_NONE;
	buf_clear(&op->answer);
	errand->home = NULL;
	errand->caller = NULL;
	errand->arrived_ns = 0;
	errand->lined = false;
	errand->last = false;
	errand->refusal = (struct span){ 0 };
	errand->until_ns = 0;
	return errand;
}

void errands_give(struct errands *pool, struct errand *errand)
{
	slab_give(pool->arenas, errand->op.arena.data, errand->op.arena.cap);
	errand->op.arena = (struct arena){ 0 };
	shared_note_unref(errand->op.note);
	errand->op.note = NULL;
	if (errand->op.answer.cap > ANSWER_KEPT_MAX)
		buf_release(&errand->op.answer);
	if (pool->idle_count == IDLE_MAX) {
		errand_free(errand);
		return;
	}
	errand->op.next = pool->idle ? &pool->idle->op : NULL;
	pool->idle = errand;
	pool->idle_count++;
}

void errands_trim(struct errands *pool)
{
	slab_trim(pool->arenas);
	size_t keep = slab_out(pool->arenas) / SLAB_BLOCK_MIN + IDLE_MIN;
	while (pool->idle_count > keep) {
		struct errand *errand = pool->idle;
		pool->idle = errand_of(errand->op.next);
		pool->idle_count--;
		errand_free(errand);
	}
}

size_t errands_out(const struct errands *pool)
{
	return slab_out(pool->arenas);
}
