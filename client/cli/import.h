/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a file on their way into the log: one epoch per source that the file names, batches of
 * consecutive events of it, several of them in flight.
 *
 * The k-th event of a source in the file has seq k, and the epoch is made of source and batch name
 * (trail_import_epoch): so a second run of the same file offers the same numbers, and adds nothing.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "../../include/trail.h"
#include "fields.h"

enum {
	IMPORT_BATCH_EVENTS = 256,
	IMPORT_BATCH_BYTES = 200 * 1024,
	IMPORT_WINDOW = 16, /* batches in flight */
	IMPORT_SOURCES_MAX = 1024,
};

/* One source that the file names, with the batch that is being filled. */
struct import_source {
	char name[SOURCE_MAX + 1];
	uint64_t epoch;
	uint64_t next_seq;
	struct trail_batch *batch;
	uint64_t lines[IMPORT_BATCH_EVENTS]; /* of the events in the batch */
};

struct import {
	struct trail *trail;
	const char *batch_name;
	int timeout_ms;
	struct import_source *sources[IMPORT_SOURCES_MAX];
	size_t source_count;
	struct import_source *recent; /* files name the same source again and again */
	/* What the receipts said. */
	uint64_t added, held, unchecked;
	uint64_t first_index, last_index; /* of those added */
	uint64_t size;                    /* of the largest checkpoint */
	/* The first refusal that is not the consequence of another. */
	enum trail_err err;
	uint64_t err_line;
	char sentence[700];
};

/*
 * Add one event of line `line`. False: *c says why it cannot be one (the event's fault, or its
 * source's name), or im->err is set.
 */
bool import_add(struct import *im, const char *source, struct trail_event *e, uint64_t line,
	struct complaint *c);
/* Send what is left, wait for all answers. False: im->err is set. */
bool import_finish(struct import *im);
/* Close the epochs: nothing can be added to this batch name any more. False: im->err is set. */
bool import_close(struct import *im);
void import_release(struct import *im);

#endif
