/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on stderr, the only writer of diagnostics of trail-witness: a line is one write(2). Each is
 * of a kind that has a stable id and a level (the table in say.c); trail-witness(8) lists what each
 * means and what to do. With $JOURNAL_STREAM set a line begins with its priority as <N>
 * (sd-daemon(3)), else with the program's name. Never give it a secret.
 */
#ifndef WITNESS_SAY_H
#define WITNESS_SAY_H

#include <stdbool.h>

/*
 * What there is to say. To add one: a name here, its row in say.c, its line in
 * tests/lint/messages.txt, its paragraph in trail-witness(8).
 */
enum say_id {
	SAY_READY,
	SAY_STOPPED,
	SAY_RELOADED,
	SAY_NEW_LOG,
	/* what the operator said */
	SAY_BAD_USAGE,
	SAY_BAD_LIST,
	SAY_BAD_ADDRESS,
	/* the folder and what lies in it */
	SAY_FOLDER_FAILED,
	SAY_KEY_LOST,
	SAY_LOG_LOST,
	SAY_LOG_CHANGED,
	/* while it serves */
	SAY_FORK,
	SAY_CLOCK,
	SAY_NOT_KEPT,
	SAY_UNSURE,
	SAY_CROWDED,
	SAY_SYSTEM_FAILED,
	SAY_IDS, /* how many there are */
};

enum {
	SAY_WHY_LEN = 512
};

/* A failure on its way up to who tells it: which, and a sentence. */
struct say_reason {
	enum say_id id;
	char why[SAY_WHY_LEN];
};

/* Set it; answers false, so that who fails may return it. */
bool say_why(struct say_reason *reason, enum say_id id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Write one line (no newline in `format`); cut at 1,000 bytes, control characters become '?'. */
void say_line(enum say_id id, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
