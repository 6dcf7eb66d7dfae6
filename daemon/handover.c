/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NUMBER_MAX = 1 << 20, /* more than any process may have open */
};

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

bool handover_number(const char *text, int *fd)
{
	long number;
	if (!take_number(text, NUMBER_MAX, &number))
		return false;
	*fd = (int)number;
	return true;
}

bool handover_is(int fd, int option, int value)
{
	int got = -1;
	socklen_t len = sizeof got;
	return getsockopt(fd, SOL_SOCKET, option, &got, &len) == 0 && got == value;
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
