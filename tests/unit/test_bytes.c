/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_integers_are_big_endian(void **state)
{
	(void)state;
	uint8_t raw[8];
	store_be16(raw, 0x0102);
	assert_memory_equal(raw, "\x01\x02", 2);
	assert_int_equal(load_be16(raw), 0x0102);
	store_be32(raw, 0x01020304);
	assert_memory_equal(raw, "\x01\x02\x03\x04", 4);
	assert_int_equal(load_be32(raw), 0x01020304);
	store_be64(raw, UINT64_C(0xf1f2f3f4f5f6f7f8));
	assert_memory_equal(raw, "\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8", 8);
	assert_true(load_be64(raw) == UINT64_C(0xf1f2f3f4f5f6f7f8));
}

static void test_puts_append_in_order(void **state)
{
	(void)state;
	struct buf b = { 0 };
	buf_put_u8(&b, 0xff);
	buf_put_be16(&b, 0x0102);
	buf_put_be32(&b, 0x03040506);
	buf_put_be64(&b, UINT64_C(0x0708090a0b0c0d0e));
	buf_put_text(&b, "ab");
	buf_put_span(&b, span_text("cd"));
	buf_put(&b, NULL, 0);
	buf_printf(&b, "%d-%s", 7, "x");
	static const char want[] = "\xff\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
				   "abcd7-x";
	assert_false(b.failed);
	assert_true(span_equal(buf_view(&b), span_text(want)));
	buf_release(&b);
}

static void test_growth_keeps_what_was_written(void **state)
{
	(void)state;
	struct buf b = { 0 };
	for (uint32_t i = 0; i < 20000; i++)
		buf_put_be32(&b, i);
	assert_int_equal(b.len, 80000);
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(load_be32(b.data + 4 * (size_t)i), i);
	buf_release(&b);
	buf_release(&b);
	assert_null(b.data);
}

static void test_a_failed_growth_sticks_until_cleared(void **state)
{
	(void)state;
	struct buf b = { 0 };
	buf_put_text(&b, "kept");
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_put_text(&b, "dropped");
	buf_printf(&b, "%d", 1);
	assert_true(b.failed);
	assert_true(span_equal(buf_view(&b), span_text("kept")));
	buf_clear(&b);
	buf_put_text(&b, "again");
	assert_false(b.failed);
	assert_true(span_equal(buf_view(&b), span_text("again")));
	buf_release(&b);
}

static void test_spans_compare_by_content(void **state)
{
	(void)state;
	assert_true(span_equal(span_text(""), (struct span){ 0 }));
	assert_true(span_equal(span_text("ab"), span_of("abc", 2)));
	assert_false(span_equal(span_text("ab"), span_text("abc")));
	assert_false(span_equal(span_text("ab"), span_text("ac")));
	assert_true(span_compare(span_text("ab"), span_text("ab")) == 0);
	assert_true(span_compare((struct span){ 0 }, span_text("")) == 0);
	assert_true(span_compare(span_text("ab"), span_text("abc")) < 0);
	assert_true(span_compare(span_text("b"), span_text("abc")) > 0);
	assert_true(span_compare(span_text("\x7f"), span_text("\xc3")) < 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_big_endian),
		cmocka_unit_test(test_puts_append_in_order),
		cmocka_unit_test(test_growth_keeps_what_was_written),
		cmocka_unit_test(test_a_failed_growth_sticks_until_cleared),
		cmocka_unit_test(test_spans_compare_by_content),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
