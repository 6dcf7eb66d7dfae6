/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in order, upwards or downwards, with their payloads: what a search without an index
 * reads. Each row of the spine is looked up and each chunk opened once, not once per record; what
 * is handed out has opened its record's commitment. Lives in one transaction.
 */
#ifndef DAEMON_SWEEP_H
#define DAEMON_SWEEP_H

#include "store.h"

struct sweep {
	struct store *store;
	struct db_txn *txn;
	struct chunker *chunker;
	/* The run of the spine that was looked up last: records [row_first, row_end). */
	const uint8_t *row;
	uint64_t row_first, row_end;
	/* The chunk that is open in `chunker`: some of the records [place.first, chunk_last]. */
	bool open;
	struct chunk_place place;
	struct span chunk;
	uint64_t chunk_last;
	size_t chunk_count;
};

void sweep_begin(
	struct sweep *sweep, struct store *store, struct db_txn *txn, struct chunker *chunker);
/* RECORD_LEN bytes of record `index`, a view of the map. NULL: not there, or an error. */
const uint8_t *sweep_record(struct sweep *sweep, uint64_t index);
/*
 * Salt and payload of record `index`, which is `r`. Views, until the next call.
 * TRAIL_OK. TRAIL_END: none is kept (erased). TRAIL_CORRUPT: damaged, or not what the record
 * commits to. TRAIL_UNSUPPORTED: it needs keys, or another version.
 */
enum trail_err sweep_payload(struct sweep *sweep, uint64_t index, const struct record *r,
	struct span *salt, struct span *payload);

#endif
