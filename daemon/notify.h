/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3) by hand: one datagram of "NAME=value" lines to $NOTIFY_SOCKET.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/*
 * Say `state` ("READY=1", "STOPPING=1", "STATUS=...") to the service manager. Without
 * $NOTIFY_SOCKET, or when it cannot be told, nothing happens: no manager is no error.
 */
void notify_manager(const char *state);

#endif
