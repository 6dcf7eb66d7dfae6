/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer proper: one question in, one answer out (daemon/signer/talk.h). No sockets, no
 * process, and the clock is told: all of what it may and may not sign can be tested by calling it.
 *
 * It owns the one invariant of a log key: every note that leaves extends the one before it. A note
 * is in `head` before it is answered; the first one is also synced, because forgetting it would
 * allow a second beginning. For all others a sync within a second is the caller's duty
 * (signer_sync): the store was flushed before it asked, so a lost second cannot fork the log.
 */
#ifndef SIGNER_SERVE_H
#define SIGNER_SERVE_H

#include "../../proto/bytes.h"
#include "../log.h"
#include "pace.h"
#include "sentence.h"

struct signer;

struct signer_options {
	const char *folder; /* must outlive the signer */
	bool allow_cow;     /* accept a copy-on-write file system */
	struct pace_time (*now)(void);
	/* Told what an operator should see although the work goes on; never a secret. */
	void (*say)(enum log_id id, const char *sentence);
};

/* NULL: memory is out. Nothing is opened before WAKE. */
struct signer *signer_new(const struct signer_options *options);
/* Wipes the key and unlocks the folder. Does not sync. NULL is fine. */
void signer_free(struct signer *s);

/*
 * Answer one question. `answer` (room for TALK_LEN_MAX) is cleared, then holds status and body.
 * Returns the status: after TALK_REFUSED or TALK_FAILED the service is over, and every further
 * question gets the same answer. Otherwise it goes on.
 */
int signer_answer(struct signer *s, struct span question, struct buf *answer);

/* Whether WAKE was answered with OK. */
bool signer_awake(const struct signer *s);
/* Whether notes were written since the last sync. */
bool signer_dirty(const struct signer *s);
/* Sync them. TRAIL_IO ends the service: *why is set, nothing is signed any more. */
enum trail_err signer_sync(struct signer *s, struct sentence *why);

#endif
