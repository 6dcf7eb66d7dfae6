/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to rows, in the form that -o names, one by one as they come:
 *
 *	struct render r;
 *	if (render_open(&r, cli->output, &manner, stdout))
 *		while (... trail_entry *n ... && render_row(&r, n))
 *			;
 *	render_end(&r, "142 events ...");
 *
 * Times are in the reader's zone (or UTC) in short and table, always UTC in json and csv.
 */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include "manner.h"
#include "table.h"

struct form;

struct render {
	const struct form *form;
	const struct manner *manner;
	FILE *to;
	bool rows;          /* there was one */
	struct table table; /* of the form of that name */
};

/* The names of the forms, the default first, NULL behind the last: for struct cli. */
extern const char *const RENDER_FORMS[];

/* Whether --fields can choose what the form of that name shows. */
bool render_picks(const char *form);
/*
 * Begin in the form of that name, with a header line if it has one.
 * `manner` and `to` must outlive it. False: there is no form of that name.
 */
bool render_open(struct render *r, const char *form, const struct manner *manner, FILE *to);
/* Go on elsewhere, without another header. */
void render_to(struct render *r, FILE *to);
/* One row. False: it cannot be written, and no other can; main says why, if it must be said. */
bool render_row(struct render *r, const struct trail_entry *n);
/* That was all. `complete` says how complete the answer is; NULL: it did not come to its end. */
void render_end(struct render *r, const char *complete);

#endif
