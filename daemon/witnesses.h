/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log before its witnesses (FORMATS.md sections 5 and 7): a thread that has the newest signed
 * checkpoint cosigned, off the way of commits and acks. It owns the courier, which carries; it
 * judges what comes back (daemon/rounds.h), has the notes with a quorum kept, gives answers free
 * that wait for one, and says loudly what speaks of a fork.
 */
#ifndef DAEMON_WITNESSES_H
#define DAEMON_WITNESSES_H

#include "log.h"
#include "op.h"
#include "rounds.h"

struct witnesses;

struct witnesses_options {
	struct store *store;
	struct vkey log;
	const struct policy *policy; /* must stay, as the next */
	const char *courier;         /* its program */
	const char *ca_file;         /* who vouches for https; "": those of the system */
	const char *timestamp;       /* URL of a time stamp authority; "": none */
	uint64_t interval_ms;        /* as in struct rounds_options */
	uint64_t patience_ms;        /* with a witness's answer, too */
	uint64_t refresh_ms;
	/* All of these are called from the thread. */
	/* Keep this note, under its size, for ever; *note is valid during the call. */
	void (*keep)(void *ctx, uint64_t size, struct span note);
	/* And this time stamp (RFC 3161) of the checkpoint of `size`. */
	void (*stamp)(void *ctx, uint64_t size, struct span stamp);
	/* Put this on record. */
	void (*say)(void *ctx, const struct daemon_entry *entry);
	/* The chain of answers that waited. */
	void (*done)(void *ctx, struct op *list);
	/* There is proof that this log forked or was set back: nothing may be signed any more. */
	void (*fatal)(void *ctx, int exit_code, const struct log_reason *reason);
	void *ctx;
};

/* Numbers for Status; any thread. */
struct witnesses_numbers {
	uint64_t witnessed_size; /* of the newest note with a quorum; 0: none */
	uint64_t witnessed_ns;   /* when, by the witnesses' clocks */
	unsigned overlap;        /* m(policy) */
	unsigned count;
	unsigned answering; /* whose last word was a cosignature */
	bool unconfirmed;   /* since this start no quorum saw the log */
	bool alarm;         /* some witness says that it saw another history */
	struct witness_state states[WITNESSES_MAX]; /* their names stay as long as the policy */
};

/* Remember what the store keeps, and start the thread. TRAIL_NOMEM, TRAIL_IO; *reason. */
enum trail_err witnesses_start(const struct witnesses_options *options,
	struct witnesses **witnesses, struct log_reason *reason);

/* How a start before the witnesses ends. */
struct confirmation {
	const struct head *head; /* the newest that was signed before this start */
	uint64_t committed;      /* records in the store */
	unsigned patience_s;
	bool wait; /* for ever, instead of going on unconfirmed */
};
/*
 * At start, before anything is signed: show the witnesses the last signed head. TRAIL_OK: a quorum
 * cosigned it; or the patience is over, and the log runs unconfirmed: then the first contradiction
 * later is fatal. TRAIL_CORRUPT and *reason: a witness saw a larger tree than the store holds, or
 * one that contradicts it. TRAIL_IO: told to stop meanwhile.
 */
enum trail_err witnesses_confirm(struct witnesses *witnesses,
	const struct confirmation *confirmation, struct log_reason *reason);
/*
 * Where nothing comes any more: wait until a quorum saw `size` records. TRAIL_MORE: none did in
 * that time. TRAIL_END: told to stop meanwhile. TRAIL_CORRUPT and *reason, as above.
 */
enum trail_err witnesses_await(
	struct witnesses *witnesses, uint64_t size, unsigned patience_s, struct log_reason *reason);

/* Hold the answers of the chain that wait for witnesses; returns those that do not. Any thread. */
struct op *witnesses_park(struct witnesses *witnesses, struct op *list);
void witnesses_read_numbers(struct witnesses *witnesses, struct witnesses_numbers *numbers);
/* From here on nobody waits: who does is answered without a quorum. Any thread. */
void witnesses_hurry(struct witnesses *witnesses);
/* Give all answers free, end the courier, join the thread, free. NULL is fine. */
void witnesses_stop(struct witnesses *witnesses);

#endif
