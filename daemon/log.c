/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LINE_MAX_LEN = 1000
};

/* Numbers of syslog(3). */
enum level {
	ERROR = 3,
	WARNING = 4,
	NOTICE = 5,
};

/*
 * An id never changes its meaning and is never given again (tests/lint/messages.txt); the words
 * behind it may change. D is traild's, S
 * traild-signer's, C traild-courier's.
 */
static const struct row {
	const char *id;
	enum level level;
} ROWS[LOG_IDS] = {
	[LOG_COURIER_USAGE] = { "TRAIL-C001", ERROR },
	[LOG_COURIER_SYSTEM] = { "TRAIL-C002", ERROR },
	[LOG_COURIER_FENCE] = { "TRAIL-C003", ERROR },
	[LOG_COURIER_TALK] = { "TRAIL-C004", ERROR },
	[LOG_COURIER_CA] = { "TRAIL-C005", WARNING },
	[LOG_READY] = { "TRAIL-D001", NOTICE },
	[LOG_STOPPING] = { "TRAIL-D002", NOTICE },
	[LOG_STOPPED] = { "TRAIL-D003", NOTICE },
	[LOG_NO_RELOAD] = { "TRAIL-D004", NOTICE },
	[LOG_BAD_USAGE] = { "TRAIL-D010", ERROR },
	[LOG_BAD_SETTINGS] = { "TRAIL-D011", ERROR },
	[LOG_BAD_ORIGIN] = { "TRAIL-D012", ERROR },
	[LOG_BAD_ADDRESS] = { "TRAIL-D013", ERROR },
	[LOG_COW_ALLOWED] = { "TRAIL-D014", WARNING },
	[LOG_FOLDER_FAILED] = { "TRAIL-D020", ERROR },
	[LOG_FOLDER_TAKEN] = { "TRAIL-D021", ERROR },
	[LOG_FOLDER_FOREIGN] = { "TRAIL-D022", ERROR },
	[LOG_STORE_FAILED] = { "TRAIL-D030", ERROR },
	[LOG_STORE_DAMAGED] = { "TRAIL-D031", ERROR },
	[LOG_STORE_BEHIND] = { "TRAIL-D032", ERROR },
	[LOG_STORE_OTHER] = { "TRAIL-D033", ERROR },
	[LOG_COMMIT_FAILED] = { "TRAIL-D034", ERROR },
	[LOG_CLIENT_AHEAD] = { "TRAIL-D035", ERROR },
	[LOG_CLIENT_CONTRADICTS] = { "TRAIL-D036", ERROR },
	[LOG_SIGNER_FAILED] = { "TRAIL-D040", ERROR },
	[LOG_SIGNER_REFUSED] = { "TRAIL-D041", ERROR },
	[LOG_SIGNER_GONE] = { "TRAIL-D042", ERROR },
	[LOG_LISTEN_FAILED] = { "TRAIL-D050", ERROR },
	[LOG_SYSTEM_FAILED] = { "TRAIL-D051", ERROR },
	[LOG_TURNED_AWAY] = { "TRAIL-D052", WARNING },
	[LOG_FULL] = { "TRAIL-D053", ERROR },
	[LOG_ROOM_AGAIN] = { "TRAIL-D054", NOTICE },
	[LOG_CLOCK_JUMPED] = { "TRAIL-D055", WARNING },
	[LOG_CLOSED_LATE] = { "TRAIL-D056", WARNING },
	[LOG_SLOWED_DOWN] = { "TRAIL-D057", NOTICE },
	[LOG_SEALS_CONTRADICT] = { "TRAIL-D060", ERROR },
	[LOG_SEALS_USED_UP] = { "TRAIL-D061", ERROR },
	[LOG_SEALS_FEW] = { "TRAIL-D062", WARNING },
	[LOG_COURIER_GONE] = { "TRAIL-D070", WARNING },
	[LOG_WITNESS_ANSWERS] = { "TRAIL-D071", NOTICE },
	[LOG_WITNESS_FAILS] = { "TRAIL-D072", WARNING },
	[LOG_WITNESS_ALARM] = { "TRAIL-D073", ERROR },
	[LOG_WITNESS_AHEAD] = { "TRAIL-D074", ERROR },
	[LOG_WITNESS_CONTRADICTS] = { "TRAIL-D075", ERROR },
	[LOG_UNCONFIRMED] = { "TRAIL-D076", WARNING },
	[LOG_CONFIRMED] = { "TRAIL-D077", NOTICE },
	[LOG_BAD_POLICY] = { "TRAIL-D078", ERROR },
	[LOG_STAMP_FAILS] = { "TRAIL-D079", WARNING },
	[LOG_CLOSED] = { "TRAIL-D080", NOTICE },
	[LOG_IS_CLOSED] = { "TRAIL-D081", ERROR },
	[LOG_SUCCEEDS] = { "TRAIL-D082", NOTICE },
	[LOG_BAD_SUCCESSION] = { "TRAIL-D083", ERROR },
	[LOG_INDEX_FAILED] = { "TRAIL-D090", ERROR },
	[LOG_INDEX_DAMAGED] = { "TRAIL-D091", ERROR },
	[LOG_INDEX_STUCK] = { "TRAIL-D092", ERROR },
	[LOG_INDEX_WAITS] = { "TRAIL-D093", WARNING },
	[LOG_SIGN_USAGE] = { "TRAIL-S001", ERROR },
	[LOG_SIGN_SYSTEM] = { "TRAIL-S002", ERROR },
	[LOG_SIGN_SANDBOX] = { "TRAIL-S003", ERROR },
	[LOG_SIGN_SYNC] = { "TRAIL-S004", ERROR },
	[LOG_SIGN_DEVICE] = { "TRAIL-S005", WARNING },
	[LOG_SIGN_SLOT] = { "TRAIL-S006", WARNING },
	[LOG_SIGN_STRANGER] = { "TRAIL-S007", WARNING },
};

static const char *name = "traild";
static bool with_priority;

void log_start(const char *program)
{
	name = program;
	with_priority = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(enum log_id id, const char *format, ...)
{
	char line[LINE_MAX_LEN + 2];
	const struct row *row = &ROWS[id];
	int head = with_priority ? snprintf(line, sizeof line, "<%d>%s ", (int)row->level, row->id)
				 : snprintf(line, sizeof line, "%s: %s ", name, row->id);
	va_list ap;
	va_start(ap, format);
	int len = vsnprintf(line + head, (size_t)(LINE_MAX_LEN - head), format, ap);
	va_end(ap);
	if (len < 0)
		return;
	size_t end = (size_t)head + (size_t)len;
	if (end > LINE_MAX_LEN - 1)
		end = LINE_MAX_LEN - 1;
	/* A path or an errno text with a newline in it must not forge a line. */
	for (size_t i = (size_t)head; i < end; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[end] = '\n';
	ssize_t n = write(STDERR_FILENO, line, end + 1);
	(void)n; /* nowhere is left to say that it failed */
}
