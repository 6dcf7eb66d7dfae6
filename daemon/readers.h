/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader threads: Records, Checkpoint, Prove, Sources, Controls and the pages of questions, each in
 * one short read transaction.
 */
#ifndef DAEMON_READERS_H
#define DAEMON_READERS_H

#include "op.h"
#include "store.h"

struct readers;
struct catalog;

struct readers_options {
	struct store *store;
	struct log_identity identity;
	struct catalog *catalog; /* of the index; NULL: there is none. Must outlive the readers */
	unsigned threads;
	/* Called from a reader thread with one answered op; must not block. */
	void (*done)(void *ctx, struct op *op);
	void *ctx;
};

enum trail_err readers_start(const struct readers_options *options, struct readers **readers);
void readers_push(struct readers *readers, struct op *op);
/* Answer what is queued, join, free. */
void readers_stop(struct readers *readers);

#endif
