/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/signer/sandbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Another descriptor than any that is open. */
enum {
	LISTENER = 100
};

/*
 * The status of a child that enters the sandbox, with or without LISTENER, and then does `act`.
 */
static int inside_with(int listener, void (*act)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (!sandbox_enter(listener))
			_exit(9);
		act();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int inside(void (*act)(void))
{
	return inside_with(-1, act);
}

static void act_nothing(void)
{
}

static void act_memory(void)
{
	for (size_t len = 16; len < (size_t)64 << 20; len *= 4) {
		volatile uint8_t *p = malloc(len);
		if (!p)
			_exit(8);
		p[len - 1] = 1;
		free((void *)(uintptr_t)p);
	}
}

static void act_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void act_unix_socket(void)
{
	(void)socket(AF_UNIX, SOCK_STREAM, 0);
}

static void act_open(void)
{
	(void)open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void act_exec(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
}

static void act_fork(void)
{
	(void)fork();
}

static void act_map_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void act_make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void act_rename(void)
{
	(void)rename("/nonexistent/a", "/nonexistent/b");
}

static void act_accept(void)
{
	(void)accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC);
}

static void act_accept_elsewhere(void)
{
	(void)accept4(LISTENER + 1, NULL, NULL, SOCK_CLOEXEC);
}

static void act_ask_peer(void)
{
	struct ucred who;
	socklen_t len = sizeof who;
	(void)getsockopt(LISTENER, SOL_SOCKET, SO_PEERCRED, &who, &len);
}

static void act_ask_otherwise(void)
{
	int value;
	socklen_t len = sizeof value;
	(void)getsockopt(LISTENER, SOL_SOCKET, SO_TYPE, &value, &len);
}

static void test_the_filter_lets_a_unit_turn_others_away_and_no_more(void **state)
{
	(void)state;
	static void (*const killed[])(
		void) = { act_accept_elsewhere, act_ask_otherwise, act_socket, act_open };
	if (!sandbox_present())
		skip();
	assert_int_equal(inside_with(LISTENER, act_accept), 0);
	assert_int_equal(inside_with(LISTENER, act_ask_peer), 0);
	for (size_t i = 0; i < sizeof killed / sizeof killed[0]; i++)
		assert_int_equal(WTERMSIG(inside_with(LISTENER, killed[i])), SIGSYS);
	assert_int_equal(WTERMSIG(inside(act_accept)), SIGSYS);
	assert_int_equal(WTERMSIG(inside(act_ask_peer)), SIGSYS);
}

static void test_the_filter_lets_normal_work_pass(void **state)
{
	(void)state;
	assert_int_equal(inside(act_nothing), 0);
	assert_int_equal(inside(act_memory), 0);
}

static void test_the_filter_kills_what_a_signer_has_no_business_with(void **state)
{
	(void)state;
	static void (*const acts[])(void) = { act_socket, act_unix_socket, act_open, act_exec,
		act_fork, act_map_code, act_make_code, act_rename };
	if (!sandbox_present())
		skip();
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		int status = inside(acts[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void test_a_hidden_process_leaves_no_core(void **state)
{
	(void)state;
	if (!sandbox_present())
		skip();
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit core;
		bool ok = sandbox_hide() && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
			getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_filter_lets_normal_work_pass),
		cmocka_unit_test(test_the_filter_kills_what_a_signer_has_no_business_with),
		cmocka_unit_test(test_the_filter_lets_a_unit_turn_others_away_and_no_more),
		cmocka_unit_test(test_a_hidden_process_leaves_no_core),
	};
	return cmocka_run_group_tests_name("signer_sandbox", tests, NULL, NULL);
}
