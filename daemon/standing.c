/* SPDX-License-Identifier: Apache-2.0 */
#include "standing.h"

/*
 * What it gave out is not here, and not because it is on its way. False: the row speaks of a record
 * that is not there.
 */
static bool add_missing(
	struct db_txn *txn, const struct epoch_row *row, uint64_t now_ns, struct source_standing *s)
{
	uint64_t since = row->last_ns;
	if (row->made <= row->last || row->state != EPOCH_OPEN)
		return true;
	if (row->last != 0) {
		struct record r;
		const uint8_t *bytes = store_record(txn, row->last_index, NULL);
		if (!bytes)
			return false;
		record_decode(bytes, &r);
		since = r.received_ns;
	}
	if (now_ns > since && now_ns - since > UINT64_C(1000000000) * MISSING_AFTER_S)
		s->missing += row->made - row->last;
	return true;
}

/* False: as above. */
static bool add_epoch(struct db_txn *txn, uint64_t epoch, const struct epoch_row *row,
	uint64_t now_ns, struct source_standing *s)
{
	bool import = (epoch & EPOCH_IMPORT_BIT) != 0;
	s->imports += import;
	s->open += !import && epoch != 0 && row->state == EPOCH_OPEN;
	s->open_ends += row->state == EPOCH_OPEN_END;
	s->lost += row->holes;
	if (row->last_ns > s->heard_ns)
		s->heard_ns = row->last_ns;
	if (row->last_index > s->newest)
		s->newest = row->last_index;
	return add_missing(txn, row, now_ns, s);
}

bool standing_next(struct db_txn *txn, uint64_t after, uint64_t now_ns, struct source_standing *out,
	bool *damaged)
{
	uint8_t from[KEY_INDEX_LEN];
	struct span key, value;
	if (after == UINT64_MAX)
		return false;
	key_index(after + 1, from);
	bool more = db_ceiling(txn, TABLE_SOURCE, span_of(from, sizeof from), &key, &value);
	if (!more)
		return false;
	if (key.len < KEY_INDEX_LEN) {
		*damaged = true;
		return false;
	}
	*out = (struct source_standing){ .source = load_be64(key.data) };
	for (; more && key.len >= KEY_INDEX_LEN && load_be64(key.data) == out->source;
		more = db_next(txn, TABLE_SOURCE, &key, &value)) {
		struct epoch_row row;
		if (key.len != KEY_SOURCE_LEN)
			continue; /* the floor row says nothing here */
		uint64_t epoch = load_be64(key.data + KEY_INDEX_LEN);
		if (!epoch_row_decode(out->source, epoch, value, &row) ||
			!add_epoch(txn, epoch, &row, now_ns, out)) {
			*damaged = true;
			return false;
		}
	}
	return true;
}
