/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <signal.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void task_begin(struct task *task, const char *unit, bool quiet)
{
	struct sigaction sa = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };
	*task = (struct task){ .unit = unit, .quiet = quiet };
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
}

bool task_step(void *ctx, uint64_t done, uint64_t total)
{
	struct task *task = ctx;
	if (!task->quiet) {
		if (!task->shown)
			progress_init(&task->bar, total, task->unit);
		task->shown = true;
		progress_show(&task->bar, done, done);
	}
	return !interrupted;
}

void task_end(struct task *task)
{
	if (task->shown)
		progress_clear(&task->bar);
	task->shown = false;
}
