/* SPDX-License-Identifier: Apache-2.0 */
/* Times, in and out: RFC 3339 and the short forms of the command line. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	WHEN_MAX = 48
};

/*
 * RFC 3339 date-time, "2026-03-01T12:00:00.123456789+01:00", up to 9 digits of fraction, to ns
 * since 1970 UTC. False: not that, or out of the range of 64 bits.
 */
bool when_parse(const char *text, int64_t *ns);
/*
 * What a person may say: when_parse, or "now", "today", "yesterday", "2026-03-01", "-90s" "-5m"
 * "-2h" "-30d" (ago).
 *
 * A day is its first moment in the local zone, whatever the clock then says: where midnight is
 * skipped it is later, where it comes twice it is the first of them. A day that the zone skipped
 * begins with the next one; yesterday is the day that there was before today. A d is 24 hours, also
 * when clocks change, so that -1d may be another time of day.
 */
bool when_say(const char *text, int64_t *ns);
/* The same, were it `now_ns`. */
bool when_say_at(const char *text, int64_t now_ns, int64_t *ns);
/* A length of time, "90s", "5m", "2h" or "30d". False: it is none, or 0. */
bool when_length(const char *text, int64_t *ns);
/* RFC 3339 in UTC, "Z", nine digits. */
void when_utc(int64_t ns, char out[WHEN_MAX]);
/* For a sentence: "2026-03-02 08:14:07 +01:00", or in UTC with "Z"; cut to the second. */
void when_read(int64_t ns, bool utc, char out[WHEN_MAX]);
/* How a command tells a person of one time: that, or in the local zone, milliseconds. */
void when_told(int64_t ns, bool utc, char out[WHEN_MAX]);
/* RFC 3339 in UTC or in the local zone, `digits` of fraction, 0 to 9; cut, not rounded. */
void when_show(int64_t ns, bool utc, unsigned digits, char out[WHEN_MAX]);

#endif
