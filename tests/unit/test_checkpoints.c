/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/checkpoints.h"

#include "../../proto/codec.h"
#include "../support/lookup_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char SEAL[] = "\x0a\x04seal";

/* Two SEALs, at sizes whose notes the store keeps, and records behind the second. */
struct sealed_case {
	struct lookup_case c;
	uint64_t first, second;
	char note[2][512];
};

static uint64_t seal(struct sealed_case *s, char note[512])
{
	uint64_t size = builder_size(s->c.b);
	(void)snprintf(note, 512, "%s", builder_note(s->c.b));
	builder_control(s->c.b, KIND_SEAL, span_text(SEAL));
	builder_commit(s->c.b);
	return size;
}

static int setup(void **state)
{
	static struct sealed_case s;
	lookup_case_make(&s.c);
	s.first = seal(&s, s.note[0]);
	for (int i = 0; i < 3; i++)
		(void)builder_daemon(s.c.b, DAEMON_DISK);
	builder_commit(s.c.b);
	s.second = seal(&s, s.note[1]);
	(void)builder_daemon(s.c.b, DAEMON_DISK);
	builder_commit(s.c.b);
	/* What a daemon keeps for ever, whatever is committed later. */
	for (int i = 0; i < 2; i++) {
		uint8_t key[KEY_INDEX_LEN];
		key_index(i ? s.second : s.first, key);
		lookup_case_put(&s.c, TABLE_HEAD, span_of(key, sizeof key), span_text(s.note[i]));
	}
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct sealed_case *s = *state;
	lookup_case_remove(&s->c);
	return 0;
}

static const struct checkpoint_answer *ask(struct sealed_case *s, bool sealed, uint64_t above)
{
	s->c.op.request = (struct request){
		.kind = REQUEST_CHECKPOINT,
		.checkpoint = { .sealed = sealed, .above = above },
	};
	lookup_case_begin(&s->c);
	checkpoints_answer(&s->c.look);
	lookup_case_end(&s->c);
	return s->c.op.response.kind == RESPONSE_CHECKPOINT ? &s->c.op.response.checkpoint : NULL;
}

static void assert_note(const struct checkpoint_answer *a, const char *note, const char *seal)
{
	assert_non_null(a);
	assert_true(span_equal(a->checkpoint, span_text(note)));
	assert_true(span_equal(a->seal, span_text(seal)));
}

static void test_the_first_sealed_tree_that_holds_the_record_is_given(void **state)
{
	struct sealed_case *s = *state;
	for (uint64_t above = 0; above < builder_size(s->c.b) + 2; above++) {
		const struct checkpoint_answer *a = ask(s, true, above);
		if (above < s->first)
			assert_note(a, s->note[0], SEAL);
		else if (above < s->second)
			assert_note(a, s->note[1], SEAL);
		else
			assert_note(a, builder_note(s->c.b), "");
	}
	assert_note(ask(s, true, UINT64_MAX), builder_note(s->c.b), "");
}

static void test_who_asks_for_the_newest_gets_it(void **state)
{
	struct sealed_case *s = *state;
	assert_note(ask(s, false, 0), builder_note(s->c.b), "");
}

/* What is committed and not signed yet is no answer. */
static void test_a_seal_behind_the_signed_head_is_not_seen(void **state)
{
	struct sealed_case *s = *state;
	s->c.op.request = (struct request){
		.kind = REQUEST_CHECKPOINT,
		.checkpoint = { .sealed = true, .above = 0 },
	};
	lookup_case_begin(&s->c);
	s->c.look.head.size = s->first;
	checkpoints_answer(&s->c.look);
	lookup_case_end(&s->c);
	assert_int_equal(s->c.op.response.kind, RESPONSE_CHECKPOINT);
	assert_int_equal(s->c.op.response.checkpoint.seal.len, 0);
}

static void test_g12_a_lost_note_of_a_sealed_size_is_a_damaged_store(void **state)
{
	struct sealed_case *s = *state;
	uint8_t key[KEY_INDEX_LEN];
	key_index(s->first, key);
	lookup_case_delete(&s->c, TABLE_HEAD, span_of(key, sizeof key));
	assert_null(ask(s, true, 0));
	assert_int_equal(s->c.op.response.error.code, TRAIL_UNAVAILABLE);
	/* The other is there. */
	assert_note(ask(s, true, s->first), s->note[1], SEAL);
	lookup_case_put(&s->c, TABLE_HEAD, span_of(key, sizeof key), span_text(s->note[0]));
}

static void test_g12_a_malformed_control_row_is_a_damaged_store(void **state)
{
	struct sealed_case *s = *state;
	uint8_t key[KEY_INDEX_LEN];
	key_index(s->first, key);
	struct buf row = lookup_case_row(&s->c, TABLE_CONTROL, span_of(key, sizeof key));
	lookup_case_put(&s->c, TABLE_CONTROL, span_of(key, sizeof key), span_of(row.data, 5));
	assert_null(ask(s, true, 0));
	assert_int_equal(s->c.op.response.error.code, TRAIL_UNAVAILABLE);
	lookup_case_put(&s->c, TABLE_CONTROL, span_of(key, sizeof key), buf_view(&row));
	buf_release(&row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_sealed_tree_that_holds_the_record_is_given),
		cmocka_unit_test(test_who_asks_for_the_newest_gets_it),
		cmocka_unit_test(test_a_seal_behind_the_signed_head_is_not_seen),
		cmocka_unit_test(test_g12_a_lost_note_of_a_sealed_size_is_a_damaged_store),
		cmocka_unit_test(test_g12_a_malformed_control_row_is_a_damaged_store),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
