/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"

#include "glyph.h"

#include <string.h>

/*
 * How many glyphs fit in `limit` columns; SIZE_MAX: all of them. `g` is a copy: the caller's walk
 * stays where it is.
 */
static size_t count_fitting(struct glyphs g, size_t limit)
{
	struct glyph glyph;
	size_t count = 0, columns = 0;
	while (glyphs_next(&g, &glyph)) {
		columns += glyph.columns;
		if (columns > limit)
			return count;
		count++;
	}
	return SIZE_MAX;
}

size_t print_cell(FILE *to, const char *text, size_t limit, const char *also)
{
	struct glyphs g;
	struct glyph glyph;
	size_t columns = 0, dots = 0;
	glyphs_init(&g, text, strlen(text));
	g.also = also;
	size_t count = count_fitting(g, limit);
	if (count != SIZE_MAX) {
		dots = g.utf8 ? 1 : 3;
		dots = dots < limit ? dots : limit;
		count = count_fitting(g, limit - dots);
	}
	for (; count > 0 && glyphs_next(&g, &glyph); count--) {
		(void)fwrite(glyph.text, 1, glyph.len, to);
		columns += glyph.columns;
	}
	if (dots != 0)
		(void)fprintf(to, "%.*s", g.utf8 ? 3 : (int)dots, g.utf8 ? "\xe2\x80\xa6" : "...");
	return columns + dots;
}
