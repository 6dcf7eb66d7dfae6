/* SPDX-License-Identifier: Apache-2.0 */
#include "census.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	HOUR_LAST = UINT32_MAX / TERM_HOUR_S
};

static const uint64_t HOUR_NS = UINT64_C(1000000000) * TERM_HOUR_S;

/* One segment, and where its terms stand. */
struct part {
	struct hits_segment in;
	bool whole; /* all of its events are counted */
	bool has;   /* `term` is its next */
	struct segment_term term;
	struct segment_walk walk;
};

struct census {
	struct hits *hits;
	struct census_wish wish;
	enum term_field field;
	size_t count;
	struct part *parts;
	size_t at; /* by class: the segment that is next */
	struct segment_cursor cursor;
	size_t key_len;
	uint8_t key[TERM_KEY_MAX];
	char room[QUERY_ROOM_LEN]; /* for keys that are made */
};

bool census_can(const struct census_wish *wish)
{
	return wish->by != GROUP_TIME || wish->bucket_ns % HOUR_NS == 0;
}

static enum term_field field_of(enum report_group by)
{
	return by == GROUP_TIME ? TERM_HOUR : match_field(group_field(by));
}

/* Whether each event's value can be told from its terms. */
static bool is_told(const struct census_wish *wish, const struct segment *segment)
{
	const struct segment_sum *sum = &segment->sum;
	if (wish->by == GROUP_TIME)
		return sum->first_s >= TERM_HOUR_S && sum->last_s / TERM_HOUR_S < HOUR_LAST;
	return sum->cut == 0;
}

static enum trail_err damaged(struct census *c, const struct part *part, enum trail_err err)
{
	if (err == TRAIL_CORRUPT)
		hits_suspect(c->hits, part->in.segment);
	return err;
}

static enum trail_err advance(struct census *c, struct part *part)
{
	part->has = segment_walk_next(&part->walk, &part->term) &&
		part->term.key.data[0] == (uint8_t)c->field;
	return damaged(c, part, part->walk.err);
}

/* The key from which on to look. */
static size_t first_key(const struct census *c, uint8_t key[TERM_KEY_MAX])
{
	uint8_t hour[TERM_HOUR_LEN];
	struct span after = c->wish.after;
	if (c->wish.by == GROUP_TIME && after.len == GROUP_TIME_LEN) {
		int64_t ns = group_time(after.data) + (int64_t)c->wish.bucket_ns;
		store_be32(hour, term_hour(ns));
		return term_key(c->field, span_of(hour, sizeof hour), key);
	}
	bool text = c->wish.by != GROUP_TIME && query_kind(group_field(c->wish.by)) == QUERY_TEXT;
	return term_key(c->field, text ? after : span_of(NULL, 0), key);
}

static enum trail_err begin_part(struct census *c, struct part *part)
{
	uint8_t key[TERM_KEY_MAX];
	size_t len = first_key(c, key);
	const struct segment_place *p = &part->in.segment->place;
	part->whole = match_is_all(part->in.match) && part->in.first == 0 &&
		part->in.last == p->to - p->from - 1;
	segment_walk_seek(&part->walk, part->in.segment, span_of(key, len));
	return advance(c, part);
}

enum trail_err census_open(struct hits *h, const struct census_wish *wish, uint64_t low,
	uint64_t *high, struct census **out)
{
	struct hits_segment found[HITS_AT_ONCE];
	struct census *c = calloc(1, sizeof *c);
	if (!c)
		return TRAIL_NOMEM;
	c->hits = h;
	c->wish = *wish;
	c->field = field_of(wish->by);
	enum trail_err err = hits_segments(h, low, high, found, &c->count);
	c->parts = err ? NULL : calloc(c->count + 1, sizeof *c->parts);
	if (!err && !c->parts)
		err = TRAIL_NOMEM;
	for (size_t i = 0; i < c->count && !err; i++) {
		c->parts[i].in = found[i];
		err = is_told(wish, found[i].segment) ? TRAIL_OK : TRAIL_UNSUPPORTED;
		if (!err && wish->by != GROUP_CLASS)
			err = begin_part(c, &c->parts[i]);
	}
	if (err)
		census_close(c);
	else
		*out = c;
	return err;
}

void census_close(struct census *c)
{
	if (!c)
		return;
	free(c->parts);
	free(c);
}

/* ---- counting ---- */

static bool within(const struct part *part, uint32_t doc)
{
	return doc >= part->in.first && doc <= part->in.last;
}

static enum trail_err count_one(const struct part *part, const uint64_t *bits, uint32_t *count)
{
	uint32_t doc = part->term.doc;
	const struct segment_place *p = &part->in.segment->place;
	if (doc >= p->to - p->from)
		return TRAIL_CORRUPT;
	*count = within(part, doc) && (!bits || (bits[doc / 64] >> doc % 64 & 1) != 0);
	return TRAIL_OK;
}

/* Of the docs of the part's term those that answer. */
static enum trail_err count_term(struct census *c, struct part *part, uint32_t *count)
{
	const uint64_t *bits = NULL;
	enum trail_err err = TRAIL_OK;
	*count = part->term.count;
	if (part->whole)
		return TRAIL_OK;
	if (!match_is_all(part->in.match))
		err = match_bits(part->in.match, &bits);
	if (err || part->term.count == 1)
		return err ? err : count_one(part, bits, count);
	err = segment_cursor_open(&c->cursor, part->in.segment, &part->term);
	if (!err && bits)
		err = segment_cursor_overlap(
			&c->cursor, bits, part->in.first, part->in.last, count);
	else if (!err)
		err = segment_cursor_count(&c->cursor, part->in.first, part->in.last, count);
	segment_cursor_close(&c->cursor);
	return err;
}

/* The smallest key of all parts, to c->key. False: there is none. */
static bool next_key(struct census *c)
{
	const struct part *least = NULL;
	for (size_t i = 0; i < c->count; i++) {
		const struct part *part = &c->parts[i];
		if (part->has && (!least || span_compare(part->term.key, least->term.key) < 0))
			least = part;
	}
	if (!least)
		return false;
	c->key_len = least->term.key.len;
	memcpy(c->key, least->term.key.data, c->key_len);
	return true;
}

/* Count the events with c->key, and go on behind it. */
static enum trail_err count_key(struct census *c, uint64_t *sum)
{
	*sum = 0;
	for (size_t i = 0; i < c->count; i++) {
		struct part *part = &c->parts[i];
		uint32_t count;
		if (!part->has || !span_equal(part->term.key, span_of(c->key, c->key_len)))
			continue;
		enum trail_err err = damaged(c, part, count_term(c, part, &count));
		if (!err)
			err = advance(c, part);
		if (err)
			return err;
		*sum += count;
	}
	return TRAIL_OK;
}

/* ---- keys as a report has them ---- */

static struct span shown_key(struct census *c)
{
	const uint8_t *value = c->key + 1;
	size_t len = c->key_len - 1;
	if (c->wish.by == GROUP_TIME) {
		int64_t ns = len == TERM_HOUR_LEN ? (int64_t)(load_be32(value) * HOUR_NS) : 0;
		group_time_key(ns, c->wish.bucket_ns, (uint8_t *)c->room);
		return span_of(c->room, GROUP_TIME_LEN);
	}
	if (query_kind(group_field(c->wish.by)) == QUERY_TEXT)
		return span_of(value, len);
	return span_text(query_word(group_field(c->wish.by), len == 1 ? value[0] : 0));
}

/* Words are few, and stand in another order than their names: those that were had are passed over.
 */
static bool was_had(struct census *c, struct span key)
{
	if (c->wish.after.len == 0)
		return false;
	bool same = span_equal(key, c->wish.after);
	bool sorted = c->wish.by == GROUP_TIME || query_kind(group_field(c->wish.by)) == QUERY_TEXT;
	if (same)
		c->wish.after = span_of(NULL, 0);
	return same || !sorted;
}

/* Segments are sorted by class. */
static enum trail_err next_class(struct census *c, struct span *key, uint64_t *sum)
{
	*sum = 0;
	while (*sum == 0 && c->at < c->count) {
		uint32_t class_no = c->parts[c->at].in.segment->place.class_no;
		int len = snprintf(c->room, sizeof c->room, "%" PRIu32, class_no);
		*key = span_of(c->room, (size_t)len);
		for (; c->at < c->count && c->parts[c->at].in.segment->place.class_no == class_no;
			c->at++) {
			const struct part *part = &c->parts[c->at];
			uint64_t count;
			enum trail_err err = damaged(c, part,
				match_count(part->in.match, part->in.first, part->in.last, &count));
			if (err)
				return err;
			*sum += count;
		}
		if (was_had(c, *key))
			*sum = 0;
	}
	return *sum > 0 ? TRAIL_OK : TRAIL_END;
}

enum trail_err census_next(struct census *c, struct span *key, uint64_t *count)
{
	if (c->wish.by == GROUP_CLASS)
		return next_class(c, key, count);
	*count = 0;
	while (*count == 0) {
		if (!next_key(c))
			return TRAIL_END;
		enum trail_err err = count_key(c, count);
		if (err)
			return err;
		*key = shown_key(c);
		if (was_had(c, *key))
			*count = 0;
	}
	return TRAIL_OK;
}
