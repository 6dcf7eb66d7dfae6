/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log that follows another one: what the operator says of the old one, read and judged before
 * anything is made (FORMATS.md section 1).
 */
#ifndef DAEMON_SUCCEED_H
#define DAEMON_SUCCEED_H

#include "../proto/succession.h"

/* As the command line says it; NULL: not said. */
struct succeed_wish {
	const char *identity; /* file: the old log's identity */
	const char *note;     /* file: its newest checkpoint that is at hand */
	const char *reason;
};

/* Zeroed, or what succeed_read made; release it. */
struct succeed {
	struct log_identity old;
	struct buf identity; /* the texts that the genesis will hold */
	struct buf note;
	struct span reason;
	bool has_note;
	struct checkpoint last; /* if has_note */
};

/*
 * Read and judge the files and the reason; `wish` must stay. On failure why[512] gets a sentence:
 * TRAIL_INVALID: no log identity, no checkpoint of that log, no reason. TRAIL_IO: cannot be read.
 * TRAIL_NOMEM.
 */
enum trail_err succeed_read(const struct succeed_wish *wish, struct succeed *s, char why[512]);
void succeed_release(struct succeed *s);
/* TRAIL_INVALID and a sentence: a log of this name cannot follow it, for it is that of the old. */
enum trail_err succeed_judge_origin(const struct succeed *s, const char *origin, char why[512]);
/* As succeed_judge_origin, of the new log's key. */
enum trail_err succeed_judge_key(const struct succeed *s, const struct vkey *key, char why[512]);
/* Its three fields; views of `s`. */
void succeed_fill(const struct succeed *s, struct genesis *genesis);

#endif
