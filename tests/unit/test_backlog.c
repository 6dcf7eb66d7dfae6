/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	QUANTUM = 10,
	MANY = 1000,
};

static struct op *append_of(unsigned lane, size_t events, uint64_t id)
{
	struct op *op = calloc(1, sizeof *op);
	assert_non_null(op);
	op->lane = lane;
	op->request.kind = REQUEST_APPEND;
	op->request.append.event_count = events;
	op->request.id = id;
	return op;
}

static uint64_t take(struct backlog *b, unsigned *lane)
{
	struct op *op = backlog_next(b);
	assert_non_null(op);
	assert_ptr_equal(backlog_next(b), op);
	backlog_take(b);
	uint64_t id = op->request.id;
	*lane = op->lane;
	free(op);
	return id;
}

static void test_a_lane_keeps_its_order(void **state)
{
	(void)state;
	struct backlog *b = backlog_new(QUANTUM);
	for (uint64_t id = 1; id <= MANY; id++)
		backlog_add(b, append_of((unsigned)(id % 3), (size_t)(id % 7), id));
	uint64_t last[3] = { 0 };
	for (size_t i = 0; i < MANY; i++) {
		unsigned lane;
		uint64_t id = take(b, &lane);
		assert_true(id > last[lane]);
		last[lane] = id;
	}
	assert_null(backlog_next(b));
	backlog_free(b);
	backlog_free(NULL);
}

static void test_who_comes_late_waits_for_one_turn_and_no_longer(void **state)
{
	(void)state;
	unsigned lane;
	struct backlog *b = backlog_new(QUANTUM);
	for (uint64_t id = 1; id <= MANY; id++)
		backlog_add(b, append_of(1, 4, id));
	assert_int_equal(take(b, &lane), 1);
	backlog_add(b, append_of(2, 4, MANY + 1));
	size_t before = 0;
	while (take(b, &lane) <= MANY)
		before++;
	/* Two requests of four events, and themselves, are a quantum of ten. */
	assert_int_equal(before, 1);
	while (backlog_next(b))
		(void)take(b, &lane);
	backlog_free(b);
}

/* Whatever sizes they choose, neither gets more records through than the other and a turn. */
static void test_lanes_get_the_same_share_of_records(void **state)
{
	(void)state;
	struct backlog *b = backlog_new(QUANTUM);
	for (uint64_t id = 1; id <= MANY; id++) {
		backlog_add(b, append_of(1, 1, id));
		backlog_add(b, append_of(2, 30, id));
	}
	size_t got[3] = { 0 };
	for (size_t i = 0; i < MANY; i++) {
		unsigned lane;
		(void)take(b, &lane);
		got[lane] += lane == 1 ? 2 : 31;
		size_t more = got[1] > got[2] ? got[1] - got[2] : got[2] - got[1];
		assert_true(more <= 31 + 2 * QUANTUM);
	}
	unsigned lane;
	while (backlog_next(b))
		(void)take(b, &lane);
	backlog_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lane_keeps_its_order),
		cmocka_unit_test(test_who_comes_late_waits_for_one_turn_and_no_longer),
		cmocka_unit_test(test_lanes_get_the_same_share_of_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
