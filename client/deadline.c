/* SPDX-License-Identifier: Apache-2.0 */
#include "deadline.h"

#include <limits.h>
#include <poll.h>
#include <time.h>

enum {
	PAUSE_MS = 5
};

static int64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t deadline_in(int timeout_ms)
{
	return now_ms() + timeout_ms;
}

int deadline_left(int64_t deadline)
{
	int64_t left = deadline - now_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void deadline_pause(int64_t deadline)
{
	int left = deadline_left(deadline);
	(void)poll(NULL, 0, left < PAUSE_MS ? left : PAUSE_MS);
}

int64_t clock_wall_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
