/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

#include "glyph.h"

#include <string.h>

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

static const char SIGNS[] = "=+-@";

/* What a spreadsheet would take for a formula. */
static bool is_formula(const char *text)
{
	text += strspn(text, " \t");
	return *text != '\0' && strchr(SIGNS, *text);
}

/* A space at either end is lost to some readers unless quoted. */
static bool needs_quotes(const char *text)
{
	size_t len = strlen(text);
	if (len == 0)
		return false;
	return text[0] == ' ' || text[len - 1] == ' ' || strpbrk(text, ",;\"") || is_formula(text);
}

void csv_put(FILE *to, const char *text)
{
	struct glyphs g;
	struct glyph glyph;
	if (!text)
		return;
	bool quoted = needs_quotes(text);
	(void)fputs(quoted ? "\"" : "", to);
	(void)fputs(is_formula(text) ? "'" : "", to);
	glyphs_init(&g, text, strlen(text));
	while (glyphs_next(&g, &glyph)) {
		if (glyph.point == '"')
			(void)fputc('"', to);
		(void)fwrite(glyph.text, 1, glyph.len, to);
		if (glyph.point == ';')
			g.also = SIGNS;
		else if (glyph.point != ' ' && glyph.point != '\t')
			g.also = NULL;
	}
	(void)fputs(quoted ? "\"" : "", to);
}
