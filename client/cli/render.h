/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to rows, in the form that -o names, one by one as they come:
 *
 *	struct render r;
 *	if (render_open(&r, cli->output, &cli->screen, cli->utc, stdout))
 *		while (... trail_entry *n ... && render_row(&r, n))
 *			;
 *
 * Nothing is left to do behind the last row.
 *
 * Times are in the reader's zone (or UTC) in short and table, always UTC in json and csv.
 */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include "table.h"

struct form;

struct render {
	const struct form *form;
	const struct screen *screen;
	FILE *to;
	bool utc;
	struct table table; /* of the form of that name */
};

/* The names of the forms, the default first, NULL behind the last: for struct cli. */
extern const char *const RENDER_FORMS[];

/*
 * Begin in the form of that name, with a header line if it has one.
 * `screen` and `to` must outlive it. False: there is no form of that name.
 */
bool render_open(
	struct render *r, const char *form, const struct screen *screen, bool utc, FILE *to);
/* Go on elsewhere, without another header. */
void render_to(struct render *r, FILE *to);
/* One row. False: it cannot be written, and no other can; main says why, if it must be said. */
bool render_row(struct render *r, const struct trail_entry *n);

#endif
