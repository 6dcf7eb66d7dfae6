/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: the terms of some records of one class and month, gathered in memory in the order of the
 * log and then written, sorted, as a segment. Random inserts into a tree on disk keep up with a few
 * thousand events a second; this keeps up with the log. One thread.
 */
#ifndef DAEMON_INDEX_RUN_H
#define DAEMON_INDEX_RUN_H

#include "segment_write.h"
#include "term.h"

struct run;

/* NULL: memory is out. */
struct run *run_new(void);
void run_free(struct run *run);
/* Forget what was added; the memory stays. */
void run_clear(struct run *run);
/*
 * The record of number `doc`, above all before it, has these terms, in the order that
 * terms_of_event gives; its event happened at `second`. False: memory is out, and the run is of no
 * use until it is cleared.
 */
bool run_add(
	struct run *run, uint32_t doc, uint32_t second, const struct term *terms, size_t count);
/* Records added, and those of them that tell a loss. */
uint32_t run_records(const struct run *run);
uint32_t run_losses(const struct run *run);
/* When the event of `doc` happened; 0: no such record was added. */
uint32_t run_second(const struct run *run, uint32_t doc);
/* The first record that happened before `first_s` or after `last_s`, to *doc. False: none did. */
bool run_outside(const struct run *run, uint32_t first_s, uint32_t last_s, uint32_t *doc);
/* All terms with their docs to `w`, in order. False: memory is out. */
bool run_write(struct run *run, struct segment_writer *w);

#endif
