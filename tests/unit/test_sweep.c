/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/sweep.h"

#include "../support/lookup_case.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	COMMITS = 4,
	EVENTS = 150, /* of one commit */
	CLASSES = 3,
	INDEX_MAX = 1000,
	CHUNKS_MAX = 64,
};

static const uint64_t MONTH_NS = UINT64_C(31) * 24 * 3600 * 1000000000;
static const uint64_t NOON = UINT64_C(1760000000) * 1000000000;

/* What was said, by index; empty where another told. */
static struct buf told[INDEX_MAX];

struct place {
	uint8_t key[KEY_PAYLOAD_LEN];
	uint64_t first;
	uint32_t class_no;
};

static uint64_t time_of(uint64_t n)
{
	return NOON + n / (2 * EVENTS) * MONTH_NS + n * 1000000;
}

static void say(struct lookup_case *c, uint32_t class_no, uint64_t n)
{
	char text[256];
	int len = snprintf(text, sizeof text, "event %llu %*s", (unsigned long long)n,
		(int)(n * 37 % 200), "");
	struct record r = { .kind = KIND_EVENT, .class_no = class_no };
	r.received_ns = time_of(n);
	uint64_t index = builder_record(c->b, &r, span_of(text, (size_t)len));
	assert_true(index < INDEX_MAX);
	buf_put(&told[index], text, (size_t)len);
}

/* Several commits and months, classes mixed, control entries between. */
static int setup(void **state)
{
	static struct lookup_case c;
	lookup_case_make(&c);
	for (uint64_t n = 0; n < COMMITS * EVENTS; n++) {
		builder_set_time(c.b, time_of(n));
		if (n % 40 == 7)
			(void)builder_peer(c.b, "1001");
		if (n % 40 == 20)
			(void)builder_source(c.b, "journal", 0);
		say(&c, (uint32_t)(n / 3 % CLASSES), n);
		if (n % EVENTS == EVENTS - 1)
			builder_commit(c.b);
	}
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	lookup_case_remove(*state);
	for (size_t i = 0; i < INDEX_MAX; i++)
		buf_release(&told[i]);
	return 0;
}

static struct sweep begin(struct lookup_case *c)
{
	struct sweep sweep;
	lookup_case_begin(c);
	sweep_begin(&sweep, c->look.store, c->look.txn, c->chunker);
	return sweep;
}

/* sweep_payload's answer; where it is TRAIL_OK it must be what was said. */
static enum trail_err look(struct sweep *sweep, uint64_t index)
{
	struct span salt, payload;
	struct record r;
	const uint8_t *bytes = sweep_record(sweep, index);
	assert_non_null(bytes);
	assert_ptr_equal(bytes, store_record(sweep->txn, index, NULL));
	record_decode(bytes, &r);
	enum trail_err err = sweep_payload(sweep, index, &r, &salt, &payload);
	if (err)
		return err;
	assert_int_equal(salt.len, SALT_LEN);
	if (r.kind == KIND_EVENT)
		assert_true(span_equal(payload, buf_view(&told[index])));
	else
		assert_true(payload.len > 0);
	return TRAIL_OK;
}

static void test_every_order_gives_what_was_said(void **state)
{
	struct lookup_case *c = *state;
	uint64_t size = builder_size(c->b), seed = 1;
	struct sweep sweep = begin(c);
	for (uint64_t i = 0; i < size; i++)
		assert_int_equal(look(&sweep, i), TRAIL_OK);
	for (uint64_t i = size; i-- > 0;)
		assert_int_equal(look(&sweep, i), TRAIL_OK);
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(look(&sweep, random_below(&seed, size)), TRAIL_OK);
	assert_null(sweep_record(&sweep, size));
	assert_null(sweep_record(&sweep, UINT64_MAX));
	assert_int_equal(look(&sweep, 5), TRAIL_OK);
	lookup_case_end(c);
}

/* ---- erased and damaged ---- */

static size_t chunks(struct lookup_case *c, struct place out[CHUNKS_MAX])
{
	struct span key, value;
	size_t count = 0;
	lookup_case_begin(c);
	bool more = db_ceiling(c->look.txn, TABLE_PAYLOAD, span_of(NULL, 0), &key, &value);
	for (; more; more = db_next(c->look.txn, TABLE_PAYLOAD, &key, &value)) {
		assert_true(count < CHUNKS_MAX);
		struct place *p = &out[count++];
		memcpy(p->key, key.data, sizeof p->key);
		p->class_no = load_be32(key.data);
		p->first = load_be64(key.data + 4);
	}
	lookup_case_end(c);
	return count;
}

/*
 * Look at everything, up and down: events whose payload `place` held answer `expected`, all others
 * are whole. How many it held.
 */
static size_t look_at_all(
	struct lookup_case *c, const struct place *place, uint64_t end, enum trail_err expected)
{
	uint64_t size = builder_size(c->b);
	size_t hit = 0;
	struct sweep sweep = begin(c);
	for (uint64_t i = 0; i < 2 * size; i++) {
		uint64_t index = i < size ? i : 2 * size - 1 - i;
		struct record r;
		record_decode(sweep_record(&sweep, index), &r);
		bool of_it = (r.kind == KIND_EVENT || r.kind == KIND_PEER) &&
			r.class_no == place->class_no && index >= place->first && index < end;
		assert_int_equal(look(&sweep, index), of_it ? expected : TRAIL_OK);
		hit += of_it;
	}
	lookup_case_end(c);
	return hit / 2;
}

/* First index of the next chunk of that class. */
static uint64_t end_of(const struct place *all, size_t count, size_t i)
{
	return i + 1 < count && all[i + 1].class_no == all[i].class_no ? all[i + 1].first
								       : UINT64_MAX;
}

static void test_a_chunk_that_is_gone_is_erased(void **state)
{
	struct lookup_case *c = *state;
	struct place all[CHUNKS_MAX];
	size_t count = chunks(c, all), hit = 0;
	assert_true(count > CLASSES * 2);
	for (size_t i = 0; i < count; i++) {
		struct span key = span_of(all[i].key, sizeof all[i].key);
		struct buf row = lookup_case_row(c, TABLE_PAYLOAD, key);
		lookup_case_delete(c, TABLE_PAYLOAD, key);
		hit += look_at_all(c, &all[i], end_of(all, count, i), TRAIL_END);
		lookup_case_put(c, TABLE_PAYLOAD, key, buf_view(&row));
		buf_release(&row);
	}
	assert_true(hit >= COMMITS * EVENTS);
}

static void test_an_item_that_is_gone_is_erased_and_another_one_is_damage(void **state)
{
	struct lookup_case *c = *state;
	static const struct {
		const char *instead;
		enum trail_err expected;
	} CASES[] = { { "", TRAIL_END }, { "event 1 of somebody else", TRAIL_CORRUPT } };
	struct place all[CHUNKS_MAX];
	size_t count = chunks(c, all);
	for (size_t i = 0; i < 2 * count; i++) {
		/* Its second record; classes come three in a row. */
		uint64_t index = all[i / 2].first + 1;
		while (lookup_case_record(c, index).class_no != all[i / 2].class_no ||
			told[index].len == 0)
			index++;
		struct row_before before =
			lookup_case_payload(c, index, span_text(CASES[i % 2].instead));
		struct sweep sweep = begin(c);
		for (uint64_t k = 0; k < builder_size(c->b); k++)
			assert_int_equal(
				look(&sweep, k), k == index ? CASES[i % 2].expected : TRAIL_OK);
		lookup_case_end(c);
		lookup_case_undo(c, &before);
	}
}

/* What still opens its commitment is what it was; all else is refused. */
static void test_no_turned_bit_of_a_chunk_gives_another_payload(void **state)
{
	struct lookup_case *c = *state;
	struct place all[CHUNKS_MAX];
	size_t count = chunks(c, all);
	struct place *p = &all[count / 2];
	struct span key = span_of(p->key, sizeof p->key);
	struct buf row = lookup_case_row(c, TABLE_PAYLOAD, key);
	uint64_t seed = 2;
	unsigned refused = 0;
	for (unsigned i = 0; i < 100; i++) {
		uint8_t *byte = row.data + random_below(&seed, row.len);
		uint8_t was = *byte;
		*byte ^= (uint8_t)(1U << random_below(&seed, 8));
		lookup_case_put(c, TABLE_PAYLOAD, key, buf_view(&row));
		struct sweep sweep = begin(c);
		for (uint64_t index = p->first; index < builder_size(c->b); index++) {
			bool of_it = index < end_of(all, count, count / 2) &&
				lookup_case_record(c, index).class_no == p->class_no &&
				told[index].len != 0;
			enum trail_err err = look(&sweep, index);
			assert_true(err == TRAIL_OK || of_it);
			refused += err != TRAIL_OK;
		}
		lookup_case_end(c);
		*byte = was;
	}
	assert_true(refused >= 100);
	buf_release(&row);
}

static void test_damaged_control_entries_and_commitments_are_seen(void **state)
{
	struct lookup_case *c = *state;
	uint8_t key[KEY_INDEX_LEN];
	uint64_t index = 0;
	while (lookup_case_record(c, index).kind != KIND_SOURCE)
		index++;
	key_index(index, key);
	struct span at = span_of(key, sizeof key);
	struct buf row = lookup_case_row(c, TABLE_CONTROL, at);
	struct sweep sweep;
	for (size_t i = 0; i <= row.len; i++) {
		if (i < row.len)
			row.data[i] ^= 1;
		lookup_case_put(c, TABLE_CONTROL, at, buf_view(&row));
		sweep = begin(c);
		assert_int_equal(look(&sweep, index), i < row.len ? TRAIL_CORRUPT : TRAIL_OK);
		lookup_case_end(c);
		if (i < row.len)
			row.data[i] ^= 1;
	}
	lookup_case_delete(c, TABLE_CONTROL, at);
	sweep = begin(c);
	assert_int_equal(look(&sweep, index), TRAIL_CORRUPT);
	struct record r = lookup_case_record(c, index + 1);
	struct span salt, payload;
	assert_int_equal(sweep_payload(&sweep, index + 1, &r, &salt, &payload), TRAIL_OK);
	r.commitment.b[5] ^= 1;
	assert_int_equal(sweep_payload(&sweep, index + 1, &r, &salt, &payload), TRAIL_CORRUPT);
	lookup_case_end(c);
	buf_release(&row);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_every_order_gives_what_was_said),
		CASE(test_a_chunk_that_is_gone_is_erased),
		CASE(test_an_item_that_is_gone_is_erased_and_another_one_is_damage),
		CASE(test_no_turned_bit_of_a_chunk_gives_another_payload),
		CASE(test_damaged_control_entries_and_commitments_are_seen),
	};
	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
