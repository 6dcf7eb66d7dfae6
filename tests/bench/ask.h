/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ask a running daemon: through the library, which verifies every row, and on the wire, believing
 * what comes. Either way the daemon writes down that it was asked before it answers.
 */
#ifndef BENCH_ASK_H
#define BENCH_ASK_H

#include "../../include/trail.h"
#include "inquiry.h"

enum asked {
	ASKED_DONE,
	ASKED_LEFT_OUT, /* this system cannot be asked that */
	ASKED_FAILED,   /* a sentence went to stderr */
};

/* A handle on the socket `path` that keeps nothing on disk. NULL: it failed. */
struct trail *ask_open(const char *path);
/*
 * Ask through the library. Rows of the log's own events are left aside: they tell of searches, and
 * searches for their subjects find them. With ASKED_LEFT_OUT *why is a clause that lives until the
 * handle's next call.
 */
enum asked ask_trail(struct trail *t, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why);

/* The wire, without the library. */
struct wire_asker;
struct wire_asker *ask_wire_open(const char *path);
void ask_wire_close(struct wire_asker *w);
/* As ask_trail, without its digest: rows are counted, and not looked at. */
enum asked ask_wire(struct wire_asker *w, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why);

#endif
