/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The courier at work: takes traild's words, visits the witnesses, each by itself, says what they
 * answered. It believes neither side and keeps nothing.
 */
#ifndef COURIER_DESK_H
#define COURIER_DESK_H

#include "post.h"

struct desk;

/* `fd` is the SOCK_SEQPACKET socket with traild at its other end. NULL: memory is out. */
struct desk *desk_new(struct event_base *base, struct posts *posts, int fd);
void desk_free(struct desk *desk);
/* Whether traild broke the layout of the talk, which ended the loop; else it closed its end. */
bool desk_broken(const struct desk *desk);

#endif
