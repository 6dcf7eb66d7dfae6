/* SPDX-License-Identifier: Apache-2.0 */
#include "ending.h"

#include "../proto/codec.h"
#include "sweep.h"

#include <stddef.h>
#include <stdio.h>

enum {
	WHY_LEN = 512,
	/*
	 * SEALs that are passed over from the end of the log. One stands behind "closed" at the
	 * most, as none is made where the last record is one; more are no reason to call the log
	 * open.
	 */
	SEALS_MAX = 16,
	ENTRY_ROOM = 4096, /* decoding a DAEMON entry, which is a few numbers */
};

/* Whether DAEMON entry `index` says that the log is closed. */
static enum trail_err says_closed(
	struct sweep *sweep, uint64_t index, const struct record *r, bool *closed)
{
	_Alignas(max_align_t) uint8_t room[ENTRY_ROOM];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct daemon_entry entry;
	struct span salt;
	struct span payload;
	if (sweep_payload(sweep, index, r, &salt, &payload))
		return TRAIL_CORRUPT;
	*closed = daemon_entry_decode(payload, &arena, &entry) == TRAIL_OK &&
		entry.what == DAEMON_CLOSED;
	return TRAIL_OK;
}

static enum trail_err look(struct sweep *sweep, uint64_t size, struct ending *out)
{
	struct record r = { .kind = KIND_SEAL };
	uint64_t index = size;
	bool is = false;
	for (unsigned seals = 0; index > 1 && seals <= SEALS_MAX && r.kind == KIND_SEAL; seals++) {
		const uint8_t *bytes = sweep_record(sweep, --index);
		if (!bytes)
			return TRAIL_CORRUPT;
		record_decode(bytes, &r);
	}
	enum trail_err err = r.kind == KIND_DAEMON ? says_closed(sweep, index, &r, &is) : TRAIL_OK;
	*out = (struct ending){ .closed = is ? index : 0, .sealed = is && index + 1 < size };
	return err;
}

enum trail_err ending_read(struct store *store, struct ending *out, char why[WHY_LEN])
{
	struct sweep sweep;
	struct db_txn *txn = db_begin(store_db(store), false);
	(void)snprintf(why, WHY_LEN, "the store cannot be read");
	if (!txn)
		return TRAIL_IO;
	sweep_begin(&sweep, store, txn, NULL); /* no chunk holds what is looked at */
	enum trail_err err = look(&sweep, store_size(txn), out);
	if (db_error(txn) != TRAIL_OK)
		err = db_error(txn);
	db_abort(txn);
	if (err == TRAIL_CORRUPT)
		(void)snprintf(why, WHY_LEN,
			"the last entries of the log are damaged; run `traild check`");
	return err;
}
