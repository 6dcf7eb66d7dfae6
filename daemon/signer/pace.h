/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast seals may follow one another, and how long heads are signed without one (FORMATS.md
 * section 6). Whoever owns traild must neither use up the seals nor leave the log unsealed, so the
 * signer measures for itself, by CLOCK_BOOTTIME. Pure: is told the time.
 */
#ifndef SIGNER_PACE_H
#define SIGNER_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PACE_LATE_HEADS = 16,       /* signed once the open epoch is older than seal_max */
	PACE_SAME_BOOT_S = 5,       /* what the two clocks may drift apart, and */
	PACE_SAME_BOOT_SHARE = 500, /* one part in so many of the time between */
};

/* A log's seal_max: two epochs of a second at least; below 2^62 so that sums cannot overflow. */
#define PACE_MAX_NS_MIN UINT64_C(2000000000)
#define PACE_MAX_NS_MAX (UINT64_C(1) << 62)

/* CLOCK_REALTIME and CLOCK_BOOTTIME, read together. */
struct pace_time {
	uint64_t real_ns;
	uint64_t boot_ns;
};

struct pace {
	uint64_t max_ns; /* seal_max: two epochs */
	bool known;      /* when the last seal was made */
	uint64_t
		opened_ns; /* boot time when the open epoch began; !known: when it was first seen */
	unsigned late;     /* heads signed since it is older than max_ns */
};

/*
 * From a start on: `last` is when the last seal was made ({0}: none was). It counts when the
 * machine was not started anew since, which shows in how far the two clocks lie apart.
 */
void pace_begin(struct pace *p, uint64_t max_ns, struct pace_time last, struct pace_time now);
/* How long until the next seal may be asked for: a quarter epoch after the last. 0: now. */
uint64_t pace_wait_ns(const struct pace *p, uint64_t boot_ns);
/* Whether one more head may be signed. */
bool pace_may_sign(const struct pace *p, uint64_t boot_ns);
/* One was signed. */
void pace_signed(struct pace *p, uint64_t boot_ns);
/* A seal was made: another epoch is open. */
void pace_sealed(struct pace *p, uint64_t boot_ns);

#endif
