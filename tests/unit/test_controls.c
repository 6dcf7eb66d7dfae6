/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of control entries: all of them but PEERs, of each kind alone, both ways, each proven.
 */
#include "../../daemon/controls.h"

#include "../../proto/codec.h"
#include "../support/lookup_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	SOURCES = 250,
	PEERS = 20,
	SEALS = 5,
	FRAME_BYTES = 256 * 1024,
	KINDS = KIND_DAEMON + 1,
};

struct fixture {
	struct lookup_case c;
	uint64_t of_kind[KINDS];
	uint64_t first_source;
};

static int setup(void **state)
{
	static struct fixture f;
	struct builder *b;
	char name[65];
	lookup_case_make(&f.c);
	b = f.c.b;
	uint64_t peer = builder_peer(b, "1001");
	for (unsigned k = 0; k < SEALS; k++) {
		for (unsigned i = 0; i < SOURCES / SEALS; i++) {
			(void)snprintf(name, sizeof name, "s%u.%u", k, i);
			uint64_t source = builder_source(b, name, peer);
			if (f.first_source == 0)
				f.first_source = source;
			/* Between them are records of other kinds, so that rows need paths. */
			if (i % 3 == 0)
				(void)builder_event(b, source, peer, 7, 0);
		}
		for (unsigned i = 0; i < PEERS / SEALS; i++) {
			(void)snprintf(name, sizeof name, "%u", 2000 + k * PEERS + i);
			(void)builder_peer(b, name);
		}
		builder_commit(b);
		(void)builder_seal(b, NULL);
		builder_commit(b);
	}
	for (uint64_t i = 0; i < builder_size(b); i++)
		f.of_kind[lookup_case_record(&f.c, i).kind]++;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	lookup_case_remove(&f->c);
	return 0;
}

static const struct rows *ask(struct fixture *f, const struct controls_wanted *wanted)
{
	f->c.op.request = (struct request){ .kind = REQUEST_CONTROLS, .controls = *wanted };
	lookup_case_begin(&f->c);
	controls_answer(&f->c.look);
	lookup_case_end(&f->c);
	return f->c.op.response.kind == RESPONSE_ROWS ? &f->c.op.response.rows : NULL;
}

static void assert_refused(
	struct fixture *f, const struct controls_wanted *wanted, enum trail_err code)
{
	assert_null(ask(f, wanted));
	assert_int_equal(f->c.op.response.error.code, code);
}

/* The row's leaf is in the tree by its path, or the prev of the record behind it on the page. */
static void assert_proven(struct fixture *f, const struct rows *page, size_t i)
{
	const struct evidence_item *row = &page->rows[i];
	struct head head = builder_head(f->c.b);
	struct tree_proof proof = { .count = row->path_count };
	struct record r;
	struct hash leaf, commitment;
	record_leaf(row->record.data, &leaf);
	record_decode(row->record.data, &r);
	record_commitment(row->salt.data, row->payload, &commitment);
	assert_true(hash_equal(&commitment, &r.commitment));
	if (row->path_count != 0) {
		memcpy(proof.path, row->path, proof.count * sizeof proof.path[0]);
		assert_true(tree_inclusion_check(&leaf, row->index, head.size, &proof, &head.root));
		return;
	}
	for (size_t k = 0; k < page->row_count; k++) {
		if (page->rows[k].index != row->index + 1)
			continue;
		record_decode(page->rows[k].record.data, &r);
		assert_true(hash_equal(&r.prev, &leaf));
		return;
	}
	fail_msg("row %llu has no proof", (unsigned long long)row->index);
}

/* Walk all pages; *pages of them. Answers how many rows came. */
static uint64_t walk(struct fixture *f, struct controls_wanted wanted, size_t *pages)
{
	uint8_t cursor[CURSOR_MAX];
	uint64_t seen = 0, last = wanted.newest_first ? UINT64_MAX : 0;
	*pages = 0;
	for (bool done = false; !done; ++*pages) {
		struct buf encoded = { 0 };
		const struct rows *page = ask(f, &wanted);
		assert_non_null(page);
		assert_true(wanted.limit == 0 || page->row_count <= wanted.limit);
		assert_int_equal(page->checkpoint.len != 0, wanted.size == 0);
		for (size_t i = 0; i < page->row_count; i++, seen++) {
			const struct evidence_item *row = &page->rows[i];
			assert_true(wanted.newest_first ? row->index < last
							: seen == 0 || row->index > last);
			assert_true(wanted.newest_first ? row->index >= page->position
							: row->index < page->position);
			last = row->index;
			assert_proven(f, page, i);
		}
		response_encode(&f->c.op.response, &encoded);
		assert_true(!encoded.failed && encoded.len <= FRAME_BYTES);
		buf_release(&encoded);
		done = page->done;
		assert_true(page->next.len > 0 && page->next.len <= sizeof cursor);
		memcpy(cursor, page->next.data, page->next.len);
		wanted.next = span_of(cursor, page->next.len);
	}
	return seen;
}

static void test_each_kind_comes_once_both_ways(void **state)
{
	struct fixture *f = *state;
	uint64_t all = f->of_kind[KIND_SOURCE] + f->of_kind[KIND_SEAL] + f->of_kind[KIND_DAEMON];
	const struct {
		uint32_t kind;
		uint64_t rows;
	} table[] = {
		{ 0, all },
		{ KIND_SOURCE, SOURCES },
		{ KIND_SEAL, SEALS },
		{ KIND_DAEMON, f->of_kind[KIND_DAEMON] },
		{ KIND_POLICY, 0 },
		{ KIND_PEER, 0 },
		{ KIND_EVENT, 0 },
		{ 4711, 0 },
	};
	static const uint32_t limits[] = { 0, 1, 7, 1000 };
	assert_int_equal(f->of_kind[KIND_PEER], PEERS + 1);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		for (unsigned k = 0; k < 2 * sizeof limits / sizeof limits[0]; k++) {
			size_t pages;
			struct controls_wanted wanted = {
				.kind = table[i].kind,
				.limit = limits[k / 2],
				.newest_first = k % 2 != 0,
			};
			assert_int_equal(walk(f, wanted, &pages), table[i].rows);
			assert_true(limits[k / 2] != 1 || pages >= table[i].rows);
		}
	}
}

static void test_from_bounds_it(void **state)
{
	struct fixture *f = *state;
	size_t pages;
	struct controls_wanted wanted = { .from = f->first_source, .kind = KIND_DAEMON };
	assert_int_equal(walk(f, wanted, &pages), 0);
	wanted.newest_first = true;
	assert_int_equal(walk(f, wanted, &pages), f->of_kind[KIND_DAEMON]);
	wanted = (struct controls_wanted){ .from = builder_size(f->c.b) };
	assert_int_equal(walk(f, wanted, &pages), 0);
	wanted.from = UINT64_MAX;
	assert_int_equal(walk(f, wanted, &pages), 0);
	wanted = (struct controls_wanted){ .kind = KIND_SEAL, .newest_first = true, .limit = 1 };
	const struct rows *page = ask(f, &wanted);
	assert_true(page && page->row_count == 1);
	assert_int_equal(page->rows[0].index, builder_size(f->c.b) - 1);
}

static void test_an_older_tree_has_the_entries_of_its_time(void **state)
{
	struct fixture *f = *state;
	struct controls_wanted wanted = { .size = f->first_source + 1, .kind = KIND_SOURCE };
	const struct rows *page = ask(f, &wanted);
	assert_true(page && page->done && page->row_count == 1 && page->checkpoint.len == 0);
	wanted.newest_first = true;
	page = ask(f, &wanted);
	assert_true(page && page->done && page->row_count == 1);
	wanted.size = builder_size(f->c.b) + 1;
	assert_refused(f, &wanted, TRAIL_INVALID);
}

static void test_a_foreign_cursor_is_refused(void **state)
{
	static const char *const bad[] = { "1", "1234567", "123456789" };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct controls_wanted wanted = { .next = span_text(bad[i]) };
		assert_refused(f, &wanted, TRAIL_INVALID);
	}
	/* Any other is a place. */
	for (unsigned down = 0; down < 2; down++) {
		struct controls_wanted wanted = {
			.next = span_text("\xff\xff\xff\xff\xff\xff\xff\xff"),
			.newest_first = down != 0,
		};
		const struct rows *page = ask(f, &wanted);
		assert_non_null(page);
		for (size_t i = 0; i < page->row_count; i++)
			assert_true(page->rows[i].index < builder_size(f->c.b));
	}
}

static void test_damage_is_no_entry(void **state)
{
	struct fixture *f = *state;
	uint8_t key[KEY_INDEX_LEN];
	struct controls_wanted wanted = { .from = f->first_source, .limit = 1 };
	key_index(f->first_source, key);
	struct span at = span_of(key, sizeof key);
	struct buf row = lookup_case_row(&f->c, TABLE_CONTROL, at);
	for (size_t i = 0; i < row.len; i++) {
		row.data[i] ^= 1;
		lookup_case_put(&f->c, TABLE_CONTROL, at, buf_view(&row));
		assert_refused(f, &wanted, TRAIL_UNAVAILABLE);
		row.data[i] ^= 1;
	}
	lookup_case_put(&f->c, TABLE_CONTROL, at, buf_view(&row));
	assert_non_null(ask(f, &wanted));
	/* One under a record that is none. */
	key_index(f->first_source + 1, key);
	lookup_case_put(&f->c, TABLE_CONTROL, at, buf_view(&row));
	wanted.from = f->first_source + 1;
	assert_refused(f, &wanted, TRAIL_UNAVAILABLE);
	lookup_case_delete(&f->c, TABLE_CONTROL, at);
	buf_release(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_comes_once_both_ways),
		cmocka_unit_test(test_from_bounds_it),
		cmocka_unit_test(test_an_older_tree_has_the_entries_of_its_time),
		cmocka_unit_test(test_a_foreign_cursor_is_refused),
		cmocka_unit_test(test_damage_is_no_entry),
	};
	return cmocka_run_group_tests_name("controls", tests, setup, teardown);
}
