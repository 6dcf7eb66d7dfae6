/* SPDX-License-Identifier: Apache-2.0 */
#include "../../client/witness/loglist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VKEY  "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define VKEY2 "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define LEAF  "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="

static struct loglist list;

static enum trail_err add_text(const char *text, struct loglist_fault *why)
{
	why->text[0] = '\0';
	return loglist_add(&list, span_text(text), why);
}

static void test_three_forms_name_logs(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *first;
	} cases[] = {
		{ "trail-log/v1\n" VKEY "\n" LEAF "\n", 1, "example.org/audit" },
		{ VKEY, 1, "example.org/audit" },
		{ VKEY "\n", 1, "example.org/audit" },
		{ "# a\n\n" VKEY "\n\n# b\n", 1, "example.org/audit" },
		{ "logs/v0\n", 0, NULL },
		{ "# a\nlogs/v0\n# vkey x\n\n", 0, NULL },
		{ "logs/v0\nvkey " VKEY "\n", 1, "example.org/audit" },
		{ "logs/v0\nvkey " VKEY "\nqpd 1\ncontact a b c\n\nvkey " VKEY2 "\n", 2,
			"example.org/audit" },
		{ "logs/v0\nvkey " VKEY "\norigin rekor - 1+2\nqpd 1\n", 1, "rekor - 1+2" },
		{ "logs/v0\nvkey " VKEY "\nvkey " VKEY "\n", 1, "example.org/audit" },
		/* one key may sign for two origins, as two logs */
		{ "logs/v0\nvkey " VKEY "\norigin a\nvkey " VKEY "\norigin b\n", 2, "a" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct loglist_fault why;
		memset(&list, 0, sizeof list);
		if (add_text(cases[i].text, &why) != TRAIL_OK || list.count != cases[i].count)
			fail_msg("case %zu: %s", i, why.text);
		if (cases[i].first)
			assert_non_null(loglist_find(&list, cases[i].first));
	}
}

static void test_what_names_no_log_says_where(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "", "line 1" },
		{ "\n\n# only words\n", "line 4" },
		{ "hello there\n", "line 1" },
		{ VKEY "x\n", "line 1" },
		{ VKEY "\n" VKEY2 "\n", "line 2" },
		{ "trail-log/v1\n" VKEY "\n", "line 1" },
		{ "logs/v0\nvkey\n", "line 2" },
		{ "logs/v0\nvkey " VKEY "\norigin\n", "line 3" },
		{ "logs/v0\norigin x\n", "line 2" },
		{ "logs/v0\nlog " VKEY "\n", "line 2" },
		{ "logs/v0\nvkey " VKEY, "cut" },
		{ "logs/v0\nvkey " VKEY "\norigin \xe2\x80\xaex\n", "line 3" },
		{ "logs/v0\nvkey witness.example/w1+20324abe+"
		  "BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X\n",
			"type" },
		{ "logs/v0\nvkey " VKEY "\norigin a\nvkey " VKEY2 "\norigin a\n", "two keys" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct loglist_fault why;
		memset(&list, 0, sizeof list);
		assert_int_equal(add_text(cases[i].text, &why), TRAIL_INVALID);
		if (!strstr(why.text, cases[i].word))
			fail_msg("case %zu: %s", i, why.text);
	}
}

static void test_several_files_add_up_to_the_most(void **state)
{
	struct loglist_fault why;
	struct buf text = { 0 };
	(void)state;
	memset(&list, 0, sizeof list);
	assert_int_equal(add_text(VKEY "\n", &why), TRAIL_OK);
	assert_int_equal(add_text(VKEY2 "\n", &why), TRAIL_OK);
	assert_int_equal(add_text(VKEY "\n", &why), TRAIL_OK);
	assert_int_equal(list.count, 2);
	buf_put_text(&text, "logs/v0\n");
	for (int i = 2; i < LOGLIST_LOGS_MAX; i++)
		buf_printf(&text, "vkey " VKEY "\norigin %d\n", i);
	assert_int_equal(loglist_add(&list, buf_view(&text), &why), TRAIL_OK);
	assert_int_equal(list.count, LOGLIST_LOGS_MAX);
	assert_int_equal(
		add_text("logs/v0\nvkey " VKEY "\norigin one more\n", &why), TRAIL_INVALID);
	assert_int_equal(add_text(VKEY "\n", &why), TRAIL_OK);
	buf_release(&text);
}

static int start_crypto(void **state)
{
	(void)state;
	return crypto_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_forms_name_logs),
		cmocka_unit_test(test_what_names_no_log_says_where),
		cmocka_unit_test(test_several_files_add_up_to_the_most),
	};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}
