/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small file as a whole: what an operator names on the command line or in the configuration, or
 * what lies in a folder of the log. Knows no formats; says no sentences.
 */
#ifndef DAEMON_SMALL_FILE_H
#define DAEMON_SMALL_FILE_H

#include "../proto/bytes.h"
#include "../proto/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Whose the name is. */
enum small_file_of {
	SMALL_FILE_GIVEN, /* the operator's: may be a link or a pipe, and is waited for */
	SMALL_FILE_KEPT,  /* of a folder of the log: the last part is no link; never waits */
};

/*
 * Read the file `name`, relative to the folder `at` (AT_FDCWD: to where the process is), into
 * `out`, which has room for `max` bytes and is the caller's; its length to *len.
 *
 * TRAIL_END      there is none (errno, too)
 * TRAIL_IO       the system refused (errno)
 * TRAIL_TOO_BIG  it is longer than `max`; `out` has its beginning
 *
 * *len is 0 whenever it does not answer TRAIL_OK.
 */
enum trail_err small_file_read(
	int at, const char *name, enum small_file_of of, void *out, size_t max, size_t *len);

/*
 * Make the file `name` in the folder `at` hold `bytes`, and nothing else, durably: it is what it
 * was or what it is to be, whenever the machine stops. Goes by a file `name`.new, which is renamed.
 * Not for secrets that must die: the old content stays on the device. TRAIL_IO (errno).
 */
enum trail_err small_file_replace(int at, const char *name, struct span bytes, mode_t mode);

#endif
