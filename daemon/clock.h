/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's clocks, and the log's time (FORMATS.md section 2, received_ns): never below that of
 * the record before, except in a DAEMON "clock" entry, which says from where to where the clock
 * went. All but clock_now is pure: is told the time.
 */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CLOCK_JUMP_S = 5,   /* what counts as a jump */
	CLOCK_ENTRY_S = 60, /* at most one entry in so many seconds */
};

/* CLOCK_REALTIME and CLOCK_BOOTTIME, read together, in ns. */
struct instant {
	uint64_t real_ns;
	uint64_t boot_ns;
};

struct log_clock {
	bool started;
	int64_t offset_ns; /* real - boot, when last believed */
	bool entered;
	uint64_t entered_at_ns; /* boot time of the last entry */
};

struct instant clock_now(void);

/*
 * Whether a clock entry is due now, the last record having last_ns: the clock is more than
 * CLOCK_JUMP_S behind the log, or jumped that far against the boot clock since it was last
 * believed. True: *from_ns and *to_ns are set, the entry's received_ns is *to_ns, and the clock
 * is believed from now on.
 */
bool log_clock_jumped(struct log_clock *clock, struct instant now, uint64_t last_ns,
	uint64_t *from_ns, uint64_t *to_ns);

/* What a record taken in at `taken_ns` is stamped with. */
uint64_t log_clock_stamp(uint64_t taken_ns, struct instant now, uint64_t last_ns);

#endif
