/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/meta.h"

#include "../../daemon/db.h"
#include "../support/random.h"
#include "../support/signer_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PAGE = 4096,
	MAP = 64 << 20,
	SOURCE = 5,
	EPOCHS = 4000,
	COMMITS = 3000,
};

struct place {
	char folder[CASE_PATH_MAX];
	char path[CASE_PATH_MAX + 16];
	struct db *db;
};

/* How large a page LMDB is told that the machine has; 0: the truth. */
static long page_size;

/* The C library's own, under its other name. */
long __sysconf(int name);

/* Stands before it for liblmdb too. */
__attribute__((visibility("default"))) long sysconf(int name)
{
	return name == _SC_PAGESIZE && page_size != 0 ? page_size : __sysconf(name);
}

static struct db *open_as(const struct place *p, const struct db_options *options)
{
	struct db *db = NULL;
	assert_int_equal(db_open(p->folder, options, &db), TRAIL_OK);
	return db;
}

static struct db *open_db(const struct place *p)
{
	const struct db_options options = { .map_bytes = MAP, .create = true };
	return open_as(p, &options);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	if (!p)
		return -1;
	case_folder_make(p->folder);
	(void)snprintf(p->path, sizeof p->path, "%s/data.mdb", p->folder);
	p->db = open_db(p);
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

static void put(struct db *db, uint64_t n, const char *text)
{
	uint8_t key[KEY_INDEX_LEN];
	struct db_txn *txn = db_begin(db, true);
	assert_non_null(txn);
	key_index(n, key);
	db_put(txn, TABLE_HEAD, span_of(key, sizeof key), span_text(text));
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static void test_the_meta_page_tells_what_the_file_must_hold(void **state)
{
	struct place *p = *state;
	struct meta first, second;
	put(p->db, 1, "one");
	assert_int_equal(meta_read(p->path, &first), TRAIL_OK);
	put(p->db, 2, "two");
	assert_int_equal(meta_read(p->path, &second), TRAIL_OK);
	assert_true(second.file_bytes >= first.file_bytes);
	assert_true(first.sound && second.sound);
	assert_int_equal(second.page_size, PAGE);
	assert_int_equal(second.pages * PAGE, second.file_bytes);
}

static void test_a_file_that_is_cut_is_found_out(void **state)
{
	struct place *p = *state;
	struct meta meta;
	put(p->db, 1, "one");
	put(p->db, 2, "two");
	struct buf file = case_file_read(p->folder, "data.mdb");
	/* The newest root lies on the last page, so that none may be missing. */
	for (size_t pages = 0; pages < file.len / PAGE; pages++) {
		case_file_write(p->folder, "data.mdb", span_of(file.data, pages * PAGE));
		assert_int_equal(meta_read(p->path, &meta), TRAIL_CORRUPT);
		case_file_write(p->folder, "data.mdb", span_of(file.data, pages * PAGE + PAGE - 1));
		assert_int_equal(meta_read(p->path, &meta), TRAIL_CORRUPT);
	}
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	assert_int_equal(meta_read(p->path, &meta), TRAIL_OK);
	buf_release(&file);
}

/* Offsets within a meta page (LMDB 0.9): flags, magic, version, page size, last page, txnid. */
static void test_odd_meta_pages_are_refused(void **state)
{
	struct place *p = *state;
	struct meta meta;
	static const struct {
		size_t at, len;
		uint8_t with;
	} cases[] = {
		{ 10, 2, 0 },
		{ 16, 4, 0 },
		{ 16, 1, 0xdf },
		{ 20, 4, 0 },
		{ 20, 1, 2 },
		{ 40, 4, 0 },
		{ 41, 1, 0x20 },
		{ 0, PAGE, 0 },
		{ PAGE, PAGE, 0 },
		{ PAGE + 16, 4, 0 },
		{ 0, 2 * PAGE, 0 },
	};
	put(p->db, 1, "one");
	db_close(p->db);
	p->db = NULL;
	struct buf file = case_file_read(p->folder, "data.mdb");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf odd = { 0 };
		buf_put_span(&odd, buf_view(&file));
		memset(odd.data + cases[i].at, cases[i].with, cases[i].len);
		case_file_write(p->folder, "data.mdb", buf_view(&odd));
		assert_int_equal(meta_read(p->path, &meta), TRAIL_CORRUPT);
		buf_release(&odd);
	}
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	buf_release(&file);
	p->db = open_db(p);
}

static void test_meta_pages_out_of_step_are_not_sound(void **state)
{
	struct place *p = *state;
	struct meta meta;
	uint8_t page[PAGE];
	put(p->db, 1, "one");
	put(p->db, 2, "two");
	db_close(p->db);
	p->db = NULL;
	struct buf file = case_file_read(p->folder, "data.mdb");
	/* The two change places. */
	memcpy(page, file.data, PAGE);
	memcpy(file.data, file.data + PAGE, PAGE);
	memcpy(file.data + PAGE, page, PAGE);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	assert_int_equal(meta_read(p->path, &meta), TRAIL_OK);
	assert_false(meta.sound);
	/* One twice. */
	memcpy(file.data, file.data + PAGE, PAGE);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	assert_int_equal(meta_read(p->path, &meta), TRAIL_OK);
	assert_false(meta.sound);
	/* A last page beyond any file must not overflow what is needed. */
	memset(file.data + 136, 0xff, 8);
	memset(file.data + PAGE + 136, 0xff, 8);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	assert_int_equal(meta_read(p->path, &meta), TRAIL_CORRUPT);
	buf_release(&file);
}

static void test_a_missing_file_or_a_folder_is_an_error_of_the_disk(void **state)
{
	struct place *p = *state;
	struct meta meta;
	assert_int_equal(meta_read("/nonexistent/data.mdb", &meta), TRAIL_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(meta_read(p->folder, &meta), TRAIL_IO);
	assert_int_equal(errno, EISDIR);
}

/* ---- a file that ends before its last page ---- */

/* Epochs that come and go, as the writer's commits have them. */
struct crowd {
	uint64_t seed, next;
	size_t count;
	uint64_t open[EPOCHS];
};

static void enter(struct crowd *c, struct db_txn *txn)
{
	uint8_t key[KEY_SOURCE_LEN];
	uint8_t row[EPOCH_ROW_LEN] = { 0 };
	c->open[c->count++] = ++c->next;
	key_source(SOURCE, c->next, key);
	db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(row, sizeof row));
}

static void leave(struct crowd *c, struct db_txn *txn)
{
	uint8_t key[KEY_SOURCE_LEN];
	uint64_t at = random_below(&c->seed, c->count);
	key_source(SOURCE, c->open[at], key);
	db_delete(txn, TABLE_SOURCE, span_of(key, sizeof key));
	c->open[at] = c->open[--c->count];
}

static void commit_some(struct crowd *c, struct db *db)
{
	struct db_txn *txn = db_begin(db, true);
	assert_non_null(txn);
	bool many = random_below(&c->seed, 4) == 0;
	for (uint64_t n = many ? random_below(&c->seed, c->count + 1) : 0; n > 0; n--)
		leave(c, txn);
	for (uint64_t n = random_below(&c->seed, 100); n > 0 && c->count < EPOCHS; n--)
		enter(c, txn);
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

/* Commit until one leaves a file that is shorter than what it counts. */
static void shorten(struct place *p, struct crowd *c, struct meta *meta)
{
	for (int i = 0; i < COMMITS; i++) {
		commit_some(c, p->db);
		assert_int_equal(meta_read(p->path, meta), TRAIL_OK);
		if (meta->pages * PAGE > meta->file_bytes)
			break;
	}
	assert_true(meta->pages * PAGE > meta->file_bytes);
	db_close(p->db);
	p->db = NULL;
}

static uint64_t count_rows(struct db *db)
{
	struct span key, value;
	uint64_t rows = 0;
	struct db_txn *txn = db_begin(db, false);
	bool more = db_ceiling(txn, TABLE_SOURCE, span_of(NULL, 0), &key, &value);
	for (; more; more = db_next(txn, TABLE_SOURCE, &key, &value))
		rows++;
	assert_int_equal(db_error(txn), TRAIL_OK);
	db_abort(txn);
	return rows;
}

static void test_what_a_commit_took_and_let_go_may_lie_behind_the_end(void **state)
{
	struct place *p = *state;
	struct crowd c = { .seed = 1 };
	struct meta meta;
	shorten(p, &c, &meta);
	struct buf file = case_file_read(p->folder, "data.mdb");
	/* As much as may be missing, nothing is; and then a page in use is. */
	size_t len = file.len;
	while (meta_read(p->path, &meta) == TRAIL_OK) {
		const struct db_options ways[] = {
			{ .map_bytes = MAP },
			{ .map_bytes = meta.file_bytes, .read_only = true }, /* as the check */
		};
		for (int i = 0; i < 2; i++) {
			struct db *db = open_as(p, &ways[i]);
			assert_int_equal(count_rows(db), c.count);
			db_close(db);
		}
		case_file_write(p->folder, "data.mdb", span_of(file.data, len - 1));
		assert_int_equal(meta_read(p->path, &meta), TRAIL_CORRUPT);
		len -= PAGE;
		case_file_write(p->folder, "data.mdb", span_of(file.data, len));
	}
	assert_true(len < file.len);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	buf_release(&file);
	p->db = open_db(p);
	commit_some(&c, p->db);
	assert_int_equal(count_rows(p->db), c.count);
}

/* Whatever the list of free pages says, it is looked at and no more. */
static void test_a_damaged_list_of_free_pages_is_no_excuse(void **state)
{
	struct place *p = *state;
	struct crowd c = { .seed = 1 };
	struct meta meta;
	shorten(p, &c, &meta);
	struct buf file = case_file_read(p->folder, "data.mdb");
	uint64_t root;
	uint64_t txn[2];
	memcpy(&txn[0], file.data + 144, sizeof txn[0]);
	memcpy(&txn[1], file.data + PAGE + 144, sizeof txn[1]);
	memcpy(&root, file.data + (txn[1] > txn[0] ? PAGE : 0) + 80, sizeof root);
	assert_true(root >= 2 && root < file.len / PAGE);
	uint8_t *page = file.data + root * PAGE;
	for (size_t at = 8; at < PAGE; at++) {
		uint8_t was = page[at];
		for (int bit = 0; bit < 8; bit++) {
			page[at] = (uint8_t)(was ^ 1U << bit);
			case_file_write(p->folder, "data.mdb", buf_view(&file));
			enum trail_err err = meta_read(p->path, &meta);
			assert_true(err == TRAIL_OK || err == TRAIL_CORRUPT);
		}
		page[at] = was;
	}
	memset(page + 8, 0, 8);
	case_file_write(p->folder, "data.mdb", buf_view(&file));
	assert_int_equal(meta_read(p->path, &meta), TRAIL_CORRUPT);
	buf_release(&file);
}

/* ---- machines with other pages ---- */

static void test_a_store_of_larger_pages_is_opened_again(void **state)
{
	struct place *p = *state;
	static const uint32_t made[] = { 16 * 1024, 64 * 1024, 8 * 1024 };
	static const uint32_t used[] = { 16 * 1024, 32 * 1024, 8 * 1024 };
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		struct meta meta;
		uint64_t bytes, map;
		db_close(p->db);
		case_file_remove(p->folder, "data.mdb");
		page_size = made[i];
		p->db = open_db(p);
		put(p->db, 1, "one");
		db_usage(p->db, &bytes, &map);
		db_close(p->db);
		assert_int_equal(meta_read(p->path, &meta), TRAIL_OK);
		assert_int_equal(meta.page_size, used[i]);
		assert_int_equal(meta.pages * meta.page_size, bytes);
		assert_true(meta.sound);
		/* The same machine, and then one of small pages. */
		p->db = open_db(p);
		db_close(p->db);
		page_size = 0;
		p->db = open_db(p);
		put(p->db, 2, "two");
	}
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_the_meta_page_tells_what_the_file_must_hold),
		EACH(test_a_file_that_is_cut_is_found_out),
		EACH(test_odd_meta_pages_are_refused),
		EACH(test_meta_pages_out_of_step_are_not_sound),
		EACH(test_a_missing_file_or_a_folder_is_an_error_of_the_disk),
		EACH(test_what_a_commit_took_and_let_go_may_lie_behind_the_end),
		EACH(test_a_damaged_list_of_free_pages_is_no_excuse),
		EACH(test_a_store_of_larger_pages_is_opened_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
