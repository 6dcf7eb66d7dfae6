/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtrail: write access events to traild, and check what it answers.
 *
 * Complete: when it prints a number, the event is on the log's disk and its receipt was verified.
 *
 *	#include <stdio.h>
 *	#include <trail.h>
 *
 *	int main(void)
 *	{
 *		struct trail *t = trail_new();
 *		struct trail_event *e = trail_event_new();
 *		struct trail_receipt *r = NULL;
 *
 *		trail_event_set_now(e);
 *		trail_event_set_action(e, TRAIL_READ);
 *		trail_event_set(e, TRAIL_ACTOR_ID, "anna");
 *		trail_event_set(e, TRAIL_OBJECT_ID, "/journal/4711");
 *		trail_event_set(e, TRAIL_SUBJECT, "p-93");
 *		trail_event_set(e, TRAIL_PURPOSE, "case:2026-118");
 *		enum trail_err err = trail_open(t, NULL);
 *		if (err == TRAIL_OK)
 *			err = trail_append(t, "journal", e, &r);
 *		if (err == TRAIL_OK)
 *			printf("record %llu\n", (unsigned long long)trail_receipt_index(r, 0));
 *		else
 *			fprintf(stderr, "%s: %s\n", trail_err_text(err), trail_error(t));
 *		trail_receipt_free(r);
 *		trail_event_free(e);
 *		trail_free(t);
 *		return err == TRAIL_OK ? 0 : 1;
 *	}
 *
 *	cc -o journal journal.c $(pkg-config --cflags --libs libtrail)
 *	TRAIL_CONNECT=unix:/run/trail/trail.sock ./journal
 *
 * It needs a running traild, and a user who may write there (usually: in group "trail"). Then
 * `trail show NUMBER` shows the event. To link libtrail.a: -static, and pkg-config --static.
 *
 * Objects. A handle (struct trail) is one connection to one log. An event says who did what to
 * which object: action, time, actor and object are required. A receipt says where the log put it:
 * the index of its record, for ever, and the checkpoint, signed by the log, that covers it. Events
 * of a source that numbers them itself go in batches (trail_claim, trail_batch_begin,
 * trail_append_batch): these can be repeated without doubling, and what is missing shows.
 *
 * Questions. trail_search and trail_history give rows, one by one (trail_rows_next), each with the
 * proof that it is the log's; trail_get one record; trail_verify_run looks at all of them. Whoever
 * asks is in the log before the answer comes.
 *
 * Evidence, for somebody without the log: trail_prove for one record, trail_entry_evidence and
 * trail_rows_evidence for an answer; trail_verify_proof and trail_verify_line judge it.
 *
 * What is verified. The library believes no answer: it derives each record anew from the answer
 * and from its own bytes, chains them, and checks their inclusion in a signed checkpoint, which
 * must extend every one seen before. What does not fit is TRAIL_CORRUPT, never success. What it
 * cannot verify: that the event is true; that the log holds no other; that the disk kept what it
 * said it kept; that others are shown the same log (compare checkpoints with them: they are text).
 *
 * Which log. Give its identity file (trail_set_identity; `trail key` prints it, fetch it by a path
 * that you trust). Else the identity is taken at the first contact and kept, with the newest
 * checkpoint, in $XDG_STATE_HOME/trail: who stands there at that moment is believed. Another log
 * under that address or origin, or one that shrank or cannot prove that it extends what was seen,
 * is TRAIL_CORRUPT from then on.
 *
 * Errors. A code says what the caller can do; trail_error(t) says in a sentence what was wrong.
 *
 *	mend the call          TRAIL_INVALID TRAIL_TOO_BIG TRAIL_MISUSE TRAIL_UNSUPPORTED
 *	the same again, later  TRAIL_BUSY TRAIL_FULL TRAIL_UNAVAILABLE: this call stored nothing
 *	stored, or not         TRAIL_TIMEOUT TRAIL_IO TRAIL_NOMEM: open again where the connection
 *	                       ended, and repeat; a numbered batch is not doubled by that, the
 *	                       event of trail_append may be
 *	mend the numbering     TRAIL_EXPECTED TRAIL_CLOSED TRAIL_CONFLICT
 *	tell a person          TRAIL_DENIED, TRAIL_CORRUPT: evidence; keep the checkpoints, stop
 *
 * TRAIL_TIMEOUT, TRAIL_IO and TRAIL_CORRUPT end the connection; trail_open makes another. No
 * receipt means no promise; it does not mean that nothing was stored.
 *
 * Waiting. Every wait ends: after the handle's timeout (trail_set_timeout), or after the one that
 * is passed. To go on while the log works: trail_submit with a callback; poll trail_fd for reading,
 * and for writing while trail_wants_write; then trail_process(t, 0). Its callbacks run only inside
 * trail_process and trail_flush; those that tell of progress inside the call that takes long.
 *
 * Threads. A handle, an event, a batch belongs to one thread at a time; there is no other state:
 * no thread but those that trail_verify_set_threads asks for, no signal, no use of the locale.
 * After fork the child may only free; every call on a handle that could speak is TRAIL_MISUSE.
 *
 * Ownership. What *_new returns, and what a call puts behind a ** (not a const one), is yours to
 * free by its *_free, which takes NULL. Text and bytes that are passed are copied. What a getter
 * returns belongs to its object until that is changed or freed. NULL where an object is due is
 * TRAIL_MISUSE, or a zero, or nothing: an object that could not be made need not be asked for
 * before it is used. Text is UTF-8 and ends in NUL. Times are ns since 1970 UTC.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define TRAIL_MUST_USE [[nodiscard]]
#else
#define TRAIL_MUST_USE
#endif

#pragma GCC visibility push(default)

/*
 * By what the caller can do. 0 is success, above 0 is "not an error, but not done", below 0 is an
 * error; -1 to -10 are the codes of the wire.
 */
enum TRAIL_MUST_USE trail_err {
	TRAIL_OK = 0,
	TRAIL_MORE = 1,          /* more bytes are needed */
	TRAIL_END = 2,           /* nothing is left */
	TRAIL_INVALID = -1,      /* mend the input */
	TRAIL_CONFLICT = -2,     /* other content stands under this number */
	TRAIL_EXPECTED = -3,     /* go back to the number that is expected */
	TRAIL_CLOSED = -4,       /* the epoch is over: open a new one */
	TRAIL_DENIED = -5,       /* this identity may not */
	TRAIL_TOO_BIG = -6,      /* split it */
	TRAIL_BUSY = -7,         /* again a little later */
	TRAIL_FULL = -8,         /* the disk's reserve is reached: an operator must make room */
	TRAIL_UNAVAILABLE = -9,  /* not now: starting, stopping, or not running */
	TRAIL_UNSUPPORTED = -10, /* the other side does not know that */
	TRAIL_IO = -11,          /* a file, a disk or a socket failed */
	TRAIL_NOMEM = -12,       /* memory is out */
	TRAIL_TIMEOUT = -13,     /* the deadline passed; whether it was done is not known */
	TRAIL_CORRUPT = -14, /* bytes contradict what they claim: evidence against who gave them */
	TRAIL_MISUSE = -15,  /* a call that makes no sense: a closed handle, a NULL */
};

/* What to do about an error. */
enum trail_retry {
	TRAIL_RETRY_NO = 0,     /* the same call fails again: mend the input, or ask somebody */
	TRAIL_RETRY_SAME = 1,   /* the same call later; nothing of it was done */
	TRAIL_RETRY_REOPEN = 2, /* trail_open, then see what was done (trail_claim) */
};
enum trail_retry trail_err_retry(enum trail_err code);

/* What a code means, in a few words; never NULL. */
const char *trail_err_text(enum trail_err code);
/* The library's version, "0.1.0". */
const char *trail_version(void);

struct trail;             /* a connection to one log */
struct trail_event;       /* what a source says */
struct trail_batch;       /* consecutive events of one source and epoch */
struct trail_receipt;     /* what the log answered for a batch, verified */
struct trail_entry;       /* one record of the log with what it commits to, verified */
struct trail_query;       /* what is asked of the log */
struct trail_rows;        /* the answer, row by row, each verified */
struct trail_report;      /* how many events have what */
struct trail_sources;     /* who writes to the log */
struct trail_status;      /* how the daemon is */
struct trail_predecessor; /* the log that this one follows */

enum {
	TRAIL_HASH_LEN = 32,
	TRAIL_RECORD_LEN = 112,
	TRAIL_SALT_LEN = 16,
	TRAIL_ID_LEN = 16,
	TRAIL_BATCH_MAX = 1000,        /* events of one batch */
	TRAIL_BATCH_BYTES = 960 * 1024 /* encoded bytes of one batch */
};

/* ---- the handle ---- */

/* A handle that is not open yet. NULL: memory is out, or the crypto library cannot start. */
struct trail *trail_new(void);
/* Close and give back. NULL is fine. */
void trail_free(struct trail *t);

/* How long a call of this handle may wait, in ms, 1 to 3,600,000; 10,000 unless set. */
enum trail_err trail_set_timeout(struct trail *t, int timeout_ms);
/*
 * Where identities and newest checkpoints are kept: a folder, made if missing. "" keeps nothing.
 * Unless set: $XDG_STATE_HOME/trail, else $HOME/.local/state/trail, else nothing is kept.
 */
enum trail_err trail_set_state_dir(struct trail *t, const char *path);
/* The text of the log identity file that the log must be. TRAIL_INVALID: it is not one. */
enum trail_err trail_set_identity(struct trail *t, const char *text, size_t len);
/*
 * The witness policy (c2sp.org/tlog-policy, as text) by which cosignatures are judged here: whom
 * the daemon asks, and what it calls witnessed, is never believed. TRAIL_INVALID: trail_error names
 * the line.
 */
enum trail_err trail_set_policy(struct trail *t, const char *text, size_t len);

enum trail_ack {
	TRAIL_ACK_DURABLE = 0,   /* committed, synced and signed */
	TRAIL_ACK_WITNESSED = 1, /* and a quorum of the daemon's witness policy cosigned it */
};
/*
 * What appends of this handle wait for; DURABLE unless set. WITNESSED: at most `wait_ms` (up to
 * 600,000), beside the handle's timeout; the receipt tells whether it came to that
 * (trail_receipt_witnessed). Either way the events are durable.
 */
enum trail_err trail_set_ack(struct trail *t, enum trail_ack ack, unsigned wait_ms);

/*
 * Connect, say Hello, and check that the log is the one that is known: identity, genesis, and that
 * its newest checkpoint extends the one kept. `address`: "unix:PATH"; NULL: $TRAIL_CONNECT, else
 * unix:/run/trail/trail.sock. A handle that lost its connection may be opened again.
 *
 * TRAIL_UNAVAILABLE  nothing listens there · TRAIL_DENIED  this user may not · TRAIL_TIMEOUT
 * TRAIL_UNSUPPORTED  another kind of address, or another protocol version
 * TRAIL_CORRUPT      not the log that is known, or one that lies · TRAIL_IO · TRAIL_NOMEM
 */
enum trail_err trail_open(struct trail *t, const char *address);
/* End the connection; what is in flight is answered TRAIL_UNAVAILABLE to nobody. */
void trail_close(struct trail *t);

/* What the last failed call of this handle ran into; TRAIL_OK when none did since trail_open. */
enum trail_err trail_error_code(const struct trail *t);
/* One sentence: what was wrong, where, what to do. "" when nothing was. Holds foreign text. */
const char *trail_error(const struct trail *t);
/*
 * With TRAIL_INVALID: which event of the batch, from 0, and its field ("actor.id"; "" for none).
 * From trail_search, with TRAIL_UNSUPPORTED too: at which byte of the terms the trouble begins.
 */
uint32_t trail_error_index(const struct trail *t);
const char *trail_error_field(const struct trail *t);
/* With TRAIL_EXPECTED: the seq to go back to. */
uint64_t trail_error_expected(const struct trail *t);
/* With TRAIL_BUSY: how long to wait; 0 when it was not said. */
uint32_t trail_error_retry_ms(const struct trail *t);

/* ---- the log ---- */

/* The log identity file, as text. NULL before trail_open. */
const char *trail_identity(const struct trail *t);
/* The log's origin. NULL before trail_open. */
const char *trail_origin(const struct trail *t);

/* How the identity is known. */
enum trail_trust {
	TRAIL_TRUST_NONE = 0,  /* not open yet */
	TRAIL_TRUST_GIVEN = 1, /* by trail_set_identity */
	TRAIL_TRUST_KEPT = 2,  /* from an earlier contact */
	TRAIL_TRUST_FIRST = 3, /* this is the first contact: taken from the daemon */
};
enum trail_trust trail_trust_level(const struct trail *t);

/*
 * Fetch the newest checkpoint, and check that it extends every one seen before. *note is the signed
 * note as text; it belongs to the handle until its next call.
 */
enum trail_err trail_checkpoint(struct trail *t, const char **note, size_t *len);
/* Size of the newest checkpoint that was checked; 0 before trail_open. */
uint64_t trail_size(const struct trail *t);
/*
 * Check that the log's newest checkpoint extends `note`, a checkpoint of this log from wherever.
 * TRAIL_INVALID: `note` is not one. TRAIL_CORRUPT: it is, and the log does not extend it.
 */
enum trail_err trail_consistency(struct trail *t, const char *note, size_t len);
/* Have all checkpoints that answers carried proven to extend each other, and keep the newest. */
enum trail_err trail_settle(struct trail *t);

/* ---- events ---- */

enum trail_action {
	TRAIL_CREATE = 1,
	TRAIL_READ = 2,
	TRAIL_MODIFY = 3,
	TRAIL_DELETE = 4,
	TRAIL_EXECUTE = 5, /* none of the four: login, export, print; say which by TRAIL_VERB */
};

enum trail_outcome {
	TRAIL_SUCCESS = 0,
	TRAIL_REFUSED = 1, /* DENIED in JSON */
	TRAIL_FAILURE = 2,
	TRAIL_UNKNOWN = 3,
};

enum trail_medium {
	TRAIL_DIGITAL = 0,
	TRAIL_PAPER = 1,
	TRAIL_ORAL = 2,
};

enum trail_actor_type {
	TRAIL_ACTOR_UNSPECIFIED = 0,
	TRAIL_ACTOR_USER = 1,
	TRAIL_ACTOR_SYSTEM = 2,
	TRAIL_ACTOR_SERVICE = 3,
	TRAIL_ACTOR_ANONYMOUS = 4,
};

/* The fields that hold text. Numbers are never reused; new ones come at the end. */
enum trail_field {
	TRAIL_VERB = 0,     /* the source's own word: "print", "export" */
	TRAIL_REASON = 1,   /* of the outcome */
	TRAIL_ACTOR_ID = 2, /* required */
	TRAIL_ACTOR_NAME = 3,
	TRAIL_ACTOR_ROLE = 4,
	TRAIL_ACTOR_UNIT = 5,
	TRAIL_ACTOR_SESSION = 6,
	TRAIL_ACTOR_ADDRESS = 7,
	TRAIL_ACTOR_ON_BEHALF_OF = 8,
	TRAIL_OBJECT_ID = 9, /* required */
	TRAIL_OBJECT_TYPE = 10,
	TRAIL_OBJECT_NAME = 11,
	TRAIL_OBJECT_VERSION = 12,
	TRAIL_SUBJECT = 13, /* the person whom the information is about */
	TRAIL_PURPOSE = 14, /* why: a code or a case number */
	TRAIL_ORIGIN_HOST = 15,
	TRAIL_ORIGIN_APPLICATION = 16,
	TRAIL_ORIGIN_PROCESS = 17,
	TRAIL_ORIGIN_ADDRESS = 18,
	TRAIL_CORRELATION = 19, /* ties events of one act together */
	TRAIL_FIELD_COUNT = 20  /* of this version */
};

/* "actor.id" and so on; NULL: no such field. */
const char *trail_field_name(enum trail_field field);
/* The inverse: the field's number, -1 when there is none of that name. */
int trail_field_find(const char *name);

/* Lists of words: upper case in JSON, any case accepted. */
enum trail_word {
	TRAIL_WORD_ACTION = 0,
	TRAIL_WORD_OUTCOME = 1,
	TRAIL_WORD_MEDIUM = 2,
	TRAIL_WORD_ACTOR_TYPE = 3,
	TRAIL_WORD_KIND = 4, /* of records: EVENT SOURCE PEER POLICY SEAL ERASURE DAEMON */
};
/* The word of a number; NULL: it has none. */
const char *trail_word_name(enum trail_word list, int number);
/* The number of a word, whatever its case; -1: not in the list. */
int trail_word_find(enum trail_word list, const char *word);
/* The name nearest to a misspelt `word` in a list ended by NULL; NULL when none is near. */
const char *trail_suggest(const char *word, const char *const *names);

/* An empty event. NULL: memory is out. Free with trail_event_free (NULL is fine). */
struct trail_event *trail_event_new(void);
void trail_event_free(struct trail_event *e);
/* Forget all fields, keep the memory. */
void trail_event_clear(struct trail_event *e);

/*
 * Setters copy and answer nothing: what is wrong (a value that is not allowed, memory) stays with
 * the event and comes out of trail_event_check, trail_batch_add and trail_append.
 */
void trail_event_set(struct trail_event *e, enum trail_field field, const char *text);
void trail_event_set_id(struct trail_event *e, const uint8_t id[TRAIL_ID_LEN]);
/* A random UUID (version 4). */
void trail_event_make_id(struct trail_event *e);
void trail_event_set_time(struct trail_event *e, int64_t time_ns);
void trail_event_set_now(struct trail_event *e);
void trail_event_set_action(struct trail_event *e, enum trail_action action);
void trail_event_set_outcome(struct trail_event *e, enum trail_outcome outcome);
void trail_event_set_medium(struct trail_event *e, enum trail_medium medium);
void trail_event_set_actor_type(struct trail_event *e, enum trail_actor_type type);
/* NULL for old_value or new_value: there is none. */
void trail_event_add_change(
	struct trail_event *e, const char *field, const char *old_value, const char *new_value);
void trail_event_add_attribute(struct trail_event *e, const char *key, const char *value);
void trail_event_set_raw(struct trail_event *e, const void *data, size_t len);

/*
 * Judge it as the daemon would. TRAIL_INVALID, TRAIL_TOO_BIG: see the two getters below.
 */
enum trail_err trail_event_check(struct trail_event *e);
/* The field ("actor.id"; "" for the whole) and why ("is required") of the last judgement. */
const char *trail_event_fault_field(const struct trail_event *e);
const char *trail_event_fault_why(const struct trail_event *e);

/* NULL, 0: not set. */
const char *trail_event_get(const struct trail_event *e, enum trail_field field);
const uint8_t *trail_event_id(const struct trail_event *e);
int64_t trail_event_time(const struct trail_event *e);
int trail_event_action(const struct trail_event *e);
int trail_event_outcome(const struct trail_event *e);
int trail_event_medium(const struct trail_event *e);
int trail_event_actor_type(const struct trail_event *e);
size_t trail_event_change_count(const struct trail_event *e);
/* The i-th change; NULL behind the last. */
const char *trail_event_change_field(const struct trail_event *e, size_t i);
const char *trail_event_change_old(const struct trail_event *e, size_t i);
const char *trail_event_change_new(const struct trail_event *e, size_t i);
size_t trail_event_attribute_count(const struct trail_event *e);
const char *trail_event_attribute_key(const struct trail_event *e, size_t i);
const char *trail_event_attribute_value(const struct trail_event *e, size_t i);
const uint8_t *trail_event_raw(const struct trail_event *e, size_t *len);

/* ---- writing ---- */

/*
 * Append one event of `source`, numbered by the daemon (epoch 0), and wait until it is durable and
 * the receipt is verified, its checkpoint's consistency included. A retry after TRAIL_TIMEOUT or
 * TRAIL_IO may double it. *receipt (the pointer may be NULL) is the caller's to free.
 */
enum trail_err trail_append(
	struct trail *t, const char *source, struct trail_event *e, struct trail_receipt **receipt);

/*
 * A batch: events first_seq, first_seq + 1, ... of one source and epoch; all or nothing.
 * In epoch 0 the daemon numbers, and first_seq is 0. NULL: memory is out.
 */
struct trail_batch *trail_batch_new(void);
void trail_batch_free(struct trail_batch *b);
/* Empty it, and say what comes. TRAIL_INVALID: a bad source name, or first_seq that cannot be. */
enum trail_err trail_batch_begin(
	struct trail_batch *b, const char *source, uint64_t epoch, uint64_t first_seq);
/* Declare that `lost` seqs right before first_seq will never come. */
enum trail_err trail_batch_lost(struct trail_batch *b, uint64_t lost);
/*
 * Encode the event behind the others. TRAIL_INVALID: trail_event_check; the batch stays as it was.
 * TRAIL_TOO_BIG with an empty fault: the batch is full; send it and begin another.
 */
enum trail_err trail_batch_add(struct trail_batch *b, struct trail_event *e);
size_t trail_batch_count(const struct trail_batch *b);
size_t trail_batch_bytes(const struct trail_batch *b);

/*
 * Ask for an epoch (not 0), which then belongs to this connection: needed before batches of it.
 * TRAIL_OK: the log holds it up to *last. TRAIL_END: it is new; *last is 0.
 * TRAIL_CLOSED: it is unknown and older than one that is over. TRAIL_DENIED: another peer's.
 */
enum trail_err trail_claim(struct trail *t, const char *source, uint64_t epoch, uint64_t *last);
/* Append the batch and wait, as trail_append. The batch is empty afterwards, come what may. */
enum trail_err trail_append_batch(
	struct trail *t, struct trail_batch *b, struct trail_receipt **receipt);

/*
 * What became of a submitted batch. `receipt` is NULL unless `err` is TRAIL_OK, and ends with the
 * call; trail_error and its kin of `t` tell about a failure. May submit; must not process, flush,
 * close or free.
 */
typedef void (*trail_done_fn)(void *ctx, enum trail_err err, const struct trail_receipt *receipt);
/*
 * Send the batch without waiting for its answer; it is empty afterwards unless this fails.
 * TRAIL_BUSY: 64 requests are in flight; call trail_process first.
 */
enum trail_err trail_submit(struct trail *t, struct trail_batch *b, trail_done_fn done, void *ctx);
/* Requests whose callback has not run yet. */
size_t trail_in_flight(const struct trail *t);
/*
 * Send and receive, and run callbacks. Waits at most timeout_ms (0: not at all) for the first.
 * TRAIL_OK: callbacks ran, or nothing is in flight. TRAIL_MORE: nothing came.
 * An error: the connection is lost; every callback ran with that error.
 */
enum trail_err trail_process(struct trail *t, int timeout_ms);
/* trail_process until nothing is in flight, then trail_settle. */
enum trail_err trail_flush(struct trail *t, int timeout_ms);
/* For poll: wait for this to be readable (and writable while trail_wants_write), then process. */
int trail_fd(const struct trail *t);
bool trail_wants_write(const struct trail *t);

/* A clean end: `last` is the last seq. Nothing can come behind it. TRAIL_CLOSED: it was over. */
enum trail_err trail_close_epoch(
	struct trail *t, const char *source, uint64_t epoch, uint64_t last);
/* Say that the source lives and has given out seqs up to `made`. *last: the log holds up to it. */
enum trail_err trail_keepalive(
	struct trail *t, const char *source, uint64_t epoch, uint64_t made, uint64_t *last);
/*
 * The epoch of an import, so that a second run adds nothing: bit 63, then the first 63 bits of
 * H("trail-import/v1\n" source "\n" batch). trail-format(7).
 */
uint64_t trail_import_epoch(const char *source, const char *batch);

/* ---- receipts: verified, one item per event of the batch, i from 0 ---- */

void trail_receipt_free(struct trail_receipt *r);
size_t trail_receipt_count(const struct trail_receipt *r);
uint64_t trail_receipt_index(const struct trail_receipt *r, size_t i);
uint64_t trail_receipt_seq(const struct trail_receipt *r, size_t i);
uint64_t trail_receipt_received(const struct trail_receipt *r, size_t i);
/* The log held it already, with the same content. */
bool trail_receipt_duplicate(const struct trail_receipt *r, size_t i);
/* False for a duplicate whose content the daemon no longer has: nothing could be compared. */
bool trail_receipt_checked(const struct trail_receipt *r, size_t i);
/* TRAIL_HASH_LEN, TRAIL_RECORD_LEN, TRAIL_SALT_LEN bytes; NULL when not checked. */
const uint8_t *trail_receipt_leaf(const struct trail_receipt *r, size_t i);
const uint8_t *trail_receipt_record(const struct trail_receipt *r, size_t i);
const uint8_t *trail_receipt_salt(const struct trail_receipt *r, size_t i);
/* The checkpoint that covers them: its size, and the signed note. */
uint64_t trail_receipt_size(const struct trail_receipt *r);
const char *trail_receipt_note(const struct trail_receipt *r);
/*
 * When that note's cosignatures met the policy of trail_set_policy, by the witnesses' clocks, ns
 * since 1970. 0: they do not, or no policy was set.
 */
uint64_t trail_receipt_witnessed(const struct trail_receipt *r);

/* ---- reading ---- */

/*
 * One record with what it commits to. Checked: its inclusion in the newest checkpoint, its
 * commitment where the payload is there, and the names of source and peer by their own records.
 * TRAIL_END: the log is not that long.
 */
enum trail_err trail_get(struct trail *t, uint64_t index, struct trail_entry **entry);
void trail_entry_free(struct trail_entry *n);
uint64_t trail_entry_index(const struct trail_entry *n);
/* 1 EVENT 2 SOURCE 3 PEER 4 POLICY 6 SEAL 7 ERASURE 8 DAEMON, or one not known here. */
int trail_entry_kind(const struct trail_entry *n);
uint64_t trail_entry_received(const struct trail_entry *n);
/* Numbers of its SOURCE and PEER entries; 0: the log itself, the daemon. */
uint64_t trail_entry_source(const struct trail_entry *n);
uint64_t trail_entry_peer(const struct trail_entry *n);
/* Their names; a peer's with its kind in front ("unix:1000"). NULL: none, or erased. */
const char *trail_entry_source_name(const struct trail_entry *n);
const char *trail_entry_peer_name(const struct trail_entry *n);
uint64_t trail_entry_epoch(const struct trail_entry *n);
uint64_t trail_entry_seq(const struct trail_entry *n);
uint32_t trail_entry_class(const struct trail_entry *n);
/* 1 deficient, 2 late, 4 loss declared before it, 8 not protected against doubling or loss. */
uint32_t trail_entry_flags(const struct trail_entry *n);
const uint8_t *trail_entry_record(const struct trail_entry *n);
const uint8_t *trail_entry_leaf(const struct trail_entry *n);
/* NULL: erased, or none is kept. */
const uint8_t *trail_entry_salt(const struct trail_entry *n);
const uint8_t *trail_entry_payload(const struct trail_entry *n, size_t *len);
/* The event; NULL when this is none, or its payload is not there. Belongs to the entry. */
const struct trail_event *trail_entry_event(const struct trail_entry *n);
/* Size of the checkpoint in which its inclusion was checked. */
uint64_t trail_entry_size(const struct trail_entry *n);

/*
 * Told from time to time, inside of a call that takes long, that `done` of `total` is done. False:
 * stop: the call answers TRAIL_MORE, and goes on when it is made again. Must not call the handle.
 */
typedef bool (*trail_progress_fn)(void *ctx, uint64_t done, uint64_t total);

/*
 * A question: terms, bounds and order. Setters copy. NULL: memory is out.
 */
struct trail_query *trail_query_new(void);
void trail_query_free(struct trail_query *q);
/*
 * "actor:anna action:read": field:value terms, all of which an event must meet, or one of those of
 * the same field; "" or NULL: every event. "-" in front is NOT, "*" behind a value a prefix, ".."
 * a range; a value with spaces or a special meaning stands in double quotes. trail(1), QUERIES, has
 * the grammar and the fields. Not judged before trail_search or trail_query_explain.
 * TRAIL_TOO_BIG: more than 4,096 bytes. TRAIL_NOMEM.
 */
enum trail_err trail_query_set_terms(struct trail_query *q, const char *terms);
/* Events that happened at `since_ns` or later and before `until_ns`, by their own time. 0: none. */
enum trail_err trail_query_set_time(struct trail_query *q, int64_t since_ns, int64_t until_ns);
/* The newest record first. Not together with follow. */
enum trail_err trail_query_set_newest_first(struct trail_query *q, bool on);
/* Look at no record before index `from`; newest first: at none from it on, where 0 is no bound. */
enum trail_err trail_query_set_from(struct trail_query *q, uint64_t from);
/* Do not end with what the log holds: wait for more. */
enum trail_err trail_query_set_follow(struct trail_query *q, bool on);
/*
 * How many rows come in one page; 0, unless set: as many as fit, some hundreds. Who shows the first
 * few alone has them sooner.
 */
enum trail_err trail_query_set_page(struct trail_query *q, uint32_t rows);
/* Read the log itself, not the index. */
enum trail_err trail_query_set_scan(struct trail_query *q, bool on);
/* Keep what trail_rows_evidence needs: the entries that rows name. Not together with follow. */
enum trail_err trail_query_set_evidence(struct trail_query *q, bool on);
/* Have told how many records were looked at, where many lie between rows. NULL: nobody. */
enum trail_err trail_query_set_progress(
	struct trail_query *q, trail_progress_fn progress, void *ctx);

/* Told one line of text, without its end. Must not call the handle. */
typedef void (*trail_line_fn)(void *ctx, const char *text);
/*
 * How the terms of `q` are understood, in English, for people to read: a line for each field that
 * is asked for, then one for each NOT; "every event" where there are none. Values come as they were
 * given. No connection is needed, nothing is asked. TRAIL_INVALID, TRAIL_TOO_BIG: as trail_search.
 * TRAIL_NOMEM.
 */
enum trail_err trail_query_explain(
	struct trail *t, const struct trail_query *q, trail_line_fn line, void *ctx);

/*
 * Ask. The daemon writes an event "uid 1000 searched for ..." first, and answers when that is
 * durable. *rows is the caller's: trail_rows_free, before or after the handle is closed; a freed
 * handle ends it. NULL for `q`: every event. One event is logged for the whole answer.
 *
 * The question is judged first, on a handle that is not open, too: there TRAIL_MISUSE says that
 * nothing is wrong with it.
 *
 * TRAIL_INVALID      the terms are no query (trail_error_index: where)
 * TRAIL_TOO_BIG      more than 64 terms; as above
 * TRAIL_UNSUPPORTED  the daemon is of another time, and knows less of the grammar; as above
 * TRAIL_DENIED       role investigator is needed · TRAIL_FULL: the reading cannot be written down
 */
enum trail_err trail_search(struct trail *t, const struct trail_query *q, struct trail_rows **rows);
/* The events of one object, by its id. `q` (may be NULL) gives bounds and order, and no terms. */
enum trail_err trail_history(
	struct trail *t, const char *object, const struct trail_query *q, struct trail_rows **rows);
/*
 * The next row, which belongs to `r` and lives until the next call. Checked: as trail_get, and that
 * it answers the question, in its order, once. That no row is left out is the daemon's word, which
 * trail_verify_run and a later search from another machine can put to the test.
 *
 * A long search comes in pages, for each of which it waits as long as the handle does; each page
 * must get on. Following, the whole call waits that long.
 *
 * TRAIL_END      that was all; what completeness says below holds now.
 * TRAIL_MORE     following: nothing came within the handle's timeout; or progress said stop.
 * TRAIL_CORRUPT  the daemon lies; the handle is of no more use. Others: as any call.
 */
enum trail_err trail_rows_next(struct trail_rows *r, const struct trail_entry **entry);
/*
 * Have the rest counted instead of sent; afterwards trail_rows_next answers TRAIL_END. Not while
 * following.
 */
enum trail_err trail_rows_count(struct trail_rows *r);
/* Rows so far: given out, and counted. */
uint64_t trail_rows_matched(const struct trail_rows *r);
/* Index of the event that tells of this question: the answer covers the records before it. */
uint64_t trail_rows_read(const struct trail_rows *r);
/* How far the daemon has looked, of trail_rows_read records: for a progress bar. */
uint64_t trail_rows_looked(const struct trail_rows *r);
/* Size of the checkpoint that the rows were checked in. */
uint64_t trail_rows_size(const struct trail_rows *r);
/* After TRAIL_END: sources that the question concerns, and those from which nothing is known to be
 * missing; gaps: losses that were declared, ends that are open, numbers given out but not here. */
uint32_t trail_rows_sources(const struct trail_rows *r);
uint32_t trail_rows_current(const struct trail_rows *r);
uint64_t trail_rows_gaps(const struct trail_rows *r);
/* Size of the newest tree that a quorum of the daemon's witnesses cosigned, by its word; 0: none.
 */
uint64_t trail_rows_witnessed(const struct trail_rows *r);
/* How it was found: by "scan" of every record, or by "index"; "" before TRAIL_END. */
const char *trail_rows_method(const struct trail_rows *r);
void trail_rows_free(struct trail_rows *r);

/* What a report counts by: what events have in this field of a query, or when they happened. */
enum trail_group {
	TRAIL_BY_ACTOR = 1,
	TRAIL_BY_OBJECT = 2,
	TRAIL_BY_SUBJECT = 3,
	TRAIL_BY_ACTION = 4,
	TRAIL_BY_OUTCOME = 5,
	TRAIL_BY_SOURCE = 6,
	TRAIL_BY_PEER = 7,
	TRAIL_BY_UNIT = 8,
	TRAIL_BY_TYPE = 9,
	TRAIL_BY_VERB = 10,
	TRAIL_BY_CLASS = 11,
	TRAIL_BY_PURPOSE = 12,
	TRAIL_BY_CORRELATION = 13,
	TRAIL_BY_MEDIUM = 14,
	TRAIL_BY_HOST = 15,
	TRAIL_BY_TIME = 16,
};

/*
 * How many of the events that match `q` (NULL: all) have what in the field `by`. For TRAIL_BY_TIME
 * they are counted in buckets of `bucket_ns`, a second or more, that begin at 1970; else it is 0.
 * The question is on record, judged first, and refused as that of trail_search; q's progress is
 * told. *report is the caller's: trail_report_free, before or after the handle is freed.
 *
 * The counts are what the daemon says. No proof of them can be had from it, only that they are not
 * more than the records it looked at: who must prove a number takes the rows, by trail_search.
 *
 * TRAIL_MORE     progress said stop: there is no report.
 * TRAIL_CORRUPT  the daemon lies; the handle is of no more use.
 * TRAIL_MISUSE   `q` follows, is newest first or keeps evidence; `by` or `bucket_ns` is none; or,
 *                as from trail_search, all is well but the handle is not open.
 */
enum trail_err trail_report(struct trail *t, const struct trail_query *q, enum trail_group by,
	uint64_t bucket_ns, struct trail_report **report);
void trail_report_free(struct trail_report *r);
/* How many keys there are; key i from 0, the one with the most events first, then as they sort. */
size_t trail_report_count(const struct trail_report *r);
/* "": events that have nothing there. A word is in lower case. NULL: it is by time. */
const char *trail_report_key(const struct trail_report *r, size_t i);
/* Of TRAIL_BY_TIME: when the bucket begins, ns since 1970. Buckets without events are not there. */
int64_t trail_report_time(const struct trail_report *r, size_t i);
uint64_t trail_report_events(const struct trail_report *r, size_t i);
/* Events in all; the rest as trail_rows_* of the same names. */
uint64_t trail_report_matched(const struct trail_report *r);
uint64_t trail_report_read(const struct trail_report *r);
uint64_t trail_report_size(const struct trail_report *r);
uint32_t trail_report_sources(const struct trail_report *r);
uint32_t trail_report_current(const struct trail_report *r);
uint64_t trail_report_gaps(const struct trail_report *r);
uint64_t trail_report_witnessed(const struct trail_report *r);
const char *trail_report_method(const struct trail_report *r);

/*
 * The evidence for one row, at the checkpoint of its answer: a line of text (trail-format(7)) with
 * its newline, the caller's: trail_text_free. It holds the event in clear. TRAIL_NOMEM.
 */
enum trail_err trail_entry_evidence(const struct trail_entry *n, char **text, size_t *len);
/*
 * What all rows of an answer that is at its end lean on, as lines: the checkpoint, the log's first
 * record, sources and peers, the newest SEAL with the proof that its tree is the beginning of the
 * checkpoint's, the newest cosigned checkpoint, and the log's event of the question. The daemon is
 * asked for what is missing, which is a reading of its own. *text as above.
 *
 * TRAIL_MISUSE: the answer is not at its end, or its question did not ask for evidence.
 */
enum trail_err trail_rows_evidence(struct trail_rows *r, char **text, size_t *len);

/* All sources, in the order in which the log met them. *sources is the caller's. */
enum trail_err trail_sources_ask(struct trail *t, struct trail_sources **sources);
void trail_sources_free(struct trail_sources *s);
size_t trail_sources_count(const struct trail_sources *s);
/* i from 0. Number and name are checked as rows are; the rest is the daemon's word. */
uint64_t trail_sources_index(const struct trail_sources *s, size_t i);
const char *trail_sources_name(const struct trail_sources *s, size_t i);
/* When it was last heard; index of its newest record. 0: not known any more. */
uint64_t trail_sources_heard(const struct trail_sources *s, size_t i);
uint64_t trail_sources_newest(const struct trail_sources *s, size_t i);
/* Epochs that go on; imports; epochs that were silent for a day without a clean end. */
uint32_t trail_sources_open(const struct trail_sources *s, size_t i);
uint32_t trail_sources_imports(const struct trail_sources *s, size_t i);
uint32_t trail_sources_open_ends(const struct trail_sources *s, size_t i);
/* Numbers declared lost in those epochs; numbers given out that are not in the log after 60 s. */
uint64_t trail_sources_lost(const struct trail_sources *s, size_t i);
uint64_t trail_sources_missing(const struct trail_sources *s, size_t i);

/*
 * The log that this one follows, as its record 0 says, which the identity pins; role auditor or
 * investigator. TRAIL_OK: *predecessor is the caller's; NULL: it follows none. TRAIL_CORRUPT: what
 * is said there is malformed, or its checkpoint is not signed by that log.
 */
enum trail_err trail_predecessor_ask(struct trail *t, struct trail_predecessor **predecessor);
void trail_predecessor_free(struct trail_predecessor *p);
const char *trail_predecessor_origin(const struct trail_predecessor *p);
/* The text of its identity file: go on to that log with it. */
const char *trail_predecessor_identity(const struct trail_predecessor *p);
/* Of its newest checkpoint that was at hand. False, NULL: there was none. */
bool trail_predecessor_size(const struct trail_predecessor *p, uint64_t *size);
const uint8_t *trail_predecessor_root(const struct trail_predecessor *p);
/* Why it was followed; NULL: not said. */
const char *trail_predecessor_reason(const struct trail_predecessor *p);

/*
 * Up to `max` records from `first` on, TRAIL_RECORD_LEN bytes each, to `out`; *count of them.
 * Checked: that each names the one before it. TRAIL_END: nothing from `first` on.
 */
enum trail_err trail_records(
	struct trail *t, uint64_t first, size_t max, uint8_t *out, size_t *count);

/*
 * The evidence for one record as a C2SP .tlog-proof, at the first sealed checkpoint above it, or
 * the newest where none is sealed yet. In `extra`: the event, genesis, its source, its peer, the
 * SEAL before it, the checkpoint's SEAL and time stamp. Judged as trail_verify_proof does before it
 * is given away. *text (NUL behind `*len` bytes) is the caller's: trail_text_free.
 *
 * TRAIL_TOO_BIG: the format has no room for such a record. Others: as trail_get.
 */
enum trail_err trail_prove(struct trail *t, uint64_t index, char **text, size_t *len);
void trail_text_free(char *text);

enum trail_status_number {
	TRAIL_STATUS_STARTED = 0,  /* when, ns since 1970 */
	TRAIL_STATUS_SIZE = 1,     /* records */
	TRAIL_STATUS_EVENTS = 2,   /* acknowledged since start */
	TRAIL_STATUS_COMMITS = 3,  /* since start */
	TRAIL_STATUS_REFUSALS = 4, /* since start */
	TRAIL_STATUS_CONNECTIONS = 5,
	TRAIL_STATUS_QUEUE_BYTES = 6,
	TRAIL_STATUS_FREE_BYTES = 7, /* of the file system */
	TRAIL_STATUS_STORE_BYTES = 8,
	TRAIL_STATUS_OPEN_EPOCHS = 9,
	TRAIL_STATUS_PENDING_GAPS = 10,
	TRAIL_STATUS_SOURCES = 11,
	TRAIL_STATUS_FULL = 12, /* 1: the reserve is reached, nothing is taken */
	/* From here on trail_status_known tells whether the daemon, maybe an older one, knows. */
	TRAIL_STATUS_ACKED_REQUESTS = 13, /* requests with events, acknowledged since start */
	TRAIL_STATUS_QUEUE_BYTES_MAX = 14,
	TRAIL_STATUS_QUEUE_REQUESTS = 15, /* under way, without those that follow and wait */
	TRAIL_STATUS_QUEUE_AGE = 16,      /* of the oldest of them, ns; 0: there is none */
	TRAIL_STATUS_CONNECTIONS_MAX = 17,
	TRAIL_STATUS_TURNED_AWAY = 18,    /* connections, since start */
	TRAIL_STATUS_PEERS = 19,          /* who is connected, each counted once */
	TRAIL_STATUS_SOURCES_BEHIND = 20, /* with numbers missing, or an epoch without an end */
	TRAIL_STATUS_OPEN_ENDS = 21,      /* epochs silent for a day without an end */
	TRAIL_STATUS_LOST = 22,           /* numbers declared lost, in epochs not closed */
	TRAIL_STATUS_MISSING = 23,        /* numbers given out and not here for 60 s */
	TRAIL_STATUS_RESERVE_BYTES = 24,  /* below it events are refused */
	TRAIL_STATUS_MAP_BYTES = 25,      /* address space of the store */
	TRAIL_STATUS_MAP_USED_BYTES = 26,
	TRAIL_STATUS_SIGNER_PID = 27,  /* not known: it is a service of its own */
	TRAIL_STATUS_SIGNED = 28,      /* when the newest head was signed, ns since 1970 */
	TRAIL_STATUS_CLOCK_JUMPS = 29, /* since start */
	TRAIL_STATUS_STARVED = 30,     /* 1: half of the reserve is used, questions are refused */
	/* Requests that were answered with this error, since start. 31 is not used. */
	TRAIL_STATUS_REFUSED_INVALID = 32,
	TRAIL_STATUS_REFUSED_CONFLICT = 33,
	TRAIL_STATUS_REFUSED_EXPECTED = 34,
	TRAIL_STATUS_REFUSED_CLOSED = 35,
	TRAIL_STATUS_REFUSED_DENIED = 36,
	TRAIL_STATUS_REFUSED_TOO_BIG = 37,
	TRAIL_STATUS_REFUSED_BUSY = 38,
	TRAIL_STATUS_REFUSED_FULL = 39,
	TRAIL_STATUS_REFUSED_UNAVAILABLE = 40,
	TRAIL_STATUS_REFUSED_UNSUPPORTED = 41,
	/* seals */
	TRAIL_STATUS_SEALS = 42,       /* SEAL entries of the log */
	TRAIL_STATUS_SEALS_LEFT = 43,  /* keys of its seal tree that were not used */
	TRAIL_STATUS_SEALED_SIZE = 44, /* that the newest covers, and its index; 0: there is none */
	TRAIL_STATUS_SEALED = 45,      /* its time, ns since 1970 */
	TRAIL_STATUS_SEAL_MAX = 46,    /* ns that two of them may lie apart at the most */
	/* witnesses of the daemon's policy */
	TRAIL_STATUS_WITNESSED_SIZE = 47,  /* newest tree that a quorum cosigned; 0: none */
	TRAIL_STATUS_WITNESSED = 48,       /* when, by their clocks, ns since 1970 */
	TRAIL_STATUS_WITNESS_OVERLAP = 49, /* that any two quorums have in common at least */
	TRAIL_STATUS_WITNESSES = 50,
	TRAIL_STATUS_WITNESSES_ANSWERING = 51, /* whose last answer was a cosignature */
	TRAIL_STATUS_UNCONFIRMED = 52,         /* 1: since this start no quorum saw the log */
	TRAIL_STATUS_WITNESS_FORK = 53,        /* 1: one says that it saw another history */
	/* the index */
	TRAIL_STATUS_INDEXED = 54,       /* records that it reaches */
	TRAIL_STATUS_INDEX_MISSING = 55, /* of them those that are being indexed anew */
	TRAIL_STATUS_INDEX_BYTES = 56,   /* of its files */
	TRAIL_STATUS_INDEX_SEGMENTS = 57,
	TRAIL_STATUS_INDEX_DAMAGED = 58, /* segments found damaged since start */
	TRAIL_STATUS_INDEX_MERGES = 59,  /* 1: segments are being merged */
	TRAIL_STATUS_COUNT = 60
};

/* What the daemon says of itself; only the checkpoint among it is checked. */
enum trail_err trail_status_ask(struct trail *t, struct trail_status **status);
void trail_status_free(struct trail_status *s);
/* 0 where it is not known. */
uint64_t trail_status_get(const struct trail_status *s, enum trail_status_number number);
/* Whether this daemon knows that number: an older one does not know them all. */
bool trail_status_known(const struct trail_status *s, enum trail_status_number number);

/* How a witness stands, by the daemon's word. */
enum trail_witness_state {
	TRAIL_WITNESS_SILENT = 0, /* no answer yet */
	TRAIL_WITNESS_COSIGNS = 1,
	TRAIL_WITNESS_AWAY = 2, /* it cannot be reached, or refuses */
	TRAIL_WITNESS_LIES = 3, /* what it answers is no cosignature of this log */
	TRAIL_WITNESS_FORK = 4  /* it says that it saw another history of this log */
};
/* The witnesses of its policy, in the order of that; i from 0. */
size_t trail_status_witnesses(const struct trail_status *s);
const char *trail_status_witness_name(const struct trail_status *s, size_t i);
enum trail_witness_state trail_status_witness_state(const struct trail_status *s, size_t i);
/* The newest tree that it cosigned, and when, by its clock, ns since 1970. 0: none. */
uint64_t trail_status_witness_size(const struct trail_status *s, size_t i);
uint64_t trail_status_witness_time(const struct trail_status *s, size_t i);

/* Histograms of what took how long since the daemon's start. */
enum trail_status_times {
	TRAIL_TIMES_ACK = 0,    /* events: from the whole request to its answer under way */
	TRAIL_TIMES_COMMIT = 1, /* of the store, with its sync */
	TRAIL_TIMES_SIGN = 2,   /* the signer's round trip */
	TRAIL_TIMES_COUNT = 3
};
/* Buckets, shortest first; 0: the daemon does not know. */
size_t trail_status_buckets(const struct trail_status *s, enum trail_status_times times);
/*
 * How many fell into bucket `i` alone. *upto_ns (may be NULL): the longest time of the bucket,
 * above that of the one before; UINT64_MAX for the last. 0, and UINT64_MAX, for one that is not
 * there.
 */
uint64_t trail_status_bucket(
	const struct trail_status *s, enum trail_status_times times, size_t i, uint64_t *upto_ns);
/* All of them together, ns. */
uint64_t trail_status_sum(const struct trail_status *s, enum trail_status_times times);
/* The daemon's version. */
const char *trail_status_version(const struct trail_status *s);

/* ---- verifying the whole log ---- */

struct trail_verify; /* how to verify, and what was found */

/* Nothing is set. NULL: memory is out, or the crypto library cannot start. */
struct trail_verify *trail_verify_new(void);
void trail_verify_free(struct trail_verify *v);

/*
 * A checkpoint of this log from elsewhere, as a signed note: it must be a prefix of the log, and is
 * compared with the records. TRAIL_INVALID: empty, or longer than a note can be. TRAIL_NOMEM.
 */
enum trail_err trail_verify_set_checkpoint(struct trail_verify *v, const char *note, size_t len);
/*
 * Begin behind a checkpoint of this log that was verified before, and is believed. What epochs that
 * are first met behind it gave out before is not known: their numbers are taken as they come.
 * Errors as above.
 */
enum trail_err trail_verify_set_since(struct trail_verify *v, const char *note, size_t len);
/*
 * The vkey of a log that is not one of traild's (c2sp.org/signed-note), for trail_verify_tree: what
 * its entries say is not judged. TRAIL_INVALID: it is not one.
 */
enum trail_err trail_verify_set_vkey(struct trail_verify *v, const char *vkey);
/* Begin behind the checkpoint that trail_verify_run found valid last, kept in the state folder. */
enum trail_err trail_verify_set_resume(struct trail_verify *v, bool on);
/*
 * Open every commitment, too: each payload must be the one that its record commits to, each event
 * valid, each name given once. Needs role investigator; the log tells of it in one event.
 */
enum trail_err trail_verify_set_payloads(struct trail_verify *v, bool on);
/*
 * Hash on this many threads beside the caller's, at most 16; 0 unless set. They exist only inside
 * trail_verify_run, run no callback and receive no signal.
 */
enum trail_err trail_verify_set_threads(struct trail_verify *v, unsigned threads);
/* Have told how many records were judged. NULL: nobody. */
enum trail_err trail_verify_set_progress(
	struct trail_verify *v, trail_progress_fn progress, void *ctx);

/*
 * Fetch every record up to the newest checkpoint and derive everything anew: leaves, tree, chain,
 * the numbers of every source, the entries that records name; the root must be the signed one, and
 * record 0 that of the identity. Each SEAL must hold, and the newest be as young as the log
 * promises, by this machine's clock. It goes on behind a finding where it can. What the log gains
 * meanwhile is left for the next time.
 *
 * TRAIL_OK: there is a verdict, whatever it says. A daemon that lies is a finding, and so is a
 * trail_open right before this that answered TRAIL_CORRUPT.
 * TRAIL_MORE: `progress` said stop; what was found so far stands, and there is no verdict.
 * TRAIL_END: to be resumed, but no run was valid yet. TRAIL_INVALID: a note that is none, or not of
 * this log where it is to be believed. TRAIL_DENIED: role auditor is needed, for payloads
 * investigator. TRAIL_MISUSE: requests are in flight. Others: as any call, and no verdict.
 */
enum trail_err trail_verify_run(struct trail *t, struct trail_verify *v);

/*
 * Write the log to `folder`, which is made where there is none, as a tree of tiles
 * (c2sp.org/tlog-tiles) that any web server can give out: what is not there yet, the checkpoint
 * last, all of it synced. Every record is judged on the way, as trail_verify_run does, behind the
 * checkpoint that the folder has; nothing is published while a finding counts against the log.
 * The checkpoint bears the cosignatures that witnesses gave to this very tree.
 * trail_verify_since tells what was there before. A run that ended early, by whatever, leaves the
 * folder as its checkpoint says, and the next one goes on.
 *
 * TRAIL_OK: there is a verdict, and unless it is invalid, the log is published. TRAIL_MORE:
 * `progress` said stop. TRAIL_BUSY: another process publishes into that folder. TRAIL_IO: a file
 * cannot be written. Others: as trail_verify_run.
 */
enum trail_err trail_publish(struct trail *t, struct trail_verify *v, const char *folder);
/*
 * Verify the published log in `folder`: a tree of tiles (c2sp.org/tlog-tiles) as trail_publish
 * writes it, or another log's. The handle need not be open; the log must be the one that
 * trail_set_identity or trail_verify_set_vkey names, else it is the one of the folder's own
 * log.identity. Every file is looked at, and who wrote them is not trusted. Cosignatures that its
 * checkpoint bears are judged by the policy of trail_set_policy. Payloads and seals are no part of
 * a published log.
 *
 * TRAIL_OK: there is a verdict. TRAIL_MORE: `progress` said stop. TRAIL_IO: the folder or its
 * checkpoint cannot be read. TRAIL_INVALID: the given checkpoint is none. TRAIL_NOMEM.
 */
enum trail_err trail_verify_tree(struct trail *t, struct trail_verify *v, const char *folder);

/*
 * Have the daemon compare its index with what the log gives anew, and wait for it: whoever has the
 * index's key can drop something from it that no search misses. What differs is a finding, and is
 * made anew by the daemon. That it compares is the daemon's word: nothing of the log is proven by
 * it. trail_verify_checked tells how far the index reached.
 *
 * TRAIL_OK: there is a verdict. TRAIL_MORE: `progress` said stop; the daemon goes on.
 * TRAIL_DENIED: role auditor or operator is needed. TRAIL_UNSUPPORTED: the daemon is older than
 * this. TRAIL_MISUSE: requests are in flight. Others: as any call, and no verdict.
 */
enum trail_err trail_verify_index(struct trail *t, struct trail_verify *v);

enum trail_verdict {
	TRAIL_VERDICT_NONE = 0,         /* no run came to its end */
	TRAIL_VERDICT_VALID = 1,        /* everything fits */
	TRAIL_VERDICT_INVALID = 2,      /* something contradicts what it claims */
	TRAIL_VERDICT_UNVERIFIABLE = 3, /* nothing contradicts, but a part could not be judged */
};
enum trail_verdict trail_verify_verdict(const struct trail_verify *v);
/* Origin of the log that was verified, or that the evidence is of; "" when that is not known. */
const char *trail_verify_origin(const struct trail_verify *v);
/* Size of the checkpoint that was verified against; 0: it did not come to that. */
uint64_t trail_verify_size(const struct trail_verify *v);
/* The root that the records give, TRAIL_HASH_LEN bytes; NULL: not all records were seen. */
const uint8_t *trail_verify_root(const struct trail_verify *v);
/* Size of the checkpoint that the run began behind; 0: it began with record 0. */
uint64_t trail_verify_since(const struct trail_verify *v);
/* Records that this run judged; records below trail_verify_size that it did not. */
uint64_t trail_verify_checked(const struct trail_verify *v);
uint64_t trail_verify_uncovered(const struct trail_verify *v);
/* Payloads that were opened; payloads that are missing, where an ERASURE may be the reason. */
uint64_t trail_verify_payloads(const struct trail_verify *v);
uint64_t trail_verify_erased(const struct trail_verify *v);
/*
 * How many SEALs the log has: those that this run judged, and those that it believed because they
 * stand before where it began.
 */
uint64_t trail_verify_seals(const struct trail_verify *v);
/*
 * How far the log is sealed: index and time (ns since 1970, UTC, by the daemon's clock) of the
 * newest SEAL that holds with all before it. Keys that were stolen after that time cannot have
 * changed what lies below that index, for who holds the log's identity. False: no SEAL does.
 */
bool trail_verify_sealed(const struct trail_verify *v, uint64_t *index, int64_t *time_ns);
/*
 * The lowest index that a finding names (*exact); else the first of the range between the last
 * checkpoint that fits and the first that does not. False: no finding names a record.
 */
bool trail_verify_first_bad(const struct trail_verify *v, uint64_t *index, bool *exact);
/* How many findings of each weight there are, listed or not. */
uint64_t trail_verify_invalid(const struct trail_verify *v);
uint64_t trail_verify_unverifiable(const struct trail_verify *v);
/* Findings that are listed, i from 0: the first 1,000. */
size_t trail_verify_findings(const struct trail_verify *v);
/* "spine.prev": a code that never changes its meaning, traild-check(8). NULL behind the last. */
const char *trail_verify_finding_code(const struct trail_verify *v, size_t i);
/* Whether it names a record, and which. */
bool trail_verify_finding_index(const struct trail_verify *v, size_t i, uint64_t *index);
/* One sentence: what is wrong, where. May hold foreign text. NULL behind the last. */
const char *trail_verify_finding_what(const struct trail_verify *v, size_t i);
/* It counts against the log; else it is what could not be judged. */
bool trail_verify_finding_is_invalid(const struct trail_verify *v, size_t i);

/* ---- evidence, judged without the log ---- */

/*
 * Certificates (PEM) of authorities whose RFC 3161 time stamps count. TRAIL_INVALID: nothing, or
 * more than 1 MiB.
 */
enum trail_err trail_verify_set_anchors(struct trail_verify *v, const char *pem, size_t len);
/*
 * Judge one .tlog-proof, as trail_prove gives it. No log is asked: the handle need not be open. It
 * must be of the log that trail_set_identity names, without which it is unverifiable at best;
 * cosignatures are judged by the policy of trail_set_policy. What tells of a verdict tells of this,
 * beside what is below: trail_verify_size is that of its checkpoint, trail_verify_checked counts
 * its records.
 *
 * TRAIL_OK: there is a verdict. TRAIL_NOMEM: there is none.
 */
enum trail_err trail_verify_proof(
	struct trail *t, struct trail_verify *v, const char *text, size_t len);

/* Begin to judge evidence that comes line by line. As trail_verify_proof. */
enum trail_err trail_verify_begin(struct trail *t, struct trail_verify *v);
/*
 * The next line (without its newline) of evidence for an answer: what trail_rows_evidence gave
 * first, then the rows in the order of the log, as trail_entry_evidence gave them. *entry is the
 * row of that line, and lives until the next call; NULL: the line is none, or does not hold.
 *
 * TRAIL_INVALID: a finding was added, and what follows cannot be judged. TRAIL_NOMEM.
 */
enum trail_err trail_verify_line(struct trail *t, struct trail_verify *v, const char *line,
	size_t len, const struct trail_entry **entry);
/*
 * That was all: there is a verdict. trail_verify_entry is the log's event of the question.
 * TRAIL_NOMEM: memory was out for one of the lines, so there is none; begin anew.
 */
enum trail_err trail_verify_end(struct trail *t, struct trail_verify *v);
/*
 * Count a finding of the caller's own among the others, by its code ("evidence.rows"), which says
 * its weight. `index` NULL: it names no record. TRAIL_INVALID: there is no such code.
 */
enum trail_err trail_verify_add(
	struct trail_verify *v, const char *code, const uint64_t *index, const char *what);
/* SHA-256 of `len` bytes. */
void trail_digest(const void *data, size_t len, uint8_t out[TRAIL_HASH_LEN]);

/* The record that was proven, with its names; NULL: it did not come to that. Belongs to `v`. */
const struct trail_entry *trail_verify_entry(const struct trail_verify *v);

/* What holds beside the record itself; believe it only where the verdict is not invalid. */
enum trail_proof_number {
	TRAIL_PROOF_SEALED = 0,      /* 1: by a SEAL of the log; its key is erased since */
	TRAIL_PROOF_SEAL_EPOCH = 1,  /* of that SEAL */
	TRAIL_PROOF_SEAL_SIZE = 2,   /* the records below it are sealed */
	TRAIL_PROOF_SEAL_TIME = 3,   /* by the log's clock, ns since 1970 */
	TRAIL_PROOF_BEFORE = 4,      /* 1: a SEAL is known that the record came after */
	TRAIL_PROOF_BEFORE_SIZE = 5, /* its index */
	TRAIL_PROOF_BEFORE_TIME = 6, /* by the log's clock, ns since 1970 */
	TRAIL_PROOF_SEAL_MAX = 7,    /* the longest that two SEALs of the log may lie apart, ns */
	TRAIL_PROOF_STAMP = 8,       /* 1: it carries a time stamp, judged or not */
	TRAIL_PROOF_STAMP_TIME = 9,  /* of a stamp that holds, ns since 1970; 0: none does */
	TRAIL_PROOF_QUORUM = 10,     /* 1: the witness policy is met */
	TRAIL_PROOF_OVERLAP = 11,    /* witnesses that any two quorums have in common */
	/* Of evidence: signature lines that nobody gave a key for; of an answer: of its cosigned
	 * note. */
	TRAIL_PROOF_LINES = 12,
	/* The records below it are in a tree that was cosigned; not of the proof of one record. */
	TRAIL_PROOF_COSIGNED_SIZE = 13,
	/* Of an answer, by trail_verify_end. */
	TRAIL_PROOF_ROWS = 14,
	TRAIL_PROOF_ANSWER = 15, /* 1: it is evidence for an answer */
	/* By trail_verify_index. */
	TRAIL_PROOF_FILES = 16, /* files of the index that were compared */
	TRAIL_PROOF_COUNT = 17
};
uint64_t trail_verify_number(const struct trail_verify *v, enum trail_proof_number number);
/* Who made the time stamp that holds: the subject of a certificate. "": none does. */
const char *trail_verify_authority(const struct trail_verify *v);
/*
 * Witnesses whose cosignatures of the checkpoint hold, i from 0; with `before` those of the note
 * that the SEAL before the record carries: the record is younger than these.
 */
size_t trail_verify_cosigners(const struct trail_verify *v, bool before);
const char *trail_verify_cosigner(const struct trail_verify *v, bool before, size_t i);
/* When, by the witness's clock, ns since 1970. */
uint64_t trail_verify_cosigned(const struct trail_verify *v, bool before, size_t i);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
