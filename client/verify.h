/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct trail_verify: what a verification is to do, and what it found.
 */
#ifndef CLIENT_VERIFY_H
#define CLIENT_VERIFY_H

#include "../proto/checkpoint.h"
#include "../proto/findings.h"
#include "../proto/hash.h"
#include "../proto/quorum.h"
#include "fault.h"

enum {
	AUTHORITY_LEN = 257, /* a certificate's subject, and NUL */
};

/* Who cosigned a note. */
struct cosigners {
	size_t count;
	struct {
		char name[NOTE_NAME_MAX + 1];
		uint64_t time_ns;
	} list[POLICY_WITNESSES_MAX];
};

/* What holds of evidence. */
struct proof_facts {
	uint64_t numbers[TRAIL_PROOF_COUNT];
	char authority[AUTHORITY_LEN];
	struct cosigners cosigners, before;
	struct trail_entry *entry; /* NULL: none */
};

struct verify_result {
	bool ended; /* there is a verdict */
	uint64_t size, since, checked;
	uint64_t payloads; /* that fit their commitments */
	uint64_t erased;   /* missing, and the log holds an ERASURE, or may hold one */
	uint64_t seals;    /* of the log */
	bool sealed; /* the newest SEAL that holds with all before it stands at sealed_index */
	uint64_t sealed_index, sealed_ns;
	bool whole; /* all records below `size` are in `root` */
	struct hash root;
	struct proof_facts proof;
	char origin[NOTE_NAME_MAX + 1]; /* "": it did not come to that */
	struct findings found;
};

struct trail_verify {
	struct buf checkpoint, since; /* signed notes; empty: not given */
	struct vkey vkey;             /* of a log that is not ours */
	bool has_vkey;
	bool resume;
	bool payloads;
	unsigned threads;
	trail_progress_fn progress; /* NULL: nobody asks */
	void *ctx;
	struct buf anchors; /* certificates of time stamp authorities, PEM */
	/* Of evidence that comes line by line; NULL: none does. */
	struct evidence_set *set;
	void (*set_free)(struct evidence_set *set);
	struct verify_result result;
};

/* Keep who of the policy (NULL: nobody) cosigned. */
void cosigners_keep(struct cosigners *to, const struct policy *policy, const struct quorum *quorum);
/* The same as what holds of the checkpoint, and whether it is enough. */
void proof_keep_quorum(
	struct proof_facts *facts, const struct policy *policy, const struct quorum *quorum);

/* Signature lines of a note that the log signed, beside its own and those of who is in `quorum`. */
size_t note_lines_left(struct span note, const struct quorum *quorum);

/*
 * Judge by `policy` (NULL: nothing is) who cosigned a note of the log of `key`, opened by the
 * caller, of `size` records; empty: none bears cosignatures. That it is not met is a finding.
 * TRAIL_INVALID: a line of one of the policy's witnesses does not verify, which is another.
 * TRAIL_NOMEM.
 */
enum trail_err verify_cosigners(struct trail_verify *v, const struct policy *policy,
	const struct vkey *key, struct span note, uint64_t size);

/* What the checkpoint of trail_verify_set_checkpoint is called. */
extern const char VERIFY_GIVEN[];
/*
 * Open it. *cp has size 0: none was given, it is that of the empty tree, or it is not signed by the
 * log of `key`, which is a finding. TRAIL_INVALID: it is no checkpoint, as *fault says.
 */
enum trail_err verify_open_given(
	struct trail_verify *v, const struct vkey *key, struct checkpoint *cp, struct fault *fault);
/* Add a finding where record 0, of this leaf, is not the one that the identity names. */
void verify_genesis(
	struct trail_verify *v, const struct log_identity *identity, const struct hash *leaf);

/* Forget what was found. */
void verify_reset(struct trail_verify *v);

#endif
