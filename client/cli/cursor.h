/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of --cursor-file: where a question that is asked again and again goes on. One JSON
 * object, ASCII:
 *
 *	{"version":1,"log":ORIGIN,"command":"search","query":TERMS,"since":WHEN,"until":WHEN,
 *	 "next":INDEX,"sum":SHA-256}
 *
 * `since` and `until` as they were typed, "" if they were not; `next` the first record that was not
 * looked at yet; `sum` the SHA-256, in hex, of the object without it, its members sorted and no
 * space between.
 */
#ifndef CLI_CURSOR_H
#define CLI_CURSOR_H

#include "asking.h"

struct cursor {
	const struct asking *asking;
	char origin[256]; /* of the log that the file names; "": there is no file yet */
};

/* Read the file into a->from. EXIT_OK, also where there is none, or a sentence was said. */
int cursor_read(struct cursor *c, struct asking *a);
/* Whether it is of this log. EXIT_OK, or a sentence was said. */
int cursor_judge(const struct cursor *c, const char *origin);
/*
 * Go on at record `next` the next time; put in the file's place by rename. `safe`: wait until it is
 * on the disk. EXIT_OK, or a sentence was said.
 */
int cursor_write(const struct cursor *c, const char *origin, uint64_t next, bool safe);

#endif
