/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

/* A quoted cell from behind its first quote; "" is a quote. NULL: it does not end. */
static char *take_quoted(char *from)
{
	char *to = from;
	for (; *from; from++) {
		if (*from == '"' && from[1] == '"')
			from++;
		else if (*from == '"')
			break;
		*to++ = *from;
	}
	if (*from != '"')
		return NULL;
	/* `to` is at or before the closing quote, which is spent. */
	char *behind = from + 1;
	*to = '\0';
	return behind;
}

int csv_split(char *line, char *cells[CSV_CELLS_MAX])
{
	int count = 0;
	for (;;) {
		if (count == CSV_CELLS_MAX)
			return -1;
		bool quoted = *line == '"';
		cells[count++] = quoted ? line + 1 : line;
		if (quoted) {
			line = take_quoted(line + 1);
			if (!line || (*line != ',' && *line != '\0'))
				return -1;
		}
		while (!quoted && *line && *line != ',') {
			if (*line == '"')
				return -1;
			line++;
		}
		if (*line == '\0')
			return count;
		*line++ = '\0';
	}
}
