/* SPDX-License-Identifier: Apache-2.0 */
/* A folder in memory for targets whose input is a file; it goes with the process. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include "../../proto/crypto.h"
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

static char fuzz_folder_path[] = "/dev/shm/trail-fuzz-XXXXXX";

static inline void fuzz_folder_remove(void)
{
	(void)rmdir(fuzz_folder_path);
}

/* The folder; what is made in it is for its maker to remove. */
static inline int fuzz_folder(void)
{
	static int at = -1;
	if (at < 0) {
		fuzz_assert(crypto_init() && mkdtemp(fuzz_folder_path) != NULL);
		fuzz_assert(atexit(fuzz_folder_remove) == 0);
		at = open(fuzz_folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	fuzz_assert(at >= 0);
	return at;
}

/* Make the file anew with these bytes. */
static inline void fuzz_folder_put(const char *name, struct span bytes)
{
	int fd = openat(fuzz_folder(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_assert(fd >= 0);
	fuzz_assert(write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
	(void)close(fd);
}

#endif
