/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder as a place: locked against a second signer, private to its owner, on a file
 * system that overwrites in place. Files are reached through the folder's descriptor, never through
 * a link; they are made with O_EXCL, written in place, synced, and erased by zeros before their
 * name goes. Nothing is renamed. Knows names and bytes, not what they mean.
 *
 * Every function answers TRAIL_OK, TRAIL_IO (could not; exit 3) or TRAIL_CORRUPT (must not; exit 5)
 * and sets *why on both. One thread.
 */
#ifndef SIGNER_FOLDER_H
#define SIGNER_FOLDER_H

#include "../../proto/bytes.h"
#include "sentence.h"

struct folder {
	const char *path; /* the caller's; for sentences */
	int fd;
	int lock;
};

/*
 * The name of the file system whose statfs(2) f_type is `magic`, if it writes elsewhere than where
 * the old bytes lie, so that nothing is erased by overwriting. NULL: it overwrites in place, as far
 * as is known here.
 */
const char *folder_keeps_old(uint32_t magic);

/* What to do about an unusual folder; bits. */
enum folder_how {
	FOLDER_MAKE = 1,      /* make it, 0700, if it is not there */
	FOLDER_ALLOW_COW = 2, /* although its file system keeps what is overwritten */
};

/*
 * Open and lock the folder. TRAIL_CORRUPT: not there, or on a copy-on-write file system.
 * TRAIL_IO: others may enter it, it is not ours, or another signer holds it.
 * *notice is set to a sentence that should be logged, or to an empty one.
 */
enum trail_err folder_open(struct folder *folder, const char *path, unsigned how,
	struct sentence *notice, struct sentence *why);
/* Accepts a folder that was never opened if its descriptors are -1. */
void folder_close(struct folder *folder);
/* Make the names that came and went durable. */
enum trail_err folder_sync(const struct folder *folder, struct sentence *why);
/* TRAIL_CORRUPT: it holds a name that is not among `names` (NULL-terminated). */
enum trail_err folder_only(
	const struct folder *folder, const char *const *names, struct sentence *why);

/* Who may read a file. */
enum file_mode {
	FILE_SECRET = 0600,
	FILE_PUBLIC = 0644,
};

/*
 * Open a file that is there. TRAIL_END (without *why): it is not there. TRAIL_IO: not a plain file,
 * not ours, or more open than `mode`.
 */
enum trail_err file_open(const struct folder *folder, const char *name, enum file_mode mode,
	int *fd, struct sentence *why);
/*
 * Read a whole file of at most `max` bytes to `out`, its length to *len. TRAIL_END as file_open.
 * TRAIL_CORRUPT: it is longer.
 */
enum trail_err file_read(const struct folder *folder, const char *name, enum file_mode mode,
	uint8_t *out, size_t max, size_t *len, struct sentence *why);
/* Read exactly what an open file holds, as file_read. */
enum trail_err file_read_fd(const struct folder *folder, const char *name, int fd, uint8_t *out,
	size_t max, size_t *len, struct sentence *why);
/* Exactly `len` bytes at `offset` of an open file. TRAIL_CORRUPT: it is shorter. */
enum trail_err file_read_at(const struct folder *folder, const char *name, int fd, uint64_t offset,
	uint8_t *out, size_t len, struct sentence *why);
/* Make a file that is not there, with `content`, synced. The name is durable after folder_sync. */
enum trail_err file_make(const struct folder *folder, const char *name, enum file_mode mode,
	struct span content, struct sentence *why);
/* Zeros over all its bytes in place, synced, then the name away. No such file is fine. */
enum trail_err file_erase(const struct folder *folder, const char *name, struct sentence *why);
/* fdatasync of an open file. */
enum trail_err file_sync(
	const struct folder *folder, const char *name, int fd, struct sentence *why);
/* All of `data` at `offset`, in place, not synced. */
enum trail_err file_write(const struct folder *folder, const char *name, int fd, struct span data,
	uint64_t offset, struct sentence *why);

#endif
