/* SPDX-License-Identifier: Apache-2.0 */
/* Counts as lines: how many, of what, and on a terminal a bar, as wide as the screen and no wider.
 */
#ifndef CLI_CHART_H
#define CLI_CHART_H

#include "screen.h"

#include <stdint.h>
#include <stdio.h>

struct chart {
	FILE *to;
	const struct screen *screen;
	uint64_t most;      /* of all lines: the longest bar */
	size_t label_width; /* of the longest label, or of all that has room */
	size_t count_width;
};

/*
 * Begin with lines whose counts are at most `most` and whose labels, as they are shown, have at
 * most `label_columns`. Without a terminal there are no bars, and labels are whole.
 */
void chart_begin(struct chart *c, FILE *to, const struct screen *screen, uint64_t most,
	size_t label_columns);
/* A line; `label` is spelt as glyph.h says. */
void chart_line(const struct chart *c, const char *label, uint64_t count);
/* The columns of a label. */
size_t chart_columns(const char *label);

#endif
