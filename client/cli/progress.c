/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "screen.h"

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

void progress_init(struct progress *p, uint64_t total, const char *unit)
{
	*p = (struct progress){
		.shown = isatty(STDERR_FILENO) == 1,
		.utf8 = screen_utf8(),
		.total = total,
		.unit = unit,
		.next_ms = now_ms() + STEP_MS,
	};
}

void progress_show(struct progress *p, uint64_t done, uint64_t count)
{
	if (!p->shown || now_ms() < p->next_ms)
		return;
	p->next_ms = now_ms() + STEP_MS;
	p->drawn = true;
	(void)fputc('\r', stderr);
	if (p->total != 0) {
		uint64_t percent =
			done >= p->total ? 100 : (uint64_t)((double)done / (double)p->total * 100);
		(void)fputc('[', stderr);
		for (unsigned i = 0; i < WIDTH; i++) {
			bool full = (uint64_t)i * 100 < percent * WIDTH;
			if (p->utf8)
				(void)fputs(full ? "\xe2\x96\x88" : "\xe2\x96\x91", stderr);
			else
				(void)fputc(full ? '#' : '.', stderr);
		}
		(void)fprintf(stderr, "] %3llu %%  ", (unsigned long long)percent);
	}
	(void)fprintf(stderr, "%llu %s", (unsigned long long)count, p->unit);
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		(void)fprintf(stderr, "\r%*s\r", WIDTH + 40, "");
	p->drawn = false;
}
