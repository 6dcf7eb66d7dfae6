/* SPDX-License-Identifier: Apache-2.0 */
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t SECOND = 1000000000;

enum {
	HOUR_S = 3600,
	/* No zone is, or ever was, as far from UTC as this. */
	ZONE_MAX_S = 26 * HOUR_S,
};

/* `count` digits off the front of *at, from `least` to `most`. */
static bool take_number(const char **at, int count, int least, int most, int *out)
{
	int v = 0;
	for (int i = 0; i < count; i++) {
		char c = (*at)[i];
		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*at += count;
	*out = v;
	return v >= least && v <= most;
}

static bool take_sign(const char **at, char sign)
{
	if (**at != sign)
		return false;
	(*at)++;
	return true;
}

static int month_days(int year, int month)
{
	static const int DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : DAYS[month - 1];
}

static bool take_date(const char **at, struct tm *tm)
{
	int year, month, day;
	if (!take_number(at, 4, 1600, 2400, &year) || !take_sign(at, '-') ||
		!take_number(at, 2, 1, 12, &month) || !take_sign(at, '-') ||
		!take_number(at, 2, 1, month_days(year, month), &day))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* A fraction of a second, if one comes: 1 to 9 digits. */
static bool take_fraction(const char **at, int64_t *ns)
{
	int64_t unit = SECOND;
	*ns = 0;
	if (!take_sign(at, '.'))
		return true;
	while (**at >= '0' && **at <= '9') {
		if (unit == 1)
			return false;
		unit /= 10;
		*ns += (**at - '0') * unit;
		(*at)++;
	}
	return unit != SECOND;
}

/* "Z", or "+01:00" to seconds east. */
static bool take_zone(const char **at, int64_t *east)
{
	int hours, minutes;
	*east = 0;
	if (take_sign(at, 'Z') || take_sign(at, 'z'))
		return true;
	bool west = **at == '-';
	if (!take_sign(at, '+') && !take_sign(at, '-'))
		return false;
	if (!take_number(at, 2, 0, 23, &hours) || !take_sign(at, ':') ||
		!take_number(at, 2, 0, 59, &minutes))
		return false;
	*east = (west ? -1 : 1) * ((int64_t)hours * 3600 + (int64_t)minutes * 60);
	return true;
}

bool when_parse(const char *text, int64_t *ns)
{
	struct tm tm = { 0 };
	const char *at = text;
	int64_t fraction, east, whole;
	if (!take_date(&at, &tm))
		return false;
	if (!take_sign(&at, 'T') && !take_sign(&at, 't') && !take_sign(&at, ' '))
		return false;
	if (!take_number(&at, 2, 0, 23, &tm.tm_hour) || !take_sign(&at, ':') ||
		!take_number(&at, 2, 0, 59, &tm.tm_min) || !take_sign(&at, ':') ||
		!take_number(&at, 2, 0, 60, &tm.tm_sec) || !take_fraction(&at, &fraction) ||
		!take_zone(&at, &east) || *at != '\0')
		return false;
	if (__builtin_mul_overflow((int64_t)timegm(&tm) - east, SECOND, &whole))
		return false;
	return !__builtin_add_overflow(whole, fraction, ns);
}

/* Grows with the date. */
static int date_number(const struct tm *tm)
{
	return (tm->tm_year * 12 + tm->tm_mon) * 31 + tm->tm_mday;
}

static struct tm local_date(int64_t seconds)
{
	struct tm tm;
	time_t when = (time_t)seconds;
	(void)localtime_r(&when, &tm);
	return (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday };
}

static int date_at(int64_t seconds)
{
	const struct tm date = local_date(seconds);
	return date_number(&date);
}

/*
 * The first second of a day in the local zone. mktime does not say it: what it answers for a
 * midnight that is skipped, or comes twice, is left open by its standard.
 */
static int64_t day_begin(struct tm date)
{
	int day = date_number(&date);
	int64_t before = (int64_t)timegm(&date) - ZONE_MAX_S;
	int64_t begun = before + 2 * (int64_t)ZONE_MAX_S;
	while (begun - before > 1) {
		int64_t middle = before + (begun - before) / 2;
		if (date_at(middle) >= day)
			begun = middle;
		else
			before = middle;
	}
	/* A clock that goes back over midnight begins the day twice, an hour apart. */
	return date_at(begun - HOUR_S) == day ? begun - HOUR_S : begun;
}

/* "90s", "0d" */
static bool take_length(const char *text, int64_t *ns)
{
	static const char UNITS[] = "smhd";
	static const int64_t SECONDS[] = { 1, 60, 3600, 86400 };
	char *end = NULL;
	if (text[0] < '0' || text[0] > '9')
		return false;
	long long count = strtoll(text, &end, 10);
	const char *unit = *end ? strchr(UNITS, *end) : NULL;
	if (!unit || end[1] != '\0' || count > 36500LL * 86400)
		return false;
	return !__builtin_mul_overflow((int64_t)count, SECONDS[unit - UNITS] * SECOND, ns);
}

bool when_length(const char *text, int64_t *ns)
{
	return take_length(text, ns) && *ns != 0;
}

/* "-2h" and its like. */
static bool say_ago(const char *text, int64_t now, int64_t *ns)
{
	int64_t back;
	return text[0] == '-' && take_length(text + 1, &back) &&
		!__builtin_sub_overflow(now, back, ns);
}

/* What when_read wrote: RFC 3339 but for the space before the offset. */
static bool say_read(const char *text, int64_t *ns)
{
	char joined[WHEN_MAX];
	const char *space = strrchr(text, ' ');
	size_t head = space ? (size_t)(space - text) : 0;
	if (head < 19 || strlen(text) >= sizeof joined)
		return false;
	memcpy(joined, text, head);
	memcpy(joined + head, space + 1, strlen(space));
	return when_parse(joined, ns);
}

static bool say_date(const char *text, int64_t *ns)
{
	struct tm tm = { 0 };
	const char *at = text;
	if (!take_date(&at, &tm) || *at != '\0')
		return false;
	return !__builtin_mul_overflow(day_begin(tm), SECOND, ns);
}

/* Whole seconds, and the rest, which is never negative. */
static time_t split(int64_t ns, long *rest)
{
	int64_t seconds = ns / SECOND;
	if (ns % SECOND < 0)
		seconds--;
	*rest = (long)(ns - seconds * SECOND);
	return (time_t)seconds;
}

bool when_say_at(const char *text, int64_t now, int64_t *ns)
{
	long rest;
	int64_t today = day_begin(local_date(split(now, &rest)));
	if (strcmp(text, "now") == 0)
		*ns = now;
	else if (strcmp(text, "today") == 0)
		*ns = today * SECOND;
	else if (strcmp(text, "yesterday") == 0)
		*ns = day_begin(local_date(today - 1)) * SECOND;
	else
		return say_ago(text, now, ns) || say_date(text, ns) || when_parse(text, ns) ||
			say_read(text, ns);
	return true;
}

bool when_say(const char *text, int64_t *ns)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return when_say_at(text, (int64_t)ts.tv_sec * SECOND + ts.tv_nsec, ns);
}

/* "Z", "+01:00" */
static void put_zone(const struct tm *tm, bool utc, char *out, size_t room)
{
	long east = tm->tm_gmtoff / 60;
	long distance = east < 0 ? -east : east;
	if (utc)
		(void)snprintf(out, room, "Z");
	else
		(void)snprintf(out, room, "%c%02ld:%02ld", east < 0 ? '-' : '+', distance / 60,
			distance % 60);
}

/* Spaced: a space between date, time and offset, for people. */
static void put_when(int64_t ns, bool utc, unsigned digits, bool spaced, char out[WHEN_MAX])
{
	struct tm tm;
	char fraction[16];
	long rest;
	time_t seconds = split(ns, &rest);
	if (!utc)
		(void)localtime_r(&seconds, &tm);
	/* Local mean time, before there were zones, has seconds; RFC 3339 has no word for them. */
	if (utc || tm.tm_gmtoff % 60 != 0)
		(void)gmtime_r(&seconds, &tm);
	size_t len =
		strftime(out, WHEN_MAX, spaced ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(fraction, sizeof fraction, ".%09ld", rest);
	if (digits != 0)
		len += (size_t)snprintf(
			out + len, WHEN_MAX - len, "%.*s", (int)digits + 1, fraction);
	if (spaced && !utc)
		out[len++] = ' ';
	put_zone(&tm, utc, out + len, WHEN_MAX - len);
}

void when_show(int64_t ns, bool utc, unsigned digits, char out[WHEN_MAX])
{
	put_when(ns, utc, digits, false, out);
}

void when_utc(int64_t ns, char out[WHEN_MAX])
{
	when_show(ns, true, 9, out);
}

void when_read(int64_t ns, bool utc, char out[WHEN_MAX])
{
	put_when(ns, utc, 0, true, out);
}

void when_told(int64_t ns, bool utc, char out[WHEN_MAX])
{
	when_show(ns, utc, utc ? 9 : 3, out);
}
