/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of one line of CSV (RFC 4180, without line breaks in cells). */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CSV_CELLS_MAX = 64
};

/*
 * Split `line` in place; cells[i] views it. -1: more cells than CSV_CELLS_MAX, or quotes that do
 * not pair. Else the number of cells.
 */
int csv_split(char *line, char *cells[CSV_CELLS_MAX]);

#endif
