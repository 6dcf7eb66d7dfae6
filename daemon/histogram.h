/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long something took, sorted into fixed buckets: 1, 2, 5 a decade from 50 us to 10 s, and one
 * without a bound. One thread; to show it to another, copy it under a lock.
 */
#ifndef DAEMON_HISTOGRAM_H
#define DAEMON_HISTOGRAM_H

#include "../proto/message.h"

enum {
	HISTOGRAM_BUCKETS = 18
};

/* All zero is empty. */
struct histogram {
	uint64_t in_bucket[HISTOGRAM_BUCKETS];
	uint64_t sum_ns;
};

void histogram_add(struct histogram *h, uint64_t ns);
/* As Status answers it. */
struct status_times histogram_times(const struct histogram *h);

#endif
