/* SPDX-License-Identifier: Apache-2.0 */
/* Records as rows of a table that is as wide as the screen; its columns are set at the start. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "manner.h"

#include "../../include/trail.h"

#include <stdio.h>

/* How much room a column takes, and what it shows. */
struct table_column {
	const char *head;
	unsigned column;           /* enum column, or one that only a table has */
	size_t least, most, share; /* of what is left over, its share */
	unsigned leaves;           /* the highest gives way first; 0: never */
	size_t width;              /* 0: there is no room for it */
};

struct table {
	FILE *to;
	const struct manner *manner;
	struct table_column columns[COLUMN_COUNT];
	size_t count;
};

/* Share the screen's columns out and print the header. `manner` must outlive the table. */
void table_begin(struct table *t, FILE *to, const struct manner *manner);
void table_row(const struct table *t, const struct trail_entry *n);
/* That was all: say what had no room, where it was asked for by name. */
void table_end(const struct table *t);

#endif
