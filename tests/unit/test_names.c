/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/names.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	MANY = 65536,
	OPERATIONS = 20000,
	KNOWN_MAX = 4096
};

static void test_a_name_is_found_under_its_type_alone(void **state)
{
	(void)state;
	struct names *names = names_new();
	assert_non_null(names);
	assert_int_equal(names_find(names, 0, span_text("ehr")), 0);
	assert_true(names_add(names, 0, span_text("ehr"), 7));
	assert_true(names_add(names, 1, span_text("ehr"), 8));
	assert_true(names_add(names, 1, span_text("eh"), 9));
	assert_int_equal(names_find(names, 0, span_text("ehr")), 7);
	assert_int_equal(names_find(names, 1, span_text("ehr")), 8);
	assert_int_equal(names_find(names, 1, span_text("eh")), 9);
	assert_int_equal(names_find(names, 2, span_text("ehr")), 0);
	assert_int_equal(names_find(names, 0, span_text("ehr2")), 0);
	assert_int_equal(names_find(names, 0, span_of("ehr\0", 4)), 0);
	assert_int_equal(names_count(names), 3);
	names_free(names);
}

static void test_a_name_is_taken_once(void **state)
{
	(void)state;
	struct names *names = names_new();
	assert_true(names_add(names, 0, span_text("ehr"), 7));
	assert_false(names_add(names, 0, span_text("ehr"), 8));
	assert_int_equal(names_find(names, 0, span_text("ehr")), 7);
	assert_int_equal(names_count(names), 1);
	names_free(names);
}

static void test_the_longest_name_fits_and_a_longer_one_does_not(void **state)
{
	(void)state;
	uint8_t text[NAME_MAX_LEN + 1];
	struct names *names = names_new();
	memset(text, 'a', sizeof text);
	assert_false(names_add(names, 0, span_of(text, NAME_MAX_LEN + 1), 3));
	assert_true(names_add(names, 0, span_of(text, NAME_MAX_LEN), 3));
	assert_int_equal(names_find(names, 0, span_of(text, NAME_MAX_LEN)), 3);
	/* Not cut down to one that is known. */
	assert_int_equal(names_find(names, 0, span_of(text, NAME_MAX_LEN + 1)), 0);
	names_free(names);
}

static void test_a_whole_log_of_names_is_found(void **state)
{
	(void)state;
	char text[32];
	struct names *names = names_new();
	for (uint64_t i = 1; i <= MANY; i++) {
		(void)snprintf(text, sizeof text, "source-%d", (int)(i * 7919 % 1000003));
		assert_true(names_add(names, 0, span_text(text), i));
	}
	assert_int_equal(names_count(names), MANY);
	for (uint64_t i = 1; i <= MANY; i++) {
		(void)snprintf(text, sizeof text, "source-%d", (int)(i * 7919 % 1000003));
		assert_int_equal(names_find(names, 0, span_text(text)), i);
	}
	names_free(names);
}

struct entry {
	uint8_t type;
	uint8_t len;
	uint8_t text[4];
};

static bool same(const struct entry *a, const struct entry *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void test_names_agree_with_a_list(void **state)
{
	(void)state;
	static struct entry list[KNOWN_MAX];
	size_t known = 0;
	uint64_t seed = 5;
	struct names *names = names_new();
	for (int n = 0; n < OPERATIONS && known < KNOWN_MAX; n++) {
		struct entry e = {
			.type = (uint8_t)random_below(&seed, 3),
			.len = (uint8_t)random_below(&seed, 5),
		};
		for (size_t i = 0; i < e.len; i++)
			e.text[i] = (uint8_t)random_below(&seed, 3);
		size_t at = 0;
		while (at < known && !same(&list[at], &e))
			at++;
		struct span text = span_of(e.text, e.len);
		assert_int_equal(names_find(names, e.type, text), at < known ? at + 1 : 0);
		assert_int_equal(names_add(names, e.type, text, known + 1), at == known);
		if (at == known)
			list[known++] = e;
		assert_int_equal(names_count(names), known);
	}
	names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_is_found_under_its_type_alone),
		cmocka_unit_test(test_a_name_is_taken_once),
		cmocka_unit_test(test_the_longest_name_fits_and_a_longer_one_does_not),
		cmocka_unit_test(test_a_whole_log_of_names_is_found),
		cmocka_unit_test(test_names_agree_with_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
