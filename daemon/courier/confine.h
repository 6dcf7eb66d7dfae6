/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the courier denies itself. Two files implement it: confine_seccomp.c, and confine_none.c for
 * builds with sanitizers, whose run time makes system calls that the filter would kill.
 */
#ifndef COURIER_CONFINE_H
#define COURIER_CONFINE_H

#include <stdbool.h>

/* Whether this build has one. */
bool confine_present(void);
/* At once: no core dump, no debugger of the same user, no program that raises privileges. */
bool confine_hide(void);
/*
 * Once everything is open: from here on it connects by IPv4 and IPv6, and any system call that this
 * does not need kills the process; a file that a library wants to open, or a socket of another
 * family, is refused. False: the filter could not be loaded (then do not go on).
 */
bool confine_enter(void);

#endif
