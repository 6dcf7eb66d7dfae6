/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in words: text is UTF-8 (trail.h), however long what it tells of is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/fault.h"
#include "../../proto/wire.h"

enum {
	CHARACTERS = 400,
	EACH = 3,
};

/* `shift` bytes, then characters of three, so that a cut falls on each of their bytes in turn. */
static void fill(char *text, size_t shift)
{
	memset(text, 'x', shift);
	for (size_t i = 0; i < CHARACTERS; i++)
		memcpy(text + shift + EACH * i, "\xe2\x82\xac", EACH);
	text[shift + EACH * CHARACTERS] = '\0';
}

static void assert_cut_whole(const char *text, size_t room)
{
	assert_true(text_utf8(span_text(text)));
	assert_in_range(strlen(text), room - EACH, room - 1);
}

static void a_sentence_is_cut_between_characters(void **state)
{
	char text[EACH * (CHARACTERS + 1)];
	struct fault f;
	(void)state;
	for (size_t shift = 0; shift < EACH; shift++) {
		fill(text, shift);
		(void)fault_set(&f, TRAIL_IO, "%s", text);
		assert_cut_whole(f.sentence, sizeof f.sentence);
	}
}

static void what_the_daemon_said_is_cut_between_characters(void **state)
{
	char text[EACH * (CHARACTERS + 1)];
	struct fault f;
	(void)state;
	for (size_t shift = 0; shift < EACH; shift++) {
		fill(text, shift);
		const struct failure failure = {
			.code = TRAIL_BUSY,
			.sentence = span_text(text),
			.field = span_text(text),
		};
		assert_int_equal(fault_take(&f, &failure), TRAIL_BUSY);
		assert_cut_whole(f.sentence, sizeof f.sentence);
		assert_cut_whole(f.field, sizeof f.field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_is_cut_between_characters),
		cmocka_unit_test(what_the_daemon_said_is_cut_between_characters),
	};
	return cmocka_run_group_tests_name("client_fault", tests, NULL, NULL);
}
