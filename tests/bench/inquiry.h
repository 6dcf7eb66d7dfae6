/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an investigator asks of municipal events, in the words of each system that is asked, with
 * parameters drawn by seed: the same for all.
 */
#ifndef BENCH_INQUIRY_H
#define BENCH_INQUIRY_H

#include "municipal.h"

#include <stddef.h>

enum {
	ASK_PARAMS = 3,
	ASK_TERMS = 256,
};

/* One asking. */
struct ask {
	char object[MUNICIPAL_NAME]; /* its history is asked for; "": it is a search */
	char terms[ASK_TERMS];
	int64_t since_ns, until_ns;              /* 0: no bound */
	char params[ASK_PARAMS][MUNICIPAL_NAME]; /* $1 and so on of the SQL */
};

enum answer_shape {
	SHAPE_ROWS,
	SHAPE_COUNT,  /* how many rows there are */
	SHAPE_REPORT, /* how many of each unit */
};

struct inquiry {
	const char *name;
	enum answer_shape shape;
	size_t limit; /* the first so many rows; 0: all */
	const char *sql;
	size_t params; /* of the SQL */
	/* The best plan depends on the parameters: PostgreSQL is told to plan each time. */
	bool plan_anew;
	/* What differs between askings; `days` whole days are in the log, at least 1. */
	void (*draw)(uint64_t bits, unsigned days, struct ask *a);
};

extern const struct inquiry INQUIRIES[];
extern const size_t INQUIRY_COUNT;

/* Draw the i-th asking of question `q` among `events` events. */
void inquiry_draw(size_t q, uint64_t i, uint64_t seed, uint64_t events, struct ask *a);

/* What came of an asking. */
struct outcome {
	uint64_t first_ns; /* from the question to the first row; to the end where there is none */
	uint64_t last_ns;
	uint64_t rows;   /* or what was counted */
	uint64_t digest; /* of their ids, whatever their order; 0 where `limit` cut them off */
};

/* Take a row with this id into account. */
void outcome_add(struct outcome *o, const uint8_t id[16]);

#endif
