/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to LMDB: one environment, its seven tables, transactions with a sticky error.
 *
 * What LMDB gives views its map and is valid until the transaction ends. A transaction remembers
 * its first failure: after it every call is a no-op that answers "not found", and db_commit or
 * db_error tells. Default flags and MDB_NOTLS, never WRITEMAP, NOSYNC or NOMETASYNC: a commit is
 * two flushes, and only a commit that answered TRAIL_OK is durable.
 */
#ifndef DAEMON_DB_H
#define DAEMON_DB_H

#include "../proto/err.h"
#include "layout.h"

struct db;
struct db_txn;

struct db_options {
	uint64_t map_bytes; /* address space, not memory; grows the file only as it is used */
	bool read_only;     /* takes no lock: only where no daemon runs */
	bool create;        /* make an empty file where there is none */
};

/*
 * Open `folder`/data.mdb after meta_read has approved of it. One per process and file.
 * TRAIL_IO (errno kept), TRAIL_CORRUPT, TRAIL_NOMEM. The tables are made in an empty environment
 * alone: one that is missing beside others, or in a read-only one, is TRAIL_CORRUPT,
 * but for TABLE_STAMP, which came later: it is made, or is empty where nothing is written.
 */
enum trail_err db_open(const char *folder, const struct db_options *options, struct db **db);
void db_close(struct db *db);
/* Bytes of the map that are used, and the map's size. */
void db_usage(struct db *db, uint64_t *used, uint64_t *map);

/*
 * Forget readers whose process died (mdb_copy that was killed): until then no page that they might
 * see is used again, and the file grows. To be called now and then.
 */
void db_forget_dead(struct db *db);

/*
 * Begin. A write transaction belongs to its thread. NULL: for reading, memory is out or programs
 * beside this one have taken all places for readers, and it may be tried again; for writing, the
 * environment is of no more use.
 */
struct db_txn *db_begin(struct db *db, bool write);
/*
 * Ends the transaction, durable when TRAIL_OK. Any error is final: never retry, the fate is
 * unknown.
 */
enum trail_err db_commit(struct db_txn *txn);
/* Ends without effect. NULL is fine. */
void db_abort(struct db_txn *txn);
/* The first failure so far; TRAIL_FULL: the map is full. */
enum trail_err db_error(const struct db_txn *txn);

/* Exactly `key`. False: not there, or an error (db_error). */
bool db_get(struct db_txn *txn, enum table table, struct span key, struct span *value);
/* The greatest row whose key is <= `key`. */
bool db_floor(struct db_txn *txn, enum table table, struct span key, struct span *found,
	struct span *value);
/* The smallest row whose key is >= `key`. An empty key: the first row. */
bool db_ceiling(struct db_txn *txn, enum table table, struct span key, struct span *found,
	struct span *value);
/* The row behind the one that db_floor, db_ceiling, db_next or db_last last found in this table. */
bool db_next(struct db_txn *txn, enum table table, struct span *found, struct span *value);
bool db_last(struct db_txn *txn, enum table table, struct span *found, struct span *value);
/* Rows of the table, as its root says (not counted). 0 after an error. */
uint64_t db_count(struct db_txn *txn, enum table table);

/* Put, replacing. Write transactions only. */
void db_put(struct db_txn *txn, enum table table, struct span key, struct span value);
/* Put `len` bytes to be filled in by the caller before any other call. NULL: an error. */
uint8_t *db_reserve(struct db_txn *txn, enum table table, struct span key, size_t len);
void db_delete(struct db_txn *txn, enum table table, struct span key);

/*
 * Walk the names in LMDB's main database that are none of ours; `fn` gets each. For check.
 */
void db_strangers(struct db_txn *txn, void (*fn)(void *ctx, struct span name), void *ctx);

#endif
