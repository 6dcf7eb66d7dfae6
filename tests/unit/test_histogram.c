/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_each_bound_belongs_to_the_bucket_below_it(void **state)
{
	struct histogram h = { 0 };
	(void)state;
	struct status_times bounds = histogram_times(&h);
	assert_int_equal(bounds.count, HISTOGRAM_BUCKETS);
	assert_int_equal(bounds.upto_ns[0], 50000);
	assert_true(bounds.upto_ns[HISTOGRAM_BUCKETS - 2] == UINT64_C(10000000000));
	assert_int_equal(bounds.upto_ns[HISTOGRAM_BUCKETS - 1], 0);
	uint64_t sum = 0;
	for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		assert_true(i == 0 || bounds.upto_ns[i] > bounds.upto_ns[i - 1]);
		histogram_add(&h, bounds.upto_ns[i]);
		histogram_add(&h, bounds.upto_ns[i] + 1);
		sum += 2 * bounds.upto_ns[i] + 1;
	}
	histogram_add(&h, 0);
	struct status_times t = histogram_times(&h);
	for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(t.in_bucket[i], 2);
	assert_int_equal(t.in_bucket[HISTOGRAM_BUCKETS - 1], 1);
	assert_true(t.sum_ns == sum);
}

static void test_the_last_bucket_has_no_end(void **state)
{
	struct histogram h = { 0 };
	(void)state;
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(histogram_times(&h).in_bucket[HISTOGRAM_BUCKETS - 1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_bound_belongs_to_the_bucket_below_it),
		cmocka_unit_test(test_the_last_bucket_has_no_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
