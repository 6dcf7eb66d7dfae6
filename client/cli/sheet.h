/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as lines of CSV: one cell for each field of `trail import --format csv`, and for the
 * record's own. Changes and attributes, which are lists, have a cell only where they are picked.
 *
 * An answer has one column more, the last: its name is the question, and its cell in the last line
 * says how complete the answer is. So the file tells what it is, and a file that was cut lacks that
 * cell, while each line has as many cells as the header, and each line but the header is a record.
 * Where the end is told is known at the end alone, so a line is ended when the next one begins.
 */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "manner.h"

#include "../../include/trail.h"

#include <stdio.h>

/* The names of the cells. */
void sheet_head(FILE *to, const struct manner *m);
void sheet_row(FILE *to, const struct manner *m, const struct trail_entry *n);
/* That was all. `complete` NULL: the answer did not come to its end; `rows`: there were any. */
void sheet_end(FILE *to, const struct manner *m, bool rows, const char *complete);

#endif
