/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness: the logs that it watches, what it cosigned for each, and its answers. A request is
 * judged, cosigned, kept and answered in one call, on one thread, so that between the look at what
 * was cosigned last and the keeping of what is cosigned now nothing else happens. Knows no socket
 * and no HTTP but its status codes.
 *
 * Time: a cosignature says "as of T, the largest tree that I saw", so for one log T never goes
 * back. A clock that is a few seconds behind the last cosignature is raised to it; one that is
 * further behind, or before 2020, gets no cosignature until it is right again.
 */
#ifndef WITNESS_WATCH_H
#define WITNESS_WATCH_H

#include "vault.h"

enum {
	WATCH_BEHIND_MAX_S = 10, /* a clock that much behind is raised */
};

struct watch;

/* What to send back. `body` is the holder's to release. */
struct watch_answer {
	int status;       /* of HTTP */
	const char *type; /* the media type of the body */
	struct buf body;
};

/* NULL: memory is out. `vault` and `key` must outlive it. */
struct watch *watch_new(struct vault *vault, const struct cosign_key *key);
void watch_free(struct watch *watch);

/*
 * Watch exactly the logs of `list`, from now on. A log that cannot be watched is said on stderr and
 * left out; one whose state is lost is watched and gets no cosignature. False, with *why: the
 * folder or memory failed; the logs are those of before.
 */
bool watch_logs(struct watch *watch, const struct loglist *list, struct say_reason *why);
size_t watch_count(const struct watch *watch);
/* Cosignatures given since the start. */
uint64_t watch_cosigned(const struct watch *watch);
/*
 * Whether something could neither be kept nor undone: nothing more may be answered, and the next
 * start will see which.
 */
bool watch_unsure(const struct watch *watch);

/* POST add-checkpoint, with the body `body`, at `now_s` of the wall clock. */
void watch_add(struct watch *watch, struct span body, uint64_t now_s, struct watch_answer *out);
/* GET HEX/checkpoint: the newest cosigned one of the log whose origin has that SHA-256. */
void watch_checkpoint(const struct watch *watch, struct span hex, struct watch_answer *out);
/* GET /: who this is, for people. */
void watch_about(const struct watch *watch, struct watch_answer *out);

#endif
