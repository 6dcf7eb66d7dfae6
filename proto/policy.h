/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Witness policies (c2sp.org/tlog-policy): which witnesses there are, and which of them together
 * make a checkpoint valid.
 *
 *	log <vkey> [url]
 *	witness <name> <vkey> [url]
 *	group <name> all|any|<k> <member>...
 *	quorum <name>|none
 *
 * Each name is a member at most once, so witnesses and groups are a forest: every node knows its
 * one parent, and parents come after their members.
 *
 * A value: plain bounded memory, about 70 KiB, no pointer, nothing to release; put it on the heap.
 */
#ifndef PROTO_POLICY_H
#define PROTO_POLICY_H

#include "cosign.h"

enum {
	POLICY_LEN_MAX = 65536, /* bytes of a policy's text */
	POLICY_LOGS_MAX = 64,   /* the specification recommends 32 of each at least */
	POLICY_WITNESSES_MAX = 64,
	POLICY_GROUPS_MAX = 64,
	POLICY_NAME_MAX = 100,    /* bytes of a witness's or group's name */
	POLICY_URL_MAX = 512,     /* bytes of a URL */
	POLICY_NODE_NONE = 65535, /* no parent; as the quorum: none is needed */
};

/* A witness, in the order of their lines. `name` means nothing outside of the policy. */
struct policy_witness {
	char name[POLICY_NAME_MAX + 1]; /* octets, without control characters; maybe not UTF-8 */
	char url[POLICY_URL_MAX + 1];   /* the submission prefix; empty: none is given */
	struct cosigner cosigner;
	uint16_t parent; /* the number of a group */
};

/* A group is witnessed when `k` of its `n` members are. */
struct policy_group {
	char name[POLICY_NAME_MAX + 1];
	uint16_t k;
	uint16_t n;
	uint16_t parent; /* the number of a later group */
};

/* What `quorum` names. */
enum policy_quorum {
	POLICY_QUORUM_NONE,
	POLICY_QUORUM_WITNESS,
	POLICY_QUORUM_GROUP,
};

struct policy {
	struct vkey log[POLICY_LOGS_MAX]; /* those with an Ed25519 key */
	struct policy_witness witness[POLICY_WITNESSES_MAX];
	struct policy_group group[POLICY_GROUPS_MAX];
	size_t logs;
	size_t log_lines; /* with those whose key is of a type that we do not know */
	size_t witnesses;
	size_t groups;
	enum policy_quorum kind;
	size_t quorum; /* the number of that witness or group */
};

/* What is wrong with a text, for a person. */
struct policy_fault {
	unsigned line;  /* from 1; 0: the text as a whole */
	char what[200]; /* a sentence without a full stop; UTF-8 without control characters */
};

/*
 * TRAIL_TOO_BIG: longer than POLICY_LEN_MAX. TRAIL_INVALID: anything else that the specification or
 * our bounds do not allow. Then *fault is set and *out holds nothing to be used.
 */
enum trail_err policy_parse(struct span text, struct policy *out, struct policy_fault *fault);

/* Whether the policy takes a log with this key: it lists it, or lists none. */
bool policy_takes_log(const struct policy *policy, const struct vkey *log);

/* Whether the quorum is reached when cosigned[i] says that witness i cosigned. */
bool policy_satisfied(const struct policy *policy, const bool *cosigned);

/*
 * m(policy): how many witnesses, at least, any two quorums have in common (FORMATS.md section 7).
 * So many of them would have to sign a fork. 0: two quorums need not meet, and G5 does not hold.
 */
unsigned policy_overlap(const struct policy *policy);

#endif
