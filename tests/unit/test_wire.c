/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/wire.h"

#include "../support/guard.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A literal's bytes, NUL and all. */
#define BYTES(literal_)                                                                            \
	{                                                                                          \
		(const uint8_t *)(literal_), sizeof(literal_) - 1                                  \
	}
#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

/* ---- reading ---- */

static void test_varints_are_read_in_their_one_encoding_only(void **state)
{
	static const struct {
		struct span in;
		enum trail_err want;
		uint64_t value;
	} cases[] = {
		{ BYTES(""), TRAIL_END, 0 },
		{ BYTES("\x00"), TRAIL_OK, 0 },
		{ BYTES("\x7f"), TRAIL_OK, 127 },
		{ BYTES("\x80\x01"), TRAIL_OK, 128 },
		{ BYTES("\xff\xff\xff\xff\x0f"), TRAIL_OK, UINT32_MAX },
		{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), TRAIL_OK, UINT64_MAX },
		{ BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), TRAIL_OK, UINT64_C(1) << 63 },
		{ BYTES("\x80"), TRAIL_INVALID, 0 },
		{ BYTES("\x80\x00"), TRAIL_INVALID, 0 },
		{ BYTES("\x81\x80\x00"), TRAIL_INVALID, 0 },
		{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"), TRAIL_INVALID, 0 },
		{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), TRAIL_INVALID, 0 },
		{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"), TRAIL_INVALID, 0 },
		{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), TRAIL_INVALID, 0 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span copy = guard_copy(cases[i].in);
		struct span in = copy;
		uint64_t value = 0;
		assert_int_equal(wire_take_varint(&in, &value), cases[i].want);
		if (cases[i].want == TRAIL_OK) {
			assert_true(value == cases[i].value);
			assert_int_equal(in.len, 0);
		}
		guard_free(copy);
	}
}

static void test_fields_of_every_wire_type_are_read(void **state)
{
	(void)state;
	static const struct span bytes = BYTES("\x08\x96\x01"
					       "\x11\x01\x02\x03\x04\x05\x06\x07\x88"
					       "\x1a\x02hi"
					       "\x25\x01\x02\x03\x84"
					       "\x2a\x00"
					       "\xf8\xff\xff\xff\x0f\x05");
	struct span copy = guard_copy(bytes);
	struct span in = copy;
	struct wire_field f;
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == 1 && f.type == WIRE_VARINT && f.value == 150);
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == 2 && f.type == WIRE_FIXED64);
	assert_true(f.value == UINT64_C(0x8807060504030201));
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == 3 && f.type == WIRE_BYTES && span_equal(f.bytes, span_text("hi")));
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == 4 && f.type == WIRE_FIXED32 && f.value == 0x84030201);
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == 5 && f.type == WIRE_BYTES && f.bytes.len == 0);
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == WIRE_FIELD_MAX && f.value == 5);
	assert_int_equal(wire_take(&in, &f), TRAIL_END);
	guard_free(copy);
}

static void test_bad_fields_are_refused(void **state)
{
	static const struct span cases[] = {
		BYTES("\x00\x01"),                         /* number 0 */
		BYTES("\x08"),                             /* no value */
		BYTES("\x88\x00\x01"),                     /* a tag that is not minimal */
		BYTES("\x80\x80\x80\x80\x10\x01"),         /* number 2^29 */
		BYTES("\x09\x01\x02\x03\x04\x05\x06\x07"), /* a cut fixed64 */
		BYTES("\x0d\x01\x02\x03"),                 /* a cut fixed32 */
		BYTES("\x0a"),                             /* no length */
		BYTES("\x0a\x03hi"),                       /* a length beyond the end */
		BYTES("\x0a\x82\x00hi"),                   /* a length that is not minimal */
		BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi"), /* length 2^64 - 1 */
		BYTES("\x0b\x0c"),                                       /* a group */
		BYTES("\x0c"),
		BYTES("\x0e\x01"),
		BYTES("\x0f\x01"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span copy = guard_copy(cases[i]);
		struct span in = copy;
		struct wire_field f;
		assert_int_equal(wire_take(&in, &f), TRAIL_INVALID);
		guard_free(copy);
	}
}

/* ---- writing ---- */

static void test_defaults_are_left_out_and_items_are_not(void **state)
{
	(void)state;
	struct buf b = { 0 };
	wire_put_number(&b, 1, 0);
	wire_put_bytes(&b, 2, span_text(""));
	wire_put_packed(&b, 3, NULL, 0);
	wire_close_filled(&b, wire_open(&b, 4));
	assert_int_equal(b.len, 0);
	wire_put_member(&b, 1, 0);
	wire_put_item(&b, 2, span_text(""));
	wire_close(&b, wire_open(&b, 20));
	static const struct span want = BYTES("\x08\x00\x12\x00\xa2\x01\x00");
	assert_true(span_equal(buf_view(&b), want));
	buf_release(&b);
}

static void test_numbers_read_back_as_they_were_written(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (uint64_t off = 0; off < 3; off++) {
			uint64_t value = (UINT64_C(1) << bit) - 1 + off;
			struct buf b = { 0 };
			wire_put_member(&b, 1 + bit, value);
			struct span in = buf_view(&b);
			struct wire_field f;
			assert_int_equal(wire_take(&in, &f), TRAIL_OK);
			assert_true(f.number == 1 + bit && f.value == value && in.len == 0);
			buf_release(&b);
		}
	}
}

static void test_packed_numbers_read_back(void **state)
{
	static const uint32_t values[] = { 0, 1, 127, 128, UINT32_MAX };
	(void)state;
	struct buf b = { 0 };
	wire_put_packed(&b, 8, values, COUNT(values));
	struct span in = buf_view(&b);
	struct wire_field f;
	assert_int_equal(wire_take(&in, &f), TRAIL_OK);
	assert_true(f.number == 8 && f.type == WIRE_BYTES && in.len == 0);
	for (size_t i = 0; i < COUNT(values); i++) {
		uint64_t value;
		assert_int_equal(wire_take_varint(&f.bytes, &value), TRAIL_OK);
		assert_true(value == values[i]);
	}
	assert_int_equal(f.bytes.len, 0);
	buf_release(&b);
}

/* Bodies around each length at which the length itself takes a further byte, two levels deep. */
static void test_nested_messages_get_their_length_at_any_size(void **state)
{
	static const size_t lens[] = { 0, 1, 126, 127, 128, 129, 16381, 16383, 16384, 70000 };
	(void)state;
	uint8_t *filler = malloc(70000);
	assert_non_null(filler);
	memset(filler, 'x', 70000);
	for (size_t i = 0; i < COUNT(lens); i++) {
		struct buf b = { 0 };
		struct wire_mark outer = wire_open(&b, 3);
		struct wire_mark inner = wire_open(&b, 300);
		buf_put(&b, filler, lens[i]);
		wire_close(&b, inner);
		wire_put_number(&b, 1, 9);
		wire_close_filled(&b, outer);
		struct span in = buf_view(&b);
		struct wire_field f, g;
		assert_int_equal(wire_take(&in, &f), TRAIL_OK);
		assert_true(f.number == 3 && in.len == 0);
		assert_int_equal(wire_take(&f.bytes, &g), TRAIL_OK);
		assert_true(g.number == 300 && span_equal(g.bytes, span_of(filler, lens[i])));
		assert_int_equal(wire_take(&f.bytes, &g), TRAIL_OK);
		assert_true(g.number == 1 && g.value == 9 && f.bytes.len == 0);
		buf_release(&b);
	}
	free(filler);
}

static void test_writing_to_a_failed_buffer_does_nothing(void **state)
{
	(void)state;
	struct buf b = { .failed = true };
	struct wire_mark mark = wire_open(&b, 1);
	wire_put_number(&b, 1, 1);
	wire_close(&b, mark);
	wire_close_filled(&b, mark);
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	assert_null(b.data);
}

/* ---- text ---- */

enum verdict {
	BAD = 0,  /* not even UTF-8 without NUL */
	FREE = 1, /* text_utf8 */
	NAME = 2, /* text_name as well */
};

static const struct {
	struct span text;
	enum verdict want;
} TEXTS[] = {
	{ BYTES(""), NAME }, { BYTES(" "), NAME }, { BYTES("~"), NAME }, { BYTES("\x00"), BAD },
	{ BYTES("\x01"), FREE }, { BYTES("\x1f"), FREE }, { BYTES("\n"), FREE },
	{ BYTES("\x7f"), FREE }, { BYTES("\xc2\x80"), FREE }, /* U+0080, C1 */
	{ BYTES("\xc2\x9f"), FREE },                          /* U+009F */
	{ BYTES("\xc2\xa0"), NAME },                          /* U+00A0 */
	{ BYTES("\xd8\x9b"), NAME },                          /* U+061B */
	{ BYTES("\xd8\x9c"), FREE },                          /* U+061C, Arabic letter mark */
	{ BYTES("\xe2\x80\x8d"), NAME },                      /* U+200D */
	{ BYTES("\xe2\x80\x8e"), FREE },                      /* U+200E */
	{ BYTES("\xe2\x80\x8f"), FREE },                      /* U+200F */
	{ BYTES("\xe2\x80\x90"), NAME },                      /* U+2010 */
	{ BYTES("\xe2\x80\xa9"), NAME },                      /* U+2029 */
	{ BYTES("\xe2\x80\xaa"), FREE },                      /* U+202A */
	{ BYTES("\xe2\x80\xae"), FREE },                      /* U+202E, right-to-left override */
	{ BYTES("\xe2\x80\xaf"), NAME },                      /* U+202F */
	{ BYTES("\xe2\x81\xa5"), NAME },                      /* U+2065 */
	{ BYTES("\xe2\x81\xa6"), FREE },                      /* U+2066 */
	{ BYTES("\xe2\x81\xa9"), FREE },                      /* U+2069 */
	{ BYTES("\xe2\x81\xaa"), NAME },                      /* U+206A */
	{ BYTES("\xed\x9f\xbf"), NAME },                      /* U+D7FF */
	{ BYTES("\xee\x80\x80"), NAME },                      /* U+E000 */
	{ BYTES("\xf0\x90\x80\x80"), NAME },                  /* U+10000 */
	{ BYTES("\xf4\x8f\xbf\xbf"), NAME },                  /* U+10FFFF */
	{ BYTES("\x80"), BAD },                               /* a continuation alone */
	{ BYTES("\xbf"), BAD }, { BYTES("\xc0\x80"), BAD },   /* NUL, overlong */
	{ BYTES("\xc1\xbf"), BAD }, { BYTES("\xe0\x9f\xbf"), BAD },         /* overlong */
	{ BYTES("\xf0\x8f\xbf\xbf"), BAD },                                 /* overlong */
	{ BYTES("\xed\xa0\x80"), BAD },                                     /* a surrogate */
	{ BYTES("\xed\xbf\xbf"), BAD }, { BYTES("\xf4\x90\x80\x80"), BAD }, /* above U+10FFFF */
	{ BYTES("\xf8\x88\x80\x80\x80"), BAD }, { BYTES("\xff"), BAD },
	{ BYTES("\xc3"), BAD }, /* cut */
	{ BYTES("\xe2\x80"), BAD }, { BYTES("\xf0\x90\x80"), BAD },
	{ BYTES("\xe2\x28\xa1"), BAD }, /* no continuation */
};

/* Each text at each place of strings of each length up to three words: fast paths have edges. */
static void test_text_is_judged_alike_wherever_it_stands(void **state)
{
	enum {
		AROUND_MAX = 26
	};
	(void)state;
	for (size_t i = 0; i < COUNT(TEXTS); i++) {
		for (size_t around = 0; around <= AROUND_MAX; around++) {
			for (size_t at = 0; at <= around; at++) {
				uint8_t raw[AROUND_MAX + 8];
				size_t len = TEXTS[i].text.len;
				memset(raw, 'a', sizeof raw);
				if (len > 0)
					memcpy(raw + at, TEXTS[i].text.data, len);
				struct span text = span_of(raw, around + len);
				assert_int_equal(text_utf8(text), TEXTS[i].want >= FREE);
				assert_int_equal(text_name(text), TEXTS[i].want == NAME);
			}
		}
	}
}

static void test_text_is_not_read_beyond_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(TEXTS); i++) {
		for (size_t before = 0; before < 20; before++) {
			uint8_t raw[32];
			memset(raw, 'a', sizeof raw);
			if (TEXTS[i].text.len > 0)
				memcpy(raw + before, TEXTS[i].text.data, TEXTS[i].text.len);
			struct span copy = guard_copy(span_of(raw, before + TEXTS[i].text.len));
			assert_int_equal(text_utf8(copy), TEXTS[i].want >= FREE);
			assert_int_equal(text_name(copy), TEXTS[i].want == NAME);
			guard_free(copy);
		}
	}
}

/* Every single byte in every position of a word, against the definition. */
static void test_every_ascii_byte_is_judged_by_the_definition(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 0x80; byte++) {
		for (size_t len = 1; len <= 17; len++) {
			for (size_t at = 0; at < len; at++) {
				uint8_t raw[17];
				memset(raw, 'a', sizeof raw);
				raw[at] = (uint8_t)byte;
				struct span text = span_of(raw, len);
				assert_int_equal(text_utf8(text), byte != 0);
				assert_int_equal(text_name(text), byte >= 0x20 && byte != 0x7f);
			}
		}
	}
}

static void test_random_bytes_never_read_out_of_bounds(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (unsigned round = 0; round < 3000; round++) {
		uint8_t raw[48];
		size_t len = (size_t)random_below(&seed, sizeof raw);
		for (size_t i = 0; i < len; i++)
			raw[i] = (uint8_t)(random_next(&seed) & (round % 2 ? 0xff : 0x8f));
		struct span copy = guard_copy(span_of(raw, len));
		struct span in = copy;
		struct wire_field f;
		while (wire_take(&in, &f) == TRAIL_OK) {
			if (f.type == WIRE_BYTES && f.bytes.len > 0) {
				assert_true(f.bytes.data > copy.data);
				assert_true(f.bytes.data + f.bytes.len <= copy.data + len);
			}
		}
		/* What may be a name is text. */
		assert_true(!text_name(copy) || text_utf8(copy));
		guard_free(copy);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varints_are_read_in_their_one_encoding_only),
		cmocka_unit_test(test_fields_of_every_wire_type_are_read),
		cmocka_unit_test(test_bad_fields_are_refused),
		cmocka_unit_test(test_defaults_are_left_out_and_items_are_not),
		cmocka_unit_test(test_numbers_read_back_as_they_were_written),
		cmocka_unit_test(test_packed_numbers_read_back),
		cmocka_unit_test(test_nested_messages_get_their_length_at_any_size),
		cmocka_unit_test(test_writing_to_a_failed_buffer_does_nothing),
		cmocka_unit_test(test_text_is_judged_alike_wherever_it_stands),
		cmocka_unit_test(test_text_is_not_read_beyond_its_end),
		cmocka_unit_test(test_every_ascii_byte_is_judged_by_the_definition),
		cmocka_unit_test(test_random_bytes_never_read_out_of_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
