/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers that sources gave (FORMATS.md section 4), followed along the spine: seq = last + 1,
 * or larger only where loss is declared; and one peer per epoch. Memory: 64 bytes per epoch and
 * half as many free ones, for at most 2^22 epochs.
 */
#ifndef PROTO_NUMBER_H
#define PROTO_NUMBER_H

#include "err.h"
#include "findings.h"
#include "record.h"

struct numbers;

/* NULL: memory is out. */
struct numbers *numbers_new(void);
void numbers_free(struct numbers *numbers);
/* Judge the number of one event of a source. TRAIL_NOMEM. */
enum trail_err numbers_take(
	struct numbers *numbers, struct findings *found, uint64_t index, const struct record *r);
/*
 * Records are missing here, or were not looked at: nothing is known of any epoch any more, and one
 * that is met again is taken as it comes.
 */
void numbers_forget(struct numbers *numbers);

/* What the spine says of one epoch. */
struct epoch_seen {
	uint64_t source, epoch;
	uint64_t peer;
	uint64_t last, holes;
	uint64_t first_index, last_index;
	bool used;  /* the slot */
	bool doubt; /* first seen behind missing records */
	bool row;   /* for who compares state rows: it was met */
};

/* NULL: not met. */
struct epoch_seen *numbers_find(struct numbers *numbers, uint64_t source, uint64_t epoch);
/* Call for every epoch. */
void numbers_each(
	struct numbers *numbers, void (*fn)(void *ctx, const struct epoch_seen *seen), void *ctx);

#endif
