/* SPDX-License-Identifier: Apache-2.0 */
/* Witness policies: which are refused, on which line and why; who makes a quorum; the overlap. */
#include "../../proto/policy.h"

#include "../support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array_) (sizeof(array_) / sizeof *(array_))

enum {
	WITNESSES = 9
};

#define LOG_VKEY "example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"

/* The keys that @1 to @9 stand for in the texts below. */
static char keys[WITNESSES][VKEY_LEN_MAX + 1];
static struct policy policy;
static struct policy_fault fault;

static void make_key(size_t i)
{
	uint8_t seed[SIGN_SEED_LEN] = { (uint8_t)i };
	char name[16];
	struct cosign_key key;
	struct buf out = { 0 };
	(void)snprintf(name, sizeof name, "w%zu.example", i);
	assert_int_equal(cosign_key_make(span_text(name), seed, &key), TRAIL_OK);
	cosigner_put(&out, &key.cosigner);
	assert_in_range(out.len, 1, VKEY_LEN_MAX);
	memcpy(keys[i], out.data, out.len);
	buf_release(&out);
}

static int setup(void **state)
{
	(void)state;
	if (!crypto_init())
		return -1;
	for (size_t i = 0; i < WITNESSES; i++)
		make_key(i);
	return 0;
}

/* Parse the text, with keys for @1 to @9 and the log's for @L; its end is that of memory. */
static enum trail_err parse(const char *text)
{
	struct buf out = { 0 };
	for (; *text; text++) {
		if (*text != '@')
			buf_put_u8(&out, (uint8_t)*text);
		else if (*++text == 'L')
			buf_put_text(&out, LOG_VKEY);
		else
			buf_put_text(&out, keys[*text - '1']);
	}
	struct span copy = guard_copy(buf_view(&out));
	enum trail_err err = policy_parse(copy, &policy, &fault);
	guard_free(copy);
	buf_release(&out);
	return err;
}

#define W3 "witness a @1\nwitness b @2\nwitness c @3\n"
#define W6 W3 "witness d @4\nwitness e @5\nwitness f @6\n"

/* ---- what is refused ---- */

static const struct {
	const char *text;
	unsigned line;
	const char *what; /* a part of the sentence */
} bad[] = {
	{ "", 0, "no line with a quorum" },
	{ W3, 0, "no line with a quorum" },
	{ "quorum none\nquorum none\n", 2, "exactly one" },
	{ "quorum\n", 1, "name of the quorum is missing" },
	{ "quorum a\nwitness a @1\n", 1, "\"a\" is not defined on a line before" },
	{ "quorum none x\n", 1, "a word too many: \"x\"" },
	{ "\n# c\nquorums none\n", 3, "not with \"quorums\"" },
	{ "Quorum none\n", 1, "not with \"Quorum\"" },
	{ "quorum none\r\n", 1, "control character" },
	{ "# \x01\nquorum none\n", 1, "control character" },
	{ "# \x7f\nquorum none\n", 1, "control character" },
	{ "witness\n", 1, "name is missing" },
	{ "witness a\n", 1, "key of the witness is missing" },
	{ "witness none @1\n", 1, "cannot be a name" },
	{ "witness a @1\nwitness a @2\n", 2, "\"a\" is defined twice" },
	{ "witness a @1\nwitness b @1\n", 2, "the same key" },
	{ "witness a @L\n", 1, "not one for Ed25519 cosignatures" },
	{ "witness a @1x\n", 1, "miscopied" },
	{ "witness a x+y+z\n", 1, "miscopied" },
	{ "witness a @1 http://a.example/ b\n", 1, "a word too many" },
	{ "log\nquorum none\n", 1, "key of the log is missing" },
	{ "log @L x y\nquorum none\n", 1, "a word too many" },
	{ "log @L\nlog @L\nquorum none\n", 2, "a log with the same key" },
	{ "log x\nquorum none\n", 1, "miscopied" },
	{ W3 "group\n", 4, "name is missing" },
	{ W3 "group a any b\n", 4, "\"a\" is defined twice" },
	{ W3 "group none any b\n", 4, "cannot be a name" },
	{ W3 "group g\n", 4, "no members" },
	{ W3 "group g any\n", 4, "no members" },
	{ W3 "group g 0 a b\n", 4, "a number from 1" },
	{ W3 "group g 3 a b\n", 4, "a number from 1" },
	{ W3 "group g 01 a b\n", 4, "a number from 1" },
	{ W3 "group g +1 a b\n", 4, "a number from 1" },
	{ W3 "group g 4294967297 a b\n", 4, "a number from 1" },
	{ W3 "group g most a b\n", 4, "a number from 1" },
	{ W3 "group g any a none\n", 4, "\"none\" cannot be a member" },
	{ W3 "group g any g\n", 4, "\"g\" is not defined on a line before" },
	{ W3 "group g any a x\n", 4, "\"x\" is not defined on a line before" },
	{ W3 "group g any a a\n", 4, "\"a\" is a member already" },
	{ W3 "group g any a\ngroup h any a b\n", 5, "\"a\" is a member already" },
	{ W3 "group g any a\ngroup h any g\ngroup i any g\n", 6, "\"g\" is a member already" },
	/* What cannot be shown is not shown. */
	{ W3 "group g any \xff\n", 4, "the name is not defined" },
	{ W3 "group g any a\xe2\x80\xae\n", 4, "the name is not defined" },
};

static void test_each_fault_has_its_line_and_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		enum trail_err err = parse(bad[i].text);
		if (err != TRAIL_INVALID || fault.line != bad[i].line ||
			!strstr(fault.what, bad[i].what))
			fail_msg("case %zu: %d, line %u: %s", i, (int)err, fault.line, fault.what);
	}
}

static void put_line(struct buf *out, size_t i)
{
	struct cosign_key key;
	uint8_t seed[SIGN_SEED_LEN] = { (uint8_t)i, 1 };
	assert_int_equal(cosign_key_make(span_text("w"), seed, &key), TRAIL_OK);
	buf_printf(out, "witness w%zu ", i);
	cosigner_put(out, &key.cosigner);
	buf_put_u8(out, '\n');
}

static void test_a_policy_is_bounded(void **state)
{
	(void)state;
	struct buf out = { 0 };
	for (size_t i = 0; i < POLICY_WITNESSES_MAX; i++)
		put_line(&out, i);
	for (size_t i = 0; i < POLICY_GROUPS_MAX; i++)
		buf_printf(&out, "group g%zu any w%zu\n", i, i);
	buf_put_text(&out, "quorum g63\n");
	assert_int_equal(policy_parse(buf_view(&out), &policy, &fault), TRAIL_OK);
	assert_int_equal(policy.witnesses, 64);
	put_line(&out, 64);
	assert_int_equal(policy_parse(buf_view(&out), &policy, &fault), TRAIL_INVALID);
	assert_int_equal(fault.line, 130);
	assert_non_null(strstr(fault.what, "more than 64 witnesses"));
	out.len = 0;
	for (size_t i = 0; i <= POLICY_LEN_MAX; i++)
		buf_put_u8(&out, '\n');
	assert_int_equal(policy_parse(buf_view(&out), &policy, &fault), TRAIL_TOO_BIG);
	buf_release(&out);
}

/* ---- what is taken ---- */

static void test_a_policy_is_read(void **state)
{
	(void)state;
	assert_int_equal(parse("\t # a comment\n\nlog @L https://log.example/\n"
			       " witness\tX1  @1 http://one.example/w \n"
			       "witness \xc3\xa5 @2\n"
			       "group G 2 X1 \xc3\xa5\n"
			       "  quorum  G"),
		TRAIL_OK);
	assert_int_equal(policy.logs, 1);
	assert_int_equal(policy.witnesses, 2);
	assert_string_equal(policy.witness[0].name, "X1");
	assert_string_equal(policy.witness[0].url, "http://one.example/w");
	assert_string_equal(policy.witness[0].cosigner.name, "w0.example");
	assert_string_equal(policy.witness[1].name, "\xc3\xa5");
	assert_string_equal(policy.witness[1].url, "");
	assert_int_equal(policy.group[0].k, 2);
	assert_int_equal(policy.group[0].n, 2);
	assert_int_equal(policy.kind, POLICY_QUORUM_GROUP);
}

static void test_a_policy_names_the_logs_that_it_is_for(void **state)
{
	(void)state;
	struct vkey log, other;
	uint8_t pub[SIGN_PUBLIC_LEN] = { 1 };
	assert_int_equal(vkey_parse(span_text(LOG_VKEY), &log), TRAIL_OK);
	assert_int_equal(vkey_make(span_text(log.name), pub, &other), TRAIL_OK);
	assert_int_equal(parse("log @L\nquorum none\n"), TRAIL_OK);
	assert_true(policy_takes_log(&policy, &log));
	assert_false(policy_takes_log(&policy, &other));
	assert_int_equal(parse("quorum none\n"), TRAIL_OK);
	assert_true(policy_takes_log(&policy, &other));
	/* A log whose key is of another type is none of ours, but it is listed. */
	assert_int_equal(parse("log @1\nquorum none\n"), TRAIL_OK);
	assert_false(policy_takes_log(&policy, &log));
}

/* ---- quorums ---- */

static const struct {
	const char *text;
	unsigned overlap;
	const char *yes[4]; /* who cosigned, by name; NULL ends */
	const char *no[4];
} judged[] = {
	{ "quorum none\n", 0, { "" }, { NULL } },
	{ W3 "quorum none\n", 0, { "", "a" }, { NULL } },
	{ W3 "quorum a\n", 1, { "a", "abc" }, { "", "bc" } },
	{ W3 "group g any a b c\nquorum g\n", 0, { "a", "b", "c" }, { "" } },
	{ W3 "group g all a b c\nquorum g\n", 3, { "abc" }, { "ab", "bc", "ac" } },
	{ W3 "group g 2 a b c\nquorum g\n", 1, { "ab", "bc", "abc" }, { "a", "b", "" } },
	{ W3 "group g 1 a\nquorum g\n", 1, { "a" }, { "bc" } },
	/* tlog-policy's example: 2 of 3 and 1 of 3 */
	{ W6 "group X 2 a b c\ngroup Y any d e f\ngroup B all X Y\nquorum B\n", 1,
		{ "abd", "bcf", "abcdef" }, { "ab", "def", "adef" } },
	/* Two of three organisations, of which one has 3 of 4 */
	{ W6 "witness h @7\ngroup X 3 a b c d\ngroup Y all e f\ngroup B 2 X Y h\nquorum B\n", 1,
		{ "abcef", "efh", "bcdh" }, { "abef", "h", "abcd" } },
	/* The smallest: 2 of 2 (2), 3 of 4 (2), one (1), of which all but one meet */
	{ W6 "witness h @7\ngroup X 3 a b c d\ngroup Y all e f\ngroup B all X Y h\nquorum B\n", 5,
		{ "abcefh" }, { "abcef", "abefh" } },
	/* A group that the quorum does not need makes nothing weaker. */
	{ W3 "group g any b c\nquorum a\n", 1, { "a" }, { "bc" } },
	/* The quorum may be a group that is a member of another. */
	{ W3 "group g 2 a b\ngroup h any g c\nquorum g\n", 2, { "ab" }, { "a", "c" } },
	{ W3 "group g 2 a b\ngroup h any g c\nquorum h\n", 0, { "ab", "c" }, { "a", "b" } },
};

static bool satisfied(const char *names)
{
	bool cosigned[POLICY_WITNESSES_MAX] = { 0 };
	for (; *names; names++)
		for (size_t i = 0; i < policy.witnesses; i++)
			if (policy.witness[i].name[0] == *names)
				cosigned[i] = true;
	return policy_satisfied(&policy, cosigned);
}

static void test_quorums_and_their_overlap(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(judged); i++) {
		assert_int_equal(parse(judged[i].text), TRAIL_OK);
		if (policy_overlap(&policy) != judged[i].overlap)
			fail_msg("case %zu: m is %u", i, policy_overlap(&policy));
		for (size_t j = 0; j < 4 && judged[i].yes[j]; j++)
			if (!satisfied(judged[i].yes[j]))
				fail_msg("case %zu: \"%s\" is a quorum", i, judged[i].yes[j]);
		for (size_t j = 0; j < 4 && judged[i].no[j]; j++)
			if (satisfied(judged[i].no[j]))
				fail_msg("case %zu: \"%s\" is no quorum", i, judged[i].no[j]);
	}
}

/* How many of the policy's witnesses `a` and `b` have in common. */
static unsigned common(unsigned a, unsigned b)
{
	return (unsigned)__builtin_popcount(a & b);
}

static bool satisfied_by(unsigned set)
{
	bool cosigned[POLICY_WITNESSES_MAX] = { 0 };
	for (size_t i = 0; i < policy.witnesses; i++)
		cosigned[i] = (set >> i & 1) != 0;
	return policy_satisfied(&policy, cosigned);
}

/* m by its meaning: of all pairs of quorums the two that have the fewest witnesses in common. */
static unsigned overlap_by_trying(void)
{
	const unsigned sets = 1U << policy.witnesses;
	unsigned least = (unsigned)policy.witnesses;
	for (unsigned a = 0; a < sets; a++)
		for (unsigned b = a; satisfied_by(a) && b < sets; b++)
			if (common(a, b) < least && satisfied_by(b))
				least = common(a, b);
	return least;
}

static void test_g5_the_overlap_is_what_two_quorums_have_in_common_at_least(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(judged); i++) {
		assert_int_equal(parse(judged[i].text), TRAIL_OK);
		if (policy_overlap(&policy) != overlap_by_trying())
			fail_msg("case %zu: m is %u, tried: %u", i, policy_overlap(&policy),
				overlap_by_trying());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_has_its_line_and_its_sentence),
		cmocka_unit_test(test_a_policy_is_bounded),
		cmocka_unit_test(test_a_policy_is_read),
		cmocka_unit_test(test_a_policy_names_the_logs_that_it_is_for),
		cmocka_unit_test(test_quorums_and_their_overlap),
		cmocka_unit_test(test_g5_the_overlap_is_what_two_quorums_have_in_common_at_least),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
