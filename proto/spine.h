/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of FORMATS.md section 2, by which the records of a log are judged one behind the other:
 * each is chained to the one before, names sources and peers that stand before it, carries the
 * number that is due, and was not received earlier than its predecessor. Who reads the records,
 * hashes them and grows the tree stands elsewhere: the daemon's check and the client's verify share
 * what is here. Knows no payload; of control entries it is told what they say, where that is known.
 *
 * Memory: 8 bytes per SOURCE and PEER entry, and per DAEMON entry behind the last own event whose
 * payload is not at hand, at most 2^22 of each; and what proto/number.h says.
 */
#ifndef PROTO_SPINE_H
#define PROTO_SPINE_H

#include "index_set.h"
#include "number.h"

/* What the payload of a control entry says, as far as the spine must know. */
struct control_facts {
	bool known;    /* false: the payload is not at hand, and the others say nothing */
	bool is_clock; /* received_ns may go back here */
	bool is_start;
	bool is_closed; /* the log ends with it; a SEAL may follow */
};

struct spine {
	struct findings *found; /* the caller's */
	struct numbers *numbers;
	struct index_set sources, peers;
	uint64_t next; /* index of the next record */
	/*
	 * Entries before this index may not have been seen, so that a number that names one cannot
	 * be judged. 0: all were seen.
	 */
	uint64_t blind;
	uint64_t last_ns;
	struct hash last_leaf;
	bool chained;        /* last_leaf is that of record next - 1 */
	uint64_t suspect;    /* its prev did not fit; 0: none (record 0 has no predecessor) */
	uint64_t last_start; /* index of the last DAEMON start; 0: none */
	uint64_t own_seq;    /* last of the daemon's own events since */
	/* DAEMON entries behind the last own event that may be starts, where nobody can tell. */
	struct index_set starts;
	bool erasures;      /* an ERASURE entry was seen */
	uint64_t closed;    /* index of the entry that closed the log; 0: none was seen */
	bool closed_broken; /* and what must not stand behind it does: told once */
};

/* Before record 0. TRAIL_NOMEM. */
enum trail_err spine_init(struct spine *s, struct findings *found);
void spine_release(struct spine *s);
/* Begin with record `next` instead: all before was judged once; its last record is known. */
void spine_resume(
	struct spine *s, uint64_t next, const struct hash *last_leaf, uint64_t last_received_ns);
/*
 * Judge record s->next. `leaf` is its leaf hash; `facts` what a control entry's payload says (NULL:
 * not at hand). TRAIL_NOMEM: the judge can only be released.
 */
enum trail_err spine_take(struct spine *s, const struct record *r, const struct hash *leaf,
	const struct control_facts *facts);
/* Whether `number` may name a source: it is an earlier SOURCE entry, or one that was not seen. */
bool spine_has_source(const struct spine *s, uint64_t number);
/*
 * Records are missing: go on with record `to`. Where what comes now has its place is its own word,
 * so no number that names an entry is judged any more.
 */
void spine_jump(struct spine *s, uint64_t to);
/* There is no further record. */
void spine_end(struct spine *s);

#endif
