/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that look random and are the same for the same seed: SplitMix64 (Steele, Lea, Flood,
 * OOPSLA 2014). Not for keys.
 */
#ifndef BENCH_CHANCE_H
#define BENCH_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
	uint64_t state; /* the seed, at first */
};

uint64_t chance_bits(struct chance *c);
/* 0 .. n - 1; the bias of the remainder is below 2^-40 for every n used here. */
unsigned chance_below(struct chance *c, unsigned n);
/* In [0, 1). */
double chance_unit(struct chance *c);

/* P(k) ~ 1 / (k + 1)^s for k = 0 .. n - 1, as cumulative sums. */
struct zipf {
	unsigned n;
	double *sum;
};

/* False: memory is out. */
bool zipf_make(struct zipf *z, unsigned n, double s);
void zipf_release(struct zipf *z);
unsigned zipf_draw(const struct zipf *z, struct chance *c);

#endif
