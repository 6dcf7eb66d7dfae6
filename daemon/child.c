/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The child, between fork and exec: async-signal-safe calls only. Signals that threads of ours
 * block would stay blocked in the program.
 */
_Noreturn static void run(int fd, pid_t parent, const char *const argv[])
{
	sigset_t none;
	(void)sigemptyset(&none);
	/* Two steps, because dup2 of 3 to 3 would leave it close-on-exec. */
	const int high = fcntl(fd, F_DUPFD, CHILD_FD + 1);
	const int null = open("/dev/null", O_RDWR);
	bool ok = high >= 0 && dup2(high, CHILD_FD) >= 0;
	ok = ok && null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
	ok = ok && close_range(CHILD_FD + 1, ~0U, 0) == 0;
	ok = ok && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
	ok = ok && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
	/* The parent may have died before prctl took hold. */
	if (ok && getppid() == parent)
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(CHILD_NOT_RUN);
}

static enum trail_err complain(char why[CHILD_WHY_LEN], const char *what)
{
	const char *text = strerrordesc_np(errno);
	(void)snprintf(why, CHILD_WHY_LEN, "%s: %s", what, text ? text : "unknown error");
	return TRAIL_IO;
}

enum trail_err child_start(const char *const argv[], struct child *child, char why[CHILD_WHY_LEN])
{
	int pair[2];
	*child = (struct child){ .fd = -1, .gone_fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return complain(why, "socketpair");
	const pid_t parent = getpid();
	const pid_t pid = fork();
	if (pid == 0)
		run(pair[1], parent, argv);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return complain(why, "fork");
	}
	child->pid = pid;
	child->fd = pair[0];
	/* Not reaped by anybody else, so the number cannot have been given away. */
	child->gone_fd = pidfd_open(pid, 0);
	if (child->gone_fd >= 0)
		return TRAIL_OK;
	const enum trail_err err = complain(why, "pidfd_open");
	child_end(child, 0);
	return err;
}

static bool ended(const struct child *child, int patience_ms)
{
	struct pollfd p = { .fd = child->gone_fd, .events = POLLIN };
	return child->gone_fd >= 0 && poll(&p, 1, patience_ms) > 0;
}

void child_end(struct child *child, int patience_ms)
{
	if (child->pid <= 0)
		return;
	(void)close(child->fd);
	if (!ended(child, patience_ms))
		(void)kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (child->gone_fd >= 0)
		(void)close(child->gone_fd);
	*child = (struct child){ .fd = -1, .gone_fd = -1 };
}
