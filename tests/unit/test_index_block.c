/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, an index that somebody changed is none: a block opens as what it was closed as, at its place
 * and under its key, and with any bit turned not at all. And what an event can be found by.
 */
#include "../../daemon/index/block.h"
#include "../../daemon/index/term.h"
#include "../../proto/crypto.h"

#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t KEY[INDEX_KEY_LEN] = { 1, 2, 3 };
static const struct hash GENESIS = { { 9 } };
static const struct segment_place PLACE = { 3, 202601, 1000, 2000, 77 };

enum {
	NUMBER = 5,
	LEN = 1234,
};

static void make_block(uint8_t block[BLOCK_LEN])
{
	struct block_seal seal;
	uint64_t random = 1;
	for (size_t i = 0; i < BLOCK_LEN; i++)
		block[i] = (uint8_t)random_next(&random);
	block_seal_init(&seal, KEY, &GENESIS, &PLACE);
	block_close(&seal, NUMBER, block, LEN);
}

static bool opens(const uint8_t *key, const struct hash *genesis, const struct segment_place *place,
	uint32_t number, const uint8_t block[BLOCK_LEN])
{
	struct block_seal seal;
	struct span content;
	block_seal_init(&seal, key, genesis, place);
	return block_open(&seal, number, block, &content);
}

static void test_a_block_opens_as_what_it_was_closed_as(void **state)
{
	uint8_t block[BLOCK_LEN], before[BLOCK_LEN];
	struct block_seal seal;
	struct span content;
	(void)state;
	block_seal_init(&seal, KEY, &GENESIS, &PLACE);
	static const size_t LENS[] = { 0, 1, LEN, BLOCK_ROOM };
	for (size_t i = 0; i < sizeof LENS / sizeof *LENS; i++) {
		make_block(block);
		memcpy(before, block, sizeof before);
		block_close(&seal, NUMBER, block, LENS[i]);
		assert_true(block_open(&seal, NUMBER, block, &content));
		assert_int_equal(content.len, LENS[i]);
		assert_memory_equal(content.data, before + BLOCK_HEAD_LEN, content.len);
	}
}

static void test_every_turned_bit_of_a_block_is_seen(void **state)
{
	uint8_t block[BLOCK_LEN];
	(void)state;
	make_block(block);
	for (size_t bit = 0; bit < sizeof block * 8; bit++) {
		block[bit / 8] ^= (uint8_t)(1U << bit % 8);
		if (opens(KEY, &GENESIS, &PLACE, NUMBER, block))
			fail_msg("bit %zu was turned, and the block opens", bit);
		block[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_true(opens(KEY, &GENESIS, &PLACE, NUMBER, block));
}

static void test_a_block_opens_at_its_place_alone(void **state)
{
	uint8_t block[BLOCK_LEN], key[INDEX_KEY_LEN];
	const struct segment_place others[] = { { 2, 202601, 1000, 2000, 77 },
		{ 3, 202602, 1000, 2000, 77 }, { 3, 202601, 999, 2000, 77 },
		{ 3, 202601, 1000, 2001, 77 }, { 3, 202601, 1000, 2000, 78 } };
	const struct hash genesis = { { 8 } };
	(void)state;
	make_block(block);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(opens(KEY, &GENESIS, &others[i], NUMBER, block));
	assert_false(opens(KEY, &GENESIS, &PLACE, NUMBER + 1, block));
	assert_false(opens(KEY, &genesis, &PLACE, NUMBER, block));
	memcpy(key, KEY, sizeof key);
	key[31] = 1;
	assert_false(opens(key, &GENESIS, &PLACE, NUMBER, block));
}

/* Bytes that were sealed with the right key, and yet are no block. */
static bool opens_with(size_t at, uint8_t value)
{
	uint8_t block[BLOCK_LEN];
	struct block_seal seal;
	struct span content;
	make_block(block);
	block[at] = value;
	block_seal_init(&seal, KEY, &GENESIS, &PLACE);
	mac_bytes(KEY, span_of(seal.ad, sizeof seal.ad),
		span_of(block, sizeof block - BLOCK_TAG_LEN), block + sizeof block - BLOCK_TAG_LEN);
	return block_open(&seal, NUMBER, block, &content);
}

static void test_a_block_of_another_layout_does_not_open(void **state)
{
	(void)state;
	assert_true(opens_with(0, 1));
	assert_false(opens_with(0, 2));
	assert_false(opens_with(1, 1));
	assert_true(opens_with(2, BLOCK_ROOM >> 8));
	assert_false(opens_with(2, (BLOCK_ROOM >> 8) + 1));
	assert_false(opens_with(2, 0xff));
}

/* ---- terms ---- */

static bool has(const struct term *terms, size_t count, enum term_field field, struct span value)
{
	for (size_t i = 0; i < count; i++)
		if (terms[i].field == field && span_equal(terms[i].value, value))
			return true;
	return false;
}

static size_t count_of(const struct term *terms, size_t count, enum term_field field)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += terms[i].field == field;
	return n;
}

static void test_an_event_has_a_term_for_each_field(void **state)
{
	struct term terms[TERM_OF_EVENT_MAX];
	struct term_room room;
	const struct event_facts facts = { .time_ns = INT64_C(7201000000000),
		.action = 2,
		.outcome = 1,
		.medium = 3,
		.actor_id = span_text("a"),
		.object_id = span_text("o"),
		.object_type = span_text("t"),
		.subject = span_text("s"),
		.verb = span_text("v"),
		.id = span_text("0123456789abcdef"),
		.unit = span_text("u"),
		.purpose = span_text("p"),
		.correlation = span_text("c"),
		.host = span_text("h") };
	(void)state;
	size_t n = terms_of_event(&facts, span_text("src"), span_text("peer"), &room, terms);
	assert_int_equal(n, 17);
	assert_true(has(terms, n, TERM_EVENT, span_of(NULL, 0)));
	assert_true(has(terms, n, TERM_HOUR, span_of("\0\0\0\2", 4)));
	assert_true(has(terms, n, TERM_ACTION, span_of("\2", 1)));
	assert_true(has(terms, n, TERM_OUTCOME, span_of("\1", 1)));
	assert_true(has(terms, n, TERM_MEDIUM, span_of("\3", 1)));
	assert_true(has(terms, n, TERM_SOURCE, span_text("src")));
	assert_true(has(terms, n, TERM_PEER, span_text("peer")));
	assert_true(has(terms, n, TERM_ACTOR, span_text("a")));
	assert_true(has(terms, n, TERM_OBJECT, span_text("o")));
	assert_true(has(terms, n, TERM_TYPE, span_text("t")));
	assert_true(has(terms, n, TERM_SUBJECT, span_text("s")));
	assert_true(has(terms, n, TERM_VERB, span_text("v")));
	assert_true(has(terms, n, TERM_UNIT, span_text("u")));
	assert_true(has(terms, n, TERM_PURPOSE, span_text("p")));
	assert_true(has(terms, n, TERM_CORRELATION, span_text("c")));
	assert_true(has(terms, n, TERM_HOST, span_text("h")));
	assert_true(has(terms, n, TERM_ID, span_text("01234567")));
}

static void test_what_an_event_lacks_is_no_term(void **state)
{
	struct term terms[TERM_OF_EVENT_MAX];
	struct term_room room;
	const struct event_facts facts = { .time_ns = -1 };
	(void)state;
	/* The event, its hour, and three words, which may be 0. */
	size_t n = terms_of_event(&facts, span_of(NULL, 0), span_of(NULL, 0), &room, terms);
	assert_int_equal(n, 5);
	assert_true(has(terms, n, TERM_HOUR, span_of("\0\0\0\0", 4)));
}

static void assert_ancestors(const char *object, const char *const *want)
{
	struct term terms[TERM_OF_EVENT_MAX];
	struct term_room room;
	const struct event_facts facts = { .object_id = span_text(object) };
	size_t n = terms_of_event(&facts, span_of(NULL, 0), span_of(NULL, 0), &room, terms);
	size_t count = 0;
	for (; want[count]; count++)
		assert_true(has(terms, n, TERM_ANCESTOR, span_text(want[count])));
	assert_int_equal(count_of(terms, n, TERM_ANCESTOR), count);
}

static void test_an_object_is_found_by_its_ancestors(void **state)
{
	(void)state;
	assert_ancestors("a", (const char *const[]){ NULL });
	assert_ancestors("/a", (const char *const[]){ NULL });
	assert_ancestors("/a/b", (const char *const[]){ "/a/", NULL });
	assert_ancestors("a/b/", (const char *const[]){ "a/", "a/b/", NULL });
	assert_ancestors("//a", (const char *const[]){ "//", NULL });
	assert_ancestors("a//b", (const char *const[]){ "a/", "a//", NULL });
}

/* For each prefix that says so of itself: who has the ancestor, and who begins with it, are one. */
static void test_a_prefix_is_an_ancestor_where_it_says_so(void **state)
{
	uint64_t random = 3;
	unsigned met = 0;
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char object[400], prefix[400];
		struct term terms[TERM_OF_EVENT_MAX];
		struct term_room room;
		uint64_t slashes = 2 + random_below(&random, 30);
		size_t len = random_below(&random, round % 4 ? 40 : sizeof object);
		for (size_t i = 0; i < len; i++)
			object[i] = random_below(&random, slashes) == 0 ? '/' : 'a';
		size_t cut = random_below(&random, len + 1);
		memcpy(prefix, object, cut);
		if (cut > 0 && random_below(&random, 4) == 0)
			prefix[random_below(&random, cut)] ^= 'a' ^ '/';
		struct span begin = span_of(prefix, cut);
		if (!term_prefix_is_ancestor(begin))
			continue;
		const struct event_facts facts = { .object_id = span_of(object, len) };
		size_t n = terms_of_event(&facts, span_of(NULL, 0), span_of(NULL, 0), &room, terms);
		bool begins = memcmp(object, prefix, cut) == 0;
		assert_int_equal(has(terms, n, TERM_ANCESTOR, begin), begins);
		met += begins;
	}
	assert_true(met > 500);
}

static void test_long_values_are_cut_and_known_to_be(void **state)
{
	uint8_t value[400], key[TERM_KEY_MAX];
	struct term terms[TERM_OF_EVENT_MAX];
	struct term_room room;
	(void)state;
	memset(value, 'x', sizeof value);
	for (size_t len = 250; len < 260; len++) {
		const struct event_facts facts = { .verb = span_of(value, len) };
		size_t n = terms_of_event(&facts, span_of(NULL, 0), span_of(NULL, 0), &room, terms);
		size_t kept = len < TERM_VALUE_MAX ? len : TERM_VALUE_MAX;
		assert_true(has(terms, n, TERM_VERB, span_of(value, kept)));
		assert_int_equal(term_key(TERM_VERB, span_of(value, len), key), 1 + kept);
		assert_int_equal(key[0], TERM_VERB);
		/* 255 bytes may be the beginning of more. */
		assert_int_equal(term_is_whole(TERM_VERB, span_of(value, len)), len < 255);
	}
	assert_false(term_is_whole(TERM_ID, span_of(value, TERM_ID_LEN)));
}

static void test_seconds_are_cut_at_both_ends(void **state)
{
	(void)state;
	assert_int_equal(segment_seconds(INT64_MIN), 0);
	assert_int_equal(segment_seconds(-1), 0);
	assert_int_equal(segment_seconds(999999999), 0);
	assert_int_equal(segment_seconds(1000000000), 1);
	assert_int_equal(segment_seconds(INT64_C(4294967294999999999)), UINT32_MAX - 1);
	assert_int_equal(segment_seconds(INT64_C(4294967296000000000)), UINT32_MAX);
	assert_int_equal(segment_seconds(INT64_MAX), UINT32_MAX);
	assert_int_equal(term_hour(INT64_C(3600000000000) - 1), 0);
	assert_int_equal(term_hour(INT64_C(3600000000000)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_block_opens_as_what_it_was_closed_as),
		cmocka_unit_test(test_every_turned_bit_of_a_block_is_seen),
		cmocka_unit_test(test_a_block_opens_at_its_place_alone),
		cmocka_unit_test(test_a_block_of_another_layout_does_not_open),
		cmocka_unit_test(test_an_event_has_a_term_for_each_field),
		cmocka_unit_test(test_what_an_event_lacks_is_no_term),
		cmocka_unit_test(test_an_object_is_found_by_its_ancestors),
		cmocka_unit_test(test_a_prefix_is_an_ancestor_where_it_says_so),
		cmocka_unit_test(test_long_values_are_cut_and_known_to_be),
		cmocka_unit_test(test_seconds_are_cut_at_both_ends),
	};
	if (!crypto_init())
		return 1;
	return cmocka_run_group_tests_name("index_block", tests, NULL, NULL);
}
