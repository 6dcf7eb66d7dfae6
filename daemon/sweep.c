/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

void sweep_begin(
	struct sweep *sweep, struct store *store, struct db_txn *txn, struct chunker *chunker)
{
	*sweep = (struct sweep){ .store = store, .txn = txn, .chunker = chunker };
}

const uint8_t *sweep_record(struct sweep *sweep, uint64_t index)
{
	if (index < sweep->row_first || index >= sweep->row_end) {
		struct span run;
		uint64_t first;
		if (!store_run(sweep->txn, index, &first, &run))
			return NULL;
		sweep->row = run.data;
		sweep->row_first = first;
		sweep->row_end = first + run.len / RECORD_LEN;
	}
	return sweep->row + (index - sweep->row_first) * RECORD_LEN;
}

/* Open the chunk that holds record `index`, if one does: the last that begins at or before it. */
static enum trail_err open_chunk(struct sweep *sweep, uint64_t index, uint32_t class_no)
{
	struct record first;
	struct chunk_place *place = &sweep->place;
	place->genesis = store_genesis(sweep->store);
	place->class_no = class_no;
	sweep->open = false;
	if (!store_chunk(sweep->txn, class_no, index, &place->first, &sweep->chunk))
		return db_error(sweep->txn) == TRAIL_OK ? TRAIL_END : TRAIL_CORRUPT;
	const uint8_t *bytes = store_record(sweep->txn, place->first, NULL);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &first);
	place->month = month_of(first.received_ns);
	enum trail_err err =
		chunk_unpack(sweep->chunker, place->first, sweep->chunk, &sweep->chunk_count);
	if (err)
		return err;
	sweep->open = true;
	sweep->chunk_last = chunk_item(sweep->chunker, sweep->chunk_count - 1).index;
	return TRAIL_OK;
}

/* Items ascend by index. False: the chunk does not hold it. */
static bool find_item(const struct sweep *sweep, uint64_t index, struct chunk_item *out)
{
	size_t low = 0, high = sweep->chunk_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		*out = chunk_item(sweep->chunker, middle);
		if (out->index == index)
			return true;
		if (out->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static enum trail_err from_chunk(struct sweep *sweep, uint64_t index, const struct record *r,
	struct span *salt, struct span *payload)
{
	struct chunk_item item;
	bool at_hand = sweep->open && sweep->place.class_no == r->class_no &&
		index >= sweep->place.first && index <= sweep->chunk_last;
	enum trail_err err = at_hand ? TRAIL_OK : open_chunk(sweep, index, r->class_no);
	if (err)
		return err;
	/*
	 * What is found must open its record's commitment. What is not may have been: the tag tells
	 * a chunk without the record from one that is damaged, and is bound to the month of its own
	 * first record, which need not be that of `index`.
	 */
	if (!find_item(sweep, index, &item))
		return chunk_intact(&sweep->place, sweep->chunk) ? TRAIL_END : TRAIL_CORRUPT;
	*salt = span_of(item.salt, SALT_LEN);
	*payload = item.payload;
	return TRAIL_OK;
}

enum trail_err sweep_payload(struct sweep *sweep, uint64_t index, const struct record *r,
	struct span *salt, struct span *payload)
{
	struct hash commitment;
	bool chunked = r->kind == KIND_EVENT || r->kind == KIND_PEER;
	enum trail_err err = chunked ? from_chunk(sweep, index, r, salt, payload)
				     : store_control(sweep->txn, index, r->kind, salt, payload);
	if (err)
		return err;
	record_commitment(salt->data, *payload, &commitment);
	return hash_equal(&commitment, &r->commitment) ? TRAIL_OK : TRAIL_CORRUPT;
}
