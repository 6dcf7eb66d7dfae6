/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log says of itself in record 0, and for ever: its key, its origin, its seal tree.
 */
#ifndef DAEMON_PINNED_H
#define DAEMON_PINNED_H

#include "signer_link.h"
#include "store.h"

/*
 * The identity of the log in a store that holds record 0: its leaf hash, and the key that its
 * genesis names. The genesis payload is believed only after it opened record 0's commitment.
 * `greeting` must be this log's signer, and `origin` (empty: any) its origin.
 * On failure why[512] gets a sentence. TRAIL_CORRUPT: exit 5. TRAIL_IO, TRAIL_NOMEM: exit 3.
 */
enum trail_err pinned_read(struct store *store, const struct signer_greeting *greeting,
	struct span origin, struct log_identity *identity, char why[512]);

/* seal_max of the log in such a store: what its signer is told when it wakes. Errors as above. */
enum trail_err pinned_seal_max(struct store *store, uint64_t *max_ns, char why[512]);

#endif
