/* SPDX-License-Identifier: Apache-2.0 */
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t SECOND = 1000000000;

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
	*east = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
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

static int64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Midnight in the local zone, `back` days ago. */
static int64_t midnight(int back)
{
	struct tm tm;
	time_t now = time(NULL);
	(void)localtime_r(&now, &tm);
	tm.tm_mday -= back;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * SECOND;
}

/* "-2h" and its like. */
static bool say_ago(const char *text, int64_t *ns)
{
	static const char UNITS[] = "smhd";
	static const int64_t SECONDS[] = { 1, 60, 3600, 86400 };
	char *end = NULL;
	if (text[0] != '-' || text[1] < '0' || text[1] > '9')
		return false;
	long long count = strtoll(text + 1, &end, 10);
	const char *unit = *end ? strchr(UNITS, *end) : NULL;
	if (!unit || end[1] != '\0' || count > 36500LL * 86400)
		return false;
	int64_t back;
	if (__builtin_mul_overflow((int64_t)count, SECONDS[unit - UNITS] * SECOND, &back))
		return false;
	*ns = now_ns() - back;
	return true;
}

static bool say_date(const char *text, int64_t *ns)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *at = text;
	if (!take_date(&at, &tm) || *at != '\0')
		return false;
	return !__builtin_mul_overflow((int64_t)mktime(&tm), SECOND, ns);
}

bool when_say(const char *text, int64_t *ns)
{
	if (strcmp(text, "now") == 0)
		*ns = now_ns();
	else if (strcmp(text, "today") == 0)
		*ns = midnight(0);
	else if (strcmp(text, "yesterday") == 0)
		*ns = midnight(1);
	else
		return say_ago(text, ns) || say_date(text, ns) || when_parse(text, ns);
	return true;
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

void when_utc(int64_t ns, char out[WHEN_MAX])
{
	struct tm tm;
	long rest;
	time_t seconds = split(ns, &rest);
	(void)gmtime_r(&seconds, &tm);
	size_t len = strftime(out, WHEN_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + len, WHEN_MAX - len, ".%09ldZ", rest);
}

void when_local(int64_t ns, char out[WHEN_MAX])
{
	struct tm tm;
	long rest;
	time_t seconds = split(ns, &rest);
	(void)localtime_r(&seconds, &tm);
	size_t len = strftime(out, WHEN_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	long east = tm.tm_gmtoff / 60;
	long distance = east < 0 ? -east : east;
	(void)snprintf(out + len, WHEN_MAX - len, ".%03ld%c%02ld:%02ld", rest / 1000000,
		east < 0 ? '-' : '+', distance / 60, distance % 60);
}
