/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as lines of CSV: one cell for each field of `trail import --format csv`, and for the
 * record's own. Changes and attributes, which are lists, have no cell.
 */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "../../include/trail.h"

#include <stdio.h>

/* The names of the cells. */
void sheet_head(FILE *to);
void sheet_row(FILE *to, const struct trail_entry *n);

#endif
