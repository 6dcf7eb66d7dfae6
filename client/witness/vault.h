/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder of a witness (0700, one process at a time):
 *
 *   lock     flock
 *   known    every log that was ever watched: "trail-witness/v1\n", then a line for each,
 *            "vkey SP origin". A log that stands there has its file beside it.
 *   key      the witness's key as one line, "PRIVATE+KEY+name+keyid+base64" (0600)
 *   HEX      for each log, lower-case hex of SHA-256(origin): the newest checkpoint that was
 *            cosigned, as the note that was answered, with the log's signature and our own.
 *            Or, before the first: "nothing cosigned yet\n"
 *   HEX.forked, HEX.fork
 *            two checkpoints of one size that the log signed though they contradict each other:
 *            the cosigned one as HEX was then, and the other. The two are the proof; the first
 *            such pair stays. HEX.fork comes last: where it is, the pair is whole.
 *
 * So the state of a log is its newest cosigned checkpoint, which proves itself by two signatures:
 * no other format is needed, and damage shows. What neither shows is an older copy put in place;
 * the log's other witnesses and readers see that. What is known and not there is lost, never new:
 * it is not made again, because a witness that forgets would take a fork for a first sight.
 *
 * A file is replaced by writing a new one, syncing it, renaming it, syncing the folder: nothing but
 * the key is secret, and the key is never replaced. Functions that answer false have set *why.
 */
#ifndef WITNESS_VAULT_H
#define WITNESS_VAULT_H

#include "../../proto/cosign.h"
#include "loglist.h"
#include "say.h"

struct vault {
	const char *path; /* the caller's; for sentences */
	int fd;
	int lock;
	struct loglist *known; /* the vault's own */
};

enum vault_how {
	VAULT_LOOK,  /* read only, no lock: for who only prints */
	VAULT_SERVE, /* lock it, and make it if it is not there */
};

/* Open the folder and read what is known. Release with vault_close whatever the answer. */
bool vault_open(struct vault *vault, const char *path, enum vault_how how, struct say_reason *why);
/* Accepts a zeroed vault whose descriptors are -1, and one that failed to open. */
void vault_close(struct vault *vault);

/*
 * The witness's key, in crypto_secret_new memory that the caller frees (crypto_secret_free). In a
 * folder that never was a witness's it is made, under `name`; else `name` (NULL: any) must be the
 * key's. NULL: *why is set.
 */
struct cosign_key *vault_key(struct vault *vault, const char *name, struct say_reason *why);
/* The public half, of a key that is there. */
bool vault_cosigner(struct vault *vault, struct cosigner *out, struct say_reason *why);

/*
 * Begin to watch a log: nothing for one that is known with the same key; else its file, and then
 * its line in `known`, durable. *fresh: it was not known.
 */
bool vault_watch(
	struct vault *vault, const struct watched *log, bool *fresh, struct say_reason *why);

enum vault_read {
	VAULT_THERE,
	VAULT_NOTHING, /* nothing cosigned yet */
	VAULT_LOST,    /* missing, damaged, or not this log's and this witness's */
	VAULT_FAILED,  /* could not be read */
};

/*
 * The newest cosigned note of a log, appended to `note` and synced, with what it says. *why is set
 * after VAULT_LOST and VAULT_FAILED.
 */
enum vault_read vault_load(struct vault *vault, const struct watched *log,
	const struct cosigner *cosigner, struct buf *note, struct seen *seen, uint64_t *time_s,
	struct say_reason *why);

enum vault_kept {
	VAULT_KEPT,   /* durable */
	VAULT_AS_WAS, /* could not be; what was there before is there */
	VAULT_UNSURE, /* which of the two is there will show at the next start: serve no longer */
};

/* Replace the newest note of a log. *why is set unless it was kept. */
enum vault_kept vault_keep(
	struct vault *vault, const struct watched *log, struct span note, struct say_reason *why);
enum vault_fork {
	VAULT_FORK_KEPT,  /* both notes, durable */
	VAULT_FORK_THERE, /* an earlier pair is there, and stays */
	VAULT_FORK_NOT_KEPT,
};

/*
 * Keep the two notes that prove a fork, unless a pair is there: the newest cosigned one, and the
 * one that contradicts it. *why is set when they could not be kept.
 */
enum vault_fork vault_keep_fork(struct vault *vault, const struct watched *log,
	struct span cosigned, struct span conflicting, struct say_reason *why);

#endif
