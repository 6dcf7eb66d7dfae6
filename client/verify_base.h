/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verification that begins in the middle must know of what lies before: what record 0 says
 * of the seals, which SEAL was the newest, and whether it may be followed by a late one. Each entry
 * is proven in the tree that all is verified against.
 */
#ifndef CLIENT_VERIFY_BASE_H
#define CLIENT_VERIFY_BASE_H

#include "../proto/control.h"
#include "call.h"

/*
 * Ask the daemon for it and tell `control`; `head` covers `since`, which is not 0. What record 0
 * says is judged by the way. Errors of a call, why in t->fault; TRAIL_CORRUPT: an entry is not what
 * was asked for, or not in the tree.
 */
enum trail_err base_learn(
	struct trail *t, const struct checkpoint *head, uint64_t since, struct control *control);

#endif
