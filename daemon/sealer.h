/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seals of a log as its writer sees them (FORMATS.md section 6): how many there are, when the
 * next is due, what its payload is, and the report to the signer that lets it erase the key. Stages
 * and commits nothing. One thread at a time (the writer's).
 */
#ifndef DAEMON_SEALER_H
#define DAEMON_SEALER_H

#include "log.h"
#include "signer_link.h"
#include "store.h"

enum {
	/* What fits a payload beside the rest, whatever the height; longer notes are left out. */
	SEAL_COSIGNED_MAX = 2048,
};

struct sealer {
	struct store *store;
	struct signer_link *signer;
	uint64_t epoch_ns; /* how often a SEAL is asked for */
	uint64_t total;    /* seals that this log can have */
	uint64_t count;    /* SEAL entries in the log */
	uint64_t newest; /* index of the last of them, and size that it covers; 0: there is none */
	uint64_t newest_ns; /* its received_ns */
	uint64_t due_ns;    /* boot time when to ask for the next */
};

/*
 * Count the SEALs of the log, and compare with what the signer says: as many as it made, or one
 * more, whose report did not reach it (*unreported). Any other number: TRAIL_CORRUPT.
 */
enum trail_err sealer_open(struct sealer *s, const struct signer_greeting *greeting,
	bool *unreported, struct log_reason *reason);
/*
 * Have the signed head, of `size`, sealed at `time_ns`; the payload of the SEAL goes to *payload
 * with `cosigned` in it. TRAIL_MORE: not now, and due_ns says when again. Others as
 * signer_link_sign.
 */
enum trail_err sealer_ask(struct sealer *s, uint64_t size, uint64_t time_ns, struct span cosigned,
	struct buf *payload, struct log_reason *reason);
/* The SEAL is committed as record `index`, and signed. */
void sealer_committed(struct sealer *s, uint64_t index, uint64_t time_ns);
/*
 * Report the newest SEAL, which is in the signed head of `size`: the signer erases its key. Errors
 * as signer_link_sign; TRAIL_CORRUPT also when the store does not give it back.
 */
enum trail_err sealer_report(struct sealer *s, uint64_t size, struct log_reason *reason);

#endif
