/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/checkpoint.h"
#include "../../proto/tree.h"

#include "../support/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME     "example.org/audit"
#define VKEY     NAME "+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define ROOT     "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="
#define ROOT_HEX "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
#define TEXT     NAME "\n8\n" ROOT "\n"
#define NOTE                                                                                       \
	TEXT "\n\xe2\x80\x94 " NAME                                                                \
	     " ECa3fixZebvr5KUnxRhCH+fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3"   \
	     "zPEhym6FWws=\n"
#define LEAF     "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="
#define LEAF_HEX "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
#define IDENTITY "trail-log/v1\n" VKEY "\n" LEAF "\n"
#define HEAD     "c2sp.org/tlog-proof@v1\n"

enum {
	EXTRA_MOST = 48 * 1024 - 1
};

static struct vkey log_vkey;
static struct skey log_skey;

static struct hash hash_of_hex(const char *hex)
{
	struct hash out;
	assert_int_equal(hex_decode(hex, out.b), HASH_LEN);
	return out;
}

/* The text of a checkpoint */

static void test_a_checkpoint_is_the_published_bytes(void **state)
{
	const struct checkpoint cp = { .origin = NAME, .size = 8, .root = hash_of_hex(ROOT_HEX) };
	struct buf out = { 0 };
	(void)state;
	checkpoint_put(&out, &cp);
	assert_true(span_equal(buf_view(&out), span_text(TEXT)));
	buf_release(&out);
}

static void test_a_log_is_named_by_the_hash_of_its_origin(void **state)
{
	char hex[2 * HASH_LEN + 1];
	(void)state;
	memset(hex, 0x5a, sizeof hex);
	origin_hex(NAME, hex);
	assert_string_equal(
		hex, "ee035974e7283faf847f04d87e0a7617a6ae6b52dea34c18727181ad9e42106a");
}

static void test_a_checkpoint_comes_back_as_it_was_put(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 9, 10, 4294967296, INT64_MAX };
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct checkpoint cp = { .origin = "o", .size = sizes[i] };
		struct checkpoint back;
		struct buf out = { 0 };
		memset(cp.root.b, (int)i, HASH_LEN);
		checkpoint_put(&out, &cp);
		memset(&back, 0x5a, sizeof back);
		assert_int_equal(checkpoint_parse(buf_view(&out), &back), TRAIL_OK);
		assert_string_equal(back.origin, cp.origin);
		assert_int_equal(back.size, cp.size);
		assert_true(hash_equal(&back.root, &cp.root));
		buf_release(&out);
	}
}

static void test_only_the_one_spelling_of_a_checkpoint_is_taken(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		NAME "\n8\n",
		NAME "\n8\n" ROOT, /* no newline at the end */
		TEXT "extension\n",
		TEXT "\n",
		"\n8\n" ROOT "\n",
		"two words\n8\n" ROOT "\n",
		"a+b\n8\n" ROOT "\n",
		NAME "\r\n8\r\n" ROOT "\r\n",
		NAME "\n\n" ROOT "\n",
		NAME "\n08\n" ROOT "\n",
		NAME "\n00\n" ROOT "\n",
		NAME "\n+8\n" ROOT "\n",
		NAME "\n-8\n" ROOT "\n",
		NAME "\n 8\n" ROOT "\n",
		NAME "\n8 \n" ROOT "\n",
		NAME "\n0x8\n" ROOT "\n",
		NAME "\n8.\n" ROOT "\n",
		NAME "\n9223372036854775808\n" ROOT "\n", /* 2^63 */
		NAME "\n9999999999999999999\n" ROOT "\n",
		NAME "\n18446744073709551624\n" ROOT "\n", /* 2^64 + 8 */
		NAME "\n8\n\n",
		NAME "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=\n", /* not canonical */
		NAME "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg\n",
		NAME "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQw==\n", /* 31 bytes */
		NAME "\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQygA\n", /* 33 */
		NAME "\n8\n5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328\n",
	};
	struct checkpoint cp = { .size = 77 };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (checkpoint_parse(span_text(texts[i]), &cp) != TRAIL_INVALID)
			fail_msg("case %zu: %s", i, texts[i]);
	assert_int_equal(cp.size, 77);
	assert_int_equal(checkpoint_parse(span_text(TEXT), &cp), TRAIL_OK);
}

static void test_an_origin_has_at_most_one_hundred_bytes(void **state)
{
	char text[NOTE_NAME_MAX + 1 + sizeof "\n8\n" ROOT "\n"];
	struct checkpoint cp;
	(void)state;
	memset(text, 'o', sizeof text);
	memcpy(text + NOTE_NAME_MAX + 1, "\n8\n" ROOT "\n", sizeof "\n8\n" ROOT "\n");
	assert_int_equal(checkpoint_parse(span_text(text), &cp), TRAIL_INVALID);
	assert_int_equal(checkpoint_parse(span_text(text + 1), &cp), TRAIL_OK);
	assert_int_equal(strlen(cp.origin), NOTE_NAME_MAX);
}

/* The note around it */

static void test_a_published_note_opens_as_a_checkpoint(void **state)
{
	struct checkpoint cp;
	(void)state;
	assert_int_equal(checkpoint_open(span_text(NOTE), &log_vkey, &cp), TRAIL_OK);
	assert_string_equal(cp.origin, NAME);
	assert_int_equal(cp.size, 8);
	assert_memory_equal(cp.root.b, hash_of_hex(ROOT_HEX).b, HASH_LEN);
}

static enum trail_err sign_and_open(const char *text)
{
	struct checkpoint cp;
	struct buf note = { 0 };
	assert_int_equal(note_sign(span_text(text), &log_skey, &note), TRAIL_OK);
	enum trail_err err = checkpoint_open(buf_view(&note), &log_vkey, &cp);
	buf_release(&note);
	return err;
}

/* Our own signature under something else is evidence, not a checkpoint. */
static void test_a_signed_text_that_is_no_checkpoint_of_this_log_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sign_and_open(TEXT), TRAIL_OK);
	assert_int_equal(sign_and_open("example.org/other\n8\n" ROOT "\n"), TRAIL_CORRUPT);
	assert_int_equal(sign_and_open("example.org/audi\n8\n" ROOT "\n"), TRAIL_CORRUPT);
	assert_int_equal(sign_and_open("example.org/audit2\n8\n" ROOT "\n"), TRAIL_CORRUPT);
	assert_int_equal(sign_and_open("hello\n"), TRAIL_INVALID);
	assert_int_equal(sign_and_open(TEXT "extension\n"), TRAIL_INVALID);
}

static void test_a_checkpoint_with_a_wrong_signature_is_refused(void **state)
{
	char note[] = NOTE;
	struct checkpoint cp = { .size = 77 };
	(void)state;
	note[sizeof NAME] = '9'; /* the size */
	assert_int_equal(checkpoint_open(span_text(note), &log_vkey, &cp), TRAIL_CORRUPT);
	assert_int_equal(checkpoint_open(span_text(TEXT), &log_vkey, &cp), TRAIL_INVALID);
	assert_int_equal(cp.size, 77);
}

/* The log identity file */

static void test_an_identity_file_comes_back_as_it_was_put(void **state)
{
	struct log_identity id = { .vkey = log_vkey, .genesis = hash_of_hex(LEAF_HEX) };
	struct log_identity back;
	struct buf out = { 0 };
	(void)state;
	identity_put(&out, &id);
	assert_true(span_equal(buf_view(&out), span_text(IDENTITY)));
	assert_int_equal(identity_parse(buf_view(&out), &back), TRAIL_OK);
	assert_string_equal(back.vkey.name, NAME);
	assert_int_equal(back.vkey.keyid, 0x1026b77e);
	assert_memory_equal(back.vkey.pub, log_vkey.pub, SIGN_PUBLIC_LEN);
	assert_true(hash_equal(&back.genesis, &id.genesis));
	buf_release(&out);
}

static void test_only_the_one_spelling_of_an_identity_file_is_taken(void **state)
{
	static const char *const texts[] = {
		"",
		VKEY "\n", /* a bare vkey does not pin the first record */
		"trail-log/v1\n" VKEY "\n",
		"trail-log/v1\n" VKEY "\n" LEAF,
		"trail-log/v2\n" VKEY "\n" LEAF "\n",
		"trail-log/v1 \n" VKEY "\n" LEAF "\n",
		"\ntrail-log/v1\n" VKEY "\n" LEAF "\n",
		IDENTITY "\n",
		IDENTITY "more\n",
		"trail-log/v1\r\n" VKEY "\r\n" LEAF "\r\n",
		"trail-log/v1\n" VKEY " \n" LEAF "\n",
		"trail-log/v1\n" LEAF "\n" VKEY "\n",
		"trail-log/v1\n" VKEY "\n" LEAF "A\n",
		"trail-log/v1\nexample.org/audit+1026b77f+"
		"AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n" LEAF "\n",
		/* a witness's key names no log */
		"trail-log/v1\nwitness.example/w1+20324abe+"
		"BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X\n" LEAF "\n",
	};
	struct log_identity id;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (identity_parse(span_text(texts[i]), &id) != TRAIL_INVALID)
			fail_msg("case %zu", i);
	assert_int_equal(identity_parse(span_text(IDENTITY), &id), TRAIL_OK);
}

/* .tlog-proof */

static void test_a_proof_file_is_the_lines_of_the_specification(void **state)
{
	struct tree_proof proof = { .count = 2 };
	struct buf out = { 0 };
	(void)state;
	proof.path[0] = hash_of_hex(LEAF_HEX);
	proof.path[1] = hash_of_hex(ROOT_HEX);
	tlog_proof_put(&out, span_text("foobar"), 5, &proof, span_text(NOTE));
	assert_true(span_equal(buf_view(&out),
		span_text(HEAD "extra Zm9vYmFy\nindex 5\n" LEAF "\n" ROOT "\n\n" NOTE)));
	buf_clear(&out);
	proof.count = 0;
	tlog_proof_put(&out, span_of(NULL, 0), 0, &proof, span_text(NOTE));
	assert_true(span_equal(buf_view(&out), span_text(HEAD "index 0\n\n" NOTE)));
	buf_release(&out);
}

static void check_round_trip(size_t extra_len, uint64_t index, size_t count)
{
	struct tree_proof proof = { .count = count };
	struct tree_proof back;
	struct buf extra = { 0 };
	struct buf extra_back = { 0 };
	struct buf out = { 0 };
	struct span note;
	uint64_t at;
	for (size_t i = 0; i < count; i++)
		memset(proof.path[i].b, (int)i + 1, HASH_LEN);
	for (size_t i = 0; i < extra_len; i++)
		buf_put_u8(&extra, (uint8_t)(i * 11));
	buf_put_text(&extra_back, "kept");
	tlog_proof_put(&out, buf_view(&extra), index, &proof, span_text(NOTE));
	assert_int_equal(
		tlog_proof_parse(buf_view(&out), &extra_back, &at, &back, &note), TRAIL_OK);
	assert_int_equal(at, index);
	assert_int_equal(back.count, count);
	assert_memory_equal(back.path, proof.path, count * HASH_LEN);
	assert_true(span_equal(note, span_text(NOTE)));
	assert_ptr_equal(note.data + note.len, out.data + out.len);
	assert_int_equal(extra_back.len, 4 + extra_len);
	assert_memory_equal(extra_back.data, "kept", 4);
	assert_true(span_equal(span_of(extra_back.data + 4, extra_len), buf_view(&extra)));
	buf_release(&extra);
	buf_release(&extra_back);
	buf_release(&out);
}

static void test_a_proof_file_comes_back_as_it_was_put(void **state)
{
	(void)state;
	check_round_trip(0, 0, 0);
	check_round_trip(1, 1, 1);
	check_round_trip(2, 10, 2);
	check_round_trip(3, 4294967296, 33);
	check_round_trip(1000, INT64_MAX - 1, 63);
	check_round_trip(EXTRA_MOST, 7, 20);
}

static void test_what_is_no_proof_file_is_refused_and_leaves_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		HEAD,
		"c2sp.org/tlog-proof@v2\nindex 0\n\n" NOTE,
		"c2sp.org/tlog-proof@v1 \nindex 0\n\n" NOTE,
		"\n" HEAD "index 0\n\n" NOTE,
		HEAD "\n" NOTE,
		HEAD "index 0\n",
		HEAD "index 0\n\n",
		HEAD "index 0\n" NOTE, /* no blank line before the note's lines */
		HEAD "index 00\n\n" NOTE,
		HEAD "index 01\n\n" NOTE,
		HEAD "index -1\n\n" NOTE,
		HEAD "index \n\n" NOTE,
		HEAD "index\n\n" NOTE,
		HEAD "Index 0\n\n" NOTE,
		HEAD "index  0\n\n" NOTE,
		HEAD "index 9223372036854775808\n\n" NOTE,
		HEAD "index 18446744073709551616\n\n" NOTE,
		HEAD "extra\nindex 0\n\n" NOTE,
		HEAD "extra \nindex 0\n\n" NOTE, /* none is said by no line */
		HEAD "extra Zm9\nindex 0\n\n" NOTE,
		HEAD "extra Zh==\nindex 0\n\n" NOTE,
		HEAD "extra Zm9v Zm9v\nindex 0\n\n" NOTE,
		HEAD "extra Zm9v\n",
		HEAD "extra Zm9v\n\n" NOTE,
		HEAD "extra Zm9v\nextra Zm9v\nindex 0\n\n" NOTE,
		HEAD "index 0\nextra Zm9v\n\n" NOTE, /* out of order */
		HEAD "extra Zm9v\nindex 0\nrubbish\n\n" NOTE,
		HEAD "extra Zm9v\nindex 0\n" LEAF "\n" ROOT "=\n\n" NOTE,
		HEAD "extra Zm9v\nindex 0\nZm9v\n\n" NOTE,
		HEAD "extra Zm9v\nindex 0\n" LEAF,
		HEAD "extra Zm9v\nindex 0\n" LEAF "\n",
		HEAD "extra Zm9v\r\nindex 0\r\n\r\n" NOTE,
	};
	struct buf extra = { 0 };
	struct tree_proof proof = { .count = 77 };
	struct span note = { .len = 77 };
	uint64_t index = 77;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		enum trail_err err =
			tlog_proof_parse(span_text(texts[i]), &extra, &index, &proof, &note);
		if (err != TRAIL_INVALID || extra.len != 0)
			fail_msg("case %zu: %d", i, err);
	}
	assert_int_equal(index, 77);
	assert_int_equal(proof.count, 77);
	assert_int_equal(note.len, 77);
	buf_release(&extra);
}

static void test_a_proof_longer_than_any_tree_is_refused(void **state)
{
	struct tree_proof proof = { .count = TREE_LEVELS + 1 };
	struct tree_proof back;
	struct buf extra = { 0 };
	struct buf out = { 0 };
	struct span note;
	uint64_t index;
	(void)state;
	tlog_proof_put(&out, span_of(NULL, 0), 0, &proof, span_text(NOTE));
	assert_int_equal(
		tlog_proof_parse(buf_view(&out), &extra, &index, &back, &note), TRAIL_INVALID);
	buf_release(&out);
}

static void test_extra_data_is_bounded(void **state)
{
	static const uint8_t zeros[EXTRA_MOST + 4];
	const struct tree_proof proof = { 0 };
	(void)state;
	for (size_t over = 1; over <= 4; over++) {
		struct tree_proof back;
		struct buf extra = { 0 };
		struct buf out = { 0 };
		struct span note;
		uint64_t index;
		tlog_proof_put(&out, span_of(zeros, EXTRA_MOST + over), 0, &proof, span_text(NOTE));
		assert_int_equal(tlog_proof_parse(buf_view(&out), &extra, &index, &back, &note),
			TRAIL_INVALID);
		assert_int_equal(extra.len, 0);
		buf_release(&extra);
		buf_release(&out);
	}
}

static void test_a_failed_buffer_for_extra_data_says_so(void **state)
{
	struct buf extra = { .failed = true };
	struct tree_proof proof;
	struct span note;
	uint64_t index;
	(void)state;
	assert_int_equal(tlog_proof_parse(span_text(HEAD "extra Zm9v\nindex 0\n\n" NOTE), &extra,
				 &index, &proof, &note),
		TRAIL_NOMEM);
}

static int make_keys(void **state)
{
	uint8_t seed[SIGN_SEED_LEN];
	(void)state;
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	if (!crypto_init() || skey_make(span_text(NAME), seed, &log_skey) != TRAIL_OK)
		return -1;
	return vkey_parse(span_text(VKEY), &log_vkey) == TRAIL_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_checkpoint_is_the_published_bytes),
		cmocka_unit_test(test_a_log_is_named_by_the_hash_of_its_origin),
		cmocka_unit_test(test_a_checkpoint_comes_back_as_it_was_put),
		cmocka_unit_test(test_only_the_one_spelling_of_a_checkpoint_is_taken),
		cmocka_unit_test(test_an_origin_has_at_most_one_hundred_bytes),
		cmocka_unit_test(test_a_published_note_opens_as_a_checkpoint),
		cmocka_unit_test(test_a_signed_text_that_is_no_checkpoint_of_this_log_is_refused),
		cmocka_unit_test(test_a_checkpoint_with_a_wrong_signature_is_refused),
		cmocka_unit_test(test_an_identity_file_comes_back_as_it_was_put),
		cmocka_unit_test(test_only_the_one_spelling_of_an_identity_file_is_taken),
		cmocka_unit_test(test_a_proof_file_is_the_lines_of_the_specification),
		cmocka_unit_test(test_a_proof_file_comes_back_as_it_was_put),
		cmocka_unit_test(test_what_is_no_proof_file_is_refused_and_leaves_nothing),
		cmocka_unit_test(test_a_proof_longer_than_any_tree_is_refused),
		cmocka_unit_test(test_extra_data_is_bounded),
		cmocka_unit_test(test_a_failed_buffer_for_extra_data_says_so),
	};
	return cmocka_run_group_tests(tests, make_keys, NULL);
}
