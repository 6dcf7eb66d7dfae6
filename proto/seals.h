/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SEALs of a log, judged one behind the other by what FORMATS.md section 6 demands: V2 to V8.
 * V1, that record 0 is the pinned one, is judged where record 0 is (identity.given); every key here
 * hangs on the seal root that it names. Who reads the records and grows the tree stands elsewhere:
 * the daemon's check and the client's verify share what is here.
 *
 * A SEAL that breaks several demands is one finding, of the first in the order of seals_take.
 */
#ifndef PROTO_SEALS_H
#define PROTO_SEALS_H

#include "findings.h"
#include "record.h"
#include "seal.h"

/* Zeroed but for `found`: before record 0. */
struct seals {
	struct findings *found; /* the caller's */
	struct seal_anchor anchor;
	bool anchored;     /* there is one */
	bool told;         /* that there is none */
	uint64_t begun_ns; /* received_ns of the genesis record */
	uint64_t count;    /* SEALs so far */
	uint64_t due;      /* epoch of the next one */
	bool lost;         /* how many came before is not known: the next one says */
	bool excused;      /* a start or clock entry stands behind the newest SEAL */
	bool has_last;
	uint64_t last_ns; /* received_ns of the newest SEAL */
	bool broken;      /* a SEAL does not hold, or could not be judged */
	/* The newest SEAL that holds with all before it: the log is sealed up to there. */
	bool sealed;
	uint64_t sealed_index, sealed_ns;
	/* What the payload of the SEAL that is taken next says. */
	bool shown;
	enum seal_fault fault;
	struct seal_text text;
};

/* What record 0 says: keys are judged by it from here on. */
void seals_anchor(struct seals *s, const struct genesis *genesis, uint64_t received_ns);
/*
 * Begin behind SEALs that were judged before: the newest, of epoch count - 1, stands at `index`.
 * `excused`: a start or clock entry follows it.
 */
void seals_resume(
	struct seals *s, uint64_t count, uint64_t index, uint64_t received_ns, bool excused);
/* Records are missing here, and SEALs may be among them. */
void seals_jump(struct seals *s);
/* A DAEMON start or clock: two SEALs may lie further apart. */
void seals_excuse(struct seals *s);
/* The payload of the SEAL that seals_take is called for next; it opened its record's commitment. */
void seals_show(struct seals *s, const struct seal *seal);
/* The same for one that does not decode. */
void seals_show_garbage(struct seals *s);
/*
 * Judge SEAL `index`, whose record is `r`; `root` is that of D[0:index], NULL: not known. Without a
 * payload, which is a finding of who looked for it, only its distance is judged. Malformed, V4, V5,
 * V2, V3, V6; and V7.
 */
void seals_take(struct seals *s, uint64_t index, const struct record *r, const struct hash *root);
/* V8, for a log that runs, at `now_ns` since 1970; `size` is how many records it has. */
void seals_running(struct seals *s, uint64_t size, uint64_t now_ns);

#endif
