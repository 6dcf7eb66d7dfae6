/* SPDX-License-Identifier: Apache-2.0 */
#include "seals.h"

#include <assert.h>
#include <unistd.h>

static const char NAME[] = "seeds";

/* All that holds or held a seed, in one locked allocation. */
struct seals_secret {
	struct seeds seeds;
	struct seeds next;
	struct seed_scratch scratch;
	uint8_t content[SEEDS_CONTENT_MAX];
	uint8_t file[SLOT_FILE_LEN];
};

void seals_none(struct seals *s)
{
	*s = (struct seals){ .fd = -1, .tree = { .fd = -1 } };
}

void seals_close(struct seals *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	seal_tree_close(&s->tree);
	crypto_secret_free(s->secret);
	seals_none(s);
}

/* What computing with seeds left behind: in scratch, and in the frames of those who computed. */
static void wipe_traces(struct seals_secret *m)
{
	crypto_wipe(&m->scratch, sizeof m->scratch);
	crypto_wipe(m->content, sizeof m->content);
	crypto_wipe(m->file, sizeof m->file);
	crypto_wipe(&m->next, sizeof m->next);
	crypto_wipe_stack();
}

/* ---- opening ---- */

static enum trail_err read_seeds(
	struct seals *s, const struct folder *folder, struct slot slots[2], struct sentence *why)
{
	struct seals_secret *m = s->secret;
	size_t len = 0;
	enum trail_err e = file_open(folder, NAME, FILE_SECRET, &s->fd, why);
	if (e == TRAIL_END)
		return sentence_refuse(why,
			"%s/%s is missing beside a log key: seals cannot go on; bring it back, "
			"or begin a successor log",
			folder->path, NAME);
	if (e == TRAIL_OK)
		e = file_read_fd(folder, NAME, s->fd, m->file, SLOT_FILE_LEN, &len, why);
	if (e != TRAIL_OK)
		return e;
	int newest = slots_newest(span_of(m->file, len), SEEDS_SLOT_LEN, slots);
	if (newest < 0 || !seeds_decode(slots[newest].content, &m->seeds))
		return sentence_refuse(why,
			"%s/%s is damaged: seals cannot go on; bring it back, or begin a "
			"successor log",
			folder->path, NAME);
	s->slot = (unsigned)newest;
	s->counter = slots[newest].counter;
	return TRAIL_OK;
}

/* Whether the slot that does not count may hold what derives a key that is over. */
static bool leftover(struct seals *s, const struct slot slots[2])
{
	struct seals_secret *m = s->secret;
	const uint8_t *bytes = m->file + (size_t)(1 - s->slot) * SLOT_OFFSET;
	const struct slot *other = &slots[1 - s->slot];
	if (other->valid && seeds_decode(other->content, &m->next) && m->next.next == m->seeds.next)
		return false;
	return !state_blank(bytes, SEEDS_SLOT_LEN);
}

/* Only when the one that counts is durable, or a power cut takes both. */
static enum trail_err erase_other(
	struct seals *s, const struct folder *folder, struct sentence *why)
{
	static const uint8_t zeros[SEEDS_SLOT_LEN];
	enum trail_err e = file_write(folder, NAME, s->fd, span_of(zeros, sizeof zeros),
		(uint64_t)(1 - s->slot) * SLOT_OFFSET, why);
	return e == TRAIL_OK ? file_sync(folder, NAME, s->fd, why) : e;
}

/* A signer that was killed may have left what counts in the page cache alone. */
static enum trail_err finish_erasure(
	struct seals *s, const struct folder *folder, struct sentence *why)
{
	enum trail_err e = file_sync(folder, NAME, s->fd, why);
	return e == TRAIL_OK ? erase_other(s, folder, why) : e;
}

static enum trail_err open_tree(struct seals *s, const struct folder *folder, struct sentence *why)
{
	struct seals_secret *m = s->secret;
	uint8_t next[SIGN_PUBLIC_LEN];
	bool any = !seeds_used_up(&m->seeds);
	if (any)
		seal_public(&m->seeds.node[0], m->seeds.next, &m->scratch, next);
	return seal_tree_open(
		&s->tree, folder, m->seeds.height, m->seeds.next, any ? next : NULL, why);
}

enum trail_err seals_open(struct seals *s, const struct folder *folder, struct sentence *why)
{
	struct slot slots[2];
	seals_none(s);
	s->secret = crypto_secret_new(sizeof *s->secret);
	if (!s->secret)
		return sentence_no_secret_memory(why);
	enum trail_err e = read_seeds(s, folder, slots, why);
	if (e == TRAIL_OK)
		e = open_tree(s, folder, why);
	if (e == TRAIL_OK && leftover(s, slots))
		e = finish_erasure(s, folder, why);
	wipe_traces(s->secret);
	return e;
}

/* ---- asking ---- */

bool seals_fresh(const struct seals *s)
{
	return seeds_fresh(&s->secret->seeds);
}

uint32_t seals_epoch(const struct seals *s)
{
	return s->secret->seeds.next;
}

bool seals_used_up(const struct seals *s)
{
	return seeds_used_up(&s->secret->seeds);
}

struct span seals_pending(const struct seals *s)
{
	return span_of(s->secret->seeds.pending, s->secret->seeds.pending_len);
}

const struct seal_mark *seals_mark(const struct seals *s)
{
	return &s->secret->seeds.mark;
}

void seals_set_max(struct seals *s, uint64_t max_ns)
{
	s->secret->seeds.mark.max_ns = max_ns;
}

/* ---- writing ---- */

/* `m->next` into the slot that does not count, in place and synced; from then on it counts. */
static enum trail_err put(struct seals *s, const struct folder *folder, struct sentence *why)
{
	struct seals_secret *m = s->secret;
	unsigned other = 1 - s->slot;
	size_t len = seeds_encode(&m->next, m->content);
	slot_encode(s->counter + 1, span_of(m->content, len), m->file, SEEDS_SLOT_LEN);
	enum trail_err e = file_write(folder, NAME, s->fd, span_of(m->file, SEEDS_SLOT_LEN),
		(uint64_t)other * SLOT_OFFSET, why);
	if (e == TRAIL_OK)
		e = file_sync(folder, NAME, s->fd, why);
	if (e != TRAIL_OK)
		return e;
	s->slot = other;
	s->counter++;
	m->seeds = m->next;
	return TRAIL_OK;
}

enum trail_err seals_pend(
	struct seals *s, const struct folder *folder, struct span text, struct sentence *why)
{
	struct seals_secret *m = s->secret;
	assert(text.len <= SEAL_TEXT_MAX);
	m->next = m->seeds;
	memcpy(m->next.pending, text.data, text.len);
	m->next.pending_len = text.len;
	enum trail_err e = put(s, folder, why);
	wipe_traces(m);
	return e;
}

enum trail_err seals_make(
	struct seals *s, const struct folder *folder, struct seal *seal, struct sentence *why)
{
	struct seals_secret *m = s->secret;
	assert(m->seeds.pending_len != 0 && !seeds_used_up(&m->seeds));
	enum trail_err e = seal_tree_path(&s->tree, folder, m->seeds.next, s->key, s->path, why);
	if (e != TRAIL_OK)
		return e;
	struct span text = seals_pending(s);
	uint8_t key[SIGN_PUBLIC_LEN];
	seeds_sign(&m->seeds, &m->scratch, text, key, s->sig);
	wipe_traces(m);
	if (memcmp(key, s->key, sizeof key) != 0)
		return sentence_refuse(why,
			"%s/%s does not derive the key of epoch %u that seal.pub has: nothing is "
			"sealed with it; bring both files back",
			folder->path, NAME, m->seeds.next);
	*seal = (struct seal){
		.text = text,
		.key = span_of(s->key, sizeof s->key),
		.path = span_of(s->path, s->tree.height * sizeof s->path[0]),
		.sig = span_of(s->sig, sizeof s->sig),
	};
	return TRAIL_OK;
}

enum trail_err seals_advance(struct seals *s, const struct folder *folder,
	const struct seal_mark *mark, struct sentence *why)
{
	struct seals_secret *m = s->secret;
	m->next = m->seeds;
	m->next.pending_len = 0;
	memset(m->next.pending, 0, sizeof m->next.pending);
	m->next.mark = *mark;
	seeds_advance(&m->next, &m->scratch);
	enum trail_err e = put(s, folder, why);
	if (e == TRAIL_OK)
		e = erase_other(s, folder, why);
	wipe_traces(m);
	return e;
}
