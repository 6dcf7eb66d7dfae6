/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager hears of the writer while it runs: that it works (WATCHDOG=1), and how
 * far it is (STATUS=). Told by the writer thread itself and after its work alone, so that a commit
 * that hangs, and nothing else, makes it fall silent.
 */
#ifndef DAEMON_PULSE_H
#define DAEMON_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct pulse {
	const char *log;    /* its name, for STATUS */
	uint64_t feed_ns;   /* between two WATCHDOG=1; 0: nobody waits for it */
	uint64_t fed_ns;    /* boot time of the last one */
	uint64_t told_ns;   /* of the last STATUS */
	uint64_t size_told; /* what it said */
	uint64_t rate_told; /* records a second */
	bool full_told;
};

/* From now on; `log` must stay. `watchdog_ms` as of notify_watchdog_ms. */
void pulse_start(
	struct pulse *pulse, const char *log, unsigned watchdog_ms, uint64_t now_ns, uint64_t size);
/*
 * The writer did what there was to do: `size` records are signed, `full` says that events are
 * refused for want of room. Tells what is due.
 */
void pulse_beat(struct pulse *pulse, uint64_t now_ns, uint64_t size, bool full);
/* Beat again within so many ms, even if there is nothing to do; `max_ms` at the most. */
int pulse_wait_ms(const struct pulse *pulse, uint64_t now_ns, uint64_t size, int max_ms);

#endif
