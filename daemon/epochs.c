/* SPDX-License-Identifier: Apache-2.0 */
#include "epochs.h"

#include "notify.h"

#include <search.h>
#include <stdlib.h>

struct epoch_source {
	uint64_t index;
	uint64_t floor;
	bool floor_dirty;
	uint32_t open; /* epochs in the order of use: what may be pushed out */
	uint32_t imports;
	struct epoch *newest, *oldest;
	struct epoch_source *next;
};

struct epochs {
	void *epochs;  /* of struct epoch by (source, number), tsearch(3) */
	void *sources; /* of struct epoch_source by index, tsearch(3) */
	struct epoch_source *all;
	struct epoch *dirty;
	struct epoch *gone; /* closed or pushed out; their rows are to be deleted */
};

static int compare_source(const void *a, const void *b)
{
	uint64_t x = ((const struct epoch_source *)a)->index;
	uint64_t y = ((const struct epoch_source *)b)->index;
	return x < y ? -1 : x > y;
}

static int compare_epoch(const void *a, const void *b)
{
	const struct epoch *x = a;
	const struct epoch *y = b;
	if (x->source->index != y->source->index)
		return x->source->index < y->source->index ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

struct epochs *epochs_new(void)
{
	return calloc(1, sizeof(struct epochs));
}

void epochs_free(struct epochs *e)
{
	if (!e)
		return;
	while (e->gone) {
		struct epoch *next = e->gone->next_dirty;
		free(e->gone);
		e->gone = next;
	}
	tdestroy(e->epochs, free);
	tdestroy(e->sources, free);
	free(e);
}

/* ---- finding ---- */

static struct epoch_source *find_source(struct epochs *e, uint64_t index)
{
	struct epoch_source wanted = { .index = index };
	void *found = tfind(&wanted, &e->sources, compare_source);
	return found ? *(struct epoch_source **)found : NULL;
}

static struct epoch_source *need_source(struct epochs *e, uint64_t index)
{
	struct epoch_source *s = find_source(e, index);
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->index = index;
	if (!tsearch(s, &e->sources, compare_source)) {
		free(s);
		return NULL;
	}
	s->next = e->all;
	e->all = s;
	return s;
}

struct epoch *epochs_find(struct epochs *e, uint64_t source, uint64_t number)
{
	struct epoch_source s = { .index = source };
	struct epoch wanted = { .source = &s, .number = number };
	void *found = tfind(&wanted, &e->epochs, compare_epoch);
	return found ? *(struct epoch **)found : NULL;
}

uint64_t epochs_floor(struct epochs *e, uint64_t source)
{
	const struct epoch_source *s = find_source(e, source);
	return s ? s->floor : 0;
}

uint64_t epoch_source_index(const struct epoch *epoch)
{
	return epoch->source->index;
}

/* ---- the order of use: epochs that can be pushed out, newest first ---- */

static bool is_import(const struct epoch *epoch)
{
	return (epoch->number & EPOCH_IMPORT_BIT) != 0;
}

static bool in_order(const struct epoch *epoch)
{
	return epoch->number != 0 && !is_import(epoch);
}

static void order_out(struct epoch *epoch)
{
	struct epoch_source *s = epoch->source;
	if (epoch->newer)
		epoch->newer->older = epoch->older;
	else
		s->newest = epoch->older;
	if (epoch->older)
		epoch->older->newer = epoch->newer;
	else
		s->oldest = epoch->newer;
	epoch->newer = NULL;
	epoch->older = NULL;
}

static void order_in_front(struct epoch *epoch)
{
	struct epoch_source *s = epoch->source;
	epoch->newer = NULL;
	epoch->older = s->newest;
	if (s->newest)
		s->newest->newer = epoch;
	else
		s->oldest = epoch;
	s->newest = epoch;
}

/* At load: find its place among those of its source by when they were heard. */
static void order_by_time(struct epoch *epoch)
{
	struct epoch_source *s = epoch->source;
	struct epoch *at = s->newest; /* the first that is older than epoch */
	struct epoch *before = NULL;
	while (at && at->row.last_ns > epoch->row.last_ns) {
		before = at;
		at = at->older;
	}
	epoch->newer = before;
	epoch->older = at;
	if (before)
		before->older = epoch;
	else
		s->newest = epoch;
	if (at)
		at->newer = epoch;
	else
		s->oldest = epoch;
}

/* ---- making and ending ---- */

static struct epoch *make(struct epochs *e, struct epoch_source *s, uint64_t number)
{
	struct epoch *epoch = calloc(1, sizeof *epoch);
	if (!epoch)
		return NULL;
	epoch->source = s;
	epoch->number = number;
	if (!tsearch(epoch, &e->epochs, compare_epoch)) {
		free(epoch);
		return NULL;
	}
	if (is_import(epoch))
		s->imports++;
	else if (in_order(epoch))
		s->open++;
	return epoch;
}

static void mark_dirty(struct epochs *e, struct epoch *epoch)
{
	if (epoch->dirty)
		return;
	epoch->dirty = true;
	epoch->next_dirty = e->dirty;
	e->dirty = epoch;
}

static void unmark_dirty(struct epochs *e, const struct epoch *epoch)
{
	struct epoch **at = &e->dirty;
	while (*at && *at != epoch)
		at = &(*at)->next_dirty;
	if (*at)
		*at = epoch->next_dirty;
}

/* Unknown from now on; its row goes with the next write. */
static void forget(struct epochs *e, struct epoch *epoch)
{
	struct epoch_source *s = epoch->source;
	if (epoch->dirty)
		unmark_dirty(e, epoch);
	order_out(epoch);
	s->open--;
	if (epoch->number > s->floor) {
		s->floor = epoch->number;
		s->floor_dirty = true;
	}
	(void)tdelete(epoch, &e->epochs, compare_epoch);
	epoch->next_dirty = e->gone;
	e->gone = epoch;
}

/* One of the source's epochs must go for a new one. */
static void push_out(struct epochs *e, struct epoch_source *s, struct epoch *pushed)
{
	struct epoch *victim = s->oldest;
	while (victim != s->newest && !epoch_only_claimed(victim))
		victim = victim->newer;
	if (victim == s->newest) {
		*pushed = *s->oldest;
		forget(e, s->oldest);
		return;
	}
	if (victim->dirty)
		unmark_dirty(e, victim);
	order_out(victim);
	s->open--;
	(void)tdelete(victim, &e->epochs, compare_epoch);
	free(victim);
}

enum trail_err epochs_open(struct epochs *e, uint64_t source, uint64_t number, struct epoch **out,
	struct epoch *pushed)
{
	bool import = (number & EPOCH_IMPORT_BIT) != 0;
	struct epoch_source *s = need_source(e, source);
	pushed->source = NULL;
	if (!s)
		return TRAIL_NOMEM;
	if (number != 0 && !import && number <= s->floor)
		return TRAIL_CLOSED;
	if (import && s->imports >= EPOCHS_IMPORT_MAX)
		return TRAIL_FULL;
	struct epoch *epoch = make(e, s, number);
	if (!epoch)
		return TRAIL_NOMEM;
	if (in_order(epoch))
		order_in_front(epoch);
	if (s->open > EPOCHS_OPEN_MAX)
		push_out(e, s, pushed);
	*out = epoch;
	return TRAIL_OK;
}

void epochs_heard(struct epochs *e, struct epoch *epoch, uint64_t now_ns, uint64_t made)
{
	struct epoch_row *row = &epoch->row;
	if (now_ns > row->last_ns)
		row->last_ns = now_ns;
	if (made > row->made)
		row->made = made;
	if (row->made <= row->last)
		epoch->behind_ns = 0;
	else if (epoch->behind_ns == 0)
		epoch->behind_ns = now_ns;
	if (row->state == EPOCH_OPEN_END)
		row->state = EPOCH_OPEN;
	if (in_order(epoch) && epoch->newer) {
		order_out(epoch);
		order_in_front(epoch);
	}
	/* One that is only claimed may be dropped without a word, so it must have no row. */
	if (!epoch_only_claimed(epoch))
		mark_dirty(e, epoch);
}

void epochs_stored(struct epochs *e, struct epoch *epoch, uint64_t count, uint64_t lost,
	uint64_t first_index, uint64_t last_index)
{
	struct epoch_row *row = &epoch->row;
	row->last += lost + count;
	row->holes += lost;
	if (row->first_index == 0) /* index 0 is the genesis entry, never an event */
		row->first_index = first_index;
	row->last_index = last_index;
	if (row->made <= row->last)
		epoch->behind_ns = 0;
	mark_dirty(e, epoch);
}

void epochs_close(struct epochs *e, struct epoch *epoch)
{
	if (!is_import(epoch)) {
		forget(e, epoch);
		return;
	}
	epoch->row.state = EPOCH_CLOSED;
	mark_dirty(e, epoch);
}

static bool silent(const struct epoch *epoch, uint64_t now_ns)
{
	return epoch->row.state == EPOCH_OPEN && now_ns > epoch->row.last_ns &&
		now_ns - epoch->row.last_ns > (uint64_t)SILENT_AFTER_S * 1000000000;
}

struct silence {
	uint64_t now_ns;
	struct epoch **found;
	size_t count, most;
};

static void look_for_silent(const void *node, VISIT visit, void *ctx)
{
	struct silence *s = ctx;
	struct epoch *epoch = *(struct epoch *const *)node;
	if (s->count < s->most && (visit == postorder || visit == leaf) && epoch->number != 0 &&
		!epoch_only_claimed(epoch) && silent(epoch, s->now_ns))
		s->found[s->count++] = epoch;
}

size_t epochs_take_silent(struct epochs *e, uint64_t now_ns, struct epoch **found, size_t most)
{
	struct silence s = { .now_ns = now_ns, .found = found, .most = most };
	twalk_r(e->epochs, look_for_silent, &s);
	for (size_t i = 0; i < s.count; i++) {
		found[i]->row.state = EPOCH_OPEN_END;
		mark_dirty(e, found[i]);
	}
	return s.count;
}

/* ---- rows ---- */

static enum trail_err load_row(struct epochs *e, struct span key, struct span value)
{
	if (key.len != KEY_INDEX_LEN && key.len != KEY_SOURCE_LEN)
		return TRAIL_CORRUPT;
	struct epoch_source *s = need_source(e, load_be64(key.data));
	if (!s)
		return TRAIL_NOMEM;
	if (key.len == KEY_INDEX_LEN)
		return floor_row_decode(s->index, value, &s->floor) ? TRAIL_OK : TRAIL_CORRUPT;
	struct epoch *epoch = make(e, s, load_be64(key.data + 8));
	if (!epoch)
		return TRAIL_NOMEM;
	if (!epoch_row_decode(s->index, epoch->number, value, &epoch->row))
		return TRAIL_CORRUPT;
	if (epoch->row.made > epoch->row.last)
		epoch->behind_ns = epoch->row.last_ns;
	if (in_order(epoch))
		order_by_time(epoch);
	return TRAIL_OK;
}

enum trail_err epochs_load(struct epochs *e, struct db_txn *txn)
{
	struct span key, value;
	bool more = db_ceiling(txn, TABLE_SOURCE, span_of(NULL, 0), &key, &value);
	for (; more; more = db_next(txn, TABLE_SOURCE, &key, &value)) {
		enum trail_err err = load_row(e, key, value);
		if (err != TRAIL_OK)
			return err;
		notify_progress();
	}
	return db_error(txn);
}

bool epochs_must_write(const struct epochs *e)
{
	if (e->gone)
		return true;
	for (const struct epoch *epoch = e->dirty; epoch; epoch = epoch->next_dirty) {
		if (epoch->row.state == EPOCH_CLOSED)
			return true;
	}
	return false;
}

static void write_gone(struct epochs *e, struct db_txn *txn)
{
	while (e->gone) {
		struct epoch *epoch = e->gone;
		uint8_t key[KEY_SOURCE_LEN];
		key_source(epoch->source->index, epoch->number, key);
		db_delete(txn, TABLE_SOURCE, span_of(key, sizeof key));
		e->gone = epoch->next_dirty;
		free(epoch);
	}
}

static void write_dirty(struct epochs *e, struct db_txn *txn)
{
	while (e->dirty) {
		struct epoch *epoch = e->dirty;
		uint8_t key[KEY_SOURCE_LEN];
		uint8_t row[EPOCH_ROW_LEN];
		key_source(epoch->source->index, epoch->number, key);
		epoch_row_encode(epoch->source->index, epoch->number, &epoch->row, row);
		db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(row, sizeof row));
		epoch->dirty = false;
		e->dirty = epoch->next_dirty;
	}
}

void epochs_write(struct epochs *e, struct db_txn *txn)
{
	bool floors = e->gone != NULL;
	write_gone(e, txn);
	write_dirty(e, txn);
	for (struct epoch_source *s = e->all; floors && s; s = s->next) {
		uint8_t key[KEY_INDEX_LEN];
		uint8_t row[FLOOR_ROW_LEN];
		if (!s->floor_dirty)
			continue;
		key_index(s->index, key);
		floor_row_encode(s->index, s->floor, row);
		db_put(txn, TABLE_SOURCE, span_of(key, sizeof key), span_of(row, sizeof row));
		s->floor_dirty = false;
	}
}

struct tally {
	uint64_t now_ns;
	struct epochs_sum sum;
	const struct epoch_source *behind; /* counted last: a source's epochs come in a row */
};

static void tally_one(const void *node, VISIT visit, void *ctx)
{
	struct tally *t = ctx;
	struct epochs_sum *sum = &t->sum;
	const struct epoch *epoch = *(struct epoch *const *)node;
	if ((visit != postorder && visit != leaf) || epoch_only_claimed(epoch))
		return;
	const struct epoch_row *row = &epoch->row;
	bool open_end = row->state == EPOCH_OPEN_END;
	bool pending = row->state == EPOCH_OPEN && epoch->number != 0 && epoch->behind_ns != 0 &&
		t->now_ns > epoch->behind_ns &&
		t->now_ns - epoch->behind_ns > (uint64_t)GAP_PENDING_AFTER_S * 1000000000;
	sum->open += epoch->number != 0 && row->state != EPOCH_CLOSED;
	sum->open_ends += open_end;
	sum->lost += row->holes;
	sum->pending += pending;
	if (pending)
		sum->missing += row->made - row->last;
	if ((pending || open_end) && t->behind != epoch->source) {
		sum->sources_behind++;
		t->behind = epoch->source;
	}
}

struct epochs_sum epochs_count(struct epochs *e, uint64_t now_ns)
{
	struct tally t = { .now_ns = now_ns };
	twalk_r(e->epochs, tally_one, &t);
	return t.sum;
}
