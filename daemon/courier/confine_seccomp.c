/* SPDX-License-Identifier: Apache-2.0 */
#include "confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* What speaking and ending need, whatever the arguments. */
static const int ALLOWED[] = {
	/* the talk, connections, lines on stderr */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(close),
	/* the loop */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* memory; mprotect and mmap below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* time, chance, signals, end */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* What libraries try and can do without: C's own looks for files, libevent's for interfaces. */
static const int REFUSED[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(access),
	SCMP_SYS(stat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(readlink),
	SCMP_SYS(uname),
};

bool confine_present(void)
{
	return true;
}

bool confine_hide(void)
{
	const struct rlimit none = { 0, 0 };
	return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Allowed only when its third argument, the protection, has no PROT_EXEC. */
static bool allow_unless_exec(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

/* IPv4 and IPv6; AF_UNIX and the families above (netlink, packets) are said not to be there. */
static bool allow_sockets(scmp_filter_ctx filter)
{
	const uint32_t absent = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		       SCMP_A0(SCMP_CMP_EQ, AF_INET, 0)) == 0 &&
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, AF_INET6, 0)) == 0 &&
		seccomp_rule_add(filter, absent, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0)) == 0 &&
		seccomp_rule_add(filter, absent, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_GT, AF_INET6, 0)) == 0;
}

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
			return false;
	return true;
}

bool confine_enter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return false;
	const bool ok = allow_unless_exec(filter, SCMP_SYS(mmap)) &&
		allow_unless_exec(filter, SCMP_SYS(mprotect)) && allow_sockets(filter) &&
		add_all(filter, SCMP_ACT_ALLOW, ALLOWED, sizeof ALLOWED / sizeof *ALLOWED) &&
		add_all(filter, SCMP_ACT_ERRNO(EACCES), REFUSED,
			sizeof REFUSED / sizeof *REFUSED) &&
		seccomp_load(filter) == 0;
	seccomp_release(filter);
	return ok;
}
