/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output through the reader's pager. It sees only what already is safe for a terminal. To
 * be left early is no failure: SIGPIPE is ignored, and main asks screen_left.
 */
#ifndef CLI_PAGER_H
#define CLI_PAGER_H

#include "screen.h"

#include <signal.h>
#include <sys/types.h>

struct pager {
	pid_t pid;   /* 0: none runs */
	int out;     /* the terminal, while the pager has its place */
	int err;     /* the same for standard error; -1: that is no terminal and stays */
	bool missed; /* the command of the one that ran could not be run */
	struct sigaction interrupt;
};

/*
 * On a terminal, start $TRAIL_PAGER, else $PAGER (both by /bin/sh -c), else less, and put it in the
 * place of standard output, and of standard error if that is the terminal, too. "" and "cat" are
 * none. Without one, or when it does not start, all stays as it is.
 */
void pager_open(struct pager *p, const struct screen *s);
/*
 * Flush, and wait until the reader has read. False, then and ever after: the command could not be
 * run, and what was printed was seen by nobody. Nothing to do when none runs.
 */
bool pager_close(struct pager *p);

#endif
