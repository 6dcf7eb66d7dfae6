/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that were open before this process began: those that a service manager hands over
 * from HANDOVER_FIRST on (sd_listen_fds(3) by hand), and one that a parent names on the command
 * line.
 */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

#include <stdbool.h>

enum {
	HANDOVER_FIRST = 3,
	HANDOVER_MAX = 64,
};

/*
 * How many were handed to this very process; they are close-on-exec from here on. 0: none, or they
 * were meant for another ($LISTEN_PID). -1: $LISTEN_FDS is no number from 0 to HANDOVER_MAX, or
 * names what is not open. The variables are gone afterwards, so that no child takes them for its
 * own. Once, before threads.
 */
int handover_take(void);

/* The descriptor that a parent left open and names in `text`. False: not a number of one. */
bool handover_number(const char *text, int *fd);
/* Whether `fd` is a socket whose `option` of SOL_SOCKET is `value`. */
bool handover_is(int fd, int option, int value);

#endif
