/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that came from outside, character by character, as it may be shown: each is one glyph, and
 * what a terminal or a reader's eye would obey instead of show is spelt out in ASCII.
 *
 *	control (C0, DEL, C1), bidi, line and paragraph separators, tags, byte order mark,
 *	a character of no known width, in a locale that is not UTF-8 all above ASCII	\u{hex}
 *	a mark that would attach to what stands before the text, or the fifth in a row	\u{hex}
 *	a byte that is not UTF-8							\x{hex}
 */
#ifndef CLI_GLYPH_H
#define CLI_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GLYPH_MARKS_MAX = 4, /* of no width, in a row; more than any script or emoji stacks */
	GLYPH_TEXT_MAX = 16, /* "\u{10ffff}" and a NUL */
};

enum glyph_sort {
	GLYPH_PLAIN, /* as it came */
	GLYPH_SPELT, /* as \u{hex} */
	GLYPH_BYTE,  /* as \x{hex}; point is the byte */
};

struct glyph {
	enum glyph_sort sort;
	uint32_t point;
	unsigned columns; /* 0: a mark on the glyph before */
	size_t len;
	char text[GLYPH_TEXT_MAX];
};

/* A text on its way. */
struct glyphs {
	const uint8_t *at;
	size_t len;
	const char *also; /* ASCII characters to be spelt as well; NULL: none */
	bool utf8;
	bool base;      /* the glyph before is one that a mark may stand on */
	unsigned marks; /* in a row, up to here */
};

/* Begin at the front of `text`, which must outlive the walk. */
void glyphs_init(struct glyphs *g, const char *text, size_t len);
/* The next one. False: the text is at its end. */
bool glyphs_next(struct glyphs *g, struct glyph *glyph);

#endif
