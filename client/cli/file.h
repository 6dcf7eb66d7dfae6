/* SPDX-License-Identifier: Apache-2.0 */
/* A small file that was named on the command line, as a whole. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stddef.h>

/*
 * Read up to `room` bytes of the file into `out`, *len of them; who must know that it is no longer
 * gives room for one byte more. EXIT_OK, or EXIT_IO and a sentence was said.
 */
int file_read(const char *path, char *out, size_t room, size_t *len);

#endif
