/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer's seals: `seeds`, whose two slots are written in turn and in place, and the tree of
 * seal.pub. A seed that may not sign any more is gone from the device and from memory before
 * seals_advance answers.
 *
 *   born           [1: epoch 0            ]  [zeros               ]
 *   pended         [1: epoch 0            ]  [2: epoch 0, pending ]
 *   advanced, (a)  [3: epoch 1            ]  [2: epoch 0, pending ]   synced
 *             (b)  [3: epoch 1            ]  [zeros               ]   synced
 *
 * A crash before (a) leaves the pending slot, and the SEAL is in the log: it is advanced again. A
 * crash before (b) leaves a key that is over: the next start goes on with (b) before anything else.
 */
#ifndef SIGNER_SEALS_H
#define SIGNER_SEALS_H

#include "seal_tree.h"

struct seals_secret;

struct seals {
	int fd;        /* seeds */
	unsigned slot; /* the one that counts */
	uint64_t counter;
	struct seals_secret *secret; /* crypto_secret_new */
	struct seal_tree tree;
	/* what a SEAL is made of; views for seals_make's answer */
	uint8_t key[SIGN_PUBLIC_LEN];
	uint8_t sig[SIGN_LEN];
	struct hash path[SEAL_HEIGHT_MAX];
};

/* No seals at all, for seals_close and before seals_open. */
void seals_none(struct seals *seals);
/*
 * Open both files, check them against each other, and finish an erasure that was cut short.
 * TRAIL_CORRUPT: missing, damaged, or not of one another. TRAIL_IO. seals_close whatever the
 * answer.
 */
enum trail_err seals_open(struct seals *seals, const struct folder *folder, struct sentence *why);
/* Wipes. */
void seals_close(struct seals *seals);

/* No SEAL was ever asked for. */
bool seals_fresh(const struct seals *seals);
/* The open epoch; 2^height when all are used up. */
uint32_t seals_epoch(const struct seals *seals);
bool seals_used_up(const struct seals *seals);
/* The text asked for and not yet erased after; empty: none. Views `seals`. */
struct span seals_pending(const struct seals *seals);
/* What is known of the seals so far. */
const struct seal_mark *seals_mark(const struct seals *seals);
/* For seeds of a version that knew none: seal_max, durable with the next write. */
void seals_set_max(struct seals *seals, uint64_t max_ns);

/* Keep `text` (<= SEAL_TEXT_MAX) as pending; durable when it answers TRAIL_OK. */
enum trail_err seals_pend(
	struct seals *seals, const struct folder *folder, struct span text, struct sentence *why);
/*
 * The SEAL of the pending text, by the key of the open epoch: the same whenever it is made. *seal
 * views `seals`, until the next call; `cosigned` is left empty.
 */
enum trail_err seals_make(
	struct seals *seals, const struct folder *folder, struct seal *seal, struct sentence *why);
/*
 * The pending SEAL is in the log: erase what derives its key. `mark` is what is known from now on.
 * After an error nothing may be signed any more.
 */
enum trail_err seals_advance(struct seals *seals, const struct folder *folder,
	const struct seal_mark *mark, struct sentence *why);

#endif
