/* SPDX-License-Identifier: Apache-2.0 */
#include "glyph.h"

#include "screen.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

/*
 * The character at the front of `text` (RFC 3629): its length and code point. 0: not UTF-8.
 */
static size_t take_character(const uint8_t *text, size_t len, uint32_t *point)
{
	static const uint32_t LEAST[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = text[0];
	size_t size = first < 0x80       ? 1
		: (first & 0xe0) == 0xc0 ? 2
		: (first & 0xf0) == 0xe0 ? 3
		: (first & 0xf8) == 0xf0 ? 4
					 : 0;
	if (size == 0 || size > len)
		return 0;
	uint32_t p = size == 1 ? first : first & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		p = p << 6 | (text[i] & 0x3f);
	}
	if (p < LEAST[size] || p > 0x10ffff || (p >= 0xd800 && p <= 0xdfff))
		return 0;
	*point = p;
	return size;
}

/* What a terminal or a reader's eye may obey instead of show. */
static bool dangerous(uint32_t p)
{
	if (p < 0x20 || (p >= 0x7f && p < 0xa0))
		return true;
	/* Bidi controls, line and paragraph separators, the byte order mark, tags. */
	return p == 0x061c || p == 0x200e || p == 0x200f || (p >= 0x2028 && p <= 0x202e) ||
		(p >= 0x2066 && p <= 0x2069) || p == 0xfeff || (p >= 0xe0000 && p <= 0xe007f);
}

/* Whether the character may be shown as it is, in this place; `columns` is its width, or -1. */
static bool showable(const struct glyphs *g, uint32_t p, int columns)
{
	if (dangerous(p))
		return false;
	if (p >= 0x80 && !g->utf8)
		return false;
	if (p < 0x80 && g->also && strchr(g->also, (int)p))
		return false;
	if (columns == 0)
		return g->base && g->marks < GLYPH_MARKS_MAX;
	return columns > 0;
}

void glyphs_init(struct glyphs *g, const char *text, size_t len)
{
	*g = (struct glyphs){ .at = (const uint8_t *)text, .len = len, .utf8 = screen_utf8() };
}

bool glyphs_next(struct glyphs *g, struct glyph *glyph)
{
	if (g->len == 0)
		return false;
	uint32_t point = g->at[0];
	size_t size = take_character(g->at, g->len, &point);
	int columns = point < 0x80 ? 1 : wcwidth((wchar_t)point);
	glyph->point = point;
	glyph->sort = size == 0               ? GLYPH_BYTE
		: showable(g, point, columns) ? GLYPH_PLAIN
					      : GLYPH_SPELT;
	if (glyph->sort == GLYPH_PLAIN) {
		memcpy(glyph->text, g->at, size);
		glyph->len = size;
		glyph->columns = (unsigned)columns;
		g->marks = columns == 0 ? g->marks + 1 : 0;
	} else {
		glyph->len = (size_t)snprintf(glyph->text, sizeof glyph->text, "\\%c{%x}",
			glyph->sort == GLYPH_BYTE ? 'x' : 'u', point);
		glyph->columns = (unsigned)glyph->len;
	}
	g->base = glyph->sort == GLYPH_PLAIN;
	if (size == 0)
		size = 1;
	g->at += size;
	g->len -= size;
	return true;
}
