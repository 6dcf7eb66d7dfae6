/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3) by hand: one datagram of "NAME=value" lines to $NOTIFY_SOCKET. One thread. */
#ifndef WITNESS_MANAGER_H
#define WITNESS_MANAGER_H

/*
 * Say `state` ("READY=1", "STOPPING=1", "STATUS=...") to the service manager. Without one nothing
 * happens: that is no error. A manager that does not read is not waited for.
 */
void manager_tell(const char *state);

#endif
