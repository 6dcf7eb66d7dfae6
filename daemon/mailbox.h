/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back: answered ops from the writer and the readers to the loop thread. A chain costs one
 * lock and at most one wake-up, however long it is.
 */
#ifndef DAEMON_MAILBOX_H
#define DAEMON_MAILBOX_H

#include "op.h"

struct mailbox;

/* NULL: memory or descriptors are out. */
struct mailbox *mailbox_new(void);
/* NULL is fine. Ops still inside are not freed: take them first. */
void mailbox_free(struct mailbox *box);
/* Add a chain (op->next) in order. Any thread; never blocks for long. */
void mailbox_put(struct mailbox *box, struct op *list);
/* Everything that came, in order; NULL when nothing did. One thread. */
struct op *mailbox_take(struct mailbox *box);
/* Readable when something may be there. */
int mailbox_fd(const struct mailbox *box);

#endif
