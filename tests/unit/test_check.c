/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traild check against small stores, sound ones and ones that were damaged by hand, row by row:
 * each damage must be found under its code. Damage to raw bytes is the business of the integration
 * tests.
 */
#include "../../daemon/check.h"

#include "../../daemon/check_child.h"
#include "../support/store_builder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	OUT_LEN = 1 << 19,
	STATE_LEN = 64,
	PATH_LEN = 128,
	COMMITS = 12,
	EVENTS = 25
};

/* A store under work, and what check said of it last. */
struct fixture {
	char state[STATE_LEN];
	char out[OUT_LEN];
	struct builder *b;
	uint64_t peer, source, other;
	uint64_t event; /* some event in the middle */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	if (!f)
		return -1;
	(void)snprintf(f->state, sizeof f->state, "/tmp/trail-check-XXXXXX");
	if (!mkdtemp(f->state))
		return -1;
	f->b = builder_new(f->state, "test.example/log");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[PATH_LEN + 16];
	if (f->b)
		builder_free(f->b);
	(void)snprintf(command, sizeof command, "rm -r %s", f->state);
	int rc = system(command);
	free(f);
	return rc;
}

/* A few commits with all that a log may hold. */
static void fill(struct fixture *f)
{
	struct builder *b = f->b;
	(void)builder_daemon(b, DAEMON_START);
	builder_commit(b);
	f->peer = builder_peer(b, "1000");
	f->source = builder_source(b, "journal", f->peer);
	f->other = builder_source(b, "files", f->peer);
	for (int c = 0; c < COMMITS; c++) {
		for (int i = 0; i < EVENTS; i++)
			f->event = builder_event(b, f->source, f->peer, 77, 0);
		(void)builder_event(b, f->other, f->peer, 0, 0);
		(void)builder_event(b, f->other, f->peer, EPOCH_IMPORT_BIT | 5, c == 3 ? 4 : 0);
		(void)builder_own_event(b);
		builder_commit(b);
	}
	(void)builder_event(b, f->source, f->peer, 99, 0);
	builder_commit(b);
	builder_close_epoch(b, f->source, 99);
	f->event -= 3 * EVENTS;
	(void)builder_daemon(b, DAEMON_STOP);
	builder_commit(b);
}

/* Run it; f->out is its stdout, NUL at the end. */
static int run(struct fixture *f, const char *option, const char *file)
{
	const char *argv[] = { "check", "--state-dir", f->state, "-o", "json", option, file, NULL };
	char path[PATH_LEN + 16];
	char *args[8] = { 0 };
	for (int i = 0; argv[i]; i++)
		args[i] = strdup(argv[i]);
	(void)snprintf(path, sizeof path, "%s.out", f->state);
	(void)fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	int to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(saved >= 0 && to >= 0);
	(void)dup2(to, STDOUT_FILENO);
	int code = check_main(option ? 7 : 5, args);
	(void)dup2(saved, STDOUT_FILENO);
	ssize_t got = pread(to, f->out, sizeof f->out - 1, 0);
	assert_true(got >= 0);
	f->out[got] = '\0';
	(void)close(saved);
	(void)close(to);
	(void)unlink(path);
	for (int i = 0; args[i]; i++)
		free(args[i]);
	return code;
}

static bool said(const struct fixture *f, const char *text)
{
	return strstr(f->out, text) != NULL;
}

static void expect_valid(struct fixture *f)
{
	int code = run(f, NULL, NULL);
	if (code != 0)
		print_error("%s\n", f->out);
	assert_int_equal(code, 0);
	assert_true(said(f, "\"verdict\":\"valid\""));
	assert_true(said(f, "\"findings\":[]"));
}

static void expect_code(struct fixture *f, const char *code)
{
	int exit_code = run(f, NULL, NULL);
	if (exit_code != 5 || !said(f, code))
		print_error("%s expected; %d %.2000s\n", code, exit_code, f->out);
	assert_int_equal(exit_code, 5);
	assert_true(said(f, code));
}

/* ---- rows by hand ---- */

static struct db_txn *begin(struct fixture *f)
{
	struct db_txn *txn = db_begin(builder_db(f->b), true);
	assert_non_null(txn);
	return txn;
}

/* XOR one byte of the row of `table` whose key is the greatest <= `key`. */
static void flip(struct fixture *f, enum table table, struct span key, size_t at, uint8_t bits)
{
	struct db_txn *txn = begin(f);
	struct span found, value;
	uint8_t copy[1 << 16];
	uint8_t name[WALK_KEY_MAX];
	assert_true(db_floor(txn, table, key, &found, &value));
	assert_true(value.len <= sizeof copy && at < value.len && found.len <= sizeof name);
	size_t len = value.len;
	size_t name_len = found.len;
	memcpy(copy, value.data, len);
	memcpy(name, found.data, name_len);
	copy[at] ^= bits;
	db_put(txn, table, span_of(name, name_len), span_of(copy, len));
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static void drop(struct fixture *f, enum table table, struct span key)
{
	struct db_txn *txn = begin(f);
	struct span found, value;
	uint8_t name[WALK_KEY_MAX];
	assert_true(db_floor(txn, table, key, &found, &value));
	size_t len = found.len;
	memcpy(name, found.data, len);
	db_delete(txn, table, span_of(name, len));
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static void put(struct fixture *f, enum table table, struct span key, const char *value)
{
	struct db_txn *txn = begin(f);
	db_put(txn, table, key, span_text(value));
	assert_int_equal(db_commit(txn), TRAIL_OK);
}

static struct span index_key(uint64_t index)
{
	static uint8_t key[KEY_INDEX_LEN];
	key_index(index, key);
	return span_of(key, sizeof key);
}

/* Of the chunk of class 0 that holds the record. */
static struct span payload_key(uint64_t index)
{
	static uint8_t key[KEY_PAYLOAD_LEN];
	key_payload(0, index, key);
	return span_of(key, sizeof key);
}

/* XOR a byte of one record. */
static void flip_record(struct fixture *f, uint64_t index, size_t at, uint8_t bits)
{
	struct db_txn *txn = begin(f);
	struct span found, value;
	assert_true(db_floor(txn, TABLE_SPINE, index_key(index), &found, &value));
	size_t skip = (size_t)(index - load_be64(found.data)) * RECORD_LEN;
	db_abort(txn);
	flip(f, TABLE_SPINE, index_key(index), skip + at, bits);
}

static void expect_first_bad(struct fixture *f, uint64_t index)
{
	char text[64];
	(void)snprintf(text, sizeof text, "\"first_bad\":%llu,", (unsigned long long)index);
	if (!said(f, text))
		print_error("%s expected: %.2000s\n", text, f->out);
	assert_true(said(f, text));
}

/* ---- seals ---- */

static void fill_sealed(struct fixture *f, builder_forge_fn forge)
{
	struct builder *b = f->b;
	(void)builder_daemon(b, DAEMON_START);
	builder_commit(b);
	(void)builder_seal(b, NULL);
	builder_commit(b);
	f->peer = builder_peer(b, "1000");
	f->source = builder_source(b, "journal", f->peer);
	builder_commit(b);
	f->event = builder_event(b, f->source, f->peer, 77, 0);
	builder_commit(b);
	(void)builder_seal(b, forge);
	builder_commit(b);
	(void)builder_event(b, f->source, f->peer, 77, 0);
	builder_commit(b);
	(void)builder_seal(b, NULL);
	(void)builder_event(b, f->source, f->peer, 77, 0);
	builder_commit(b);
}

static void test_g4_a_sealed_log_says_until_where(void **state)
{
	struct fixture *f = *state;
	fill_sealed(f, NULL);
	expect_valid(f);
	assert_true(said(f, "\"seals\":3,\"sealed_until\":{\"index\":8,\"time\":\"2025-"));
}

static void test_a_log_without_seals_is_not_sealed_yet(void **state)
{
	struct fixture *f = *state;
	fill(f);
	expect_valid(f);
	assert_true(said(f, "\"seals\":0,\"sealed_until\":null"));
}

static void other_epoch(struct forgery *f)
{
	f->key = ++f->text.epoch;
}

static void other_root(struct forgery *f)
{
	f->text.root.b[0] ^= 1;
}

static void other_key(struct forgery *f)
{
	f->key++;
}

static void other_size(struct forgery *f)
{
	f->text.size--;
}

static void other_time(struct forgery *f)
{
	f->text.time_ns--;
}

static void other_origin(struct forgery *f)
{
	f->text.origin[0]++;
}

static void test_g4_a_forged_seal_is_found(void **state)
{
	static const struct {
		builder_forge_fn forge;
		const char *code;
		uint64_t first;
	} table[] = {
		{ other_epoch, "seal.epoch", 6 },
		{ other_key, "seal.key", 6 },
		{ other_root, "seal.root", 2 },
		{ other_size, "seal.place", 6 },
		{ other_time, "seal.time", 6 },
		{ other_origin, "seal.origin", 6 },
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct fixture *f = *state;
		fill_sealed(f, table[i].forge);
		expect_code(f, table[i].code);
		expect_first_bad(f, table[i].first);
		assert_true(said(f, "\"sealed_until\":{\"index\":2,"));
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void test_v7_a_gap_between_seals_is_unverifiable(void **state)
{
	struct fixture *f = *state;
	fill_sealed(f, NULL);
	builder_set_time(f->b, UINT64_C(1760000000000000000) + 2 * BUILDER_SEAL_MAX_NS);
	(void)builder_seal(f->b, NULL);
	builder_commit(f->b);
	assert_int_equal(run(f, NULL, NULL), 6);
	assert_true(said(f, "seal.gap"));
	(void)builder_daemon(f->b, DAEMON_START);
	builder_set_time(f->b, UINT64_C(1760000000000000000) + 4 * BUILDER_SEAL_MAX_NS);
	builder_commit(f->b);
	(void)builder_seal(f->b, NULL);
	builder_commit(f->b);
	assert_int_equal(run(f, NULL, NULL), 6);
	assert_true(said(f, "\"unverifiable\":1,"));
}

/* ---- sound stores ---- */

static void a_log_of_one_record_is_valid(void **state)
{
	expect_valid(*state);
}

static void a_full_log_is_valid(void **state)
{
	struct fixture *f = *state;
	char size[64];
	fill(f);
	expect_valid(f);
	(void)snprintf(size, sizeof size, "\"size\":%llu,", (unsigned long long)builder_size(f->b));
	assert_true(said(f, size));
	assert_true(said(f, "\"uncovered\":0,"));
	assert_true(said(f, "\"tail\":\"compared\""));
	assert_true(said(f, "\"identity\":\"store\""));
}

static void large_commits_are_valid(void **state)
{
	struct fixture *f = *state;
	fill(f);
	for (int c = 0; c < 3; c++) {
		for (int i = 0; i < 4000; i++)
			(void)builder_event(f->b, f->source, f->peer, 77, 0);
		builder_commit(f->b);
	}
	expect_valid(f);
}

static void months_and_classes_have_chunks_of_their_own(void **state)
{
	struct fixture *f = *state;
	fill(f);
	for (uint64_t i = 0; i < 60; i++) {
		struct record r = {
			.kind = KIND_EVENT,
			.class_no = (uint32_t)(i % 3),
			.received_ns = UINT64_C(1770000000000000000) + i * 86400 * 1000000000,
			.epoch = 3, /* of the daemon's own: nothing numbers them but this test */
			.seq = i + 1,
		};
		r.epoch = 1;
		r.seq = COMMITS + i + 1;
		struct event_value e = {
			.time_ns = 1,
			.action = ACTION_READ,
			.actor = { .id = span_text("a") },
			.object = { .id = span_text("o") },
		};
		struct buf payload = { 0 };
		event_encode(&e, &payload);
		(void)builder_record(f->b, &r, buf_view(&payload));
		buf_release(&payload);
	}
	builder_commit(f->b);
	expect_valid(f);
}

static void records_that_a_crash_left_unsigned_are_uncovered_not_wrong(void **state)
{
	struct fixture *f = *state;
	fill(f);
	for (int i = 0; i < 5; i++)
		(void)builder_event(f->b, f->source, f->peer, 77, 0);
	builder_commit_unsigned(f->b);
	expect_valid(f);
	assert_true(said(f, "\"uncovered\":5,"));
}

static void without_the_signers_head_the_tail_is_unknown(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN + 16];
	fill(f);
	(void)snprintf(path, sizeof path, "%s/signer/head", f->state);
	assert_int_equal(unlink(path), 0);
	expect_valid(f);
	assert_true(said(f, "\"tail\":\"unknown\""));
}

static void nothing_is_written(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN + 32];
	struct stat before, after;
	fill(f);
	builder_free(f->b);
	f->b = NULL;
	(void)snprintf(path, sizeof path, "%s/log/lock.mdb", f->state);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/lock", f->state);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/log", f->state);
	assert_int_equal(stat(path, &before), 0);
	expect_valid(f);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	(void)snprintf(path, sizeof path, "%s/lock", f->state);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- damaged ones ---- */

static void every_byte_of_a_record_counts(void **state)
{
	struct fixture *f = *state;
	fill(f);
	for (size_t at = 0; at < RECORD_LEN; at++) {
		uint8_t bits = (uint8_t)(1U << at % 8);
		flip_record(f, f->event, at, bits);
		int code = run(f, NULL, NULL);
		if (code != 5)
			print_error("byte %zu: %.1000s\n", at, f->out);
		assert_int_equal(code, 5);
		expect_first_bad(f, f->event);
		flip_record(f, f->event, at, bits);
	}
	expect_valid(f);
}

static void a_changed_last_record_is_found_by_the_signers_head(void **state)
{
	struct fixture *f = *state;
	fill(f);
	flip_record(f, builder_size(f->b) - 1, 31, 1);
	expect_code(f, "signer.root");
}

static void rows_that_vanish_are_missed(void **state)
{
	static const struct {
		enum table table;
		const char *code;
	} cases[] = {
		{ TABLE_SPINE, "spine.missing" },
		{ TABLE_PAYLOAD, "payload.missing" },
		{ TABLE_TILE, "tile.missing" },
		{ TABLE_CONTROL, "control.missing" },
		{ TABLE_HEAD, "head.missing" },
		{ TABLE_SOURCE, "source.missing" },
	};
	struct fixture *f = *state;
	fill(f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* the last row, and for the spine one in the middle */
		uint8_t high[WALK_KEY_MAX];
		memset(high, 0xff, sizeof high);
		struct span key = cases[i].table == TABLE_SPINE ? index_key(f->event)
								: span_of(high, sizeof high);
		struct db_txn *txn = begin(f);
		struct span found, value;
		assert_true(db_floor(txn, cases[i].table, key, &found, &value));
		struct buf name = { 0 };
		struct buf row = { 0 };
		buf_put_span(&name, found);
		buf_put_span(&row, value);
		db_abort(txn);
		drop(f, cases[i].table, key);
		expect_code(f, cases[i].code);
		txn = begin(f);
		db_put(txn, cases[i].table, buf_view(&name), buf_view(&row));
		assert_int_equal(db_commit(txn), TRAIL_OK);
		buf_release(&name);
		buf_release(&row);
	}
	expect_valid(f);
}

static void a_lost_last_commit_is_missed_by_the_signer(void **state)
{
	struct fixture *f = *state;
	fill(f);
	drop(f, TABLE_SPINE, index_key(builder_size(f->b)));
	expect_code(f, "signer.size");
	expect_first_bad(f, builder_size(f->b) - 1);
}

static void rows_that_appear_are_too_much(void **state)
{
	static const struct {
		enum table table;
		uint8_t key_len;
		const char *code;
	} cases[] = {
		{ TABLE_SPINE, KEY_INDEX_LEN, "spine." },
		{ TABLE_PAYLOAD, KEY_PAYLOAD_LEN, "payload.extra" },
		{ TABLE_TILE, KEY_TILE_LEN, "tile.extra" },
		{ TABLE_CONTROL, KEY_INDEX_LEN, "control.extra" },
		{ TABLE_HEAD, KEY_INDEX_LEN, "head.row" },
		{ TABLE_SOURCE, KEY_SOURCE_LEN, "source.row" },
		{ TABLE_SOURCE, KEY_INDEX_LEN, "source.row" },
		{ TABLE_TILE, 3, "store.order" },
		{ TABLE_SOURCE, 11, "store.order" },
	};
	struct fixture *f = *state;
	fill(f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[WALK_KEY_MAX];
		memset(bytes, 0x71, sizeof bytes);
		struct span key = span_of(bytes, cases[i].key_len);
		put(f, cases[i].table, key, "strange");
		expect_code(f, cases[i].code);
		drop(f, cases[i].table, key);
	}
	expect_valid(f);
}

static void every_byte_of_the_other_rows_counts(void **state)
{
	static const enum table tables[] = { TABLE_PAYLOAD, TABLE_TILE, TABLE_CONTROL, TABLE_HEAD,
		TABLE_SOURCE };
	struct fixture *f = *state;
	fill(f);
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		struct db_txn *txn = begin(f);
		struct span key, value;
		uint8_t name[WALK_KEY_MAX];
		assert_true(db_last(txn, tables[t], &key, &value));
		struct span last = span_of(name, key.len);
		memcpy(name, key.data, key.len);
		size_t len = value.len;
		db_abort(txn);
		for (size_t at = 0; at < len; at++) {
			uint8_t bits = (uint8_t)(1U << at % 8);
			flip(f, tables[t], last, at, bits);
			int code = run(f, NULL, NULL);
			if (code != 5 && code != 6)
				print_error("table %d byte %zu: %.1000s\n", tables[t], at, f->out);
			assert_true(code == 5 || code == 6);
			flip(f, tables[t], last, at, bits);
		}
	}
	expect_valid(f);
}

static void an_older_state_row_is_found(void **state)
{
	struct fixture *f = *state;
	uint8_t key[KEY_SOURCE_LEN];
	struct span value;
	fill(f);
	key_source(f->source, 77, key);
	struct db_txn *txn = begin(f);
	uint8_t row[EPOCH_ROW_LEN];
	assert_true(db_get(txn, TABLE_SOURCE, span_of(key, sizeof key), &value));
	memcpy(row, value.data, sizeof row);
	db_abort(txn);
	(void)builder_event(f->b, f->source, f->peer, 77, 0);
	builder_commit(f->b);
	txn = begin(f);
	db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(row, sizeof row));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	expect_code(f, "source.state");
}

/* Replace the last row of `table` by itself and `more`. */
static void lengthen_last(struct fixture *f, enum table table, struct span more)
{
	struct db_txn *txn = begin(f);
	struct span found, value;
	struct buf key = { 0 };
	struct buf row = { 0 };
	assert_true(db_last(txn, table, &found, &value));
	buf_put_span(&key, found);
	buf_put_span(&row, value);
	buf_put_span(&row, more);
	db_put(txn, table, buf_view(&key), buf_view(&row));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	buf_release(&key);
	buf_release(&row);
}

static void a_node_behind_a_run_is_too_much(void **state)
{
	static const uint8_t node[HASH_LEN] = { 1 };
	struct fixture *f = *state;
	fill(f);
	lengthen_last(f, TABLE_TILE, span_of(node, sizeof node));
	expect_code(f, "tile.extra");
}

static void another_signature_on_a_kept_head_is_not_judged(void **state)
{
	struct fixture *f = *state;
	fill(f);
	lengthen_last(f, TABLE_HEAD, span_text("\xe2\x80\x94 other.example/x AAAAAAA=\n"));
	assert_int_equal(run(f, NULL, NULL), 6);
	assert_true(said(f, "head.lines"));
}

static void state_rows_with_true_checksums_are_compared_all_the_same(void **state)
{
	struct fixture *f = *state;
	uint8_t key[KEY_SOURCE_LEN];
	uint8_t bytes[EPOCH_ROW_LEN];
	struct epoch_row row;
	struct span value;
	fill(f);
	key_source(f->source, 77, key);
	struct db_txn *txn = begin(f);
	assert_true(db_get(txn, TABLE_SOURCE, span_of(key, sizeof key), &value));
	assert_true(epoch_row_decode(f->source, 77, value, &row));
	uint64_t peer = row.peer;
	row.peer = builder_peer(f->b, "1001");
	epoch_row_encode(f->source, 77, &row, bytes);
	db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(bytes, sizeof bytes));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	builder_commit(f->b);
	expect_code(f, "source.state");
	row.peer = peer;
	epoch_row_encode(f->source, 77, &row, bytes);
	txn = begin(f);
	db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(bytes, sizeof bytes));
	epoch_row_encode(f->source, 500, &row, bytes);
	key_source(f->source, 500, key);
	db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(bytes, sizeof bytes));
	assert_int_equal(db_commit(txn), TRAIL_OK);
	expect_code(f, "source.extra");
	assert_false(said(f, "source.state"));
}

static void an_epoch_has_one_peer(void **state)
{
	struct fixture *f = *state;
	fill(f);
	uint64_t stranger = builder_peer(f->b, "1001");
	(void)builder_event(f->b, f->source, stranger, 77, 0);
	builder_commit(f->b);
	expect_code(f, "spine.peer");
}

static void a_chunk_packed_anew_with_another_payload_is_found(void **state)
{
	static const uint8_t salt[SALT_LEN] = { 9 };
	struct fixture *f = *state;
	struct chunker *chunker = chunker_new();
	struct log_identity id;
	char path[PATH_LEN];
	char text[512];
	struct span chunk;
	fill(f);
	uint64_t index = builder_event(f->b, f->source, f->peer, 77, 0);
	builder_commit(f->b);
	(void)snprintf(path, sizeof path, "%s/identity", f->state);
	FILE *file = fopen(path, "r");
	assert_true(chunker && file);
	size_t len = fread(text, 1, sizeof text, file);
	(void)fclose(file);
	assert_int_equal(identity_parse(span_of(text, len), &id), TRAIL_OK);
	struct chunk_place place = {
		.genesis = id.genesis,
		.month = month_of(UINT64_C(1760000000000000000)),
		.first = index,
	};
	chunk_begin(chunker);
	assert_true(chunk_add(chunker, index, salt, span_text("another payload")));
	assert_int_equal(chunk_finish(chunker, &place, &chunk), TRAIL_OK);
	struct db_txn *txn = begin(f);
	db_put(txn, TABLE_PAYLOAD, payload_key(index), chunk);
	assert_int_equal(db_commit(txn), TRAIL_OK);
	chunker_free(chunker);
	expect_code(f, "payload.commitment");
	expect_first_bad(f, index);
}

/* ---- pages that kill ---- */

static void pages_that_kill_are_findings_and_the_rest_is_read(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN];
	uint8_t page[4096];
	uint8_t junk[sizeof page];
	int unreadable = 0;
	int read_on = 0;
	struct stat st;
	fill(f);
	builder_free(f->b);
	f->b = NULL;
	memset(junk, 0xff, sizeof junk);
	(void)snprintf(path, sizeof path, "%s/log/data.mdb", f->state);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 2 * (off_t)sizeof page; at < st.st_size; at += (off_t)sizeof page) {
		/* the page's number stays, its kind and bounds do not */
		assert_int_equal(pread(fd, page, sizeof page, at), sizeof page);
		assert_int_equal(pwrite(fd, junk, sizeof junk - 8, at + 8), sizeof junk - 8);
		int code = run(f, NULL, NULL);
		assert_true(code == 0 || code == 5);
		unreadable += said(f, "store.unreadable");
		read_on += said(f, "store.unreadable") && !said(f, "\"checked\":0,");
		assert_int_equal(pwrite(fd, page, sizeof page, at), sizeof page);
	}
	(void)close(fd);
	assert_true(unreadable > 5);
	assert_true(read_on > 3);
	expect_valid(f);
}

static void a_file_that_is_cut_is_not_mapped(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN];
	struct stat st;
	fill(f);
	builder_free(f->b);
	f->b = NULL;
	(void)snprintf(path, sizeof path, "%s/log/data.mdb", f->state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	expect_code(f, "store.meta");
	assert_int_equal(truncate(path, 100), 0);
	expect_code(f, "store.meta");
	assert_int_equal(truncate(path, 0), 0);
	expect_code(f, "store.meta");
}

static void a_meta_page_that_no_commit_wrote_is_found(void **state)
{
	/* page number, map address, map size, flags, flags of the main table, txnid of either page
	 */
	static const off_t at[] = { 0, 24, 38, 44, 92, 144, 147, 4096 + 144, 4096 + 147 };
	struct fixture *f = *state;
	char path[PATH_LEN];
	fill(f);
	builder_free(f->b);
	f->b = NULL;
	(void)snprintf(path, sizeof path, "%s/log/data.mdb", f->state);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		uint8_t byte;
		assert_int_equal(pread(fd, &byte, 1, at[i]), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at[i]), 1);
		expect_code(f, "store.meta");
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at[i]), 1);
	}
	(void)close(fd);
	expect_valid(f);
}

static void a_child_that_hangs_is_ended(void **state)
{
	struct fixture *f = *state;
	static struct findings found;
	struct scan_result result;
	struct evidence evidence = { 0 };
	char folder[PATH_LEN];
	char path[PATH_LEN + 16];
	(void)snprintf(folder, sizeof folder, "%s/pipes", f->state);
	(void)snprintf(path, sizeof path, "%s/data.mdb", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* opening it waits for a writer, for ever */
	struct child_options options = {
		.folder = folder,
		.map_bytes = 1 << 20,
		.evidence = &evidence,
		.hang_ms = 100,
	};
	memset(&found, 0, sizeof found);
	assert_int_equal(child_scan(&options, &found, &result), TRAIL_OK);
	assert_int_equal(found.invalid, 1);
	assert_string_equal(finding_code(found.list[0].code), "store.unreadable");
	assert_non_null(strstr(found.list[0].what, "hangs"));
}

static void holes_widen_until_the_table_ends(void **state)
{
	static struct black_box box;
	struct hole holes[HOLES_MAX] = { 0 };
	size_t count = 0;
	uint64_t before = 0;
	(void)state;
	atomic_store(&box.stage, STAGE_OPEN);
	assert_false(holes_enter(holes, &count, &box));
	atomic_store(&box.stage, STAGE_WALK);
	box.table = TABLE_CONTROL;
	box.from_len = KEY_INDEX_LEN;
	key_index(100, box.from);
	for (int i = 0; i < 12; i++) {
		assert_true(holes_enter(holes, &count, &box));
		assert_int_equal(count, 1);
		assert_false(holes[0].ends);
		uint64_t resume = load_be64(holes[0].resume);
		assert_true(resume > 100 && resume > before);
		before = resume;
	}
	for (int i = 0; i < 4; i++)
		assert_true(holes_enter(holes, &count, &box));
	assert_true(holes[0].ends);
	/* a row that kills is passed over alone */
	atomic_store(&box.stage, STAGE_ROW);
	key_index(200, box.from);
	key_index(201, box.row);
	box.row_len = KEY_INDEX_LEN;
	assert_true(holes_enter(holes, &count, &box));
	assert_int_equal(count, 2);
	assert_int_equal(load_be64(holes[1].resume), 202);
	for (uint64_t i = 0; i < HOLES_MAX - 2; i++) {
		key_index(300 + i, box.from);
		assert_true(holes_enter(holes, &count, &box));
	}
	key_index(900, box.from);
	assert_false(holes_enter(holes, &count, &box));
	box.from_len = WALK_KEY_MAX + 1; /* a box that was written over */
	assert_false(holes_enter(holes, &count, &box));
}

/* ---- records that lie, in a log that is otherwise whole ---- */

struct lie {
	const char *code;
	struct record r;
	const char *payload; /* NULL: a valid event */
};

static void tell(struct fixture *f, const struct lie *lie)
{
	struct buf payload = { 0 };
	struct record r = lie->r;
	struct event_value e = {
		.time_ns = 1,
		.action = ACTION_READ,
		.actor = { .id = span_text("a") },
		.object = { .id = span_text("o") },
	};
	r.kind = KIND_EVENT;
	if (r.received_ns == 0)
		r.received_ns = UINT64_C(1770000000000000000);
	if (lie->payload)
		buf_put_text(&payload, lie->payload);
	else
		event_encode(&e, &payload);
	(void)builder_record(f->b, &r, buf_view(&payload));
	builder_commit(f->b);
	buf_release(&payload);
}

static void records_that_lie_are_found(void **state)
{
	struct fixture *f = *state;
	fill(f);
	uint64_t s = f->source;
	uint64_t p = f->peer;
	const struct lie lies[] = {
		{ "spine.source", { .source = 1, .peer = p, .epoch = 9, .seq = 1 }, NULL },
		{ "spine.peer", { .source = s, .peer = s, .epoch = 9, .seq = 1 }, NULL },
		{ "spine.peer", { .source = s, .epoch = 9, .seq = 1 }, NULL },
		{ "spine.seq", { .source = s, .peer = p, .epoch = 77, .seq = 1 }, NULL },
		{ "spine.seq", { .source = s, .peer = p, .epoch = 78, .seq = 2 }, NULL },
		{ "spine.loss",
			{ .source = s, .peer = p, .epoch = 78, .seq = 1, .flags = FLAG_LOSS },
			NULL },
		{ "spine.epoch", { .source = s, .peer = p, .seq = 1 }, NULL },
		{ "spine.epoch", { .epoch = 4, .seq = 1 }, NULL },
		{ "spine.seq", { .epoch = 1, .seq = 1 }, NULL },
		{ "spine.time", { .source = s, .peer = p, .epoch = 9, .seq = 1, .received_ns = 5 },
			NULL },
		{ "spine.unknown", { .source = s, .peer = p, .epoch = 9, .seq = 1, .flags = 64 },
			NULL },
		{ "payload.event", { .source = s, .peer = p, .epoch = 9, .seq = 1 }, "no event" },
	};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct fixture *fresh;
		void *own = NULL;
		assert_int_equal(setup(&own), 0);
		fresh = own;
		fill(fresh);
		tell(fresh, &lies[i]);
		/* the state row is missing too, as no epoch was opened: look for the code alone */
		int code = run(fresh, NULL, NULL);
		if (code == 0 || !said(fresh, lies[i].code))
			print_error("%s: %d %.1500s\n", lies[i].code, code, fresh->out);
		assert_int_not_equal(code, 0);
		assert_true(said(fresh, lies[i].code));
		assert_int_equal(teardown(&own), 0);
	}
}

static void a_name_is_given_once(void **state)
{
	struct fixture *f = *state;
	fill(f);
	(void)builder_source(f->b, "journal", f->peer);
	builder_commit(f->b);
	expect_code(f, "control.name");
}

static void a_peer_is_named_once(void **state)
{
	struct fixture *f = *state;
	fill(f);
	(void)builder_peer(f->b, "1000");
	builder_commit(f->b);
	expect_code(f, "control.name");
}

static void time_goes_back_in_clock_entries_alone(void **state)
{
	struct fixture *f = *state;
	fill(f);
	builder_set_time(f->b, UINT64_C(1750000000000000000));
	(void)builder_daemon(f->b, DAEMON_CLOCK);
	builder_commit(f->b);
	expect_valid(f);
	builder_set_time(f->b, UINT64_C(1740000000000000000));
	(void)builder_daemon(f->b, DAEMON_DISK);
	builder_commit(f->b);
	expect_code(f, "spine.time");
}

static void what_a_later_traild_says_is_unverifiable(void **state)
{
	struct fixture *f = *state;
	fill(f);
	builder_control(f->b, KIND_POLICY, span_text("of the future"));
	builder_commit(f->b);
	assert_int_equal(run(f, NULL, NULL), 6);
	assert_true(said(f, "control.unjudged"));
	assert_true(said(f, "\"verdict\":\"unverifiable\""));
}

static void a_missing_payload_below_an_erasure_is_unverifiable(void **state)
{
	struct fixture *f = *state;
	fill(f);
	builder_control(f->b, KIND_ERASURE, span_text("of the future"));
	builder_commit(f->b);
	drop(f, TABLE_PAYLOAD, payload_key(f->event));
	assert_int_equal(run(f, NULL, NULL), 6);
	assert_true(said(f, "payload.erased"));
	assert_false(said(f, "\"erased\":0,"));
}

static void zeros_in_place_of_a_chunk_are_damage(void **state)
{
	struct fixture *f = *state;
	fill(f);
	flip(f, TABLE_PAYLOAD, payload_key(f->event), 0, 1);
	expect_code(f, "payload.chunk");
	flip(f, TABLE_PAYLOAD, payload_key(f->event), 0, 2);
	assert_int_equal(run(f, NULL, NULL), 6);
	assert_true(said(f, "payload.sealed"));
}

/* ---- heads and identities that are given ---- */

static void write_text(const struct fixture *f, const char *name, const char *text, char *path)
{
	(void)snprintf(path, PATH_LEN, "%s/%.32s", f->state, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_later_checkpoint_finds_a_cut_tail(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN];
	fill(f);
	write_text(f, "given", builder_note(f->b), path);
	assert_int_equal(run(f, "--checkpoint", path), 0);
	(void)builder_event(f->b, f->source, f->peer, 77, 0);
	builder_commit(f->b);
	assert_int_equal(run(f, "--checkpoint", path), 0); /* a prefix */
	assert_true(said(f, "\"heads\":3,"));
	write_text(f, "given", builder_note(f->b), path);
	drop(f, TABLE_SPINE, index_key(builder_size(f->b)));
	assert_int_equal(run(f, "--checkpoint", path), 5);
	assert_true(said(f, "checkpoint.size"));
}

static void a_checkpoint_that_is_none_is_a_mistake_of_the_caller(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN];
	write_text(f, "given", "", path);
	assert_int_equal(run(f, "--checkpoint", path), 3);
	write_text(f, "given", "not a note\n", path);
	assert_int_equal(run(f, "--checkpoint", path), 5);
	assert_true(said(f, "checkpoint.note"));
}

static void the_identity_is_compared_when_it_is_given(void **state)
{
	struct fixture *f = *state;
	struct log_identity id;
	char path[PATH_LEN];
	char text[512] = "";
	fill(f);
	(void)snprintf(path, sizeof path, "%s/identity", f->state);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	assert_int_equal(run(f, "--log", path), 0);
	assert_true(said(f, "\"identity\":\"given\""));
	assert_int_equal(identity_parse(span_of(text, len), &id), TRAIL_OK);
	id.genesis.b[5] ^= 1;
	struct buf other = { 0 };
	identity_put(&other, &id);
	buf_put_u8(&other, 0);
	write_text(f, "given", (const char *)other.data, path);
	buf_release(&other);
	assert_int_equal(run(f, "--log", path), 5);
	assert_true(said(f, "identity.given"));
}

static void the_files_beside_the_store_must_agree(void **state)
{
	static const struct {
		const char *name;
		const char *code;
		int exit_code;
	} cases[] = {
		{ "vkey", "identity.vkey", 5 },
		{ "identity", "identity.file", 5 },
		{ "VERSION", "store.version", 5 },
		{ "signer/head", "signer.head", 6 },
	};
	struct fixture *f = *state;
	fill(f);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char path[PATH_LEN];
		char kept[PATH_LEN + 8];
		(void)snprintf(path, sizeof path, "%s/%.32s", f->state, cases[i].name);
		(void)snprintf(kept, sizeof kept, "%s.kept", path);
		assert_int_equal(rename(path, kept), 0);
		write_text(f, cases[i].name, "x\n", path);
		assert_int_equal(run(f, NULL, NULL), cases[i].exit_code);
		assert_true(said(f, cases[i].code));
		assert_int_equal(rename(kept, path), 0);
	}
	expect_valid(f);
}

static void a_running_daemon_keeps_it_out(void **state)
{
	struct fixture *f = *state;
	char path[PATH_LEN + 8];
	(void)snprintf(path, sizeof path, "%s/lock", f->state);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
	assert_int_equal(run(f, NULL, NULL), 3);
	(void)close(fd);
	expect_valid(f);
}

static void usage_is_told_apart(void **state)
{
	struct fixture *f = *state;
	char name[] = "check";
	char *no_folder[] = { name, NULL };
	assert_int_equal(check_main(1, no_folder), 2);
	assert_int_equal(run(f, "--nonsense", "x"), 2);
	assert_int_equal(run(f, "--log", "/nonexistent"), 3);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_log_of_one_record_is_valid),
		CASE(a_full_log_is_valid),
		CASE(large_commits_are_valid),
		CASE(months_and_classes_have_chunks_of_their_own),
		CASE(records_that_a_crash_left_unsigned_are_uncovered_not_wrong),
		CASE(without_the_signers_head_the_tail_is_unknown),
		CASE(nothing_is_written),
		CASE(every_byte_of_a_record_counts),
		CASE(a_changed_last_record_is_found_by_the_signers_head),
		CASE(rows_that_vanish_are_missed),
		CASE(a_lost_last_commit_is_missed_by_the_signer),
		CASE(rows_that_appear_are_too_much),
		CASE(every_byte_of_the_other_rows_counts),
		CASE(an_older_state_row_is_found),
		CASE(a_node_behind_a_run_is_too_much),
		CASE(another_signature_on_a_kept_head_is_not_judged),
		CASE(state_rows_with_true_checksums_are_compared_all_the_same),
		CASE(an_epoch_has_one_peer),
		CASE(a_chunk_packed_anew_with_another_payload_is_found),
		CASE(pages_that_kill_are_findings_and_the_rest_is_read),
		CASE(a_file_that_is_cut_is_not_mapped),
		CASE(a_meta_page_that_no_commit_wrote_is_found),
		CASE(a_child_that_hangs_is_ended),
		CASE(holes_widen_until_the_table_ends),
		CASE(records_that_lie_are_found),
		CASE(a_name_is_given_once),
		CASE(a_peer_is_named_once),
		CASE(time_goes_back_in_clock_entries_alone),
		CASE(what_a_later_traild_says_is_unverifiable),
		CASE(a_missing_payload_below_an_erasure_is_unverifiable),
		CASE(zeros_in_place_of_a_chunk_are_damage),
		CASE(a_later_checkpoint_finds_a_cut_tail),
		CASE(a_checkpoint_that_is_none_is_a_mistake_of_the_caller),
		CASE(the_identity_is_compared_when_it_is_given),
		CASE(the_files_beside_the_store_must_agree),
		CASE(test_g4_a_sealed_log_says_until_where),
		CASE(test_a_log_without_seals_is_not_sealed_yet),
		CASE(test_g4_a_forged_seal_is_found),
		CASE(test_v7_a_gap_between_seals_is_unverifiable),
		CASE(a_running_daemon_keeps_it_out),
		CASE(usage_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
