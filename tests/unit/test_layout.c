/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/layout.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

enum {
	ROUNDS = 20000,
	NS = 1000000000
};

/* Of both lengths near and far: what random numbers alone would not meet. */
static uint64_t some_number(uint64_t *seed)
{
	uint64_t n = random_next(seed);
	return n >> random_below(seed, 64);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static void test_keys_sort_as_their_numbers(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t a[KEY_SOURCE_LEN];
		uint8_t b[KEY_SOURCE_LEN];
		uint64_t high[2] = { some_number(&seed), some_number(&seed) };
		uint64_t low[2] = { some_number(&seed), some_number(&seed) };
		if (i % 2)
			high[1] = high[0];
		int wanted = compare(high[0], high[1]);
		key_index(high[0], a);
		key_index(high[1], b);
		assert_int_equal(sign(memcmp(a, b, KEY_INDEX_LEN)), wanted);
		if (wanted == 0)
			wanted = compare(low[0], low[1]);
		key_source(high[0], low[0], a);
		key_source(high[1], low[1], b);
		assert_int_equal(sign(memcmp(a, b, KEY_SOURCE_LEN)), wanted);
	}
}

static void test_keys_have_their_bytes(void **state)
{
	(void)state;
	uint8_t key[KEY_SOURCE_LEN];
	key_payload(0x01020304, 0x05060708090a0b0c, key);
	assert_memory_equal(key, "\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c", KEY_PAYLOAD_LEN);
	key_tile(0x0f, 0x0102030405060708, key);
	assert_memory_equal(key, "\x0f\1\2\3\4\5\6\7\x08", KEY_TILE_LEN);
	key_source(0x0102030405060708, 0x1112131415161718, key);
	assert_memory_equal(
		key, "\1\2\3\4\5\6\7\x08\x11\x12\x13\x14\x15\x16\x17\x18", KEY_SOURCE_LEN);
}

static struct epoch_row some_row(uint64_t *seed)
{
	return (struct epoch_row){
		.peer = some_number(seed),
		.last = some_number(seed),
		.holes = some_number(seed),
		.first_index = some_number(seed),
		.last_index = some_number(seed),
		.last_ns = some_number(seed),
		.made = some_number(seed),
		.state = (uint32_t)random_below(seed, 3),
	};
}

static void test_an_epoch_row_comes_back_as_it_was(void **state)
{
	(void)state;
	uint64_t seed = 2;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t bytes[EPOCH_ROW_LEN];
		struct epoch_row in = some_row(&seed);
		struct epoch_row out;
		uint64_t source = some_number(&seed);
		uint64_t epoch = some_number(&seed);
		epoch_row_encode(source, epoch, &in, bytes);
		struct span row = span_of(bytes, sizeof bytes);
		assert_true(epoch_row_decode(source, epoch, row, &out));
		assert_int_equal(out.peer, in.peer);
		assert_int_equal(out.last, in.last);
		assert_int_equal(out.holes, in.holes);
		assert_int_equal(out.first_index, in.first_index);
		assert_int_equal(out.last_index, in.last_index);
		assert_int_equal(out.last_ns, in.last_ns);
		assert_int_equal(out.made, in.made);
		assert_int_equal(out.state, in.state);
		assert_false(epoch_row_decode(source ^ 1, epoch, row, &out));
		assert_false(epoch_row_decode(source, epoch ^ 1, row, &out));
	}
}

static void test_a_turned_bit_of_an_epoch_row_is_seen(void **state)
{
	(void)state;
	uint8_t bytes[EPOCH_ROW_LEN];
	uint64_t seed = 3;
	struct epoch_row row = some_row(&seed);
	epoch_row_encode(7, 8, &row, bytes);
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(epoch_row_decode(7, 8, span_of(bytes, sizeof bytes), &row));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof bytes; len++)
		assert_false(epoch_row_decode(7, 8, span_of(bytes, len), &row));
	assert_true(epoch_row_decode(7, 8, span_of(bytes, sizeof bytes), &row));
}

/* SHA-256(key || row) anew, as whoever edits a row by hand would do. */
static void recheck(uint64_t source, uint64_t epoch, uint8_t bytes[EPOCH_ROW_LEN])
{
	uint8_t joined[KEY_SOURCE_LEN + 64];
	struct hash h;
	key_source(source, epoch, joined);
	memcpy(joined + KEY_SOURCE_LEN, bytes, 64);
	hash_bytes(span_of(joined, sizeof joined), &h);
	memcpy(bytes + 64, h.b, 8);
}

static void test_an_unknown_state_or_a_used_reserve_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[EPOCH_ROW_LEN];
	struct epoch_row row = { .peer = 1, .last = 2, .state = EPOCH_CLOSED };
	epoch_row_encode(7, 8, &row, bytes);
	recheck(7, 8, bytes);
	assert_true(epoch_row_decode(7, 8, span_of(bytes, sizeof bytes), &row));
	bytes[59] = EPOCH_CLOSED + 1;
	recheck(7, 8, bytes);
	assert_false(epoch_row_decode(7, 8, span_of(bytes, sizeof bytes), &row));
	bytes[59] = EPOCH_OPEN;
	bytes[63] = 1;
	recheck(7, 8, bytes);
	assert_false(epoch_row_decode(7, 8, span_of(bytes, sizeof bytes), &row));
}

static void test_a_floor_row_is_bound_to_its_source_and_bits(void **state)
{
	(void)state;
	uint8_t bytes[FLOOR_ROW_LEN];
	uint64_t floor = 0;
	floor_row_encode(9, 0x1122334455667788, bytes);
	assert_true(floor_row_decode(9, span_of(bytes, sizeof bytes), &floor));
	assert_true(floor == 0x1122334455667788);
	assert_false(floor_row_decode(8, span_of(bytes, sizeof bytes), &floor));
	assert_false(floor_row_decode(9, span_of(bytes, sizeof bytes - 1), &floor));
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(floor_row_decode(9, span_of(bytes, sizeof bytes), &floor));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_control_rows_are_bounded(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		uint8_t kind;
		bool fits;
		size_t payload;
	} cases[] = {
		{ 0, KIND_DAEMON, false, 0 },
		{ 1, KIND_DAEMON, false, 0 },
		{ SALT_LEN, KIND_DAEMON, false, 0 },
		{ 1 + SALT_LEN, KIND_DAEMON, true, 0 },
		{ 5 + SALT_LEN, KIND_SOURCE, true, 4 },
		{ 1, KIND_PEER, true, 0 },
		{ 2, KIND_PEER, false, 0 },
		{ 1 + SALT_LEN, KIND_PEER, false, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bytes[64] = { cases[i].kind };
		struct control_row row;
		bool fits = control_row_decode(span_of(bytes, cases[i].len), &row);
		assert_int_equal(fits, cases[i].fits);
		if (!fits)
			continue;
		assert_int_equal(row.kind, cases[i].kind);
		assert_int_equal(row.payload.len, cases[i].payload);
		assert_ptr_equal(row.salt, cases[i].kind == KIND_PEER ? NULL : bytes + 1);
	}
}

static uint32_t month_by_libc(uint64_t ns)
{
	time_t t = (time_t)(ns / NS);
	struct tm tm;
	assert_non_null(gmtime_r(&t, &tm));
	return (uint32_t)((tm.tm_year - 70) * 12 + tm.tm_mon);
}

static void test_months_are_those_of_the_calendar(void **state)
{
	(void)state;
	uint64_t seed = 4;
	assert_int_equal(month_of(0), 0);
	assert_int_equal(month_of(UINT64_MAX), month_by_libc(UINT64_MAX));
	for (int i = 0; i < 10 * ROUNDS; i++) {
		uint64_t ns = random_next(&seed);
		assert_int_equal(month_of(ns), month_by_libc(ns));
	}
	/* Every midnight of 584 years, and the nanosecond before it. */
	for (uint64_t day = 1; day < 213503; day++) {
		uint64_t ns = day * 86400 * NS;
		assert_int_equal(month_of(ns), month_by_libc(ns));
		assert_int_equal(month_of(ns - 1), month_by_libc(ns - 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_sort_as_their_numbers),
		cmocka_unit_test(test_keys_have_their_bytes),
		cmocka_unit_test(test_an_epoch_row_comes_back_as_it_was),
		cmocka_unit_test(test_a_turned_bit_of_an_epoch_row_is_seen),
		cmocka_unit_test(test_an_unknown_state_or_a_used_reserve_is_refused),
		cmocka_unit_test(test_a_floor_row_is_bound_to_its_source_and_bits),
		cmocka_unit_test(test_control_rows_are_bounded),
		cmocka_unit_test(test_months_are_those_of_the_calendar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
