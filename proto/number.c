/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One slot per epoch, open addressing; epochs are spools and imports, so few.
 */
#include "number.h"

#include <stdlib.h>

enum {
	SLOTS_FIRST = 1024,   /* a power of two */
	EPOCHS_MAX = 1 << 22, /* 512 MiB of slots */
};

struct numbers {
	struct epoch_seen *slots;
	size_t cap, count;
	struct epoch_seen *latest; /* most events follow one of their own epoch */
	bool doubt;                /* records are missing before here */
	bool full;
};

struct numbers *numbers_new(void)
{
	struct numbers *n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	n->cap = SLOTS_FIRST;
	n->slots = calloc(n->cap, sizeof *n->slots);
	if (!n->slots) {
		free(n);
		return NULL;
	}
	return n;
}

void numbers_free(struct numbers *n)
{
	if (!n)
		return;
	free(n->slots);
	free(n);
}

static struct epoch_seen *slot(const struct numbers *n, uint64_t source, uint64_t epoch)
{
	/* Multiplicative mixing (Knuth, TAOCP vol. 3, section 6.4); both keys are close numbers. */
	uint64_t mixed =
		(source * UINT64_C(0x9E3779B97F4A7C15) ^ epoch) * UINT64_C(0xD6E8FEB86659FD93);
	size_t at = (size_t)(mixed >> 20) & (n->cap - 1);
	while (n->slots[at].used && (n->slots[at].source != source || n->slots[at].epoch != epoch))
		at = (at + 1) & (n->cap - 1);
	return &n->slots[at];
}

static bool grow(struct numbers *n)
{
	struct numbers wider = { .cap = n->cap * 2 };
	wider.slots = calloc(wider.cap, sizeof *wider.slots);
	if (!wider.slots)
		return false;
	for (size_t i = 0; i < n->cap; i++) {
		const struct epoch_seen *seen = &n->slots[i];
		if (seen->used)
			*slot(&wider, seen->source, seen->epoch) = *seen;
	}
	free(n->slots);
	n->slots = wider.slots;
	n->cap = wider.cap;
	return true;
}

struct epoch_seen *numbers_find(struct numbers *n, uint64_t source, uint64_t epoch)
{
	struct epoch_seen *seen = slot(n, source, epoch);
	return seen->used ? seen : NULL;
}

void numbers_each(
	struct numbers *n, void (*fn)(void *ctx, const struct epoch_seen *seen), void *ctx)
{
	for (size_t i = 0; i < n->cap; i++) {
		if (n->slots[i].used)
			fn(ctx, &n->slots[i]);
	}
}

void numbers_forget(struct numbers *n)
{
	memset(n->slots, 0, n->cap * sizeof *n->slots);
	n->count = 0;
	n->latest = NULL;
	n->doubt = true;
}

/* *out NULL: too many to follow. TRAIL_NOMEM. */
static enum trail_err need(struct numbers *n, struct findings *found, uint64_t index,
	const struct record *r, struct epoch_seen **out)
{
	*out = n->latest;
	if (n->latest && n->latest->source == r->source && n->latest->epoch == r->epoch)
		return TRAIL_OK;
	struct epoch_seen *seen = slot(n, r->source, r->epoch);
	*out = NULL;
	if (!seen->used && n->count >= EPOCHS_MAX) {
		if (!n->full)
			findings_add(found, FIND_SPINE_EPOCHS, index,
				"more than %d epochs: the numbers of later ones are not followed",
				EPOCHS_MAX);
		n->full = true;
		return TRAIL_OK;
	}
	if (!seen->used) {
		if (n->count * 2 >= n->cap) {
			if (!grow(n))
				return TRAIL_NOMEM;
			seen = slot(n, r->source, r->epoch);
		}
		*seen = (struct epoch_seen){
			.source = r->source,
			.epoch = r->epoch,
			.peer = r->epoch == 0 ? 0 : r->peer,
			.first_index = index,
			.used = true,
			.doubt = n->doubt,
		};
		n->count++;
	}
	n->latest = seen;
	*out = seen;
	return TRAIL_OK;
}

static void judge_seq(struct findings *found, uint64_t index, const struct record *r,
	const struct epoch_seen *seen)
{
	bool declared = (r->flags & FLAG_LOSS) != 0;
	uint64_t expected = seen->last + 1;
	if (seen->doubt && seen->last == 0)
		return;
	if (r->seq < expected || (r->seq > expected && !declared))
		findings_add(found, FIND_SPINE_SEQ, index,
			"record %llu has number %llu of its epoch where %llu is due, and no "
			"declared loss; compare with a mirror",
			(unsigned long long)index, (unsigned long long)r->seq,
			(unsigned long long)expected);
	else if (r->seq == expected && declared)
		findings_add(found, FIND_SPINE_LOSS, index,
			"record %llu declares a loss before number %llu, but none is missing",
			(unsigned long long)index, (unsigned long long)r->seq);
}

enum trail_err numbers_take(
	struct numbers *n, struct findings *found, uint64_t index, const struct record *r)
{
	struct epoch_seen *seen;
	enum trail_err err = need(n, found, index, r, &seen);
	if (err != TRAIL_OK || !seen)
		return err;
	if (r->epoch != 0 && r->peer != seen->peer)
		findings_add(found, FIND_SPINE_PEER, index,
			"record %llu came from peer %llu, but peer %llu owns its epoch",
			(unsigned long long)index, (unsigned long long)r->peer,
			(unsigned long long)seen->peer);
	judge_seq(found, index, r, seen);
	if (r->seq > seen->last) {
		seen->holes += r->seq - seen->last - 1;
		seen->last = r->seq;
	}
	seen->last_index = index;
	return TRAIL_OK;
}
