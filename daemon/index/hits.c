/* SPDX-License-Identifier: Apache-2.0 */
#include "hits.h"

#include <stdlib.h>

/* A segment, and the plan for it while it is looked at. */
struct source {
	struct catalog_segment *segment;
	struct match *match; /* NULL: not begun, or over */
	bool dead;           /* it is damaged */
	bool done;           /* it has no hit any more in the direction that is gone */
};

struct hits {
	struct catalog *catalog;
	const struct catalog_view *view;
	const struct match_question *question;
	struct source *sources; /* of view->segments */
};

struct hits *hits_open(struct catalog *catalog, const struct match_question *question)
{
	struct hits *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->catalog = catalog;
	h->question = question;
	h->view = catalog_hold(catalog);
	h->sources = calloc(h->view->count + 1, sizeof *h->sources);
	if (!h->sources) {
		hits_close(h);
		return NULL;
	}
	for (size_t i = 0; i < h->view->count; i++) {
		h->sources[i].segment = h->view->segments[i];
		h->sources[i].dead = atomic_load(&h->view->segments[i]->damaged);
	}
	return h;
}

void hits_close(struct hits *h)
{
	if (!h)
		return;
	for (size_t i = 0; h->sources && i < h->view->count; i++)
		match_close(h->sources[i].match);
	catalog_drop(h->catalog, h->view);
	free(h->sources);
	free(h);
}

static const struct segment_place *place_of(const struct source *s)
{
	return &s->segment->segment.place;
}

/* ---- parts ---- */

/* Cut `part` by a range that is not indexed: it becomes what `index` lies in. */
static void cut(struct hits_part *part, uint64_t index, uint64_t from, uint64_t to)
{
	if (from >= part->to || to <= part->from)
		return;
	if (index >= from && index < to) {
		/* Within several, the narrowest will do: what lies beside is cut by its own. */
		part->indexed = false;
		part->from = part->from > from ? part->from : from;
		part->to = part->to < to ? part->to : to;
	} else if (index < from) {
		part->to = part->to < from ? part->to : from;
	} else {
		part->from = part->from > to ? part->from : to;
	}
}

struct hits_part hits_part(const struct hits *h, uint64_t index)
{
	struct hits_part part = { .from = 0, .to = UINT64_MAX, .indexed = true };
	cut(&part, index, h->view->indexed, UINT64_MAX);
	for (size_t i = 0; i < h->view->hole_count; i++)
		cut(&part, index, h->view->holes[i].from, h->view->holes[i].to);
	for (size_t i = 0; i < h->view->count; i++)
		if (h->sources[i].dead)
			cut(&part, index, place_of(&h->sources[i])->from,
				place_of(&h->sources[i])->to);
	return part;
}

/* ---- finding ---- */

static void kill_source(struct hits *h, struct source *s)
{
	match_close(s->match);
	s->match = NULL;
	s->dead = true;
	catalog_suspect(h->catalog, s->segment);
}

void hits_accuse(struct hits *h, uint64_t index)
{
	for (size_t i = 0; i < h->view->count; i++) {
		struct source *s = &h->sources[i];
		if (s->match && index >= place_of(s)->from && index < place_of(s)->to)
			kill_source(h, s);
	}
}

void hits_suspect(struct hits *h, const struct segment *segment)
{
	for (size_t i = 0; i < h->view->count; i++)
		if (&h->sources[i].segment->segment == segment)
			kill_source(h, &h->sources[i]);
}

static bool overlaps(const struct source *s, uint64_t low, uint64_t high)
{
	return !s->dead && place_of(s)->from < high && place_of(s)->to > low;
}

static enum trail_err begin(struct hits *h, struct source *s)
{
	if (s->match)
		return TRAIL_OK;
	return match_open(
		&s->segment->segment, h->question, s->segment->segment.sum.losses > 0, &s->match);
}

/* The docs of the segment in [low, high); there are some. */
static void docs_within(
	const struct source *s, uint64_t low, uint64_t high, uint32_t *first, uint32_t *last)
{
	const struct segment_place *p = place_of(s);
	*first = low > p->from ? (uint32_t)(low - p->from) : 0;
	*last = (uint32_t)((high < p->to ? high : p->to) - p->from - 1);
}

static enum trail_err next_in(struct hits *h, struct source *s, uint64_t low, uint64_t high,
	bool down, bool count, struct hits_hit *hit)
{
	struct match_hit found;
	uint32_t first, last;
	enum trail_err err = begin(h, s);
	docs_within(s, low, high, &first, &last);
	uint32_t at = down ? last : first;
	if (!err)
		err = count ? match_next_doubt(s->match, at, down, &found)
			    : match_next(s->match, at, down, &found);
	if (!err && (found.doc < first || found.doc > last))
		err = TRAIL_END;
	if (!err)
		*hit = (struct hits_hit){ place_of(s)->from + found.doc, found.event, found.sure,
			found.loss };
	return err;
}

/* Nothing more comes from it: what it holds in memory goes. */
static void end(struct source *s, uint64_t low, uint64_t high, bool down)
{
	const struct segment_place *p = place_of(s);
	if (down ? low > p->from : high < p->to)
		return;
	match_close(s->match);
	s->match = NULL;
	s->done = true;
}

enum trail_err hits_next(
	struct hits *h, uint64_t low, uint64_t high, bool down, bool count, struct hits_hit *hit)
{
	bool found = false;
	for (size_t n = 0; n < h->view->count && low < high; n++) {
		struct source *s = &h->sources[down ? h->view->count - 1 - n : n];
		struct hits_hit next;
		if (s->done || !overlaps(s, low, high))
			continue;
		enum trail_err err = next_in(h, s, low, high, down, count, &next);
		if (err == TRAIL_CORRUPT)
			kill_source(h, s);
		else if (err == TRAIL_END)
			end(s, low, high, down);
		if (err && err != TRAIL_END)
			return err;
		if (err)
			continue;
		found = true;
		*hit = next;
		/* Another segment must have a nearer one. */
		if (down)
			low = next.index + 1;
		else
			high = next.index;
	}
	return found ? TRAIL_OK : TRAIL_END;
}

enum trail_err hits_count(struct hits *h, uint64_t low, uint64_t high, uint64_t *sum)
{
	*sum = 0;
	for (size_t i = 0; i < h->view->count; i++) {
		struct source *s = &h->sources[i];
		uint32_t first, last;
		uint64_t count = 0;
		if (low >= high || !overlaps(s, low, high))
			continue;
		docs_within(s, low, high, &first, &last);
		enum trail_err err = begin(h, s);
		if (!err)
			err = match_count(s->match, first, last, &count);
		if (err == TRAIL_CORRUPT)
			kill_source(h, s);
		if (err)
			return err;
		*sum += count;
	}
	return TRAIL_OK;
}

/* Where the segments behind `low` begin, so that no more than HITS_AT_ONCE lie in [low, *high). */
static enum trail_err lower_end(const struct hits *h, uint64_t low, uint64_t *high)
{
	for (;;) {
		size_t count = 0;
		uint64_t last = low;
		for (size_t i = 0; i < h->view->count; i++) {
			const struct source *s = &h->sources[i];
			if (!overlaps(s, low, *high))
				continue;
			count++;
			last = place_of(s)->from > last ? place_of(s)->from : last;
		}
		if (count <= HITS_AT_ONCE)
			return TRAIL_OK;
		if (last == low)
			return TRAIL_TOO_BIG;
		*high = last;
	}
}

enum trail_err hits_segments(struct hits *h, uint64_t low, uint64_t *high,
	struct hits_segment out[HITS_AT_ONCE], size_t *count)
{
	enum trail_err err = lower_end(h, low, high);
	*count = 0;
	for (size_t i = 0; i < h->view->count && !err; i++) {
		struct source *s = &h->sources[i];
		struct hits_segment *o = &out[*count];
		if (!overlaps(s, low, *high))
			continue;
		err = begin(h, s);
		if (err == TRAIL_CORRUPT)
			kill_source(h, s);
		if (err)
			return err;
		o->segment = &s->segment->segment;
		o->match = s->match;
		docs_within(s, low, *high, &o->first, &o->last);
		++*count;
	}
	return err;
}
