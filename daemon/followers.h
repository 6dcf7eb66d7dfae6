/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that follow the log and have nothing to show yet: they wait here until the log grew
 * or their time is over, and hold no thread and no transaction. Loop thread only.
 */
#ifndef DAEMON_FOLLOWERS_H
#define DAEMON_FOLLOWERS_H

#include "errand.h"

struct followers {
	struct errand *first;
};

/* Let `errand`, whose op was answered with an empty page, wait until errand->until_ns. */
void followers_add(struct followers *all, struct errand *errand);
/*
 * Take out one whose page was of a smaller log than `size`: it is to be asked again, from where its
 * page ended. NULL: none.
 */
struct errand *followers_grown(struct followers *all, uint64_t size);
/* When the first of them is due; UINT64_MAX: nobody waits. */
uint64_t followers_soonest(const struct followers *all);
/* Take out one that waits until `now_ns` at the most: its page leaves empty. NULL: none. */
struct errand *followers_due(struct followers *all, uint64_t now_ns);

#endif
