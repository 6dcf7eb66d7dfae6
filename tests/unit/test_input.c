/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/input.h"

#include "../../proto/frame.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	PEER_BYTES = 4 * 1024 * 1024
};

static struct slab *frames;
static struct shares *shares;
static struct share *share;
static struct input in;

static int setup(void **state)
{
	static const struct peer peer = { .type = PEER_UNIX_USER, .name = "1001" };
	(void)state;
	frames = slab_new(SLAB_BLOCK_MAX);
	shares = shares_new(&(struct share_limits){ .bytes = PEER_BYTES, .connections = 10 });
	if (share_join(shares, &peer, 1, &share))
		return -1;
	input_init(&in, frames, share);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	input_drop(&in);
	assert_int_equal(slab_out(frames), 0);
	share_leave(share);
	shares_free(shares);
	slab_free(frames);
	return 0;
}

/* As much of `bytes` as fits, at most `max`; what is left. */
static struct span feed(struct span bytes, size_t max)
{
	size_t room;
	uint8_t *to = input_room(&in, &room);
	size_t n = bytes.len < max ? bytes.len : max;
	assert_true(room > 0);
	n = n < room ? n : room;
	memcpy(to, bytes.data, n);
	input_came(&in, n);
	return span_of(bytes.data + n, bytes.len - n);
}

static void test_frames_of_all_lengths_come_out_as_they_went_in(void **state)
{
	static const size_t lengths[] = { 1, 3, 4, 100, INPUT_OWN - 5, INPUT_OWN - 4, INPUT_OWN - 3,
		INPUT_OWN, 40000, 7, 65536, 65532, 2, FRAME_BODY_MAX - 1, FRAME_BODY_MAX, 1 };
	enum {
		COUNT = sizeof lengths / sizeof lengths[0]
	};
	struct buf stream = { 0 };
	uint64_t seed = 7;
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(buf_reserve(&stream, lengths[i] + FRAME_HEAD));
		buf_put_be32(&stream, (uint32_t)lengths[i]);
		memset(stream.data + stream.len, (int)i, lengths[i]);
		stream.len += lengths[i];
	}
	for (size_t most = 1; most < 4 * 1024 * 1024; most = most * 37 + 11) {
		struct span left = buf_view(&stream);
		size_t next = 0;
		while (next < COUNT) {
			struct span body;
			enum trail_err err = input_frame(&in, &body);
			if (err == TRAIL_MORE) {
				left = feed(left, 1 + random_below(&seed, most));
				continue;
			}
			assert_int_equal(err, TRAIL_OK);
			assert_int_equal(body.len, lengths[next]);
			assert_int_equal(body.data[0], next);
			assert_int_equal(body.data[body.len - 1], next);
			input_eat(&in, body);
			next++;
		}
		assert_int_equal(left.len, 0);
		assert_false(input_pending(&in));
	}
	buf_release(&stream);
}

static void test_a_long_frame_is_paid_for_and_given_back(void **state)
{
	static uint8_t body_bytes[100000];
	static const uint8_t head[] = { 0, 1, 0x86, 0xa0 };
	struct span body;
	(void)state;
	(void)feed(span_of(head, 4), 4);
	assert_int_equal(input_frame(&in, &body), TRAIL_MORE);
	assert_int_equal(slab_out(frames), 128 * 1024);
	struct span left = span_of(body_bytes, sizeof body_bytes);
	while (left.len > 0)
		left = feed(left, left.len);
	assert_int_equal(input_frame(&in, &body), TRAIL_OK);
	input_eat(&in, body);
	assert_int_equal(input_frame(&in, &body), TRAIL_MORE);
	assert_int_equal(slab_out(frames), 0);
}

static void test_without_memory_or_share_it_waits_and_loses_nothing(void **state)
{
	static const uint8_t head[] = { 0, 1, 0x86, 0xa0, 9 };
	struct span body;
	size_t cap;
	(void)state;
	void *hog = slab_take(frames, SLAB_BLOCK_MAX, &cap);
	(void)feed(span_of(head, 5), 5);
	assert_int_equal(input_frame(&in, &body), TRAIL_BUSY);
	slab_give(frames, hog, cap);
	share_take(share, PEER_BYTES);
	assert_int_equal(input_frame(&in, &body), TRAIL_BUSY);
	share_give(share, PEER_BYTES);
	assert_int_equal(input_frame(&in, &body), TRAIL_MORE);
	assert_true(input_pending(&in));
	assert_int_equal(in.data[4], 9);
}

static void test_what_is_no_frame_is_refused(void **state)
{
	static const struct {
		uint8_t head[4];
		enum trail_err err;
	} cases[] = {
		{ { 0, 0, 0, 0 }, TRAIL_INVALID },
		{ { 0, 0x10, 0, 1 }, TRAIL_TOO_BIG },
		{ { 0xff, 0xff, 0xff, 0xff }, TRAIL_TOO_BIG },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span body;
		(void)feed(span_of(cases[i].head, 4), 4);
		assert_int_equal(input_frame(&in, &body), cases[i].err);
		input_drop(&in);
		assert_false(input_pending(&in));
	}
	assert_int_equal(slab_out(frames), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_frames_of_all_lengths_come_out_as_they_went_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_long_frame_is_paid_for_and_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_memory_or_share_it_waits_and_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_frame_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
