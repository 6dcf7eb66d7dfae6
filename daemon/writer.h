/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer thread: takes all that is queued, numbers it, stages one transaction, commits, has
 * the head signed, answers. Group commit is greedy: whatever came while the last commit ran is the
 * next.
 */
#ifndef DAEMON_WRITER_H
#define DAEMON_WRITER_H

#include "aside.h"
#include "epochs.h"
#include "histogram.h"
#include "log.h"
#include "op.h"
#include "sealer.h"
#include "succeed.h"

struct writer;

struct writer_options {
	struct store *store;
	struct signer_link *signer;
	struct aside *aside; /* what others lay beside; writer_wake tells of it */
	struct log_identity identity;
	struct signer_greeting greeting;
	uint64_t seal_epoch_ns; /* how often to seal; at the most half of the log's seal_max */
	const char *folder;     /* whose file system's free space counts */
	uint64_t reserve_bytes; /* below this much free space or map: FULL */
	unsigned watchdog_ms;   /* how often to say that the thread works; 0: never */
	/*
	 * Called once by writer_start or writer_confirm, before anything is signed, with the newest
	 * head that was signed and the number of records: any error ends the start. NULL: nobody is
	 * asked.
	 */
	enum trail_err (*confirm)(
		void *ctx, const struct head *head, uint64_t committed, struct log_reason *reason);
	bool closing; /* this run is the log's last: it ends with DAEMON closed */
	/* Called from the writer thread with a chain of answered ops; must not block. */
	void (*done)(void *ctx, struct op *list);
	/* Called once, from the writer thread, when it can go on no more; `exit_code` 3 or 5. */
	void (*fatal)(void *ctx, int exit_code, const struct log_reason *reason);
	void *ctx;
};

/* Numbers for Status; any thread. */
struct writer_numbers {
	uint64_t events;
	uint64_t commits;
	uint32_t sources;
	struct epochs_sum epochs; /* at most a second old while there is work */
	uint64_t free_bytes;      /* of the file system */
	uint64_t map_bytes;
	uint64_t map_used_bytes;
	uint64_t clock_jumps;
	uint64_t signed_ns; /* when the newest head was signed, CLOCK_REALTIME */
	uint64_t seals;
	uint64_t seals_left;
	uint64_t sealed_size; /* that the newest covers, and its index; 0: there is none */
	uint64_t sealed_ns;   /* its time */
	uint64_t seal_max_ns;
	bool full;
	bool starved; /* of half the reserve */
	struct histogram commit_times;
	struct histogram sign_times;
};

/*
 * Recover the numbering, write DAEMON start, sign it, seal it, and start the thread: when this
 * answers TRAIL_OK the log takes events. Errors as store_open; *reason says which and why.
 */
enum trail_err writer_start(
	const struct writer_options *options, struct writer **writer, struct log_reason *reason);
/* Hello, Append, Close, Keepalive and own events. The op comes back through `done`. */
void writer_push(struct writer *writer, struct op *op);
/* Something lies aside: entries are put on record at once, notes within a second. Any thread. */
void writer_wake(struct writer *writer);
/* Carry out what is queued, write DAEMON stop or closed, sign it, seal it, join the thread, free.
 */
void writer_stop(struct writer *writer);
void writer_read_numbers(struct writer *writer, struct writer_numbers *numbers);

/*
 * Make a new log in an empty store: commit record 0, have size 1 signed. `succeed`: the log that it
 * follows; NULL: none.
 */
enum trail_err writer_genesis(const struct writer_options *options,
	const struct signer_greeting *greeting, const struct succeed *succeed,
	struct log_reason *reason);
/* A log that was closed: have its end signed and sealed, as far as that was not done. */
enum trail_err writer_confirm(const struct writer_options *options, struct log_reason *reason);
/* Behind the end of a log: put the notes and stamps that lie aside, which no commit takes along. */
enum trail_err writer_keep(const struct writer_options *options, struct log_reason *reason);

#endif
