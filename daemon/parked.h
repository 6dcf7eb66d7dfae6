/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to Appends that wait for a quorum of witnesses: durable and signed already, each is held
 * until a cosigned tree holds its records, or its time is over. Any thread puts, one takes.
 */
#ifndef DAEMON_PARKED_H
#define DAEMON_PARKED_H

#include "op.h"
#include "store.h"

struct parked;

/* NULL: memory is out. */
struct parked *parked_new(struct store *store);
/* Ops still inside are not freed: take them first. NULL is fine. */
void parked_free(struct parked *parked);
/* Whether this answered op waits at all. */
bool parked_wants(const struct op *op);
/* Hold it; `now_ns` is CLOCK_BOOTTIME. */
void parked_put(struct parked *parked, struct op *op, uint64_t now_ns);
/*
 * Those whose waiting is over, as a chain: their records are in the tree of `size`, whose note is
 * `note`, and their answers show and prove it; or their time is over, and they are as they were.
 * `all`: all of the rest, too. NULL: none.
 */
struct op *parked_take(
	struct parked *parked, uint64_t size, struct shared_note *note, uint64_t now_ns, bool all);
/* When the time of the first is over; UINT64_MAX: none waits. */
uint64_t parked_next_ns(struct parked *parked);

#endif
