/* SPDX-License-Identifier: Apache-2.0 */
/* Times where clocks change: what is said, and what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/cli/when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void set_zone(const char *zone)
{
	assert_int_equal(zone ? setenv("TZ", zone, 1) : unsetenv("TZ"), 0);
	tzset();
}

static int64_t at(const char *text)
{
	int64_t ns = 0;
	if (!when_parse(text, &ns))
		fail_msg("\"%s\" is no time", text);
	return ns;
}

struct saying {
	const char *zone, *now, *said, *meant;
};

static void check_saying(const struct saying *s)
{
	int64_t ns = 0;
	char meant[WHEN_MAX];
	set_zone(s->zone);
	if (!when_say_at(s->said, at(s->now), &ns))
		fail_msg("\"%s\" was not understood", s->said);
	when_told(ns, false, meant);
	if (ns != at(s->meant))
		fail_msg("%s, %s: \"%s\" is %s, not %s", s->zone, s->now, s->said, meant, s->meant);
}

static void days_begin_with_their_first_moment(void **state)
{
	static const char STOCKHOLM[] = "Europe/Stockholm", APIA[] = "Pacific/Apia";
	static const char ANY[] = "2026-06-01T12:00:00Z";
	static const struct saying CASES[] = {
		{ "UTC", ANY, "2026-03-29", "2026-03-29T00:00:00Z" },
		{ "UTC", ANY, "today", "2026-06-01T00:00:00Z" },
		{ "UTC", ANY, "yesterday", "2026-05-31T00:00:00Z" },
		{ "UTC", "2024-03-01T00:00:00Z", "today", "2024-03-01T00:00:00Z" },
		{ "UTC", "2024-03-01T00:00:00Z", "yesterday", "2024-02-29T00:00:00Z" },
		{ "UTC", "1969-12-31T23:59:59.5Z", "today", "1969-12-31T00:00:00Z" },
		/* A day of 23 hours, and those around it. */
		{ STOCKHOLM, ANY, "2026-03-29", "2026-03-29T00:00:00+01:00" },
		{ STOCKHOLM, ANY, "2026-03-30", "2026-03-30T00:00:00+02:00" },
		{ STOCKHOLM, "2026-03-29T12:00:00+02:00", "today", "2026-03-29T00:00:00+01:00" },
		{ STOCKHOLM, "2026-03-29T12:00:00+02:00", "yesterday",
			"2026-03-28T00:00:00+01:00" },
		{ STOCKHOLM, "2026-03-30T00:30:00+02:00", "yesterday",
			"2026-03-29T00:00:00+01:00" },
		/* A day of 25. */
		{ STOCKHOLM, ANY, "2026-10-25", "2026-10-25T00:00:00+02:00" },
		{ STOCKHOLM, ANY, "2026-10-26", "2026-10-26T00:00:00+01:00" },
		{ STOCKHOLM, "2026-10-25T02:30:00+02:00", "today", "2026-10-25T00:00:00+02:00" },
		{ STOCKHOLM, "2026-10-25T02:30:00+01:00", "today", "2026-10-25T00:00:00+02:00" },
		{ STOCKHOLM, "2026-10-26T00:30:00+01:00", "yesterday",
			"2026-10-25T00:00:00+02:00" },
		/* Days without a midnight. */
		{ "America/Sao_Paulo", ANY, "2018-11-04", "2018-11-04T01:00:00-02:00" },
		{ "Africa/Cairo", ANY, "2023-04-28", "2023-04-28T01:00:00+03:00" },
		{ "Africa/Cairo", "2023-04-28T09:00:00+03:00", "today",
			"2023-04-28T01:00:00+03:00" },
		{ "Africa/Cairo", "2023-04-29T09:00:00+03:00", "yesterday",
			"2023-04-28T01:00:00+03:00" },
		/* Days with two: the clock went back from 01:00 to 00:00, and from 00:01 to 23:01.
		 */
		{ "America/Havana", ANY, "2026-11-01", "2026-11-01T00:00:00-04:00" },
		{ "America/St_Johns", ANY, "2010-11-07", "2010-11-07T00:00:00-02:30" },
		/* The day that was not. */
		{ APIA, ANY, "2011-12-29", "2011-12-29T00:00:00-10:00" },
		{ APIA, ANY, "2011-12-30", "2011-12-31T00:00:00+14:00" },
		{ APIA, ANY, "2011-12-31", "2011-12-31T00:00:00+14:00" },
		{ APIA, "2011-12-31T12:00:00+14:00", "today", "2011-12-31T00:00:00+14:00" },
		{ APIA, "2011-12-31T12:00:00+14:00", "yesterday", "2011-12-29T00:00:00-10:00" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		check_saying(&CASES[i]);
}

static void a_while_ago_is_a_length_of_time(void **state)
{
	static const struct saying CASES[] = {
		{ "UTC", "2026-06-01T12:00:00.25Z", "now", "2026-06-01T12:00:00.25Z" },
		{ "UTC", "2026-06-01T12:00:00.25Z", "-90s", "2026-06-01T11:58:30.25Z" },
		{ "UTC", "2026-06-01T12:00:00Z", "-5m", "2026-06-01T11:55:00Z" },
		{ "UTC", "2026-06-01T12:00:00Z", "-30d", "2026-05-02T12:00:00Z" },
		/* 24 hours, not "the same time of day". */
		{ "Europe/Stockholm", "2026-03-29T12:00:00+02:00", "-1d",
			"2026-03-28T11:00:00+01:00" },
		{ "Europe/Stockholm", "2026-10-25T12:00:00+01:00", "-1d",
			"2026-10-24T13:00:00+02:00" },
		{ "Europe/Stockholm", "2026-03-29T03:30:00+02:00", "-1h",
			"2026-03-29T01:30:00+01:00" },
	};
	static const char *const BAD[] = { "-", "-d", "-1", "-1w", "-1dd", "--1d", "-1.5h", "-+1h",
		"-99999999999999999999d", "-3153600000d", "to day", "2026-02-30", "2026-3-1",
		"2026-03-01 ", "2300-01-01", "" };
	int64_t ns = 0;
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
		check_saying(&CASES[i]);
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		if (when_say_at(BAD[i], 0, &ns))
			fail_msg("\"%s\" was understood", BAD[i]);
}

static void the_offset_tells_equal_clock_times_apart(void **state)
{
	static const struct {
		const char *zone, *moment, *shown;
	} CASES[] = {
		/* No 02:xx in spring, two of them in autumn. */
		{ "Europe/Stockholm", "2026-03-29T00:59:59.999Z", "2026-03-29T01:59:59.999+01:00" },
		{ "Europe/Stockholm", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00.000+02:00" },
		{ "Europe/Stockholm", "2026-10-25T00:30:00Z", "2026-10-25T02:30:00.000+02:00" },
		{ "Europe/Stockholm", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00.000+01:00" },
		{ "Pacific/Apia", "2011-12-30T09:59:59.999Z", "2011-12-29T23:59:59.999-10:00" },
		{ "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00.000+14:00" },
		{ "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00.000+05:45" },
		/* A mean time whose offset has seconds cannot be written: UTC. */
		{ "Europe/Stockholm", "1800-01-01T00:00:00Z", "1800-01-01T00:00:00.000+00:00" },
		/* A zone that is not known is UTC to the C library. */
		{ "Nowhere/Land", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000+00:00" },
	};
	char shown[WHEN_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		set_zone(CASES[i].zone);
		when_told(at(CASES[i].moment), false, shown);
		assert_string_equal(shown, CASES[i].shown);
	}
}

static void what_is_shown_is_the_same_moment(void **state)
{
	static const char *const ZONES[] = { "Europe/Stockholm", "Pacific/Apia", "America/St_Johns",
		"Australia/Lord_Howe", "Africa/Monrovia", "UTC", "", NULL };
	const int64_t step = INT64_C(17) * 86400 * 1000000000 + INT64_C(12345678901234);
	(void)state;
	for (size_t i = 0; i < sizeof ZONES / sizeof ZONES[0]; i++) {
		set_zone(ZONES[i]);
		for (int64_t ns = at("1700-01-01T00:00:00Z"); ns < at("2200-01-01T00:00:00Z");
			ns += step) {
			char local[WHEN_MAX], utc[WHEN_MAX];
			when_show(ns, false, 9, local);
			when_utc(ns, utc);
			assert_int_equal(at(local), ns);
			assert_int_equal(at(utc), ns);
		}
	}
}

static void a_fraction_is_cut_not_rounded(void **state)
{
	static const char *const SHOWN[] = { "2026-12-31T23:59:59Z", "2026-12-31T23:59:59.9Z",
		"2026-12-31T23:59:59.99Z", "2026-12-31T23:59:59.999Z" };
	char shown[WHEN_MAX];
	(void)state;
	for (unsigned digits = 0; digits < 4; digits++) {
		when_show(at("2026-12-31T23:59:59.999999999Z"), true, digits, shown);
		assert_string_equal(shown, SHOWN[digits]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_begin_with_their_first_moment),
		cmocka_unit_test(a_while_ago_is_a_length_of_time),
		cmocka_unit_test(the_offset_tells_equal_clock_times_apart),
		cmocka_unit_test(what_is_shown_is_the_same_moment),
		cmocka_unit_test(a_fraction_is_cut_not_rounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
