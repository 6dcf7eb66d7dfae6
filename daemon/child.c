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

enum {
	CHILD_NOT_RUN = 127,
	REPORT_FD = CHILD_FD + 1, /* the child's: closed by exec, which is how it tells of it */
};

/*
 * The child, between fork and exec: async-signal-safe calls only. Signals that threads of ours
 * block would stay blocked in the program.
 */
_Noreturn static void run(int fd, int report, pid_t parent, const char *const argv[])
{
	sigset_t none;
	(void)sigemptyset(&none);
	/* Two steps, because dup2 of 3 to 3 would leave it close-on-exec. */
	const int high = fcntl(fd, F_DUPFD, REPORT_FD + 1);
	const int high_report = fcntl(report, F_DUPFD, REPORT_FD + 1);
	const int null = open("/dev/null", O_RDWR);
	bool ok = high >= 0 && dup2(high, CHILD_FD) >= 0;
	ok = ok && high_report >= 0 && dup3(high_report, REPORT_FD, O_CLOEXEC) >= 0;
	ok = ok && null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
	ok = ok && close_range(REPORT_FD + 1, ~0U, 0) == 0;
	ok = ok && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
	ok = ok && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
	/* The parent may have died before prctl took hold. */
	if (ok && getppid() == parent)
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	const int failed = errno;
	(void)!write(ok ? REPORT_FD : report, &failed, sizeof failed);
	_exit(CHILD_NOT_RUN);
}

/* 0: the program runs. Else the errno by which it does not. */
static int failure(int report)
{
	int failed = 0;
	ssize_t n;
	do
		n = read(report, &failed, sizeof failed);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof failed ? failed : 0;
}

static enum trail_err complain(char why[CHILD_WHY_LEN], const char *what)
{
	const char *text = strerrordesc_np(errno);
	(void)snprintf(why, CHILD_WHY_LEN, "%s: %s", what, text ? text : "unknown error");
	return TRAIL_IO;
}

/* The child was forked: see that it becomes the program. */
static enum trail_err attend(
	struct child *child, int report, const char *program, char why[CHILD_WHY_LEN])
{
	/* Not reaped by anybody else, so the number cannot have been given away. */
	child->gone_fd = pidfd_open(child->pid, 0);
	if (child->gone_fd < 0)
		return complain(why, "pidfd_open");
	errno = failure(report);
	return errno == 0 ? TRAIL_OK : complain(why, program);
}

enum trail_err child_start(const char *const argv[], struct child *child, char why[CHILD_WHY_LEN])
{
	int pair[2], report[2];
	*child = (struct child){ .fd = -1, .gone_fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return complain(why, "socketpair");
	if (pipe2(report, O_CLOEXEC) != 0) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		return complain(why, "pipe");
	}
	const pid_t parent = getpid();
	child->pid = fork();
	if (child->pid == 0)
		run(pair[1], report[1], parent, argv);
	child->fd = pair[0];
	(void)close(pair[1]);
	(void)close(report[1]);
	const enum trail_err err =
		child->pid < 0 ? complain(why, "fork") : attend(child, report[0], argv[0], why);
	(void)close(report[0]);
	if (err != TRAIL_OK)
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
	if (child->pid == 0)
		return;
	(void)close(child->fd);
	if (child->pid > 0 && !ended(child, patience_ms))
		(void)kill(child->pid, SIGKILL);
	while (child->pid > 0 && waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (child->gone_fd >= 0)
		(void)close(child->gone_fd);
	*child = (struct child){ .fd = -1, .gone_fd = -1 };
}
