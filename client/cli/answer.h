/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a question, as it is shown: which rows, in which order, and how complete it is. The
 * rows go to standard output, all that is said about them to standard error.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "cli.h"

/* What search and history have in common. */
struct asking {
	const char *terms;                 /* of a search */
	const char *object;                /* of a history; NULL: a search */
	const char *since, *until, *limit; /* as given; NULL: not given */
	const char *evidence;              /* folder to make; NULL: none */
	bool newest_first;
	bool follow;
	bool scan;
	bool explain; /* ask nothing */
	/* By answer_show: */
	int64_t since_ns, until_ns;
	uint64_t rows_max; /* UINT64_MAX: all */
};

enum {
	ASKING_CHOICES = 9
};
/* The options that fill `asking`, ended by an empty one. */
void asking_choices(struct asking *asking, struct choice to[ASKING_CHOICES]);
/*
 * Open the log, ask, show; or say how the question is understood, for which no daemon is needed.
 * Answers the exit code.
 */
int answer_show(struct cli *cli, struct asking *asking);

#endif
