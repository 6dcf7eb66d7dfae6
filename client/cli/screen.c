/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <langinfo.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Its value; NULL: it is not set, or empty. */
static const char *say(const char *variable)
{
	const char *value = getenv(variable);
	return value && value[0] != '\0' ? value : NULL;
}

/* What COLUMNS says; 0: nothing that can be used. */
static unsigned told_columns(void)
{
	char *end = NULL;
	const char *value = say("COLUMNS");
	if (!value)
		return 0;
	unsigned long columns = strtoul(value, &end, 10);
	return *end == '\0' && columns <= SCREEN_COLUMNS_MAX ? (unsigned)columns : 0;
}

static unsigned find_columns(bool terminal)
{
	struct winsize size;
	unsigned columns = 0;
	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		columns = size.ws_col;
	if (columns == 0)
		columns = told_columns();
	if (columns == 0)
		columns = terminal ? SCREEN_COLUMNS : SCREEN_PIPE_COLUMNS;
	if (columns > SCREEN_COLUMNS_MAX)
		return SCREEN_COLUMNS_MAX;
	return columns < SCREEN_COLUMNS_MIN ? SCREEN_COLUMNS_MIN : columns;
}

void screen_look(struct screen *s)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;
	const char *kind = say("TERM");
	bool capable = terminal && kind && strcmp(kind, "dumb") != 0;
	*s = (struct screen){
		.terminal = terminal,
		.capable = capable,
		.colour = capable && !say("NO_COLOR"),
		.columns = find_columns(terminal),
	};
}

bool screen_left(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

const char *screen_alert(const struct screen *s)
{
	return s->colour ? "\033[31m" : "";
}

const char *screen_plain(const struct screen *s)
{
	return s->colour ? "\033[0m" : "";
}

bool screen_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
