/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside in a number of columns. Cut between glyphs, never inside one. */
#ifndef CLI_CELL_H
#define CLI_CELL_H

#include <stddef.h>
#include <stdio.h>

/*
 * Print `text` as glyphs in at most `limit` columns; what does not fit ends in an ellipsis, which
 * counts. `also` is spelt as in glyph.h. Answers the columns that were taken.
 */
size_t print_cell(FILE *to, const char *text, size_t limit, const char *also);
/* The same, but of a text that is too long the end is shown, behind the ellipsis. */
size_t print_cell_end(FILE *to, const char *text, size_t limit);

#endif
