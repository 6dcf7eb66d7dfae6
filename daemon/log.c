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

static bool with_priority;

void log_start(void)
{
	with_priority = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_LEN + 2];
	int head = with_priority ? snprintf(line, sizeof line, "<%d>", (int)level)
				 : snprintf(line, sizeof line, "traild: ");
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
