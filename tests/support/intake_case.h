/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intake on a real store, without sockets, threads or signer: a test makes ops as the service
 * would, offers them, commits as the writer would. Ops live until the next commit at least, and are
 * all freed at the end. Every function aborts when the machine does not play along.
 */
#ifndef TESTS_SUPPORT_INTAKE_CASE_H
#define TESTS_SUPPORT_INTAKE_CASE_H

#include "../../daemon/intake.h"
#include "signer_case.h"

struct intake_case {
	char folder[CASE_PATH_MAX];
	struct store *store;
	struct intake in;
	struct case_op *ops;
	const char *uid;    /* who speaks: a Unix user */
	uint64_t session;   /* on which connection */
	const char *source; /* for which source */
	uint64_t behind_ns; /* how long ago ops came in */
};

/* A log with a genesis and a start; uid "1000", session 1, source "ehr". */
void intake_case_make(struct intake_case *c);
void intake_case_remove(struct intake_case *c);
/* Commit, close, open, START again. */
void intake_case_restart(struct intake_case *c);
/* Close without a commit, as a kill would; intake_open's answer. */
enum trail_err intake_case_reopen(struct intake_case *c);
/* What was staged and what was said goes to disk, and the next batch begins. */
void intake_case_commit(struct intake_case *c);

/*
 * Ops, not offered yet. The events of an Append are "<word> <epoch> <seq>", so that the same number
 * has the same payload under the same word.
 */
struct op *case_append(
	struct intake_case *c, uint64_t epoch, uint64_t first_seq, size_t count, const char *word);
struct op *case_word(
	struct intake_case *c, enum request_kind kind, uint64_t epoch, uint64_t number);
struct op *case_hello(struct intake_case *c, uint64_t epoch);
struct op *case_own(struct intake_case *c);
/* Offer an op; commit first when it asks for it. */
void case_take(struct intake_case *c, struct op *op);

/* Record `index` as committed. */
struct record case_record(struct intake_case *c, uint64_t index);

#endif
