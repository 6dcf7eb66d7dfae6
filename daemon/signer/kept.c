/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <stdlib.h>

static enum trail_err no_secret_memory(struct sentence *why)
{
	return sentence_fail(why,
		"no locked memory for secrets: raise the limit of locked memory (ulimit -l, or "
		"LimitMEMLOCK=)");
}

static enum trail_err parse_key(
	const struct folder *folder, struct span file, struct skey *key, struct sentence *why)
{
	struct span line;
	if (note_line_take(&file, &line) && file.len == 0 && skey_parse(line, key) == TRAIL_OK)
		return TRAIL_OK;
	return sentence_refuse(why,
		"%s/key is not a log key: bring it back; a key is never made anew beside a log",
		folder->path);
}

static enum trail_err load_key(struct kept *kept, const struct folder *folder, struct sentence *why)
{
	kept->key = crypto_secret_new(sizeof *kept->key);
	uint8_t *line = crypto_secret_new(KEY_ROOM);
	enum trail_err e = kept->key && line ? TRAIL_OK : no_secret_memory(why);
	size_t len = 0;
	if (e == TRAIL_OK)
		e = file_read(folder, "key", FILE_SECRET, line, KEY_LINE_MAX, &len, why);
	if (e == TRAIL_END)
		e = sentence_refuse(why,
			"%s/key is missing: a key is never made anew beside a log; bring it back, "
			"or begin a successor log",
			folder->path);
	if (e == TRAIL_OK)
		e = parse_key(folder, span_of(line, len), kept->key, why);
	crypto_secret_free(line);
	return e;
}

struct seed_memory {
	uint8_t file[SLOT_FILE_LEN];
	struct seeds seeds;
	struct seed_scratch scratch;
};

static enum trail_err load_seeds(
	struct seed_memory *m, const struct folder *folder, struct sentence *why)
{
	size_t len = 0;
	enum trail_err e =
		file_read(folder, "seeds", FILE_SECRET, m->file, SLOT_FILE_LEN, &len, why);
	if (e == TRAIL_END)
		return sentence_refuse(why,
			"%s/seeds is missing beside a log key: seals cannot go on; bring it back, "
			"or begin a successor log",
			folder->path);
	if (e != TRAIL_OK)
		return e;
	struct slot slots[2];
	int newest = slots_newest(span_of(m->file, len), SEEDS_SLOT_LEN, slots);
	if (newest < 0 || !seeds_decode(slots[newest].content, &m->seeds))
		return sentence_refuse(why,
			"%s/seeds is damaged: seals cannot go on; bring it back, or begin a "
			"successor log",
			folder->path);
	return TRAIL_OK;
}

/* seal.pub must be the tree that these seeds grow: the next key of both is the same. */
static bool seal_pub_fits(struct seed_memory *m, struct span file, struct hash *root)
{
	unsigned height;
	const uint8_t *pubs;
	uint8_t next[SIGN_PUBLIC_LEN];
	if (!seal_pub_parse(file, &height, &pubs) || height != m->seeds.height)
		return false;
	if (m->seeds.count != 0) {
		seal_public(&m->seeds.node[0], m->seeds.next, &m->scratch, next);
		if (memcmp(next, pubs + (size_t)m->seeds.next * SIGN_PUBLIC_LEN, sizeof next) != 0)
			return false;
	}
	seal_root(pubs, height, root);
	return true;
}

static enum trail_err load_seal_pub(
	struct kept *kept, struct seed_memory *m, const struct folder *folder, struct sentence *why)
{
	size_t room = seal_pub_len(m->seeds.height);
	size_t len = 0;
	uint8_t *file = malloc(room);
	if (!file)
		return sentence_fail(why, "%s/seal.pub: memory is out", folder->path);
	enum trail_err e = file_read(folder, "seal.pub", FILE_PUBLIC, file, room, &len, why);
	if (e == TRAIL_END)
		e = sentence_refuse(why, "%s/seal.pub is missing: it is public, bring back a copy",
			folder->path);
	if (e == TRAIL_OK && !seal_pub_fits(m, span_of(file, len), &kept->seal_root))
		e = sentence_refuse(why,
			"%s/seal.pub is damaged or of other seeds: it is public, bring back a copy",
			folder->path);
	kept->seal_height = m->seeds.height;
	free(file);
	return e;
}

/* The seeds stay in memory only while they are looked at. */
static enum trail_err load_seals(
	struct kept *kept, const struct folder *folder, bool *fresh, struct sentence *why)
{
	struct seed_memory *m = crypto_secret_new(sizeof *m);
	if (!m)
		return no_secret_memory(why);
	enum trail_err e = load_seeds(m, folder, why);
	if (e == TRAIL_OK)
		e = load_seal_pub(kept, m, folder, why);
	*fresh = e == TRAIL_OK && seeds_fresh(&m->seeds);
	crypto_secret_free(m);
	return e;
}

enum trail_err kept_load(struct kept *kept, const struct folder *folder, struct sentence *notice,
	struct sentence *why)
{
	bool fresh = false;
	*kept = (struct kept){ .head = { .fd = -1 } };
	enum trail_err e = load_key(kept, folder, why);
	if (e == TRAIL_OK)
		e = head_open(&kept->head, folder, &kept->key->vkey, notice, why);
	if (e == TRAIL_OK)
		e = load_seals(kept, folder, &fresh, why);
	kept->unused = fresh && kept->head.note_len == 0;
	return e;
}

void kept_release(struct kept *kept)
{
	crypto_secret_free(kept->key);
	head_close(&kept->head);
	*kept = (struct kept){ .head = { .fd = -1 } };
}
