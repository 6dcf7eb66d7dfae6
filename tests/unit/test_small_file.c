/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/small_file.h"

#include "../support/signer_case.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	ROOM = 8
};

static char folder[CASE_PATH_MAX];
static int at = -1;

static int setup(void **state)
{
	(void)state;
	case_folder_make(folder);
	at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(at);
	case_folder_remove(folder);
	return 0;
}

/* Read it into ROOM bytes, of which none behind them is touched. */
static enum trail_err take(
	const char *name, enum small_file_of of, char text[ROOM + 2], size_t *len)
{
	memset(text, '.', ROOM + 2);
	text[ROOM + 1] = '\0';
	*len = 99;
	enum trail_err err = small_file_read(at, name, of, text, ROOM, len);
	assert_int_equal(text[ROOM], '.');
	return err;
}

static void test_up_to_its_room_a_file_is_read_as_a_whole(void **state)
{
	static const struct {
		const char *content;
		enum trail_err err;
		size_t len;
	} cases[] = {
		{ "", TRAIL_OK, 0 },
		{ "a", TRAIL_OK, 1 },
		{ "12345678", TRAIL_OK, 8 },
		{ "123456789", TRAIL_TOO_BIG, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[ROOM + 2];
		size_t len;
		case_file_write(folder, "f", span_text(cases[i].content));
		assert_int_equal(take("f", SMALL_FILE_KEPT, text, &len), cases[i].err);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(text, cases[i].content, len);
		assert_int_equal(take("f", SMALL_FILE_GIVEN, text, &len), cases[i].err);
		assert_int_equal(len, cases[i].len);
	}
}

static void test_without_room_only_an_empty_file_fits(void **state)
{
	size_t len;
	(void)state;
	case_file_write(folder, "f", span_text(""));
	assert_int_equal(small_file_read(at, "f", SMALL_FILE_KEPT, NULL, 0, &len), TRAIL_OK);
	case_file_write(folder, "f", span_text("a"));
	assert_int_equal(small_file_read(at, "f", SMALL_FILE_KEPT, NULL, 0, &len), TRAIL_TOO_BIG);
}

static void test_no_file_is_told_from_one_that_cannot_be_read(void **state)
{
	char text[ROOM + 2];
	size_t len;
	(void)state;
	case_file_write(folder, "f", span_text("a"));
	assert_int_equal(take("none", SMALL_FILE_KEPT, text, &len), TRAIL_END);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(take("f/none", SMALL_FILE_GIVEN, text, &len), TRAIL_END);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(take(".", SMALL_FILE_GIVEN, text, &len), TRAIL_IO);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(len, 0);
}

static void test_only_what_is_given_may_be_a_link(void **state)
{
	char text[ROOM + 2];
	size_t len;
	(void)state;
	case_file_write(folder, "f", span_text("abc"));
	assert_int_equal(symlinkat("f", at, "link"), 0);
	assert_int_equal(take("link", SMALL_FILE_GIVEN, text, &len), TRAIL_OK);
	assert_int_equal(len, 3);
	assert_int_equal(take("link", SMALL_FILE_KEPT, text, &len), TRAIL_IO);
	assert_int_equal(errno, ELOOP);
}

static void test_a_pipe_in_a_folder_is_not_waited_for(void **state)
{
	char text[ROOM + 2];
	size_t len;
	(void)state;
	assert_int_equal(mkfifoat(at, "pipe", 0600), 0);
	assert_int_equal(take("pipe", SMALL_FILE_KEPT, text, &len), TRAIL_OK);
	assert_int_equal(len, 0);
	int held = openat(at, "pipe", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(held >= 0);
	assert_int_equal(take("pipe", SMALL_FILE_KEPT, text, &len), TRAIL_IO);
	assert_int_equal(errno, EAGAIN);
	(void)close(held);
}

/* As a shell makes of <(command): what is written in pieces is read to its end. */
static void test_a_pipe_that_is_given_is_read_to_its_end(void **state)
{
	char name[32];
	char text[ROOM + 2];
	size_t len;
	int ends[2];
	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
	pid_t writer = fork();
	if (writer == 0) {
		(void)usleep(20 * 1000);
		bool said = write(ends[1], "abc", 3) == 3;
		(void)usleep(20 * 1000);
		_exit(said && write(ends[1], "de", 2) == 2 ? 0 : 1);
	}
	(void)close(ends[1]);
	assert_int_equal(take(name, SMALL_FILE_GIVEN, text, &len), TRAIL_OK);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "abcde", 5);
	(void)close(ends[0]);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
}

static void test_a_file_is_replaced_as_a_whole(void **state)
{
	(void)state;
	struct stat st;
	char text[ROOM + 2];
	size_t len;
	static const char *const texts[] = { "longer", "short", "" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(
			small_file_replace(at, "file", span_text(texts[i]), 0600), TRAIL_OK);
		assert_int_equal(take("file", SMALL_FILE_KEPT, text, &len), TRAIL_OK);
		assert_true(span_equal(span_of(text, len), span_text(texts[i])));
		assert_int_equal(fstatat(at, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(fstatat(at, "file.new", &st, AT_SYMLINK_NOFOLLOW), -1);
	}
}

/* What is there stays; no link is written through. */
static void test_a_file_that_cannot_be_replaced_stays(void **state)
{
	(void)state;
	char text[ROOM + 2], name[300];
	size_t len;
	assert_int_equal(small_file_replace(at, "file", span_text("kept"), 0600), TRAIL_OK);
	assert_int_equal(symlinkat("file", at, "file.new"), 0);
	assert_int_equal(small_file_replace(at, "file", span_text("other"), 0600), TRAIL_IO);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(take("file", SMALL_FILE_KEPT, text, &len), TRAIL_OK);
	assert_true(span_equal(span_of(text, len), span_text("kept")));
	assert_int_equal(unlinkat(at, "file.new", 0), 0);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(small_file_replace(at, name, span_text(""), 0600), TRAIL_IO);
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_up_to_its_room_a_file_is_read_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_room_only_an_empty_file_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_no_file_is_told_from_one_that_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_only_what_is_given_may_be_a_link, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_pipe_in_a_folder_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_pipe_that_is_given_is_read_to_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_is_replaced_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_cannot_be_replaced_stays, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
