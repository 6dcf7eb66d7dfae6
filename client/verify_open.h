/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening commitments: records beside the payloads that the daemon gives for them, which are those
 * of all records, or of control entries alone, except PEERs.
 */
#ifndef CLIENT_VERIFY_OPEN_H
#define CLIENT_VERIFY_OPEN_H

#include "../proto/control.h"
#include "verify.h"
#include "verify_payload.h"

struct opener {
	struct payload_lane lane;
	bool closed;                  /* no more is asked for */
	bool waiting;                 /* for the row of a control entry */
	struct verify_result *result; /* the caller's, as are found and spine */
	struct control control;
	/*
	 * Events and peers without payload: whether an ERASURE covers them is known at the end.
	 * The first ones, and how many in all.
	 */
	struct index_set missing;
	uint64_t missing_count;
};

/* TRAIL_NOMEM; to be closed all the same. */
enum trail_err opener_open(
	struct opener *o, struct trail *t, struct verify_result *result, const struct spine *spine);
/* Begin: payloads of [spine->next, size), all or those of control entries. */
void opener_begin(struct opener *o, bool all, uint64_t size);
/* From here on do without payloads. */
void opener_give_up(struct opener *o);
/* Nothing of it may be on its way any more. */
void opener_close(struct opener *o);
/*
 * Judge the payload of record spine->next, `bytes`, which is `r`, before the record itself is; and
 * what it says, for the spine: *facts. TRAIL_MORE, and other errors: as lane_next.
 */
enum trail_err opener_take(struct opener *o, const uint8_t bytes[RECORD_LEN],
	const struct record *r, struct control_facts *facts);
/* All records were seen: what is missing is erased, or it is not. */
void opener_end(struct opener *o);

#endif
