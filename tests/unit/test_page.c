/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/page.h"

#include "../../proto/codec.h"
#include "../support/lookup_case.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	SOURCES = PAGE_NAMED_MAX + 20,
	BYTES_SMALL = 64 * 1024,
	COMMIT_EVERY = 200,
};

static uint8_t big[EVENT_LEN_MAX];
static uint64_t sources[SOURCES];
static uint64_t first_event, long_event;

/* One event of every source, then many of the first, of all lengths; one as long as can be. */
static int setup(void **state)
{
	static struct lookup_case c;
	uint64_t seed = 3;
	char name[65];
	lookup_case_make(&c);
	uint64_t peer = builder_peer(c.b, "1001");
	for (size_t i = 0; i < SOURCES; i++) {
		(void)snprintf(name, sizeof name, "%064zu", i);
		sources[i] = builder_source(c.b, name, peer);
	}
	for (size_t i = 0; i < SOURCES; i++) {
		uint64_t index = builder_said(c.b, sources[i], peer, 7, 0, span_of(big, 30));
		first_event = i == 0 ? index : first_event;
	}
	for (unsigned i = 0; i < 1500; i++) {
		size_t len = random_below(&seed, 20) ? 30 + random_below(&seed, 300) : 9000;
		(void)builder_said(c.b, sources[0], peer, 7, 0, span_of(big, len));
		if (i % COMMIT_EVERY == 0)
			builder_commit(c.b);
	}
	long_event = builder_said(c.b, sources[0], peer, 7, 0, span_of(big, sizeof big));
	builder_commit(c.b);
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	lookup_case_remove(*state);
	return 0;
}

struct making {
	struct sweep sweep;
	struct page page;
	const uint8_t *data; /* of the answer, once room was made */
	size_t room;
};

static void begin(struct lookup_case *c, struct making *m, size_t rows, size_t bytes)
{
	lookup_case_begin(c);
	sweep_begin(&m->sweep, c->look.store, c->look.txn, c->chunker);
	m->page = (struct page){
		.look = &c->look,
		.sweep = &m->sweep,
		.size = c->look.head.size,
	};
	assert_true(page_open(&m->page, rows, bytes, 0));
	m->data = c->op.answer.data;
	m->room = page_need(rows, bytes);
}

static enum trail_err add(struct making *m, uint64_t index)
{
	struct span salt, payload;
	struct record r;
	const uint8_t *bytes = sweep_record(&m->sweep, index);
	assert_non_null(bytes);
	record_decode(bytes, &r);
	assert_int_equal(sweep_payload(&m->sweep, index, &r, &salt, &payload), TRAIL_OK);
	return page_add(&m->page, index, bytes, &r, salt, payload);
}

static void assert_in_tree(const struct making *m, const struct evidence_item *item)
{
	const struct head *head = &m->page.look->head;
	struct tree_proof proof = { .count = item->path_count };
	struct hash leaf;
	memcpy(proof.path, item->path, item->path_count * sizeof proof.path[0]);
	record_leaf(item->record.data, &leaf);
	assert_true(tree_inclusion_check(&leaf, item->index, head->size, &proof, &head->root));
}

/* The row with the next higher index on the page. NULL: there is none. */
static const struct evidence_item *successor(const struct page *page, uint64_t index)
{
	for (size_t i = 0; i < page->row_count; i++)
		if (page->rows[i].index == index + 1)
			return &page->rows[i];
	return NULL;
}

/* As a client would: each row by its path, or by its neighbour where that says enough. */
static void assert_proven(const struct making *m)
{
	const struct page *page = &m->page;
	for (size_t i = 0; i < page->row_count; i++) {
		const struct evidence_item *row = &page->rows[i];
		const struct evidence_item *next = successor(page, row->index);
		struct record r;
		struct hash leaf, commitment;
		assert_int_equal(row->path_count == 0, next != NULL);
		record_leaf(row->record.data, &leaf);
		if (next) {
			record_decode(next->record.data, &r);
			assert_true(hash_equal(&r.prev, &leaf));
		} else {
			assert_in_tree(m, row);
		}
		record_decode(row->record.data, &r);
		record_commitment(row->salt.data, row->payload, &commitment);
		assert_true(hash_equal(&commitment, &r.commitment));
	}
	for (size_t i = 0; i < page->named_count; i++)
		assert_in_tree(m, &page->named[i]);
}

/* Close and judge all; `bytes` is what the page was promised not to exceed when encoded. */
static void finish(struct lookup_case *c, struct making *m, size_t bytes)
{
	struct buf encoded = { 0 };
	struct response response = { .id = 1, .kind = RESPONSE_ROWS };
	assert_int_equal(page_close(&m->page), TRAIL_OK);
	assert_ptr_equal(c->op.answer.data, m->data);
	assert_true(c->op.answer.len <= m->room - 2048);
	assert_proven(m);
	response.rows = (struct rows){
		.rows = m->page.rows,
		.row_count = m->page.row_count,
		.named = m->page.named,
		.named_count = m->page.named_count,
	};
	response_encode(&response, &encoded);
	assert_true(!encoded.failed && encoded.len <= bytes + 16);
	buf_release(&encoded);
	lookup_case_end(c);
}

static void test_rows_are_bounded(void **state)
{
	struct lookup_case *c = *state;
	struct making m;
	begin(c, &m, 3, BYTES_SMALL);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(add(&m, first_event + 2 * i), TRAIL_OK);
	size_t len = c->op.answer.len;
	assert_int_equal(add(&m, first_event + 9), TRAIL_END);
	assert_int_equal(m.page.row_count, 3);
	assert_int_equal(c->op.answer.len, len);
	finish(c, &m, BYTES_SMALL);
}

/* Contiguous rows, upwards and downwards, and rows with holes, until no more fit. */
static void test_bytes_are_bounded_and_paths_left_out_where_a_neighbour_proves(void **state)
{
	struct lookup_case *c = *state;
	static const struct {
		uint64_t step, of;
		bool down;
		size_t bytes;
	} CASES[] = { { 1, 1, false, PAGE_BYTES }, { 1, 1, true, PAGE_BYTES },
		{ 2, 1, false, PAGE_BYTES }, { 2, 1, true, BYTES_SMALL },
		{ 3, 2, false, PAGE_BYTES }, { 5, 4, true, PAGE_BYTES },
		{ 7, 3, true, BYTES_SMALL } };
	for (size_t k = 0; k < sizeof CASES / sizeof CASES[0]; k++) {
		struct making m;
		uint64_t begin_at = sources[SOURCES - 1] + SOURCES;
		enum trail_err err = TRAIL_OK;
		size_t put = 0;
		begin(c, &m, ROWS_MAX, CASES[k].bytes);
		for (uint64_t i = 0; !err && i + begin_at < long_event; i++) {
			if (i % CASES[k].step >= CASES[k].of)
				continue;
			struct page before = m.page;
			size_t len = c->op.answer.len;
			err = add(&m, CASES[k].down ? long_event - 1 - i : begin_at + i);
			put += !err;
			if (!err)
				continue;
			assert_int_equal(err, TRAIL_END);
			assert_memory_equal(&before, &m.page, sizeof before);
			assert_int_equal(c->op.answer.len, len);
		}
		assert_true(err == TRAIL_END && put > 30 && m.page.row_count == put);
		finish(c, &m, CASES[k].bytes);
	}
}

static void test_the_longest_row_fits_the_smallest_page(void **state)
{
	struct lookup_case *c = *state;
	struct making m;
	begin(c, &m, 1, BYTES_SMALL);
	assert_int_equal(add(&m, long_event), TRAIL_OK);
	assert_int_equal(page_name(&m.page, 0), TRAIL_OK);
	assert_int_equal(m.page.named_count, 3);
	finish(c, &m, BYTES_SMALL);
}

static void test_what_is_named_is_bounded_and_named_once(void **state)
{
	struct lookup_case *c = *state;
	struct making m;
	begin(c, &m, ROWS_MAX, PAGE_BYTES);
	/* The peer takes one place. */
	for (uint64_t i = 0; i < PAGE_NAMED_MAX - 1; i++)
		assert_int_equal(add(&m, first_event + i), TRAIL_OK);
	struct page before = m.page;
	size_t len = c->op.answer.len;
	assert_int_equal(add(&m, first_event + PAGE_NAMED_MAX - 1), TRAIL_END);
	/* The row had been put when its name did not fit. */
	assert_int_equal(m.page.row_count, before.row_count);
	assert_int_equal(m.page.named_count, PAGE_NAMED_MAX);
	assert_int_equal(m.page.bytes, before.bytes);
	assert_int_equal(c->op.answer.len, len);
	/* Of a source that is named already there may be more. */
	assert_int_equal(add(&m, first_event + SOURCES), TRAIL_OK);
	for (size_t i = 0; i < PAGE_NAMED_MAX; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(m.page.named[i].index, m.page.named[k].index);
	finish(c, &m, PAGE_BYTES);
}

static void test_a_tree_that_is_damaged_proves_nothing(void **state)
{
	struct lookup_case *c = *state;
	struct making m;
	uint8_t key[KEY_TILE_LEN];
	struct span found, value;
	lookup_case_begin(c);
	assert_true(db_ceiling(c->look.txn, TABLE_TILE, span_of(NULL, 0), &found, &value));
	memcpy(key, found.data, sizeof key);
	lookup_case_end(c);
	struct buf row = lookup_case_row(c, TABLE_TILE, span_of(key, sizeof key));
	lookup_case_delete(c, TABLE_TILE, span_of(key, sizeof key));
	begin(c, &m, 10, BYTES_SMALL);
	assert_int_equal(add(&m, long_event - 1), TRAIL_OK);
	assert_int_equal(page_close(&m.page), TRAIL_CORRUPT);
	lookup_case_end(c);
	lookup_case_put(c, TABLE_TILE, span_of(key, sizeof key), buf_view(&row));
	buf_release(&row);
}

static void test_a_name_that_is_damaged_or_gone_is_no_name(void **state)
{
	struct lookup_case *c = *state;
	struct making m;
	uint8_t key[KEY_INDEX_LEN];
	key_index(sources[0], key);
	struct span at = span_of(key, sizeof key);
	struct buf row = lookup_case_row(c, TABLE_CONTROL, at);
	for (unsigned i = 0; i < 2; i++) {
		if (i == 0)
			lookup_case_delete(c, TABLE_CONTROL, at);
		else
			row.data[row.len - 1] ^= 1;
		if (i == 1)
			lookup_case_put(c, TABLE_CONTROL, at, buf_view(&row));
		begin(c, &m, 10, BYTES_SMALL);
		assert_int_equal(add(&m, first_event), TRAIL_CORRUPT);
		lookup_case_end(c);
	}
	row.data[row.len - 1] ^= 1;
	lookup_case_put(c, TABLE_CONTROL, at, buf_view(&row));
	buf_release(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_bounded),
		cmocka_unit_test(
			test_bytes_are_bounded_and_paths_left_out_where_a_neighbour_proves),
		cmocka_unit_test(test_the_longest_row_fits_the_smallest_page),
		cmocka_unit_test(test_what_is_named_is_bounded_and_named_once),
		cmocka_unit_test(test_a_tree_that_is_damaged_proves_nothing),
		cmocka_unit_test(test_a_name_that_is_damaged_or_gone_is_no_name),
	};
	return cmocka_run_group_tests_name("page", tests, setup, teardown);
}
