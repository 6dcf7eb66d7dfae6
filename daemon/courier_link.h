/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traild's end of the talk with its courier (daemon/courier/talk.h): starts it, says words to it,
 * takes its words. One thread at a time, which must live as long as the courier shall: it is told
 * to end when the thread that started it does. Waits for its beginning and its end, else never.
 */
#ifndef DAEMON_COURIER_LINK_H
#define DAEMON_COURIER_LINK_H

#include "courier/talk.h"

struct courier_link;

/*
 * Start `program`, and wait until it runs. `ca_file`: who vouches for https; "": its own default.
 * TRAIL_IO, TRAIL_NOMEM and why[512]: it cannot be run, or descriptors, processes or memory are
 * out.
 */
enum trail_err courier_link_open(
	const char *program, const char *ca_file, struct courier_link **link, char why[512]);
/* Kills it, unless it ended by itself, and waits for that. NULL is fine. */
void courier_link_close(struct courier_link *link);
/* Readable when there is a word to take, or the courier is gone. */
int courier_link_fd(const struct courier_link *link);
/* False: it is gone, or does not read what is said to it; close the link. */
bool courier_link_say(struct courier_link *link, const struct courier_word *word);
/* Why a request has no answer, as a clause on who was asked. NULL: it has one. */
const char *courier_trouble(enum courier_fate fate);
/*
 * The next word; its spans are valid until the next call. TRAIL_END: none waits. TRAIL_IO: it is
 * gone. TRAIL_CORRUPT: that was no word of a courier's.
 */
enum trail_err courier_link_take(struct courier_link *link, struct courier_word *word);

#endif
