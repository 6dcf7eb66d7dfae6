/* SPDX-License-Identifier: Apache-2.0 */
/* How complete an answer is, which stands under every one. */
#ifndef CLI_COMPLETENESS_H
#define CLI_COMPLETENESS_H

#include "catalogue.h"

#include "../../include/trail.h"

#include <stdbool.h>

struct completeness {
	uint64_t matched, gaps, size, witnessed;
	uint32_t sources, current;
	const char *method;
};

struct completeness completeness_of_rows(const struct trail_rows *r);
struct completeness completeness_of_report(const struct trail_report *r);
/*
 * "142 events - 6 of 6 sources current - 0 gaps - scan - checkpoint 9911205 - witnessed 9911010",
 * with `dot` between them, and a line more where something is missing.
 */
void completeness_put(
	FILE *to, const struct catalogue *c, const struct completeness *r, const char *dot);
/* "showing 1,000 of 48,211; " and what to do about it. */
void completeness_put_part(
	FILE *to, const struct catalogue *c, uint64_t shown, uint64_t all, const char *advice);
/* "2 of 2 rows, 6 of 6 sources ...", the cell of a CSV: for files, in no language but English.
 * NULL: memory is out. To be freed. */
char *completeness_cell(
	const struct completeness *r, const char *unit, uint64_t shown, uint64_t all);
/* Nothing is known to be missing. */
bool completeness_whole(const struct completeness *r);

#endif
