/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include <stdlib.h>

enum {
	STEP_TERMS = 20000, /* of a piece between two looks at the log */
};

/* One of the two that are compared: the segment there is, or the piece made anew. */
struct side {
	const struct segment *segment;
	bool has; /* `term` is its next */
	struct segment_term term;
	struct segment_walk walk;
	struct segment_cursor cursor;
};

struct compare {
	struct catalog *catalog;
	const struct catalog_view *view;
	struct piece_maker maker;
	struct compare_report report;
	size_t at;                /* the segment that is compared; view->count: all were */
	uint64_t from;            /* of the next piece, or of the one that is open */
	uint64_t records, losses; /* of the segment's pieces so far */
	bool open;                /* a piece is being compared */
	struct piece piece;
	struct segment
		fresh; /* of the piece, whose file has no name any more; fd -1: it is empty */
	struct side old, new;
	uint8_t last[TERM_KEY_MAX]; /* the old side's term before */
	size_t last_len;
	uint64_t terms, cut; /* of the old side so far, and those of the greatest length */
	size_t gap_count;    /* of this step */
	struct index_hole gaps[GATHER_PARTS_MAX];
};

struct compare *compare_begin(struct catalog *catalog, struct store *store)
{
	struct compare *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->catalog = catalog;
	c->view = catalog_hold(catalog);
	c->fresh.fd = -1;
	c->report.indexed = c->report.all = c->view->indexed;
	if (!piece_maker_open(&c->maker, store, catalog)) {
		compare_free(c);
		return NULL;
	}
	for (size_t i = 0; i < c->view->count; i++) {
		const struct segment_place *p = &c->view->segments[i]->segment.place;
		c->report.all += p->to - p->from;
	}
	if (c->view->count > 0)
		c->from = c->view->segments[0]->segment.place.from;
	return c;
}

void compare_free(struct compare *c)
{
	if (!c)
		return;
	segment_close(&c->fresh);
	piece_maker_close(&c->maker);
	catalog_drop(c->catalog, c->view);
	free(c);
}

const struct compare_report *compare_report(const struct compare *c)
{
	return &c->report;
}

/* ---- differences ---- */

static const struct segment_place *place_of(const struct compare *c)
{
	return &c->view->segments[c->at]->segment.place;
}

static void note(struct compare *c, enum compare_what what, uint32_t field, uint64_t index)
{
	struct compare_report *r = &c->report;
	if (r->found < COMPARE_LISTED)
		r->list[r->found] = (struct compare_difference){ what, field, index };
	r->found++;
}

/*
 * Suspect what covers [from, to) of a class and month now: the segment that was compared may have
 * been merged into another meanwhile, with all that is wrong in it. False: nothing does.
 */
static bool suspect(struct compare *c, const struct segment_place *place)
{
	const struct catalog_view *view = catalog_hold(c->catalog);
	bool any = false;
	for (size_t i = 0; i < view->count; i++) {
		const struct segment_place *p = &view->segments[i]->segment.place;
		if (p->class_no != place->class_no || p->month != place->month ||
			p->from >= place->to || p->to <= place->from)
			continue;
		catalog_suspect(c->catalog, view->segments[i]);
		any = true;
	}
	catalog_drop(c->catalog, view);
	return any;
}

static void close_piece(struct compare *c)
{
	segment_close(&c->fresh);
	c->open = false;
}

static void next_segment(struct compare *c)
{
	c->report.done += place_of(c)->to - c->from;
	c->report.files++;
	c->at++;
	c->records = c->losses = 0;
	c->from = c->at < c->view->count ? place_of(c)->from : 0;
}

/* What was found settles the segment. */
static void settle(struct compare *c, enum compare_what what, uint32_t field, uint64_t index)
{
	note(c, what, field, index);
	if (what != COMPARE_UNJUDGED)
		(void)suspect(c, place_of(c));
	close_piece(c);
	next_segment(c);
}

/* ---- a piece ---- */

static enum trail_err advance(struct side *side)
{
	side->has = side->has && segment_walk_next(&side->walk, &side->term);
	return side->walk.err;
}

static enum trail_err seek_first(struct side *side, const struct segment *segment)
{
	side->segment = segment;
	side->walk.err = TRAIL_OK;
	side->has = segment != NULL;
	if (segment)
		segment_walk_seek(&side->walk, segment, span_of(NULL, 0));
	return side->walk.err ? side->walk.err : advance(side);
}

/* The file of a piece is opened, and its name goes. */
static enum trail_err open_fresh(struct compare *c, struct piece *p)
{
	enum trail_err err = TRAIL_OK;
	if (p->count > 0)
		err = segment_open(
			c->maker.folder, c->maker.key, c->maker.genesis, &p->places[0], &c->fresh);
	piece_discard(&c->maker, p);
	/* It was written just now. */
	return err == TRAIL_CORRUPT ? TRAIL_IO : err;
}

static bool is_whole_first(const struct compare *c)
{
	return c->from == place_of(c)->from;
}

static bool is_last(const struct compare *c)
{
	return c->piece.range.to >= place_of(c)->to;
}

static enum trail_err begin_piece(struct compare *c)
{
	const struct segment *old = &c->view->segments[c->at]->segment;
	const struct gather_part part = { old->place.class_no, old->place.month };
	uint32_t doc;
	if (atomic_load(&c->view->segments[c->at]->damaged)) {
		settle(c, COMPARE_DAMAGED, 0, old->place.from);
		return TRAIL_OK;
	}
	piece_begin(&c->piece, c->from, old->place.to);
	enum trail_err err = piece_make(&c->maker, &c->piece, &part);
	if (err == TRAIL_CORRUPT) {
		settle(c, COMPARE_UNJUDGED, 0, c->from);
		return TRAIL_OK;
	}
	if (!err)
		err = open_fresh(c, &c->piece);
	if (err)
		return err;
	c->open = true;
	c->last_len = 0;
	c->terms = c->cut = 0;
	c->records += run_records(c->maker.run);
	c->losses += run_losses(c->maker.run);
	/* Who asks for other times does not look into the segment at all. */
	if (run_outside(c->maker.run, old->sum.first_s, old->sum.last_s, &doc)) {
		settle(c, COMPARE_DROPPED, TERM_HOUR, c->from + doc);
		return TRAIL_OK;
	}
	err = seek_first(&c->new, c->fresh.fd >= 0 ? &c->fresh : NULL);
	return err ? TRAIL_IO : seek_first(&c->old, old);
}

/* All terms were looked at. */
static void end_piece(struct compare *c)
{
	const struct segment_place *place = place_of(c);
	const struct segment_sum *sum = &c->view->segments[c->at]->segment.sum;
	close_piece(c);
	if (!is_last(c)) {
		c->report.done += c->piece.range.to - c->from;
		c->from = c->piece.range.to;
	} else if (sum->records != c->records || sum->losses != c->losses ||
		sum->terms != c->terms || sum->cut != c->cut) {
		settle(c, COMPARE_DAMAGED, 0, place->from);
	} else {
		next_segment(c);
	}
}

/* ---- a term ---- */

/* The next doc of a side at or behind `at`, up to `high`. TRAIL_END: none. */
static enum trail_err next_doc(
	struct side *side, bool has, uint64_t at, uint64_t high, uint32_t *out)
{
	if (!has || at > high)
		return TRAIL_END;
	enum trail_err err = segment_cursor_seek(&side->cursor, (uint32_t)at, false, out);
	return !err && *out > high ? TRAIL_END : err;
}

/* What both sides say of one term; *settled: not the same. */
struct docs {
	bool old, new; /* which of them has it */
	uint32_t field;
	uint64_t low, high; /* of the piece, as docs of the old side */
};

static enum trail_err compare_docs(struct compare *c, const struct docs *d, bool *settled)
{
	uint64_t at = d->low;
	uint64_t from = place_of(c)->from;
	for (;;) {
		uint32_t old = 0, new = 0;
		enum trail_err mine = next_doc(&c->old, d->old, at, d->high, &old);
		enum trail_err theirs =
			next_doc(&c->new, d->new, at - d->low, d->high - d->low, &new);
		if (mine != TRAIL_OK && mine != TRAIL_END)
			return mine;
		if (theirs != TRAIL_OK && theirs != TRAIL_END)
			return TRAIL_IO;
		if (mine == TRAIL_END && theirs == TRAIL_END)
			return TRAIL_OK;
		uint64_t there = d->low + new;
		bool dropped = !theirs && (mine || there < old);
		*settled = mine || theirs || there != old;
		if (*settled) {
			settle(c, dropped ? COMPARE_DROPPED : COMPARE_ADDED, d->field,
				from + (dropped ? there : old));
			return TRAIL_OK;
		}
		at = (uint64_t)old + 1;
	}
}

/* Who asks for a time passes over a term whose events are said to be of another. */
static bool tells_times(const struct compare *c)
{
	const struct segment_term *old = &c->old.term, *new = &c->new.term;
	uint32_t first = new->first_s, last = new->last_s;
	if (old->count == 1)
		return true; /* they are those of the segment, which were looked at */
	if (new->count == 1)
		first = last = run_second(c->maker.run, new->doc);
	return first >= old->first_s && last <= old->last_s;
}

static enum trail_err open_cursors(struct compare *c, const struct docs *d)
{
	enum trail_err err = TRAIL_OK;
	c->old.cursor.directory = c->new.cursor.directory = NULL;
	if (d->new &&segment_cursor_open(&c->new.cursor, &c->fresh, &c->new.term))
		return TRAIL_IO;
	if (d->old)
		err = segment_cursor_open(&c->old.cursor, c->old.segment, &c->old.term);
	if (!err && d->old && is_whole_first(c))
		err = segment_cursor_check(&c->old.cursor);
	return err;
}

static enum trail_err compare_term(struct compare *c, const struct docs *d, bool *settled)
{
	uint32_t first = 0;
	enum trail_err err = open_cursors(c, d);
	if (!err)
		err = compare_docs(c, d, settled);
	if (!err && !*settled && d->old && d->new && !tells_times(c)) {
		(void)segment_cursor_seek(&c->new.cursor, 0, false, &first);
		settle(c, COMPARE_DROPPED, d->field, c->from + first);
		*settled = true;
	}
	segment_cursor_close(&c->old.cursor);
	segment_cursor_close(&c->new.cursor);
	return err;
}

/* Terms ascend: a search stops where they are behind what it looks for. */
static bool ascends(struct compare *c, struct span key)
{
	if (c->last_len > 0 && span_compare(key, span_of(c->last, c->last_len)) <= 0)
		return false;
	memcpy(c->last, key.data, key.len);
	c->last_len = key.len;
	c->terms++;
	c->cut += key.len == TERM_KEY_MAX;
	return true;
}

/* The smaller of the two terms that are next, or both. TRAIL_CORRUPT: of the old side. */
static enum trail_err step_term(struct compare *c, bool *settled)
{
	const struct segment_place *place = place_of(c);
	int way = !c->old.has ? 1 : -1;
	if (c->old.has && c->new.has)
		way = span_compare(c->old.term.key, c->new.term.key);
	struct docs d = {
		.old = way <= 0,
		.new = way >= 0,
		.low = c->from - place->from,
		/* Nothing may lie behind the last record either. */
		.high = is_last(c) ? UINT32_MAX : c->piece.range.to - 1 - place->from,
	};
	d.field = (d.old ? &c->old : &c->new)->term.key.data[0];
	if (d.old && !ascends(c, c->old.term.key))
		return TRAIL_CORRUPT;
	enum trail_err err = compare_term(c, &d, settled);
	if (err || *settled)
		return err;
	if (d.new &&advance(&c->new))
		return TRAIL_IO;
	return d.old ? advance(&c->old) : TRAIL_OK;
}

static enum trail_err step_piece(struct compare *c)
{
	bool settled = false;
	enum trail_err err = TRAIL_OK;
	for (unsigned i = 0; i < STEP_TERMS && !err && !settled; i++) {
		if (!c->old.has && !c->new.has) {
			end_piece(c);
			return TRAIL_OK;
		}
		err = step_term(c, &settled);
	}
	return err;
}

/* ---- what no segment holds ---- */

/* Where what covers `index` of that class and month ends; 0: nothing does, up to *next. */
static uint64_t covered_to(
	const struct compare *c, const struct gather_part *part, uint64_t index, uint64_t *next)
{
	const struct catalog_view *view = c->view;
	for (size_t i = 0; i < view->count + view->hole_count; i++) {
		struct index_hole r;
		if (i < view->count) {
			const struct segment_place *p = &view->segments[i]->segment.place;
			r = (struct index_hole){ p->class_no, p->month, p->from, p->to };
		} else {
			r = view->holes[i - view->count];
		}
		if (r.class_no != part->class_no || r.month != part->month || r.to <= index)
			continue;
		if (r.from <= index)
			return r.to;
		*next = r.from < *next ? r.from : *next;
	}
	return 0;
}

/* Whether the log has records of that part in [from, to), and the first of them. */
static enum trail_err find_record(struct compare *c, const struct gather_part *part, uint64_t from,
	uint64_t to, bool *has, uint64_t *index)
{
	struct piece p;
	piece_begin(&p, from, to);
	enum trail_err err = piece_make(&c->maker, &p, part);
	*has = !err && run_records(c->maker.run) > 0;
	if (!err)
		err = open_fresh(c, &p);
	if (!err && *has) {
		/* All records have the first term, or tell a loss. */
		err = seek_first(&c->new, &c->fresh);
		*index = from;
		if (!err && c->new.has &&
			!segment_cursor_open(&c->new.cursor, &c->fresh, &c->new.term)) {
			uint32_t doc = 0;
			err = segment_cursor_seek(&c->new.cursor, 0, false, &doc);
			*index = from + doc;
			segment_cursor_close(&c->new.cursor);
		}
	}
	segment_close(&c->fresh);
	return err == TRAIL_CORRUPT ? TRAIL_IO : err;
}

/* Records of [from, to) are in no segment; a merge may have covered the range meanwhile. */
static void add_gap(struct compare *c, const struct gather_part *part, uint64_t from, uint64_t to)
{
	const struct segment_place place = piece_place(part, from, to);
	if (!suspect(c, &place) && c->gap_count < GATHER_PARTS_MAX)
		c->gaps[c->gap_count++] =
			(struct index_hole){ part->class_no, part->month, from, to };
}

/* One class and month of a piece of the log. */
static enum trail_err look_for_gaps(struct compare *c, const struct gather_part *part)
{
	const struct gather_range *range = &c->piece.range;
	for (uint64_t at = range->from, next; at < range->to; at = next) {
		bool has;
		uint64_t index;
		next = range->to;
		uint64_t end = covered_to(c, part, at, &next);
		if (end != 0) {
			next = end;
			continue;
		}
		enum trail_err err = find_record(c, part, at, next, &has, &index);
		if (err)
			return err;
		if (!has)
			continue;
		note(c, COMPARE_DROPPED, TERM_EVENT, index);
		add_gap(c, part, at, next);
	}
	return TRAIL_OK;
}

/* What the index says to reach, and no segment or hole names. */
static enum trail_err step_coverage(struct compare *c)
{
	piece_begin(&c->piece, c->from, c->view->indexed);
	enum trail_err err = piece_judge(&c->maker, &c->piece);
	if (err == TRAIL_CORRUPT) {
		note(c, COMPARE_UNJUDGED, 0, c->from);
		err = TRAIL_OK;
		c->piece.range.count = 0;
	}
	for (size_t i = 0; i < c->piece.range.count && !err; i++)
		err = look_for_gaps(c, &c->piece.range.parts[i]);
	if (err)
		return err;
	c->report.done += c->piece.range.to - c->from;
	c->from = c->piece.range.to;
	return TRAIL_MORE;
}

static enum trail_err step(struct compare *c)
{
	if (c->at == c->view->count)
		return c->from < c->view->indexed ? step_coverage(c) : TRAIL_OK;
	enum trail_err err = c->open ? step_piece(c) : begin_piece(c);
	if (err == TRAIL_CORRUPT) {
		settle(c, COMPARE_DAMAGED, 0, place_of(c)->from);
		err = TRAIL_OK;
	}
	return err ? err : TRAIL_MORE;
}

enum trail_err compare_step(struct compare *c, const struct index_hole **gaps, size_t *count)
{
	c->gap_count = 0;
	enum trail_err err = step(c);
	*gaps = c->gaps;
	*count = c->gap_count;
	return err;
}
