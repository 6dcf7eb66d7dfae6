/* SPDX-License-Identifier: Apache-2.0 */
#include "held.h"

#include "sweep.h"

/*
 * The first record of the epoch in [from, to]. TRAIL_END: there is none. TRAIL_MORE: budget spent.
 */
static enum trail_err first_of(
	struct held_hunt *h, uint64_t from, uint64_t to, uint64_t *index, uint64_t *seq)
{
	while (from <= to) {
		uint64_t more;
		const uint8_t *bytes = store_record(h->txn, from, &more);
		if (!bytes)
			return db_error(h->txn) == TRAIL_OK ? TRAIL_CORRUPT : db_error(h->txn);
		for (; more > 0 && from <= to; more--, from++, bytes += RECORD_LEN) {
			if (h->budget == 0)
				return TRAIL_MORE;
			h->budget--;
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

enum trail_err held_find(struct held_hunt *hunt, uint64_t seq, uint64_t from, uint64_t *index)
{
	const struct epoch_row *row = hunt->row;
	uint64_t low = from;
	uint64_t high = row->last_index;
	uint64_t at = from > row->first_index ? from : guess(low, high, row, seq);
	while (low <= high) {
		uint64_t found = 0;
		uint64_t found_seq = 0;
		enum trail_err err = first_of(hunt, at, high, &found, &found_seq);
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

/* The salt as it stands is not checked by itself: a wrong one opens no commitment. */
static enum trail_err stored_salt(
	struct db_txn *txn, uint32_t class_no, uint64_t index, uint8_t salt[SALT_LEN])
{
	struct span chunk;
	uint64_t first;
	const uint8_t *stored;
	if (!store_chunk(txn, class_no, index, &first, &chunk))
		return db_error(txn) == TRAIL_OK ? TRAIL_END : db_error(txn);
	enum trail_err err = chunk_salt(chunk, first, index, &stored);
	if (err == TRAIL_OK)
		memcpy(salt, stored, SALT_LEN);
	return err;
}

enum trail_err held_compare(struct store *store, struct db_txn *txn, struct chunker *chunker,
	uint64_t index, struct span payload, uint8_t salt[SALT_LEN])
{
	struct record r;
	struct hash commitment;
	struct span kept_salt, kept_payload;
	struct sweep sweep;
	const uint8_t *bytes = store_record(txn, index, NULL);
	if (!bytes)
		return db_error(txn) == TRAIL_OK ? TRAIL_CORRUPT : db_error(txn);
	record_decode(bytes, &r);
	enum trail_err err = stored_salt(txn, r.class_no, index, salt);
	if (err == TRAIL_OK) {
		record_commitment(salt, payload, &commitment);
		if (hash_equal(&commitment, &r.commitment))
			return TRAIL_OK;
	}
	/* Another payload, none, or damage: the stored one decides, by its commitment. */
	sweep_begin(&sweep, store, txn, chunker);
	err = sweep_payload(&sweep, index, &r, &kept_salt, &kept_payload);
	return err == TRAIL_OK ? TRAIL_CONFLICT : err;
}
