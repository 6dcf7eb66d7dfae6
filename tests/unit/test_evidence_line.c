/* SPDX-License-Identifier: Apache-2.0 */
#include "../../client/evidence_line.h"

#include "../support/sealed_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sealed_log sealed_log;
static struct evidence_line line;

static int setup(void **state)
{
	(void)state;
	sealed_log_make(&sealed_log, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sealed_log_release(&sealed_log);
	evidence_line_release(&line);
	return 0;
}

/* Without its newline. */
static struct span body(const struct buf *text)
{
	return span_of(text->data, text->len - 1);
}

static void test_lines_are_read_as_they_were_put(void **state)
{
	struct buf text = { 0 };
	struct evidence_item item;
	struct tree_proof path;
	(void)state;
	sealed_log_item(&sealed_log, 5, 9, &item, &path);
	for (int open = 0; open < 2; open++) {
		for (int proven = 0; proven < 2; proven++) {
			struct evidence_item shown = item;
			shown.path_count = proven ? item.path_count : 0;
			if (!open)
				shown.salt = shown.payload = span_of(NULL, 0);
			buf_clear(&text);
			evidence_line_record(&text, WORD_ROW, &shown);
			assert_int_equal(evidence_line_read(body(&text), &line), TRAIL_OK);
			assert_int_equal(line.word, WORD_ROW);
			assert_int_equal(line.item.index, 5);
			assert_true(span_equal(line.item.record, shown.record));
			assert_true(span_equal(line.item.salt, shown.salt));
			assert_true(span_equal(line.item.payload, shown.payload));
			assert_int_equal(line.item.path_count, shown.path_count);
			assert_memory_equal(line.path.path, path.path, shown.path_count * HASH_LEN);
		}
	}
	buf_clear(&text);
	struct span note = sealed_log_note(&sealed_log, 9, true);
	evidence_line_cosigned(&text, note, &path);
	assert_int_equal(evidence_line_read(body(&text), &line), TRAIL_OK);
	assert_true(span_equal(line.note, note));
	assert_int_equal(line.path.count, path.count);
	buf_release(&text);
}

static void test_nothing_else_is_a_line(void **state)
{
	static const char *const bad[] = { "", " ", "row", "row ", "rows 1", "question",
		"question ", "question 01", "question -1", "question 1 ", "question 1 2",
		" question 1", "question  1", "question 9223372036854775808", "sealed",
		"sealed AAAA", "sealed -  ", "checkpoint -", "checkpoint", "trail-evidence/v2",
		"trail-evidence/v1 ", "row 1 - - - -", "record 1 AAAA - - -", "cosigned - -" };
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(evidence_line_read(span_text(bad[i]), &line), TRAIL_INVALID);
	assert_int_equal(evidence_line_read(span_text("question 1"), &line), TRAIL_OK);
	assert_int_equal(evidence_line_read(span_text("trail-evidence/v1"), &line), TRAIL_OK);
	assert_int_equal(evidence_line_read(span_text("sealed -"), &line), TRAIL_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_read_as_they_were_put),
		cmocka_unit_test(test_nothing_else_is_a_line),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, setup, teardown);
}
