/* SPDX-License-Identifier: Apache-2.0 */
/* A bar on standard error, when that is a terminal. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown; /* standard error is a terminal */
	bool drawn;
	bool utf8;
	uint64_t total;   /* of what `done` counts; 0: not known */
	const char *unit; /* of what `count` counts: "events" */
	int64_t next_ms;
};

/* `unit` must outlive the bar. */
void progress_init(struct progress *p, uint64_t total, const char *unit);
/* `done` of the total, `count` units so far. Draws ten times a second at the most. */
void progress_show(struct progress *p, uint64_t done, uint64_t count);
/* Remove the bar. */
void progress_clear(struct progress *p);

#endif
