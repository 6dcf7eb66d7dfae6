/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	ROOM = 64
};

static void test_takes_are_aligned_and_apart(void **state)
{
	(void)state;
	_Alignas(16) uint8_t memory[ROOM];
	struct arena a = { .data = memory, .cap = ROOM };
	assert_ptr_equal(arena_take(&a, 1), memory);
	assert_ptr_equal(arena_take(&a, 17), memory + 16);
	assert_ptr_equal(arena_take(&a, 16), memory + 48);
	assert_int_equal(a.used, ROOM);
}

static void test_a_full_arena_answers_null_and_takes_nothing(void **state)
{
	(void)state;
	_Alignas(16) uint8_t memory[ROOM];
	struct arena a = { .data = memory, .cap = ROOM };
	assert_null(arena_take(&a, ROOM + 1));
	assert_null(arena_take(&a, SIZE_MAX));
	assert_int_equal(a.used, 0);
	assert_non_null(arena_take(&a, ROOM));
	assert_null(arena_take(&a, 1));
	arena_reset(&a);
	assert_ptr_equal(arena_take(&a, ROOM), memory);
}

static void test_an_array_whose_size_overflows_is_refused(void **state)
{
	(void)state;
	_Alignas(16) uint8_t memory[ROOM];
	struct arena a = { .data = memory, .cap = ROOM };
	assert_null(arena_take_array(&a, SIZE_MAX / 2 + 2, 2));
	assert_non_null(arena_take_array(&a, 8, 8));
}

static void test_an_arena_that_grows_forgets_and_never_shrinks(void **state)
{
	(void)state;
	struct arena a = { 0 };
	assert_true(arena_grow(&a, ROOM));
	assert_int_equal(a.cap, ROOM);
	uint8_t *first = arena_take(&a, ROOM);
	assert_ptr_equal(first, a.data);
	assert_true(arena_grow(&a, 1));
	assert_int_equal(a.cap, ROOM);
	assert_ptr_equal(arena_take(&a, ROOM), first);
	assert_true(arena_grow(&a, 4 * ROOM));
	assert_non_null(arena_take(&a, 4 * ROOM));
	assert_null(arena_take(&a, 1));
	free(a.data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_are_aligned_and_apart),
		cmocka_unit_test(test_a_full_arena_answers_null_and_takes_nothing),
		cmocka_unit_test(test_an_array_whose_size_overflows_is_refused),
		cmocka_unit_test(test_an_arena_that_grows_forgets_and_never_shrinks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
