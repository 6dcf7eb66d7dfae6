/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/record.h"

#include "../support/vector.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

static void golden(struct record *r)
{
	struct buf salt = vector_load("record-salt");
	struct buf payload = vector_load("event-full");
	*r = (struct record){
		.version = RECORD_VERSION,
		.kind = KIND_EVENT,
		.flags = FLAG_LATE | FLAG_UNPROTECTED,
		.class_no = 7,
		.source = 3,
		.peer = 4,
		.received_ns = UINT64_C(1767949201123456789),
		.epoch = UINT64_C(1767949200000000000),
		.seq = 41,
	};
	assert_int_equal(salt.len, SALT_LEN);
	record_commitment(salt.data, buf_view(&payload), &r->commitment);
	hash_bytes(span_text("golden prev"), &r->prev);
	buf_release(&salt);
	buf_release(&payload);
}

static void test_commitment_is_the_golden_one(void **state)
{
	(void)state;
	struct record r;
	golden(&r);
	struct buf want = vector_load("record-commitment");
	assert_true(span_equal(span_of(r.commitment.b, HASH_LEN), buf_view(&want)));
	buf_release(&want);
}

static void test_record_is_the_golden_one_both_ways(void **state)
{
	(void)state;
	struct record r;
	golden(&r);
	uint8_t bytes[RECORD_LEN];
	record_encode(&r, bytes);
	struct buf want = vector_load("record");
	assert_true(span_equal(span_of(bytes, RECORD_LEN), buf_view(&want)));
	struct record back;
	record_decode(want.data, &back);
	assert_int_equal(back.version, r.version);
	assert_int_equal(back.kind, r.kind);
	assert_int_equal(back.flags, r.flags);
	assert_int_equal(back.class_no, r.class_no);
	assert_true(back.source == r.source && back.peer == r.peer);
	assert_true(back.received_ns == r.received_ns && back.epoch == r.epoch);
	assert_true(back.seq == r.seq);
	assert_true(hash_equal(&back.commitment, &r.commitment));
	assert_true(hash_equal(&back.prev, &r.prev));
	buf_release(&want);
}

static void test_leaf_is_the_golden_one(void **state)
{
	(void)state;
	struct buf record = vector_load("record");
	struct buf want = vector_load("record-leaf");
	struct hash leaf;
	record_leaf(record.data, &leaf);
	assert_true(span_equal(span_of(leaf.b, HASH_LEN), buf_view(&want)));
	buf_release(&record);
	buf_release(&want);
}

static void test_every_byte_of_a_record_survives_decode_and_encode(void **state)
{
	(void)state;
	uint8_t bytes[RECORD_LEN];
	for (size_t i = 0; i < RECORD_LEN; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	struct record r;
	record_decode(bytes, &r);
	uint8_t back[RECORD_LEN];
	record_encode(&r, back);
	assert_memory_equal(bytes, back, RECORD_LEN);
}

static void test_unknown_version_kind_and_flag_are_told(void **state)
{
	static const uint8_t kinds[] = { 1, 2, 3, 4, 6, 7, 8 };
	(void)state;
	struct record r;
	golden(&r);
	for (unsigned kind = 0; kind < 256; kind++) {
		r.kind = (uint8_t)kind;
		bool known = kind != 0 && memchr(kinds, (int)kind, sizeof kinds) != NULL;
		assert_int_equal(record_known(&r), known);
	}
	r.kind = KIND_EVENT;
	r.flags = FLAG_KNOWN;
	assert_true(record_known(&r));
	r.flags = FLAG_KNOWN + 1;
	assert_false(record_known(&r));
	r.flags = 0;
	r.version = 2;
	assert_false(record_known(&r));
}

static void test_late_is_24_hours_after_or_5_minutes_before(void **state)
{
	const int64_t now = INT64_C(1767949200000000000);
	const struct {
		int64_t time;
		bool late;
	} cases[] = {
		{ now, false },
		{ now - 24 * HOUR_NS, false },
		{ now - 24 * HOUR_NS - 1, true },
		{ now + HOUR_NS / 12, false },
		{ now + HOUR_NS / 12 + 1, true },
		{ 1, true },
		{ -1, true },
		{ INT64_MIN, true },
		{ INT64_MAX, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(record_is_late(cases[i].time, (uint64_t)now), cases[i].late);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commitment_is_the_golden_one),
		cmocka_unit_test(test_record_is_the_golden_one_both_ways),
		cmocka_unit_test(test_leaf_is_the_golden_one),
		cmocka_unit_test(test_every_byte_of_a_record_survives_decode_and_encode),
		cmocka_unit_test(test_unknown_version_kind_and_flag_are_told),
		cmocka_unit_test(test_late_is_24_hours_after_or_5_minutes_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
