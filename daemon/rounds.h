/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the witnesses are asked and what their answers are worth. A round is one checkpoint that all
 * of them are to see: a quorum can only form if they see the same one, so the next begins when
 * this one has its quorum, or had its time. No thread, no socket, no clock: all of what is believed
 * and what is not can be tested by calling it. Believes only signatures that it verified itself.
 */
#ifndef DAEMON_ROUNDS_H
#define DAEMON_ROUNDS_H

#include "../proto/message.h"
#include "../proto/quorum.h"
#include "store.h"

enum {
	ROUNDS_KEPT = 8,       /* a slow witness may answer for one of the last so many */
	ROUNDS_FUTURE_S = 300, /* a cosignature's time may be so far ahead of our clock */
	ROUNDS_LINE_MAX = 256, /* bytes of one cosignature line; a name of 100 makes 211 */
};

struct rounds;

struct rounds_options {
	const struct policy *policy; /* must stay */
	struct vkey log;
	uint64_t interval_ms; /* between the beginnings of two rounds, at the least */
	uint64_t patience_ms; /* after which a round without a quorum gives way to the next */
	uint64_t refresh_ms;  /* after which the same checkpoint is cosigned anew */
};

/* NULL: memory is out. */
struct rounds *rounds_new(const struct rounds_options *options);
void rounds_free(struct rounds *rounds);

/*
 * What an earlier run kept: a note of ours with cosignatures, newest first. Whose time is younger
 * than what is known of a witness is remembered. True: a quorum cosigned it.
 */
bool rounds_remember(struct rounds *rounds, struct span note);

/* Whether a round should begin at `now_ms` (of a clock that does not jump) for a log of `size`. */
bool rounds_due(const struct rounds *rounds, uint64_t size, uint64_t now_ms);
/* Not before this time, however the log grows; 0: at once. */
uint64_t rounds_next_ms(const struct rounds *rounds);
/* Begin one with the newest signed head. Its number, from 1. */
uint64_t rounds_begin(struct rounds *rounds, const struct head *head, uint64_t now_ms);
/* The newest round's number, 0 when there is none; and its head. */
uint64_t rounds_newest(const struct rounds *rounds, struct head *head);

/* What one answer to add-checkpoint was. */
struct rounds_answer {
	unsigned witness; /* below the policy's number of them */
	uint64_t round;
	const char *trouble; /* why there is none, half a sentence; NULL: there is one, with */
	unsigned status;     /* of HTTP */
	bool told;           /* a 409 told the size that it holds: */
	uint64_t held;
	struct span body;
};

/* What it is worth. */
enum testimony {
	TESTIMONY_COSIGNED, /* a cosignature of a round's checkpoint, new to us */
	TESTIMONY_LATE,     /* it is about a round that is forgotten: nothing is known */
	TESTIMONY_BEHIND,   /* it holds another size than was thought, and not more than ours */
	TESTIMONY_AWAY,     /* no answer, or one that says: later */
	TESTIMONY_REFUSED,  /* it does not want this log, or what it is sent */
	TESTIMONY_LIE,      /* it calls something a cosignature that is none, or is an old one */
	TESTIMONY_AHEAD,    /* it says that it saw a larger tree than we ever had */
	TESTIMONY_DISPUTED, /* it says that our tree, whose proof we know, contradicts what it saw
			     */
};

/*
 * Judge it; `size` records are committed (and so could have been signed), `now_s` is
 * CLOCK_REALTIME. `why` gets half a sentence for a person, without foreign text.
 */
enum testimony rounds_judge(struct rounds *rounds, const struct rounds_answer *answer,
	uint64_t size, uint64_t now_s, char why[128]);

/* What a checkpoint under our key that somebody shows says of the store. */
enum shown {
	SHOWN_NOTHING, /* none, or it fits */
	SHOWN_LARGER,  /* ours, and larger than what is committed */
	SHOWN_OTHER, /* to be compared: *cp is ours, and the store's root at its size must equal it
		      */
};
enum shown rounds_shown(
	const struct rounds *rounds, struct span note, uint64_t size, struct checkpoint *cp);

/* The newest note with a quorum: the log's line, and all cosignatures that came. */
struct witnessed {
	uint64_t size;    /* 0: none yet */
	uint64_t time_s;  /* by which enough of them had seen it, by their clocks */
	struct buf note;  /* the caller's: cleared and filled */
	uint64_t version; /* grows with each change */
};
/* False: nothing changed since `witnessed` was filled last (or memory is out). */
bool rounds_witnessed(const struct rounds *rounds, struct witnessed *witnessed);

/* How each witness stands, for Status; `states` has room for the policy's number of them. */
size_t rounds_states(const struct rounds *rounds, struct witness_state *states);

#endif
