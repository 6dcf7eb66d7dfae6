/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoints.h"

#include "../proto/seal.h"
#include "../proto/stamp.h"

enum {
	/* Control entries looked at for one SEAL: some 20 ms; an epoch holds a handful. */
	LOOKED_MAX = 65536,
};

/* What the store holds for a sealed size. */
struct sealed {
	uint64_t size; /* of the tree; index of its SEAL */
	struct span seal;
	struct span note;
	struct span stamp; /* empty: none */
};

/*
 * The first SEAL behind record `above`, and its index. TRAIL_END: the signed tree holds none.
 * TRAIL_BUSY: none among so many entries.
 */
static enum trail_err find_seal(struct lookup *look, uint64_t above, struct sealed *out)
{
	struct db_txn *txn = look->txn;
	struct control_row row;
	struct span found, value;
	uint8_t key[KEY_INDEX_LEN];
	key_index(above + 1, key);
	bool has = db_ceiling(txn, TABLE_CONTROL, span_of(key, sizeof key), &found, &value);
	for (unsigned looked = 0; has; looked++) {
		if (found.len != KEY_INDEX_LEN || !control_row_decode(value, &row))
			return TRAIL_CORRUPT;
		out->size = load_be64(found.data);
		out->seal = row.payload;
		if (out->size >= look->head.size)
			return TRAIL_END;
		if (row.kind == KIND_SEAL)
			return TRAIL_OK;
		if (looked == LOOKED_MAX)
			return TRAIL_BUSY;
		has = db_next(txn, TABLE_CONTROL, &found, &value);
	}
	return db_error(txn) ? TRAIL_CORRUPT : TRAIL_END;
}

/* Such a note is kept for ever: one that is missing was lost. */
static enum trail_err find_note(struct lookup *look, struct sealed *out)
{
	uint8_t key[KEY_INDEX_LEN];
	key_index(out->size, key);
	if (!db_get(look->txn, TABLE_HEAD, span_of(key, sizeof key), &out->note))
		return TRAIL_CORRUPT;
	if (!db_get(look->txn, TABLE_STAMP, span_of(key, sizeof key), &out->stamp) ||
		out->stamp.len > STAMP_LEN_MAX)
		out->stamp = span_of(NULL, 0);
	return out->note.len <= NOTE_LEN_MAX && out->seal.len <= SEAL_PAYLOAD_MAX ? TRAIL_OK
										  : TRAIL_CORRUPT;
}

static struct span keep(struct lookup *look, struct span bytes)
{
	return lookup_keep(look, bytes.data, bytes.len);
}

static void answer(struct lookup *look, const struct sealed *sealed)
{
	struct checkpoint_answer *to = &look->op->response.checkpoint;
	struct buf cosigned = { 0 };
	(void)store_witnessed(look->store, &cosigned);
	*to = (struct checkpoint_answer){
		.checkpoint = keep(look, sealed->note),
		.identity = keep(look, look->identity),
		.seal = keep(look, sealed->seal),
		.stamp = keep(look, sealed->stamp),
		.cosigned = keep(look, buf_view(&cosigned)),
	};
	buf_release(&cosigned);
	look->op->response.kind = RESPONSE_CHECKPOINT;
}

void checkpoints_answer(struct lookup *look)
{
	const struct checkpoint_wanted *wanted = &look->op->request.checkpoint;
	struct sealed newest = { .note = span_of(look->head.note, look->head.note_len) };
	struct sealed sealed = { 0 };
	enum trail_err err = TRAIL_END;
	if (wanted->sealed && wanted->above < look->head.size)
		err = find_seal(look, wanted->above, &sealed);
	if (err == TRAIL_OK)
		err = find_note(look, &sealed);
	if (err == TRAIL_CORRUPT) {
		lookup_damaged(look);
	} else if (err == TRAIL_BUSY) {
		op_refuse(look->op, TRAIL_UNAVAILABLE,
			"no SEAL is among the %d control entries behind record %llu: ask for a "
			"later one",
			LOOKED_MAX, (unsigned long long)wanted->above);
	} else if (lookup_room(look, CHECKPOINTS_ANSWER)) {
		answer(look, err == TRAIL_OK ? &sealed : &newest);
	}
}
