/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `trail verify` was asked for, by whichever of its parts carries it out: cmd_verify.c looks
 * what it was given, the running log is judged there, all else by one of the functions below.
 */
#ifndef CLI_WISH_H
#define CLI_WISH_H

#include "cli.h"
#include "task.h"

struct wish {
	const char *checkpoint; /* file; NULL: not given */
	const char *since; /* NULL: from the beginning; SINCE_LAST: behind the last valid one */
	const char *vkey;  /* of a log that is not ours; NULL: it is one of ours */
	const char *tsa;   /* file of certificates of time stamp authorities; NULL: none */
	bool payloads;
	bool index; /* the daemon's index is compared, and nothing else */
	bool quiet;
};

/* What --since is without a file. */
extern const char SINCE_LAST[];

/* Have `v` do what is wished, and tell `task` of it. EXIT_OK, or a sentence was said. */
int wish_apply(const struct wish *wish, struct trail_verify *v, struct task *task);
/*
 * The same for a running log: open it, and begin the task, which counts records. EXIT_OK, or a
 * sentence was said; a log that is not the one that it must be is left to the verdict.
 */
int wish_begin(struct cli *cli, const struct wish *wish, struct trail_verify *v, struct task *task);

/* The index of the running daemon. Answers the exit code. */
int cmd_verify_index(struct cli *cli, const struct wish *wish, struct trail_verify *v);
/*
 * The log of folder or file `path`, with no daemon. cli->trail is not there yet (cli_prepare makes
 * it, with the identity that --log names). Answers the exit code.
 */
int cmd_verify_tree(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path);
int cmd_verify_evidence(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path);

#endif
