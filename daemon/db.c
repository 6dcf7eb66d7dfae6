/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

#include "meta.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READERS_MAX = 126,
	FILE_MODE = 0600,
};

struct db {
	MDB_env *env;
	MDB_dbi tables[TABLE_COUNT];
	uint64_t map_bytes;
	bool no_stamps; /* the table is not there */
};

struct db_txn {
	struct db *db;
	MDB_txn *txn;
	bool write;
	enum trail_err error;
	MDB_cursor *cursors[TABLE_COUNT];
};

static enum trail_err from_lmdb(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return TRAIL_OK;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
		return TRAIL_FULL;
	case ENOMEM:
		return TRAIL_NOMEM;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_DBI:
	case MDB_BAD_VALSIZE:
	case MDB_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
		return TRAIL_CORRUPT;
	default:
		return TRAIL_IO;
	}
}

/* ---- the environment ---- */

/* Stores of the first versions have none. */
static int open_stamps(struct db *db, MDB_txn *txn, bool read_only)
{
	const int rc = mdb_dbi_open(txn, TABLE_NAMES[TABLE_STAMP], read_only ? 0 : MDB_CREATE,
		&db->tables[TABLE_STAMP]);
	db->no_stamps = read_only && rc == MDB_NOTFOUND;
	return db->no_stamps ? 0 : rc;
}

static enum trail_err open_tables(struct db *db, bool read_only)
{
	MDB_txn *txn = NULL;
	MDB_dbi main_dbi;
	MDB_stat stat;
	int rc = mdb_txn_begin(db->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
	if (rc != 0)
		return from_lmdb(rc);
	rc = mdb_dbi_open(txn, NULL, 0, &main_dbi);
	if (rc == 0)
		rc = mdb_stat(txn, main_dbi, &stat);
	/* A table that is missing beside others was lost: an empty one instead would hide that. */
	unsigned flags = rc == 0 && stat.ms_entries == 0 && !read_only ? MDB_CREATE : 0;
	for (int i = 0; rc == 0 && i < TABLE_STAMP; i++)
		rc = mdb_dbi_open(txn, TABLE_NAMES[i], flags, &db->tables[i]);
	if (rc == 0)
		rc = open_stamps(db, txn, read_only);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return from_lmdb(rc);
	}
	return from_lmdb(mdb_txn_commit(txn));
}

/* LMDB opens its data file without O_CLOEXEC; no child of ours may have it. */
static void close_on_exec(MDB_env *env)
{
	mdb_filehandle_t fd;
	if (mdb_env_get_fd(env, &fd) == 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* LMDB makes its files and leaves their names to whoever calls: no commit would make them durable.
 */
static enum trail_err sync_names(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return TRAIL_IO;
	int failed = fsync(fd) != 0 ? errno : 0;
	(void)close(fd);
	errno = failed;
	return failed != 0 ? TRAIL_IO : TRAIL_OK;
}

static enum trail_err open_env(struct db *db, const char *folder, const struct db_options *options)
{
	unsigned flags = MDB_NOTLS | (options->read_only ? MDB_RDONLY | MDB_NOLOCK : 0U);
	int rc = mdb_env_create(&db->env);
	if (rc == 0)
		rc = mdb_env_set_mapsize(db->env, options->map_bytes);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(db->env, TABLE_COUNT);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(db->env, READERS_MAX);
	if (rc == 0)
		rc = mdb_env_open(db->env, folder, flags, FILE_MODE);
	if (rc == 0)
		close_on_exec(db->env);
	if (rc > 0)
		errno = rc;
	return from_lmdb(rc);
}

static enum trail_err judge_file(const char *folder, const struct db_options *options)
{
	char path[4096];
	struct meta meta = { .file_bytes = UINT64_MAX };
	int len = snprintf(path, sizeof path, "%s/data.mdb", folder);
	if (len < 0 || (size_t)len >= sizeof path) {
		errno = ENAMETOOLONG;
		return TRAIL_IO;
	}
	enum trail_err err = meta_read(path, &meta);
	if (err == TRAIL_IO && errno == ENOENT && options->create)
		return TRAIL_OK;
	/* A file that LMDB made and had no time to write to. */
	if (err == TRAIL_CORRUPT && meta.file_bytes == 0 && options->create)
		return TRAIL_OK;
	return err;
}

enum trail_err db_open(const char *folder, const struct db_options *options, struct db **out)
{
	enum trail_err err = judge_file(folder, options);
	if (err != TRAIL_OK)
		return err;
	struct db *db = calloc(1, sizeof *db);
	if (!db)
		return TRAIL_NOMEM;
	db->map_bytes = options->map_bytes;
	err = open_env(db, folder, options);
	if (err == TRAIL_OK && !options->read_only)
		err = sync_names(folder);
	if (err == TRAIL_OK)
		err = open_tables(db, options->read_only);
	if (err != TRAIL_OK) {
		int saved = errno;
		db_close(db);
		errno = saved;
		return err;
	}
	*out = db;
	return TRAIL_OK;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	if (db->env)
		mdb_env_close(db->env);
	free(db);
}

void db_usage(struct db *db, uint64_t *used, uint64_t *map)
{
	MDB_envinfo info;
	MDB_stat stat;
	bool known = mdb_env_info(db->env, &info) == 0 && mdb_env_stat(db->env, &stat) == 0;
	*map = db->map_bytes;
	*used = known ? (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize : *map;
}

void db_forget_dead(struct db *db)
{
	int dead;
	/* Should it fail, the next time does what this one did not. */
	(void)mdb_reader_check(db->env, &dead);
}

/* ---- transactions ---- */

struct db_txn *db_begin(struct db *db, bool write)
{
	struct db_txn *txn = calloc(1, sizeof *txn);
	if (!txn)
		return NULL;
	txn->db = db;
	txn->write = write;
	if (mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn) != 0) {
		free(txn);
		return NULL;
	}
	return txn;
}

static void close_cursors(struct db_txn *txn)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (txn->cursors[i])
			mdb_cursor_close(txn->cursors[i]);
		txn->cursors[i] = NULL;
	}
}

enum trail_err db_commit(struct db_txn *txn)
{
	enum trail_err err = txn->error;
	close_cursors(txn);
	if (err == TRAIL_OK)
		err = from_lmdb(mdb_txn_commit(txn->txn));
	else
		mdb_txn_abort(txn->txn);
	free(txn);
	return err;
}

void db_abort(struct db_txn *txn)
{
	if (!txn)
		return;
	close_cursors(txn);
	mdb_txn_abort(txn->txn);
	free(txn);
}

enum trail_err db_error(const struct db_txn *txn)
{
	return txn->error;
}

static MDB_val to_val(struct span s)
{
	/* LMDB takes keys and values as void *, and does not write through them. */
	union {
		const uint8_t *in;
		void *out;
	} pointer = { .in = s.data };
	return (MDB_val){ .mv_size = s.len, .mv_data = pointer.out };
}

static struct span from_val(MDB_val v)
{
	return span_of(v.mv_data, v.mv_size);
}

/* True when rc is success; "not found" is no error, anything else sticks. */
static bool found_or_stick(struct db_txn *txn, int rc)
{
	if (rc == 0)
		return true;
	if (rc != MDB_NOTFOUND)
		txn->error = from_lmdb(rc);
	return false;
}

static bool is_absent(const struct db_txn *txn, enum table table)
{
	return table == TABLE_STAMP && txn->db->no_stamps;
}

bool db_get(struct db_txn *txn, enum table table, struct span key, struct span *value)
{
	MDB_val k = to_val(key);
	MDB_val v;
	if (txn->error != TRAIL_OK || is_absent(txn, table))
		return false;
	if (!found_or_stick(txn, mdb_get(txn->txn, txn->db->tables[table], &k, &v)))
		return false;
	*value = from_val(v);
	return true;
}

static MDB_cursor *cursor(struct db_txn *txn, enum table table)
{
	if (txn->error != TRAIL_OK || is_absent(txn, table))
		return NULL;
	if (!txn->cursors[table]) {
		int rc = mdb_cursor_open(txn->txn, txn->db->tables[table], &txn->cursors[table]);
		if (rc != 0) {
			txn->error = from_lmdb(rc);
			return NULL;
		}
	}
	return txn->cursors[table];
}

static bool seek(struct db_txn *txn, enum table table, MDB_cursor_op op, MDB_val *k,
	struct span *found, struct span *value)
{
	MDB_cursor *c = cursor(txn, table);
	MDB_val v;
	if (!c || !found_or_stick(txn, mdb_cursor_get(c, k, &v, op)))
		return false;
	*found = from_val(*k);
	*value = from_val(v);
	return true;
}

bool db_ceiling(struct db_txn *txn, enum table table, struct span key, struct span *found,
	struct span *value)
{
	MDB_val k = to_val(key);
	return seek(txn, table, key.len == 0 ? MDB_FIRST : MDB_SET_RANGE, &k, found, value);
}

bool db_floor(struct db_txn *txn, enum table table, struct span key, struct span *found,
	struct span *value)
{
	if (!db_ceiling(txn, table, key, found, value))
		return db_last(txn, table, found, value);
	if (span_equal(*found, key))
		return true;
	MDB_val k;
	return seek(txn, table, MDB_PREV, &k, found, value);
}

bool db_next(struct db_txn *txn, enum table table, struct span *found, struct span *value)
{
	MDB_val k;
	return seek(txn, table, MDB_NEXT, &k, found, value);
}

bool db_last(struct db_txn *txn, enum table table, struct span *found, struct span *value)
{
	MDB_val k;
	return seek(txn, table, MDB_LAST, &k, found, value);
}

uint64_t db_count(struct db_txn *txn, enum table table)
{
	MDB_stat stat;
	if (is_absent(txn, table))
		return 0;
	if (txn->error == TRAIL_OK)
		txn->error = from_lmdb(mdb_stat(txn->txn, txn->db->tables[table], &stat));
	return txn->error == TRAIL_OK ? stat.ms_entries : 0;
}

void db_put(struct db_txn *txn, enum table table, struct span key, struct span value)
{
	MDB_val k = to_val(key);
	MDB_val v = to_val(value);
	if (txn->error == TRAIL_OK)
		txn->error = from_lmdb(mdb_put(txn->txn, txn->db->tables[table], &k, &v, 0));
}

uint8_t *db_reserve(struct db_txn *txn, enum table table, struct span key, size_t len)
{
	MDB_val k = to_val(key);
	MDB_val v = { .mv_size = len };
	if (txn->error != TRAIL_OK)
		return NULL;
	txn->error = from_lmdb(mdb_put(txn->txn, txn->db->tables[table], &k, &v, MDB_RESERVE));
	return txn->error == TRAIL_OK ? v.mv_data : NULL;
}

void db_delete(struct db_txn *txn, enum table table, struct span key)
{
	MDB_val k = to_val(key);
	if (txn->error == TRAIL_OK)
		(void)found_or_stick(txn, mdb_del(txn->txn, txn->db->tables[table], &k, NULL));
}

static bool is_ours(struct span name)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		if (span_equal(name, span_text(TABLE_NAMES[i])))
			return true;
	}
	return false;
}

void db_strangers(struct db_txn *txn, void (*fn)(void *ctx, struct span name), void *ctx)
{
	MDB_dbi main_dbi;
	MDB_cursor *c = NULL;
	MDB_val k, v;
	if (txn->error != TRAIL_OK)
		return;
	int rc = mdb_dbi_open(txn->txn, NULL, 0, &main_dbi);
	if (rc == 0)
		rc = mdb_cursor_open(txn->txn, main_dbi, &c);
	if (rc != 0) {
		txn->error = from_lmdb(rc);
		return;
	}
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		if (!is_ours(from_val(k)))
			fn(ctx, from_val(k));
	}
	(void)found_or_stick(txn, rc);
	mdb_cursor_close(c);
}
