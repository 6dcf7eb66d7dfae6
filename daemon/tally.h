/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What peers did that an administrator should know of, counted: whoever does it in a loop must not
 * fill the journal. One thread.
 */
#ifndef DAEMON_TALLY_H
#define DAEMON_TALLY_H

enum tally_kind {
	TALLY_CONNECTIONS, /* refused: too many, in all or of one peer */
	TALLY_DESCRIPTORS, /* refused: no descriptor is left */
	TALLY_MEMORY,      /* refused: no memory */
	TALLY_HELLO,       /* closed: no Hello in time */
	TALLY_FRAME,       /* closed: a frame was not whole in time */
	TALLY_UNREAD,      /* closed: did not read in time */
	TALLY_IDLE,        /* closed: nothing to say for long */
	TALLY_RATE,        /* kept waiting: more requests than peer_rate */
	TALLY_KINDS,
};

struct tally {
	unsigned counts[TALLY_KINDS];
};

void tally_add(struct tally *tally, enum tally_kind kind);
/* One log line for each kind that was counted since the last call. Call it once a second. */
void tally_say(struct tally *tally);

#endif
