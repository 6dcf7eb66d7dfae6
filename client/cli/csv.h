/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of lines of CSV (RFC 4180, without line breaks in cells), in and out. */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	CSV_CELLS_MAX = 64
};

/*
 * Split `line` in place; cells[i] views it. -1: more cells than CSV_CELLS_MAX, or quotes that do
 * not pair. Else the number of cells.
 */
int csv_split(char *line, char *cells[CSV_CELLS_MAX]);
/*
 * Write one cell; NULL is an empty one. What must not be shown is spelt as glyph.h says, so no line
 * breaks. A cell that a spreadsheet would evaluate, because it begins with = + - @ (behind spaces
 * and tabs, too) is quoted and begins with an apostrophe. Such a sign behind a semicolon, at which
 * spreadsheets of some countries part cells, is spelt.
 */
void csv_put(FILE *to, const char *text);

#endif
