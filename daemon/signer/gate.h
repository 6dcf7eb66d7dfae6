/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of a signer that is a unit of its own: one peer, of one user, is let in; all others
 * are turned away. The service manager holds the socket, so that between one signer and the next
 * nobody is refused.
 */
#ifndef SIGNER_GATE_H
#define SIGNER_GATE_H

#include "sentence.h"

#include <sys/types.h>

struct gate {
	int listener;
	uid_t user; /* whom it is meant for */
};

/*
 * Take the one socket that was handed over (daemon/handover.h); `user` is a name or a number.
 * TRAIL_IO: nobody of that name; no socket, several, or one that is no listening SOCK_SEQPACKET.
 */
enum trail_err gate_open(struct gate *gate, const char *user, struct sentence *why);
/*
 * The listener is readable and nobody is served: the peer's connection, or -1: it was somebody else
 * (then *why says who) or nobody any more (then it is empty).
 */
int gate_admit(const struct gate *gate, struct sentence *why);
/* The listener is readable while a peer is served: take who knocks off it, and tell him why. */
void gate_turn_away(const struct gate *gate);

#endif
