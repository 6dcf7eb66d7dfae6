/* SPDX-License-Identifier: Apache-2.0 */
#include "piece.h"

#include "../../proto/crypto.h"

#include <unistd.h>

bool piece_maker_open(struct piece_maker *m, struct store *store, struct catalog *catalog)
{
	*m = (struct piece_maker){
		.gather = { .store = store, .chunker = chunker_new() },
		.run = run_new(),
		.folder = catalog_folder(catalog),
		.key = catalog_key(catalog),
		.genesis = catalog_genesis(catalog),
	};
	return m->gather.chunker && m->run;
}

void piece_maker_close(struct piece_maker *m)
{
	run_free(m->run);
	chunker_free(m->gather.chunker);
	m->run = NULL;
	m->gather.chunker = NULL;
}

struct segment_place piece_place(const struct gather_part *part, uint64_t from, uint64_t to)
{
	struct segment_place place = { part->class_no, part->month, from, to, 0 };
	crypto_random(&place.serial, sizeof place.serial);
	return place;
}

void piece_begin(struct piece *p, uint64_t from, uint64_t end)
{
	uint64_t most = from + PIECE_RECORDS;
	*p = (struct piece){ .range = { .from = from, .to = end < most ? end : most } };
}

static enum trail_err write_run(const struct piece_maker *m, const struct segment_place *place)
{
	struct segment_sum sum = {
		.records = run_records(m->run),
		.losses = run_losses(m->run),
	};
	struct segment_writer *w = segment_write_begin(m->folder, m->key, m->genesis, place);
	if (!w)
		return TRAIL_NOMEM;
	if (run_write(m->run, w))
		return segment_write_end(w, &sum);
	segment_write_abort(w);
	return TRAIL_NOMEM;
}

/* The run of one class and month of a range as a segment; *made: whether it has anything. */
static enum trail_err make_run(
	struct piece_maker *m, struct db_txn *txn, const struct segment_place *place, bool *made)
{
	const struct gather_part part = { place->class_no, place->month };
	run_clear(m->run);
	enum trail_err err = gather_run(&m->gather, txn, &part, place->from, place->to, m->run);
	*made = !err && run_records(m->run) > 0;
	return *made ? write_run(m, place) : err;
}

static enum trail_err make_parts(
	struct piece_maker *m, struct db_txn *txn, struct piece *p, const struct gather_part *only)
{
	const struct gather_range *range = &p->range;
	enum trail_err err = TRAIL_OK;
	for (size_t i = 0; i < range->count && !err; i++) {
		const struct gather_part *part = &range->parts[i];
		bool made;
		if (only && (part->class_no != only->class_no || part->month != only->month))
			continue;
		p->places[p->count] = piece_place(part, range->from, range->to);
		err = make_run(m, txn, &p->places[p->count], &made);
		p->count += !err && made;
	}
	if (err)
		piece_discard(m, p);
	return err;
}

static enum trail_err begin(struct piece_maker *m, struct db_txn **txn)
{
	/* The head first: the transaction then sees at least what it covers. */
	if (!store_head(m->gather.store, &m->gather.head))
		return TRAIL_IO;
	*txn = db_begin(store_db(m->gather.store), false);
	return *txn ? TRAIL_OK : TRAIL_NOMEM;
}

enum trail_err piece_judge(struct piece_maker *m, struct piece *p)
{
	struct db_txn *txn;
	enum trail_err err = begin(m, &txn);
	if (err)
		return err;
	err = gather_judge(&m->gather, txn, &p->range);
	db_abort(txn);
	return err;
}

enum trail_err piece_make(struct piece_maker *m, struct piece *p, const struct gather_part *only)
{
	struct db_txn *txn;
	enum trail_err err = begin(m, &txn);
	run_clear(m->run);
	if (err)
		return err;
	err = gather_judge(&m->gather, txn, &p->range);
	if (!err)
		err = make_parts(m, txn, p, only);
	db_abort(txn);
	return err;
}

void piece_discard(const struct piece_maker *m, struct piece *p)
{
	char name[SEGMENT_NAME_MAX];
	for (size_t i = 0; i < p->count; i++) {
		segment_name(p->places[i].serial, name);
		(void)unlinkat(m->folder, name, 0);
	}
	p->count = 0;
}
