/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What needs somebody's attention, by what a daemon says of itself: the one place that judges it.
 * All forms of `trail status` say the same.
 */
#ifndef CLI_HEALTH_H
#define CLI_HEALTH_H

#include "../../include/trail.h"

enum {
	HEALTH_KINDS = 11,
	HEALTH_SENTENCE_MAX = 256,
};

/* One kind of trouble; programs know it by `what`, which never changes its meaning. */
struct trouble {
	const char *what;
	bool now;                           /* it is so */
	char sentence[HEALTH_SENTENCE_MAX]; /* what is wrong and what to do; "" unless it is so */
};

/* All kinds, in a fixed order, the gravest first. How many of them are so. */
size_t health_look(const struct trail_status *s, struct trouble all[HEALTH_KINDS]);

#endif
