/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers that sources gave (FORMATS.md section 4), followed along the spine, and the state
 * rows that must say the same.
 */
#ifndef DAEMON_CHECK_NUMBER_H
#define DAEMON_CHECK_NUMBER_H

#include "check_walk.h"

struct numbers *numbers_new(void);
void numbers_free(struct numbers *numbers);
/* Judge the number of one event of a source. */
void numbers_take(struct scan *scan, uint64_t index, const struct record *r);
/* Records are missing here: nothing is known of any epoch any more. */
void numbers_forget(struct numbers *numbers);
/* The state rows against what the records gave. `broken`: only each row by itself. */
void check_source(struct scan *scan, bool broken);

/* What the spine says of one epoch. */
struct epoch_seen {
	uint64_t source, epoch;
	uint64_t peer;
	uint64_t last, holes;
	uint64_t first_index, last_index;
	bool used;  /* the slot */
	bool doubt; /* first seen behind missing records */
	bool row;   /* its state row was met */
};

/* NULL: not met. */
struct epoch_seen *numbers_find(struct numbers *numbers, uint64_t source, uint64_t epoch);
/* Call for every epoch. */
void numbers_each(
	struct numbers *numbers, void (*fn)(void *ctx, const struct epoch_seen *seen), void *ctx);

#endif
