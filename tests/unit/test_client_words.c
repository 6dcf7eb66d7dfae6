/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about an error, by its code: the table at the head of trail.h, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../include/trail.h"

static void what_to_do_is_what_the_header_says(void **state)
{
	static const struct {
		enum trail_err code;
		enum trail_retry retry;
	} CASES[] = {
		/* mend the call, or its numbering */
		{ TRAIL_INVALID, TRAIL_RETRY_NO },
		{ TRAIL_TOO_BIG, TRAIL_RETRY_NO },
		{ TRAIL_MISUSE, TRAIL_RETRY_NO },
		{ TRAIL_UNSUPPORTED, TRAIL_RETRY_NO },
		{ TRAIL_EXPECTED, TRAIL_RETRY_NO },
		{ TRAIL_CLOSED, TRAIL_RETRY_NO },
		{ TRAIL_CONFLICT, TRAIL_RETRY_NO },
		/* the same again, later */
		{ TRAIL_BUSY, TRAIL_RETRY_SAME },
		{ TRAIL_FULL, TRAIL_RETRY_SAME },
		{ TRAIL_UNAVAILABLE, TRAIL_RETRY_SAME },
		{ TRAIL_MORE, TRAIL_RETRY_SAME },
		/* stored, or not */
		{ TRAIL_TIMEOUT, TRAIL_RETRY_REOPEN },
		{ TRAIL_IO, TRAIL_RETRY_REOPEN },
		{ TRAIL_NOMEM, TRAIL_RETRY_REOPEN },
		/* tell a person */
		{ TRAIL_DENIED, TRAIL_RETRY_NO },
		{ TRAIL_CORRUPT, TRAIL_RETRY_NO },
		/* no errors */
		{ TRAIL_OK, TRAIL_RETRY_NO },
		{ TRAIL_END, TRAIL_RETRY_NO },
	};
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		if (trail_err_retry(CASES[i].code) != CASES[i].retry)
			fail_msg("%s: %d", trail_err_text(CASES[i].code),
				trail_err_retry(CASES[i].code));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_to_do_is_what_the_header_says),
	};
	return cmocka_run_group_tests_name("client_words", tests, NULL, NULL);
}
