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
 * What a person may say: when_parse, or "now", "today", "yesterday", "2026-03-01" (midnight in the
 * local zone), "-90s" "-5m" "-2h" "-30d" (ago).
 */
bool when_say(const char *text, int64_t *ns);
/* RFC 3339 in UTC, "Z", nine digits. */
void when_utc(int64_t ns, char out[WHEN_MAX]);
/* RFC 3339 in the local zone with its offset, milliseconds. */
void when_local(int64_t ns, char out[WHEN_MAX]);

#endif
