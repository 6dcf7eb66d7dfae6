/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <stdarg.h>
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

/* An id never changes its meaning and is never given again (tests/lint/messages.txt). */
static const struct row {
	const char *id;
	enum level level;
} ROWS[SAY_IDS] = {
	[SAY_READY] = { "TRAIL-W001", NOTICE },
	[SAY_STOPPED] = { "TRAIL-W002", NOTICE },
	[SAY_RELOADED] = { "TRAIL-W003", NOTICE },
	[SAY_NEW_LOG] = { "TRAIL-W004", NOTICE },
	[SAY_BAD_USAGE] = { "TRAIL-W005", ERROR },
	[SAY_BAD_LIST] = { "TRAIL-W006", ERROR },
	[SAY_BAD_ADDRESS] = { "TRAIL-W007", ERROR },
	[SAY_FOLDER_FAILED] = { "TRAIL-W008", ERROR },
	[SAY_KEY_LOST] = { "TRAIL-W009", ERROR },
	[SAY_LOG_LOST] = { "TRAIL-W010", ERROR },
	[SAY_LOG_CHANGED] = { "TRAIL-W011", ERROR },
	[SAY_FORK] = { "TRAIL-W012", ERROR },
	[SAY_CLOCK] = { "TRAIL-W013", ERROR },
	[SAY_NOT_KEPT] = { "TRAIL-W014", ERROR },
	[SAY_UNSURE] = { "TRAIL-W015", ERROR },
	[SAY_CROWDED] = { "TRAIL-W016", WARNING },
	[SAY_SYSTEM_FAILED] = { "TRAIL-W017", ERROR },
};

bool say_why(struct say_reason *reason, enum say_id id, const char *format, ...)
{
	va_list ap;
	reason->id = id;
	va_start(ap, format);
	(void)vsnprintf(reason->why, sizeof reason->why, format, ap);
	va_end(ap);
	return false;
}

void say_line(enum say_id id, const char *format, ...)
{
	char line[LINE_MAX_LEN + 2];
	const struct row *row = &ROWS[id];
	int head = getenv("JOURNAL_STREAM")
		? snprintf(line, sizeof line, "<%d>%s ", (int)row->level, row->id)
		: snprintf(line, sizeof line, "trail-witness: %s ", row->id);
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
