/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

/* Inclusive; the last bucket has none. */
static const uint64_t BOUNDS_NS[HISTOGRAM_BUCKETS - 1] = {
	50 * US,
	100 * US,
	200 * US,
	500 * US,
	1 * MS,
	2 * MS,
	5 * MS,
	10 * MS,
	20 * MS,
	50 * MS,
	100 * MS,
	200 * MS,
	500 * MS,
	1 * S,
	2 * S,
	5 * S,
	10 * S,
};

_Static_assert((int)HISTOGRAM_BUCKETS <= (int)STATUS_BUCKETS_MAX, "an answer holds them");

void histogram_add(struct histogram *h, uint64_t ns)
{
	size_t i = 0;
	while (i < HISTOGRAM_BUCKETS - 1 && ns > BOUNDS_NS[i])
		i++;
	h->in_bucket[i]++;
	h->sum_ns += ns;
}

struct status_times histogram_times(const struct histogram *h)
{
	struct status_times times = { .count = HISTOGRAM_BUCKETS, .sum_ns = h->sum_ns };
	memcpy(times.upto_ns, BOUNDS_NS, sizeof BOUNDS_NS);
	memcpy(times.in_bucket, h->in_bucket, sizeof h->in_bucket);
	return times;
}
