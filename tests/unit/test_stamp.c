/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps that OpenSSL's own tool made; test_stamped.py asks it while the test runs. */
#include "../../proto/crypto.h"
#include "../../proto/hash.h"
#include "../../proto/stamp.h"
#include "../support/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	STAMPED_S = 1795715052, /* 2026-11-26T17:44:12Z */
};

static const char TEXT[] = "example.org/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";

struct world {
	struct buf response, anchor, stranger;
	struct stamp stamp;
	char why[STAMP_WHY_MAX];
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	if (!w)
		return -1;
	w->response = vector_load("stamp-response");
	w->anchor = vector_load("stamp-anchor");
	w->stranger = vector_load("stamp-stranger");
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	buf_release(&w->response);
	buf_release(&w->anchor);
	buf_release(&w->stranger);
	free(w);
	return 0;
}

static enum trail_err check(struct world *w, const char *text, const struct buf *anchors)
{
	return stamp_check(
		buf_view(&w->response), span_text(text), buf_view(anchors), &w->stamp, w->why);
}

static void test_a_stamp_says_when_and_by_whom(void **state)
{
	struct world *w = *state;
	assert_int_equal(check(w, TEXT, &w->anchor), TRAIL_OK);
	assert_int_equal(w->stamp.time_s, STAMPED_S);
	assert_string_equal(w->stamp.authority, "CN=Test Time Authority");
}

static void test_a_stamp_is_of_one_text(void **state)
{
	struct world *w = *state;
	assert_int_equal(check(w, "example.org/audit\n", &w->anchor), TRAIL_INVALID);
	assert_string_equal(w->why, "it stamps another text");
}

static void test_another_root_of_the_same_name_is_no_anchor(void **state)
{
	struct world *w = *state;
	assert_int_equal(check(w, TEXT, &w->stranger), TRAIL_CORRUPT);
	/* Its word can be read all the same. */
	assert_int_equal(w->stamp.time_s, STAMPED_S);
	struct buf both = { 0 };
	buf_put_span(&both, buf_view(&w->stranger));
	buf_put_span(&both, buf_view(&w->anchor));
	assert_int_equal(check(w, TEXT, &both), TRAIL_OK);
	buf_release(&both);
}

static void test_no_anchor_checks_nothing(void **state)
{
	struct world *w = *state;
	const struct buf none = { 0 };
	assert_int_equal(check(w, TEXT, &none), TRAIL_UNSUPPORTED);
}

static void test_a_turned_bit_anywhere_is_found(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < w->response.len; i++) {
		for (unsigned bit = 0; bit < 8; bit += 3) {
			struct stamp stamp = { .time_s = STAMPED_S };
			w->response.data[i] ^= (uint8_t)(1U << bit);
			enum trail_err err = stamp_check(buf_view(&w->response), span_text(TEXT),
				buf_view(&w->anchor), &stamp, w->why);
			/* Bits that no signature covers may turn; what the stamp says may not. */
			assert_true(err != TRAIL_OK || stamp.time_s == STAMPED_S);
			w->response.data[i] ^= (uint8_t)(1U << bit);
		}
	}
}

static void test_what_is_cut_or_prolonged_is_no_stamp(void **state)
{
	struct world *w = *state;
	size_t len = w->response.len;
	for (size_t cut = 0; cut < len; cut++) {
		struct span part = span_of(w->response.data, cut);
		assert_int_equal(
			stamp_read(part, span_text(TEXT), NULL, &w->stamp, w->why), TRAIL_INVALID);
	}
	buf_put_u8(&w->response, 0);
	assert_int_equal(
		stamp_read(buf_view(&w->response), span_text(TEXT), NULL, &w->stamp, w->why),
		TRAIL_INVALID);
	w->response.len = len;
	assert_int_equal(
		stamp_read(buf_view(&w->response), span_text(TEXT), NULL, &w->stamp, w->why),
		TRAIL_OK);
}

static void test_the_nonce_must_come_back(void **state)
{
	struct world *w = *state;
	static const uint8_t nonce[STAMP_NONCE_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	assert_int_equal(
		stamp_read(buf_view(&w->response), span_text(TEXT), nonce, &w->stamp, w->why),
		TRAIL_INVALID);
	assert_non_null(strstr(w->why, "nonce"));
}

static void test_a_request_holds_digest_and_nonce(void **state)
{
	static const uint8_t nonce[STAMP_NONCE_LEN] = { 0x11, 2, 3, 4, 5, 6, 7, 0x88 };
	struct buf out = { 0 };
	struct hash digest;
	(void)state;
	assert_true(stamp_request(span_text(TEXT), nonce, &out));
	hash_bytes(span_text(TEXT), &digest);
	assert_non_null(memmem(out.data, out.len, digest.b, HASH_LEN));
	assert_non_null(memmem(out.data, out.len, nonce, sizeof nonce));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_stamp_says_when_and_by_whom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_stamp_is_of_one_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_another_root_of_the_same_name_is_no_anchor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_anchor_checks_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_turned_bit_anywhere_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_cut_or_prolonged_is_no_stamp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_nonce_must_come_back, set_up, tear_down),
		cmocka_unit_test(test_a_request_holds_digest_and_nonce),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
