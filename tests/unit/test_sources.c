/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/sources.h"

#include "../../proto/codec.h"
#include "../support/lookup_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	SOURCES = 450,
	FRAME_BYTES = 256 * 1024
};

static uint64_t sources[SOURCES];

static int setup(void **state)
{
	static struct lookup_case c;
	char name[65];
	lookup_case_make(&c);
	uint64_t peer = builder_peer(c.b, "1001");
	for (size_t i = 0; i < SOURCES; i++) {
		(void)snprintf(name, sizeof name, "%064zu", i);
		sources[i] = builder_source(c.b, name, peer);
		(void)builder_event(c.b, sources[i], peer, 7, i % 3);
		if (i == SOURCES / 2)
			builder_commit(c.b);
	}
	builder_commit(c.b);
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	lookup_case_remove(*state);
	return 0;
}

static const struct sources_answer *ask(struct lookup_case *c, uint64_t size, struct span next)
{
	c->op.request = (struct request){
		.kind = REQUEST_SOURCES,
		.sources = { .size = size, .next = next },
	};
	lookup_case_begin(c);
	sources_answer(&c->look);
	lookup_case_end(c);
	return c->op.response.kind == RESPONSE_SOURCES ? &c->op.response.sources : NULL;
}

static void assert_refused(
	struct lookup_case *c, uint64_t size, struct span next, enum trail_err code)
{
	assert_null(ask(c, size, next));
	assert_int_equal(c->op.response.error.code, code);
}

static void test_all_come_once_each_proven(void **state)
{
	struct lookup_case *c = *state;
	uint8_t cursor[CURSOR_MAX];
	struct span next = { 0 };
	struct head head = builder_head(c->b);
	size_t seen = 0, pages = 0;
	for (bool done = false; !done; pages++) {
		struct buf encoded = { 0 };
		const struct sources_answer *page = ask(c, 0, next);
		assert_true(page && (page->count > 0 || page->done));
		for (size_t i = 0; i < page->count; i++, seen++) {
			const struct source_state *s = &page->states[i];
			struct tree_proof proof = { .count = s->entry.path_count };
			struct hash leaf;
			memcpy(proof.path, s->entry.path, proof.count * sizeof proof.path[0]);
			record_leaf(s->entry.record.data, &leaf);
			assert_int_equal(s->entry.index, sources[seen]);
			assert_int_equal(s->lost, seen % 3);
			assert_int_equal(s->newest, sources[seen] + 1);
			assert_true(tree_inclusion_check(
				&leaf, s->entry.index, head.size, &proof, &head.root));
		}
		response_encode(&c->op.response, &encoded);
		assert_true(!encoded.failed && encoded.len <= FRAME_BYTES);
		buf_release(&encoded);
		done = page->done;
		assert_true(page->next.len <= sizeof cursor);
		memcpy(cursor, page->next.data, page->next.len);
		next = span_of(cursor, page->next.len);
	}
	assert_int_equal(seen, SOURCES);
	assert_int_equal(pages, 3);
	/* Behind the last there is nothing, and that is said. */
	const struct sources_answer *page = ask(c, 0, next);
	assert_true(page && page->count == 0 && page->done);
}

static void test_an_older_tree_has_the_sources_of_its_time(void **state)
{
	struct lookup_case *c = *state;
	const struct sources_answer *page = ask(c, sources[9] + 1, span_of(NULL, 0));
	assert_non_null(page);
	assert_true(page->done && page->count == 10 && page->checkpoint.len == 0);
	assert_refused(c, builder_size(c->b) + 1, span_of(NULL, 0), TRAIL_INVALID);
	assert_refused(c, 0, span_text("1234567"), TRAIL_INVALID);
	assert_refused(c, 0, span_text("123456789"), TRAIL_INVALID);
	page = ask(c, 0, span_text("\xff\xff\xff\xff\xff\xff\xff\xff"));
	assert_true(page && page->done && page->count == 0);
}

static void test_damage_is_no_source(void **state)
{
	struct lookup_case *c = *state;
	uint8_t key[KEY_SOURCE_LEN];
	/* A row of a source that is none shows no other record's payload. */
	key_source(sources[0] + 1, 7, key);
	struct epoch_row row = { .last = 1, .state = EPOCH_OPEN };
	uint8_t bytes[EPOCH_ROW_LEN];
	epoch_row_encode(sources[0] + 1, 7, &row, bytes);
	lookup_case_put(c, TABLE_SOURCE, span_of(key, sizeof key), span_of(bytes, sizeof bytes));
	assert_refused(c, 0, span_of(NULL, 0), TRAIL_UNAVAILABLE);
	bytes[3] ^= 1;
	lookup_case_put(c, TABLE_SOURCE, span_of(key, sizeof key), span_of(bytes, sizeof bytes));
	assert_refused(c, 0, span_of(NULL, 0), TRAIL_UNAVAILABLE);
	lookup_case_delete(c, TABLE_SOURCE, span_of(key, sizeof key));
	assert_non_null(ask(c, 0, span_of(NULL, 0)));
	key_index(sources[3], key);
	struct buf name = lookup_case_row(c, TABLE_CONTROL, span_of(key, KEY_INDEX_LEN));
	lookup_case_delete(c, TABLE_CONTROL, span_of(key, KEY_INDEX_LEN));
	assert_refused(c, 0, span_of(NULL, 0), TRAIL_UNAVAILABLE);
	lookup_case_put(c, TABLE_CONTROL, span_of(key, KEY_INDEX_LEN), buf_view(&name));
	buf_release(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_come_once_each_proven),
		cmocka_unit_test(test_an_older_tree_has_the_sources_of_its_time),
		cmocka_unit_test(test_damage_is_no_source),
	};
	return cmocka_run_group_tests_name("sources", tests, setup, teardown);
}
