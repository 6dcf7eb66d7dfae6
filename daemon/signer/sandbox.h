/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process denies itself. Two files implement it: sandbox_seccomp.c, and sandbox_none.c for
 * builds with sanitizers, whose run time makes system calls that the filter would kill.
 */
#ifndef SIGNER_SANDBOX_H
#define SIGNER_SANDBOX_H

#include <stdbool.h>

/* Whether this build has one. */
bool sandbox_present(void);
/*
 * Before the first secret is in memory: no core dump, no debugger or /proc/PID/mem of the same
 * user. False with errno: it could not be.
 */
bool sandbox_hide(void);
/*
 * Once everything is open: from here on any system call that answering and ending do not need kills
 * the process. Opens no door again: no socket, no file, no exec, no executable memory. Binds all
 * threads made later. `listener`, unless -1, is the one descriptor on which it may still accept, to
 * turn others away. False: the filter could not be loaded (then do not go on).
 */
bool sandbox_enter(int listener);

#endif
