/* SPDX-License-Identifier: Apache-2.0 */
#include "birth.h"

#include "kept.h"

#include <stdlib.h>

static const char *const NAMES[] = { "lock", "key", "head", "seeds", "seal.pub", NULL };

/* *there: a key file with something in it, be it a key or not. */
static enum trail_err look_at_key(const struct folder *folder, bool *there, struct sentence *why)
{
	uint8_t *line = crypto_secret_new(KEY_ROOM);
	if (!line)
		return sentence_no_secret_memory(why);
	size_t len = 0;
	enum trail_err e = file_read(folder, "key", FILE_SECRET, line, KEY_ROOM, &len, why);
	*there = e == TRAIL_OK && !state_blank(line, len);
	crypto_secret_free(line);
	return e == TRAIL_END ? TRAIL_OK : e;
}

static enum trail_err look_at_head(const struct folder *folder, struct sentence *why)
{
	uint8_t file[SLOT_FILE_LEN] = { 0 };
	size_t len = 0;
	enum trail_err e = file_read(folder, "head", FILE_SECRET, file, sizeof file, &len, why);
	if (e == TRAIL_END || (e == TRAIL_OK && head_unused(file, len)))
		return TRAIL_OK;
	if (e != TRAIL_OK)
		return e;
	return sentence_refuse(why,
		"%s/head was signed by a key that is gone: bring back %s/key, or take an empty "
		"folder for a new log",
		folder->path, folder->path);
}

/* Damaged seeds may be left from an unfinished birth; seeds that gave a SEAL may not. */
static bool seeds_used(struct span file, struct seeds *seeds)
{
	struct slot slots[2];
	(void)slots_newest(file, SEEDS_SLOT_LEN, slots);
	for (size_t i = 0; i < 2; i++)
		if (slots[i].valid &&
			(!seeds_decode(slots[i].content, seeds) || !seeds_fresh(seeds)))
			return true;
	return false;
}

static enum trail_err look_at_seeds(const struct folder *folder, struct sentence *why)
{
	struct memory {
		uint8_t file[SLOT_FILE_LEN];
		struct seeds seeds;
	} *m = crypto_secret_new(sizeof *m);
	if (!m)
		return sentence_no_secret_memory(why);
	size_t len = 0;
	enum trail_err e =
		file_read(folder, "seeds", FILE_SECRET, m->file, SLOT_FILE_LEN, &len, why);
	if (e == TRAIL_OK && seeds_used(span_of(m->file, len), &m->seeds))
		e = sentence_refuse(why,
			"%s/seeds belongs to a key that is gone: bring back %s/key, or take an "
			"empty folder for a new log",
			folder->path, folder->path);
	crypto_secret_free(m);
	return e == TRAIL_END ? TRAIL_OK : e;
}

enum trail_err birth_look(const struct folder *folder, bool *needed, struct sentence *why)
{
	bool key = false;
	enum trail_err e = folder_only(folder, NAMES, why);
	if (e == TRAIL_OK)
		e = look_at_key(folder, &key, why);
	*needed = !key;
	if (e != TRAIL_OK || key)
		return e;
	e = look_at_head(folder, why);
	if (e == TRAIL_OK)
		e = look_at_seeds(folder, why);
	return e;
}

/* Everything secret that a birth touches, in one locked allocation. */
struct newborn {
	uint8_t root[SIGN_SEED_LEN];
	uint8_t key_seed[SIGN_SEED_LEN];
	struct seeds seeds;
	struct seed_scratch scratch;
	uint8_t content[SEEDS_CONTENT_MAX];
	uint8_t file[SLOT_FILE_LEN];
	struct skey key;
	uint8_t line[KEY_ROOM];
};

static enum trail_err erase_leftovers(const struct folder *folder, struct sentence *why)
{
	/* The key's name goes last: while it is there, so is the question of what it signed. */
	static const char *const order[] = { "seal.pub", "seeds", "head", "key" };
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		enum trail_err e = file_erase(folder, order[i], why);
		if (e != TRAIL_OK)
			return e;
	}
	return folder_sync(folder, why);
}

static enum trail_err make_seeds(const struct folder *folder, struct newborn *nb, unsigned height,
	uint64_t max_ns, struct sentence *why)
{
	crypto_random(nb->root, sizeof nb->root);
	seeds_init(&nb->seeds, height, nb->root);
	nb->seeds.mark.max_ns = max_ns;
	size_t len = seeds_encode(&nb->seeds, nb->content);
	memset(nb->file, 0, sizeof nb->file);
	slot_encode(1, span_of(nb->content, len), nb->file, SEEDS_SLOT_LEN);
	return file_make(folder, "seeds", FILE_SECRET, span_of(nb->file, sizeof nb->file), why);
}

static enum trail_err make_seal_pub(
	const struct folder *folder, struct newborn *nb, struct sentence *why)
{
	unsigned height = nb->seeds.height;
	size_t len = seal_pub_len(height);
	uint8_t *file = malloc(len);
	if (!file)
		return sentence_fail(why, "%s/seal.pub: memory is out", folder->path);
	seal_pub_head(height, file);
	uint8_t *pub = file + SEAL_PUB_HEAD_LEN;
	for (uint32_t epoch = 0; epoch < UINT32_C(1) << height; epoch++, pub += SIGN_PUBLIC_LEN)
		seal_public(&nb->seeds.node[0], epoch, &nb->scratch, pub);
	enum trail_err e = file_make(folder, "seal.pub", FILE_PUBLIC, span_of(file, len), why);
	free(file);
	return e;
}

static enum trail_err make_head(const struct folder *folder, struct sentence *why)
{
	uint8_t file[SLOT_FILE_LEN];
	head_blank(file);
	return file_make(folder, "head", FILE_SECRET, span_of(file, sizeof file), why);
}

static enum trail_err make_key(
	const struct folder *folder, struct newborn *nb, struct span origin, struct sentence *why)
{
	crypto_random(nb->key_seed, sizeof nb->key_seed);
	if (skey_make(origin, nb->key_seed, &nb->key) != TRAIL_OK)
		return sentence_fail(why,
			"the origin is not a key name: 1 to %d bytes, no space, no +",
			NOTE_NAME_MAX);
	/* A buf over locked memory: KEY_ROOM holds the longest line, so it never grows to the heap.
	 */
	struct buf line = { .data = nb->line, .cap = sizeof nb->line };
	skey_put(&line, &nb->key);
	buf_put_u8(&line, '\n');
	return file_make(folder, "key", FILE_SECRET, buf_view(&line), why);
}

enum trail_err birth_make(const struct folder *folder, struct span origin, unsigned height,
	uint64_t max_ns, struct sentence *why)
{
	struct newborn *nb = crypto_secret_new(sizeof *nb);
	if (!nb)
		return sentence_no_secret_memory(why);
	enum trail_err e = erase_leftovers(folder, why);
	if (e == TRAIL_OK)
		e = make_seeds(folder, nb, height, max_ns, why);
	if (e == TRAIL_OK)
		e = make_seal_pub(folder, nb, why);
	if (e == TRAIL_OK)
		e = make_head(folder, why);
	if (e == TRAIL_OK)
		e = folder_sync(folder, why);
	if (e == TRAIL_OK)
		e = make_key(folder, nb, origin, why);
	if (e == TRAIL_OK)
		e = folder_sync(folder, why);
	crypto_secret_free(nb);
	crypto_wipe_stack();
	return e;
}
