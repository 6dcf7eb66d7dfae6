/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness says to one checkpoint (c2sp.org/tlog-witness, add-checkpoint): pure. It gets the
 * bytes of a request, what is known of the log, and what was last cosigned for it; it answers what
 * the specification asks, in the specification's order of checks. Nothing is cosigned here.
 */
#ifndef WITNESS_JUDGE_H
#define WITNESS_JUDGE_H

#include "../../proto/checkpoint.h"
#include "../../proto/tree.h"

enum {
	/* "old N", 63 hashes, a blank line and the longest note. */
	JUDGE_BODY_MAX = 20 * 1024,
};

/* A log that is watched: who signs for that origin. */
struct watched {
	char origin[NOTE_NAME_MAX + 1];
	struct vkey vkey;
};

/* The largest tree cosigned for a log. Size 0 before the first: its root is that of no leaves. */
struct seen {
	uint64_t size;
	struct hash root;
};

/* Nothing cosigned yet. */
struct seen seen_nothing(void);

/* A request that is well formed. All spans view its body. */
struct add {
	uint64_t old;
	struct tree_proof proof;
	struct span note;
	struct span text;             /* of the note: what is signed */
	struct checkpoint checkpoint; /* nothing of it is believed before the signature is */
};

/* TRAIL_INVALID: malformed (400). */
enum trail_err add_parse(struct span body, struct add *out);

/* In the order of the checks; the HTTP status stands beside each. */
enum verdict {
	VERDICT_COSIGN,     /* 200: signed by the log, and proven to extend what was seen */
	VERDICT_UNSIGNED,   /* 403: no signature of this log, or one that does not verify */
	VERDICT_BACKWARDS,  /* 400: old is larger than the checkpoint */
	VERDICT_STALE,      /* 409: old is not what was last cosigned; say that */
	VERDICT_FORK,       /* 422: as large as what was seen, with another root: proof of a fork */
	VERDICT_UNPROVEN,   /* 422: the proof does not hold, or there should be none */
	VERDICT_IMPOSSIBLE, /* 422: size 0 with a root of something */
};

/*
 * Judge a request for `log`, whose origin is that of the checkpoint. After any verdict but
 * VERDICT_UNSIGNED, `signature` is the log's on add->text, so that it can be kept without the lines
 * of strangers.
 */
enum verdict judge_add(const struct add *add, const struct watched *log, const struct seen *seen,
	uint8_t signature[SIGN_LEN]);

#endif
