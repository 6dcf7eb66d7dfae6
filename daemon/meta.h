/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What LMDB's data file says of itself, read with pread: never mapped, so never deadly. Knows the
 * format of LMDB 0.9 on machines with 64-bit words, as far as it takes to tell whether the file may
 * be mapped.
 */
#ifndef DAEMON_META_H
#define DAEMON_META_H

#include "../proto/err.h"

#include <stdbool.h>
#include <stdint.h>

struct meta {
	uint32_t page_size; /* that of the machine which made the file, 32 KiB at the most */
	uint64_t pages;     /* that its tree may use */
	uint64_t file_bytes;
	bool sound; /* both meta pages as LMDB leaves them: in their places, one commit apart,
		       with the flags, address and map size that it can have written */
};

/*
 * Read the meta pages of the file `path`. Pages that a commit took and let go again LMDB never
 * writes, so a whole file may end before its last page: what is behind its end must be on the list
 * of free pages, which is looked through only then.
 *
 * TRAIL_IO       cannot be read (errno).
 * TRAIL_CORRUPT  no valid meta page, or the file lacks pages that are in use: mapping it could kill
 *                this process.
 */
enum trail_err meta_read(const char *path, struct meta *meta);

#endif
