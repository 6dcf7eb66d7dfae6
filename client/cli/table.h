/* SPDX-License-Identifier: Apache-2.0 */
/* Records as rows of a table that is as wide as the screen; its columns are set at the start. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "screen.h"

#include "../../include/trail.h"

#include <stdio.h>

enum table_column {
	TABLE_INDEX,
	TABLE_TIME,
	TABLE_ACTOR,
	TABLE_ACTION,
	TABLE_OBJECT,
	TABLE_SUBJECT,
	TABLE_OUTCOME,
	TABLE_SOURCE,
	TABLE_COLUMNS
};

struct table {
	FILE *to;
	const struct screen *screen;
	bool utc;
	size_t widths[TABLE_COLUMNS]; /* 0: there is no room for it */
};

/* Share the screen's columns out and print the header. `screen` must outlive the table. */
void table_begin(struct table *t, FILE *to, const struct screen *screen, bool utc);
void table_row(const struct table *t, const struct trail_entry *n);

#endif
