/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One piece of work on its way: made by the loop thread from a request, carried out by the writer
 * or a reader thread, given back to the loop as a response. Exactly one thread holds an op at a
 * time; handing it over (queue) is the only synchronisation. Ops are pooled by the loop; all memory
 * that an op's spans point into is its own arena, or its `answer` buffer.
 */
#ifndef DAEMON_OP_H
#define DAEMON_OP_H

#include "../proto/codec.h"
#include "../proto/query.h"

enum {
	PEER_NAME_MAX = 64,
	PEER_ACTOR_MAX = PEER_NAME_MAX + 8,
	ACTOR_USER = 1, /* enum ActorType of trail.proto */
};

/* Who is at the other end, as the kernel said. */
struct peer {
	enum peer_type type;
	char name[PEER_NAME_MAX + 1];
	uint32_t roles; /* enum role bits, daemon/access.h */
};

/* "uid:1001" or "cert:NAME": what a peer is called as an actor of the log's own events. */
void peer_actor(const struct peer *peer, char actor[PEER_ACTOR_MAX]);

/* Is the request (DESIGN.md section 7), or one of the daemon's own. */
enum op_kind {
	OP_REQUEST,   /* request.kind says which */
	OP_OWN_EVENT, /* one event of source 0: `own` is its payload; no response wanted */
	OP_QUESTION,  /* the same, for a request that a reader answers once that is durable */
};

/*
 * A note that many answers show: made once, freed by the last who gives it back. Any thread.
 */
struct shared_note;
/* One reference is the caller's. NULL: memory is out. */
struct shared_note *shared_note_new(struct span note);
struct shared_note *shared_note_ref(struct shared_note *note);
/* NULL is fine. */
void shared_note_unref(struct shared_note *note);
struct span shared_note_view(const struct shared_note *note);

struct op {
	struct op *next;
	enum op_kind kind;
	uint64_t session; /* serial number of the connection, from 1; 0: none */
	unsigned lane;    /* of its peer in queues (daemon/backlog.h); 0: the daemon's own */
	struct peer peer;
	uint64_t received_ns; /* CLOCK_REALTIME at intake */
	struct arena arena;
	size_t charged; /* bytes that the loop counts against the queue and the peer */
	struct request request;
	/* Append, made at intake, one per event, in the arena: */
	const int64_t *times;
	uint8_t *salts; /* SALT_LEN each */
	struct hash *commitments;
	/* Search, History: what is asked; made at intake. Views the arena. */
	struct query query;
	/* OP_OWN_EVENT, OP_QUESTION: an encoded Event, in the arena; and the index that it got. */
	struct span own;
	uint64_t own_index;
	/* The answer. Its spans lie in the arena, in `answer` or in `note`. */
	struct response response;
	struct buf answer;        /* scratch of the thread that answers; kept with the op */
	struct shared_note *note; /* that the answer shows; given back with the op */
	/* While its answer waits for witnesses (daemon/parked.h). */
	uint64_t parked_size;     /* of the smallest tree that will do */
	uint64_t parked_until_ns; /* CLOCK_BOOTTIME */
	bool parked_met;
};

/* Whether it is an Append whose answer waits for a quorum of witnesses. */
static inline bool op_awaits_witnesses(const struct op *op)
{
	return op->kind == OP_REQUEST && op->request.kind == REQUEST_APPEND &&
		op->request.append.ack == ACK_WITNESSED;
}

/*
 * Set the op's response to an error of the wire. `sentence` is printf text, copied into op->answer;
 * it says what was wrong, where, and what to do.
 */
void op_refuse(struct op *op, enum trail_err code, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));
/* BUSY: memory is out. */
void op_refuse_memory(struct op *op);
/* BUSY: the store takes no more readers, because programs beside this one read it too. */
void op_refuse_unread(struct op *op);

#endif
