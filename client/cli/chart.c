/* SPDX-License-Identifier: Apache-2.0 */
#include "chart.h"

#include "cell.h"
#include "glyph.h"

#include <string.h>

enum {
	LABEL_LEAST = 8,
	BAR_LEAST = 8,
	BAR_MOST = 60,
	EIGHTHS = 8,
	NUMBER_MAX = 24,
};

size_t chart_columns(const char *label)
{
	struct glyphs g;
	struct glyph glyph;
	size_t columns = 0;
	glyphs_init(&g, label, strlen(label));
	while (glyphs_next(&g, &glyph))
		columns += glyph.columns;
	return columns;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void chart_begin(
	struct chart *c, FILE *to, const struct screen *screen, uint64_t most, size_t label_columns)
{
	char number[NUMBER_MAX];
	int digits = snprintf(number, sizeof number, "%llu", (unsigned long long)most);
	*c = (struct chart){ .to = to, .screen = screen, .most = most };
	c->count_width = (size_t)digits;
	c->label_width = label_columns;
	size_t taken = c->count_width + 2 + BAR_LEAST;
	size_t room = screen->columns > taken + LABEL_LEAST ? screen->columns - taken : LABEL_LEAST;
	if (screen->terminal)
		c->label_width = min(label_columns, room);
}

static void put_blocks(const struct chart *c, uint64_t eighths)
{
	/* U+2588, and U+258F to U+2589 for one to seven eighths of it. */
	for (; eighths >= EIGHTHS; eighths -= EIGHTHS)
		(void)fputs("\xe2\x96\x88", c->to);
	if (eighths != 0)
		(void)fprintf(c->to, "\xe2\x96%c", (char)(0x90 - (int)eighths));
}

/* What is there is seen: no count but 0 is without a bar. */
static void put_bar(const struct chart *c, uint64_t count, size_t width)
{
	bool utf8 = screen_utf8();
	uint64_t units = (uint64_t)width * (utf8 ? EIGHTHS : 1);
	uint64_t length =
		(uint64_t)((long double)count / (long double)c->most * (long double)units);
	length = length < units ? length : units;
	if (length == 0)
		length = 1;
	if (utf8)
		put_blocks(c, length);
	for (; !utf8 && length > 0; length--)
		(void)fputc('#', c->to);
}

void chart_line(const struct chart *c, const char *label, uint64_t count)
{
	size_t taken = c->count_width + 1 + c->label_width + 1;
	size_t width = c->screen->columns > taken ? min(c->screen->columns - taken, BAR_MOST) : 0;
	bool bar = c->screen->terminal && count != 0 && width != 0;
	(void)fprintf(c->to, "%*llu ", (int)c->count_width, (unsigned long long)count);
	size_t shown = label[0] == '/' ? print_cell_end(c->to, label, c->label_width)
				       : print_cell(c->to, label, c->label_width, NULL);
	if (bar) {
		(void)fprintf(c->to, "%*s", (int)(c->label_width - shown + 1), "");
		put_bar(c, count, width);
	}
	(void)fputc('\n', c->to);
}
