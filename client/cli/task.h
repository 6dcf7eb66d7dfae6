/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something that takes long, with a bar while it goes on, and an end where the user wants one:
 *
 *	struct task task;
 *	task_begin(&task, "records", quiet);
 *	... (task_step, &task) ...
 *	task_end(&task);
 */
#ifndef CLI_TASK_H
#define CLI_TASK_H

#include "progress.h"

struct task {
	struct progress bar;
	const char *unit;
	bool quiet;
	bool shown;
};

/* From here on an interrupt asks it to stop, once; a second one ends the program as usual. */
void task_begin(struct task *task, const char *unit, bool quiet);
/* For the library, with the task as ctx: `done` of `total` units. False: stop. */
bool task_step(void *ctx, uint64_t done, uint64_t total);
/* Remove the bar. */
void task_end(struct task *task);

#endif
