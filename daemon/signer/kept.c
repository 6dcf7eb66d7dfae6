/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

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
	enum trail_err e = kept->key && line ? TRAIL_OK : sentence_no_secret_memory(why);
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

enum trail_err kept_pending_fits(
	const struct kept *kept, const struct folder *folder, struct sentence *why)
{
	const struct checkpoint *head = &kept->head.checkpoint;
	uint64_t sealed = seals_mark(&kept->seals)->size;
	struct span pending = seals_pending(&kept->seals);
	struct seal_text text;
	bool fits = sealed == 0 || head->size > sealed;
	if (fits && pending.len != 0)
		fits = seal_text_parse(pending, &text) == TRAIL_OK && text.size <= head->size &&
			(text.size != head->size || hash_equal(&text.root, &head->root));
	if (fits)
		return TRAIL_OK;
	return sentence_refuse(why,
		"%s/head has size %llu, and %s/seeds shows that a seal was made of what it does "
		"not hold: an older head was put in place; bring back the newest, or begin a "
		"successor log",
		folder->path, (unsigned long long)head->size, folder->path);
}

void kept_none(struct kept *kept)
{
	*kept = (struct kept){ .head = { .fd = -1 } };
	seals_none(&kept->seals);
}

enum trail_err kept_load(struct kept *kept, const struct folder *folder, struct sentence *notice,
	struct sentence *why)
{
	kept_none(kept);
	enum trail_err e = load_key(kept, folder, why);
	if (e == TRAIL_OK)
		e = head_open(&kept->head, folder, &kept->key->vkey, notice, why);
	if (e == TRAIL_OK)
		e = seals_open(&kept->seals, folder, why);
	if (e == TRAIL_OK)
		e = kept_pending_fits(kept, folder, why);
	kept->unused = e == TRAIL_OK && seals_fresh(&kept->seals) && kept->head.note_len == 0;
	return e;
}

void kept_release(struct kept *kept)
{
	crypto_secret_free(kept->key);
	head_close(&kept->head);
	seals_close(&kept->seals);
	kept_none(kept);
}
