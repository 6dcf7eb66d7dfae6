/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	PROGRESS_S = 5, /* between two words about progress */
	EXTEND_S = 30,  /* that each of them asks for */
};

void notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	if (!path || (path[0] != '/' && path[0] != '@'))
		return;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	if (len >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, len);
	/* An abstract name is written with '@' and begins with NUL on the socket (unix(7)). */
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* The writer says things here: a manager that does not read may not stop the log. */
	const struct timeval patience = { .tv_sec = 1 };
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, to_len);
	(void)close(fd);
}

void notify_extend(unsigned seconds)
{
	char text[64];
	(void)snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%u000000", seconds);
	notify_manager(text);
}

void notify_progress(void)
{
	static time_t said;
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (said == 0)
		said = now.tv_sec;
	if (now.tv_sec - said < PROGRESS_S)
		return;
	said = now.tv_sec;
	notify_extend(EXTEND_S);
}

/* 0: not a number. */
static unsigned long long number(const char *text)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	return errno != 0 || end == text || *end != '\0' ? 0 : n;
}

unsigned notify_watchdog_ms(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	const char *usec = getenv("WATCHDOG_USEC");
	if (!usec || (pid && number(pid) != (unsigned long long)getpid()))
		return 0;
	unsigned long long ms = number(usec) / 2000;
	return ms > INT_MAX ? INT_MAX : (unsigned)ms;
}
