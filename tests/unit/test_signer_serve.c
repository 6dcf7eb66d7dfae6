/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/signer/serve.h"

#include "../../daemon/signer/head.h"
#include "../../daemon/signer/seeds.h"
#include "../support/signer_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	HEIGHT = SEAL_HEIGHT_MIN,
	OLD = 0,
	NEW = 1,
	WAKE_FIXED = 1 + 1 + 1 + 8 + 1,         /* what precedes the origin */
	VKEY_AT = 1 + 8 + 1 + HASH_LEN + 8 + 4, /* in the answer to WAKE */
};

#define SECOND   UINT64_C(1000000000)
#define SEAL_MAX (7200 * SECOND)

static const char ORIGIN[] = "example.org/audit";

/* One signer on one folder, and the log that it signs. */
struct bench {
	char folder[CASE_PATH_MAX];
	struct signer *signer;
	struct buf answer;
	struct case_log log;
	char said[TALK_SENTENCE_MAX];
	enum log_id said_id;
};

static struct bench *here; /* for `say`, which has no context */

static void say(enum log_id id, const char *sentence)
{
	here->said_id = id;
	(void)snprintf(here->said, sizeof here->said, "%s", sentence);
}

/* The signer's clocks stand still unless a test moves them. */
static struct pace_time the_time;

static struct pace_time now(void)
{
	return the_time;
}

static void fresh_signer(struct bench *b)
{
	const struct signer_options options = {
		.folder = b->folder, .allow_cow = true, .now = now, .say = say
	};
	signer_free(b->signer);
	b->said[0] = '\0';
	b->signer = signer_new(&options);
	assert_non_null(b->signer);
}

static int setup(void **state)
{
	static struct bench b;
	b = (struct bench){ 0 };
	the_time = (struct pace_time){ .real_ns = 1700000000 * SECOND, .boot_ns = 1000 * SECOND };
	here = &b;
	case_folder_make(b.folder);
	case_log_fill(&b.log, 1, 0);
	fresh_signer(&b);
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

static int wake_as(struct bench *b, int want_new, unsigned height, const char *origin)
{
	uint8_t q[WAKE_FIXED + NOTE_NAME_MAX] = { TALK_WAKE, (uint8_t)want_new, (uint8_t)height };
	store_be64(q + 3, SEAL_MAX);
	q[11] = (uint8_t)strlen(origin);
	memcpy(q + WAKE_FIXED, origin, strlen(origin));
	return signer_answer(b->signer, span_of(q, WAKE_FIXED + strlen(origin)), &b->answer);
}

static int wake(struct bench *b, int want_new)
{
	return wake_as(b, want_new, HEIGHT, want_new ? ORIGIN : "");
}

static int sign_raw(
	struct bench *b, uint64_t size, const struct hash *root, const struct tree_proof *proof)
{
	uint8_t q[TALK_LEN_MAX] = { TALK_SIGN };
	store_be64(q + 1, size);
	memcpy(q + 9, root->b, HASH_LEN);
	q[9 + HASH_LEN] = (uint8_t)proof->count;
	memcpy(q + 10 + HASH_LEN, proof->path, proof->count * HASH_LEN);
	return signer_answer(
		b->signer, span_of(q, 10 + HASH_LEN + proof->count * HASH_LEN), &b->answer);
}

/* Sign `to` with the proof from `from`; 0: without a proof. */
static int sign(struct bench *b, uint64_t from, uint64_t to)
{
	struct hash root;
	struct tree_proof proof = { 0 };
	case_log_root(&b->log, to, &root);
	if (from != 0)
		case_log_proof(&b->log, from, to, &proof);
	return sign_raw(b, to, &root, &proof);
}

/* The folder of a log that signed sizes 1 .. `size`; the signer is a new one, not awake. */
static void grown(struct bench *b, uint64_t size)
{
	assert_int_equal(wake(b, NEW), TALK_OK);
	for (uint64_t n = 1; n <= size; n++)
		assert_int_equal(sign(b, n - 1, n), TALK_OK);
	fresh_signer(b);
}

static bool answer_says(const struct bench *b, const char *words)
{
	return memmem(b->answer.data, b->answer.len, words, strlen(words)) != NULL;
}

static void expect(const struct bench *b, int status, int want, const char *words)
{
	assert_int_equal(status, want);
	assert_int_equal(b->answer.data[0], want);
	assert_true(b->answer.len <= 1 + TALK_SENTENCE_MAX);
	if (!answer_says(b, words))
		fail_msg("\"%.*s\" does not say \"%s\"", (int)b->answer.len - 1,
			(const char *)b->answer.data + 1, words);
}

static uint64_t woken_size(const struct bench *b)
{
	assert_int_equal(b->answer.data[0], TALK_OK);
	return load_be64(b->answer.data + 1);
}

static void woken_vkey(const struct bench *b, struct vkey *key)
{
	size_t at = VKEY_AT;
	size_t len = load_be16(b->answer.data + at);
	assert_int_equal(vkey_parse(span_of(b->answer.data + at + 2, len), key), TRAIL_OK);
}

/* ---- birth ---- */

static void test_a_new_key_has_all_its_files_with_their_modes(void **state)
{
	struct bench *b = *state;
	struct vkey key;
	assert_int_equal(wake(b, NEW), TALK_OK);
	woken_vkey(b, &key);
	assert_string_equal(key.name, ORIGIN);
	assert_int_equal(woken_size(b), 0);
	assert_int_equal(b->answer.data[9], HEIGHT);
	assert_int_equal(case_folder_count(b->folder), 5);
	assert_int_equal(case_file_mode(b->folder, "lock"), 0600);
	assert_int_equal(case_file_mode(b->folder, "key"), 0600);
	assert_int_equal(case_file_mode(b->folder, "head"), 0600);
	assert_int_equal(case_file_mode(b->folder, "seeds"), 0600);
	assert_int_equal(case_file_mode(b->folder, "seal.pub"), 0644);
}

static void test_the_seal_root_is_that_of_seal_pub(void **state)
{
	struct bench *b = *state;
	unsigned height;
	const uint8_t *pubs;
	struct hash root;
	assert_int_equal(wake(b, NEW), TALK_OK);
	struct buf file = case_file_read(b->folder, "seal.pub");
	assert_true(seal_pub_parse(buf_view(&file), &height, &pubs));
	case_seal_root(pubs, height, &root);
	assert_memory_equal(b->answer.data + 10, root.b, HASH_LEN);
	buf_release(&file);
}

static void test_two_births_share_nothing(void **state)
{
	struct bench *b = *state;
	struct vkey first, second;
	assert_int_equal(wake(b, NEW), TALK_OK);
	woken_vkey(b, &first);
	struct buf seeds = case_file_read(b->folder, "seeds");
	signer_free(b->signer);
	b->signer = NULL;
	case_folder_remove(b->folder);
	case_folder_make(b->folder);
	fresh_signer(b);
	assert_int_equal(wake(b, NEW), TALK_OK);
	woken_vkey(b, &second);
	struct buf other = case_file_read(b->folder, "seeds");
	assert_memory_not_equal(first.pub, second.pub, SIGN_PUBLIC_LEN);
	assert_memory_not_equal(seeds.data, other.data, SEEDS_SLOT_LEN);
	buf_release(&seeds);
	buf_release(&other);
}

/* The folder as a crash in the midst of a birth leaves it: the first `whole` files, a torn next. */
static void crash_birth(struct bench *b, size_t whole, bool torn)
{
	static const char *const order[] = { "seeds", "seal.pub", "head", "key" };
	for (size_t i = whole; i < sizeof order / sizeof order[0]; i++) {
		struct buf old = case_file_read(b->folder, order[i]);
		case_file_remove(b->folder, order[i]);
		if (i == whole && torn) {
			/* A name without content, or a length without its blocks. */
			memset(old.data, 0, old.len);
			case_file_write(
				b->folder, order[i], span_of(old.data, i % 2 == 0 ? 0 : old.len));
		}
		buf_release(&old);
	}
}

static void test_a_birth_cut_short_anywhere_starts_again(void **state)
{
	struct bench *b = *state;
	struct vkey key;
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(wake(b, NEW), TALK_OK);
		struct buf before = case_file_read(b->folder, "seeds");
		fresh_signer(b);
		crash_birth(b, i / 2, i % 2 == 1);
		assert_int_equal(wake(b, OLD), TALK_REFUSED);
		fresh_signer(b);
		assert_int_equal(wake(b, NEW), TALK_OK);
		woken_vkey(b, &key);
		assert_int_equal(woken_size(b), 0);
		/* A seed that a crash exposed to the disk serves no log. */
		struct buf after = case_file_read(b->folder, "seeds");
		assert_memory_not_equal(before.data, after.data, SEEDS_SLOT_LEN);
		assert_int_equal(sign(b, 0, 1), TALK_OK);
		buf_release(&before);
		buf_release(&after);
		signer_free(b->signer);
		b->signer = NULL;
		case_folder_remove(b->folder);
		case_folder_make(b->folder);
		fresh_signer(b);
	}
}

static void test_half_written_seeds_are_leftovers(void **state)
{
	struct bench *b = *state;
	assert_int_equal(wake(b, NEW), TALK_OK);
	fresh_signer(b);
	case_file_remove(b->folder, "key");
	case_file_flip(b->folder, "seeds", 30);
	assert_int_equal(wake(b, NEW), TALK_OK);
}

static void test_a_complete_birth_that_never_signed_is_not_made_again(void **state)
{
	struct bench *b = *state;
	struct vkey first, second;
	assert_int_equal(wake(b, NEW), TALK_OK);
	woken_vkey(b, &first);
	fresh_signer(b);
	assert_int_equal(wake(b, NEW), TALK_OK);
	woken_vkey(b, &second);
	assert_memory_equal(first.pub, second.pub, SIGN_PUBLIC_LEN);
	fresh_signer(b);
	expect(b, wake_as(b, NEW, HEIGHT, "example.org/other"), TALK_REFUSED, "origin");
	fresh_signer(b);
	expect(b, wake_as(b, NEW, HEIGHT + 1, ORIGIN), TALK_REFUSED, "height");
}

static void test_a_key_that_signed_is_not_made_again(void **state)
{
	struct bench *b = *state;
	grown(b, 3);
	struct buf before = case_file_read(b->folder, "key");
	expect(b, wake(b, NEW), TALK_REFUSED, "signed a log up to size 3");
	struct buf after = case_file_read(b->folder, "key");
	assert_true(span_equal(buf_view(&before), buf_view(&after)));
	buf_release(&before);
	buf_release(&after);
}

static void test_used_state_without_its_key_is_not_made_again(void **state)
{
	struct bench *b = *state;
	grown(b, 1);
	case_file_remove(b->folder, "key");
	expect(b, wake(b, NEW), TALK_REFUSED, "/head was signed by a key that is gone");
	assert_int_equal(case_file_mode(b->folder, "key"), 0);
	fresh_signer(b);
	expect(b, wake(b, OLD), TALK_REFUSED, "/key is missing");
	/* Nor where damage hides what the head held. */
	fresh_signer(b);
	case_file_flip(b->folder, "head", SLOT_OFFSET + 40);
	expect(b, wake(b, NEW), TALK_REFUSED, "/head");
}

static void test_seeds_that_gave_a_seal_are_not_made_again(void **state)
{
	struct bench *b = *state;
	struct seeds seeds;
	struct slot slots[2];
	uint8_t content[SEEDS_CONTENT_MAX];
	grown(b, 0);
	struct buf file = case_file_read(b->folder, "seeds");
	assert_int_equal(slots_newest(buf_view(&file), SEEDS_SLOT_LEN, slots), 0);
	assert_true(seeds_decode(slots[0].content, &seeds));
	struct seal_text text = { .origin = "example.org/audit" };
	struct buf pending = { 0 };
	seal_text_put(&pending, &text);
	memcpy(seeds.pending, pending.data, pending.len);
	seeds.pending_len = pending.len;
	buf_release(&pending);
	size_t len = seeds_encode(&seeds, content);
	slot_encode(2, span_of(content, len), file.data + SLOT_OFFSET, SEEDS_SLOT_LEN);
	case_file_write(b->folder, "seeds", buf_view(&file));
	/* Beside its key it wakes, but not as new; without it, it is refused. */
	expect(b, wake(b, NEW), TALK_REFUSED, "the store is empty");
	fresh_signer(b);
	assert_int_equal(wake(b, OLD), TALK_OK);
	fresh_signer(b);
	case_file_remove(b->folder, "key");
	expect(b, wake(b, NEW), TALK_REFUSED, "/seeds");
	buf_release(&file);
}

static void test_a_folder_with_something_else_in_it_is_refused(void **state)
{
	struct bench *b = *state;
	case_file_write(b->folder, "notes.txt", span_text("mine"));
	expect(b, wake(b, NEW), TALK_REFUSED, "notes.txt");
	struct buf mine = case_file_read(b->folder, "notes.txt");
	assert_true(span_equal(buf_view(&mine), span_text("mine")));
	buf_release(&mine);
}

static void test_nothing_is_made_when_it_is_not_asked_for(void **state)
{
	struct bench *b = *state;
	expect(b, wake(b, OLD), TALK_REFUSED, "/key is missing");
	assert_int_equal(case_folder_count(b->folder), 1);
	assert_int_equal(case_file_mode(b->folder, "lock"), 0600);
}

static void test_a_missing_folder_is_made_for_a_new_log_alone(void **state)
{
	struct bench *b = *state;
	char name[CASE_PATH_MAX];
	struct stat st;
	(void)snprintf(name, sizeof name, "%s", b->folder);
	assert_int_equal(rmdir(name), 0);
	expect(b, wake(b, OLD), TALK_REFUSED, "is missing");
	assert_int_not_equal(stat(name, &st), 0);
	fresh_signer(b);
	assert_int_equal(wake(b, NEW), TALK_OK);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* ---- waking ---- */

static void test_waking_tells_the_last_head(void **state)
{
	struct bench *b = *state;
	grown(b, 5);
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(woken_size(b), 5);
	struct vkey key;
	struct checkpoint cp;
	struct hash root;
	woken_vkey(b, &key);
	size_t at = VKEY_AT;
	at += 2U + load_be16(b->answer.data + at);
	struct span note = span_of(b->answer.data + at + 2, load_be16(b->answer.data + at));
	assert_int_equal(at + 2 + note.len, b->answer.len);
	assert_int_equal(checkpoint_open(note, &key, &cp), TRAIL_OK);
	case_log_root(&b->log, 5, &root);
	assert_true(hash_equal(&cp.root, &root));
}

static void test_a_foreign_origin_is_refused(void **state)
{
	struct bench *b = *state;
	grown(b, 2);
	expect(b, wake_as(b, OLD, 0, "example.org/other"), TALK_REFUSED,
		"holds the key of example.org/audit, not of example.org/other");
	fresh_signer(b);
	assert_int_equal(wake_as(b, OLD, 0, ORIGIN), TALK_OK);
}

static void test_missing_files_are_refused_and_not_made(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "key", "head", "seeds", "seal.pub" };
	grown(b, 2);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf whole = case_file_read(b->folder, names[i]);
		case_file_remove(b->folder, names[i]);
		expect(b, wake(b, OLD), TALK_REFUSED, names[i]);
		assert_int_equal(case_file_mode(b->folder, names[i]), 0);
		case_file_write(b->folder, names[i], buf_view(&whole));
		buf_release(&whole);
		fresh_signer(b);
	}
	assert_int_equal(wake(b, OLD), TALK_OK);
}

static void test_files_that_others_may_read_are_not_used(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *name;
		unsigned mode, was;
		const char *words;
	} cases[] = {
		{ "key", 0640, 0600, "/key has mode 0640, too open: chmod 0600" },
		{ "key", 0604, 0600, "/key has mode 0604" },
		{ "head", 0620, 0600, "/head has mode 0620" },
		{ "seeds", 0644, 0600, "/seeds has mode 0644" },
		{ "seal.pub", 0664, 0644, "/seal.pub has mode 0664, too open: chmod 0644" },
		{ ".", 0750, 0700, "has mode 0750, others may enter: chmod 0700" },
	};
	grown(b, 2);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		case_file_chmod(b->folder, cases[i].name, cases[i].mode);
		expect(b, wake(b, OLD), TALK_FAILED, cases[i].words);
		case_file_chmod(b->folder, cases[i].name, cases[i].was);
		fresh_signer(b);
	}
	assert_int_equal(wake(b, OLD), TALK_OK);
}

static void test_files_of_another_owner_are_not_used(void **state)
{
	struct bench *b = *state;
	char path[2 * CASE_PATH_MAX];
	if (geteuid() != 0)
		skip();
	grown(b, 1);
	(void)snprintf(path, sizeof path, "%s/key", b->folder);
	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
	expect(b, wake(b, OLD), TALK_FAILED, "/key belongs to uid 65534");
}

static void test_a_link_or_a_pipe_in_place_of_a_file_is_not_followed(void **state)
{
	struct bench *b = *state;
	char path[2 * CASE_PATH_MAX];
	grown(b, 1);
	(void)snprintf(path, sizeof path, "%s/head", b->folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("key", path), 0);
	assert_int_equal(wake(b, OLD), TALK_FAILED);
	fresh_signer(b);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect(b, wake(b, OLD), TALK_FAILED, "not a plain file");
}

static void test_a_second_signer_is_turned_away(void **state)
{
	struct bench *b = *state;
	assert_int_equal(wake(b, NEW), TALK_OK);
	struct signer *first = b->signer;
	b->signer = NULL;
	fresh_signer(b);
	expect(b, wake(b, OLD), TALK_FAILED, "in use by another traild-signer");
	signer_free(first);
	fresh_signer(b);
	assert_int_equal(wake(b, OLD), TALK_OK);
}

static void test_a_damaged_newer_slot_falls_back_and_says_so(void **state)
{
	struct bench *b = *state;
	grown(b, 5);
	/* The blank was slot 0, so size 5 is in slot 1. */
	case_file_flip(b->folder, "head", SLOT_OFFSET + 50);
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(woken_size(b), 4);
	assert_non_null(strstr(b->said, "one slot is damaged; going on from size 4"));
	assert_int_equal(b->said_id, LOG_SIGN_SLOT);
	/* It goes on, with a proof from there. */
	assert_int_equal(sign(b, 4, 6), TALK_OK);
	fresh_signer(b);
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(woken_size(b), 6);
	assert_string_equal(b->said, "");
}

static void test_a_doubly_damaged_head_is_refused(void **state)
{
	struct bench *b = *state;
	grown(b, 5);
	case_file_flip(b->folder, "head", 50);
	case_file_flip(b->folder, "head", SLOT_OFFSET + 50);
	expect(b, wake(b, OLD), TALK_REFUSED, "/head is damaged, both slots");
}

static void test_a_damaged_first_signature_is_not_forgotten(void **state)
{
	struct bench *b = *state;
	grown(b, 1);
	case_file_flip(b->folder, "head", SLOT_OFFSET + 50);
	expect(b, wake(b, OLD), TALK_REFUSED, "/head is damaged");
}

static void test_a_head_that_went_backwards_is_refused(void **state)
{
	struct bench *b = *state;
	grown(b, 5);
	struct slot slots[2];
	struct buf file = case_file_read(b->folder, "head");
	assert_int_equal(slots_newest(buf_view(&file), HEAD_SLOT_LEN, slots), 1);
	/* Size 4, which the key did sign, put back as the newest. */
	uint8_t forged[HEAD_SLOT_LEN];
	slot_encode(slots[1].counter + 1, slots[0].content, forged, sizeof forged);
	memcpy(file.data, forged, sizeof forged);
	case_file_write(b->folder, "head", buf_view(&file));
	expect(b, wake(b, OLD), TALK_REFUSED, "went backwards from size 5 to 4");
	buf_release(&file);
}

static void test_a_head_of_another_key_is_refused(void **state)
{
	struct bench *b = *state;
	grown(b, 2);
	struct buf head = case_file_read(b->folder, "head");
	signer_free(b->signer);
	b->signer = NULL;
	case_folder_remove(b->folder);
	case_folder_make(b->folder);
	fresh_signer(b);
	grown(b, 2);
	struct buf own = case_file_read(b->folder, "head");
	case_file_write(b->folder, "head", buf_view(&head));
	expect(b, wake(b, OLD), TALK_REFUSED, "these files are not of one log");
	/* Nor when only the older slot is foreign. Size 2 is in slot 0. */
	memcpy(own.data + SLOT_OFFSET, head.data + SLOT_OFFSET, HEAD_SLOT_LEN);
	case_file_write(b->folder, "head", buf_view(&own));
	fresh_signer(b);
	expect(b, wake(b, OLD), TALK_REFUSED,
		"the older slot holds a note that the log key did not");
	buf_release(&head);
	buf_release(&own);
}

static void test_a_damaged_file_is_refused_by_name(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *name;
		size_t offset;
	} cases[] = {
		{ "key", 3 },
		{ "key", 40 },
		{ "seeds", 40 },
		{ "seal.pub", 3 },
		{ "seal.pub", SEAL_PUB_HEAD_LEN + 1 },
	};
	grown(b, 2);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		case_file_flip(b->folder, cases[i].name, cases[i].offset);
		expect(b, wake(b, OLD), TALK_REFUSED, cases[i].name);
		case_file_flip(b->folder, cases[i].name, cases[i].offset);
		fresh_signer(b);
	}
	assert_int_equal(wake(b, OLD), TALK_OK);
}

static void test_files_of_another_length_are_refused(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "key", "head", "seeds", "seal.pub" };
	static const uint8_t tail[300];
	grown(b, 2);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct buf whole = case_file_read(b->folder, names[i]);
		case_file_write(b->folder, names[i], span_of(whole.data, whole.len - 1));
		expect(b, wake(b, OLD), TALK_REFUSED, names[i]);
		struct buf longer = { 0 };
		buf_put_span(&longer, buf_view(&whole));
		buf_put(&longer, tail, sizeof tail);
		case_file_write(b->folder, names[i], buf_view(&longer));
		fresh_signer(b);
		expect(b, wake(b, OLD), TALK_REFUSED, names[i]);
		case_file_write(b->folder, names[i], buf_view(&whole));
		fresh_signer(b);
		buf_release(&whole);
		buf_release(&longer);
	}
	assert_int_equal(wake(b, OLD), TALK_OK);
}

/* ---- signing ---- */

static void test_the_first_signature_is_of_size_one_alone(void **state)
{
	struct bench *b = *state;
	for (uint64_t size = 0; size < 4; size++) {
		if (size == 1)
			continue;
		assert_int_equal(wake(b, size == 0 ? NEW : OLD), TALK_OK);
		assert_int_equal(sign(b, 0, size), TALK_REFUSED);
		fresh_signer(b);
	}
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(woken_size(b), 0);
	assert_int_equal(sign(b, 0, 1), TALK_OK);
	/* Durable before it was answered. */
	assert_false(signer_dirty(b->signer));
}

static void test_what_extends_the_head_is_signed(void **state)
{
	struct bench *b = *state;
	static const uint64_t sizes[] = { 1, 2, 3, 4, 7, 8, 9, 64, 65, 100, 511, 512 };
	struct vkey key;
	struct checkpoint cp;
	struct hash root;
	assert_int_equal(wake(b, NEW), TALK_OK);
	woken_vkey(b, &key);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		assert_int_equal(sign(b, i == 0 ? 0 : sizes[i - 1], sizes[i]), TALK_OK);
		struct span note = span_of(b->answer.data + 3, b->answer.len - 3);
		assert_int_equal(load_be16(b->answer.data + 1), note.len);
		assert_int_equal(checkpoint_open(note, &key, &cp), TRAIL_OK);
		case_log_root(&b->log, sizes[i], &root);
		assert_true(cp.size == sizes[i] && hash_equal(&cp.root, &root));
		/* It is in the file before it is answered. */
		struct buf file = case_file_read(b->folder, "head");
		struct span kept;
		assert_int_equal(head_read(buf_view(&file), &kept), TRAIL_OK);
		assert_true(span_equal(kept, note));
		buf_release(&file);
	}
}

static void test_the_same_head_again_gets_the_same_note(void **state)
{
	struct bench *b = *state;
	struct buf first = { 0 };
	grown(b, 2);
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(sign(b, 2, 5), TALK_OK);
	buf_put_span(&first, buf_view(&b->answer));
	assert_int_equal(sign(b, 0, 5), TALK_OK);
	assert_true(span_equal(buf_view(&first), buf_view(&b->answer)));
	fresh_signer(b);
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(sign(b, 0, 5), TALK_OK);
	assert_true(span_equal(buf_view(&first), buf_view(&b->answer)));
	buf_release(&first);
}

/* Ways not to extend the head of size 5. */
enum wrong {
	SMALLER,
	SMALLER_PROVEN,
	OTHER_ROOT,
	SAME_WITH_PROOF,
	NO_PROOF,
	CUT_PROOF,
	LONG_PROOF,
	FLIPPED_PROOF,
	OTHER_HISTORY,
	PROOF_OF_ANOTHER_SIZE,
	TOO_LARGE,
	WRONG_END,
};

static int ask_wrong(struct bench *b, enum wrong wrong)
{
	struct case_log other;
	struct hash root, fork;
	struct tree_proof good, none = { 0 }, p;
	case_log_fill(&other, 2, 3);
	case_log_root(&b->log, 9, &root);
	case_log_root(&other, 9, &fork);
	case_log_proof(&b->log, 5, 9, &good);
	p = good;
	switch (wrong) {
	case SMALLER:
		case_log_root(&b->log, 4, &root);
		return sign_raw(b, 4, &root, &none);
	case SMALLER_PROVEN:
		case_log_root(&b->log, 4, &root);
		case_log_proof(&b->log, 4, 5, &p);
		return sign_raw(b, 4, &root, &p);
	case OTHER_ROOT:
		case_log_root(&other, 5, &root);
		return sign_raw(b, 5, &root, &none);
	case SAME_WITH_PROOF:
		case_log_root(&b->log, 5, &root);
		return sign_raw(b, 5, &root, &good);
	case NO_PROOF:
		return sign_raw(b, 9, &root, &none);
	case CUT_PROOF:
		p.count--;
		return sign_raw(b, 9, &root, &p);
	case LONG_PROOF:
		p.path[p.count++] = root;
		return sign_raw(b, 9, &root, &p);
	case FLIPPED_PROOF:
		p.path[1].b[7] ^= 4;
		return sign_raw(b, 9, &root, &p);
	case OTHER_HISTORY:
		case_log_proof(&other, 5, 9, &p);
		return sign_raw(b, 9, &fork, &p);
	case PROOF_OF_ANOTHER_SIZE:
		case_log_proof(&b->log, 4, 9, &p);
		return sign_raw(b, 9, &root, &p);
	case TOO_LARGE:
		return sign_raw(b, UINT64_C(1) << 63, &root, &good);
	case WRONG_END:
		return sign_raw(b, 9, &fork, &good);
	}
	return -1;
}

static void test_what_does_not_extend_the_head_is_refused(void **state)
{
	struct bench *b = *state;
	static const struct {
		enum wrong wrong;
		const char *words;
	} cases[] = {
		{ SMALLER, "size 4 is smaller than the signed size 5" },
		{ SMALLER_PROVEN, "size 4 is smaller than the signed size 5" },
		{ OTHER_ROOT, "another root than the signed one at the same size 5" },
		{ SAME_WITH_PROOF, "the consistency proof does not lead" },
		{ NO_PROOF, "no consistency proof from the signed size 5 to 9" },
		{ CUT_PROOF, "the consistency proof does not lead from the signed size 5 to 9" },
		{ LONG_PROOF, "the consistency proof does not lead" },
		{ FLIPPED_PROOF, "the consistency proof does not lead" },
		{ OTHER_HISTORY, "the consistency proof does not lead" },
		{ PROOF_OF_ANOTHER_SIZE, "the consistency proof does not lead" },
		{ TOO_LARGE, "is not a size that a log can have" },
		{ WRONG_END, "the consistency proof does not lead" },
	};
	grown(b, 5);
	struct buf before = case_file_read(b->folder, "head");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(wake(b, OLD), TALK_OK);
		expect(b, ask_wrong(b, cases[i].wrong), TALK_REFUSED, cases[i].words);
		/* The service is over: not even the right question is answered any more. */
		expect(b, sign(b, 5, 9), TALK_REFUSED, cases[i].words);
		struct buf after = case_file_read(b->folder, "head");
		assert_true(span_equal(buf_view(&before), buf_view(&after)));
		buf_release(&after);
		fresh_signer(b);
	}
	assert_int_equal(wake(b, OLD), TALK_OK);
	assert_int_equal(sign(b, 5, 9), TALK_OK);
	buf_release(&before);
}

static void test_syncing_is_owed_after_each_signature_but_the_first(void **state)
{
	struct bench *b = *state;
	struct sentence why;
	grown(b, 1);
	assert_int_equal(wake(b, OLD), TALK_OK);
	/* What a killed signer may have left in the page cache. */
	assert_true(signer_dirty(b->signer));
	assert_int_equal(signer_sync(b->signer, &why), TRAIL_OK);
	assert_false(signer_dirty(b->signer));
	assert_int_equal(sign(b, 1, 2), TALK_OK);
	assert_true(signer_dirty(b->signer));
	assert_int_equal(signer_sync(b->signer, &why), TRAIL_OK);
	assert_false(signer_dirty(b->signer));
}

static void test_the_key_never_shows_in_an_answer(void **state)
{
	struct bench *b = *state;
	assert_int_equal(wake(b, NEW), TALK_OK);
	struct buf key = case_file_read(b->folder, "key");
	assert_true(key.len > 46);
	/* The base64 of the seed, less its first characters, which hold the type. */
	struct span secret = span_of(key.data + key.len - 41, 40);
	assert_null(memmem(b->answer.data, b->answer.len, secret.data, secret.len));
	assert_int_equal(sign(b, 0, 1), TALK_OK);
	assert_null(memmem(b->answer.data, b->answer.len, secret.data, secret.len));
	key.data[5] ^= 1;
	case_file_write(b->folder, "key", buf_view(&key));
	fresh_signer(b);
	assert_int_equal(wake(b, OLD), TALK_REFUSED);
	assert_null(memmem(b->answer.data, b->answer.len, secret.data, secret.len));
	buf_release(&key);
}

/* ---- hostile questions ---- */

static void test_malformed_questions_are_failures_and_end_it(void **state)
{
	struct bench *b = *state;
	static const struct {
		bool awake;
		size_t len;
		uint8_t bytes[16];
	} cases[] = {
		{ false, 0, { 0 } },
		{ false, 1, { 0 } },
		{ false, 1, { 9 } },
		{ false, 1, { TALK_WAKE } },
		{ false, 3, { TALK_WAKE, 0, 4 } },
		{ false, 11, { TALK_WAKE, 0, 4, 0, 0, 1 } },
		{ false, 12, { TALK_WAKE, 2, 4, 0, 0, 1 } },
		{ false, 12, { TALK_WAKE, 1, 4, 0, 0, 1 } },
		{ false, 12, { TALK_WAKE, 0, 4 } },
		{ false, 12, { TALK_WAKE, 0, 4, 0, 0, 0, 0, 0x77, 0x35, 0x93, 0xff } },
		{ false, 12, { TALK_WAKE, 0, 4, 0x40, 0, 0, 0, 0, 0, 0, 1 } },
		{ false, 13, { TALK_WAKE, 1, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 'a' } },
		{ false, 13, { TALK_WAKE, 1, 21, 0, 0, 1, 0, 0, 0, 0, 0, 1, 'a' } },
		{ false, 13, { TALK_WAKE, 1, 4, 0, 0, 1, 0, 0, 0, 0, 0, 2, 'a' } },
		{ false, 13, { TALK_WAKE, 1, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0, 'a' } },
		{ false, 14, { TALK_WAKE, 1, 4, 0, 0, 1, 0, 0, 0, 0, 0, 2, 'a', '+' } },
		{ false, 14, { TALK_WAKE, 1, 4, 0, 0, 1, 0, 0, 0, 0, 0, 2, 'a', '\n' } },
		{ false, 14, { TALK_WAKE, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0xc3, '(' } },
		{ false, 1, { TALK_SIGN } },
		{ false, 1, { TALK_SEAL } },
		{ false, 1, { TALK_SEALED } },
		{ true, 1, { TALK_SIGN } },
		{ true, 8, { TALK_SIGN } },
		{ true, 1, { TALK_SEAL } },
		{ true, 16, { TALK_SEAL } },
		{ true, 1, { TALK_SEALED } },
		{ true, 12, { TALK_WAKE, 0, 4, 0, 0, 1 } },
	};
	grown(b, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (cases[i].awake)
			assert_int_equal(wake(b, OLD), TALK_OK);
		assert_int_equal(
			signer_answer(b->signer, span_of(cases[i].bytes, cases[i].len), &b->answer),
			TALK_FAILED);
		assert_true(b->answer.len > 10 && b->answer.data[0] == TALK_FAILED);
		assert_int_equal(wake(b, OLD), TALK_FAILED);
		fresh_signer(b);
	}
}

static void test_a_proof_count_that_lies_is_a_failure(void **state)
{
	struct bench *b = *state;
	static const struct {
		uint8_t count;
		size_t hashes;
	} cases[] = { { 1, 0 }, { 0, 1 }, { 65, 65 }, { 255, 64 }, { 64, 63 } };
	grown(b, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t q[TALK_LEN_MAX] = { TALK_SIGN };
		store_be64(q + 1, 2);
		q[9 + HASH_LEN] = cases[i].count;
		assert_int_equal(wake(b, OLD), TALK_OK);
		assert_int_equal(
			signer_answer(b->signer,
				span_of(q, 10 + HASH_LEN + cases[i].hashes * HASH_LEN), &b->answer),
			TALK_FAILED);
		fresh_signer(b);
	}
}

#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(test_a_new_key_has_all_its_files_with_their_modes),
		each(test_the_seal_root_is_that_of_seal_pub),
		each(test_two_births_share_nothing),
		each(test_a_birth_cut_short_anywhere_starts_again),
		each(test_half_written_seeds_are_leftovers),
		each(test_a_complete_birth_that_never_signed_is_not_made_again),
		each(test_a_key_that_signed_is_not_made_again),
		each(test_used_state_without_its_key_is_not_made_again),
		each(test_seeds_that_gave_a_seal_are_not_made_again),
		each(test_a_folder_with_something_else_in_it_is_refused),
		each(test_nothing_is_made_when_it_is_not_asked_for),
		each(test_a_missing_folder_is_made_for_a_new_log_alone),
		each(test_waking_tells_the_last_head),
		each(test_a_foreign_origin_is_refused),
		each(test_missing_files_are_refused_and_not_made),
		each(test_files_that_others_may_read_are_not_used),
		each(test_files_of_another_owner_are_not_used),
		each(test_a_link_or_a_pipe_in_place_of_a_file_is_not_followed),
		each(test_a_second_signer_is_turned_away),
		each(test_a_damaged_newer_slot_falls_back_and_says_so),
		each(test_a_doubly_damaged_head_is_refused),
		each(test_a_damaged_first_signature_is_not_forgotten),
		each(test_a_head_that_went_backwards_is_refused),
		each(test_a_head_of_another_key_is_refused),
		each(test_a_damaged_file_is_refused_by_name),
		each(test_files_of_another_length_are_refused),
		each(test_the_first_signature_is_of_size_one_alone),
		each(test_what_extends_the_head_is_signed),
		each(test_the_same_head_again_gets_the_same_note),
		each(test_what_does_not_extend_the_head_is_refused),
		each(test_syncing_is_owed_after_each_signature_but_the_first),
		each(test_the_key_never_shows_in_an_answer),
		each(test_malformed_questions_are_failures_and_end_it),
		each(test_a_proof_count_that_lies_is_a_failure),
	};
	if (!crypto_init())
		return 1;
	return cmocka_run_group_tests_name("signer_serve", tests, NULL, NULL);
}
