/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contact with a log: connect, Hello, and is it the one that is known? Later: has what it showed
 * since proven, and keep it.
 */
#ifndef CLIENT_CONTACT_H
#define CLIENT_CONTACT_H

#include "handle.h"

/*
 * Open t->address; t->state becomes HANDLE_OPEN. Errors as trail_open; t->fault is set.
 *
 * An identity that is given or kept must be the one that the daemon names. Genesis is checked
 * against the first checkpoint that is ever seen; every later one must extend the one before, so
 * it holds the same genesis.
 */
enum trail_err contact_make(struct trail *t);
/*
 * Ask for the consistency proofs that are due for the checkpoints that answers carried, check them,
 * keep the largest one's note. TRAIL_CORRUPT: the log does not extend what it showed.
 */
enum trail_err contact_settle(struct trail *t, int64_t deadline);
/* Ask for the newest checkpoint, and settle it. */
enum trail_err contact_refresh(struct trail *t, int64_t deadline);
/* Where pins of this handle lie; NULL: nowhere. */
const char *contact_folder(struct trail *t);
/* Make sure that record `index` is below a checkpoint held. TRAIL_END: the log is not that long. */
enum trail_err contact_reach(struct trail *t, uint64_t index, int64_t deadline);

#endif
