/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers Checkpoint: the newest signed note; or the kept one of the first sealed tree that holds a
 * record, with all its signature lines and the SEAL of its size. Shows no payload of an event.
 */
#ifndef DAEMON_CHECKPOINTS_H
#define DAEMON_CHECKPOINTS_H

#include "lookup.h"

enum {
	/* What an answer may take: two notes, a seal, a time stamp, the log identity file. */
	CHECKPOINTS_ANSWER = 56 * 1024,
};

/* Set look->op's response. */
void checkpoints_answer(struct lookup *look);

#endif
