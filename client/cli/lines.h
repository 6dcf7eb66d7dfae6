/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file, one at a time, of bounded length. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * An event has at most 32 KiB; as JSON a byte of it can take six, and its raw part as base64 a
 * third more than it is.
 */
enum {
	LINE_MAX_BYTES = 256 * 1024
};

struct lines {
	FILE *file;
	char *text; /* the line, NUL behind it */
	size_t len;
	uint64_t number; /* from 1; 0 before the first */
	uint64_t bytes;  /* read so far */
};

enum line_state {
	LINE_OK,
	LINE_END,
	LINE_LONG,   /* longer than LINE_MAX_BYTES: passed over */
	LINE_FAILED, /* reading failed */
};

/* False: memory is out. `file` stays the caller's. */
bool lines_init(struct lines *l, FILE *file);
/* The next line without its end ("\n" or "\r\n"). */
enum line_state lines_next(struct lines *l);
void lines_release(struct lines *l);

#endif
