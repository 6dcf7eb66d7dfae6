/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a verdict is told, whatever was verified: as text for people or as one JSON object for
 * programs (DESIGN section 11), and by the exit code.
 */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include "cli.h"
#include "output.h"

struct verdict {
	const struct trail_verify *v;
	const char *given;    /* what it was, "published log"; NULL: the running one */
	const char *origin;   /* of the log; NULL: not known */
	const char *identity; /* how the log's identity is known: "given", "kept", "store" ... */
	bool quiet;           /* no text; JSON is what was asked for, and comes all the same */
	/* Adds what else is known to the JSON object; NULL: nothing is. */
	void (*add)(json_t *to, const struct trail_verify *v);
	bool runs;  /* a daemon's log, all of it: how far it is sealed is told */
	bool index; /* a daemon's index, not the log itself */
	const struct trail_predecessor *predecessor; /* the log that it follows; NULL: none */
};

/* Tell it as cli says. Answers the exit code. */
int verdict_tell(const struct cli *cli, const struct verdict *verdict);
/* The exit code alone; of what found something and came to no end, too. */
int verdict_exit(const struct trail_verify *v);
/* It was told to stop: say what can be said of what was seen. Answers the exit code. */
int verdict_stopped(const struct cli *cli, const struct trail_verify *v);

#endif
