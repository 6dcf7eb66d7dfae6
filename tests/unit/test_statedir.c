/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/statedir.h"

#include "../../daemon/check_evidence.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static char folder[96];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/test_statedir.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	(void)snprintf(folder, sizeof folder, "%s/state", root);
	return 0;
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", root);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool there(const char *name)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static size_t entries(void)
{
	size_t n = 0;
	DIR *d = opendir(folder);
	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

static struct statedir *open_fine(void)
{
	struct statedir *dir;
	char why[512] = "";
	enum trail_err err = statedir_open(folder, &dir, why);
	if (err)
		fail_msg("%s", why);
	return dir;
}

static void refused(enum trail_err code, const char *says)
{
	struct statedir *dir;
	char why[512] = "";
	assert_int_equal(statedir_open(folder, &dir, why), code);
	if (!strstr(why, says))
		fail_msg("\"%s\" does not say \"%s\"", why, says);
}

static void test_a_first_start_makes_the_folder_private(void **state)
{
	struct stat st;
	(void)state;
	struct statedir *dir = open_fine();
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(there("VERSION") && there("lock") && there("log"));
	assert_true(statedir_unborn(dir));
	assert_false(statedir_named(dir));
	statedir_close(dir);
	statedir_close(open_fine());
}

static void test_a_second_daemon_is_told_so(void **state)
{
	(void)state;
	struct statedir *dir = open_fine();
	refused(TRAIL_BUSY, "another traild");
	statedir_close(dir);
	statedir_close(open_fine());
}

/* Whether `pid` has the folder's lock open. */
static bool has_lock_open(pid_t pid)
{
	char fds[64], lock[160], link[512], target[160];
	bool found = false;
	(void)snprintf(lock, sizeof lock, "%s/lock", folder);
	(void)snprintf(fds, sizeof fds, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(fds);
	for (struct dirent *e; dir && !found && (e = readdir(dir));) {
		(void)snprintf(link, sizeof link, "%s/%s", fds, e->d_name);
		ssize_t n = readlink(link, target, sizeof target);
		found = n == (ssize_t)strlen(lock) && memcmp(target, lock, (size_t)n) == 0;
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

/* As a signer's child before its exec: the lock is its parent's, and outlives it. */
_Noreturn static void hold_until_wanted(pid_t by, int closed, int entered)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000000L };
	struct pollfd end = { .fd = entered, .events = POLLIN };
	char byte;
	if (read(closed, &byte, 1) != 1)
		_exit(1);
	while (!has_lock_open(by))
		if (poll(&end, 1, 0) != 0)
			_exit(1); /* it did not wait */
	/* Let the first try fail: what is tested is that there is a second. */
	(void)nanosleep(&moment, NULL);
	_exit(0);
}

/* Open a folder whose daemon died and left a child with its lock. */
static void outwait(void (*enter)(void))
{
	int closed[2], entered[2], status;
	pid_t parent = getpid();
	assert_int_equal(pipe(closed), 0);
	assert_int_equal(pipe(entered), 0);
	struct statedir *dir = open_fine();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(closed[1]);
		(void)close(entered[1]);
		hold_until_wanted(parent, closed[0], entered[0]);
	}
	statedir_close(dir);
	assert_int_equal(write(closed[1], "", 1), 1);
	enter();
	assert_int_equal(write(entered[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		(void)close(closed[i]);
		(void)close(entered[i]);
	}
}

static void enter_as_daemon(void)
{
	statedir_close(open_fine());
}

static void enter_as_check(void)
{
	int fd;
	assert_int_equal(evidence_lock(folder, &fd), TRAIL_OK);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void test_a_dead_daemons_lock_is_waited_for(void **state)
{
	(void)state;
	outwait(enter_as_daemon);
	outwait(enter_as_check);
}

static void test_a_file_system_root_is_fine(void **state)
{
	char path[160];
	(void)state;
	(void)snprintf(path, sizeof path, "%s/lost+found", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	statedir_close(open_fine());
}

static void test_a_foreign_folder_is_refused_untouched(void **state)
{
	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	put("precious", "data");
	refused(TRAIL_CORRUPT, "holds files but no VERSION");
	assert_int_equal(entries(), 1);
}

static void test_another_version_is_refused_untouched(void **state)
{
	static const char *const versions[] = { "trail-store/v2\n", "", "trail-store/v1",
		"trail-store/v1\n\n" };
	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		put("VERSION", versions[i]);
		refused(TRAIL_CORRUPT, "VERSION: not the version");
		assert_int_equal(entries(), 1);
	}
}

static void test_whatever_of_a_log_is_there_makes_it_born(void **state)
{
	static const char *const files[] = { "log/data.mdb", "identity", "vkey", "signer/key" };
	char path[160];
	(void)state;
	struct statedir *dir = open_fine();
	(void)snprintf(path, sizeof path, "%s/signer", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_true(statedir_unborn(dir));
		put(files[i], "x");
		assert_false(statedir_unborn(dir));
		(void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		assert_int_equal(unlink(path), 0);
	}
	statedir_close(dir);
}

static struct log_identity identity_of(uint8_t seed_byte)
{
	uint8_t seed[SIGN_SEED_LEN];
	uint8_t pub[SIGN_PUBLIC_LEN];
	uint8_t secret[SIGN_SECRET_LEN];
	struct log_identity id = { 0 };
	memset(seed, seed_byte, sizeof seed);
	sign_keypair(seed, pub, secret);
	assert_int_equal(vkey_make(span_text("example.org/log"), pub, &id.vkey), TRAIL_OK);
	id.genesis.b[0] = seed_byte;
	return id;
}

static void test_identity_is_written_once_and_then_compared(void **state)
{
	char why[512];
	struct log_identity ours = identity_of(1);
	struct log_identity other = identity_of(2);
	(void)state;
	struct statedir *dir = open_fine();
	assert_int_equal(statedir_identify(dir, &ours, why), TRAIL_OK);
	assert_true(statedir_named(dir));
	assert_int_equal(statedir_identify(dir, &ours, why), TRAIL_OK);
	assert_int_equal(statedir_identify(dir, &other, why), TRAIL_CORRUPT);
	assert_non_null(strstr(why, "files of two logs are mixed"));
	/* It is derived: what is missing is written again. */
	char path[160];
	(void)snprintf(path, sizeof path, "%s/identity", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(statedir_identify(dir, &ours, why), TRAIL_OK);
	assert_true(there("identity"));
	put("identity", "trail-log/v1\n");
	assert_int_equal(statedir_identify(dir, &ours, why), TRAIL_CORRUPT);
	statedir_close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_first_start_makes_the_folder_private, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_second_daemon_is_told_so, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_dead_daemons_lock_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_file_system_root_is_fine, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_foreign_folder_is_refused_untouched, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_another_version_is_refused_untouched, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_whatever_of_a_log_is_there_makes_it_born, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_identity_is_written_once_and_then_compared, setup, teardown),
	};
	return crypto_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
