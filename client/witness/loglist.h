/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which logs a witness watches: the text of a file that names some, in one of three forms. Pure.
 *
 *   a log identity file (FORMATS.md section 1): one log. Its genesis leaf is not a witness's to
 *   check, who sees no record; readers of the log check it.
 *
 *   a bare vkey: one log, whose origin is the key's name.
 *
 *   a log list (the witness network's log-list-format.md): the line "logs/v0", then for each log
 *   "vkey V", and where they differ from the usual "origin O", "qpd N", "contact C". Lines that
 *   begin with "#" and empty ones are passed over; so are qpd and contact.
 */
#ifndef WITNESS_LOGLIST_H
#define WITNESS_LOGLIST_H

#include "judge.h"

enum {
	LOGLIST_LOGS_MAX = 1024,
	LOGLIST_TEXT_MAX = 1 << 20, /* bytes of a file that is worth reading */
	LOGLIST_WHY_LEN = 256,
};

/* Why a text names no logs: the line, what is wrong with it, what to do. */
struct loglist_fault {
	char text[LOGLIST_WHY_LEN];
};

/* The logs of all files, each origin once. Zeroed: none. */
struct loglist {
	size_t count;
	struct watched log[LOGLIST_LOGS_MAX];
};

/*
 * Add the logs that `text` names. TRAIL_INVALID, with *why set; the list is undefined then. The
 * same log named twice is one log; one origin with two keys is a fault.
 */
enum trail_err loglist_add(struct loglist *list, struct span text, struct loglist_fault *why);
/* NULL: no log of that origin. */
const struct watched *loglist_find(const struct loglist *list, const char *origin);

#endif
