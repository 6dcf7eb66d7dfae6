/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: from an address to a descriptor. Knows no event loop.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include "../proto/err.h"

#include <stdbool.h>

struct listener {
	int fd;
	bool inherited; /* its name belongs to whoever made it */
	char path[108]; /* as bound, sun_path's size; "" after listener_close */
};

/*
 * Whether `address` is one that this daemon serves; touches nothing.
 * TRAIL_INVALID: it is not; why[512] gets a sentence.
 */
enum trail_err listener_judge(const char *address, char why[512]);
/*
 * Listen on `address`, non-blocking: unix:PATH, mode 0660 and group `trail` where that exists and
 * may be given. A socket file is replaced only when nobody answers behind it.
 * On failure why[512] gets a sentence: TRAIL_INVALID: not an address that this daemon serves.
 * TRAIL_IO: the system refused, or somebody else listens there.
 */
enum trail_err listener_open(const char *address, struct listener *listener, char why[512]);
/*
 * Take over `fd`, which somebody else made and handed over: a listening AF_UNIX stream socket. It
 * becomes non-blocking. TRAIL_INVALID: it is something else; why[512] gets a sentence, and it stays
 * the caller's.
 */
enum trail_err listener_adopt(int fd, struct listener *listener, char why[512]);
/* Stop listening; remove the socket file unless it was inherited. Accepts a closed one. */
void listener_close(struct listener *listener);

#endif
