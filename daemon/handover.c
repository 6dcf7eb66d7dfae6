/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static bool take_number(const char *text, long max, long *out)
{
	char *end;
	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out >= 0 && *out <= max;
}

static int count(const char *pid_text, const char *fds_text)
{
	long pid, fds;
	if (!pid_text || !fds_text)
		return 0;
	if (!take_number(pid_text, INT32_MAX, &pid) || pid != (long)getpid())
		return 0;
	return take_number(fds_text, HANDOVER_MAX, &fds) ? (int)fds : -1;
}

int handover_take(void)
{
	int n = count(getenv("LISTEN_PID"), getenv("LISTEN_FDS"));
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	for (int i = 0; i < n; i++)
		if (fcntl(HANDOVER_FIRST + i, F_SETFD, FD_CLOEXEC) != 0)
			return -1;
	return n;
}
