/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to the service manager, and what it says: a datagram socket plays it. Time is told
 * to pulse; notify_progress has a clock of its own, which is why its test waits for it.
 */
#include "../../daemon/handover.h"
#include "../../daemon/notify.h"
#include "../../daemon/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	WAIT_MS = 20 * 1000
};

static const uint64_t SECOND = 1000000000;
static int manager = -1;
static char heard[512];

static int setup(void **state)
{
	(void)state;
	char name[64];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* Abstract: nothing to tidy up. */
	int n = snprintf(name, sizeof name, "@trail-test-notify-%d", (int)getpid());
	memcpy(address.sun_path + 1, name + 1, (size_t)n - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)setenv("NOTIFY_SOCKET", name, 1);
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
	return bind(manager, (const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
}

static int teardown(void **state)
{
	(void)state;
	(void)unsetenv("NOTIFY_SOCKET");
	return close(manager);
}

/* The next datagram; "" when none is there. */
static const char *hear(int wait_ms)
{
	struct pollfd p = { .fd = manager, .events = POLLIN };
	memset(heard, 0, sizeof heard);
	if (poll(&p, 1, wait_ms) == 1)
		assert_true(recv(manager, heard, sizeof heard - 1, 0) > 0);
	return heard;
}

static void test_what_is_said_is_one_datagram(void **state)
{
	(void)state;
	notify_manager("READY=1\nSTATUS=here");
	assert_string_equal(hear(0), "READY=1\nSTATUS=here");
	notify_extend(65);
	assert_string_equal(hear(0), "EXTEND_TIMEOUT_USEC=65000000");
	(void)unsetenv("NOTIFY_SOCKET");
	notify_manager("READY=1");
	assert_string_equal(hear(0), "");
}

static void test_progress_is_said_by_who_takes_long_alone(void **state)
{
	(void)state;
	notify_progress();
	notify_progress();
	assert_string_equal(hear(0), "");
	for (int i = 0; i < WAIT_MS / 10 && !*hear(10); i++)
		notify_progress();
	assert_string_equal(heard, "EXTEND_TIMEOUT_USEC=30000000");
	notify_progress();
	assert_string_equal(hear(0), "");
}

static void test_watchdog_is_ours_or_nobodys(void **state)
{
	char pid[24];
	(void)state;
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)setenv("WATCHDOG_USEC", "120000000", 1);
	assert_int_equal(notify_watchdog_ms(), 60000);
	(void)setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	(void)setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_ms(), 60000);
	(void)setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	(void)setenv("WATCHDOG_USEC", "18446744073709551615", 1);
	assert_int_equal(notify_watchdog_ms(), INT32_MAX);
}

static void test_watchdog_is_fed_when_due_and_not_before(void **state)
{
	struct pulse p;
	uint64_t now = 100 * SECOND;
	(void)state;
	pulse_start(&p, "log", 1000, now, 7);
	assert_int_equal(pulse_wait_ms(&p, now, 7, 60000), 1001);
	assert_int_equal(pulse_wait_ms(&p, now, 7, 10), 10);
	pulse_beat(&p, now + SECOND - 1, 7, false);
	assert_string_equal(hear(0), "");
	assert_int_equal(pulse_wait_ms(&p, now + SECOND - 1, 7, 60000), 1);
	pulse_beat(&p, now + SECOND, 7, false);
	assert_string_equal(hear(0), "WATCHDOG=1\n");
	assert_int_equal(pulse_wait_ms(&p, now + SECOND, 7, 60000), 1001);
}

static void test_status_is_told_every_five_seconds_while_there_is_news(void **state)
{
	struct pulse p;
	uint64_t now = 100 * SECOND;
	(void)state;
	pulse_start(&p, "log", 0, now, 7);
	assert_int_equal(pulse_wait_ms(&p, now, 7, 60000), 60000);
	assert_int_equal(pulse_wait_ms(&p, now, 8, 60000), 5001);
	pulse_beat(&p, now + 5 * SECOND - 1, 57, false);
	assert_string_equal(hear(0), "");
	pulse_beat(&p, now + 5 * SECOND, 57, false);
	assert_string_equal(hear(0), "STATUS=log: 57 records, 10 a second\n");
	/* That it is over is news; then there is none. */
	assert_int_equal(pulse_wait_ms(&p, now + 5 * SECOND, 57, 60000), 5001);
	pulse_beat(&p, now + 10 * SECOND, 57, false);
	assert_string_equal(hear(0), "STATUS=log: 57 records, 0 a second\n");
	assert_int_equal(pulse_wait_ms(&p, now + 10 * SECOND, 57, 60000), 60000);
	pulse_beat(&p, now + 20 * SECOND, 57, true);
	assert_string_equal(hear(0),
		"STATUS=log: 57 records, 0 a second; the disk is full: events are refused\n");
	pulse_beat(&p, now + 30 * SECOND, 57, true);
	assert_string_equal(hear(0), "");
}

/* In a child, whose descriptor 3 may be anything. */
static int take(const char *pid, const char *fds, bool open3)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char own[24];
		(void)snprintf(own, sizeof own, "%d", (int)getpid());
		(void)setenv("LISTEN_PID", pid ? pid : own, 1);
		(void)setenv("LISTEN_FDS", fds, 1);
		(void)setenv("LISTEN_FDNAMES", "a", 1);
		(void)close_range(HANDOVER_FIRST, ~0U, 0);
		if (open3 && open("/dev/null", O_RDONLY) != HANDOVER_FIRST)
			_exit(100);
		int n = handover_take();
		if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES"))
			_exit(101);
		if (n == 1 && (fcntl(HANDOVER_FIRST, F_GETFD) & FD_CLOEXEC) == 0)
			_exit(102);
		_exit(n < 0 ? 50 : n);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_what_is_handed_over_is_taken_once_by_whom_it_is_meant_for(void **state)
{
	(void)state;
	assert_int_equal(take(NULL, "1", true), 1);
	assert_int_equal(take(NULL, "0", true), 0);
	assert_int_equal(take("1", "1", true), 0);
	assert_int_equal(take("", "1", true), 0);
	assert_int_equal(take(NULL, "one", true), 50);
	assert_int_equal(take(NULL, "-1", true), 50);
	assert_int_equal(take(NULL, "65", true), 50);
	assert_int_equal(take(NULL, "2", true), 50);
	assert_int_equal(take(NULL, "1", false), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_said_is_one_datagram, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_progress_is_said_by_who_takes_long_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watchdog_is_ours_or_nobodys, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_watchdog_is_fed_when_due_and_not_before, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_status_is_told_every_five_seconds_while_there_is_news, setup,
			teardown),
		cmocka_unit_test(test_what_is_handed_over_is_taken_once_by_whom_it_is_meant_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
