/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	STEP_MS = 100,
	WIDTH = 40
};

static int64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void progress_init(struct progress *p, uint64_t total)
{
	*p = (struct progress){
		.shown = isatty(STDERR_FILENO) == 1,
		.total = total,
		.next_ms = now_ms() + STEP_MS,
	};
}

void progress_show(struct progress *p, uint64_t done, uint64_t count)
{
	char bar[WIDTH + 1];
	if (!p->shown || now_ms() < p->next_ms)
		return;
	p->next_ms = now_ms() + STEP_MS;
	p->drawn = true;
	if (p->total == 0) {
		(void)fprintf(stderr, "\r%llu events", (unsigned long long)count);
		return;
	}
	uint64_t percent =
		done >= p->total ? 100 : (uint64_t)((double)done / (double)p->total * 100);
	for (unsigned i = 0; i < WIDTH; i++)
		bar[i] = i * 100 < percent * WIDTH ? '#' : '.';
	bar[WIDTH] = '\0';
	(void)fprintf(stderr, "\r[%s] %3llu %%  %llu events", bar, (unsigned long long)percent,
		(unsigned long long)count);
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		(void)fprintf(stderr, "\r%*s\r", WIDTH + 40, "");
	p->drawn = false;
}
