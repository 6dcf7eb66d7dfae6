/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEAL and SEALED by calling the signer: what it seals, what it refuses, what is left of a key that
 * is over, and every state in which a crash can leave `seeds`.
 */
#include "../../daemon/signer/head.h"
#include "../../daemon/signer/seals.h"
#include "../../daemon/signer/serve.h"
#include "../../proto/codec.h"
#include "../support/signer_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	HEIGHT = SEAL_HEIGHT_MIN,
	SEALS = 1 << HEIGHT,
	OLD = 0,
	NEW = 1,
	WAKE_FIXED = 1 + 1 + 1 + 8 + 1,
	EPOCH_AT = 1 + 8 + 1 + HASH_LEN + 8, /* in the answer to WAKE */
	SECTOR = 512,
};

#define SECOND  UINT64_C(1000000000)
#define EPOCH   (3600 * SECOND)
#define QUARTER (EPOCH / 4)

static const char ORIGIN[] = "example.org/audit";
static const char COSIGNED[] = "a note\n\n\xe2\x80\x94 with lines\n";

/* A SEAL as the log holds it. */
struct entry {
	uint64_t index;
	uint64_t time_ns;
	uint8_t record[RECORD_LEN];
	uint8_t salt[SALT_LEN];
	const char *cosigned;
};

/* One signer on one folder, and the log that it signs. */
struct bench {
	char folder[CASE_PATH_MAX];
	struct signer *signer;
	struct buf answer;
	struct case_log log;
	uint64_t size; /* signed last */
	uint8_t root[SIGN_SEED_LEN];
	struct seal_anchor anchor;
};

static struct pace_time the_time;

static struct pace_time now(void)
{
	return the_time;
}

static void pass(uint64_t ns)
{
	the_time.real_ns += ns;
	the_time.boot_ns += ns;
}

static void fresh_signer(struct bench *b)
{
	const struct signer_options options = {
		.folder = b->folder, .allow_cow = true, .now = now
	};
	signer_free(b->signer);
	b->signer = signer_new(&options);
	assert_non_null(b->signer);
}

static int wake(struct bench *b, int want_new)
{
	uint8_t q[WAKE_FIXED + sizeof ORIGIN - 1] = { TALK_WAKE, (uint8_t)want_new, HEIGHT };
	store_be64(q + 3, 2 * EPOCH);
	q[11] = sizeof ORIGIN - 1;
	memcpy(q + WAKE_FIXED, ORIGIN, sizeof ORIGIN - 1);
	return signer_answer(b->signer, span_of(q, sizeof q), &b->answer);
}

/* Sign up to `size`; the status. */
static int sign(struct bench *b, uint64_t size)
{
	uint8_t q[TALK_LEN_MAX] = { TALK_SIGN };
	struct hash root;
	struct tree_proof proof = { 0 };
	case_log_root(&b->log, size, &root);
	if (b->size != 0)
		case_log_proof(&b->log, b->size, size, &proof);
	store_be64(q + 1, size);
	memcpy(q + 9, root.b, HASH_LEN);
	q[9 + HASH_LEN] = (uint8_t)proof.count;
	memcpy(q + 10 + HASH_LEN, proof.path, proof.count * HASH_LEN);
	int status = signer_answer(
		b->signer, span_of(q, 10 + HASH_LEN + proof.count * HASH_LEN), &b->answer);
	if (status == TALK_OK)
		b->size = size;
	return status;
}

static int ask(struct bench *b, uint64_t size, uint64_t time_ns)
{
	uint8_t q[17] = { TALK_SEAL };
	store_be64(q + 1, size);
	store_be64(q + 9, time_ns);
	return signer_answer(b->signer, span_of(q, sizeof q), &b->answer);
}

/* The Seal in the answer, which it views. */
static void answer_seal(const struct bench *b, struct seal *seal)
{
	const uint8_t *at = b->answer.data + 1;
	size_t text = load_be16(at);
	assert_int_equal(b->answer.data[0], TALK_OK);
	assert_int_equal(b->answer.len,
		1 + 2 + text + SIGN_PUBLIC_LEN + 1 + HEIGHT * (size_t)HASH_LEN + SIGN_LEN);
	at += 2;
	*seal = (struct seal){ .text = span_of(at, text) };
	at += text;
	seal->key = span_of(at, SIGN_PUBLIC_LEN);
	at += SIGN_PUBLIC_LEN;
	assert_int_equal(*at, HEIGHT);
	seal->path = span_of(at + 1, HEIGHT * (size_t)HASH_LEN);
	at += 1 + HEIGHT * (size_t)HASH_LEN;
	seal->sig = span_of(at, SIGN_LEN);
}

/* Put the Seal of the answer into the log, at the index that it says. */
static void enter(struct bench *b, const char *cosigned, struct entry *e)
{
	struct seal seal;
	struct seal_text text;
	struct buf payload = { 0 };
	struct record r = { .version = RECORD_VERSION, .kind = KIND_SEAL };
	answer_seal(b, &seal);
	assert_int_equal(seal_text_parse(seal.text, &text), TRAIL_OK);
	seal.cosigned = span_text(cosigned);
	seal_encode(&seal, &payload);
	*e = (struct entry){ .index = text.size, .time_ns = text.time_ns, .cosigned = cosigned };
	memset(e->salt, 0x5a, sizeof e->salt);
	r.received_ns = text.time_ns;
	record_commitment(e->salt, buf_view(&payload), &r.commitment);
	record_encode(&r, e->record);
	record_leaf(e->record, &b->log.leaf[e->index]);
	buf_release(&payload);
}

static enum trail_err leaf_of(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	struct case_log *log = ctx;
	struct frontier f = { 0 };
	for (uint64_t i = index << level; i < (index + 1) << level; i++)
		frontier_append(&f, &log->leaf[i], NULL, NULL);
	frontier_root(&f, out);
	return TRAIL_OK;
}

static int report_proven(struct bench *b, const struct entry *e, const struct tree_proof *proof)
{
	uint8_t q[TALK_LEN_MAX] = { TALK_SEALED };
	size_t cosigned = strlen(e->cosigned);
	uint8_t *at = q + 1;
	memcpy(at, e->record, RECORD_LEN);
	memcpy(at + RECORD_LEN, e->salt, SALT_LEN);
	at += RECORD_LEN + SALT_LEN;
	store_be16(at, (uint16_t)cosigned);
	memcpy(at + 2, e->cosigned, cosigned);
	at += 2 + cosigned;
	*at++ = (uint8_t)proof->count;
	memcpy(at, proof->path, proof->count * HASH_LEN);
	at += proof->count * HASH_LEN;
	return signer_answer(b->signer, span_of(q, (size_t)(at - q)), &b->answer);
}

static int report(struct bench *b, const struct entry *e)
{
	struct tree_proof proof;
	assert_int_equal(tree_inclusion(e->index, b->size, leaf_of, &b->log, &proof), TRAIL_OK);
	return report_proven(b, e, &proof);
}

static bool answer_says(const struct bench *b, const char *words)
{
	return memmem(b->answer.data, b->answer.len, words, strlen(words)) != NULL;
}

static void expect(const struct bench *b, int status, int want, const char *words)
{
	if (status != want || !answer_says(b, words))
		fail_msg("%d \"%.*s\" does not say \"%s\"", status, (int)b->answer.len - 1,
			(const char *)b->answer.data + 1, words);
}

/* Ask, enter, sign one more, report. */
static void seal_once(struct bench *b)
{
	struct entry e;
	assert_int_equal(ask(b, b->size, the_time.real_ns), TALK_OK);
	enter(b, "", &e);
	assert_int_equal(sign(b, b->size + 1), TALK_OK);
	assert_int_equal(report(b, &e), TALK_OK);
}

static void wake_again(struct bench *b)
{
	fresh_signer(b);
	assert_int_equal(wake(b, OLD), TALK_OK);
}

static uint32_t woken_epoch(const struct bench *b)
{
	return load_be32(b->answer.data + EPOCH_AT);
}

/* What `seeds` holds: its newest slot. */
static void read_seeds(const struct bench *b, struct seeds *seeds, unsigned *slot)
{
	struct slot slots[2];
	struct buf file = case_file_read(b->folder, "seeds");
	int newest = slots_newest(buf_view(&file), SEEDS_SLOT_LEN, slots);
	assert_true(newest >= 0 && seeds_decode(slots[newest].content, seeds));
	*slot = (unsigned)newest;
	buf_release(&file);
}

static int setup(void **state)
{
	static struct bench b;
	struct seeds seeds;
	unsigned slot;
	b = (struct bench){ 0 };
	the_time = (struct pace_time){ 1700000000 * SECOND, 5000 * SECOND };
	case_folder_make(b.folder);
	case_log_fill(&b.log, 1, 0);
	fresh_signer(&b);
	assert_int_equal(wake(&b, NEW), TALK_OK);
	b.anchor = (struct seal_anchor){ .height = HEIGHT, .max_ns = 2 * EPOCH };
	memcpy(b.anchor.origin, ORIGIN, sizeof ORIGIN);
	memcpy(b.anchor.root.b, b.answer.data + 10, HASH_LEN);
	read_seeds(&b, &seeds, &slot);
	memcpy(b.root, seeds.node[0].seed, SIGN_SEED_LEN);
	assert_int_equal(sign(&b, 1), TALK_OK);
	assert_int_equal(sign(&b, 5), TALK_OK);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	signer_free(b->signer);
	buf_release(&b->answer);
	case_folder_remove(b->folder);
	return 0;
}

/* ---- every seed, by a way of its own ---- */

/* The seed of node (level, index), from the root that was there at birth. */
static void seed_of(const struct bench *b, unsigned level, uint64_t index, struct hash *seed)
{
	uint8_t text[20 + SIGN_SEED_LEN] = "trail-seal-seed/v1\n";
	memcpy(seed->b, b->root, SIGN_SEED_LEN);
	for (unsigned l = HEIGHT; l > level; l--) {
		text[19] = (uint8_t)(index >> (l - 1 - level) & 1);
		memcpy(text + 20, seed->b, SIGN_SEED_LEN);
		hash_bytes(span_of(text, sizeof text), seed);
	}
}

/* How many nodes of the tree that derive the key of an epoch below `end` lie in the file. */
static size_t count_derivers(const struct bench *b, uint32_t end)
{
	struct buf file = case_file_read(b->folder, "seeds");
	size_t found = 0;
	for (unsigned level = 0; level <= HEIGHT; level++) {
		for (uint64_t i = 0; i < UINT64_C(1) << (HEIGHT - level); i++) {
			struct hash seed;
			seed_of(b, level, i, &seed);
			found += i << level < end &&
				memmem(file.data, file.len, seed.b, HASH_LEN) != NULL;
		}
	}
	buf_release(&file);
	return found;
}

/* ---- sealing ---- */

static void test_g4_a_seal_is_of_the_signed_head_by_the_key_of_its_epoch(void **state)
{
	struct bench *b = *state;
	struct seal seal;
	struct seal_text text;
	struct hash root;
	for (uint32_t epoch = 0; epoch < SEALS; epoch++) {
		struct entry e;
		uint64_t time_ns = the_time.real_ns + epoch;
		assert_int_equal(ask(b, b->size, time_ns), TALK_OK);
		answer_seal(b, &seal);
		assert_int_equal(seal_check(&b->anchor, &seal, &text), SEAL_FITS);
		case_log_root(&b->log, b->size, &root);
		assert_int_equal(text.epoch, epoch);
		assert_int_equal(text.size, b->size);
		assert_true(hash_equal(&text.root, &root));
		assert_int_equal(text.time_ns, time_ns);
		enter(b, epoch % 2 == 0 ? COSIGNED : "", &e);
		assert_int_equal(sign(b, b->size + 3), TALK_OK);
		assert_int_equal(report(b, &e), TALK_OK);
		assert_int_equal(load_be32(b->answer.data + 1), epoch + 1);
		pass(EPOCH);
		if (epoch % 3 == 0)
			wake_again(b);
	}
}

static void test_g4_no_other_size_than_the_signed_one_is_sealed(void **state)
{
	struct bench *b = *state;
	static const uint64_t sizes[] = { 0, 1, 4, 6, UINT64_MAX };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		expect(b, ask(b, sizes[i], 7), TALK_REFUSED, "the signed head has size 5");
		expect(b, ask(b, 5, 7), TALK_REFUSED, "the signed head has size 5");
		wake_again(b);
	}
	assert_int_equal(ask(b, 5, 7), TALK_OK);
}

static void test_g4_the_text_is_kept_before_it_is_signed(void **state)
{
	struct bench *b = *state;
	struct seeds seeds;
	struct seal seal;
	unsigned before, slot;
	read_seeds(b, &seeds, &before);
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	answer_seal(b, &seal);
	read_seeds(b, &seeds, &slot);
	assert_int_not_equal(slot, before);
	assert_int_equal(seeds.next, 0);
	assert_true(span_equal(seal.text, span_of(seeds.pending, seeds.pending_len)));
}

static void test_g4_asked_again_after_a_crash_it_seals_what_extends(void **state)
{
	struct bench *b = *state;
	struct buf first = { 0 };
	struct seal seal;
	struct seal_text text;
	struct entry e;
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	buf_put_span(&first, buf_view(&b->answer));
	wake_again(b);
	assert_int_equal(woken_epoch(b), 0);
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	assert_true(span_equal(buf_view(&first), buf_view(&b->answer)));
	/* The start that came between was signed. */
	assert_int_equal(sign(b, 6), TALK_OK);
	assert_int_equal(ask(b, 6, 8), TALK_OK);
	answer_seal(b, &seal);
	assert_int_equal(seal_check(&b->anchor, &seal, &text), SEAL_FITS);
	assert_true(text.epoch == 0 && text.size == 6 && text.time_ns == 8);
	enter(b, "", &e);
	assert_int_equal(sign(b, 7), TALK_OK);
	assert_int_equal(report(b, &e), TALK_OK);
	buf_release(&first);
}

static void test_g4_an_older_head_beside_a_pending_seal_is_refused(void **state)
{
	struct bench *b = *state;
	struct buf head = case_file_read(b->folder, "head");
	assert_int_equal(sign(b, 6), TALK_OK);
	assert_int_equal(ask(b, 6, 7), TALK_OK);
	case_file_write(b->folder, "head", buf_view(&head));
	fresh_signer(b);
	expect(b, wake(b, OLD), TALK_REFUSED, "an older head was put in place");
	buf_release(&head);
}

static void test_g4_an_older_head_beside_a_seal_is_refused(void **state)
{
	struct bench *b = *state;
	struct buf head = case_file_read(b->folder, "head");
	seal_once(b);
	struct buf newest = case_file_read(b->folder, "head");
	case_file_write(b->folder, "head", buf_view(&head));
	fresh_signer(b);
	expect(b, wake(b, OLD), TALK_REFUSED, "an older head was put in place");
	case_file_write(b->folder, "head", buf_view(&newest));
	wake_again(b);
	buf_release(&head);
	buf_release(&newest);
}

static void test_g4_burning_seals_without_putting_them_into_the_log_does_not_work(void **state)
{
	struct bench *b = *state;
	struct seal seal;
	struct seal_text text;
	for (uint64_t i = 0; i < 40; i++) {
		assert_int_equal(ask(b, b->size, i), TALK_OK);
		answer_seal(b, &seal);
		assert_int_equal(seal_text_parse(seal.text, &text), TRAIL_OK);
		assert_int_equal(text.epoch, 0);
		if (i % 4 == 0)
			wake_again(b);
		assert_int_equal(sign(b, b->size + 1), TALK_OK);
		pass(EPOCH / 40);
	}
}

/* ---- erasing ---- */

static void test_g4_what_derives_a_key_that_sealed_is_gone_from_the_file(void **state)
{
	struct bench *b = *state;
	static const uint8_t zeros[SLOT_OFFSET];
	struct seeds seeds;
	unsigned slot;
	assert_int_not_equal(count_derivers(b, 1), 0);
	for (uint32_t epoch = 0; epoch < SEALS; epoch++) {
		seal_once(b);
		assert_int_equal(count_derivers(b, epoch + 1), 0);
		read_seeds(b, &seeds, &slot);
		assert_int_equal(seeds.next, epoch + 1);
		assert_int_equal(seeds.pending_len, 0);
		struct buf file = case_file_read(b->folder, "seeds");
		assert_int_equal(file.len, SLOT_FILE_LEN);
		assert_memory_equal(
			file.data + (size_t)(1 - slot) * SLOT_OFFSET, zeros, SEEDS_SLOT_LEN);
		buf_release(&file);
		pass(EPOCH);
	}
}

enum wrong {
	OTHER_KIND,
	OTHER_TIME,
	OTHER_SALT,
	OTHER_COSIGNED,
	OTHER_PAYLOAD,
	OTHER_PLACE,
	FLIPPED_PROOF,
	NO_PROOF,
};

static int report_wrong(struct bench *b, enum wrong wrong, struct entry e)
{
	struct record r;
	struct tree_proof proof;
	record_decode(e.record, &r);
	assert_int_equal(tree_inclusion(e.index, b->size, leaf_of, &b->log, &proof), TRAIL_OK);
	switch (wrong) {
	case OTHER_KIND:
		r.kind = KIND_DAEMON;
		break;
	case OTHER_TIME:
		r.received_ns++;
		break;
	case OTHER_SALT:
		e.salt[3] ^= 1;
		return report_proven(b, &e, &proof);
	case OTHER_COSIGNED:
		e.cosigned = COSIGNED;
		return report_proven(b, &e, &proof);
	case OTHER_PAYLOAD:
		r.commitment.b[0] ^= 1;
		break;
	case OTHER_PLACE:
		assert_int_equal(
			tree_inclusion(e.index - 1, b->size, leaf_of, &b->log, &proof), TRAIL_OK);
		return report_proven(b, &e, &proof);
	case FLIPPED_PROOF:
		proof.path[1].b[0] ^= 1;
		return report_proven(b, &e, &proof);
	case NO_PROOF:
		proof.count = 0;
		return report_proven(b, &e, &proof);
	}
	record_encode(&r, e.record);
	return report_proven(b, &e, &proof);
}

static void test_g4_nothing_is_erased_for_a_seal_that_is_not_in_the_log(void **state)
{
	struct bench *b = *state;
	static const struct {
		enum wrong wrong;
		const char *words;
	} cases[] = {
		{ OTHER_KIND, "is not the SEAL that was asked for" },
		{ OTHER_TIME, "is not the SEAL that was asked for" },
		{ OTHER_SALT, "does not commit to the SEAL" },
		{ OTHER_COSIGNED, "does not commit to the SEAL" },
		{ OTHER_PAYLOAD, "does not commit to the SEAL" },
		{ OTHER_PLACE, "is not proven to be record 5" },
		{ FLIPPED_PROOF, "is not proven to be record 5" },
		{ NO_PROOF, "is not proven to be record 5" },
	};
	struct entry e;
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	enter(b, "", &e);
	assert_int_equal(sign(b, 9), TALK_OK);
	struct buf before = case_file_read(b->folder, "seeds");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		expect(b, report_wrong(b, cases[i].wrong, e), TALK_REFUSED, cases[i].words);
		struct buf after = case_file_read(b->folder, "seeds");
		assert_true(span_equal(buf_view(&before), buf_view(&after)));
		buf_release(&after);
		wake_again(b);
	}
	assert_int_equal(report(b, &e), TALK_OK);
	buf_release(&before);
}

static void test_g4_nothing_is_erased_before_the_head_holds_the_seal(void **state)
{
	struct bench *b = *state;
	struct entry e;
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	enter(b, "", &e);
	expect(b, report_proven(b, &e, &(struct tree_proof){ 0 }), TALK_REFUSED,
		"is not proven to be record 5 of the signed head of size 5");
	wake_again(b);
	assert_int_equal(sign(b, 6), TALK_OK);
	assert_int_equal(report(b, &e), TALK_OK);
}

static void test_g4_a_report_without_a_pending_seal_is_refused(void **state)
{
	struct bench *b = *state;
	struct entry e;
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	enter(b, "", &e);
	assert_int_equal(sign(b, 6), TALK_OK);
	assert_int_equal(report(b, &e), TALK_OK);
	expect(b, report(b, &e), TALK_REFUSED, "no SEAL was asked for since the last");
	wake_again(b);
	assert_int_equal(woken_epoch(b), 1);
}

static void test_malformed_reports_are_failures(void **state)
{
	struct bench *b = *state;
	uint8_t q[TALK_LEN_MAX] = { TALK_SEALED };
	const size_t fixed = 1 + RECORD_LEN + SALT_LEN + 2;
	const struct {
		uint16_t cosigned;
		uint8_t count;
		size_t len;
	} cases[] = {
		{ 0, 0, fixed - 1 },
		{ 0, 0, fixed },
		{ 1, 0, fixed + 1 },
		{ 0xffff, 0, fixed + 1 },
		{ SEAL_PAYLOAD_MAX + 1, 0, fixed + SEAL_PAYLOAD_MAX + 2 },
		{ 0, 1, fixed + 1 },
		{ 0, 0, fixed + 2 },
		{ 0, 65, fixed + 1 + 65 * HASH_LEN },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(ask(b, 5, 7), TALK_OK);
		store_be16(q + fixed - 2, cases[i].cosigned);
		q[fixed + (cases[i].cosigned > SEAL_PAYLOAD_MAX ? 0 : cases[i].cosigned)] =
			cases[i].count;
		expect(b, signer_answer(b->signer, span_of(q, cases[i].len), &b->answer),
			TALK_FAILED, "SEALED is malformed");
		memset(q + 1, 0, sizeof q - 1);
		wake_again(b);
	}
}

/* ---- crashes: seeds as each step of the two writes leaves it ---- */

struct steps {
	struct entry e;
	struct buf pended, advanced;
	unsigned slot; /* in which the new seeds are */
};

static void take_steps(struct bench *b, struct steps *s)
{
	struct seeds seeds;
	assert_int_equal(ask(b, 5, 7), TALK_OK);
	enter(b, "", &s->e);
	assert_int_equal(sign(b, 6), TALK_OK);
	s->pended = case_file_read(b->folder, "seeds");
	assert_int_equal(report(b, &s->e), TALK_OK);
	s->advanced = case_file_read(b->folder, "seeds");
	read_seeds(b, &seeds, &s->slot);
}

static void steps_release(struct steps *s)
{
	buf_release(&s->pended);
	buf_release(&s->advanced);
}

/* It wakes in `epoch`, the SEAL can be reported if it was not, what is over is gone, it goes on. */
static void goes_on(struct bench *b, const struct steps *s, uint32_t epoch)
{
	wake_again(b);
	assert_int_equal(woken_epoch(b), epoch);
	if (epoch == 0)
		assert_int_equal(report(b, &s->e), TALK_OK);
	assert_int_equal(count_derivers(b, 1), 0);
	pass(EPOCH);
	uint64_t size = b->size;
	struct case_log log = b->log;
	struct buf head = case_file_read(b->folder, "head");
	seal_once(b);
	assert_int_equal(count_derivers(b, 2), 0);
	b->size = size;
	b->log = log;
	case_file_write(b->folder, "head", buf_view(&head));
	buf_release(&head);
	the_time.boot_ns -= EPOCH;
	the_time.real_ns -= EPOCH;
}

static void test_g4_a_crash_in_the_write_of_the_new_seeds_repeats_it(void **state)
{
	struct bench *b = *state;
	struct steps s;
	take_steps(b, &s);
	/* A torn write: sectors of the new slot over the old one, in any number. */
	for (size_t sectors = 0; sectors <= SEEDS_SLOT_LEN / SECTOR; sectors++) {
		struct buf file = { 0 };
		size_t at = s.slot * (size_t)SLOT_OFFSET;
		buf_put_span(&file, buf_view(&s.pended));
		memcpy(file.data + at, s.advanced.data + at, sectors * SECTOR);
		case_file_write(b->folder, "seeds", buf_view(&file));
		/* The last sector bears the hash: with it the new slot counts. */
		goes_on(b, &s, sectors == SEEDS_SLOT_LEN / SECTOR ? 1 : 0);
		buf_release(&file);
	}
	steps_release(&s);
}

static void test_g4_a_crash_in_the_erasure_is_made_good_at_the_next_start(void **state)
{
	struct bench *b = *state;
	struct steps s;
	take_steps(b, &s);
	for (size_t sectors = 0; sectors <= SEEDS_SLOT_LEN / SECTOR; sectors++) {
		struct buf file = { 0 };
		size_t at = (1 - s.slot) * (size_t)SLOT_OFFSET;
		buf_put_span(&file, buf_view(&s.advanced));
		memcpy(file.data + at + sectors * SECTOR, s.pended.data + at + sectors * SECTOR,
			SEEDS_SLOT_LEN - sectors * SECTOR);
		case_file_write(b->folder, "seeds", buf_view(&file));
		goes_on(b, &s, 1);
		buf_release(&file);
	}
	steps_release(&s);
}

static void test_g4_a_crash_in_the_keeping_of_the_text_leaves_the_epoch_open(void **state)
{
	struct bench *b = *state;
	struct steps s;
	struct buf born = case_file_read(b->folder, "seeds");
	take_steps(b, &s);
	size_t at = (1 - s.slot) * (size_t)SLOT_OFFSET;
	for (size_t sectors = 0; sectors < SEEDS_SLOT_LEN / SECTOR; sectors++) {
		struct buf file = { 0 };
		buf_put_span(&file, buf_view(&born));
		memcpy(file.data + at, s.pended.data + at, sectors * SECTOR);
		case_file_write(b->folder, "seeds", buf_view(&file));
		wake_again(b);
		assert_int_equal(woken_epoch(b), 0);
		/* What was not kept was not signed: there is nothing to report. */
		expect(b, report(b, &s.e), TALK_REFUSED, "no SEAL was asked for");
		wake_again(b);
		assert_int_equal(ask(b, b->size, 8), TALK_OK);
		buf_release(&file);
	}
	buf_release(&born);
	steps_release(&s);
}

static void test_g4_seeds_with_two_damaged_slots_are_refused(void **state)
{
	struct bench *b = *state;
	seal_once(b);
	struct seeds seeds;
	unsigned slot;
	read_seeds(b, &seeds, &slot);
	case_file_flip(b->folder, "seeds", slot * (size_t)SLOT_OFFSET + 30);
	fresh_signer(b);
	expect(b, wake(b, OLD), TALK_REFUSED, "/seeds is damaged");
}

static void test_a_seal_pub_that_changes_under_it_is_seen(void **state)
{
	struct bench *b = *state;
	case_file_flip(b->folder, "seal.pub", SEAL_PUB_HEAD_LEN + 9 * SIGN_PUBLIC_LEN);
	expect(b, ask(b, 5, 7), TALK_REFUSED, "/seal.pub is damaged");
}

/* ---- pace ---- */

static void expect_not_yet(struct bench *b, uint64_t wait_ns)
{
	assert_int_equal(ask(b, b->size, the_time.real_ns), TALK_NOT_YET);
	assert_int_equal(b->answer.len, 9);
	assert_int_equal(b->answer.data[0], TALK_NOT_YET);
	assert_int_equal(load_be64(b->answer.data + 1), wait_ns);
}

static void test_g4_a_seal_within_a_quarter_of_an_epoch_is_put_off(void **state)
{
	struct bench *b = *state;
	seal_once(b);
	expect_not_yet(b, QUARTER);
	/* It goes on: a head may be signed, and a restart changes nothing. */
	assert_int_equal(sign(b, b->size + 1), TALK_OK);
	pass(QUARTER / 2);
	expect_not_yet(b, QUARTER - QUARTER / 2);
	wake_again(b);
	expect_not_yet(b, QUARTER - QUARTER / 2);
	pass(QUARTER - QUARTER / 2 - 1);
	expect_not_yet(b, 1);
	pass(1);
	seal_once(b);
	expect_not_yet(b, QUARTER);
}

static void test_g4_after_a_start_of_the_machine_a_seal_is_made_at_once(void **state)
{
	struct bench *b = *state;
	seal_once(b);
	the_time.real_ns += 60 * SECOND;
	the_time.boot_ns = 20 * SECOND;
	wake_again(b);
	seal_once(b);
	/* And one whose boot clock is further than it was then, though not by a quarter. */
	the_time.real_ns += 3 * EPOCH;
	the_time.boot_ns = 100 * SECOND;
	wake_again(b);
	seal_once(b);
}

static void test_g4_sixteen_heads_are_signed_beyond_seal_max_and_no_more(void **state)
{
	struct bench *b = *state;
	seal_once(b);
	pass(2 * EPOCH);
	for (int i = 0; i < 40; i++)
		assert_int_equal(sign(b, b->size + 1), TALK_OK);
	pass(1);
	for (int i = 0; i < 16; i++)
		assert_int_equal(sign(b, b->size + 1), TALK_OK);
	/* The same head is not one more. */
	assert_int_equal(sign(b, b->size), TALK_OK);
	expect(b, sign(b, b->size + 1), TALK_REFUSED, "the newest seal is older than seal_max");
	/* A start asks for a seal, and with it goes on. */
	wake_again(b);
	assert_int_equal(sign(b, b->size + 1), TALK_OK);
	seal_once(b);
	for (int i = 0; i < 40; i++)
		assert_int_equal(sign(b, b->size + 1), TALK_OK);
}

static void test_g4_used_up_seals_are_said_and_end_nothing_yet(void **state)
{
	struct bench *b = *state;
	for (int i = 0; i < SEALS; i++) {
		seal_once(b);
		pass(EPOCH);
	}
	expect(b, ask(b, b->size, 7), TALK_USED_UP,
		"all 16 seals of this log are used up: begin a");
	wake_again(b);
	assert_int_equal(woken_epoch(b), SEALS);
	expect(b, ask(b, b->size, 7), TALK_USED_UP, "successor log");
	assert_int_equal(sign(b, b->size + 1), TALK_OK);
	pass(2 * EPOCH);
	for (int i = 0; i < 16; i++)
		assert_int_equal(sign(b, b->size + 1), TALK_OK);
	expect(b, sign(b, b->size + 1), TALK_REFUSED, "traild --succeed");
}

/* Seeds of a version that kept no mark: seal_max is what WAKE says, and is kept from then on. */
static void test_seeds_of_an_older_version_go_on(void **state)
{
	struct bench *b = *state;
	struct seeds seeds;
	uint8_t content[SEEDS_CONTENT_MAX];
	uint8_t file[SLOT_FILE_LEN] = { 0 };
	unsigned slot;
	read_seeds(b, &seeds, &slot);
	seeds.mark = (struct seal_mark){ 0 };
	size_t len = seeds_encode(&seeds, content);
	slot_encode(1, span_of(content, len), file, SEEDS_SLOT_LEN);
	case_file_write(b->folder, "seeds", span_of(file, sizeof file));
	wake_again(b);
	seal_once(b);
	expect_not_yet(b, QUARTER);
	read_seeds(b, &seeds, &slot);
	assert_int_equal(seeds.mark.max_ns, 2 * EPOCH);
	assert_int_equal(seeds.mark.size, 5);
	assert_int_equal(seeds.mark.boot_ns, the_time.boot_ns);
}

#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(test_g4_a_seal_is_of_the_signed_head_by_the_key_of_its_epoch),
		each(test_g4_no_other_size_than_the_signed_one_is_sealed),
		each(test_g4_the_text_is_kept_before_it_is_signed),
		each(test_g4_asked_again_after_a_crash_it_seals_what_extends),
		each(test_g4_an_older_head_beside_a_pending_seal_is_refused),
		each(test_g4_an_older_head_beside_a_seal_is_refused),
		each(test_g4_burning_seals_without_putting_them_into_the_log_does_not_work),
		each(test_g4_what_derives_a_key_that_sealed_is_gone_from_the_file),
		each(test_g4_nothing_is_erased_for_a_seal_that_is_not_in_the_log),
		each(test_g4_nothing_is_erased_before_the_head_holds_the_seal),
		each(test_g4_a_report_without_a_pending_seal_is_refused),
		each(test_malformed_reports_are_failures),
		each(test_g4_a_crash_in_the_write_of_the_new_seeds_repeats_it),
		each(test_g4_a_crash_in_the_erasure_is_made_good_at_the_next_start),
		each(test_g4_a_crash_in_the_keeping_of_the_text_leaves_the_epoch_open),
		each(test_g4_seeds_with_two_damaged_slots_are_refused),
		each(test_a_seal_pub_that_changes_under_it_is_seen),
		each(test_g4_a_seal_within_a_quarter_of_an_epoch_is_put_off),
		each(test_g4_after_a_start_of_the_machine_a_seal_is_made_at_once),
		each(test_g4_sixteen_heads_are_signed_beyond_seal_max_and_no_more),
		each(test_g4_used_up_seals_are_said_and_end_nothing_yet),
		each(test_seeds_of_an_older_version_go_on),
	};
	if (!crypto_init())
		return 1;
	return cmocka_run_group_tests_name("signer_seals", tests, NULL, NULL);
}
