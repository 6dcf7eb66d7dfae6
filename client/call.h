/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests on their way: each has a slot until its answer was looked at. Answers may come in any
 * order and are only stored when they come; callbacks run later, by `calls_finish`.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "handle.h"

/* One request that waits for its answer. */
struct slot {
	struct slot *next;
	uint64_t id;
	bool answered;
	struct buf answer; /* the frame's body */
	/*
	 * Submitted ones only: look at the answer, or with `lost` at why there is none, and free
	 * the slot, which lies on the heap, or in what the verification keeps until it is over.
	 * `t` NULL: only free.
	 */
	void (*finish)(struct trail *t, struct slot *slot, enum trail_err lost);
};

/*
 * Send `request` (its id is chosen here) and wait until `deadline` for its answer, decoded to *out;
 * its spans live until the next call. An answer of another kind than `want` is TRAIL_CORRUPT; an
 * Error becomes its code. After TRAIL_TIMEOUT, TRAIL_IO and TRAIL_CORRUPT the connection is lost.
 */
enum trail_err call_wait(struct trail *t, struct request *request, enum response_kind want,
	int64_t deadline, struct response *out);
/* Ask for a proof, which is not judged. Errors as of call_wait. */
enum trail_err call_prove(
	struct trail *t, struct prove prove, int64_t deadline, struct tree_proof *proof);
/* Queue `request` for sending with a slot that is the handle's until it is finished. */
enum trail_err call_submit(struct trail *t, struct request *request, struct slot *slot);
/*
 * Decode a slot's answer, as call_wait.
 */
enum trail_err call_read(
	struct trail *t, const struct slot *slot, enum response_kind want, struct response *out);
/* The same with memory from `arena`, which grows as need be; its data is from malloc. */
enum trail_err call_read_in(struct trail *t, const struct slot *slot, enum response_kind want,
	struct arena *arena, struct response *out);
/*
 * Send and receive until an answer to a submitted request is there or `deadline` passes
 * (TRAIL_TIMEOUT), then have all that are there finished. Another error: the connection is lost,
 * and all that was submitted is finished with it.
 */
enum trail_err calls_process(struct trail *t, int64_t deadline);
/*
 * The same for at most a moment, which is no error: TRAIL_MORE, unless `deadline` passes. Any other
 * end is TRAIL_OK, as the slots tell of it.
 */
enum trail_err calls_wait(struct trail *t, int64_t deadline);
/* Have what is submitted finished soon: by its answer, else by giving the connection up. */
void calls_end(struct trail *t);
/* The connection is over, for the reason in t->fault, which is answered. Runs no callback. */
enum trail_err handle_lose(struct trail *t);
/* Free all slots without telling anybody. */
void calls_drop(struct trail *t);

#endif
