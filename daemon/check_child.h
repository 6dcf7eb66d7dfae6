/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a scan in a child process, because a damaged page can kill whoever maps it. A child's death
 * is a finding; the next child reads the whole store again, but goes on behind the place where the
 * last one died. What a dead child found is dropped: the next one finds it again, and what it says
 * is then about one reading of the store. The child maps the file read-only and writes nothing.
 */
#ifndef DAEMON_CHECK_CHILD_H
#define DAEMON_CHECK_CHILD_H

#include "check_scan.h"

struct child_options {
	const char *folder; /* D/log */
	uint64_t map_bytes;
	const struct evidence *evidence;
	bool progress; /* draw on stderr, which is a terminal */
	int hang_ms;   /* a child that makes no step for so long is killed */
};

/*
 * Scan until a child comes to the end or HOLES_MAX have died. *found gets what was found, *result
 * how far the last child came.
 *
 * TRAIL_OK     *found is set: the verdict stands on it.
 * TRAIL_IO     no child could be started, or one ended in a way that the store does not explain.
 * TRAIL_NOMEM  memory is out, here or in a child.
 */
enum trail_err child_scan(
	const struct child_options *options, struct findings *found, struct scan_result *result);

/*
 * Where to go on after a child died with `box`: enters a hole, or widens the one that it fell into.
 * False: there is no way on (no room, or it died before any table was open). Pure.
 */
bool holes_enter(struct hole holes[HOLES_MAX], size_t *count, const struct black_box *box);

#endif
