/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What standard output is: a terminal or not, how wide, whether it takes colour; and whether the
 * reader's locale is UTF-8. Knows nothing of what is printed.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>

enum {
	SCREEN_COLUMNS = 80,       /* of a terminal that does not say */
	SCREEN_PIPE_COLUMNS = 132, /* of what is none */
	SCREEN_COLUMNS_MIN = 20,
	SCREEN_COLUMNS_MAX = 1000,
};

struct screen {
	bool terminal;
	bool capable; /* a terminal that is not "dumb" */
	bool colour;
	unsigned columns; /* SCREEN_COLUMNS_MIN to SCREEN_COLUMNS_MAX */
};

/* Look at standard output and at COLUMNS, TERM and NO_COLOR. */
void screen_look(struct screen *s);
/* Whether whoever read standard output is gone: a pager that was left, or `head`. */
bool screen_left(void);
/* What begins and ends a text that must not be overlooked; "" without colour. */
const char *screen_alert(const struct screen *s);
const char *screen_plain(const struct screen *s);
/* Whether the locale (LC_CTYPE, as setlocale left it) is UTF-8; else all output is ASCII. */
bool screen_utf8(void);

#endif
