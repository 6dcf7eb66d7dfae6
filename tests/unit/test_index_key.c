/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of the index: kept for who may read it alone, the same each time, and made anew where it
 * is lost, which costs the index and nothing else.
 */
#include "../../daemon/index/key.h"

#include "../../proto/crypto.h"
#include "../support/signer_case.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[CASE_PATH_MAX];
static int keys = -1;

static int setup(void **state)
{
	(void)state;
	case_folder_make(folder);
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || mkdirat(at, "keys", 0700) != 0)
		return -1;
	keys = openat(at, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)close(at);
	return keys < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlinkat(keys, "index", 0);
	(void)close(keys);
	char path[CASE_PATH_MAX + 8];
	(void)snprintf(path, sizeof path, "%s/keys", folder);
	(void)rmdir(path);
	case_folder_remove(folder);
	return 0;
}

static void load(uint8_t out[INDEX_KEY_LEN])
{
	uint8_t *key = index_key_load(folder);
	assert_non_null(key);
	memcpy(out, key, INDEX_KEY_LEN);
	crypto_secret_free(key);
}

static void test_a_key_stays_the_same_and_is_its_owners_alone(void **state)
{
	uint8_t first[INDEX_KEY_LEN], again[INDEX_KEY_LEN];
	struct stat st;
	(void)state;
	load(first);
	load(again);
	assert_memory_equal(first, again, sizeof first);
	assert_int_equal(fstatat(keys, "index", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, INDEX_KEY_LEN);
}

static void test_a_key_that_was_lost_or_cut_is_made_anew(void **state)
{
	uint8_t first[INDEX_KEY_LEN], other[INDEX_KEY_LEN], third[INDEX_KEY_LEN];
	(void)state;
	load(first);
	assert_int_equal(unlinkat(keys, "index", 0), 0);
	load(other);
	assert_memory_not_equal(first, other, sizeof first);
	int fd = openat(keys, "index", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, INDEX_KEY_LEN - 1), 0);
	(void)close(fd);
	load(third);
	assert_memory_not_equal(third, other, sizeof third);
	load(other);
	assert_memory_equal(third, other, sizeof third);
}

static void test_a_folder_without_keys_has_none(void **state)
{
	(void)state;
	assert_null(index_key_load("/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_key_stays_the_same_and_is_its_owners_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_key_that_was_lost_or_cut_is_made_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_folder_without_keys_has_none, setup, teardown),
	};
	if (!crypto_init())
		return 1;
	return cmocka_run_group_tests_name("index_key", tests, NULL, NULL);
}
