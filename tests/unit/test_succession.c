/* SPDX-License-Identifier: Apache-2.0 */
/* What a genesis may say of a log before it, and how much of that log's note it has room for. */
#include "../../proto/succession.h"

#include "../support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OLD_NAME "example.org/audit"
/* Of the seed 00..1f. */
#define OLD_VKEY     OLD_NAME "+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define LEAF         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define OLD_IDENTITY "trail-log/v1\n" OLD_VKEY "\n" LEAF "\n"
#define ROOT         "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="
#define OLD_TEXT     OLD_NAME "\n8\n" ROOT "\n"
#define DASH         "\xe2\x80\x94 "
#define OLD_LINE                                                                                   \
	DASH OLD_NAME " ECa3fixZebvr5KUnxRhCH+"                                                    \
		      "fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3zPEhym6FWws=\n"
#define OTHER_LINE DASH "witness.example/w1 IDJKvgAAAABlU/EA\n"
#define OLD_NOTE   OLD_TEXT "\n" OLD_LINE

static struct vkey own, old;

static int setup(void **state)
{
	uint8_t seed[SIGN_SEED_LEN] = { 7 };
	struct skey key;
	(void)state;
	if (!crypto_init() || skey_make(span_text("example.org/audit-2"), seed, &key))
		return -1;
	own = key.vkey;
	return vkey_parse(span_text(OLD_VKEY), &old);
}

static struct genesis saying(const char *identity, const char *note, const char *reason)
{
	return (struct genesis){
		.predecessor = span_text(identity),
		.predecessor_note = span_text(note),
		.reason = span_text(reason),
	};
}

static void test_a_whole_predecessor_is_read(void **state)
{
	struct succession s;
	struct genesis g = saying(OLD_IDENTITY, OLD_NOTE, "key stolen");
	(void)state;
	assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_FITS);
	assert_true(s.named && s.has_note && s.last.size == 8);
	assert_string_equal(s.identity.vkey.name, OLD_NAME);
	assert_string_equal(s.last.origin, OLD_NAME);
	assert_string_equal(s.reason, "key stolen");
	g = saying(OLD_IDENTITY, "", "");
	assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_FITS);
	assert_true(s.named && !s.has_note && s.reason[0] == '\0');
}

static void test_none_is_none(void **state)
{
	struct succession s;
	struct genesis g = saying("", "", "");
	(void)state;
	memset(&s, 0xff, sizeof s);
	assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_FITS);
	assert_true(!s.named && !s.has_note && s.reason[0] == '\0');
}

static void test_what_cannot_be_followed_is_malformed(void **state)
{
	static const char *const cases[][3] = {
		{ "", OLD_NOTE, "" },
		{ "", "", "why" },
		{ "x", "", "" },
		{ OLD_VKEY "\n", "", "" },
		{ OLD_IDENTITY "\n", "", "" },
		{ "trail-log/v1\n" OLD_VKEY "\n" LEAF, "", "" },
		{ "trail-log/v2\n" OLD_VKEY "\n" LEAF "\n", "", "" },
		{ OLD_IDENTITY, "", "two\nlines" },
		{ OLD_IDENTITY, "", "\xff" },
		{ OLD_IDENTITY, "", "\x1b[2J" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct succession s;
		struct span identity = guard_copy(span_text(cases[i][0]));
		struct genesis g = saying("", cases[i][1], cases[i][2]);
		g.predecessor = identity;
		assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_MALFORMED);
		assert_false(s.named);
		guard_free(identity);
	}
}

static void test_a_reason_has_a_longest_length(void **state)
{
	char reason[SUCCESSION_REASON_MAX + 2];
	struct succession s;
	(void)state;
	memset(reason, 'x', sizeof reason);
	reason[SUCCESSION_REASON_MAX + 1] = '\0';
	struct genesis g = saying(OLD_IDENTITY, "", reason);
	assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_MALFORMED);
	g.reason.len--;
	assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_FITS);
	assert_int_equal(strlen(s.reason), SUCCESSION_REASON_MAX);
}

static void test_a_log_does_not_follow_itself(void **state)
{
	struct succession s;
	struct genesis g = saying(OLD_IDENTITY, OLD_NOTE, "");
	struct vkey same_name = own;
	struct vkey same_key = own;
	(void)state;
	memcpy(same_name.name, OLD_NAME, sizeof OLD_NAME);
	memcpy(same_key.pub, old.pub, sizeof old.pub);
	assert_int_equal(succession_read(&g, &same_name, &s), SUCCESSION_SELF);
	assert_int_equal(succession_read(&g, &same_key, &s), SUCCESSION_SELF);
	assert_true(s.named);
}

static void test_a_note_must_be_one_of_the_old_log(void **state)
{
	static const char *const notes[] = {
		"x",
		OLD_TEXT "\n",
		OLD_TEXT "\n" OTHER_LINE,
		OLD_NAME "\n9\n" ROOT "\n\n" OLD_LINE,
		"example.org/other\n8\n" ROOT "\n\n" OLD_LINE,
	};
	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
		struct succession s;
		struct genesis g = saying(OLD_IDENTITY, notes[i], "why");
		assert_int_equal(succession_read(&g, &own, &s), SUCCESSION_NOTE);
		assert_true(s.named && !s.has_note);
		assert_string_equal(s.reason, "why");
	}
}

static void test_a_fault_is_a_sentence_that_names_the_log(void **state)
{
	struct succession s = { .identity.vkey = old };
	char why[SUCCESSION_WHY_LEN];
	(void)state;
	memset(s.identity.vkey.name, 'n', NOTE_NAME_MAX);
	for (int fault = SUCCESSION_MALFORMED; fault <= SUCCESSION_NOTE; fault++) {
		succession_fault_text((enum succession_fault)fault, &s, why);
		assert_in_range(strlen(why), 80, SUCCESSION_WHY_LEN - 2);
		assert_int_equal(
			strstr(why, s.identity.vkey.name) != NULL, fault != SUCCESSION_MALFORMED);
	}
	succession_fault_text(SUCCESSION_FITS, &s, why);
	assert_string_equal(why, "");
}

/* ---- what is kept of a note ---- */

static void expect_trimmed(const char *note, const char *kept)
{
	struct checkpoint cp;
	struct buf out = { 0 };
	struct span text;
	assert_int_equal(succession_trim_note(span_text(note), &old, &cp, &out), TRAIL_OK);
	assert_int_equal(cp.size, 8);
	assert_int_equal(note_open(buf_view(&out), &old, &text), TRAIL_OK);
	buf_put_u8(&out, '\0');
	assert_string_equal((char *)out.data, kept);
	buf_release(&out);
}

static void test_the_own_line_stands_first_and_once(void **state)
{
	(void)state;
	expect_trimmed(OLD_NOTE, OLD_NOTE);
	expect_trimmed(OLD_TEXT "\n" OTHER_LINE OLD_LINE, OLD_NOTE OTHER_LINE);
	expect_trimmed(OLD_TEXT "\n" OLD_LINE OTHER_LINE OLD_LINE, OLD_NOTE OTHER_LINE);
}

static void test_other_lines_are_kept_while_there_is_room(void **state)
{
	struct buf note = { 0 };
	struct buf kept = { 0 };
	struct checkpoint cp;
	(void)state;
	buf_put_text(&note, OLD_NOTE);
	for (int i = 0; i < 60; i++)
		buf_put_text(&note, OTHER_LINE);
	assert_int_equal(succession_trim_note(buf_view(&note), &old, &cp, &kept), TRAIL_OK);
	size_t line = sizeof OTHER_LINE - 1;
	assert_int_equal(kept.len, sizeof OLD_NOTE - 1 + 1024 / line * line);
	assert_memory_equal(kept.data, note.data, kept.len);
	buf_release(&note);
	buf_release(&kept);
}

static void test_a_note_of_another_log_is_not_trimmed(void **state)
{
	struct checkpoint cp;
	struct buf out = { 0 };
	(void)state;
	assert_int_equal(succession_trim_note(span_text("x"), &old, &cp, &out), TRAIL_INVALID);
	assert_int_equal(succession_trim_note(span_text(OLD_NOTE), &own, &cp, &out), TRAIL_CORRUPT);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void test_what_another_process_left_can_be_printed(void **state)
{
	struct succession s;
	(void)state;
	memset(&s, 'x', sizeof s);
	succession_bound(&s);
	assert_int_equal(strlen(s.reason), SUCCESSION_REASON_MAX);
	assert_int_equal(strlen(s.identity.vkey.name), NOTE_NAME_MAX);
	memset(&s, 0xff, sizeof s);
	succession_bound(&s);
	assert_true(s.reason[0] == '\0' && s.identity.vkey.name[0] == '\0');
	assert_true(s.last.origin[0] == '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_predecessor_is_read),
		cmocka_unit_test(test_none_is_none),
		cmocka_unit_test(test_what_cannot_be_followed_is_malformed),
		cmocka_unit_test(test_a_reason_has_a_longest_length),
		cmocka_unit_test(test_a_log_does_not_follow_itself),
		cmocka_unit_test(test_a_note_must_be_one_of_the_old_log),
		cmocka_unit_test(test_a_fault_is_a_sentence_that_names_the_log),
		cmocka_unit_test(test_the_own_line_stands_first_and_once),
		cmocka_unit_test(test_other_lines_are_kept_while_there_is_room),
		cmocka_unit_test(test_a_note_of_another_log_is_not_trimmed),
		cmocka_unit_test(test_what_another_process_left_can_be_printed),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
