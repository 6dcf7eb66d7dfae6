/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/findings.h"

#include "../../daemon/check_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct findings all;
static struct findings more;

static int empty(void **state)
{
	(void)state;
	memset(&all, 0, sizeof all);
	memset(&more, 0, sizeof more);
	return 0;
}

static void codes_are_distinct_and_of_the_form_noun_noun(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FINDING_CODES; i++) {
		const char *code = finding_code(i);
		const char *dot = strchr(code, '.');
		assert_non_null(dot);
		assert_true(dot != code && dot[1] != '\0' && !strchr(dot + 1, '.'));
		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz."), strlen(code));
		assert_true(finding_meaning(i)[0] != '\0');
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(code, finding_code(k));
	}
	assert_string_equal(finding_code(FINDING_CODES), "?");
}

/* Run from the top of the tree, as `make unit` does. */
static void the_man_page_lists_every_code_and_no_other(void **state)
{
	char line[512];
	uint32_t listed = 0;
	bool in_list = false;
	FILE *page = fopen("daemon/traild-check.8", "r");
	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof line, page)) {
		char code[64];
		char weight[64];
		if (strncmp(line, ".Sh ", 4) == 0)
			in_list = strcmp(line, ".Sh FINDINGS\n") == 0;
		if (!in_list || sscanf(line, ".It %63s Pq %63s", code, weight) != 2)
			continue;
		assert_true(listed < FINDING_CODES);
		assert_string_equal(code, finding_code(listed));
		assert_string_equal(weight,
			finding_weight(listed) == WEIGHT_INVALID ? "invalid" : "unverifiable");
		listed++;
	}
	assert_int_equal(fclose(page), 0);
	assert_int_equal(listed, FINDING_CODES);
}

static void the_list_is_bounded_and_the_count_is_not(void **state)
{
	(void)state;
	for (int i = 0; i < FINDINGS_MAX + 7; i++)
		findings_add(&all, FIND_SPINE_PREV, 5000 - (uint64_t)i, "number %d", i);
	assert_int_equal(all.listed, FINDINGS_MAX);
	assert_int_equal(all.invalid, FINDINGS_MAX + 7);
	assert_string_equal(all.list[3].what, "number 3");
	uint64_t first;
	bool exact;
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_int_equal(first, 5000 - FINDINGS_MAX - 6);
}

static void a_named_record_goes_before_a_range(void **state)
{
	uint64_t first = 0;
	bool exact = false;
	(void)state;
	assert_false(findings_first_bad(&all, &first, &exact));
	findings_add(&all, FIND_STORE_META, FINDING_NOWHERE, "no record");
	assert_false(findings_first_bad(&all, &first, &exact));
	findings_add(&all, FIND_SIGNER_ROOT, 40, "from 40 on");
	findings_add(&all, FIND_HEAD_ROOT, 30, "from 30 on");
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_int_equal(first, 30);
	findings_add(&all, FIND_SPINE_PREV, 51, "record 51");
	findings_add(&all, FIND_SPINE_UNKNOWN, 2, "not judged, not bad");
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_int_equal(first, 51);
}

/* A store that lost one record and was chained anew is one shorter, too: that is not where. */
static void a_range_goes_before_the_end_of_what_is_there(void **state)
{
	uint64_t first = 0;
	bool exact = false;
	(void)state;
	findings_add(&all, FIND_SIGNER_SIZE, 125, "the last 1 are missing");
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_true(first == 125 && exact);
	findings_add(&all, FIND_HEAD_ROOT, 30, "from 30 on");
	findings_add(&more, FIND_CHECKPOINT_SIZE, 100, "the last 26 are missing");
	findings_join(&all, &more);
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_true(first == 30 && !exact);
	findings_add(&all, FIND_SPINE_PREV, 51, "record 51");
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_true(first == 51 && exact);
}

static void invalid_goes_before_unverifiable(void **state)
{
	(void)state;
	assert_int_equal(report_exit(report_verdict(&all)), 0);
	findings_add(&all, FIND_SPINE_UNKNOWN, 2, "later");
	assert_int_equal(report_exit(report_verdict(&all)), 6);
	findings_add(&all, FIND_TILE_HASH, FINDING_NOWHERE, "bad");
	assert_int_equal(report_exit(report_verdict(&all)), 5);
}

static void a_long_sentence_is_cut(void **state)
{
	char text[2 * FINDING_WHAT_LEN];
	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	findings_add(&all, FIND_SPINE_PREV, 1, "%s", text);
	assert_int_equal(strlen(all.list[0].what), FINDING_WHAT_LEN - 1);
}

/* A child that went astray may leave anything. */
static void what_a_child_left_is_believed_within_bounds(void **state)
{
	(void)state;
	memset(&more, 0xff, sizeof more);
	more.invalid = 1;
	findings_join(&all, &more);
	assert_int_equal(all.listed, FINDINGS_MAX);
	assert_string_equal(finding_code(all.list[0].code), "?");
	assert_true(memchr(all.list[0].what, '\0', sizeof all.list[0].what) != NULL);
	findings_join(&all, &more);
	assert_int_equal(all.listed, FINDINGS_MAX);
}

static void joined_findings_keep_order_and_the_lowest_index(void **state)
{
	uint64_t first = 0;
	bool exact = false;
	(void)state;
	findings_add(&all, FIND_STORE_META, FINDING_NOWHERE, "a");
	findings_add(&more, FIND_SPINE_PREV, 9, "b");
	findings_join(&all, &more);
	assert_int_equal(all.invalid, 2);
	assert_string_equal(all.list[1].what, "b");
	assert_true(findings_first_bad(&all, &first, &exact));
	assert_int_equal(first, 9);
}

static void json_says_what_the_text_says(void **state)
{
	struct report report = { .state = "/x", .found = &all, .result = { .size = 7 } };
	struct buf out = { 0 };
	(void)state;
	report.result.broken = true;
	findings_add(&all, FIND_CONTROL_NAME, 3, "a \"quoted\" \\ name\n");
	report_json(&report, &out);
	buf_put_u8(&out, 0);
	assert_string_equal((char *)out.data,
		"{\"verdict\":\"invalid\",\"size\":7,\"root\":null,\"identity\":\"store\","
		"\"first_bad\":3,\"checked\":0,\"findings\":[{\"code\":\"control.name\","
		"\"index\":3,\"what\":\"a \\\"quoted\\\" \\\\ name\\u000a\"}],\"uncovered\":7,"
		"\"payloads\":0,\"heads\":0,\"covered\":0,\"erased\":0,\"tail\":\"unknown\","
		"\"invalid\":1,\"unverifiable\":0,\"seals\":0,\"sealed_until\":null,"
		"\"predecessor\":null,\"closed\":null}\n");
	buf_release(&out);
}

static void sealed_until_is_said_in_both_forms(void **state)
{
	struct report report = {
		.state = "/x",
		.found = &all,
		.result = {
			.seals = 3,
			.sealed = true,
			.sealed_index = 17,
			.sealed_ns = UINT64_C(1700000000012345678),
		},
	};
	struct buf out = { 0 };
	(void)state;
	report_text(&report, &out);
	report_json(&report, &out);
	buf_put_u8(&out, 0);
	assert_non_null(strstr((char *)out.data,
		"\nsealed until index 17, time 2023-11-14T22:13:20.012345678Z (3 seals); nothing "
		"is "
		"claimed after\n"));
	assert_non_null(strstr((char *)out.data,
		",\"seals\":3,\"sealed_until\":{\"index\":17,\"time\":"
		"\"2023-11-14T22:13:20.012345678Z\"},"));
	buf_release(&out);
}

static void the_chain_of_logs_is_said_in_both_forms(void **state)
{
	struct report report = {
		.state = "/x",
		.found = &all,
		.result = {
			.closed = 9,
			.succession = {
				.named = true,
				.has_note = true,
				.identity.vkey.name = "old.example/log",
				.last.size = 7,
				.reason = "key \"stolen\"",
			},
		},
	};
	struct buf out = { 0 };
	(void)state;
	report_text(&report, &out);
	report_json(&report, &out);
	buf_put_u8(&out, 0);
	assert_non_null(strstr((char *)out.data,
		"\nsucceeds old.example/log at size 7: key \"stolen\"\nclosed for good by record "
		"9\n"));
	assert_non_null(strstr((char *)out.data,
		",\"predecessor\":{\"origin\":\"old.example/log\",\"identity\":\"trail-log/"
		"v1\\u000aold"));
	assert_non_null(strstr((char *)out.data,
		",\"size\":7,\"root\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
		"\"reason\":\"key \\\"stolen\\\"\"},\"closed\":9}\n"));
	buf_release(&out);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup(test, empty)
	const struct CMUnitTest tests[] = {
		CASE(codes_are_distinct_and_of_the_form_noun_noun),
		CASE(the_man_page_lists_every_code_and_no_other),
		CASE(the_list_is_bounded_and_the_count_is_not),
		CASE(a_named_record_goes_before_a_range),
		CASE(a_range_goes_before_the_end_of_what_is_there),
		CASE(invalid_goes_before_unverifiable),
		CASE(a_long_sentence_is_cut),
		CASE(what_a_child_left_is_believed_within_bounds),
		CASE(joined_findings_keep_order_and_the_lowest_index),
		CASE(json_says_what_the_text_says),
		CASE(sealed_until_is_said_in_both_forms),
		CASE(the_chain_of_logs_is_said_in_both_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
