/* SPDX-License-Identifier: Apache-2.0 */
#include "stopwatch.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t monotonic_ns(void)
{
	return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

int64_t realtime_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t cpu_ns(void)
{
	return (uint64_t)read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

bool latencies_make(struct latencies *l, size_t cap)
{
	*l = (struct latencies){ .ns = calloc(cap, sizeof *l->ns), .cap = cap };
	return l->ns != NULL;
}

void latencies_release(struct latencies *l)
{
	free(l->ns);
	*l = (struct latencies){ 0 };
}

void latencies_add(struct latencies *l, uint64_t ns)
{
	if (l->count < l->cap)
		l->ns[l->count++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void latencies_sort(struct latencies *l)
{
	qsort(l->ns, l->count, sizeof *l->ns, compare);
}

double latencies_us(const struct latencies *l, double percent)
{
	if (l->count == 0)
		return 0;
	size_t rank = (size_t)ceil(percent / 100 * (double)l->count);
	return (double)l->ns[rank == 0 ? 0 : rank - 1] / 1000;
}
