/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/nodes.h"

#include "../support/lookup_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	RECORDS = 9000, /* so that nodes share places */
	COMMIT_EVERY = 300,
};

static uint8_t payload[40];

static void add_records(struct lookup_case *c, unsigned count)
{
	uint64_t peer = builder_peer(c->b, "1001");
	uint64_t source = builder_source(c->b, "journal", peer);
	for (unsigned i = 0; i < count; i++) {
		(void)builder_said(c->b, source, peer, 7, 0, span_of(payload, sizeof payload));
		if (i % COMMIT_EVERY == 0)
			builder_commit(c->b);
	}
	builder_commit(c->b);
}

static int setup(void **state)
{
	static struct lookup_case c;
	lookup_case_make(&c);
	add_records(&c, RECORDS);
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	lookup_case_remove(*state);
	return 0;
}

/* Every node of the tree, each asked for twice in a row. */
static void compare_all(struct nodes *nodes, struct db_txn *txn, uint64_t size)
{
	for (unsigned level = 0; size >> level > 0; level++) {
		for (uint64_t i = 0; i < size >> level; i++) {
			struct hash truth, first, again;
			assert_int_equal(store_node(txn, level, i, &truth), TRAIL_OK);
			assert_int_equal(nodes_get(nodes, level, i, &first), TRAIL_OK);
			assert_int_equal(nodes_get(nodes, level, i, &again), TRAIL_OK);
			assert_true(hash_equal(&first, &truth));
			assert_true(hash_equal(&again, &truth));
		}
	}
}

/* Whatever stands in its place, a node is the one that was asked for. */
static void test_every_node_is_that_of_the_store(void **state)
{
	struct lookup_case *c = *state;
	struct nodes nodes;
	lookup_case_begin(c);
	nodes_begin(&nodes, c->look.txn);
	compare_all(&nodes, c->look.txn, c->look.head.size);
	compare_all(&nodes, c->look.txn, c->look.head.size);
	lookup_case_end(c);
}

/* What is remembered is not read again. */
static void test_a_node_is_made_once(void **state)
{
	struct lookup_case *c = *state;
	const unsigned level = NODES_LEVEL_MIN;
	struct nodes nodes;
	struct hash first, again;
	lookup_case_begin(c);
	nodes_begin(&nodes, c->look.txn);
	assert_int_equal(nodes_get(&nodes, level, 3, &first), TRAIL_OK);
	nodes.txn = NULL; /* nothing can be read any more */
	assert_int_equal(nodes_get(&nodes, level, 3, &again), TRAIL_OK);
	assert_true(hash_equal(&first, &again));
	lookup_case_end(c);
}

/* A node that the store does not have is an error each time, and leaves nothing behind. */
static void test_a_node_that_is_not_there_is_not_remembered(void **state)
{
	struct lookup_case *c = *state;
	struct nodes nodes;
	struct hash out;
	lookup_case_begin(c);
	uint64_t beyond = c->look.head.size;
	nodes_begin(&nodes, c->look.txn);
	for (unsigned i = 0; i < 2; i++)
		assert_int_not_equal(nodes_get(&nodes, NODES_LEVEL_MIN, beyond, &out), TRAIL_OK);
	lookup_case_end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_node_is_that_of_the_store),
		cmocka_unit_test(test_a_node_is_made_once),
		cmocka_unit_test(test_a_node_that_is_not_there_is_not_remembered),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
