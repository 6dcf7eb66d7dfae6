/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder with a published log, as a web server gives it out: whole files are read from it and put
 * into it, by the names that proto/tile.h makes. Who wrote what is read is not known: no symbolic
 * link is followed below the folder, nothing but a regular file is opened, and none is read that is
 * longer than its kind can be.
 *
 * A file is put there whole or not at all: written under another name, synced, renamed. Its name is
 * durable after tile_folder_sync.
 */
#ifndef CLIENT_TILE_FOLDER_H
#define CLIENT_TILE_FOLDER_H

#include "../proto/tile.h"
#include "fault.h"

enum {
	TILE_FOLDERS_OPEN = 12, /* one of each level, one of the bundles, and some */
};

struct opened_folder {
	int fd; /* -1: none */
	bool dirty;
	uint64_t used; /* the larger, the later */
	char name[TILE_PATH_MAX];
};

struct tile_folder {
	int fd; /* the top; -1: not open */
	int lock;
	uint64_t uses;
	const char *path; /* the caller's, for sentences */
	struct opened_folder open[TILE_FOLDERS_OPEN];
};

/* What is in none of the tiles. */
#define TILE_CHECKPOINT "checkpoint"
#define TILE_IDENTITY   "log.identity"

/* Open the folder for reading. `path` must outlive it. TRAIL_IO. */
enum trail_err tile_folder_open(struct tile_folder *f, const char *path, struct fault *fault);
/*
 * Open it for writing, and make it where there is none. TRAIL_BUSY: another process does so
 * already. TRAIL_IO.
 */
enum trail_err tile_folder_claim(struct tile_folder *f, const char *path, struct fault *fault);
/* Accepts one that was never opened, if it was zeroed. */
void tile_folder_close(struct tile_folder *f);

/*
 * Read the whole file into `out`, which is emptied first.
 * TRAIL_END: there is none; fault says so. TRAIL_CORRUPT: what lies there is no regular file of at
 * most `most` bytes. TRAIL_IO: it cannot be read. TRAIL_NOMEM.
 */
enum trail_err tile_folder_read(
	struct tile_folder *f, const char *name, size_t most, struct buf *out, struct fault *fault);
/* Put the file there, and the folders on its way. TRAIL_IO: what was there before is left. */
enum trail_err tile_folder_put(
	struct tile_folder *f, const char *name, struct span content, struct fault *fault);
/* Make the names of all that was put there durable. TRAIL_IO. */
enum trail_err tile_folder_sync(struct tile_folder *f, struct fault *fault);
/*
 * Remove the partial tiles of one that is full now, and their folder. What cannot be removed is
 * left: it is only clutter.
 */
void tile_folder_prune(struct tile_folder *f, const struct tile *full);

/* Told of each file below tile/; `name` as tile_path has it. False: no more. */
typedef bool (*tile_file_fn)(void *ctx, const char *name, bool is_file);
/*
 * Tell of all that lies below tile/, folder by folder. A name that is longer than a tile's can be
 * is told cut. TRAIL_IO: a folder cannot be read. TRAIL_MORE: it was told to stop.
 */
enum trail_err tile_folder_walk(
	struct tile_folder *f, tile_file_fn told, void *ctx, struct fault *fault);

#endif
