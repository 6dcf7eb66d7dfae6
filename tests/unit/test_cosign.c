/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/cosign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DASH "\xe2\x80\x94 "

/* Seeds 00..1f and 20..3f; opened by x/mod's note.Open and by torchwood's cosignature verifier. */
#define LOG_LINE                                                                                   \
	DASH "example.org/audit ECa3fixZebvr5KUnxRhCH+"                                            \
	     "fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3zPEhym6FWws=\n"
#define TEXT "example.org/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
#define NAME "witness.example/w1"
#define VKEY NAME "+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
#define SKEY "PRIVATE+KEY+" NAME "+20324abe+BCAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/"
#define TIME UINT64_C(1700000000)
#define SIG                                                                                        \
	"IDJKvgAAAABlU/EAC0077ySvJfVI5mFHoV9/T2wpQ0xLLUYFLDzMjA7hE0dgG9zQ4x264CuW6cdcawGVIiH1M6dT" \
	"s5WQGn8zmtv7Dg=="
#define LINE DASH NAME " " SIG "\n"
#define NOTE TEXT "\n" LOG_LINE LINE

static struct cosign_key key;

static enum trail_err open_by(const struct cosigner *by, const char *note, uint64_t *time_s)
{
	return cosign_open(span_text(note), by, time_s);
}

static enum trail_err open_text(const char *note)
{
	uint64_t time_s;
	return open_by(&key.cosigner, note, &time_s);
}

/* Keys */

static void test_the_keys_of_the_vector_come_out_as_published(void **state)
{
	struct cosigner parsed;
	struct cosign_key back;
	struct buf out = { 0 };
	(void)state;
	cosigner_put(&out, &key.cosigner);
	assert_true(span_equal(buf_view(&out), span_text(VKEY)));
	buf_clear(&out);
	cosign_key_put(&out, &key);
	assert_true(span_equal(buf_view(&out), span_text(SKEY)));
	buf_clear(&out);
	assert_int_equal(cosigner_parse(span_text(VKEY), &parsed), TRAIL_OK);
	assert_string_equal(parsed.name, NAME);
	assert_int_equal(parsed.keyid, 0x20324abe);
	assert_memory_equal(parsed.pub, key.cosigner.pub, SIGN_PUBLIC_LEN);
	assert_int_equal(cosign_key_parse(span_text(SKEY), &back), TRAIL_OK);
	assert_memory_equal(back.secret, key.secret, SIGN_SECRET_LEN);
	assert_string_equal(back.cosigner.name, NAME);
	buf_release(&out);
}

static void test_keys_of_other_types_and_miscopied_ones_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum trail_err public, secret;
	} cases[] = {
		{ VKEY, TRAIL_OK, TRAIL_INVALID },
		{ SKEY, TRAIL_INVALID, TRAIL_OK },
		/* a log's keys */
		{ "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_UNSUPPORTED, TRAIL_INVALID },
		{ "PRIVATE+KEY+example.org/audit+1026b77e+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhsc"
		  "HR4f",
			TRAIL_INVALID, TRAIL_UNSUPPORTED },
		/* the same key as a log's has another id */
		{ NAME "+20324abe+ASmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X", TRAIL_UNSUPPORTED,
			TRAIL_INVALID },
		{ NAME "+20324abf+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X", TRAIL_INVALID,
			TRAIL_INVALID },
		{ "witness.example/w2+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X",
			TRAIL_INVALID, TRAIL_INVALID },
		{ NAME "+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3Y", TRAIL_INVALID,
			TRAIL_INVALID },
		{ NAME "+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilg==", TRAIL_INVALID,
			TRAIL_INVALID },
		{ "PRIVATE+KEY+" NAME "+20324abe+BCAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4+",
			TRAIL_INVALID, TRAIL_INVALID },
		{ VKEY "\n", TRAIL_INVALID, TRAIL_INVALID },
		{ "", TRAIL_INVALID, TRAIL_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cosigner public;
		struct cosign_key secret;
		if (cosigner_parse(span_text(cases[i].text), &public) != cases[i].public ||
			cosign_key_parse(span_text(cases[i].text), &secret) != cases[i].secret)
			fail_msg("case %zu: %s", i, cases[i].text);
	}
}

/* Signing */

static void test_a_cosignature_is_the_published_bytes(void **state)
{
	struct buf line = { 0 };
	(void)state;
	buf_put_text(&line, "before");
	assert_int_equal(cosign_sign(span_text(TEXT), &key, TIME, &line), TRAIL_OK);
	assert_true(span_equal(buf_view(&line), span_text("before" LINE)));
	buf_release(&line);
}

static void test_what_is_not_note_text_is_not_cosigned(void **state)
{
	static const char *const texts[] = { "", "a", "a\nb", "a\t\n", "a\r\n", "\xff\n" };
	struct buf line = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(
			cosign_sign(span_text(texts[i]), &key, TIME, &line), TRAIL_INVALID);
	assert_int_equal(
		cosign_sign(span_text(TEXT), &key, UINT64_C(1) << 63, &line), TRAIL_INVALID);
	assert_int_equal(line.len, 0);
	line.failed = true;
	assert_int_equal(cosign_sign(span_text(TEXT), &key, TIME, &line), TRAIL_NOMEM);
}

static void test_extension_lines_are_signed_too(void **state)
{
	struct buf note = { 0 };
	uint64_t time_s;
	(void)state;
	buf_put_text(&note, TEXT "extension\n\n");
	assert_int_equal(
		cosign_sign(span_text(TEXT "extension\n"), &key, INT64_MAX, &note), TRAIL_OK);
	buf_put_u8(&note, '\0');
	assert_int_equal(open_by(&key.cosigner, (const char *)note.data, &time_s), TRAIL_OK);
	assert_int_equal(time_s, INT64_MAX);
	note.data[sizeof TEXT] ^= 1;
	assert_int_equal(open_by(&key.cosigner, (const char *)note.data, &time_s), TRAIL_CORRUPT);
	buf_release(&note);
}

/* Opening */

static void test_the_vector_opens_and_says_when(void **state)
{
	uint64_t time_s = 0;
	(void)state;
	assert_int_equal(open_by(&key.cosigner, NOTE, &time_s), TRAIL_OK);
	assert_int_equal(time_s, TIME);
}

static void test_lines_of_other_keys_are_passed_over(void **state)
{
	static const char *const notes[] = {
		TEXT "\n" LINE,
		TEXT "\n" LINE LOG_LINE,
		/* our name with another id, our id with another name */
		NOTE DASH NAME " AAAAAAA=\n",
		NOTE DASH "witness.example/w2 " SIG "\n",
		/* what is no signature at all */
		NOTE DASH "x AAAAAAA=\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_OK)
			fail_msg("case %zu", i);
}

static void test_a_note_that_we_did_not_cosign_says_so(void **state)
{
	static const char *const notes[] = {
		TEXT "\n" LOG_LINE,
		TEXT "\n" DASH NAME " AAAAAAA=\n",
		TEXT "\n" DASH "witness.example/w2 " SIG "\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_END)
			fail_msg("case %zu", i);
}

static void test_a_line_of_ours_that_does_not_verify_spoils_the_note(void **state)
{
	static const char *const notes[] = {
		/* another text */
		"example.org/audit\n9\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n" LINE,
		/* one second later */
		TEXT
		"\n" DASH NAME
		" IDJKvgAAAABlU/EBC0077ySvJfVI5mFHoV9/T2wpQ0xLLUYFLDzMjA7hE0dgG9zQ4x264CuW6cdcawGV"
		"IiH1M6dTs5WQGn8zmtv7Dg==\n",
		/* our name and id, on too little; beside a good one, before and after */
		TEXT "\n" DASH NAME " IDJKvgA=\n",
		NOTE DASH NAME " IDJKvgA=\n",
		TEXT "\n" DASH NAME " IDJKvgA=\n" LINE,
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_CORRUPT)
			fail_msg("case %zu", i);
}

static void test_what_is_no_note_is_invalid(void **state)
{
	static const char *const notes[] = { "", TEXT, TEXT LINE, TEXT "\n" DASH NAME " " SIG,
		NOTE "trailing\n", NOTE DASH "x !AAAAAA=\n" };
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_INVALID)
			fail_msg("case %zu", i);
}

static void test_of_two_cosignatures_the_younger_counts(void **state)
{
	struct buf note = { 0 };
	uint64_t time_s;
	(void)state;
	buf_put_text(&note, TEXT "\n" LINE LINE);
	assert_int_equal(cosign_sign(span_text(TEXT), &key, TIME + 5, &note), TRAIL_OK);
	assert_int_equal(cosign_sign(span_text(TEXT), &key, TIME - 5, &note), TRAIL_OK);
	assert_int_equal(cosign_open(buf_view(&note), &key.cosigner, &time_s), TRAIL_OK);
	assert_int_equal(time_s, TIME + 5);
	buf_release(&note);
}

static void test_a_log_with_many_witnesses_opens_by_each(void **state)
{
	enum {
		WITNESSES = 64 /* of one policy, at the most */
	};
	static struct cosign_key keys[WITNESSES];
	struct buf note = { 0 };
	(void)state;
	buf_put_text(&note, TEXT "\n" LOG_LINE);
	for (int i = 0; i < WITNESSES; i++) {
		uint8_t seed[SIGN_SEED_LEN] = { (uint8_t)i };
		char name[32];
		(void)snprintf(name, sizeof name, "w%d.example", i);
		assert_int_equal(cosign_key_make(span_text(name), seed, &keys[i]), TRAIL_OK);
		assert_int_equal(cosign_sign(span_text(TEXT), &keys[i], TIME + (uint64_t)i, &note),
			TRAIL_OK);
	}
	for (int i = 0; i < WITNESSES; i++) {
		uint64_t time_s;
		assert_int_equal(
			cosign_open(buf_view(&note), &keys[i].cosigner, &time_s), TRAIL_OK);
		assert_int_equal(time_s, TIME + (uint64_t)i);
	}
	buf_release(&note);
}

static void test_every_flipped_bit_of_a_cosigned_note_is_refused(void **state)
{
	uint8_t note[] = TEXT "\n" LINE;
	uint64_t time_s = 7;
	(void)state;
	for (size_t bit = 0; bit < 8 * (sizeof note - 1); bit++) {
		note[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(
			cosign_open(span_of(note, sizeof note - 1), &key.cosigner, &time_s),
			TRAIL_OK);
		note[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(time_s, 7);
}

static int make_key(void **state)
{
	uint8_t seed[SIGN_SEED_LEN];
	(void)state;
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)(0x20 + i);
	if (!crypto_init())
		return -1;
	return cosign_key_make(span_text(NAME), seed, &key) == TRAIL_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_keys_of_the_vector_come_out_as_published),
		cmocka_unit_test(test_keys_of_other_types_and_miscopied_ones_are_refused),
		cmocka_unit_test(test_a_cosignature_is_the_published_bytes),
		cmocka_unit_test(test_what_is_not_note_text_is_not_cosigned),
		cmocka_unit_test(test_extension_lines_are_signed_too),
		cmocka_unit_test(test_the_vector_opens_and_says_when),
		cmocka_unit_test(test_lines_of_other_keys_are_passed_over),
		cmocka_unit_test(test_a_note_that_we_did_not_cosign_says_so),
		cmocka_unit_test(test_a_line_of_ours_that_does_not_verify_spoils_the_note),
		cmocka_unit_test(test_what_is_no_note_is_invalid),
		cmocka_unit_test(test_of_two_cosignatures_the_younger_counts),
		cmocka_unit_test(test_a_log_with_many_witnesses_opens_by_each),
		cmocka_unit_test(test_every_flipped_bit_of_a_cosigned_note_is_refused),
	};
	return cmocka_run_group_tests(tests, make_key, NULL);
}
