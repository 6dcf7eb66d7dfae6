/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service manager: sd_notify(3) by hand, one datagram of "NAME=value" lines to $NOTIFY_SOCKET;
 * and sd_listen_fds(3), the sockets that it opened before it started this process. One thread.
 */
#ifndef WITNESS_MANAGER_H
#define WITNESS_MANAGER_H

/*
 * Say `state` ("READY=1", "STOPPING=1", "STATUS=...") to the service manager. Without one nothing
 * happens: that is no error. A manager that does not read is not waited for.
 */
void manager_tell(const char *state);

enum {
	MANAGER_SOCKET_FIRST = 3,
	MANAGER_SOCKETS_MAX = 16,
};

/*
 * How many sockets were handed to this very process, from MANAGER_SOCKET_FIRST on; close-on-exec
 * from here on. 0: none, or they were meant for another. -1: the variables make no sense.
 */
int manager_sockets(void);

#endif
