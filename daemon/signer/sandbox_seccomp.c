/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* What answering and ending need, whatever the arguments. */
static const int ALLOWED[] = {
	/* the talk, and lines on stderr */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* head and seeds, already open */
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fsync),
	SCMP_SYS(close),
	/* memory; mprotect and mmap below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	/* time, chance, signals, end */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
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

bool sandbox_present(void)
{
	return true;
}

bool sandbox_hide(void)
{
	const struct rlimit none = { 0, 0 };
	return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static bool allow(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0;
}

/* Allowed only when its third argument, the protection, has no PROT_EXEC. */
static bool allow_unless_exec(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

/* Take a connection off `listener` and ask who made it. */
static bool allow_accept(scmp_filter_ctx filter, int listener)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(accept4), 1,
		       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)listener, 0)) == 0 &&
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 2,
			SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0),
			SCMP_A2(SCMP_CMP_EQ, SO_PEERCRED, 0)) == 0;
}

bool sandbox_enter(int listener)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return false;
	bool ok = allow_unless_exec(filter, SCMP_SYS(mmap)) &&
		allow_unless_exec(filter, SCMP_SYS(mprotect));
	if (ok && listener >= 0)
		ok = allow_accept(filter, listener);
	for (size_t i = 0; ok && i < sizeof ALLOWED / sizeof ALLOWED[0]; i++)
		ok = allow(filter, ALLOWED[i]);
	ok = ok && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return ok;
}
