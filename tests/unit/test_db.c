/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/db.h"

#include "../support/random.h"
#include "../support/signer_case.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PAGE = 4096,
	KEYS = 400,
	OPERATIONS = 6000,
	REPLACEMENTS = 100,
	MAP = 16 << 20
};

struct place {
	char folder[CASE_PATH_MAX];
	struct db *db;
};

static struct db *open_db(const struct place *p, bool create)
{
	const struct db_options options = { .map_bytes = MAP, .create = create };
	struct db *db = NULL;
	assert_int_equal(db_open(p->folder, &options, &db), TRAIL_OK);
	return db;
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	if (!p)
		return -1;
	case_folder_make(p->folder);
	p->db = open_db(p, true);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	db_close(p->db);
	case_folder_remove(p->folder);
	free(p);
	return 0;
}

static struct span number(uint64_t n, uint8_t bytes[KEY_INDEX_LEN])
{
	key_index(n, bytes);
	return span_of(bytes, KEY_INDEX_LEN);
}

static void put(struct db *db, uint64_t n, const char *text)
{
	uint8_t key[KEY_INDEX_LEN];
	struct db_txn *txn = db_begin(db, true);
	assert_non_null(txn);
	db_put(txn, TABLE_HEAD, number(n, key), span_text(text));
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static bool has(struct db *db, uint64_t n, const char *text)
{
	uint8_t key[KEY_INDEX_LEN];
	struct span value;
	struct db_txn *txn = db_begin(db, false);
	assert_non_null(txn);
	bool found = db_get(txn, TABLE_HEAD, number(n, key), &value) &&
		span_equal(value, span_text(text));
	assert_int_equal(db_error(txn), TRAIL_OK);
	db_abort(txn);
	return found;
}

/* ---- opening ---- */

static void test_what_is_committed_is_there_after_opening_again(void **state)
{
	struct place *p = *state;
	put(p->db, 1, "one");
	db_close(p->db);
	p->db = open_db(p, false);
	assert_true(has(p->db, 1, "one"));
	assert_false(has(p->db, 2, "one"));
}

static void test_no_store_is_made_where_none_was_asked_for(void **state)
{
	(void)state;
	char folder[CASE_PATH_MAX];
	struct db *db = NULL;
	const struct db_options options = { .map_bytes = MAP };
	case_folder_make(folder);
	assert_int_equal(db_open(folder, &options, &db), TRAIL_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(case_folder_count(folder), 0);
	case_folder_remove(folder);
}

static void rename_table(struct place *p, const char *from, const char *to)
{
	struct buf file = case_file_read(p->folder, "data.mdb");
	size_t len = strlen(from);
	size_t changed = 0;
	for (size_t i = 0; i + len <= file.len; i++) {
		if (memcmp(file.data + i, from, len) != 0)
			continue;
		memcpy(file.data + i, to, len);
		changed++;
	}
	assert_true(changed > 0);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	buf_release(&file);
}

static void test_a_lost_table_is_not_made_anew(void **state)
{
	struct place *p = *state;
	struct db *db = NULL;
	const struct db_options ways[] = {
		{ .map_bytes = MAP },
		{ .map_bytes = MAP, .create = true },
		{ .map_bytes = MAP, .read_only = true },
	};
	put(p->db, 1, "one");
	db_close(p->db);
	p->db = NULL;
	rename_table(p, "source", "sourcf");
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		assert_int_equal(db_open(p->folder, &ways[i], &db), TRAIL_CORRUPT);
	rename_table(p, "sourcf", "source");
	p->db = open_db(p, false);
	assert_true(has(p->db, 1, "one"));
}

/* ---- transactions ---- */

static void test_an_abort_leaves_nothing(void **state)
{
	struct place *p = *state;
	uint8_t key[KEY_INDEX_LEN];
	struct db_txn *txn = db_begin(p->db, true);
	db_put(txn, TABLE_HEAD, number(1, key), span_text("one"));
	db_abort(txn);
	db_abort(NULL);
	assert_false(has(p->db, 1, "one"));
}

static void test_the_first_failure_sticks_and_nothing_is_committed(void **state)
{
	struct place *p = *state;
	uint8_t key[KEY_INDEX_LEN];
	struct span found, value;
	struct db_txn *txn = db_begin(p->db, true);
	db_put(txn, TABLE_HEAD, number(1, key), span_text("one"));
	db_put(txn, TABLE_HEAD, span_of(NULL, 0), span_text("no key"));
	assert_int_equal(db_error(txn), TRAIL_CORRUPT);
	assert_false(db_get(txn, TABLE_HEAD, number(1, key), &value));
	assert_false(db_floor(txn, TABLE_HEAD, number(1, key), &found, &value));
	assert_false(db_last(txn, TABLE_HEAD, &found, &value));
	assert_null(db_reserve(txn, TABLE_HEAD, number(2, key), 8));
	assert_int_equal(db_count(txn, TABLE_HEAD), 0);
	assert_int_equal(db_commit(txn), TRAIL_CORRUPT);
	assert_false(has(p->db, 1, "one"));
}

static void test_not_found_is_no_failure(void **state)
{
	struct place *p = *state;
	uint8_t key[KEY_INDEX_LEN];
	struct span found, value;
	struct db_txn *txn = db_begin(p->db, true);
	assert_false(db_get(txn, TABLE_TILE, number(1, key), &value));
	assert_false(db_floor(txn, TABLE_TILE, number(1, key), &found, &value));
	assert_false(db_ceiling(txn, TABLE_TILE, span_of(NULL, 0), &found, &value));
	assert_false(db_last(txn, TABLE_TILE, &found, &value));
	db_delete(txn, TABLE_TILE, number(1, key));
	assert_int_equal(db_error(txn), TRAIL_OK);
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static void test_a_full_map_is_told_and_leaves_what_was(void **state)
{
	struct place *p = *state;
	uint8_t key[KEY_INDEX_LEN];
	put(p->db, 1, "one");
	struct db_txn *txn = db_begin(p->db, true);
	for (uint64_t i = 2; db_error(txn) == TRAIL_OK && i < 1000; i++) {
		uint8_t *to = db_reserve(txn, TABLE_SPINE, number(i, key), 1 << 20);
		if (to)
			memset(to, 'x', 1 << 20);
	}
	assert_int_equal(db_error(txn), TRAIL_FULL);
	assert_int_equal(db_commit(txn), TRAIL_FULL);
	assert_true(has(p->db, 1, "one"));
	put(p->db, 2, "two");
	assert_true(has(p->db, 2, "two"));
}

static void test_usage_grows_and_stays_below_the_map(void **state)
{
	struct place *p = *state;
	uint64_t before, after, map;
	uint8_t key[KEY_INDEX_LEN];
	db_usage(p->db, &before, &map);
	assert_int_equal(map, MAP);
	struct db_txn *txn = db_begin(p->db, true);
	memset(db_reserve(txn, TABLE_SPINE, number(1, key), 1 << 20), 0, 1 << 20);
	assert_int_equal(db_commit(txn), TRAIL_OK);
	db_usage(p->db, &after, &map);
	assert_true(after >= before + (1 << 20) && after <= map);
}

/* ---- rows, against an array ---- */

struct model {
	bool set[KEYS];
	uint64_t value[KEYS];
};

static void change(struct db_txn *txn, struct model *m, uint64_t *seed)
{
	uint8_t key[KEY_INDEX_LEN];
	uint8_t value[KEY_INDEX_LEN];
	uint64_t n = random_below(seed, KEYS);
	uint64_t v = random_next(seed);
	bool keep = random_below(seed, 3) != 0;
	key_index(v, value);
	if (!keep)
		db_delete(txn, TABLE_SOURCE, number(2 * n, key));
	else if (random_below(seed, 2))
		db_put(txn, TABLE_SOURCE, number(2 * n, key), span_of(value, sizeof value));
	else
		memcpy(db_reserve(txn, TABLE_SOURCE, number(2 * n, key), sizeof value), value,
			sizeof value);
	m->set[n] = keep;
	m->value[n] = v;
}

/* `at` is the model's slot, -1 or KEYS for none. */
static void expect(const struct model *m, int at, bool there, struct span key, struct span value)
{
	bool wanted = at >= 0 && at < KEYS;
	assert_int_equal(there, wanted);
	if (!wanted)
		return;
	assert_int_equal(key.len, KEY_INDEX_LEN);
	assert_int_equal(load_be64(key.data), 2 * at);
	assert_true(load_be64(value.data) == m->value[at]);
}

static int up(const struct model *m, int at)
{
	while (at < KEYS && !m->set[at])
		at++;
	return at;
}

static int down(const struct model *m, int at)
{
	while (at >= 0 && !m->set[at])
		at--;
	return at;
}

static void look(struct db_txn *txn, const struct model *m, uint64_t *seed)
{
	uint8_t bytes[KEY_INDEX_LEN];
	struct span key, value;
	uint64_t n = random_below(seed, 2 * KEYS + 2);
	struct span wanted = number(n, bytes);
	int low = down(m, (int)(n / 2) < KEYS ? (int)(n / 2) : KEYS - 1);
	int high = up(m, (int)((n + 1) / 2));
	bool there = db_get(txn, TABLE_SOURCE, wanted, &value);
	assert_int_equal(there, n % 2 == 0 && n < 2 * KEYS && m->set[n / 2]);
	there = db_floor(txn, TABLE_SOURCE, wanted, &key, &value);
	expect(m, low, there, key, value);
	if (there) {
		there = db_next(txn, TABLE_SOURCE, &key, &value);
		expect(m, up(m, low + 1), there, key, value);
	}
	there = db_ceiling(txn, TABLE_SOURCE, wanted, &key, &value);
	expect(m, high, there, key, value);
	there = db_last(txn, TABLE_SOURCE, &key, &value);
	expect(m, down(m, KEYS - 1), there, key, value);
}

static void walk_all(struct db *db, const struct model *m)
{
	struct span key, value;
	struct db_txn *txn = db_begin(db, false);
	int at = up(m, 0);
	uint64_t rows = 0;
	bool more = db_ceiling(txn, TABLE_SOURCE, span_of(NULL, 0), &key, &value);
	for (; more; more = db_next(txn, TABLE_SOURCE, &key, &value), rows++) {
		expect(m, at, true, key, value);
		at = up(m, at + 1);
	}
	assert_int_equal(at, KEYS);
	assert_int_equal(db_count(txn, TABLE_SOURCE), rows);
	db_abort(txn);
}

static void test_rows_are_found_as_in_an_array(void **state)
{
	struct place *p = *state;
	struct model m = { 0 };
	uint64_t seed = 12;
	struct db_txn *txn = NULL;
	for (int i = 0; i < OPERATIONS; i++) {
		if (!txn)
			txn = db_begin(p->db, true);
		change(txn, &m, &seed);
		if (random_below(&seed, 40) != 0)
			continue;
		assert_int_equal(db_commit(txn), TRAIL_OK);
		txn = db_begin(p->db, false);
		for (int n = 0; n < 40; n++)
			look(txn, &m, &seed);
		assert_int_equal(db_error(txn), TRAIL_OK);
		db_abort(txn);
		txn = NULL;
		walk_all(p->db, &m);
	}
	db_abort(txn);
}

/* ---- readers of other processes ---- */

/* A process beside this one that begins to read, says so, and never ends that. */
_Noreturn static void read_for_ever(const char *folder, int ready)
{
	const struct db_options options = { .map_bytes = MAP };
	struct db *db = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (db_open(folder, &options, &db) != TRAIL_OK || !db_begin(db, false) ||
		write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

/* How far the file grows by commits that put one row anew. */
static uint64_t growth(struct db *db)
{
	uint64_t before, after, map;
	db_usage(db, &before, &map);
	for (int i = 0; i < REPLACEMENTS; i++)
		put(db, 1, "one");
	db_usage(db, &after, &map);
	return after - before;
}

static void test_the_pages_of_a_dead_reader_are_used_again(void **state)
{
	struct place *p = *state;
	int ready[2], status;
	char byte;
	(void)growth(p->db);
	assert_int_equal(growth(p->db), 0);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		read_for_ever(p->folder, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	db_forget_dead(p->db);
	assert_true(growth(p->db) > REPLACEMENTS * PAGE);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(growth(p->db) > REPLACEMENTS * PAGE);
	db_forget_dead(p->db);
	(void)growth(p->db);
	assert_int_equal(growth(p->db), 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* ---- a file that is no store ---- */

static void test_a_file_that_is_cut_is_not_mapped(void **state)
{
	struct place *p = *state;
	struct db *db = NULL;
	const struct db_options options = { .map_bytes = MAP, .create = true };
	put(p->db, 1, "one");
	db_close(p->db);
	p->db = NULL;
	struct buf file = case_file_read(p->folder, "data.mdb");
	/* The newest root lies on the last page. */
	for (size_t len = 1; len < file.len; len += len < 2 * PAGE ? 61 : 509) {
		case_file_write(p->folder, "data.mdb", span_of(file.data, len));
		assert_int_equal(db_open(p->folder, &options, &db), TRAIL_CORRUPT);
	}
	case_file_write(p->folder, "data.mdb", span_of(file.data, file.len - 1));
	assert_int_equal(db_open(p->folder, &options, &db), TRAIL_CORRUPT);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	buf_release(&file);
	p->db = open_db(p, false);
	assert_true(has(p->db, 1, "one"));
}

static void test_an_empty_file_is_a_store_only_when_one_is_made(void **state)
{
	struct place *p = *state;
	const struct db_options options = { .map_bytes = MAP };
	db_close(p->db);
	p->db = NULL;
	case_file_write(p->folder, "data.mdb", span_of(NULL, 0));
	assert_int_equal(db_open(p->folder, &options, &p->db), TRAIL_CORRUPT);
	p->db = open_db(p, true);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_what_is_committed_is_there_after_opening_again),
		EACH(test_no_store_is_made_where_none_was_asked_for),
		EACH(test_a_lost_table_is_not_made_anew),
		EACH(test_an_abort_leaves_nothing),
		EACH(test_the_first_failure_sticks_and_nothing_is_committed),
		EACH(test_not_found_is_no_failure),
		EACH(test_a_full_map_is_told_and_leaves_what_was),
		EACH(test_usage_grows_and_stays_below_the_map),
		EACH(test_rows_are_found_as_in_an_array),
		EACH(test_the_pages_of_a_dead_reader_are_used_again),
		EACH(test_a_file_that_is_cut_is_not_mapped),
		EACH(test_an_empty_file_is_a_store_only_when_one_is_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
