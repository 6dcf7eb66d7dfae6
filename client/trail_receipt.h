/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an answer to a receipt: nothing in it is believed before it is derived anew. Pure.
 *
 * For each run of fresh records: build each record from the run's fields, the salt and our own
 * payload; chain them by prev; the last one's leaf must be in the tree of the signed checkpoint,
 * and so, by prev, are all of the run. Duplicates come with their stored records, which must be of
 * our epoch and seq, open with our payload, and be in the tree likewise.
 */
#ifndef CLIENT_TRAIL_RECEIPT_H
#define CLIENT_TRAIL_RECEIPT_H

#include "trail_batch.h"
#include "trust.h"

struct receipt_item {
	uint64_t index;
	uint64_t seq;
	uint64_t received_ns;
	bool duplicate;
	bool checked;
	uint8_t record[RECORD_LEN];
	uint8_t salt[SALT_LEN];
	struct hash leaf;
};

struct trail_receipt {
	struct checkpoint cp;
	uint64_t witnessed_s; /* when its cosignatures met the policy; 0: they do not */
	char *note;
	size_t count;
	struct receipt_item items[];
};

/*
 * Verify `answer` to `batch` and make the receipt, which is the caller's (trail_receipt_free).
 * The checkpoint is seen by `trust`. TRAIL_CORRUPT: it does not fit, *fault says what.
 * TRAIL_NOMEM.
 */
enum trail_err receipt_make(const struct trail_batch *batch, const struct appended *answer,
	struct trust *trust, struct trail_receipt **receipt, struct fault *fault);

#endif
