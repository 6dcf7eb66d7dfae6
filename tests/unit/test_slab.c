/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/slab.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_block_comes_back_to_the_next_taker(void **state)
{
	size_t cap;
	(void)state;
	struct slab *slab = slab_new(SLAB_BLOCK_MAX);
	void *first = slab_take(slab, 5000, &cap);
	assert_int_equal(cap, 8192);
	assert_int_equal(slab_out(slab), 8192);
	slab_give(slab, first, cap);
	assert_int_equal(slab_out(slab), 0);
	assert_ptr_equal(slab_take(slab, 8192, &cap), first);
	slab_give(slab, first, cap);
	slab_free(slab);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(slab_size(0), SLAB_BLOCK_MIN);
	assert_int_equal(slab_size(SLAB_BLOCK_MIN + 1), 2 * SLAB_BLOCK_MIN);
	assert_int_equal(slab_size(SLAB_BLOCK_MAX), SLAB_BLOCK_MAX);
	assert_int_equal(slab_size(SLAB_BLOCK_MAX + 1), 0);
	assert_int_equal(slab_size(SIZE_MAX), 0);
}

static void test_the_bound_holds_and_idle_blocks_make_room(void **state)
{
	enum {
		BLOCKS = SLAB_BLOCK_MAX / SLAB_BLOCK_MIN
	};
	static void *small[BLOCKS];
	size_t cap;
	(void)state;
	struct slab *slab = slab_new(SLAB_BLOCK_MAX);
	for (size_t i = 0; i < BLOCKS; i++)
		assert_non_null(small[i] = slab_take(slab, 1, &cap));
	assert_null(slab_take(slab, 1, &cap));
	assert_null(slab_take(slab, SLAB_BLOCK_MAX, &cap));
	for (size_t i = 0; i < BLOCKS; i++)
		slab_give(slab, small[i], SLAB_BLOCK_MIN);
	void *large = slab_take(slab, SLAB_BLOCK_MAX, &cap);
	assert_non_null(large);
	assert_null(slab_take(slab, 1, &cap));
	slab_give(slab, large, cap);
	slab_free(slab);
}

static void test_trimming_keeps_what_was_needed_at_once(void **state)
{
	void *blocks[4];
	size_t cap;
	(void)state;
	struct slab *slab = slab_new(SLAB_BLOCK_MAX);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(blocks[i] = slab_take(slab, 1, &cap));
	for (size_t i = 0; i < 4; i++)
		slab_give(slab, blocks[i], cap);
	/* Four were out since the last call: all stay. Then none was: none does. */
	slab_trim(slab);
	assert_int_equal(slab_held(slab), 4 * SLAB_BLOCK_MIN);
	slab_trim(slab);
	assert_int_equal(slab_held(slab), 0);
	slab_free(slab);
}

static void test_blocks_that_are_out_never_overlap(void **state)
{
	enum {
		SLOTS = 64,
		STEPS = 20000
	};
	struct {
		uint8_t *block;
		size_t cap;
	} slots[SLOTS] = { 0 };
	uint64_t seed = 1;
	size_t out = 0;
	(void)state;
	struct slab *slab = slab_new(SLAB_BLOCK_MAX);
	for (int i = 0; i < STEPS; i++) {
		size_t s = random_below(&seed, SLOTS);
		if (slots[s].block) {
			assert_int_equal(slots[s].block[0], s);
			assert_int_equal(slots[s].block[slots[s].cap - 1], s);
			slab_give(slab, slots[s].block, slots[s].cap);
			out -= slots[s].cap;
			slots[s].block = NULL;
		} else {
			slots[s].block =
				slab_take(slab, random_below(&seed, 1 << 20), &slots[s].cap);
			if (!slots[s].block)
				continue;
			out += slots[s].cap;
			memset(slots[s].block, (int)s, slots[s].cap);
		}
		assert_int_equal(slab_out(slab), out);
		assert_true(out <= SLAB_BLOCK_MAX);
	}
	for (size_t s = 0; s < SLOTS; s++)
		if (slots[s].block)
			slab_give(slab, slots[s].block, slots[s].cap);
	slab_free(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_block_comes_back_to_the_next_taker),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_the_bound_holds_and_idle_blocks_make_room),
		cmocka_unit_test(test_trimming_keeps_what_was_needed_at_once),
		cmocka_unit_test(test_blocks_that_are_out_never_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
