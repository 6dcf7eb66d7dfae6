/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusted time: the newest checkpoint that a SEAL covers is time-stamped once (RFC 3161) by an
 * authority. What is asked, what is taken for an answer, when it is tried again. Looks at no
 * signature: whoever verifies the log does, with the certificates that he trusts (proto/stamp.h).
 * No thread, no socket.
 */
#ifndef DAEMON_STAMPER_H
#define DAEMON_STAMPER_H

#include "../proto/stamp.h"
#include "backoff.h"
#include "store.h"

struct stamper {
	const char *origin; /* of the log; must stay */
	struct backoff pauses;
	uint64_t done;     /* size of the newest checkpoint that has one */
	struct head asked; /* under way; size 0: nothing is */
	uint64_t next_ms;  /* not before */
	uint8_t nonce[STAMP_NONCE_LEN];
};

/* Whether the sealed head should be stamped now. */
bool stamper_due(const struct stamper *stamper, const struct head *sealed, uint64_t now_ms);
/* Begin with it: the request is appended to `out`. False: memory is out; it is due later. */
bool stamper_ask(
	struct stamper *stamper, const struct head *sealed, uint64_t now_ms, struct buf *out);
/*
 * What came back; empty: nothing did. TRAIL_OK: it is a stamp of what was asked, and *size the
 * checkpoint's. Else it is tried again later, and `why` has a clause.
 */
enum trail_err stamper_take(struct stamper *stamper, struct span response, uint64_t now_ms,
	uint64_t *size, char why[STAMP_WHY_MAX]);
/* Nothing will come back of what is under way. */
void stamper_lose(struct stamper *stamper, uint64_t now_ms);

#endif
