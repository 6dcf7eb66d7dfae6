/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdlib.h>
#include <time.h>

static const int64_t JUMP_NS = (int64_t)CLOCK_JUMP_S * 1000000000;
static const uint64_t ENTRY_NS = (uint64_t)CLOCK_ENTRY_S * 1000000000;

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;
	if (clock_gettime(id, &t) != 0)
		abort();
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct instant clock_now(void)
{
	return (struct instant){
		.real_ns = read_clock(CLOCK_REALTIME),
		.boot_ns = read_clock(CLOCK_BOOTTIME),
	};
}

bool log_clock_jumped(struct log_clock *clock, struct instant now, uint64_t last_ns,
	uint64_t *from_ns, uint64_t *to_ns)
{
	int64_t offset = (int64_t)(now.real_ns - now.boot_ns);
	if (!clock->started) {
		clock->started = true;
		clock->offset_ns = offset;
	}
	int64_t drift = offset - clock->offset_ns;
	bool behind = now.real_ns < last_ns && last_ns - now.real_ns > (uint64_t)JUMP_NS;
	bool jumped = drift > JUMP_NS || drift < -JUMP_NS;
	/* Slow drift (NTP) is no jump, however long it goes on. */
	if (!jumped)
		clock->offset_ns = offset;
	if (!behind && !jumped)
		return false;
	if (clock->entered && now.boot_ns - clock->entered_at_ns < ENTRY_NS)
		return false;
	*from_ns = jumped ? now.real_ns - (uint64_t)drift : last_ns;
	*to_ns = now.real_ns;
	clock->offset_ns = offset;
	clock->entered = true;
	clock->entered_at_ns = now.boot_ns;
	return true;
}

uint64_t log_clock_stamp(uint64_t taken_ns, struct instant now, uint64_t last_ns)
{
	/* Taken in before the clock was set back: the old time would drag the log ahead again. */
	uint64_t ns = taken_ns < now.real_ns ? taken_ns : now.real_ns;
	return ns > last_ns ? ns : last_ns;
}
