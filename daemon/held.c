/* SPDX-License-Identifier: Apache-2.0 */
#include "held.h"

/* One epoch of one source, and how much of the spine may still be looked at. */
struct hunt {
	struct db_txn *txn;
	uint64_t source;
	uint64_t epoch;
	uint64_t budget;
};

/*
 * The first record of the epoch in [from, to]. TRAIL_END: there is none. TRAIL_MORE: budget spent.
 */
static enum trail_err first_of(
	struct hunt *h, uint64_t from, uint64_t to, uint64_t *index, uint64_t *seq)
{
	while (from <= to) {
		uint64_t more;
		const uint8_t *bytes = store_record(h->txn, from, &more);
		if (!bytes)
			return db_error(h->txn) == TRAIL_OK ? TRAIL_CORRUPT : db_error(h->txn);
		for (; more > 0 && from <= to; more--, from++, bytes += RECORD_LEN) {
			if (h->budget-- == 0)
				return TRAIL_MORE;
			if (bytes[1] != KIND_EVENT || load_be64(bytes + 8) != h->source ||
				load_be64(bytes + 32) != h->epoch)
				continue;
			*index = from;
			*seq = load_be64(bytes + 40);
			return TRAIL_OK;
		}
	}
	return TRAIL_END;
}

/* Where it would be if nothing else stood between, which is right for whoever writes in bursts. */
static uint64_t guess(uint64_t low, uint64_t high, const struct epoch_row *row, uint64_t seq)
{
	uint64_t back = row->last - seq;
	if (row->last_index == high && back <= high - low)
		return high - back;
	return low + (high - low) / 2;
}

enum trail_err held_find(struct db_txn *txn, uint64_t source, uint64_t epoch,
	const struct epoch_row *row, uint64_t seq, uint64_t from, uint64_t *index)
{
	struct hunt h = { .txn = txn, .source = source, .epoch = epoch, .budget = HELD_SCAN_MAX };
	uint64_t low = from;
	uint64_t high = row->last_index;
	uint64_t at = from > row->first_index ? from : guess(low, high, row, seq);
	while (low <= high) {
		uint64_t found = 0;
		uint64_t found_seq = 0;
		enum trail_err err = first_of(&h, at, high, &found, &found_seq);
		if (err != TRAIL_OK && err != TRAIL_END)
			return err;
		if (err == TRAIL_OK && found_seq == seq) {
			*index = found;
			return TRAIL_OK;
		}
		if (err == TRAIL_OK && found_seq < seq)
			low = found + 1;
		else if (at == low)
			return TRAIL_END;
		else
			high = at - 1;
		at = low + (high - low) / 2;
	}
	return TRAIL_END;
}

enum trail_err held_compare(struct db_txn *txn, uint64_t index, struct span payload,
	uint8_t salt[SALT_LEN])
{
	struct record r;
	struct span chunk;
	uint64_t first;
	const uint8_t *stored;
	struct hash commitment;
	const uint8_t *bytes = store_record(txn, index, NULL);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	if (!store_chunk(txn, r.class_no, index, &first, &chunk))
		return db_error(txn) == TRAIL_OK ? TRAIL_END : db_error(txn);
	enum trail_err err = chunk_salt(chunk, first, index, &stored);
	if (err != TRAIL_OK)
		return err;
	record_commitment(stored, payload, &commitment);
	memcpy(salt, stored, SALT_LEN);
	return hash_equal(&commitment, &r.commitment) ? TRAIL_OK : TRAIL_CONFLICT;
}
