/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One witness as the courier knows it (c2sp.org/tlog-witness): what it holds, when it may be
 * visited next, what is taken along, what its answer says. No socket and no clock: all of it can be
 * tested by calling it. Times are ms of one clock that does not jump.
 */
#ifndef COURIER_VISIT_H
#define COURIER_VISIT_H

#include "talk.h"

struct visit_pauses {
	uint32_t min_ms; /* after a failure; doubled with each that follows */
	uint32_t max_ms;
};

struct visit {
	uint64_t done;     /* newest round that ended well; rounds are numbered from 1 */
	uint64_t old;      /* size that the witness holds; COURIER_UNKNOWN */
	uint64_t due_ms;   /* not before */
	unsigned failures; /* one after the other */
	bool busy;         /* an order or an answer is waited for, or the verdict on it */
	bool again;        /* a 409 told what it holds: once, it is visited again at once */
	uint64_t size;     /* of the order that is under way */
};

/* Nothing is known of it. */
void visit_init(struct visit *visit);
/* Whether it is to be visited for `round` now. */
bool visit_due(const struct visit *visit, uint64_t round, uint64_t now_ms);
/* When it may be; UINT64_MAX: not before something else happens. */
uint64_t visit_next_ms(const struct visit *visit, uint64_t round);

/* The body of an add-checkpoint request for this order. */
void visit_body(const struct courier_word *order, struct buf *out);
/*
 * The size in the body of a 409 of type text/x.tlog.size: decimal, newline. False: it is none.
 */
bool visit_held(struct span body, uint64_t *held);

/* It was asked for an order: until the verdict it is busy. */
void visit_begin(struct visit *visit);
/*
 * What was answered; `held` COURIER_UNKNOWN unless a 409 said it. True: traild judges the answer,
 * and its verdict comes by visit_verdict. False: it is to be visited again, by visit_due; traild
 * need not know.
 */
bool visit_answered(struct visit *visit, unsigned status, uint64_t held);
/* The round ended, well or not. `chance` is any random number: pauses differ by it. */
void visit_verdict(struct visit *visit, uint64_t round, bool good, uint64_t now_ms,
	const struct visit_pauses *pauses, uint32_t chance);

#endif
