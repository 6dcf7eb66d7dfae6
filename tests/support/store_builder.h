/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes small stores on disk with the daemon's own batch, epochs and formats, but without a daemon
 * and without a signer process: what a test says, in as many commits as it says. Any failure aborts
 * the test program, as a test cannot go on without its store.
 */
#ifndef SUPPORT_STORE_BUILDER_H
#define SUPPORT_STORE_BUILDER_H

#include "../../daemon/epochs.h"
#include "../../daemon/store.h"
#include "seal_maker.h"

struct builder;

#define BUILDER_SEAL_MAX_NS UINT64_C(7200000000000)

/* A new log in the empty folder `state`, named `origin`, its genesis committed. */
struct builder *builder_new(const char *state, const char *origin);
/* Signs nothing more, closes the store, frees. */
void builder_free(struct builder *b);

/* Stage entries; each answers its index. Times grow by a millisecond per record. */
uint64_t builder_peer(struct builder *b, const char *uid);
uint64_t builder_source(struct builder *b, const char *name, uint64_t peer);
uint64_t builder_daemon(struct builder *b, enum daemon_what what);
/* One valid event that takes the next number of its epoch, after `lost` lost ones. */
uint64_t builder_event(
	struct builder *b, uint64_t source, uint64_t peer, uint64_t epoch, uint64_t lost);
/* The same with this payload. */
uint64_t builder_said(struct builder *b, uint64_t source, uint64_t peer, uint64_t epoch,
	uint64_t lost, struct span payload);
/* One event of the daemon's own; and with this payload. */
uint64_t builder_own_event(struct builder *b);
uint64_t builder_own(struct builder *b, struct span payload);
/* Stage a record and its payload as they are, true or not. */
uint64_t builder_record(struct builder *b, struct record *r, struct span payload);
void builder_control(struct builder *b, enum record_kind kind, struct span payload);
/*
 * Stage the next SEAL of what is committed and signed; `forge` (NULL: nothing) may change what it
 * says, and by which key. The log promises one every BUILDER_SEAL_MAX_NS. Its index.
 */
typedef void (*builder_forge_fn)(struct forgery *f);
uint64_t builder_seal(struct builder *b, builder_forge_fn forge);
/* Set the clock that stages: ns since 1970. */
void builder_set_time(struct builder *b, uint64_t ns);
/* End an epoch cleanly. */
void builder_close_epoch(struct builder *b, uint64_t source, uint64_t epoch);
/* Commit what is staged, keep the head before it, sign. */
void builder_commit(struct builder *b);
/* The same, but die before signing. */
void builder_commit_unsigned(struct builder *b);
/* Records committed. */
uint64_t builder_size(const struct builder *b);
/* The newest signed note, as text. */
const char *builder_note(const struct builder *b);
/* For rows put or deleted by hand, in a transaction of the caller's. */
struct db *builder_db(struct builder *b);
struct store *builder_store(struct builder *b);
/* The newest signed head. */
struct head builder_head(const struct builder *b);
/* The standing of an epoch, opened when it is new; and all of them, for what no event does. */
struct epoch *builder_epoch(struct builder *b, uint64_t source, uint64_t epoch);
struct epochs *builder_epochs(struct builder *b);

#endif
