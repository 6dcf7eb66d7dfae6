/* SPDX-License-Identifier: Apache-2.0 */
#include "caret.h"

#include "glyph.h"
#include "output.h"

#include <string.h>

enum {
	INDENT = 2
};

/* Columns that these bytes take. */
static size_t columns_of(const char *text, size_t len)
{
	struct glyphs walk;
	struct glyph glyph;
	size_t columns = 0;
	glyphs_init(&walk, text, len);
	while (glyphs_next(&walk, &glyph))
		columns += glyph.columns;
	return columns;
}

static void repeat(FILE *to, char c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)fputc(c, to);
}

void print_caret(FILE *to, const char *text, size_t at, unsigned columns)
{
	size_t len = strlen(text);
	if (at > len || INDENT + columns_of(text, len) >= columns)
		return;
	size_t word = columns_of(text + at, strcspn(text + at, " \t\r\n"));
	repeat(to, ' ', INDENT);
	print_text(to, text);
	(void)fputc('\n', to);
	repeat(to, ' ', INDENT + columns_of(text, at));
	repeat(to, '^', word > 0 ? word : 1);
	(void)fputc('\n', to);
}
