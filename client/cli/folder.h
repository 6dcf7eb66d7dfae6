/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of evidence for an answer: what was shown, proven row by row, for somebody who has the
 * folder, the log identity and nothing else. Its README.txt says what each file is.
 */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "cli.h"

#include <stdio.h>

/* The files of a folder, each of which must be there. */
extern const char FOLDER_SUMS[];       /* SHA-256 of all others, as sha256sum writes them */
extern const char FOLDER_README[];     /* for the person who opens it */
extern const char FOLDER_QUESTION[];   /* what was asked, in words */
extern const char FOLDER_ROWS[];       /* the events, a JSON value a line */
extern const char FOLDER_RECORDS[];    /* the proof of each, a line too */
extern const char FOLDER_EVIDENCE[];   /* what all of them lean on */
extern const char FOLDER_CHECKPOINT[]; /* the signed note */
extern const char FOLDER_IDENTITY[];   /* the log identity file */

enum {
	FOLDER_FILES = 7 /* without the sums */
};
extern const char *const FOLDER_NAMES[FOLDER_FILES];

struct folder;

/*
 * Begin one at `path`, which must not be there, or be an empty folder. It is made beside it and
 * gets its name when it is whole. `reverse`: rows come newest first. EXIT_OK, or a sentence was
 * said.
 */
int folder_begin(const char *path, bool reverse, struct folder **folder);
/* Add a row. False: a sentence was said. */
bool folder_row(struct folder *f, const struct trail_entry *n);
/*
 * That was all: fetch what the rows lean on, judge the whole as who gets it will, and give it its
 * name. `question` writes what was asked and how complete the answer is. EXIT_OK, or a sentence was
 * said.
 */
int folder_end(struct folder *f, struct cli *cli, struct trail_rows *rows,
	void (*question)(void *ctx, FILE *to), void *ctx);
/* Give it up, unless it has its name. NULL is fine. */
void folder_free(struct folder *f);

/* SHA-256 of a file of the folder `at`, in hex, NUL behind it. False: errno says why. */
bool folder_digest(int at, const char *name, char hex[2 * TRAIL_HASH_LEN + 1]);
/*
 * The note in the line "checkpoint NOTE", the second of the evidence; to be freed. NULL: this is
 * another line, or memory is out.
 */
uint8_t *folder_note(const char *line, size_t *len);
/* As folder_judge, but its proofs and rows alone. */
int folder_judge_lines(struct cli *cli, struct trail_verify *v, const char *path);
/*
 * Judge the folder at `path`: every file, every proof, every row. Findings go to `v`, which has a
 * verdict afterwards. cli->trail is there. EXIT_OK, or a sentence was said.
 */
int folder_judge(struct cli *cli, struct trail_verify *v, const char *path);

#endif
