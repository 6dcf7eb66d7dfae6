/* SPDX-License-Identifier: Apache-2.0 */
#include "../../proto/checkpoint.h"
#include "../../proto/quorum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	WITNESSES = 4
};

/* Four witnesses, of which two of the first three and the fourth are needed. */
struct world {
	struct cosign_key key[WITNESSES];
	struct policy policy;
	struct buf note;
	size_t text_len;
};

static void world_make(struct world *w)
{
	static const char *const LETTERS[WITNESSES] = { "a", "b", "c", "d" };
	struct buf text = { 0 };
	struct policy_fault fault;
	struct checkpoint cp = { .origin = "example.org/audit", .size = 8 };
	*w = (struct world){ 0 };
	for (size_t i = 0; i < WITNESSES; i++) {
		uint8_t seed[SIGN_SEED_LEN] = { (uint8_t)(i + 1) };
		struct buf vkey = { 0 };
		char name[32];
		(void)snprintf(name, sizeof name, "witness.example/%s", LETTERS[i]);
		assert_int_equal(cosign_key_make(span_text(name), seed, &w->key[i]), TRAIL_OK);
		cosigner_put(&vkey, &w->key[i].cosigner);
		buf_printf(&text, "witness %s %.*s\n", LETTERS[i], (int)vkey.len,
			(const char *)vkey.data);
		buf_release(&vkey);
	}
	buf_put_text(&text, "group three 2 a b c\ngroup all all three d\nquorum all\n");
	assert_int_equal(policy_parse(buf_view(&text), &w->policy, &fault), TRAIL_OK);
	buf_release(&text);
	checkpoint_put(&w->note, &cp);
	w->text_len = w->note.len;
	buf_put_u8(&w->note, '\n');
}

static void cosign(struct world *w, size_t i, uint64_t time_s)
{
	struct span text = span_of(w->note.data, w->text_len);
	struct buf line = { 0 };
	assert_int_equal(cosign_sign(text, &w->key[i], time_s, &line), TRAIL_OK);
	buf_put_span(&w->note, buf_view(&line));
	buf_release(&line);
}

static void test_quorum_is_met_when_the_last_of_enough_cosigned(void **state)
{
	struct world w;
	struct quorum q;
	(void)state;
	world_make(&w);
	cosign(&w, 2, 100);
	cosign(&w, 0, 300);
	assert_int_equal(quorum_of(&w.policy, buf_view(&w.note), &q), TRAIL_OK);
	assert_true(!q.satisfied && q.count == 2 && q.since_s == 0);
	assert_true(q.cosigned[0] && !q.cosigned[1] && q.cosigned[2] && !q.cosigned[3]);
	cosign(&w, 3, 200);
	assert_int_equal(quorum_of(&w.policy, buf_view(&w.note), &q), TRAIL_OK);
	assert_true(q.satisfied && q.count == 3);
	assert_int_equal(q.since_s, 300);
	/* One more than enough changes nothing. */
	cosign(&w, 1, 400);
	assert_int_equal(quorum_of(&w.policy, buf_view(&w.note), &q), TRAIL_OK);
	assert_true(q.satisfied && q.count == 4);
	assert_int_equal(q.since_s, 300);
	assert_int_equal(q.time_s[1], 400);
	buf_release(&w.note);
}

static void test_one_false_line_spoils_the_note(void **state)
{
	struct world w;
	struct quorum q;
	(void)state;
	world_make(&w);
	cosign(&w, 0, 1);
	cosign(&w, 1, 2);
	cosign(&w, 3, 3);
	/* The last letters of the base64 of the last line's signature. */
	w.note.data[w.note.len - 10] ^= w.note.data[w.note.len - 10] == 'A' ? 3 : 1;
	assert_int_equal(quorum_of(&w.policy, buf_view(&w.note), &q), TRAIL_CORRUPT);
	buf_release(&w.note);
}

static void test_no_note_has_no_quorum(void **state)
{
	struct world w;
	struct quorum q;
	(void)state;
	world_make(&w);
	assert_int_equal(quorum_of(&w.policy, span_text("no note"), &q), TRAIL_INVALID);
	buf_release(&w.note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quorum_is_met_when_the_last_of_enough_cosigned),
		cmocka_unit_test(test_one_false_line_spoils_the_note),
		cmocka_unit_test(test_no_note_has_no_quorum),
	};
	if (!crypto_init())
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
