/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/chunk.h"

#include "../../proto/event.h"
#include "../support/guard.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	ROUNDS = 400,
	HEAD = CHUNK_HEAD_LEN,
	RUNS_AT = HEAD + 4, /* first run: u32 offset, u16 count */
	AD_LEN = 62
};

static const struct chunk_place PLACE = {
	.genesis = { { 1, 2, 3 } },
	.class_no = 7,
	.month = 670,
	.first = 1000,
};

static struct chunker *chunker;

static int setup(void **state)
{
	(void)state;
	chunker = chunker_new();
	return chunker ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	chunker_free(chunker);
	return 0;
}

/* ---- round trips ---- */

struct told {
	size_t count;
	uint64_t index[CHUNK_COUNT_MAX];
	uint8_t salt[CHUNK_COUNT_MAX][SALT_LEN];
	size_t at[CHUNK_COUNT_MAX];
	size_t len[CHUNK_COUNT_MAX];
	uint8_t bytes[CHUNK_PLAIN_MAX];
	size_t used;
};

static struct told told;

static size_t some_length(uint64_t *seed)
{
	switch (random_below(seed, 8)) {
	case 0:
		return 0;
	case 1:
		return random_below(seed, 4000);
	case 2:
		return random_below(seed, EVENT_LEN_MAX + 1);
	default:
		return random_below(seed, 200);
	}
}

static uint64_t some_gap(uint64_t *seed)
{
	uint64_t kind = random_below(seed, 10);
	if (kind > 2)
		return 1;
	return 1 + random_below(seed, kind == 0 ? 1000000 : 3);
}

/* Events repeat themselves, so bytes of few kinds; `plain` ones do not. */
static void some_bytes(uint64_t *seed, bool plain, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)random_below(seed, plain ? 256 : 3);
}

static void pack_some(uint64_t *seed, bool plain)
{
	uint64_t index = PLACE.first;
	size_t wanted = 1 + random_below(seed, random_below(seed, 4) ? 60 : CHUNK_COUNT_MAX + 10);
	told.count = 0;
	told.used = 0;
	chunk_begin(chunker);
	for (size_t i = 0; i < wanted; i++, index += some_gap(seed)) {
		size_t len = wanted > 60 ? random_below(seed, 8) : some_length(seed);
		uint8_t payload[EVENT_LEN_MAX];
		uint8_t salt[SALT_LEN];
		some_bytes(seed, plain, payload, len);
		some_bytes(seed, true, salt, sizeof salt);
		bool fits = told.count < CHUNK_COUNT_MAX && len <= CHUNK_PLAIN_MAX - told.used;
		assert_int_equal(chunk_add(chunker, index, salt, span_of(payload, len)), fits);
		if (!fits)
			continue;
		told.index[told.count] = index;
		memcpy(told.salt[told.count], salt, sizeof salt);
		told.at[told.count] = told.used;
		told.len[told.count] = len;
		memcpy(told.bytes + told.used, payload, len);
		told.used += len;
		told.count++;
	}
	assert_int_equal(chunk_count(chunker), told.count);
}

static void expect_told(struct span chunk, struct chunker *with)
{
	size_t count;
	assert_int_equal(chunk_open(with, &PLACE, chunk, &count), TRAIL_OK);
	assert_int_equal(count, told.count);
	for (size_t i = 0; i < count; i++) {
		struct chunk_item item = chunk_item(with, i);
		assert_int_equal(item.index, told.index[i]);
		assert_memory_equal(item.salt, told.salt[i], SALT_LEN);
		assert_int_equal(item.payload.len, told.len[i]);
		assert_memory_equal(item.payload.data, told.bytes + told.at[i], told.len[i]);
	}
}

static void expect_salts(struct span chunk)
{
	const uint8_t *salt;
	uint64_t end = told.index[told.count - 1] + 3;
	if (end > PLACE.first + 5000)
		end = PLACE.first + 5000;
	for (uint64_t index = PLACE.first - 2, i = 0; index < end; index++) {
		bool there = i < told.count && told.index[i] == index;
		enum trail_err err = chunk_salt(chunk, PLACE.first, index, &salt);
		assert_int_equal(err, there ? TRAIL_OK : TRAIL_END);
		if (there)
			assert_memory_equal(salt, told.salt[i++], SALT_LEN);
	}
}

static void test_what_goes_in_comes_out(void **state)
{
	(void)state;
	uint64_t seed = 1;
	struct chunker *other = chunker_new();
	for (int i = 0; i < ROUNDS; i++) {
		struct span chunk;
		pack_some(&seed, i % 4 == 0);
		assert_int_equal(chunk_finish(chunker, &PLACE, &chunk), TRAIL_OK);
		struct span copy = guard_copy(chunk);
		expect_told(copy, other);
		expect_salts(copy);
		guard_free(copy);
	}
	chunker_free(other);
}

static void test_the_first_payload_fits_and_what_exceeds_does_not(void **state)
{
	(void)state;
	static const uint8_t big[CHUNK_PLAIN_MAX];
	uint8_t salt[SALT_LEN] = { 0 };
	chunk_begin(chunker);
	assert_true(chunk_add(chunker, 1, salt, span_of(big, EVENT_LEN_MAX)));
	assert_false(chunk_add(chunker, 2, salt, span_of(big, 1)));
	assert_true(chunk_add(chunker, 3, salt, span_of(NULL, 0)));
	assert_int_equal(chunk_count(chunker), 2);
	chunk_begin(chunker);
	for (uint64_t i = 0; i < CHUNK_COUNT_MAX; i++)
		assert_true(chunk_add(chunker, 2 * i, salt, span_of(NULL, 0)));
	assert_false(chunk_add(chunker, 2 * CHUNK_COUNT_MAX, salt, span_of(NULL, 0)));
}

/* ---- damage ---- */

/* A small chunk of five records in two runs; stored as it is, or by zstd. */
static struct buf small_chunk(bool plain)
{
	uint64_t seed = 9;
	struct span chunk;
	struct buf out = { 0 };
	chunk_begin(chunker);
	for (uint64_t i = 0; i < 5; i++) {
		uint8_t payload[40];
		uint8_t salt[SALT_LEN];
		if (plain)
			some_bytes(&seed, true, payload, sizeof payload);
		else /* short, but so alike that any zstd makes it shorter */
			memset(payload, 'a' + (int)i, sizeof payload);
		some_bytes(&seed, true, salt, sizeof salt);
		assert_true(chunk_add(chunker, PLACE.first + i + (i > 2 ? 10 : 0), salt,
			span_of(payload, sizeof payload)));
	}
	assert_int_equal(chunk_finish(chunker, &PLACE, &chunk), TRAIL_OK);
	assert_int_equal(chunk.data[1], plain ? CHUNK_STORED : CHUNK_ZSTD);
	buf_put_span(&out, chunk);
	return out;
}

static enum trail_err judge(struct span bytes)
{
	size_t count;
	struct span copy = guard_copy(bytes);
	enum trail_err err = chunk_open(chunker, &PLACE, copy, &count);
	guard_free(copy);
	return err;
}

static void test_every_turned_bit_is_seen(void **state)
{
	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		struct buf chunk = small_chunk(plain);
		assert_int_equal(judge(buf_view(&chunk)), TRAIL_OK);
		for (size_t bit = 0; bit < chunk.len * 8; bit++) {
			chunk.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(judge(buf_view(&chunk)), TRAIL_OK);
			chunk.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		buf_release(&chunk);
	}
}

static void test_every_cut_and_every_addition_is_seen(void **state)
{
	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		struct buf chunk = small_chunk(plain);
		for (size_t len = 0; len < chunk.len; len++) {
			enum trail_err err = judge(span_of(chunk.data, len));
			assert_int_equal(err, TRAIL_CORRUPT);
		}
		buf_put_u8(&chunk, 0);
		assert_int_equal(judge(buf_view(&chunk)), TRAIL_CORRUPT);
		buf_release(&chunk);
	}
}

static void test_a_chunk_is_bound_to_its_place(void **state)
{
	(void)state;
	struct buf chunk = small_chunk(false);
	size_t count;
	struct chunk_place elsewhere[4] = { PLACE, PLACE, PLACE, PLACE };
	elsewhere[0].genesis.b[31] ^= 1;
	elsewhere[1].class_no ^= 1;
	elsewhere[2].month ^= 1;
	elsewhere[3].first ^= 1;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(chunk_open(chunker, &elsewhere[i], buf_view(&chunk), &count),
			TRAIL_CORRUPT);
	buf_release(&chunk);
}

/* ---- lies: the tag is made anew, as whoever edits a store would ---- */

static void tag_again(struct buf *chunk)
{
	struct buf all = { 0 };
	struct hash h;
	size_t before = chunk->len - CHUNK_TAG_LEN;
	buf_put(&all, "trail-chunk/v1", 14);
	buf_put(&all, PLACE.genesis.b, HASH_LEN);
	buf_put_be32(&all, PLACE.class_no);
	buf_put_be32(&all, PLACE.month);
	buf_put_be64(&all, PLACE.first);
	assert_int_equal(all.len, AD_LEN);
	buf_put(&all, chunk->data, before);
	hash_bytes(buf_view(&all), &h);
	memcpy(chunk->data + before, h.b, CHUNK_TAG_LEN);
	buf_release(&all);
}

struct lie {
	size_t at;
	size_t len;
	uint32_t value;
	enum trail_err wanted;
};

static void tell(const struct lie *lie, bool plain)
{
	struct buf chunk = small_chunk(plain);
	uint8_t value[4];
	store_be32(value, lie->value);
	memcpy(chunk.data + lie->at, value + 4 - lie->len, lie->len);
	tag_again(&chunk);
	assert_int_equal(judge(buf_view(&chunk)), lie->wanted);
	buf_release(&chunk);
}

/* Where the plain block's lengths stand in a stored chunk of five records and two runs. */
enum {
	LENGTHS_AT = RUNS_AT + 2 * 6 + 5 * SALT_LEN
};

static void test_lies_with_a_fitting_tag_are_refused(void **state)
{
	(void)state;
	static const struct lie lies[] = {
		{ 0, 1, 1, TRAIL_OK }, /* the truth: the others fail for what they say */
		{ 0, 1, 0, TRAIL_UNSUPPORTED }, { 0, 1, 2, TRAIL_UNSUPPORTED },
		{ 1, 1, CHUNK_SEALED, TRAIL_UNSUPPORTED }, { 1, 1, 3, TRAIL_CORRUPT },
		{ 1, 1, 255, TRAIL_CORRUPT }, { 2, 2, 0, TRAIL_CORRUPT },
		{ 2, 2, 4, TRAIL_CORRUPT }, { 2, 2, 6, TRAIL_CORRUPT },
		{ 2, 2, 65535, TRAIL_CORRUPT }, { 4, 4, 0, TRAIL_CORRUPT },
		{ 4, 4, 209, TRAIL_CORRUPT }, { 4, 4, 211, TRAIL_CORRUPT },
		{ 4, 4, UINT32_MAX, TRAIL_CORRUPT }, { HEAD, 2, 4, TRAIL_CORRUPT },
		{ HEAD, 2, 6, TRAIL_CORRUPT }, { HEAD + 2, 2, 0, TRAIL_CORRUPT },
		{ HEAD + 2, 2, 1, TRAIL_CORRUPT }, { HEAD + 2, 2, 3, TRAIL_CORRUPT },
		{ HEAD + 2, 2, 65535, TRAIL_CORRUPT },
		{ RUNS_AT, 4, 1, TRAIL_CORRUPT },     /* not from the first index on */
		{ RUNS_AT + 4, 2, 0, TRAIL_CORRUPT }, /* an empty run */
		{ RUNS_AT + 4, 2, 2, TRAIL_CORRUPT }, /* fewer than are counted */
		{ RUNS_AT + 4, 2, 4, TRAIL_CORRUPT }, /* more */
		{ RUNS_AT + 4, 2, 65535, TRAIL_CORRUPT },
		{ RUNS_AT + 6, 4, 3, TRAIL_CORRUPT }, /* touches the run before */
		{ RUNS_AT + 6, 4, 2, TRAIL_CORRUPT }, /* overlaps it */
		{ RUNS_AT + 6, 4, 0, TRAIL_CORRUPT },
		{ RUNS_AT + 6, 4, 4, TRAIL_OK }, /* another place is no malformation */
	};
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		tell(&lies[i], true);
		tell(&lies[i], false);
	}
	static const struct lie lengths[] = {
		{ LENGTHS_AT, 2, 40, TRAIL_OK }, { LENGTHS_AT, 2, 39, TRAIL_CORRUPT },
		{ LENGTHS_AT, 2, 41, TRAIL_CORRUPT }, { LENGTHS_AT + 8, 2, 65535, TRAIL_CORRUPT },
		{ 1, 1, CHUNK_ZSTD, TRAIL_CORRUPT }, /* no zstd frame */
	};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		tell(&lengths[i], true);
}

static void test_a_block_that_is_not_one_whole_frame_is_refused(void **state)
{
	(void)state;
	struct buf chunk = small_chunk(false);
	struct buf edited = { 0 };
	size_t frame_at = LENGTHS_AT;
	size_t frame_len = chunk.len - CHUNK_TAG_LEN - frame_at;
	struct span frame = span_of(chunk.data + frame_at, frame_len);
	/* A skippable frame of no bytes, and one of the frame itself again. */
	static const uint8_t skip[8] = { 0x50, 0x2a, 0x4d, 0x18 };
	const struct span more[] = { span_of(skip, 1), span_of(skip, 8), frame };
	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
		buf_clear(&edited);
		buf_put(&edited, chunk.data, chunk.len - CHUNK_TAG_LEN);
		buf_put_span(&edited, more[i]);
		buf_put(&edited, skip, 8);
		buf_put(&edited, skip, 8);
		tag_again(&edited);
		assert_int_equal(judge(buf_view(&edited)), TRAIL_CORRUPT);
	}
	for (size_t cut = 1; cut <= frame_len; cut++) {
		buf_clear(&edited);
		buf_put(&edited, chunk.data, chunk.len - cut);
		tag_again(&edited);
		assert_int_equal(judge(buf_view(&edited)), TRAIL_CORRUPT);
	}
	buf_release(&edited);
	buf_release(&chunk);
}

static void test_noise_with_a_fitting_tag_is_survived(void **state)
{
	(void)state;
	uint64_t seed = 11;
	size_t opened = 0;
	for (int i = 0; i < 50 * ROUNDS; i++) {
		const uint8_t *salt;
		struct buf chunk = small_chunk(i % 2);
		for (uint64_t n = 1 + random_below(&seed, 3); n > 0; n--)
			chunk.data[random_below(&seed, chunk.len)] = (uint8_t)random_next(&seed);
		tag_again(&chunk);
		opened += judge(buf_view(&chunk)) == TRAIL_OK;
		struct span copy = guard_copy(buf_view(&chunk));
		(void)!chunk_salt(copy, PLACE.first, PLACE.first + random_below(&seed, 20), &salt);
		guard_free(copy);
		buf_release(&chunk);
	}
	/* Changed salts and payloads: those are for the commitments to find. */
	assert_true(opened > 0);
}

static void test_a_salt_of_a_malformed_chunk_is_refused(void **state)
{
	(void)state;
	const uint8_t *salt;
	struct buf chunk = small_chunk(true);
	for (size_t len = 0; len < RUNS_AT + 12 + 5 * SALT_LEN; len++) {
		struct span copy = guard_copy(span_of(chunk.data, len));
		enum trail_err err = chunk_salt(copy, PLACE.first, PLACE.first, &salt);
		assert_int_equal(err, TRAIL_CORRUPT);
		guard_free(copy);
	}
	store_be16(chunk.data + RUNS_AT + 4, 6);
	assert_int_equal(
		chunk_salt(buf_view(&chunk), PLACE.first, PLACE.first, &salt), TRAIL_CORRUPT);
	buf_release(&chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_in_comes_out),
		cmocka_unit_test(test_the_first_payload_fits_and_what_exceeds_does_not),
		cmocka_unit_test(test_every_turned_bit_is_seen),
		cmocka_unit_test(test_every_cut_and_every_addition_is_seen),
		cmocka_unit_test(test_a_chunk_is_bound_to_its_place),
		cmocka_unit_test(test_lies_with_a_fitting_tag_are_refused),
		cmocka_unit_test(test_a_block_that_is_not_one_whole_frame_is_refused),
		cmocka_unit_test(test_noise_with_a_fitting_tag_is_survived),
		cmocka_unit_test(test_a_salt_of_a_malformed_chunk_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
