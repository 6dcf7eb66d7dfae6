/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of ours that traild starts beside itself: it inherits stderr and one socket, and ends
 * with the thread that started it.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include "../proto/err.h"

#include <sys/types.h>

enum {
	CHILD_WHY_LEN = 512,
	CHILD_FD = 3, /* the child's number of its end of the socket */
};
#define CHILD_FD_TEXT "3"

struct child {
	pid_t pid;   /* 0: none */
	int fd;      /* our end of the SOCK_SEQPACKET pair; -1 */
	int gone_fd; /* a pidfd, readable when it has ended; -1 */
};

/*
 * Start argv[0], and wait until it is the program. It gets SIGTERM when the calling thread ends.
 * TRAIL_IO and a sentence in `why`: it cannot be run, nothing was started.
 */
enum trail_err child_start(const char *const argv[], struct child *child, char why[CHILD_WHY_LEN]);
/*
 * Close the socket, so that it sees its end; give it `patience_ms`, then kill it; wait for that. A
 * zeroed child is fine.
 */
void child_end(struct child *child, int patience_ms);

#endif
