/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that keeps the index: follows the log with runs, merges them, takes out what is
 * damaged and makes it anew. The index is a cache: whatever goes wrong here is told, and the
 * searches read the log itself.
 */
#ifndef DAEMON_INDEX_INDEXER_H
#define DAEMON_INDEX_INDEXER_H

#include "../log.h"
#include "../store.h"
#include "catalog.h"
#include "compare.h"

struct indexer;

struct indexer_options {
	struct store *store;
	const char *folder;     /* D */
	uint64_t reserve_bytes; /* of the file system's room, twice this is left alone */
	uint32_t run;           /* records behind the index from which on it grows */
};

struct indexer_numbers {
	uint64_t indexed; /* records that the index reaches */
	uint64_t holes;   /* records below that are being made anew */
	uint64_t bytes;   /* of its files */
	uint32_t segments;
	uint64_t damaged; /* segments found damaged since the start */
	bool merges;      /* some are being merged */
};

/*
 * Open the index of the store, whose newest head is known, and start the thread. TRAIL_IO,
 * TRAIL_NOMEM: *reason says why.
 */
enum trail_err indexer_start(
	const struct indexer_options *options, struct indexer **indexer, struct log_reason *reason);
/* For readers, as long as the indexer lives. */
struct catalog *indexer_catalog(struct indexer *indexer);
/* The log grew, or a segment is suspected. Any thread; cheap. */
void indexer_wake(struct indexer *indexer);
void indexer_read_numbers(struct indexer *indexer, struct indexer_numbers *numbers);

/* How a comparison of the index with the log stands. */
struct indexer_check {
	uint64_t job; /* its number; 0: there was none yet */
	bool ended;   /* it is over */
	bool failed;  /* by what the system refused: not all was compared */
	struct compare_report report;
};

/*
 * Tell of the comparison that is under way or was the last; `start`: where none is under way, have
 * one begin. Any thread; cheap.
 */
void indexer_check(struct indexer *indexer, bool start, struct indexer_check *check);

/* Stop the thread and close the index; readers must be gone. NULL is fine. */
void indexer_stop(struct indexer *indexer);

#endif
