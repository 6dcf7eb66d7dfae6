/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, and many measurements of it. Latencies are kept one by one, so percentiles are exact.
 */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC and CLOCK_REALTIME, in ns. */
uint64_t monotonic_ns(void);
int64_t realtime_ns(void);
/* CPU time of this process so far, in ns. */
uint64_t cpu_ns(void);

struct latencies {
	uint64_t *ns;
	size_t count;
	size_t cap;
};

/* Room for `cap` measurements. False: memory is out. */
bool latencies_make(struct latencies *l, size_t cap);
void latencies_release(struct latencies *l);
/* Beyond `cap` a measurement is dropped. */
void latencies_add(struct latencies *l, uint64_t ns);
/* Sort; then latencies_us may be asked. */
void latencies_sort(struct latencies *l);
/* The `percent`-th percentile by nearest rank, in microseconds; 0 when there is none. */
double latencies_us(const struct latencies *l, double percent);

#endif
