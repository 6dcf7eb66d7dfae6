/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal could obey never leaves trail as it came; and words, cells, base64, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/cli/base64.h"
#include "../../client/cli/csv.h"
#include "../../client/cli/lines.h"
#include "../../client/cli/output.h"
#include "../../client/cli/when.h"
#include "../../proto/suggest.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void dangerous_characters_are_marked(void **state)
{
	static const struct {
		const char *in, *out;
	} CASES[] = {
		{ "plain \xc3\xa5\xc3\xa4\xc3\xb6 \xe2\x82\xac \xf0\x9f\x98\x80",
			"plain \xc3\xa5\xc3\xa4\xc3\xb6 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\x1b[31m", "\\u{1b}[31m" },
		{ "a\rb\nc\td", "a\\u{d}b\\u{a}c\\u{9}d" },
		{ "\x7f", "\\u{7f}" },
		{ "\xc2\x85\xc2\x9b", "\\u{85}\\u{9b}" },
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8e\xd8\x9c",
			"\\u{202e}\\u{2066}\\u{200e}\\u{61c}" },
		{ "\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf", "\\u{2028}\\u{2029}\\u{feff}" },
		{ "\xf3\xa0\x81\x81", "\\u{e0041}" },
		/* Marks: none without a base, four at most. */
		{ "a\xcc\x81", "a\xcc\x81" },
		{ "\xcc\x81z", "\\u{301}z" },
		{ "\x1b\xcc\x81", "\\u{1b}\\u{301}" },
		{ "\xe2\x80\x8b", "\\u{200b}" },
		{ "a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86",
			"a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\\u{305}\\u{306}" },
		/* No character, and one that will be given out later. */
		{ "\xef\xbf\xbf\xf0\xaf\xbf\xbd", "\\u{ffff}\\u{2fffd}" },
		{ "\xff\xc3", "\\x{ff}\\x{c3}" },
		{ "\xc0\x9b", "\\x{c0}\\x{9b}" },
		{ "\xe0\x80\x9b", "\\x{e0}\\x{80}\\x{9b}" },
		{ "\xed\xa0\x80", "\\x{ed}\\x{a0}\\x{80}" },
		{ "\xf4\x90\x80\x80", "\\x{f4}\\x{90}\\x{80}\\x{80}" },
		{ "\xe2\x80", "\\x{e2}\\x{80}" },
	};
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char *got = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&got, &len);
		print_text(f, CASES[i].in);
		(void)fclose(f);
		assert_string_equal(got, CASES[i].out);
		free(got);
	}
}

static void a_locale_that_is_not_utf_8_gets_ascii(void **state)
{
	char *got = NULL;
	size_t len = 0;
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C"));
	FILE *f = open_memstream(&got, &len);
	print_text(f, "\xc3\xa5 \xe2\x82\xac \xf0\x9f\x98\x80 \xcc\x81 \xff");
	print_json_to(f, json_pack("{s:s}", "\xc3\xa5", "\xe2\x82\xac\xf0\x9f\x98\x80\xcc\x81"));
	(void)fclose(f);
	assert_string_equal(got,
		"\\u{e5} \\u{20ac} \\u{1f600} \\u{301} \\x{ff}"
		"{\"\\u00e5\":\"\\u20ac\\ud83d\\ude00\\u0301\"}\n");
	free(got);
}

static void base64_has_one_text_for_each_value(void **state)
{
	static const struct {
		const char *data, *text;
	} GOOD[] = {
		/* RFC 4648 section 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const BAD[] = { "Z", "Zg", "Zg=", "Zh==", "Zm9=", "=Zg=", "Zm9v\n",
		"Z===", "====", "Zm 9", "Zm-_" };
	(void)state;
	for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
		size_t len;
		char *text = base64_text((const uint8_t *)GOOD[i].data, strlen(GOOD[i].data));
		uint8_t *data = base64_bytes(GOOD[i].text, &len);
		assert_string_equal(text, GOOD[i].text);
		assert_non_null(data);
		assert_int_equal(len, strlen(GOOD[i].data));
		assert_memory_equal(data, GOOD[i].data, len);
		free(text);
		free(data);
	}
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		size_t len;
		if (base64_bytes(BAD[i], &len))
			fail_msg("\"%s\" was taken", BAD[i]);
	}
}

static void csv_cells_are_split_as_rfc_4180_says(void **state)
{
	static const struct {
		const char *line;
		int count;
		const char *cells[3];
	} CASES[] = {
		{ "", 1, { "" } },
		{ "a,b,c", 3, { "a", "b", "c" } },
		{ ",", 2, { "", "" } },
		{ "\"a,b\",c", 2, { "a,b", "c" } },
		{ "\"say \"\"hi\"\"\"", 1, { "say \"hi\"" } },
		{ "\"\",x", 2, { "", "x" } },
		{ "\"\"\"\"", 1, { "\"" } },
		{ "\"open", -1, { NULL } },
		{ "\"a\"b", -1, { NULL } },
		{ "a\"b\"", -1, { NULL } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char *cells[CSV_CELLS_MAX];
		char *line = strdup(CASES[i].line);
		assert_int_equal(csv_split(line, cells), CASES[i].count);
		for (int k = 0; k < CASES[i].count; k++)
			assert_string_equal(cells[k], CASES[i].cells[k]);
		free(line);
	}
	char many[2 * CSV_CELLS_MAX + 1];
	char *cells[CSV_CELLS_MAX];
	memset(many, ',', sizeof many);
	many[CSV_CELLS_MAX] = '\0';
	assert_int_equal(csv_split(many, cells), -1);
}

static void times_are_read_exactly_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} GOOD[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59.999999999Z", -1 },
		{ "2026-03-01T12:00:00.123456789+01:00", 1772362800123456789 },
		{ "2026-03-01t12:00:00.5z", 1772366400500000000 },
		{ "2024-02-29T00:00:00-00:30", 1709166600000000000 },
	};
	static const char *const BAD[] = { "", "2026", "2026-03-01", "2026-03-01T12:00:00",
		"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z",
		"2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00Z ", "2300-01-01T00:00:00Z",
		"1600-01-01T00:00:00Z", " 2026-01-01T00:00:00Z", "+026-01-01T00:00:00Z" };
	(void)state;
	for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
		int64_t ns;
		assert_true(when_parse(GOOD[i].text, &ns));
		assert_int_equal(ns, GOOD[i].ns);
	}
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
		int64_t ns;
		if (when_parse(BAD[i], &ns))
			fail_msg("\"%s\" was taken", BAD[i]);
	}
}

static void near_words_are_suggested_and_far_ones_not(void **state)
{
	static const char *const NAMES[] = { "emit", "import", "show", "checkpoint", NULL };
	(void)state;
	assert_string_equal(suggest("emti", NAMES), "emit");
	assert_string_equal(suggest("shwo", NAMES), "show");
	assert_string_equal(suggest("chekpoit", NAMES), "checkpoint");
	assert_null(suggest("frobnicate", NAMES));
	assert_null(suggest("xyzw", NAMES));
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	assert_int_equal(edit_distance("ab", "ba"), 1);
	assert_int_equal(edit_distance("", "abc"), 3);
}

static void lines_are_bounded_and_counted(void **state)
{
	static char content[LINE_MAX_BYTES + 64];
	struct lines l;
	size_t len = 0;
	(void)state;
	memcpy(content, "one\r\n\n", 6);
	memset(content + 6, 'x', LINE_MAX_BYTES + 1);
	len = 6 + LINE_MAX_BYTES + 1;
	memcpy(content + len, "\nlast", 5);
	len += 5;
	FILE *f = fmemopen(content, len, "r");
	assert_true(lines_init(&l, f));
	assert_int_equal(lines_next(&l), LINE_OK);
	assert_string_equal(l.text, "one");
	assert_int_equal(lines_next(&l), LINE_OK);
	assert_int_equal(l.len, 0);
	assert_int_equal(lines_next(&l), LINE_LONG);
	assert_int_equal(l.number, 3);
	assert_int_equal(lines_next(&l), LINE_OK);
	assert_string_equal(l.text, "last");
	assert_int_equal(lines_next(&l), LINE_END);
	assert_int_equal(l.number, 4);
	assert_int_equal(l.bytes, len);
	lines_release(&l);
	(void)fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dangerous_characters_are_marked),
		cmocka_unit_test(a_locale_that_is_not_utf_8_gets_ascii),
		cmocka_unit_test(base64_has_one_text_for_each_value),
		cmocka_unit_test(csv_cells_are_split_as_rfc_4180_says),
		cmocka_unit_test(times_are_read_exactly_or_not_at_all),
		cmocka_unit_test(near_words_are_suggested_and_far_ones_not),
		cmocka_unit_test(lines_are_bounded_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
