/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_listen_fds(3) by hand: the descriptors that a service manager opened before it started this
 * process and hands over from HANDOVER_FIRST on.
 */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

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

#endif
