/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges one op by the rules of FORMATS.md section 4 and stages what it brings in the batch: the
 * numbering, the SOURCE and PEER entries, the daemon's own events and entries. Sets the op's
 * response, which only holds once the batch is committed. One thread at a time (the writer's).
 */
#ifndef DAEMON_INTAKE_H
#define DAEMON_INTAKE_H

#include "../proto/names.h"
#include "batch.h"
#include "clock.h"
#include "epochs.h"
#include "op.h"

enum {
	SOURCES_MAX = 65536, /* distinct source names, and peers, that one log takes */
	INTAKE_WHY_LEN = 512,
};

struct intake {
	struct store *store;
	struct batch *batch;
	struct epochs *epochs;
	struct names *sources;
	struct names *peers;
	struct log_clock clock;
	struct instant now;   /* of the batch being built */
	uint64_t clock_jumps; /* since intake_open */
	uint64_t own_epoch;   /* index of the last DAEMON start */
	uint64_t own_seq;
	struct chunker *chunker;
	size_t answer_bytes; /* taken by answers to duplicates since intake_begin */
	bool full;           /* below the reserve: Appends get FULL */
	bool starved;        /* below half of it: questions, which leave an event, too */
	uint64_t found[APPEND_EVENTS_MAX]; /* scratch: where duplicates lie */
	enum trail_err broken; /* the store contradicts itself: nothing may be acked any more */
};

enum intake_verdict {
	INTAKE_TAKEN,        /* staged or refused: the op's response is set */
	INTAKE_COMMIT_FIRST, /* does not fit this batch, or needs it committed: offer it again */
};

/* Read names and numbering from the store. TRAIL_CORRUPT and `why`: a row that cannot be. */
enum trail_err intake_open(struct intake *in, struct store *store, char why[INTAKE_WHY_LEN]);
void intake_close(struct intake *in);

/* Begin with a batch: reads the clocks, and stages a clock entry when one is due. */
void intake_begin(struct intake *in);
/* Judge one op of the kinds Append, Close, Keepalive, Hello (its claims only), own event. */
enum intake_verdict intake_take(struct intake *in, struct op *op);
/* Stage a DAEMON entry; START makes its index the epoch of the daemon's own events. */
void intake_say(struct intake *in, const struct daemon_entry *entry);
/* Once a minute: stage a loss entry for each epoch that has been silent for a day. */
void intake_tick(struct intake *in);

#endif
