/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State rows: each decodes, and says what the records of its epoch give. What no record proves
 * (when a source was last heard, what it said it gave out, that an epoch was closed) rests on the
 * row's checksum alone.
 */
#include "check_lanes.h"

struct source_check {
	struct scan *scan;
	bool broken;                 /* records are missing: rows cannot be compared with them */
	struct index_set with_floor; /* sources that have a floor row, and their floors */
	struct index_set floors;
};

static uint64_t floor_of(const struct source_check *c, uint64_t source)
{
	for (size_t low = 0, high = c->with_floor.count; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (c->with_floor.list[middle] == source)
			return c->floors.list[middle];
		if (c->with_floor.list[middle] < source)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static void bad_row(const struct source_check *c, uint64_t source, const char *what)
{
	scan_find(c->scan, FIND_SOURCE_ROW, FINDING_NOWHERE,
		"%s of source %llu is malformed or its checksum does not fit; restore the store",
		what, (unsigned long long)source);
}

static void take_floor(struct source_check *c, uint64_t source, struct span value)
{
	uint64_t floor;
	if (!floor_row_decode(source, value, &floor)) {
		bad_row(c, source, "the floor row");
		return;
	}
	if ((floor & EPOCH_IMPORT_BIT) != 0)
		scan_find(c->scan, FIND_SOURCE_STATE, FINDING_NOWHERE,
			"the floor of source %llu is an import epoch, which is never pushed out",
			(unsigned long long)source);
	if (!index_set_add(&c->with_floor, source) || !index_set_add(&c->floors, floor))
		scan_nomem();
}

/* An epoch that was opened and never written to has a row and no records. */
static bool row_is_bare(const struct epoch_row *row)
{
	return row->last == 0 && row->holes == 0 && row->first_index == 0 && row->last_index == 0;
}

static bool row_fits(const struct epoch_row *row, const struct epoch_seen *seen)
{
	return row->peer == seen->peer && row->last == seen->last && row->holes == seen->holes &&
		row->first_index == seen->first_index && row->last_index == seen->last_index;
}

static void compare(
	struct source_check *c, uint64_t source, uint64_t epoch, const struct epoch_row *row)
{
	struct epoch_seen *seen = numbers_find(c->scan->spine.numbers, source, epoch);
	if (!seen && !row_is_bare(row))
		scan_find(c->scan, FIND_SOURCE_EXTRA, FINDING_NOWHERE,
			"the state row of source %llu, epoch %llu counts records that the log does "
			"not hold; restore the store",
			(unsigned long long)source, (unsigned long long)epoch);
	if (!seen)
		return;
	seen->row = true;
	if (!row_fits(row, seen))
		scan_find(c->scan, FIND_SOURCE_STATE, FINDING_NOWHERE,
			"the state row of source %llu, epoch %llu says last %llu, holes %llu; the "
			"records give %llu and %llu; restore the store",
			(unsigned long long)source, (unsigned long long)epoch,
			(unsigned long long)row->last, (unsigned long long)row->holes,
			(unsigned long long)seen->last, (unsigned long long)seen->holes);
}

static void take_epoch(struct source_check *c, uint64_t source, uint64_t epoch, struct span value)
{
	struct epoch_row row;
	if (!epoch_row_decode(source, epoch, value, &row)) {
		bad_row(c, source, "a state row");
		return;
	}
	bool import = (epoch & EPOCH_IMPORT_BIT) != 0;
	/* Nobody owns epoch 0, nor one that was only claimed yet. */
	bool owned = row.peer != 0;
	if ((row.state == EPOCH_CLOSED && !import) || (epoch == 0 && owned) ||
		(epoch != 0 && !owned && !row_is_bare(&row)))
		scan_find(c->scan, FIND_SOURCE_STATE, FINDING_NOWHERE,
			"the state row of source %llu, epoch %llu is closed or owned as no such "
			"epoch can be",
			(unsigned long long)source, (unsigned long long)epoch);
	if (c->broken)
		return;
	if (row.peer != 0 && !index_set_has(&c->scan->spine.peers, row.peer))
		scan_find(c->scan, FIND_SOURCE_STATE, FINDING_NOWHERE,
			"the state row of source %llu, epoch %llu belongs to peer %llu, which the "
			"log does not know",
			(unsigned long long)source, (unsigned long long)epoch,
			(unsigned long long)row.peer);
	compare(c, source, epoch, &row);
}

static void take_row(struct source_check *c, const struct walk *walk)
{
	uint64_t source = load_be64(walk->key.data);
	if (!c->broken && !index_set_has(&c->scan->spine.sources, source))
		scan_find(c->scan, FIND_SOURCE_EXTRA, FINDING_NOWHERE,
			"a state row of source %llu, which the log does not know; restore the "
			"store",
			(unsigned long long)source);
	if (walk->key.len == KEY_INDEX_LEN)
		take_floor(c, source, walk->value);
	else
		take_epoch(c, source, load_be64(walk->key.data + 8), walk->value);
}

/* Closed epochs lose their rows, and the floor tells that they are over; others keep them. */
static void demand_row(void *ctx, const struct epoch_seen *seen)
{
	const struct source_check *c = ctx;
	bool import = (seen->epoch & EPOCH_IMPORT_BIT) != 0;
	if (seen->row || seen->source == 0)
		return;
	if (seen->epoch != 0 && !import && seen->epoch <= floor_of(c, seen->source))
		return;
	scan_find(c->scan, FIND_SOURCE_MISSING, FINDING_NOWHERE,
		"source %llu, epoch %llu has records and no state row: numbers could be stored "
		"twice; restore the store",
		(unsigned long long)seen->source, (unsigned long long)seen->epoch);
}

void check_source(struct scan *scan, bool broken)
{
	struct source_check c = { .scan = scan, .broken = broken };
	struct walk walk;
	walk_begin(&walk, scan, scan->txn, TABLE_SOURCE, span_of(NULL, 0));
	while (walk_next(&walk))
		take_row(&c, &walk);
	walk_count(&walk);
	if (!broken)
		numbers_each(scan->spine.numbers, demand_row, &c);
	index_set_release(&c.with_floor);
	index_set_release(&c.floors);
}
