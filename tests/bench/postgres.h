/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same events in PostgreSQL, and the same questions. Only its users' library is needed, libpq;
 * where that is not installed, postgres_none.c takes the place of postgres_libpq.c.
 */
#ifndef BENCH_POSTGRES_H
#define BENCH_POSTGRES_H

#include "ask.h"

struct postgres;

struct postgres_part {
	uint64_t first;  /* those before are left out, */
	uint64_t last;   /* and those from this one on */
	uint64_t commit; /* rows of a transaction; 0: all */
};

/*
 * Connect as the connection string says. `logged`: each question is written down, durably, before
 * it is asked, as traild does. NULL: a sentence went to stderr.
 */
struct postgres *postgres_open(const char *how, bool logged);
void postgres_close(struct postgres *p);
/*
 * COPY `part` of the events of a stream into the table of postgres_table.sql. What it took is
 * printed as one JSON object.
 */
bool postgres_fill(
	struct postgres *p, uint64_t events, uint64_t seed, const struct postgres_part *part);
/* Prepare a question, the only one that is asked from then on. */
bool postgres_prepare(struct postgres *p, const struct inquiry *q);
enum asked postgres_ask(struct postgres *p, const struct inquiry *q, const struct ask *a,
	struct outcome *o, const char **why);

#endif
