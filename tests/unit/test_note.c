/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DASH "\xe2\x80\x94 "

/* The example of c2sp.org/signed-note's reference implementation. */
#define FOO_VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define FOO_TEXT "This is an example message.\n"
#define FOO_SIG                                                                                    \
	"Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72Iney" \
	"aQM="

/* Seeds 00..1f and 20..3f; checked with x/mod's note.Open. */
#define LOG_NAME "example.org/audit"
#define LOG_VKEY LOG_NAME "+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define LOG_SKEY "PRIVATE+KEY+" LOG_NAME "+1026b77e+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define LOG_TEXT "example.org/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
#define LOG_SIG                                                                                    \
	"ECa3fixZebvr5KUnxRhCH+"                                                                   \
	"fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3zPEhym6FWws="
#define LOG_LINE DASH LOG_NAME " " LOG_SIG "\n"
#define WITNESS_LINE                                                                               \
	DASH "witness.example/w1 "                                                                 \
	     "IDJKvgAAAABlU/EAC0077ySvJfVI5mFHoV9/T2wpQ0xLLUYFLDzMjA7hE0dgG9zQ4"                   \
	     "x264CuW6cdcawGVIiH1M6dTs5WQGn8zmtv7Dg==\n"
#define LOG_NOTE LOG_TEXT "\n" LOG_LINE

static struct vkey log_vkey;
static struct skey log_skey;

static enum trail_err open_text(const char *note)
{
	struct span text;
	return note_open(span_text(note), &log_vkey, &text);
}

/* Names */

static void test_names_are_utf8_without_white_space_or_plus(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} cases[] = {
		{ "a", true }, { "example.org/audit", true },
		{ "\xc3\xa5\xe6\x97\xa5\xf0\x9f\x98\x80", true },
		{ "a\xe2\x80\x8b"
		  "b",
			true }, /* zero width space: not White_Space */
		{ "a\xc2\xa1", true }, { "a\xc2\x84", true }, { "a\xe2\x81\xa0", true },
		{ "", false }, { "a+b", false }, { "+", false }, { " a", false }, { "a b", false },
		{ "a\t", false }, { "a\n", false }, { "a\v", false }, { "a\f", false },
		{ "a\r", false }, { "a\x01", false }, { "a\x1f", false }, { "a\xc2\x85", false },
		{ "a\xc2\xa0", false }, { "a\xe1\x9a\x80", false }, { "a\xe2\x80\x80", false },
		{ "a\xe2\x80\x83", false }, { "a\xe2\x80\x8a", false }, { "a\xe2\x80\xa8", false },
		{ "a\xe2\x80\xa9", false }, { "a\xe2\x80\xaf", false }, { "a\xe2\x81\x9f", false },
		{ "\xe3\x80\x80"
		  "a",
			false },
		{ "a\xff", false }, { "a\xc3", false }, { "a\xc0\xa0", false }, /* overlong */
		{ "a\xed\xa0\x80", false },                                     /* surrogate */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (note_name_valid(span_text(cases[i].name)) != cases[i].valid)
			fail_msg("case %zu: %s", i, cases[i].name);
	assert_false(note_name_valid(span_of("a\0b", 3)));
	assert_false(note_name_valid(span_of(NULL, 0)));
}

static void test_a_name_has_at_most_one_hundred_bytes(void **state)
{
	const uint8_t pub[SIGN_PUBLIC_LEN] = { 1 };
	char name[NOTE_NAME_MAX + 1];
	struct vkey key;
	struct buf out = { 0 };
	(void)state;
	memset(name, 'n', sizeof name);
	assert_true(note_name_valid(span_of(name, NOTE_NAME_MAX)));
	assert_false(note_name_valid(span_of(name, NOTE_NAME_MAX + 1)));
	assert_int_equal(vkey_make(span_of(name, NOTE_NAME_MAX + 1), pub, &key), TRAIL_INVALID);
	assert_int_equal(vkey_make(span_of(name, NOTE_NAME_MAX), pub, &key), TRAIL_OK);
	vkey_put(&out, &key);
	assert_int_equal(out.len, VKEY_LEN_MAX - 1);
	buf_release(&out);
}

/* Keys */

static void test_keys_of_the_vectors_come_out_as_published(void **state)
{
	struct buf out = { 0 };
	struct vkey foo;
	(void)state;
	vkey_put(&out, &log_skey.vkey);
	assert_true(span_equal(buf_view(&out), span_text(LOG_VKEY)));
	buf_clear(&out);
	skey_put(&out, &log_skey);
	assert_true(span_equal(buf_view(&out), span_text(LOG_SKEY)));
	buf_clear(&out);
	assert_int_equal(vkey_parse(span_text(FOO_VKEY), &foo), TRAIL_OK);
	assert_string_equal(foo.name, "example.com/foo");
	assert_int_equal(foo.keyid, 0x530d903a);
	vkey_put(&out, &foo);
	assert_true(span_equal(buf_view(&out), span_text(FOO_VKEY)));
	buf_release(&out);
}

static void test_a_signer_key_survives_its_text_form(void **state)
{
	struct skey back;
	(void)state;
	assert_int_equal(skey_parse(span_text(LOG_SKEY), &back), TRAIL_OK);
	assert_string_equal(back.vkey.name, LOG_NAME);
	assert_int_equal(back.vkey.keyid, log_skey.vkey.keyid);
	assert_memory_equal(back.vkey.pub, log_skey.vkey.pub, SIGN_PUBLIC_LEN);
	assert_memory_equal(back.secret, log_skey.secret, SIGN_SECRET_LEN);
}

static void test_only_the_one_spelling_of_a_vkey_is_taken(void **state)
{
	static const struct {
		const char *text;
		enum trail_err want;
	} cases[] = {
		{ LOG_VKEY, TRAIL_OK },
		{ "", TRAIL_INVALID },
		{ "example.org/audit", TRAIL_INVALID },
		{ "example.org/audit+1026b77e", TRAIL_INVALID },
		{ "example.org/audit+1026b77e+", TRAIL_INVALID },
		{ LOG_VKEY "\n", TRAIL_INVALID },
		{ " " LOG_VKEY, TRAIL_INVALID },
		/* the id of another key, upper case, too short, too long, prefixed */
		{ "example.org/audit+1026b77f+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		{ "example.org/audit+1026B77E+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		{ "example.org/audit+1026b77+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		{ "example.org/audit+01026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		{ "example.org/audit+0x26b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		/* another name, hence another id; a bad name; none */
		{ "example.org/audiT+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		{ "example org+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
			TRAIL_INVALID },
		{ "+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", TRAIL_INVALID },
		/* another key; one byte less; one more; base64 with a space */
		{ "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG5",
			TRAIL_INVALID },
		{ "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTE=",
			TRAIL_INVALID },
		{ "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4AA==",
			TRAIL_INVALID },
		{ "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG ",
			TRAIL_INVALID },
		/* a witness's key: type 4 */
		{ "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X",
			TRAIL_UNSUPPORTED },
		/* a private key is no vkey */
		{ LOG_SKEY, TRAIL_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vkey key;
		enum trail_err got = vkey_parse(span_text(cases[i].text), &key);
		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].text, got);
	}
}

static void test_only_the_one_spelling_of_a_signer_key_is_taken(void **state)
{
	static const struct {
		const char *text;
		enum trail_err want;
	} cases[] = {
		{ LOG_SKEY, TRAIL_OK },
		{ LOG_VKEY, TRAIL_INVALID },
		{ "private+KEY+" LOG_NAME "+1026b77e+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
			TRAIL_INVALID },
		/* a seed miscopied in one letter: the id tells */
		{ "PRIVATE+KEY+" LOG_NAME "+1026b77e+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4e",
			TRAIL_INVALID },
		{ "PRIVATE+KEY+" LOG_NAME "+1026b77e+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4=",
			TRAIL_INVALID },
		{ "PRIVATE+KEY+" LOG_NAME "+1026b77e+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
			TRAIL_UNSUPPORTED },
		{ LOG_SKEY "\n", TRAIL_INVALID },
		{ "PRIVATE+KEY+", TRAIL_INVALID },
		{ "", TRAIL_INVALID },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct skey key;
		enum trail_err got = skey_parse(span_text(cases[i].text), &key);
		if (got != cases[i].want)
			fail_msg("case %zu: %d", i, got);
	}
}

static void test_keys_are_the_same_in_name_type_and_bytes(void **state)
{
	struct vkey other;
	(void)state;
	assert_int_equal(vkey_parse(span_text(LOG_VKEY), &other), TRAIL_OK);
	/* What lies behind the end of a name is no part of it. */
	other.name[sizeof other.name - 1] = 'x';
	assert_true(vkey_same(&log_vkey, &other));
	assert_int_equal(vkey_make(span_text("b"), log_vkey.pub, &other), TRAIL_OK);
	assert_false(vkey_same(&log_vkey, &other));
	assert_int_equal(
		note_key_make(span_text(LOG_NAME), NOTE_TYPE_COSIGNATURE, log_vkey.pub, &other),
		TRAIL_OK);
	assert_false(vkey_same(&log_vkey, &other));
	for (size_t i = 0; i < sizeof other.pub; i++) {
		other = log_vkey;
		other.pub[i] ^= 1;
		assert_false(vkey_same(&log_vkey, &other));
	}
}

static void test_a_failed_parse_sets_nothing(void **state)
{
	struct vkey vkey;
	struct vkey vkey_before;
	struct skey skey;
	struct skey skey_before;
	(void)state;
	memset(&vkey, 0x5a, sizeof vkey);
	memset(&skey, 0x5a, sizeof skey);
	vkey_before = vkey;
	skey_before = skey;
	assert_int_equal(vkey_parse(span_text(LOG_VKEY "A"), &vkey), TRAIL_INVALID);
	assert_int_equal(
		skey_parse(span_text("PRIVATE+KEY+" LOG_NAME
				     "+1026b77e+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4e"),
			&skey),
		TRAIL_INVALID);
	assert_memory_equal(&vkey, &vkey_before, sizeof vkey);
	assert_memory_equal(&skey, &skey_before, sizeof skey);
}

/* Signing */

static void test_a_signed_note_is_the_published_bytes(void **state)
{
	struct buf out = { 0 };
	(void)state;
	buf_put_text(&out, "before");
	assert_int_equal(note_sign(span_text(LOG_TEXT), &log_skey, &out), TRAIL_OK);
	assert_true(span_equal(buf_view(&out), span_text("before" LOG_NOTE)));
	buf_release(&out);
}

static void test_what_is_not_note_text_is_not_signed(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = { { "", 0 }, { "a", 1 }, { "a\nb", 3 }, { "a\0\n", 3 }, { "a\t\n", 3 },
		{ "a\r\n", 3 }, { "\xff\n", 2 }, { "\xc3\n", 2 }, { "\xed\xa0\x80\n", 4 } };
	struct buf out = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(note_sign(span_of(cases[i].text, cases[i].len), &log_skey, &out),
			TRAIL_INVALID);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void test_the_longest_text_signs_and_opens(void **state)
{
	char text[NOTE_TEXT_MAX + 1];
	struct buf out = { 0 };
	struct span got;
	(void)state;
	memset(text, 'x', sizeof text);
	text[NOTE_TEXT_MAX - 1] = '\n';
	assert_int_equal(note_sign(span_of(text, NOTE_TEXT_MAX), &log_skey, &out), TRAIL_OK);
	assert_int_equal(note_open(buf_view(&out), &log_vkey, &got), TRAIL_OK);
	assert_int_equal(got.len, NOTE_TEXT_MAX);
	buf_clear(&out);
	text[NOTE_TEXT_MAX - 1] = 'x';
	text[NOTE_TEXT_MAX] = '\n';
	assert_int_equal(note_sign(span_of(text, sizeof text), &log_skey, &out), TRAIL_INVALID);
	buf_release(&out);
}

static void test_signing_without_memory_says_so(void **state)
{
	struct buf out = { .failed = true };
	(void)state;
	assert_int_equal(note_sign(span_text(LOG_TEXT), &log_skey, &out), TRAIL_NOMEM);
}

/* Opening */

static void test_the_specifications_example_opens(void **state)
{
	static const char note[] = FOO_TEXT "\n" DASH "example.com/foo " FOO_SIG "\n";
	struct vkey key;
	struct span text;
	(void)state;
	assert_int_equal(vkey_parse(span_text(FOO_VKEY), &key), TRAIL_OK);
	assert_int_equal(note_open(span_text(note), &key, &text), TRAIL_OK);
	assert_ptr_equal(text.data, note);
	assert_true(span_equal(text, span_text(FOO_TEXT)));
}

static void test_lines_of_other_keys_are_passed_over(void **state)
{
	static const char *const notes[] = {
		LOG_NOTE WITNESS_LINE,
		LOG_TEXT "\n" WITNESS_LINE LOG_LINE,
		LOG_NOTE LOG_LINE,
		/* our name with another id, our id with another name */
		LOG_NOTE DASH LOG_NAME " AAAAAAA=\n",
		LOG_NOTE DASH "example.org/other " LOG_SIG "\n",
		/* five bytes are the fewest */
		LOG_NOTE DASH "x AAAAAAA=\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_OK)
			fail_msg("case %zu", i);
}

static void test_a_note_without_our_good_signature_is_corrupt(void **state)
{
	static const char *const notes[] = {
		/* only others */
		LOG_TEXT "\n" WITNESS_LINE,
		LOG_TEXT "\n" DASH "example.org/other " LOG_SIG "\n",
		LOG_TEXT "\n" DASH LOG_NAME " AAAAAAA=\n",
		/* another text */
		"example.org/audit\n9\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n" LOG_LINE,
		LOG_TEXT "\n\n" LOG_LINE,
		/* our name and id on what is no signature of ours: whatever else stands there */
		LOG_NOTE DASH LOG_NAME " ECa3fgA=\n",
		LOG_TEXT "\n" DASH LOG_NAME " ECa3fgA=\n" LOG_LINE,
		/* our signature and one byte more */
		LOG_TEXT
		"\n" DASH LOG_NAME
		" ECa3fixZebvr5KUnxRhCH+fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3"
		"zPEhym6FWwsA\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_CORRUPT)
			fail_msg("case %zu", i);
}

static void test_a_malformed_note_is_invalid(void **state)
{
	static const char *const notes[] = {
		"",
		"\n",
		"\n\n",
		LOG_TEXT,
		LOG_TEXT "\n",
		LOG_TEXT LOG_LINE, /* no blank line */
		LOG_NOTE "\n",     /* the last blank line has nothing behind it */
		LOG_TEXT "\n" DASH LOG_NAME " " LOG_SIG, /* no newline at the end */
		LOG_NOTE "trailing",
		LOG_NOTE "trailing\n",
		LOG_NOTE DASH "\n",
		LOG_NOTE DASH "x\n",
		LOG_NOTE DASH "x \n",
		LOG_NOTE DASH " AAAAAAA=\n", /* no name */
		LOG_NOTE DASH "x  AAAAAAA=\n",
		LOG_NOTE DASH "x AAAAAAA= \n",
		LOG_NOTE DASH "x+y AAAAAAA=\n",
		LOG_NOTE DASH "x\xc2\xa0y AAAAAAA=\n",
		LOG_NOTE DASH "x AAAAAA==\n", /* four bytes */
		LOG_NOTE DASH "x AAAAAAB=\n", /* bits behind the last byte */
		LOG_NOTE DASH "x AAAAAAA\n",
		LOG_NOTE DASH "x !AAAAAA=\n",
		LOG_NOTE "- x AAAAAAA=\n", /* a hyphen; an en dash; no space; a no-break space */
		LOG_NOTE "\xe2\x80\x93 x AAAAAAA=\n",
		LOG_NOTE "\xe2\x80\x94x AAAAAAA=\n",
		LOG_NOTE "\xe2\x80\x94\xc2\xa0x AAAAAAA=\n",
		"a\tb\n\n" LOG_LINE,
		"a\r\n\n" LOG_LINE,
		"\xff\n\n" LOG_LINE,
		"\xc0\xaf\n\n" LOG_LINE,
		LOG_NOTE DASH "x\xff AAAAAAA=\n",
		"\xef\xbb\n\n" LOG_LINE,
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (open_text(notes[i]) != TRAIL_INVALID)
			fail_msg("case %zu", i);
}

static void test_a_nul_anywhere_is_invalid(void **state)
{
	char note[] = LOG_NOTE;
	struct span text;
	(void)state;
	for (size_t i = 0; i < sizeof note - 1; i++) {
		char was = note[i];
		note[i] = '\0';
		assert_int_equal(
			note_open(span_of(note, sizeof note - 1), &log_vkey, &text), TRAIL_INVALID);
		note[i] = was;
	}
}

/* Text may hold blank lines, even what looks like signatures: the last blank line separates. */
static void test_the_last_blank_line_separates(void **state)
{
	static const char *const texts[] = { "\n", "\n\n", "a\n\nb\n", "a\n\n\n",
		FOO_TEXT "\n" DASH "example.com/foo " FOO_SIG "\n", LOG_NOTE };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf out = { 0 };
		struct span text;
		assert_int_equal(note_sign(span_text(texts[i]), &log_skey, &out), TRAIL_OK);
		assert_int_equal(note_open(buf_view(&out), &log_vkey, &text), TRAIL_OK);
		assert_true(span_equal(text, span_text(texts[i])));
		buf_release(&out);
	}
}

static void test_every_flipped_bit_of_a_note_is_refused(void **state)
{
	uint8_t note[] = LOG_NOTE;
	struct span text = span_text("untouched");
	const struct span before = text;
	(void)state;
	for (size_t bit = 0; bit < 8 * (sizeof note - 1); bit++) {
		note[bit / 8] ^= (uint8_t)(1U << bit % 8);
		enum trail_err err = note_open(span_of(note, sizeof note - 1), &log_vkey, &text);
		assert_true(err == TRAIL_INVALID || err == TRAIL_CORRUPT);
		assert_ptr_equal(text.data, before.data);
		note[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(note_open(span_of(note, sizeof note - 1), &log_vkey, &text), TRAIL_OK);
}

static void test_every_cut_of_a_note_is_refused(void **state)
{
	static const char note[] = LOG_NOTE WITNESS_LINE;
	const size_t whole = sizeof LOG_NOTE - 1;
	(void)state;
	for (size_t len = 0; len < sizeof note - 1; len++) {
		/* A copy of just that length, so that a reader that goes on is caught. */
		char *cut = malloc(len ? len : 1);
		struct span text;
		assert_non_null(cut);
		memcpy(cut, note, len);
		enum trail_err err = note_open(span_of(cut, len), &log_vkey, &text);
		if (len == whole)
			assert_int_equal(err, TRAIL_OK);
		else
			assert_int_equal(err, TRAIL_INVALID);
		free(cut);
	}
}

/* The specification asks for 16 at the least. */
static void test_as_many_signatures_as_allowed_and_no_more(void **state)
{
	struct buf note = { 0 };
	struct span text;
	(void)state;
	buf_put_text(&note, LOG_NOTE);
	for (int i = 1; i < NOTE_SIGNATURES_MAX; i++)
		buf_printf(&note, "%sw%d AAAAAAA=\n", DASH, i);
	assert_int_equal(note_open(buf_view(&note), &log_vkey, &text), TRAIL_OK);
	buf_printf(&note, "%sone-more AAAAAAA=\n", DASH);
	assert_int_equal(note_open(buf_view(&note), &log_vkey, &text), TRAIL_INVALID);
	buf_release(&note);
}

static void test_the_longest_note_opens_and_a_longer_one_does_not(void **state)
{
	struct buf note = { 0 };
	struct span text;
	(void)state;
	buf_put_text(&note, LOG_NOTE DASH);
	/* A foreign name of any length is no reason to refuse: it only has to be well formed. */
	while (note.len < NOTE_LEN_MAX - 10)
		buf_put_text(&note, "n");
	buf_put_text(&note, " AAAAAAA=\n");
	assert_int_equal(note.len, NOTE_LEN_MAX);
	assert_int_equal(note_open(buf_view(&note), &log_vkey, &text), TRAIL_OK);
	buf_clear(&note);
	buf_put_text(&note, LOG_NOTE DASH "n ");
	while (note.len + 5 <= NOTE_LEN_MAX)
		buf_put_text(&note, "AAAA");
	buf_put_text(&note, "\n");
	assert_int_equal(note_open(buf_view(&note), &log_vkey, &text), TRAIL_OK);
	buf_clear(&note);
	buf_put_text(&note, LOG_NOTE DASH);
	while (note.len < NOTE_LEN_MAX - 9)
		buf_put_text(&note, "n");
	buf_put_text(&note, " AAAAAAA=\n");
	assert_int_equal(note.len, NOTE_LEN_MAX + 1);
	assert_int_equal(note_open(buf_view(&note), &log_vkey, &text), TRAIL_INVALID);
	buf_release(&note);
}

static void test_lines_are_taken_one_by_one(void **state)
{
	struct span in = span_text("one\n\nthree\nrest");
	struct span line;
	(void)state;
	assert_true(note_line_take(&in, &line));
	assert_true(span_equal(line, span_text("one")));
	assert_true(note_line_take(&in, &line));
	assert_int_equal(line.len, 0);
	assert_true(note_line_take(&in, &line));
	assert_true(span_equal(line, span_text("three")));
	assert_false(note_line_take(&in, &line));
	assert_true(span_equal(in, span_text("rest")));
	in = span_of(NULL, 0);
	assert_false(note_line_take(&in, &line));
}

static int make_keys(void **state)
{
	uint8_t seed[SIGN_SEED_LEN];
	(void)state;
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	if (!crypto_init() || skey_make(span_text(LOG_NAME), seed, &log_skey) != TRAIL_OK)
		return -1;
	return vkey_parse(span_text(LOG_VKEY), &log_vkey) == TRAIL_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_utf8_without_white_space_or_plus),
		cmocka_unit_test(test_a_name_has_at_most_one_hundred_bytes),
		cmocka_unit_test(test_keys_of_the_vectors_come_out_as_published),
		cmocka_unit_test(test_a_signer_key_survives_its_text_form),
		cmocka_unit_test(test_only_the_one_spelling_of_a_vkey_is_taken),
		cmocka_unit_test(test_only_the_one_spelling_of_a_signer_key_is_taken),
		cmocka_unit_test(test_keys_are_the_same_in_name_type_and_bytes),
		cmocka_unit_test(test_a_failed_parse_sets_nothing),
		cmocka_unit_test(test_a_signed_note_is_the_published_bytes),
		cmocka_unit_test(test_what_is_not_note_text_is_not_signed),
		cmocka_unit_test(test_the_longest_text_signs_and_opens),
		cmocka_unit_test(test_signing_without_memory_says_so),
		cmocka_unit_test(test_the_specifications_example_opens),
		cmocka_unit_test(test_lines_of_other_keys_are_passed_over),
		cmocka_unit_test(test_a_note_without_our_good_signature_is_corrupt),
		cmocka_unit_test(test_a_malformed_note_is_invalid),
		cmocka_unit_test(test_a_nul_anywhere_is_invalid),
		cmocka_unit_test(test_the_last_blank_line_separates),
		cmocka_unit_test(test_every_flipped_bit_of_a_note_is_refused),
		cmocka_unit_test(test_every_cut_of_a_note_is_refused),
		cmocka_unit_test(test_as_many_signatures_as_allowed_and_no_more),
		cmocka_unit_test(test_the_longest_note_opens_and_a_longer_one_does_not),
		cmocka_unit_test(test_lines_are_taken_one_by_one),
	};
	return cmocka_run_group_tests(tests, make_keys, NULL);
}
