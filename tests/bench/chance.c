/* SPDX-License-Identifier: Apache-2.0 */
#include "chance.h"

#include <math.h>
#include <stdlib.h>

uint64_t chance_bits(struct chance *c)
{
	uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

unsigned chance_below(struct chance *c, unsigned n)
{
	return (unsigned)(chance_bits(c) % n);
}

double chance_unit(struct chance *c)
{
	return (double)(chance_bits(c) >> 11) * 0x1p-53;
}

bool zipf_make(struct zipf *z, unsigned n, double s)
{
	double total = 0;
	z->n = n;
	z->sum = malloc(n * sizeof *z->sum);
	if (!z->sum)
		return false;
	for (unsigned k = 0; k < n; k++) {
		total += 1.0 / pow(k + 1.0, s);
		z->sum[k] = total;
	}
	return true;
}

void zipf_release(struct zipf *z)
{
	free(z->sum);
	*z = (struct zipf){ 0 };
}

unsigned zipf_draw(const struct zipf *z, struct chance *c)
{
	double at = chance_unit(c) * z->sum[z->n - 1];
	unsigned low = 0;
	unsigned high = z->n - 1;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (z->sum[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
