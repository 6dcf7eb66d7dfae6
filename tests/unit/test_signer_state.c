/* SPDX-License-Identifier: Apache-2.0 */
#include "../../daemon/signer/folder.h"
#include "../../daemon/signer/head.h"
#include "../../daemon/signer/seeds.h"
#include "../support/signer_case.h"
#include "../support/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* The values behind the golden bytes. */
static const uint8_t KEY_SEED[SIGN_SEED_LEN] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };
static const char HEAD_TEXT[] = "example.org/audit\n8\n"
				"XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";
enum {
	GOLDEN_HEIGHT = 4,
	GOLDEN_ROOT_FIRST = 0x40
};

static void golden_seeds(struct seeds *seeds)
{
	uint8_t root[SIGN_SEED_LEN];
	for (size_t i = 0; i < sizeof root; i++)
		root[i] = (uint8_t)(GOLDEN_ROOT_FIRST + i);
	seeds_init(seeds, GOLDEN_HEIGHT, root);
}

static void expect_vector(const char *name, struct span got)
{
	struct buf want = vector_load(name);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
	buf_release(&want);
}

static void test_a_head_slot_is_the_golden_one(void **state)
{
	(void)state;
	struct skey key;
	struct buf note = { 0 };
	uint8_t slot[HEAD_SLOT_LEN];
	assert_int_equal(skey_make(span_text("example.org/audit"), KEY_SEED, &key), TRAIL_OK);
	assert_int_equal(note_sign(span_text(HEAD_TEXT), &key, &note), TRAIL_OK);
	slot_encode(7, buf_view(&note), slot, sizeof slot);
	expect_vector("signer-head-slot", span_of(slot, sizeof slot));
	buf_release(&note);
}

static void test_a_golden_head_slot_opens_with_its_key(void **state)
{
	(void)state;
	struct skey key;
	struct checkpoint cp;
	struct buf slot = vector_load("signer-head-slot");
	uint64_t counter = 0;
	struct span note;
	assert_int_equal(skey_make(span_text("example.org/audit"), KEY_SEED, &key), TRAIL_OK);
	assert_true(slot_decode(slot.data, slot.len, &counter, &note));
	assert_int_equal(counter, 7);
	assert_int_equal(checkpoint_open(note, &key.vkey, &cp), TRAIL_OK);
	assert_int_equal(cp.size, 8);
	buf_release(&slot);
}

static void test_a_seeds_slot_at_genesis_is_the_golden_one(void **state)
{
	(void)state;
	struct seeds seeds;
	uint8_t content[SEEDS_CONTENT_MAX];
	uint8_t slot[SEEDS_SLOT_LEN];
	golden_seeds(&seeds);
	size_t len = seeds_encode(&seeds, content);
	slot_encode(1, span_of(content, len), slot, sizeof slot);
	expect_vector("signer-seeds-slot", span_of(slot, sizeof slot));
}

static void test_seal_keys_and_their_root_are_the_golden_ones(void **state)
{
	(void)state;
	struct seeds seeds;
	struct seed_scratch scratch;
	struct buf file = { 0 };
	struct hash root;
	golden_seeds(&seeds);
	assert_true(buf_reserve(&file, seal_pub_len(GOLDEN_HEIGHT)));
	seal_pub_head(GOLDEN_HEIGHT, file.data);
	file.len = SEAL_PUB_HEAD_LEN;
	for (uint32_t epoch = 0; epoch < 1U << GOLDEN_HEIGHT; epoch++) {
		seal_public(&seeds.node[0], epoch, &scratch, file.data + file.len);
		file.len += SIGN_PUBLIC_LEN;
	}
	expect_vector("signer-seal-pub", buf_view(&file));
	case_seal_root(file.data + SEAL_PUB_HEAD_LEN, GOLDEN_HEIGHT, &root);
	expect_vector("signer-seal-root", span_of(root.b, HASH_LEN));
	buf_release(&file);
}

static void test_any_flipped_bit_of_a_slot_is_seen(void **state)
{
	(void)state;
	struct buf slot = vector_load("signer-head-slot");
	uint64_t counter;
	struct span content;
	for (size_t bit = 0; bit < slot.len * 8; bit++) {
		slot.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(slot_decode(slot.data, slot.len, &counter, &content));
		slot.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(slot_decode(slot.data, slot.len, &counter, &content));
	buf_release(&slot);
}

static void rehash(uint8_t *slot, size_t len)
{
	struct hash h;
	hash_bytes(span_of(slot, len - HASH_LEN), &h);
	memcpy(slot + len - HASH_LEN, h.b, HASH_LEN);
}

static void test_a_content_length_beyond_the_slot_is_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t len;
		bool ok;
	} cases[] = {
		{ 0, true },
		{ HEAD_NOTE_MAX, true },
		{ HEAD_NOTE_MAX + 1, false },
		{ HEAD_SLOT_LEN, false },
		{ UINT32_MAX, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t slot[HEAD_SLOT_LEN] = { 0 };
		uint64_t counter;
		struct span content;
		store_be32(slot + 8, cases[i].len);
		rehash(slot, sizeof slot);
		assert_int_equal(slot_decode(slot, sizeof slot, &counter, &content), cases[i].ok);
	}
}

static void put_slot(uint8_t *file, size_t which, uint64_t counter, const char *content)
{
	slot_encode(counter, span_text(content), file + which * SLOT_OFFSET, HEAD_SLOT_LEN);
}

static void expect_head(const uint8_t *file, const char *want)
{
	struct span note;
	assert_int_equal(head_read(span_of(file, SLOT_FILE_LEN), &note), TRAIL_OK);
	assert_int_equal(note.len, strlen(want));
	assert_memory_equal(note.data, want, note.len);
}

static void test_the_slot_with_the_larger_counter_counts(void **state)
{
	(void)state;
	uint8_t file[SLOT_FILE_LEN] = { 0 };
	put_slot(file, 0, 3, "three");
	expect_head(file, "three");
	put_slot(file, 1, 4, "four");
	expect_head(file, "four");
	put_slot(file, 0, UINT64_C(1) << 40, "later");
	expect_head(file, "later");
}

static void test_one_damaged_slot_leaves_the_other_and_two_leave_none(void **state)
{
	(void)state;
	uint8_t file[SLOT_FILE_LEN] = { 0 };
	struct span note;
	put_slot(file, 0, 3, "three");
	put_slot(file, 1, 4, "four");
	file[SLOT_OFFSET + 100] ^= 1;
	expect_head(file, "three");
	file[100] ^= 1;
	assert_int_equal(head_read(span_of(file, sizeof file), &note), TRAIL_CORRUPT);
}

/* As the signer says itself: what the damaged slot held may have been signed. */
static void test_an_empty_slot_counts_only_beside_one_that_was_never_written(void **state)
{
	(void)state;
	uint8_t file[SLOT_FILE_LEN];
	struct span note;
	head_blank(file);
	expect_head(file, "");
	put_slot(file, 1, 2, "the first");
	expect_head(file, "the first");
	file[SLOT_OFFSET + 100] ^= 1;
	assert_int_equal(head_read(span_of(file, sizeof file), &note), TRAIL_CORRUPT);
}

static void test_a_head_file_that_cannot_be_ours_has_no_head(void **state)
{
	(void)state;
	uint8_t file[SLOT_FILE_LEN] = { 0 };
	struct span note;
	assert_int_equal(head_read(span_of(file, sizeof file), &note), TRAIL_CORRUPT);
	put_slot(file, 0, 3, "three");
	assert_int_equal(head_read(span_of(file, sizeof file - 1), &note), TRAIL_CORRUPT);
	assert_int_equal(head_read(span_of(NULL, 0), &note), TRAIL_CORRUPT);
	put_slot(file, 1, 3, "other");
	assert_int_equal(head_read(span_of(file, sizeof file), &note), TRAIL_CORRUPT);
	put_slot(file, 1, UINT64_MAX, "no successor");
	expect_head(file, "three");
}

static void test_seeds_survive_encoding(void **state)
{
	(void)state;
	struct seeds seeds, back;
	uint8_t content[SEEDS_CONTENT_MAX];
	golden_seeds(&seeds);
	/* Epochs 0 to 4 used: 5, then 6-7, then 8-15. */
	seeds.next = 5;
	seeds.count = 3;
	seeds.node[0] = (struct seed_node){ .level = 0, .index = 5 };
	seeds.node[1] = (struct seed_node){ .level = 1, .index = 3 };
	seeds.node[2] = (struct seed_node){ .level = 3, .index = 1 };
	seeds.pending_len = SEAL_TEXT_MAX;
	memset(seeds.pending, 'p', SEAL_TEXT_MAX);
	size_t len = seeds_encode(&seeds, content);
	assert_true(seeds_decode(span_of(content, len), &back));
	assert_int_equal(back.next, 5);
	assert_int_equal(back.count, 3);
	assert_int_equal(back.node[2].level, 3);
	assert_memory_equal(back.pending, seeds.pending, SEAL_TEXT_MAX);
	assert_false(seeds_fresh(&back));
	for (size_t cut = 0; cut < len; cut++)
		assert_false(seeds_decode(span_of(content, cut), &back));
}

static void test_seeds_that_do_not_cover_what_is_left_are_refused(void **state)
{
	(void)state;
	static const struct {
		size_t offset; /* of the byte to set, from the content's beginning */
		uint8_t value;
	} cases[] = {
		{ 3, 1 },               /* next 1, but the tree from 0 */
		{ 4, 3 },               /* a height below the least */
		{ 4, 21 },              /* above the greatest */
		{ 4, 5 },               /* not the node's */
		{ 5, 0 },               /* no node */
		{ 5, 2 },               /* one more than there is */
		{ 5, 255 },             /* far more */
		{ 6, 1 },               /* a format that is not known */
		{ 7, 1 },               /* the mark of format 1 that is not there */
		{ 8, 3 },               /* half of the tree */
		{ 8, 63 },              /* a level that would shift out */
		{ 9, 0x80 }, { 16, 1 }, /* another subtree */
		{ 50, 1 },              /* a pending text that is not there */
	};
	struct seeds seeds, back;
	golden_seeds(&seeds);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t content[SEEDS_CONTENT_MAX] = { 0 };
		size_t len = seeds_encode(&seeds, content);
		assert_true(seeds_decode(span_of(content, len), &back));
		content[cases[i].offset] = cases[i].value;
		assert_false(seeds_decode(span_of(content, len), &back));
	}
}

static void expect_seeds(
	uint32_t next, size_t count, const struct seed_node *node, size_t pending, bool taken)
{
	struct seeds seeds, back;
	uint8_t content[SEEDS_CONTENT_MAX];
	golden_seeds(&seeds);
	seeds.next = next;
	seeds.count = count;
	memcpy(seeds.node, node, count * sizeof *node);
	seeds.pending_len = pending;
	size_t len = seeds_encode(&seeds, content);
	assert_int_equal(seeds_decode(span_of(content, len), &back), taken);
}

static void test_seeds_in_other_pieces_than_they_are_advanced_to_are_refused(void **state)
{
	static const struct seed_node right[] = { { .level = 0, .index = 5 },
		{ .level = 1, .index = 3 }, { .level = 3, .index = 1 } };
	static const struct seed_node split[] = { { .level = 0, .index = 5 },
		{ .level = 0, .index = 6 }, { .level = 0, .index = 7 },
		{ .level = 3, .index = 1 } };
	static const struct seed_node halves[] = { { .level = 3, .index = 0 },
		{ .level = 3, .index = 1 } };
	static const struct seed_node beyond[] = { { .level = 4, .index = 0 },
		{ .level = 4, .index = 1 } };
	(void)state;
	expect_seeds(5, 3, right, 0, true);
	expect_seeds(5, 4, split, 0, false);
	expect_seeds(0, 2, halves, 0, false);
	expect_seeds(0, 1, beyond, 0, true);
	expect_seeds(0, 2, beyond, 0, false);
}

static void test_used_up_seeds_have_nothing_pending(void **state)
{
	static const struct seed_node none[1];
	(void)state;
	expect_seeds(1 << GOLDEN_HEIGHT, 0, none, 0, true);
	expect_seeds(1 << GOLDEN_HEIGHT, 0, none, 1, false);
	expect_seeds((1 << GOLDEN_HEIGHT) + 1, 0, none, 0, false);
}

static void test_a_subtree_derives_the_same_keys_as_the_root(void **state)
{
	(void)state;
	struct buf pub = vector_load("signer-seal-pub");
	struct seeds seeds;
	struct seed_scratch scratch;
	uint8_t text[20 + SIGN_SEED_LEN] = "trail-seal-seed/v1\n\1";
	uint8_t got[SIGN_PUBLIC_LEN];
	struct hash child;
	golden_seeds(&seeds);
	memcpy(text + 20, seeds.node[0].seed, SIGN_SEED_LEN);
	hash_bytes(span_of(text, sizeof text), &child);
	struct seed_node right = { .level = GOLDEN_HEIGHT - 1, .index = 1 };
	memcpy(right.seed, child.b, SIGN_SEED_LEN);
	for (uint32_t epoch = 8; epoch < 16; epoch++) {
		seal_public(&right, epoch, &scratch, got);
		assert_memory_equal(
			got, pub.data + SEAL_PUB_HEAD_LEN + epoch * SIGN_PUBLIC_LEN, sizeof got);
	}
	buf_release(&pub);
}

static void test_a_seal_pub_is_as_long_as_it_says(void **state)
{
	(void)state;
	struct buf pub = vector_load("signer-seal-pub");
	unsigned height = 0;
	const uint8_t *pubs = NULL;
	assert_true(seal_pub_parse(buf_view(&pub), &height, &pubs));
	assert_int_equal(height, GOLDEN_HEIGHT);
	assert_ptr_equal(pubs, pub.data + SEAL_PUB_HEAD_LEN);
	for (size_t len = 0; len < pub.len; len++)
		assert_false(seal_pub_parse(span_of(pub.data, len), &height, &pubs));
	pub.data[SEAL_PUB_HEAD_LEN - 1]++;
	assert_false(seal_pub_parse(buf_view(&pub), &height, &pubs));
	buf_release(&pub);
}

static void test_file_systems_that_keep_what_is_overwritten_are_known(void **state)
{
	(void)state;
	assert_string_equal(folder_keeps_old(0x9123683e), "btrfs");
	assert_string_equal(folder_keeps_old(0x2fc12fc1), "zfs");
	assert_string_equal(folder_keeps_old(0xca451a4e), "bcachefs");
	assert_null(folder_keeps_old(0xef53));     /* ext4 */
	assert_null(folder_keeps_old(0x58465342)); /* xfs */
	assert_null(folder_keeps_old(0x01021994)); /* tmpfs */
}

static void test_an_erased_file_holds_zeros_before_its_name_goes(void **state)
{
	(void)state;
	char path[CASE_PATH_MAX];
	char other[2 * CASE_PATH_MAX];
	struct folder folder;
	struct sentence why;
	uint8_t secret[5000];
	case_folder_make(path);
	memset(secret, 0xa5, sizeof secret);
	case_file_write(path, "key", span_of(secret, sizeof secret));
	/* A second name shows what the erased file holds. */
	(void)snprintf(other, sizeof other, "%s/key", path);
	char kept[sizeof other + 8];
	(void)snprintf(kept, sizeof kept, "%s.kept", other);
	assert_int_equal(link(other, kept), 0);
	struct sentence notice;
	assert_int_equal(folder_open(&folder, path, FOLDER_ALLOW_COW, &notice, &why), TRAIL_OK);
	assert_int_equal(file_erase(&folder, "key", &why), TRAIL_OK);
	folder_close(&folder);
	struct buf left = case_file_read(path, "key.kept");
	assert_int_equal(left.len, sizeof secret);
	for (size_t i = 0; i < left.len; i++)
		assert_int_equal(left.data[i], 0);
	assert_int_equal(case_file_mode(path, "key"), 0);
	buf_release(&left);
	case_folder_remove(path);
}

static void test_a_long_sentence_is_cut_between_characters(void **state)
{
	(void)state;
	struct sentence why;
	char text[TALK_SENTENCE_MAX + 8];
	for (size_t lead = 0; lead < 4; lead++) {
		size_t len = lead;
		memset(text, 'a', lead);
		for (; len + 3 < sizeof text; len += 3)
			memcpy(text + len, "\xe2\x82\xac", 3);
		text[len] = '\0';
		sentence_set(&why, "%s", text);
		size_t got = strlen(why.text);
		assert_true(got < TALK_SENTENCE_MAX && got > TALK_SENTENCE_MAX - 8);
		assert_int_equal((got - lead) % 3, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_head_slot_is_the_golden_one),
		cmocka_unit_test(test_a_golden_head_slot_opens_with_its_key),
		cmocka_unit_test(test_a_seeds_slot_at_genesis_is_the_golden_one),
		cmocka_unit_test(test_seal_keys_and_their_root_are_the_golden_ones),
		cmocka_unit_test(test_any_flipped_bit_of_a_slot_is_seen),
		cmocka_unit_test(test_a_content_length_beyond_the_slot_is_refused),
		cmocka_unit_test(test_the_slot_with_the_larger_counter_counts),
		cmocka_unit_test(test_one_damaged_slot_leaves_the_other_and_two_leave_none),
		cmocka_unit_test(test_an_empty_slot_counts_only_beside_one_that_was_never_written),
		cmocka_unit_test(test_a_head_file_that_cannot_be_ours_has_no_head),
		cmocka_unit_test(test_seeds_survive_encoding),
		cmocka_unit_test(test_seeds_that_do_not_cover_what_is_left_are_refused),
		cmocka_unit_test(test_seeds_in_other_pieces_than_they_are_advanced_to_are_refused),
		cmocka_unit_test(test_used_up_seeds_have_nothing_pending),
		cmocka_unit_test(test_a_subtree_derives_the_same_keys_as_the_root),
		cmocka_unit_test(test_a_seal_pub_is_as_long_as_it_says),
		cmocka_unit_test(test_file_systems_that_keep_what_is_overwritten_are_known),
		cmocka_unit_test(test_an_erased_file_holds_zeros_before_its_name_goes),
		cmocka_unit_test(test_a_long_sentence_is_cut_between_characters),
	};
	if (!crypto_init())
		return 1;
	return cmocka_run_group_tests_name("signer_state", tests, NULL, NULL);
}
