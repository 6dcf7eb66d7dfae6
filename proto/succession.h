/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Succession (FORMATS.md section 1): what the genesis of a log says of the log that it follows. A
 * log ends for good with a DAEMON "closed"; whoever verifies goes from the new log to the old one
 * by the identity that stands here. Pure.
 */
#ifndef PROTO_SUCCESSION_H
#define PROTO_SUCCESSION_H

#include "checkpoint.h"
#include "message.h"

enum {
	SUCCESSION_REASON_MAX = 512, /* bytes; a genesis is one control payload of 4 KiB */
	SUCCESSION_WHY_LEN = 360,    /* the longest sentence on a fault is shorter */
};

/* Plain memory without pointers, so that it can cross processes. Zeroed: there is none. */
struct succession {
	bool named;
	bool has_note;
	struct log_identity identity; /* of the log that is followed */
	struct checkpoint last;       /* its newest checkpoint that was at hand; if has_note */
	char reason[SUCCESSION_REASON_MAX + 1]; /* "": none given */
};

enum succession_fault {
	SUCCESSION_FITS,      /* also where there is no predecessor */
	SUCCESSION_MALFORMED, /* no log identity; or a note or reason without one; or a reason that
				 is no line of text */
	SUCCESSION_SELF,      /* the predecessor has this log's origin or key */
	SUCCESSION_NOTE,      /* its note does not open with its key */
};

/* Judge what `genesis` says of a predecessor, for a log of `own` key; *out unless malformed. */
enum succession_fault succession_read(
	const struct genesis *genesis, const struct vkey *own, struct succession *out);
/* The fault as a sentence, of what succession_read gave; SUCCESSION_FITS: "". */
void succession_fault_text(
	enum succession_fault fault, const struct succession *s, char why[SUCCESSION_WHY_LEN]);
/* Whether `own` has the origin or the public key of `old`. */
bool succession_is_self(const struct vkey *own, const struct vkey *old);
/* Whether `reason` may stand in a genesis: short enough, and one line of text. */
bool succession_reason_valid(struct span reason);
/*
 * Append the part of `note` that a genesis has room for: its text, the lines by `key`, and others
 * in their order as long as they fit. TRAIL_CORRUPT, TRAIL_INVALID: as checkpoint_open, and nothing
 * is appended. TRAIL_NOMEM.
 */
enum trail_err succession_trim_note(
	struct span note, const struct vkey *key, struct checkpoint *cp, struct buf *out);
/*
 * Bound what another process wrote: what it says may be wrong afterwards, but can be read and
 * printed.
 */
void succession_bound(struct succession *s);

#endif
