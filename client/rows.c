/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <inttypes.h>
#include <stdlib.h>

static const uint64_t NOWHERE = UINT64_MAX; /* what does not fit is the page as a whole */

/* A page under judgement, and what was asked of it. */
struct trial {
	struct answer *a;
	const struct rows *page;
	const struct log_identity *identity;
	uint64_t low, high;  /* indexes that its rows may have */
	uint64_t begin, end; /* behind the last that the question may have */
	uint64_t culprit;    /* the record that does not fit, or NOWHERE */
};

static bool is_range(const struct answer *a)
{
	return a->kind == REQUEST_GET;
}

static bool is_report(const struct answer *a)
{
	return a->kind == REQUEST_REPORT;
}

/* Whether the counts of the keys are `all` together. */
static bool sums_up(const struct rows *page, uint64_t all)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < page->count_count; i++)
		if (__builtin_add_overflow(sum, page->counts[i].count, &sum))
			return false;
	return sum == all;
}

/* ---- what the page says of itself ---- */

static misfit sizes_fit(struct trial *t)
{
	const struct rows *page = t->page;
	const struct answer *a = t->a;
	if (page->read >= a->cp.size)
		return "the event that tells of the question is not in the signed checkpoint";
	if (a->begun && page->read != a->read)
		return "it belongs to another question";
	if (!a->begun && page->read < a->floor)
		return "the question was asked before, and would not show what came since";
	return NULL;
}

/* The indexes that may be answered, whatever page. */
static void bound(struct trial *t)
{
	const struct answer *a = t->a;
	const struct question *q = &a->question;
	uint64_t from = q->paging.from;
	uint64_t count = q->count ? q->count : 1;
	t->low = 0;
	t->high = answer_follows(a) ? a->cp.size : t->page->read;
	if (is_range(a)) {
		t->low = q->index;
		if (q->index < t->high && count < t->high - q->index)
			t->high = q->index + count;
	} else if (!q->paging.newest_first) {
		t->low = from;
	} else if (from != 0 && from < t->high) {
		t->high = from;
	}
	t->begin = t->low;
	t->end = t->high;
}

/* Narrow the bounds to what was looked at for this page. */
static misfit position_fits(struct trial *t)
{
	const struct answer *a = t->a;
	bool down = a->question.paging.newest_first;
	uint64_t first = down ? t->page->read : is_range(a) ? a->question.index : 0;
	uint64_t before = a->begun ? a->position : first;
	uint64_t after = t->page->position;
	if (down ? after > before : after < before)
		return "it goes back to what was looked at before";
	if (after > (answer_follows(a) ? a->cp.size : t->page->read))
		return "it claims to have looked behind the end";
	/* A report may tell a part of the log on several pages. */
	bool goes_on = is_report(a) &&
		!span_equal(t->page->next, span_of(a->next, a->question.paging.next.len));
	if (!t->page->done && !answer_follows(a) && t->page->row_count == 0 && after == before &&
		!goes_on)
		return "it has no rows, and looked at nothing";
	uint64_t start = down ? after : before, end = down ? before : after;
	if (t->low < start)
		t->low = start;
	if (t->high > end)
		t->high = end;
	return NULL;
}

/* Records that this page and those before it looked at. */
static uint64_t looked_at(const struct trial *t)
{
	uint64_t position = t->page->position;
	bool down = t->a->question.paging.newest_first;
	uint64_t from = down && position > t->begin ? position : t->begin;
	uint64_t to = !down && position < t->end ? position : t->end;
	return to > from ? to - from : 0;
}

static misfit counts_fit(const struct trial *t)
{
	const struct answer *a = t->a;
	const struct paging *asked = &a->question.paging;
	size_t rows = t->page->row_count;
	uint64_t room = t->high > t->low ? t->high - t->low : 0;
	if (asked->limit != 0 && rows > asked->limit)
		return "it has more rows than were asked for";
	bool counted = asked->count || is_report(a);
	if (counted && rows != 0)
		return "it has rows, where they were to be counted";
	if (t->page->matched < a->matched)
		return "it counts fewer rows than before";
	uint64_t more = t->page->matched - a->matched;
	/* A report may count the events of a part on other pages than that which looks at it. */
	bool fits = is_report(a) ? t->page->matched <= looked_at(t)
		: counted        ? more <= room
				 : more == rows;
	if (!fits)
		return "it counts other rows than there are";
	if (is_report(a) ? !sums_up(t->page, more) : t->page->count_count != 0)
		return "what it counts by key is not what it counts in all";
	/* Of a range every record is due. */
	if (is_range(a) && rows != room)
		return "it holds other records than the range has";
	return NULL;
}

static misfit end_fits(const struct trial *t)
{
	const struct answer *a = t->a;
	const struct completeness *c = &t->page->completeness;
	if (!t->page->done)
		return t->page->next.len != 0 ? NULL : "it is not the last, and names no next";
	if (answer_follows(a))
		return "it is said to be the last, though more is waited for";
	if (is_range(a))
		return t->page->position >= t->end ? NULL : "it ends before the range does";
	if (c->method == METHOD_UNSPECIFIED)
		return "it is the last, and does not say how complete the answer is";
	return c->current <= c->sources ? NULL : "more of its sources are current than there are";
}

/* ---- entries that rows name ---- */

static misfit genesis_fits(const struct trial *t, const struct item *item)
{
	if (!t->a->question.want_genesis)
		return "it is named, and gives no name of a source or peer";
	if (!hash_equal(&item->leaf, &t->identity->genesis))
		return "it is not the first record that the log's identity names";
	return NULL;
}

static misfit named_fits(const struct trial *t, struct named *named)
{
	const struct item *item = &named->item;
	uint64_t index = item->shown->index;
	if (!item_in_tree(item, &t->a->cp))
		return "it is not in the tree of the signed checkpoint";
	if (index == 0)
		return genesis_fits(t, item);
	enum trail_err err = item_name(item, &named->name);
	if (err == TRAIL_NOMEM)
		t->a->book.failed = true;
	/* A peer may be a person, and erased. */
	if (err == TRAIL_INVALID || (!item_is_open(item) && item->record.kind == KIND_SOURCE))
		return "it is named, and gives no name of a source or peer";
	if (named->name && item->record.kind == KIND_SOURCE &&
		!name_book_fits(&t->a->book, named->name, index))
		return "it names a source as another record does";
	return NULL;
}

static const struct named *find_named(const struct answer *a, uint64_t index, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a->named[i].item.shown->index == index)
			return &a->named[i];
	return NULL;
}

static misfit take_named(struct trial *t)
{
	struct answer *a = t->a;
	a->named_count = 0;
	for (size_t i = 0; i < t->page->named_count; i++) {
		const struct evidence_item *shown = &t->page->named[i];
		t->culprit = shown->index;
		misfit why = item_open(shown, &a->named[i].item);
		a->named_count = i + 1;
		if (!why && find_named(a, shown->index, i))
			why = "it is named twice";
		if (!why)
			why = named_fits(t, &a->named[i]);
		if (why)
			return why;
	}
	t->culprit = 0;
	if (a->question.want_genesis && a->question.index != 0 && !find_named(a, 0, a->named_count))
		return "it was to be shown as well";
	return NULL;
}

/* The name of entry `index`, of `kind`, for record `by`. Index 0 is the log itself. */
static misfit name_of(const struct answer *a, uint64_t index, enum record_kind kind, uint64_t by,
	const char **name)
{
	const struct named *named = find_named(a, index, a->named_count);
	*name = "traild";
	if (index == 0)
		return NULL;
	if (index >= by)
		return "its source or peer is not an earlier record";
	if (!named)
		return "its source or peer is not among what is named";
	if (named->item.record.kind != kind)
		return "its source or peer is a record of another kind";
	*name = named->name;
	return NULL;
}

/* ---- rows ---- */

/* By its own path, or as what its neighbour names: the next record, wherever that stands. */
static bool row_proven(const struct answer *a, size_t i)
{
	const struct item *item = &a->rows[i].item;
	bool down = a->question.paging.newest_first;
	if (item->shown->path_count != 0)
		return item_in_tree(item, &a->cp);
	if (down ? i == 0 : i + 1 == a->row_count)
		return false;
	const struct item *next = &a->rows[down ? i - 1 : i + 1].item;
	return next->shown->index == item->shown->index + 1 &&
		hash_equal(&next->record.prev, &item->leaf);
}

static misfit place_fits(const struct trial *t, size_t i)
{
	const struct answer *a = t->a;
	uint64_t index = a->rows[i].item.shown->index;
	if (index < t->low || index >= t->high)
		return "it lies outside what was asked, or was looked at";
	if (i == 0)
		return NULL;
	uint64_t before = a->rows[i - 1].item.shown->index;
	bool down = a->question.paging.newest_first;
	return (down ? index < before : index > before) ? NULL : "it is out of order";
}

/* Whether the question says anything about an event that only its payload answers. */
static bool asks_payload(const struct answer *a)
{
	const struct paging *p = &a->question.paging;
	return query_asks_event(&a->query) || p->since_ns != 0 || p->until_ns != 0;
}

static struct span name_or_none(const char *name)
{
	return name ? span_text(name) : span_of(NULL, 0);
}

misfit answer_misfit(const struct answer *a, const struct row *row)
{
	const struct evidence_item *shown = row->item.shown;
	const struct paging *p = &a->question.paging;
	struct event_facts facts = { 0 };
	struct event_fault fault;
	if (row->item.record.kind != KIND_EVENT)
		return "it is no event";
	const struct query_view view = {
		.index = shown->index,
		.class_no = row->item.record.class_no,
		.source = name_or_none(row->source),
		.peer = name_or_none(row->peer),
		.facts = &facts,
	};
	if (!query_allows(&a->query, QUERY_SOURCE, &view))
		return "it is not of the source that was asked for";
	if (asks_payload(a) && !item_is_open(&row->item))
		return "it was erased, and answers nothing";
	if (asks_payload(a) && event_walk(shown->payload, &facts, &fault) != TRAIL_OK)
		return "it holds no event, and answers nothing";
	if (!query_matches(&a->query, &view))
		return "it does not answer the question";
	if ((p->since_ns != 0 && facts.time_ns < p->since_ns) ||
		(p->until_ns != 0 && facts.time_ns >= p->until_ns))
		return "it happened at another time than was asked for";
	return NULL;
}

static misfit row_fits(struct trial *t, size_t i)
{
	const struct answer *a = t->a;
	struct row *row = &a->rows[i];
	const struct record *r = &row->item.record;
	uint64_t index = row->item.shown->index;
	misfit why = place_fits(t, i);
	if (!why && !row_proven(a, i))
		why = "it is not in the tree of the signed checkpoint";
	if (!why)
		why = name_of(a, r->source, KIND_SOURCE, index, &row->source);
	if (!why)
		why = name_of(a, r->peer, KIND_PEER, index, &row->peer);
	if (!why && !is_range(a))
		why = answer_misfit(a, row);
	return why;
}

static misfit take_rows(struct trial *t)
{
	struct answer *a = t->a;
	for (size_t i = 0; i < t->page->row_count; i++) {
		t->culprit = t->page->rows[i].index;
		misfit why = item_open(&t->page->rows[i], &a->rows[i].item);
		if (why)
			return why;
	}
	a->row_count = t->page->row_count;
	for (size_t i = 0; i < a->row_count; i++) {
		t->culprit = a->rows[i].item.shown->index;
		misfit why = row_fits(t, i);
		if (why)
			return why;
	}
	return NULL;
}

/* ---- the page ---- */

static void drop_page(struct answer *a)
{
	for (size_t i = 0; i < a->named_count; i++)
		free(a->named[i].name);
	free(a->named);
	free(a->rows);
	a->named = NULL;
	a->rows = NULL;
	a->named_count = a->row_count = 0;
}

static bool make_room(struct answer *a, const struct rows *page)
{
	a->rows = calloc(page->row_count + 1, sizeof *a->rows);
	a->named = calloc(page->named_count + 1, sizeof *a->named);
	return a->rows && a->named;
}

enum trail_err answer_see(
	struct answer *a, const struct rows *page, struct trust *trust, struct fault *fault)
{
	struct checkpoint cp;
	drop_page(a);
	if (a->question.paging.size != 0)
		return TRAIL_OK;
	enum trail_err err = trust_see(trust, page->checkpoint, &cp, fault);
	if (err != TRAIL_OK)
		return err;
	if (cp.size < a->floor || cp.size < a->cp.size)
		return fault_set(fault, TRAIL_CORRUPT,
			"%s shrank: it answers from %" PRIu64 " records, more were seen before",
			cp.origin, cp.size);
	a->cp = cp;
	return TRAIL_OK;
}

static misfit judge(struct trial *t)
{
	misfit why = sizes_fit(t);
	if (!why) {
		bound(t);
		why = position_fits(t);
	}
	if (!why)
		why = counts_fit(t);
	if (!why)
		why = end_fits(t);
	if (!why)
		why = take_named(t);
	return why ? why : take_rows(t);
}

/* What a page that fits says of where the answer stands. */
static void go_on(struct answer *a, const struct rows *page)
{
	a->begun = true;
	a->note = page->checkpoint;
	a->done = page->done;
	a->read = page->read;
	a->matched = page->matched;
	a->position = page->position;
	a->completeness = page->completeness;
	a->counts = page->counts;
	a->count_count = page->count_count;
	if (page->next.len != 0)
		memcpy(a->next, page->next.data, page->next.len);
	a->question.paging.next = span_of(a->next, page->next.len);
	if (!answer_follows(a))
		a->question.paging.size = a->cp.size;
}

enum trail_err answer_take(struct answer *a, const struct rows *page,
	const struct log_identity *identity, struct fault *fault)
{
	struct trial t = { .a = a, .page = page, .identity = identity, .culprit = NOWHERE };
	if (!make_room(a, page))
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	misfit why = judge(&t);
	if (!why && !a->book.failed) {
		go_on(a, page);
		return TRAIL_OK;
	}
	drop_page(a);
	if (!why)
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	if (t.culprit == NOWHERE)
		return fault_set(fault, TRAIL_CORRUPT,
			"a page of the answer does not verify: %s; do not trust this answer", why);
	return fault_set(fault, TRAIL_CORRUPT,
		"record %" PRIu64 " does not verify: %s; do not trust this answer", t.culprit, why);
}

void answer_release(struct answer *a)
{
	drop_page(a);
	name_book_release(&a->book);
}
