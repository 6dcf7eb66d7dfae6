/* SPDX-License-Identifier: Apache-2.0 */
/* How rows are shown, whatever their form: the reader's screen, language, zone and choice. */
#ifndef CLI_MANNER_H
#define CLI_MANNER_H

#include "catalogue.h"
#include "cli.h"
#include "column.h"
#include "screen.h"

struct manner {
	const struct screen *screen;
	const struct catalogue *words;
	bool utc;
	struct pick pick; /* the fields that --fields names; none: those that the form has */
	const char
		*question; /* of the answer that the rows are, for the head of a CSV; NULL: none */
	bool each_at_once; /* who reads waits for each row: no line is left unended */
};

/* As the common options say; lives as long as `cli`. */
struct manner manner_of(const struct cli *cli);

#endif
