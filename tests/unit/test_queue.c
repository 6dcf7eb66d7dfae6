/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/queue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum {
	PRODUCERS = 3,
	CONSUMERS = 3,
	EACH = 4000
};

static void test_ops_come_out_in_the_order_they_went_in(void **state)
{
	(void)state;
	struct queue *q = queue_new();
	struct op *ops = calloc(5, sizeof *ops);
	assert_non_null(ops);
	for (size_t i = 0; i < 5; i++)
		queue_push(q, &ops[i]);
	assert_ptr_equal(queue_take(q, 0), &ops[0]);
	struct op *list = queue_take_all(q, 0);
	for (size_t i = 1; i < 5; i++, list = list->next)
		assert_ptr_equal(list, &ops[i]);
	assert_null(list);
	assert_null(queue_take_all(q, 0));
	/* Emptied by one taker or the other, it fills again. */
	queue_push(q, &ops[0]);
	assert_ptr_equal(queue_take(q, 0), &ops[0]);
	queue_push(q, &ops[1]);
	queue_push(q, &ops[2]);
	assert_ptr_equal(queue_take_all(q, 0), &ops[1]);
	queue_free(q);
	free(ops);
}

static void test_an_empty_queue_waits_as_long_as_told(void **state)
{
	(void)state;
	struct timespec before, after;
	struct queue *q = queue_new();
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	assert_null(queue_take(q, 30));
	assert_null(queue_take_all(q, 30));
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	int64_t ms =
		(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	assert_true(ms >= 59);
	queue_free(q);
}

static void test_a_closed_queue_gives_what_it_holds_and_never_waits(void **state)
{
	(void)state;
	struct queue *q = queue_new();
	struct op *op = calloc(1, sizeof *op);
	assert_non_null(op);
	assert_false(queue_closed(q));
	queue_push(q, op);
	queue_close(q);
	assert_true(queue_closed(q));
	assert_ptr_equal(queue_take(q, -1), op);
	assert_null(queue_take(q, -1));
	assert_null(queue_take_all(q, -1));
	queue_free(q);
	queue_free(NULL);
	free(op);
}

/* ---- many threads: each op reaches exactly one of them, and in order from each producer ---- */

struct load {
	struct queue *q;
	struct op *ops;
	uint64_t first;
	uint64_t last[PRODUCERS]; /* id seen last of each producer, by one consumer */
	size_t taken;
	bool fell;
};

static void *produce(void *ctx)
{
	struct load *l = ctx;
	for (uint64_t i = 0; i < EACH; i++) {
		l->ops[i].request.id = i + 1;
		l->ops[i].session = l->first;
		queue_push(l->q, &l->ops[i]);
	}
	return NULL;
}

static void see(struct load *l, const struct op *op)
{
	l->fell |= op->request.id <= l->last[op->session];
	l->last[op->session] = op->request.id;
	l->taken++;
}

static void *consume_one(void *ctx)
{
	struct load *l = ctx;
	for (;;) {
		struct op *op = queue_take(l->q, -1);
		if (!op)
			return NULL;
		see(l, op);
	}
}

static void *consume_all(void *ctx)
{
	struct load *l = ctx;
	for (;;) {
		struct op *list = queue_take_all(l->q, 1000);
		if (!list && queue_closed(l->q))
			return NULL;
		for (; list; list = list->next)
			see(l, list);
	}
}

static void run_threads(void *(*consume)(void *), int consumers)
{
	struct queue *q = queue_new();
	struct load from[PRODUCERS] = { 0 };
	struct load to[CONSUMERS] = { 0 };
	pthread_t producers[PRODUCERS];
	pthread_t takers[CONSUMERS];
	size_t taken = 0;
	for (int i = 0; i < consumers; i++) {
		to[i].q = q;
		assert_int_equal(pthread_create(&takers[i], NULL, consume, &to[i]), 0);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		from[i] = (struct load){ .q = q, .first = (uint64_t)i };
		from[i].ops = calloc(EACH, sizeof *from[i].ops);
		assert_non_null(from[i].ops);
		assert_int_equal(pthread_create(&producers[i], NULL, produce, &from[i]), 0);
	}
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_join(producers[i], NULL), 0);
	queue_close(q);
	for (int i = 0; i < consumers; i++) {
		assert_int_equal(pthread_join(takers[i], NULL), 0);
		assert_false(to[i].fell);
		taken += to[i].taken;
	}
	assert_int_equal(taken, PRODUCERS * EACH);
	for (int i = 0; i < PRODUCERS; i++)
		free(from[i].ops);
	queue_free(q);
}

static void test_one_consumer_gets_all_of_many_producers(void **state)
{
	(void)state;
	run_threads(consume_all, 1);
}

static void test_many_consumers_get_each_op_once(void **state)
{
	(void)state;
	run_threads(consume_one, CONSUMERS);
}

static void test_a_refusal_is_copied_and_bounded(void **state)
{
	(void)state;
	char text[1000];
	struct op *op = calloc(1, sizeof *op);
	assert_non_null(op);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	op->response.id = 17;
	op_refuse(op, TRAIL_EXPECTED, "seq %d: %s", 5, text);
	assert_int_equal(op->response.kind, RESPONSE_ERROR);
	assert_int_equal(op->response.id, 17);
	assert_int_equal(op->response.error.code, TRAIL_EXPECTED);
	assert_int_equal(op->response.error.expected, 0);
	assert_int_equal(op->response.error.sentence.len, 511);
	assert_memory_equal(op->response.error.sentence.data, "seq 5: xxx", 10);
	op_refuse(op, TRAIL_BUSY, "again");
	assert_true(span_equal(op->response.error.sentence, span_text("again")));
	buf_release(&op->answer);
	free(op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ops_come_out_in_the_order_they_went_in),
		cmocka_unit_test(test_an_empty_queue_waits_as_long_as_told),
		cmocka_unit_test(test_a_closed_queue_gives_what_it_holds_and_never_waits),
		cmocka_unit_test(test_one_consumer_gets_all_of_many_producers),
		cmocka_unit_test(test_many_consumers_get_each_op_once),
		cmocka_unit_test(test_a_refusal_is_copied_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
