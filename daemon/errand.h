/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An op with what the loop needs to bring its answer home, and the pool of them. The pool bounds
 * the memory of everything that is on its way: an errand comes with an arena from a bounded slab,
 * or not at all. Errands that come back are reused, so that steady work allocates nothing. Loop
 * thread only; the op inside travels.
 */
#ifndef DAEMON_ERRAND_H
#define DAEMON_ERRAND_H

#include "op.h"

#include <sys/queue.h>

struct caller;
struct session;

struct errand {
	struct op op;                /* first: a struct op * that comes back is its errand */
	struct session *home;        /* who waits for the answer; NULL: nobody */
	struct caller *caller;       /* the same as the service sees it; lives as long as `home` */
	uint64_t arrived_ns;         /* when it was taken in, whole (CLOCK_MONOTONIC); 0: our own */
	TAILQ_ENTRY(errand) in_line; /* of those under way, oldest first (session.c) */
	bool lined;                  /* it is in there */
	bool last;                   /* the connection ends behind this answer */
	struct span refusal; /* DENIED with this sentence once the op comes back; in the arena */
	uint64_t until_ns;   /* an empty page may wait so long (CLOCK_BOOTTIME); 0: not at all */
	uint8_t next[CURSOR_MAX]; /* where it goes on when it waited */
};

struct errands;

/* Arenas of `bytes` together. NULL: memory is out. */
struct errands *errands_new(size_t bytes);
/* All errands must have come home. NULL is fine. */
void errands_free(struct errands *pool);
/*
 * A fresh errand whose arena holds at least `need` bytes; op.charged is what it costs in memory.
 * NULL: the bound is reached, or `need` is above what a slab gives (errands_fit).
 */
struct errand *errands_take(struct errands *pool, size_t need);
void errands_give(struct errands *pool, struct errand *errand);
/* Whether an arena of `need` bytes can be had at all. */
bool errands_fit(size_t need);
/* Give back memory that was not needed since the last call. */
void errands_trim(struct errands *pool);
/* Arena bytes that are out. */
size_t errands_out(const struct errands *pool);

static inline struct errand *errand_of(struct op *op)
{
	return (struct errand *)op;
}

#endif
