/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demands V2 to V8 of FORMATS.md section 6, each broken by itself, and the attacks on seals,
 * against a log in memory that is chained anew after each: what is found, and at which record. The
 * log's keys are all at hand here, so that everything but the seals can be made to fit.
 */
#include "../../proto/control.h"
#include "../support/seal_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char ORIGIN[] = "example.org/audit";
static const uint64_t BEGIN_NS = UINT64_C(1700000000000000000);
static const uint64_t NS = 1000000000;

enum {
	MAX_S = 100, /* that two SEALs may lie apart */
	RECORDS_MAX = 64,
	NOWHERE = -1,
};

struct log {
	struct seal_maker maker;
	size_t count;
	struct record records[RECORDS_MAX];
	struct buf payloads[RECORDS_MAX];
	bool lost[RECORDS_MAX]; /* the payload is not at hand */
	bool anchorless;
	struct findings found;
	struct control control;
	struct spine spine;
};

/* What a forger changes in the k-th SEAL before it is signed, and by which key. */
typedef void (*forge_fn)(struct forgery *f, uint32_t k);

/* ---- the log ---- */

static void put_record(struct log *log, enum record_kind kind, uint64_t ns, struct span payload)
{
	size_t i = log->count++;
	assert_true(i < RECORDS_MAX);
	log->records[i] = (struct record){
		.version = RECORD_VERSION,
		.kind = (uint8_t)kind,
		.received_ns = ns,
	};
	buf_clear(&log->payloads[i]);
	buf_put_span(&log->payloads[i], payload);
}

/* Leaves and links of all records, as whoever holds the log's key can make them. */
static void root_before(const struct log *log, size_t end, struct frontier *tree)
{
	static const uint8_t salt[SALT_LEN];
	struct hash prev = { 0 };
	*tree = (struct frontier){ 0 };
	for (size_t i = 0; i < end; i++) {
		struct record r = log->records[i];
		uint8_t bytes[RECORD_LEN];
		r.prev = prev;
		record_commitment(salt, buf_view(&log->payloads[i]), &r.commitment);
		record_encode(&r, bytes);
		record_leaf(bytes, &prev);
		frontier_append(tree, &prev, NULL, NULL);
	}
}

static void put_seal(struct log *log, uint32_t k, uint64_t ns, forge_fn forge)
{
	struct buf payload = { 0 };
	struct frontier tree;
	struct forgery f = {
		.text = { .epoch = k, .size = log->count, .time_ns = ns },
		.key = k,
	};
	memcpy(f.text.origin, ORIGIN, sizeof ORIGIN);
	root_before(log, log->count, &tree);
	frontier_root(&tree, &f.text.root);
	if (forge)
		forge(&f, k);
	seal_maker_put(&log->maker, &f, &payload);
	put_record(log, KIND_SEAL, ns, buf_view(&payload));
	buf_release(&payload);
}

static void put_daemon(struct log *log, enum daemon_what what, uint64_t ns)
{
	struct daemon_entry entry = { .what = what };
	struct buf payload = { 0 };
	daemon_entry_encode(&entry, &payload);
	put_record(log, KIND_DAEMON, ns, buf_view(&payload));
	buf_release(&payload);
}

static void put_genesis(struct log *log)
{
	static const uint8_t seed[SIGN_SEED_LEN] = { 9 };
	struct skey key;
	struct buf vkey = { 0 }, payload = { 0 };
	assert_int_equal(skey_make(span_text(ORIGIN), seed, &key), TRAIL_OK);
	vkey_put(&vkey, &key.vkey);
	const struct genesis g = {
		.format = 1,
		.origin = span_text(ORIGIN),
		.vkey = buf_view(&vkey),
		.seal_root = log->maker.anchor.root,
		.seal_height = log->maker.anchor.height,
		.seal_max_ns = log->maker.anchor.max_ns,
	};
	genesis_encode(&g, &payload);
	put_record(log, KIND_DAEMON, BEGIN_NS, buf_view(&payload));
	buf_release(&vkey);
	buf_release(&payload);
}

/*
 * A genesis, and then, a second apart: '.' an event, 'a' a start, 'c' a clock entry, 'S' a SEAL;
 * '_' is no record, but a little more than a SEAL may be late.
 */
static void make(struct log *log, const char *entries, forge_fn forge)
{
	uint64_t ns = BEGIN_NS;
	uint32_t k = 0;
	log->count = 0;
	memset(log->lost, 0, sizeof log->lost);
	put_genesis(log);
	for (const char *e = entries; *e; e++) {
		ns += *e == '_' ? MAX_S * NS : NS;
		if (*e == 'S')
			put_seal(log, k++, ns, forge);
		else if (*e == 'a' || *e == 'c')
			put_daemon(log, *e == 'a' ? DAEMON_START : DAEMON_CLOCK, ns);
		else if (*e == '.')
			put_record(log, KIND_EVENT, ns, span_text("an event"));
	}
}

/* Judge it as the check does: the records fit each other, whatever was done to them. */
static void judge(struct log *log)
{
	struct control *c = &log->control;
	struct frontier tree;
	log->found = (struct findings){ 0 };
	assert_int_equal(spine_init(&log->spine, &log->found), TRAIL_OK);
	assert_int_equal(control_init(c, &log->found, &log->spine), TRAIL_OK);
	for (size_t i = 0; i < log->count; i++) {
		const struct record *r = &log->records[i];
		struct control_facts facts = { 0 };
		struct hash root;
		bool known = !log->lost[i] && (i != 0 || !log->anchorless);
		root_before(log, i, &tree);
		frontier_root(&tree, &root);
		if (r->kind != KIND_EVENT && known)
			assert_int_equal(
				control_judge(c, i, r, buf_view(&log->payloads[i]), &facts),
				TRAIL_OK);
		if (r->kind == KIND_SEAL)
			seals_take(&c->seals, i, r, &root);
	}
}

static void done(struct log *log)
{
	control_release(&log->control);
	spine_release(&log->spine);
}

/* ---- what is to be found ---- */

static void expect(struct log *log, const char *codes, int first)
{
	char said[512] = "";
	uint64_t index = 0;
	bool exact;
	for (uint32_t i = 0; i < log->found.listed; i++) {
		size_t len = strlen(said);
		(void)snprintf(said + len, sizeof said - len, "%s%s", i ? " " : "",
			finding_code(log->found.list[i].code));
	}
	assert_string_equal(said, codes);
	assert_int_equal(findings_first_bad(&log->found, &index, &exact), first != NOWHERE);
	if (first != NOWHERE)
		assert_int_equal(index, first);
}

static void expect_sealed(const struct log *log, int index)
{
	const struct seals *s = &log->control.seals;
	assert_int_equal(s->sealed, index != NOWHERE);
	if (index == NOWHERE)
		return;
	assert_int_equal(s->sealed_index, index);
	assert_int_equal(s->sealed_ns, log->records[index].received_ns);
}

/* ---- sound logs ---- */

static void sound_logs_have_no_finding(void **state)
{
	static const struct {
		const char *entries;
		int sealed;
		unsigned seals;
	} table[] = {
		{ "", NOWHERE, 0 },
		{ "a...", NOWHERE, 0 },
		{ "aS", 2, 1 },
		{ "aS..S..S", 8, 3 },
		{ "aSSSS", 5, 4 },
		{ "aS.._a.S.", 7, 2 },
		{ "aS._.c.S", 7, 2 },
		{ "_aS", 2, 1 },
		{ "aS...S_.", 6, 2 },
	};
	struct log *log = *state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		make(log, table[i].entries, NULL);
		judge(log);
		expect(log, "", NOWHERE);
		expect_sealed(log, table[i].sealed);
		assert_int_equal(log->control.seals.count, table[i].seals);
		done(log);
	}
}

/* ---- each demand by itself ---- */

static void other_epoch(struct forgery *f, uint32_t k)
{
	if (k >= 1)
		f->text.epoch = f->key = k + 1;
}

static void other_root(struct forgery *f, uint32_t k)
{
	f->text.root.b[31] ^= k == 1;
}

static void other_size(struct forgery *f, uint32_t k)
{
	f->text.size += k == 1;
}

static void other_key(struct forgery *f, uint32_t k)
{
	f->key += k == 1;
}

static void other_time(struct forgery *f, uint32_t k)
{
	f->text.time_ns += k == 1;
}

static void other_origin(struct forgery *f, uint32_t k)
{
	f->text.origin[0] = k == 1 ? 'f' : 'e';
}

static void no_origin(struct forgery *f, uint32_t k)
{
	f->text.origin[0] = k == 1 ? ' ' : 'e';
}

/* The SEALs stand at 2, 4 and 6. */
static void test_g4_every_demand_is_made(void **state)
{
	static const struct {
		forge_fn forge;
		const char *codes;
		int first;
	} table[] = {
		{ other_epoch, "seal.epoch", 4 },
		{ other_size, "seal.place", 4 },
		{ other_root, "seal.root", 2 },
		{ other_key, "seal.key", 4 },
		{ other_time, "seal.time", 4 },
		{ other_origin, "seal.origin", 4 },
		{ no_origin, "seal.malformed", 4 },
	};
	struct log *log = *state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		make(log, "aS.S.S", table[i].forge);
		judge(log);
		expect(log, table[i].codes, table[i].first);
		expect_sealed(log, 2);
		done(log);
	}
}

static void test_g4_a_text_that_was_not_signed(void **state)
{
	struct log *log = *state;
	static const char old[] = "\n1\n4\n";
	make(log, "aS.S.S", NULL);
	struct buf *payload = &log->payloads[4];
	uint8_t *at = memmem(payload->data, payload->len, old, sizeof old - 1);
	assert_non_null(at);
	at[3] = '5';
	judge(log);
	expect(log, "seal.signature seal.root", 4);
	done(log);
}

static void test_g4_a_payload_that_is_no_seal(void **state)
{
	struct log *log = *state;
	make(log, "aS.S.S", NULL);
	buf_clear(&log->payloads[4]);
	buf_put_text(&log->payloads[4], "\xff\xff");
	judge(log);
	expect(log, "seal.malformed seal.root", 4);
	done(log);
}

static void test_v7_seals_lie_as_close_as_promised(void **state)
{
	static const struct {
		const char *entries;
		const char *codes;
	} table[] = {
		{ "aS.._.S", "seal.gap" },
		{ "aS_SS_S", "seal.gap seal.gap" },
		{ "aSaS_S", "seal.gap" },
		{ "aS_aS.S", "" },
		{ "aS_cS.S", "" },
		{ "acS_S", "seal.gap" },
	};
	struct log *log = *state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		make(log, table[i].entries, NULL);
		judge(log);
		expect(log, table[i].codes, NOWHERE);
		assert_int_equal(log->found.invalid, 0);
		done(log);
	}
}

static void test_v7_is_exact(void **state)
{
	struct log *log = *state;
	make(log, "aSS", NULL);
	struct seals s = { .found = &log->found, .anchor = log->maker.anchor, .anchored = true };
	for (uint64_t more = 0; more < 2; more++) {
		struct record r = log->records[3];
		log->found = (struct findings){ 0 };
		seals_resume(&s, 1, 2, BEGIN_NS, false);
		r.received_ns = BEGIN_NS + MAX_S * NS + more;
		seals_take(&s, 3, &r, NULL);
		assert_int_equal(log->found.unverifiable, more);
	}
}

static void test_v8_a_running_log_seals(void **state)
{
	static const struct {
		const char *entries;
		uint64_t age_s;
		const char *codes;
	} table[] = {
		{ "aS.S..", MAX_S, "" },
		{ "aS.S..", MAX_S + 1, "seal.old" },
		{ "aS.S..", 0, "" },
		{ "a.....", MAX_S, "" },
		{ "a.....", MAX_S + 1, "seal.old" },
	};
	struct log *log = *state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		make(log, table[i].entries, NULL);
		judge(log);
		uint64_t from =
			log->control.seals.has_last ? log->records[4].received_ns : BEGIN_NS;
		seals_running(&log->control.seals, log->count, from + table[i].age_s * NS);
		expect(log, table[i].codes, *table[i].codes ? 6 : NOWHERE);
		done(log);
	}
}

static void a_clock_behind_the_log_says_nothing(void **state)
{
	struct log *log = *state;
	make(log, "aS", NULL);
	judge(log);
	seals_running(&log->control.seals, log->count, BEGIN_NS - NS);
	expect(log, "", NOWHERE);
	done(log);
}

/* ---- attacks: the log is chained and signed anew, and its seals are what they were ---- */

static void remove_at(struct log *log, size_t i)
{
	struct buf gone = log->payloads[i];
	for (; i + 1 < log->count; i++) {
		log->records[i] = log->records[i + 1];
		log->payloads[i] = log->payloads[i + 1];
	}
	log->payloads[i] = gone;
	log->count--;
}

static void swap_payloads(struct log *log, size_t a, size_t b)
{
	struct buf kept = log->payloads[a];
	log->payloads[a] = log->payloads[b];
	log->payloads[b] = kept;
}

static void change_an_event(struct log *log)
{
	log->payloads[3].data[0] ^= 1;
}

static void drop_a_seal(struct log *log)
{
	remove_at(log, 4);
}

static void drop_the_last_seal(struct log *log)
{
	remove_at(log, 6);
}

static void drop_an_event(struct log *log)
{
	remove_at(log, 3);
}

static void move_a_seal(struct log *log)
{
	struct record r = log->records[4];
	log->records[4] = log->records[5];
	log->records[5] = r;
	swap_payloads(log, 4, 5);
}

static void swap_two_seals(struct log *log)
{
	swap_payloads(log, 4, 6);
}

static void seal_twice(struct log *log)
{
	buf_clear(&log->payloads[6]);
	buf_put_span(&log->payloads[6], buf_view(&log->payloads[4]));
}

static void take_genesis_from_elsewhere(struct log *log)
{
	static struct log other;
	seal_maker_make(&other.maker, ORIGIN, MAX_S * NS, 1);
	make(&other, "", NULL);
	buf_clear(&log->payloads[0]);
	buf_put_span(&log->payloads[0], buf_view(&other.payloads[0]));
	buf_release(&other.payloads[0]);
}

/* "aS.S.S.": the SEALs stand at 2, 4 and 6, the events at 3, 5 and 7. */
static void test_g4_attacks_are_told_apart(void **state)
{
	static const struct {
		void (*attack)(struct log *log);
		const char *codes;
		int first;
	} table[] = {
		{ change_an_event, "seal.root seal.root", 2 },
		{ drop_a_seal, "seal.epoch", 5 },
		{ drop_the_last_seal, "", NOWHERE },
		{ drop_an_event, "seal.place seal.place", 3 },
		{ move_a_seal, "seal.place seal.root", 5 },
		{ swap_two_seals, "seal.epoch seal.epoch", 4 },
		{ seal_twice, "seal.epoch", 6 },
		{ take_genesis_from_elsewhere, "seal.key seal.key seal.key", 2 },
	};
	struct log *log = *state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		make(log, "aS.S.S.", NULL);
		table[i].attack(log);
		judge(log);
		expect(log, table[i].codes, table[i].first);
		done(log);
	}
}

/* Who took the keys when epoch 2 was open has those of 2 and later, and makes the log anew. */
static void rewrite(struct forgery *f, uint32_t k)
{
	if (k < 2)
		f->key = k + 2;
}

static void rewrite_with_its_epochs(struct forgery *f, uint32_t k)
{
	f->text.epoch = f->key = k + 2;
}

static void test_g4_stolen_keys_seal_nothing_before(void **state)
{
	struct log *log = *state;
	make(log, "aS.S.S.", rewrite);
	judge(log);
	expect(log, "seal.key seal.key", 2);
	expect_sealed(log, NOWHERE);
	done(log);
	make(log, "aS.S.S.", rewrite_with_its_epochs);
	judge(log);
	expect(log, "seal.epoch", 2);
	expect_sealed(log, NOWHERE);
	done(log);
}

static void burn(struct forgery *f, uint32_t k)
{
	if (k == 2)
		f->text.epoch = f->key = SEAL_MAKER_KEYS - 1;
}

static void test_g4_burnt_epochs_are_missed(void **state)
{
	struct log *log = *state;
	make(log, "aS.S.S", burn);
	judge(log);
	expect(log, "seal.epoch", 6);
	done(log);
}

/* ---- what is not known ---- */

static void without_its_genesis_no_seal_is_valid(void **state)
{
	struct log *log = *state;
	make(log, "aS.S", NULL);
	log->anchorless = true;
	judge(log);
	expect(log, "seal.genesis", NOWHERE);
	assert_int_equal(log->found.unverifiable, 1);
	expect_sealed(log, NOWHERE);
	seals_running(&log->control.seals, log->count, UINT64_MAX);
	expect(log, "seal.genesis", NOWHERE);
	log->anchorless = false;
	done(log);
}

static void a_seal_without_payload_seals_nothing(void **state)
{
	struct log *log = *state;
	make(log, "aS.S.S", NULL);
	log->lost[4] = true;
	judge(log);
	expect(log, "", NOWHERE);
	expect_sealed(log, 2);
	assert_int_equal(log->control.seals.count, 3);
	done(log);
}

static void behind_missing_records_the_count_begins_anew(void **state)
{
	struct log *log = *state;
	struct seals s = { .found = &log->found, .anchored = true };
	struct seal seal;
	make(log, "aS.S.S.S", NULL);
	log->found = (struct findings){ 0 };
	s.anchor = log->maker.anchor;
	seals_jump(&s);
	for (size_t i = 6; i <= 8; i += 2) {
		uint8_t room[4096];
		struct arena arena = { .data = room, .cap = sizeof room };
		assert_int_equal(seal_decode(buf_view(&log->payloads[i]), &arena, &seal), TRAIL_OK);
		seals_show(&s, &seal);
		seals_take(&s, i, &log->records[i], NULL);
	}
	expect(log, "", NOWHERE);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.due, 4);
	assert_false(s.sealed);
}

static void behind_seals_that_were_judged_the_count_goes_on(void **state)
{
	struct log *log = *state;
	for (unsigned resumed = 1; resumed <= 2; resumed++) {
		struct seals s = { .found = &log->found, .anchored = true };
		uint8_t room[4096];
		struct arena arena = { .data = room, .cap = sizeof room };
		struct seal seal;
		make(log, "aS.S.S", NULL);
		log->found = (struct findings){ 0 };
		s.anchor = log->maker.anchor;
		seals_resume(&s, resumed, 2, log->records[2].received_ns, false);
		assert_int_equal(seal_decode(buf_view(&log->payloads[6]), &arena, &seal), TRAIL_OK);
		seals_show(&s, &seal);
		seals_take(&s, 6, &log->records[6], NULL);
		expect(log, resumed == 2 ? "" : "seal.epoch", resumed == 2 ? NOWHERE : 6);
		assert_int_equal(s.sealed_index, 2);
	}
}

static int begin(void **state)
{
	struct log *log = calloc(1, sizeof *log);
	if (!log || !crypto_init())
		return -1;
	seal_maker_make(&log->maker, ORIGIN, MAX_S * NS, 0);
	*state = log;
	return 0;
}

static int end(void **state)
{
	struct log *log = *state;
	for (size_t i = 0; i < RECORDS_MAX; i++)
		buf_release(&log->payloads[i]);
	free(log);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_logs_have_no_finding),
		cmocka_unit_test(test_g4_every_demand_is_made),
		cmocka_unit_test(test_g4_a_text_that_was_not_signed),
		cmocka_unit_test(test_g4_a_payload_that_is_no_seal),
		cmocka_unit_test(test_v7_seals_lie_as_close_as_promised),
		cmocka_unit_test(test_v7_is_exact),
		cmocka_unit_test(test_v8_a_running_log_seals),
		cmocka_unit_test(a_clock_behind_the_log_says_nothing),
		cmocka_unit_test(test_g4_attacks_are_told_apart),
		cmocka_unit_test(test_g4_stolen_keys_seal_nothing_before),
		cmocka_unit_test(test_g4_burnt_epochs_are_missed),
		cmocka_unit_test(without_its_genesis_no_seal_is_valid),
		cmocka_unit_test(a_seal_without_payload_seals_nothing),
		cmocka_unit_test(behind_missing_records_the_count_begins_anew),
		cmocka_unit_test(behind_seals_that_were_judged_the_count_goes_on),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
