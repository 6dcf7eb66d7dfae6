/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3) by hand: one datagram of "NAME=value" lines to $NOTIFY_SOCKET. Any thread, as long
 * as nobody changes the environment.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/*
 * Say `state` ("READY=1", "STOPPING=1", "STATUS=...") to the service manager. Without
 * $NOTIFY_SOCKET, or when it cannot be told, nothing happens: no manager is no error.
 */
void notify_manager(const char *state);
/* Starting or stopping may take that much longer from now on (EXTEND_TIMEOUT_USEC). */
void notify_extend(unsigned seconds);
/*
 * Starting or stopping makes progress: call it as often as there is some. Whoever takes long says
 * so every few seconds, whoever is quick never does. One thread at a time.
 */
void notify_progress(void);
/*
 * How often, in milliseconds, the manager wants to hear WATCHDOG=1: half of $WATCHDOG_USEC.
 * 0: it does not wait for any, or not from this process ($WATCHDOG_PID).
 */
unsigned notify_watchdog_ms(void);

#endif
