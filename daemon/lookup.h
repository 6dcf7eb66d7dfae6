/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One op while a reader answers it: the head it is answered in, the transaction it is looked up in,
 * and the pieces of its answer. A transaction is begun after the head was read, so it holds at
 * least what the head covers.
 */
#ifndef DAEMON_LOOKUP_H
#define DAEMON_LOOKUP_H

#include "op.h"
#include "store.h"

struct catalog;

struct lookup {
	struct store *store;
	struct span identity; /* the log identity file */
	struct chunker *chunker;
	struct catalog *catalog; /* NULL: there is no index */
	struct op *op;
	struct db_txn *txn;
	struct head head;
};

/* The store contradicts itself there: refuse. No wrong answer, whatever the disk says. */
void lookup_damaged(struct lookup *look);
/* Room for `len` bytes in the emptied op->answer, so that what is kept does not move. */
bool lookup_room(struct lookup *look, size_t len);
/* A copy in op->answer, whose room was reserved: what must outlive the transaction. */
struct span lookup_keep(struct lookup *look, const void *data, size_t len);
/*
 * The size of the tree in which to prove things: `wanted`, or the head's when that is 0.
 * False: refused, larger than the head.
 */
bool lookup_size(struct lookup *look, uint64_t wanted, uint64_t *size);

#endif
