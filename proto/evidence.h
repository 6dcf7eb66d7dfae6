/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence for one record, that anyone can judge without the log: a C2SP .tlog-proof whose `extra`
 * is message Evidence of trail.proto (FORMATS.md section 8). Encoding, and a judge that believes
 * nothing but the log identity. Pure.
 *
 * Items stand in one order, each once: the record itself, genesis, its SOURCE, its PEER, the SEAL
 * before it; one that is the record itself, or that there is none of, is left out.
 */
#ifndef PROTO_EVIDENCE_H
#define PROTO_EVIDENCE_H

#include "codec.h"
#include "findings.h"
#include "quorum.h"
#include "seal.h"
#include "stamp.h"

enum {
	EVIDENCE_ITEMS_MAX = 5,
	EVIDENCE_EXTRA_MAX = 48 * 1024 - 1, /* encoded; more is no .tlog-proof */
	EVIDENCE_FILE_MAX = 128 * 1024,     /* no .tlog-proof is longer */
};

/* Its items' paths lie in `paths`, all else in what it was decoded from. */
struct evidence {
	struct evidence_item items[EVIDENCE_ITEMS_MAX];
	struct tree_proof paths[EVIDENCE_ITEMS_MAX];
	size_t count;
	/*
	 * Payload of the SEAL of the checkpoint's size, without the note that it carries, which
	 * neither its signature nor the tree of that size binds. Empty: not sealed.
	 */
	struct span seal;
	struct span stamp; /* RFC 3161 time stamp of the checkpoint's text; empty: none */
};

/*
 * Strict: fields in ascending order, each once, no empty ones, none that is not known, lengths as
 * they must be. TRAIL_INVALID. *out does not move afterwards: its items view it.
 */
enum trail_err evidence_decode(struct span in, struct evidence *out);
/* Append it. */
void evidence_encode(const struct evidence *evidence, struct buf *out);
/* Append one Item as a field of this number, as evidence_encode does. */
void evidence_item_encode(uint32_t number, const struct evidence_item *item, struct buf *out);

/* Append a SEAL's payload as evidence has it. TRAIL_INVALID: it is none. TRAIL_NOMEM. */
enum trail_err evidence_bare_seal(struct span payload, struct buf *out);

/* An item, and what was derived from it. */
struct evidence_record {
	const struct evidence_item *shown; /* NULL: there is none */
	struct record record;
	struct hash leaf;
};

/* What was found of a SEAL. */
struct evidence_seal {
	bool holds;
	struct seal_text text;
	struct span cosigned;     /* the note of the log that it carries; empty: none */
	struct checkpoint behind; /* what the note says */
};

/* What to judge by, and what holds. Zeroed, then the first part set; views the proof's bytes. */
struct evidence_case {
	struct findings *found;
	const struct log_identity *identity; /* NULL: not given, so the proof's own word is taken */
	const struct policy *policy;         /* whose cosignatures count; NULL: nobody's */
	struct span anchors; /* certificates of time stamp authorities, PEM; empty: none */

	/* All that follows is set as far as the judge came. */
	struct buf extra; /* to be released */
	struct evidence evidence;
	uint64_t index;
	struct tree_proof path; /* of the record, as the .tlog-proof has it */
	struct span note;
	bool signed_by_log;
	struct log_identity log; /* the given one, or what the proof says of itself */
	struct checkpoint cp;
	struct evidence_record event, genesis, source, peer, before;
	struct seal_anchor anchor;        /* height 0: not known */
	struct evidence_seal seal;        /* of the checkpoint */
	struct evidence_seal seal_before; /* before the record */
	struct quorum quorum;             /* who cosigned the checkpoint */
	struct quorum quorum_before;      /* and the note that the SEAL before carries */
	bool stamped;                     /* the stamp holds, by the anchors */
	struct stamp stamp;
};

/*
 * Judge `text`, a .tlog-proof: every leaf is derived anew, every commitment opened, every path
 * followed to the checkpoint, the checkpoint's signature checked, the SEALs under the seal tree
 * that genesis names, cosignatures by the policy, the time stamp by the anchors. What speaks
 * against it goes to c->found. Signature lines and a stamp that nobody gave a key for are passed
 * over. TRAIL_NOMEM: there is no verdict.
 */
enum trail_err evidence_judge(struct evidence_case *c, struct span text);
void evidence_release(struct evidence_case *c);

/*
 * The parts of it, for who has many records at one checkpoint. False: a finding was added. Of
 * `cp`, with size 0, the path is not judged.
 */
bool evidence_open(struct findings *found, const struct checkpoint *cp,
	const struct evidence_item *shown, struct evidence_record *out);
/*
 * Genesis `r`, opened: the one that `identity` names (NULL: any), and what it says of its seals.
 * *log is set. TRAIL_INVALID: a finding was added. TRAIL_NOMEM.
 */
enum trail_err evidence_genesis(struct findings *found, const struct evidence_record *r,
	const struct log_identity *identity, struct log_identity *log, struct seal_anchor *anchor);
/*
 * One Seal payload, by itself and against the log's seal tree. `index`: of the record it is known
 * from, or that is to be. TRAIL_INVALID: a finding of `code` was added. TRAIL_NOMEM.
 */
enum trail_err evidence_take_seal(struct findings *found, enum finding_code code, uint64_t index,
	struct span payload, const struct seal_anchor *anchor, const struct vkey *vkey,
	struct evidence_seal *out);
/*
 * Who of the policy (NULL: nobody) cosigned `note` (empty: nobody), which is shown for the tree of
 * `size` of the log that signs with `log`. A policy for other logs is met by nobody. A line of its
 * witnesses that does not verify is a finding. TRAIL_INVALID: one was added. TRAIL_NOMEM.
 */
enum trail_err evidence_cosigners(struct findings *found, const struct policy *policy,
	const struct vkey *log, struct span note, uint64_t size, struct quorum *out);
/* Add a finding where the policy (NULL: none was given) is not met by those. */
void evidence_quorum(struct findings *found, const struct policy *policy, const struct vkey *log,
	const struct quorum *quorum);
/* A SOURCE or PEER entry gives a name. False: a finding was added. */
bool evidence_names(struct findings *found, const struct evidence_record *r, enum record_kind kind);

#endif
