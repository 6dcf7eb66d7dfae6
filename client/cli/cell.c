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

static void put_dots(FILE *to, bool utf8, size_t dots)
{
	if (dots != 0)
		(void)fprintf(to, "%.*s", utf8 ? 3 : (int)dots, utf8 ? "\xe2\x80\xa6" : "...");
}

static size_t count_dots(bool utf8, size_t limit)
{
	size_t dots = utf8 ? 1 : 3;
	return dots < limit ? dots : limit;
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
		dots = count_dots(g.utf8, limit);
		count = count_fitting(g, limit - dots);
	}
	for (; count > 0 && glyphs_next(&g, &glyph); count--) {
		(void)fwrite(glyph.text, 1, glyph.len, to);
		columns += glyph.columns;
	}
	put_dots(to, g.utf8, dots);
	return columns + dots;
}

size_t print_cell_end(FILE *to, const char *text, size_t limit)
{
	struct glyphs g;
	struct glyph glyph;
	size_t all = 0, passed = 0, columns = 0;
	glyphs_init(&g, text, strlen(text));
	if (count_fitting(g, limit) == SIZE_MAX)
		return print_cell(to, text, limit, NULL);
	for (struct glyphs ahead = g; glyphs_next(&ahead, &glyph);)
		all += glyph.columns;
	size_t dots = count_dots(g.utf8, limit);
	put_dots(to, g.utf8, dots);
	while (glyphs_next(&g, &glyph)) {
		/* A mark whose letter is passed is passed with it. */
		if (all - passed > limit - dots || (columns == 0 && glyph.columns == 0)) {
			passed += glyph.columns;
			continue;
		}
		(void)fwrite(glyph.text, 1, glyph.len, to);
		columns += glyph.columns;
	}
	return columns + dots;
}
