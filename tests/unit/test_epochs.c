/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/epochs.h"

#include "../support/random.h"
#include "../support/signer_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	SOURCES = 3,
	NUMBERS = 6000, /* more than may be open, so that some are pushed out */
	OPERATIONS = 30000,
	MAP = 64 << 20
};

static const uint64_t S = 1000000000;
static const uint64_t NOON = UINT64_C(1760000000) * 1000000000;

struct place {
	char folder[CASE_PATH_MAX];
	struct db *db;
	struct epochs *epochs;
};

static int setup(void **state)
{
	const struct db_options options = { .map_bytes = MAP, .create = true };
	struct place *p = calloc(1, sizeof *p);
	if (!p)
		return -1;
	case_folder_make(p->folder);
	p->epochs = epochs_new();
	*state = p;
	return p->epochs && db_open(p->folder, &options, &p->db) == TRAIL_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct place *p = *state;
	epochs_free(p->epochs);
	db_close(p->db);
	case_folder_remove(p->folder);
	free(p);
	return 0;
}

static void write_rows(struct place *p)
{
	struct db_txn *txn = db_begin(p->db, true);
	epochs_write(p->epochs, txn);
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_false(epochs_must_write(p->epochs));
}

static enum trail_err load_rows(struct place *p)
{
	epochs_free(p->epochs);
	p->epochs = epochs_new();
	assert_non_null(p->epochs);
	struct db_txn *txn = db_begin(p->db, false);
	enum trail_err err = epochs_load(p->epochs, txn);
	db_abort(txn);
	return err;
}

static void restart(struct place *p)
{
	write_rows(p);
	assert_int_equal(load_rows(p), TRAIL_OK);
}

static uint64_t count_rows(struct place *p)
{
	struct db_txn *txn = db_begin(p->db, false);
	uint64_t rows = db_count(txn, TABLE_SOURCE);
	db_abort(txn);
	return rows;
}

static struct epoch *must_open(struct place *p, uint64_t source, uint64_t number)
{
	struct epoch *epoch = NULL;
	struct epoch pushed;
	enum trail_err err = epochs_open(p->epochs, source, number, &epoch, &pushed);
	assert_int_equal(err, TRAIL_OK);
	assert_null(pushed.source);
	assert_ptr_equal(epochs_find(p->epochs, source, number), epoch);
	return epoch;
}

/* One record stored at index, heard at `ns`. */
static void store_one(struct place *p, struct epoch *epoch, uint64_t index, uint64_t ns)
{
	epochs_stored(p->epochs, epoch, 1, 0, index, index);
	epochs_heard(p->epochs, epoch, ns, 0);
}

/* ---- single rules ---- */

static void test_what_was_stored_is_known_after_a_restart(void **state)
{
	struct place *p = *state;
	struct epoch *epoch = must_open(p, 5, 100);
	epochs_stored(p->epochs, epoch, 10, 0, 40, 49);
	epochs_stored(p->epochs, epoch, 5, 3, 60, 64);
	epochs_heard(p->epochs, epoch, NOON, 30);
	epoch->row.peer = 4;
	restart(p);
	epoch = epochs_find(p->epochs, 5, 100);
	assert_non_null(epoch);
	assert_int_equal(epoch_source_index(epoch), 5);
	assert_int_equal(epoch->row.last, 18);
	assert_int_equal(epoch->row.holes, 3);
	assert_int_equal(epoch->row.first_index, 40);
	assert_int_equal(epoch->row.last_index, 64);
	assert_int_equal(epoch->row.made, 30);
	assert_int_equal(epoch->row.peer, 4);
	assert_true(epoch->row.last_ns == NOON);
	assert_int_equal(epoch->row.state, EPOCH_OPEN);
	assert_int_equal(epoch->holder, 0);
	assert_null(epochs_find(p->epochs, 5, 101));
	assert_null(epochs_find(p->epochs, 6, 100));
}

static void test_a_claim_alone_leaves_no_row(void **state)
{
	struct place *p = *state;
	struct epoch *epoch = must_open(p, 5, 100);
	/* A keep-alive that gave nothing out says nothing either. */
	epochs_heard(p->epochs, epoch, NOON, 0);
	assert_true(epoch_only_claimed(epoch));
	write_rows(p);
	assert_int_equal(count_rows(p), 0);
	epochs_heard(p->epochs, epoch, NOON, 1);
	write_rows(p);
	assert_int_equal(count_rows(p), 1);
}

static void test_a_closed_epoch_is_over_and_so_is_what_lies_below(void **state)
{
	struct place *p = *state;
	struct epoch *epoch = must_open(p, 5, 100);
	struct epoch pushed;
	store_one(p, epoch, 40, NOON);
	write_rows(p);
	assert_false(epochs_must_write(p->epochs));
	epochs_close(p->epochs, epoch);
	assert_true(epochs_must_write(p->epochs));
	for (int again = 0; again < 2; again++) {
		assert_null(epochs_find(p->epochs, 5, 100));
		assert_int_equal(epochs_floor(p->epochs, 5), 100);
		assert_int_equal(epochs_floor(p->epochs, 6), 0);
		for (uint64_t n = 1; n <= 100; n += 33)
			assert_int_equal(
				epochs_open(p->epochs, 5, n, &epoch, &pushed), TRAIL_CLOSED);
		restart(p);
	}
	assert_int_equal(count_rows(p), 1); /* the floor */
	(void)must_open(p, 5, 101);
	(void)must_open(p, 6, 1);
	(void)must_open(p, 5, 0);
}

static void test_an_open_epoch_below_the_floor_goes_on(void **state)
{
	struct place *p = *state;
	store_one(p, must_open(p, 5, 100), 40, NOON);
	struct epoch *later = must_open(p, 5, 200);
	store_one(p, later, 41, NOON + 1);
	epochs_close(p->epochs, later);
	restart(p);
	assert_int_equal(epochs_floor(p->epochs, 5), 200);
	struct epoch *epoch = epochs_find(p->epochs, 5, 100);
	assert_non_null(epoch);
	epochs_close(p->epochs, epoch);
	assert_int_equal(epochs_floor(p->epochs, 5), 200);
}

static void test_a_closed_import_is_kept(void **state)
{
	struct place *p = *state;
	struct epoch *import = must_open(p, 5, EPOCH_IMPORT_BIT | 77);
	store_one(p, import, 40, NOON);
	epochs_close(p->epochs, import);
	assert_true(epochs_must_write(p->epochs));
	restart(p);
	import = epochs_find(p->epochs, 5, EPOCH_IMPORT_BIT | 77);
	assert_non_null(import);
	assert_int_equal(import->row.state, EPOCH_CLOSED);
	assert_int_equal(import->row.last, 1);
	assert_int_equal(epochs_floor(p->epochs, 5), 0);
	/* Lower numbers are other batches, not older ones. */
	(void)must_open(p, 5, EPOCH_IMPORT_BIT | 1);
}

static void test_imports_of_a_source_are_bounded(void **state)
{
	struct place *p = *state;
	struct epoch *epoch;
	struct epoch pushed;
	for (uint64_t n = 0; n < EPOCHS_IMPORT_MAX; n++)
		store_one(p, must_open(p, 5, EPOCH_IMPORT_BIT | n * 977), 40 + n, NOON + n);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(epochs_open(p->epochs, 5, EPOCH_IMPORT_BIT | 1, &epoch, &pushed),
			TRAIL_FULL);
		restart(p);
	}
	(void)must_open(p, 6, EPOCH_IMPORT_BIT | 1);
	(void)must_open(p, 5, 1);
}

static void test_the_least_recently_used_is_pushed_out(void **state)
{
	struct place *p = *state;
	struct epoch *epoch = NULL;
	struct epoch pushed;
	store_one(p, must_open(p, 5, 0), 40, NOON);
	for (uint64_t n = 1; n <= EPOCHS_OPEN_MAX; n++)
		store_one(p, must_open(p, 5, n), 40 + n, NOON + n);
	/* 1 speaks again: 2 is the one to go; after a restart as before it. */
	epochs_heard(p->epochs, epochs_find(p->epochs, 5, 1), NOON + 9000, 7);
	restart(p);
	epochs_heard(p->epochs, epochs_find(p->epochs, 5, 3), NOON + 9001, 0);
	assert_int_equal(epochs_open(p->epochs, 5, 9999, &epoch, &pushed), TRAIL_OK);
	assert_non_null(pushed.source);
	assert_int_equal(pushed.number, 2);
	assert_int_equal(epoch_source_index(&pushed), 5);
	assert_int_equal(pushed.row.last, 1);
	assert_int_equal(epochs_floor(p->epochs, 5), 2);
	assert_true(epochs_must_write(p->epochs));
	assert_null(epochs_find(p->epochs, 5, 2));
	assert_int_equal(epochs_open(p->epochs, 5, 2, &epoch, &pushed), TRAIL_CLOSED);
	store_one(p, epoch = epochs_find(p->epochs, 5, 9999), 5000, NOON + 9002);
	assert_int_equal(epochs_open(p->epochs, 5, 10000, &epoch, &pushed), TRAIL_OK);
	assert_int_equal(pushed.number, 4);
	assert_non_null(epochs_find(p->epochs, 5, 1));
	assert_non_null(epochs_find(p->epochs, 5, 0));
	restart(p);
	assert_null(epochs_find(p->epochs, 5, 2));
	assert_null(epochs_find(p->epochs, 5, 4));
	assert_int_equal(epochs_floor(p->epochs, 5), 4);
}

static void test_mere_claims_go_before_what_has_a_standing(void **state)
{
	struct place *p = *state;
	struct epoch *epoch = NULL;
	struct epoch pushed;
	for (uint64_t n = 1; n < EPOCHS_OPEN_MAX; n++)
		store_one(p, must_open(p, 5, n), 40 + n, NOON + n);
	(void)must_open(p, 5, 7000);
	epochs_heard(p->epochs, epochs_find(p->epochs, 5, 7000), NOON + 9000, 0);
	for (uint64_t n = 7001; n < 7100; n++) {
		assert_int_equal(epochs_open(p->epochs, 5, n, &epoch, &pushed), TRAIL_OK);
		assert_null(pushed.source);
		assert_null(epochs_find(p->epochs, 5, n - 1));
	}
	assert_int_equal(epochs_floor(p->epochs, 5), 0);
	restart(p);
	assert_int_equal(count_rows(p), EPOCHS_OPEN_MAX - 1);
}

static struct epoch *next_silent(struct place *p, uint64_t now_ns)
{
	struct epoch *found;
	return epochs_take_silent(p->epochs, now_ns, &found, 1) ? found : NULL;
}

static void test_all_that_are_silent_are_told_at_once(void **state)
{
	struct place *p = *state;
	uint64_t day = 24 * 3600 * S;
	struct epoch *found[4];
	for (uint64_t n = 1; n <= 5; n++)
		store_one(p, must_open(p, 5, n), 40 + n, NOON);
	assert_int_equal(epochs_take_silent(p->epochs, NOON + day, found, 4), 0);
	assert_int_equal(epochs_take_silent(p->epochs, NOON + day + 1, found, 4), 4);
	assert_int_equal(epochs_take_silent(p->epochs, NOON + day + 1, found, 4), 1);
	assert_int_equal(found[0]->row.state, EPOCH_OPEN_END);
	assert_int_equal(epochs_take_silent(p->epochs, NOON + day + 1, found, 4), 0);
}

static void test_a_day_of_silence_is_told_once(void **state)
{
	struct place *p = *state;
	uint64_t day = 24 * 3600 * S;
	store_one(p, must_open(p, 5, 100), 40, NOON);
	store_one(p, must_open(p, 5, 101), 41, NOON + S);
	store_one(p, must_open(p, 5, 0), 42, NOON);
	store_one(p, must_open(p, 6, EPOCH_IMPORT_BIT | 1), 43, NOON);
	(void)must_open(p, 5, 102);
	assert_null(next_silent(p, NOON + day));
	/* As many as are asked for, and the others the next time. */
	struct epoch *a = next_silent(p, NOON + day + 1);
	struct epoch *b = next_silent(p, NOON + day + 1);
	assert_true(a && b && a != b);
	assert_true(a->number + b->number == 100 + (EPOCH_IMPORT_BIT | 1));
	assert_null(next_silent(p, NOON + day + 1));
	restart(p);
	assert_null(next_silent(p, NOON + day + 1));
	/* It speaks again, and falls silent again. */
	epochs_heard(p->epochs, epochs_find(p->epochs, 5, 100), NOON + 2 * day, 0);
	assert_int_equal(epochs_find(p->epochs, 5, 100)->row.state, EPOCH_OPEN);
	assert_non_null(next_silent(p, NOON + 2 * day)); /* 101 */
	assert_null(next_silent(p, NOON + 3 * day));
	assert_non_null(next_silent(p, NOON + 3 * day + 1));
}

static void expect_counts(struct place *p, uint64_t ns, uint32_t open, uint32_t pending)
{
	struct epochs_sum sum = epochs_count(p->epochs, ns);
	assert_int_equal(sum.open, open);
	assert_int_equal(sum.pending, pending);
	assert_int_equal(sum.sources_behind, pending != 0);
}

static void test_a_gap_is_pending_after_a_minute_until_it_is_filled(void **state)
{
	struct place *p = *state;
	struct epoch *epoch = must_open(p, 5, 100);
	expect_counts(p, NOON, 0, 0);
	epochs_stored(p->epochs, epoch, 3, 0, 40, 42);
	epochs_heard(p->epochs, epoch, NOON, 5);
	epochs_heard(p->epochs, epoch, NOON + 50 * S, 6);
	expect_counts(p, NOON + 60 * S, 1, 0);
	expect_counts(p, NOON + 60 * S + 1, 1, 1);
	restart(p);
	epoch = epochs_find(p->epochs, 5, 100);
	expect_counts(p, NOON + 120 * S, 1, 1);
	epochs_stored(p->epochs, epoch, 2, 0, 43, 44);
	expect_counts(p, NOON + 120 * S, 1, 1);
	epochs_stored(p->epochs, epoch, 1, 0, 45, 45);
	expect_counts(p, NOON + 120 * S, 1, 0);
}

static void damage_row(struct place *p, struct span key, struct span value)
{
	struct db_txn *txn = db_begin(p->db, true);
	db_put(txn, TABLE_SOURCE, key, value);
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_int_equal(load_rows(p), TRAIL_CORRUPT);
	txn = db_begin(p->db, true);
	db_delete(txn, TABLE_SOURCE, key);
	assert_int_equal(db_commit(txn), TRAIL_OK);
	assert_int_equal(load_rows(p), TRAIL_OK);
}

static void test_rows_that_do_not_decode_are_not_loaded(void **state)
{
	struct place *p = *state;
	uint8_t key[KEY_SOURCE_LEN];
	uint8_t row[EPOCH_ROW_LEN];
	const struct epoch_row value = { .last = 1 };
	epoch_row_encode(5, 101, &value, row);
	key_source(5, 100, key);
	damage_row(p, span_of(key, sizeof key), span_of(row, sizeof row));
	damage_row(p, span_of(key, 8), span_of(row, FLOOR_ROW_LEN));
	damage_row(p, span_of(key, 12), span_of(row, sizeof row));
	damage_row(p, span_of(key, 3), span_of(row, sizeof row));
}

/* ---- random operations, against FORMATS.md section 4 on plain arrays ---- */

struct naive {
	bool known;
	struct epoch_row row;
	uint64_t used; /* when it was last put in front */
};

struct model {
	struct naive epoch[SOURCES][NUMBERS];
	uint64_t floor[SOURCES];
	uint64_t next[SOURCES]; /* numbers below were given out: they grow, as the time does */
	uint64_t tick;
	uint64_t index;
	size_t pushed;
};

static bool claimed(const struct naive *n)
{
	return n->row.last == 0 && n->row.made == 0;
}

static struct naive *oldest(struct model *m, int s, const struct naive *but, bool mere)
{
	struct naive *found = NULL;
	for (int i = 1; i < NUMBERS; i++) {
		struct naive *n = &m->epoch[s][i];
		if (!n->known || n == but || (mere && !claimed(n)))
			continue;
		if (!found || n->used < found->used)
			found = n;
	}
	return found;
}

static int count_open(const struct model *m, int s)
{
	int open = 0;
	for (int i = 1; i < NUMBERS; i++)
		open += m->epoch[s][i].known;
	return open;
}

static void model_end(struct model *m, int s, struct naive *n)
{
	uint64_t number = (uint64_t)(n - m->epoch[s]);
	if (number > m->floor[s])
		m->floor[s] = number;
	*n = (struct naive){ 0 };
}

static void try_open(struct place *p, struct model *m, int s, int i)
{
	struct naive *n = &m->epoch[s][i];
	struct epoch *epoch = NULL;
	struct epoch pushed;
	enum trail_err err = epochs_open(p->epochs, (uint64_t)s + 10, (uint64_t)i, &epoch, &pushed);
	if (i != 0 && (uint64_t)i <= m->floor[s]) {
		assert_int_equal(err, TRAIL_CLOSED);
		assert_null(pushed.source);
		return;
	}
	assert_int_equal(err, TRAIL_OK);
	*n = (struct naive){ .known = true, .used = ++m->tick };
	if (count_open(m, s) <= EPOCHS_OPEN_MAX) {
		assert_null(pushed.source);
		return;
	}
	struct naive *mere = oldest(m, s, n, true);
	if (mere) {
		assert_null(pushed.source);
		*mere = (struct naive){ 0 };
		return;
	}
	struct naive *gone = oldest(m, s, n, false);
	assert_non_null(pushed.source);
	assert_int_equal(pushed.number, gone - m->epoch[s]);
	assert_int_equal(pushed.row.last, gone->row.last);
	assert_int_equal(pushed.row.made, gone->row.made);
	m->pushed++;
	model_end(m, s, gone);
}

static void try_store(
	struct place *p, struct model *m, struct naive *n, struct epoch *epoch, uint64_t *seed)
{
	uint64_t count = 1 + random_below(seed, 1000);
	uint64_t lost = random_below(seed, 4) == 0 ? 1 + random_below(seed, 50) : 0;
	uint64_t made = random_below(seed, 3) == 0 ? n->row.last + random_below(seed, 3000) : 0;
	uint64_t now = NOON + ++m->tick;
	epochs_stored(p->epochs, epoch, count, lost, m->index, m->index + count - 1);
	epochs_heard(p->epochs, epoch, now, made);
	if (n->row.first_index == 0)
		n->row.first_index = m->index;
	m->index += count;
	n->row.last += count + lost;
	n->row.holes += lost;
	n->row.last_index = m->index - 1;
	n->row.last_ns = now;
	n->row.made = made > n->row.made ? made : n->row.made;
	n->used = m->tick;
}

static void try_keepalive(
	struct place *p, struct model *m, struct naive *n, struct epoch *epoch, uint64_t *seed)
{
	uint64_t made = random_below(seed, 3000);
	uint64_t now = NOON + ++m->tick;
	epochs_heard(p->epochs, epoch, now, made);
	n->row.last_ns = now;
	n->row.made = made > n->row.made ? made : n->row.made;
	n->used = m->tick;
}

static void expect_row(const struct naive *n, const struct epoch *epoch)
{
	assert_int_equal(epoch != NULL, n->known);
	if (!epoch)
		return;
	assert_int_equal(epoch->row.last, n->row.last);
	assert_int_equal(epoch->row.holes, n->row.holes);
	assert_int_equal(epoch->row.first_index, n->row.first_index);
	assert_int_equal(epoch->row.last_index, n->row.last_index);
	assert_true(epoch->row.last_ns == n->row.last_ns);
	assert_int_equal(epoch->row.made, n->row.made);
}

static void expect_all(struct place *p, const struct model *m)
{
	for (int s = 0; s < SOURCES; s++) {
		assert_int_equal(epochs_floor(p->epochs, (uint64_t)s + 10), m->floor[s]);
		for (int i = 0; i < NUMBERS; i++)
			expect_row(&m->epoch[s][i],
				epochs_find(p->epochs, (uint64_t)s + 10, (uint64_t)i));
	}
}

/* Claims live in memory alone. */
static void model_restart(struct model *m)
{
	for (int s = 0; s < SOURCES; s++) {
		for (int i = 0; i < NUMBERS; i++) {
			struct naive *n = &m->epoch[s][i];
			if (n->known && claimed(n))
				*n = (struct naive){ 0 };
		}
	}
}

static void one_operation(struct place *p, struct model *m, uint64_t *seed)
{
	int s = (int)random_below(seed, 8);
	s = s < SOURCES ? s : 0; /* one source has most */
	int i = (int)random_below(seed, m->next[s] + 1);
	if (m->next[s] < NUMBERS - 1 && random_below(seed, 3) == 0)
		i = (int)m->next[s]++;
	struct naive *n = &m->epoch[s][i];
	struct epoch *epoch = epochs_find(p->epochs, (uint64_t)s + 10, (uint64_t)i);
	expect_row(n, epoch);
	if (!epoch) {
		try_open(p, m, s, i);
		epoch = epochs_find(p->epochs, (uint64_t)s + 10, (uint64_t)i);
		if (!epoch || random_below(seed, 5) == 0)
			return;
	}
	uint64_t what = random_below(seed, 2000);
	if (what < 1500) {
		try_store(p, m, n, epoch, seed);
	} else if (what < 1999 || i == 0) {
		try_keepalive(p, m, n, epoch, seed);
	} else {
		epochs_close(p->epochs, epoch);
		model_end(m, s, n);
	}
	if (i != 0 && !n->known)
		assert_null(epochs_find(p->epochs, (uint64_t)s + 10, (uint64_t)i));
}

static void test_epochs_agree_with_plain_arrays(void **state)
{
	struct place *p = *state;
	struct model *m = calloc(1, sizeof *m);
	uint64_t seed = 13;
	assert_non_null(m);
	m->index = 100;
	for (int i = 0; i < OPERATIONS; i++) {
		one_operation(p, m, &seed);
		if (random_below(&seed, 500) == 0)
			write_rows(p);
		if (random_below(&seed, 3000) != 0)
			continue;
		expect_all(p, m);
		restart(p);
		model_restart(m);
		expect_all(p, m);
	}
	assert_true(m->pushed > 500);
	free(m);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_what_was_stored_is_known_after_a_restart),
		EACH(test_a_claim_alone_leaves_no_row),
		EACH(test_a_closed_epoch_is_over_and_so_is_what_lies_below),
		EACH(test_an_open_epoch_below_the_floor_goes_on),
		EACH(test_a_closed_import_is_kept),
		EACH(test_imports_of_a_source_are_bounded),
		EACH(test_the_least_recently_used_is_pushed_out),
		EACH(test_mere_claims_go_before_what_has_a_standing),
		EACH(test_a_day_of_silence_is_told_once),
		EACH(test_all_that_are_silent_are_told_at_once),
		EACH(test_a_gap_is_pending_after_a_minute_until_it_is_filled),
		EACH(test_rows_that_do_not_decode_are_not_loaded),
		EACH(test_epochs_agree_with_plain_arrays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
