/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segments that there are, for readers and for the one who makes them: a reader holds a view,
 * which stays as it is while new segments come and old ones go; the last who drops a view closes
 * what nobody sees any more. Readers: any thread. Changes: the indexer's thread alone.
 */
#ifndef DAEMON_INDEX_CATALOG_H
#define DAEMON_INDEX_CATALOG_H

#include "manifest.h"
#include "segment_read.h"

#include <stdatomic.h>

struct catalog;

/* A segment that is shared; `segment` first. */
struct catalog_segment {
	struct segment segment;
	unsigned refs;       /* views that hold it; of the catalog's lock */
	atomic_bool damaged; /* somebody found it so */
};

/* What the index is at one moment. */
struct catalog_view {
	unsigned refs;    /* of the catalog's lock */
	uint64_t indexed; /* records below are in the segments, but for the holes */
	struct hash leaf; /* of record indexed - 1 */
	size_t count, hole_count;
	struct catalog_segment **segments; /* by class, month and range */
	struct index_hole *holes;
};

struct catalog_options {
	const char *folder; /* D/index, made where it is missing */
	const uint8_t *key; /* INDEX_KEY_LEN; must outlive the catalog */
	struct hash genesis;
	/* Called by catalog_suspect, from any thread; NULL: nobody is told. */
	void (*suspect)(void *ctx);
	/* Whether record index - 1 of the store has this leaf: is the index of this history? */
	bool (*knows)(void *ctx, uint64_t index, const struct hash *leaf);
	void *ctx;
};

/*
 * Open the index as it was left. What cannot be used is left out and to be made anew; *lost says
 * how many segments that were (all: the manifest itself). Files that the manifest does not name are
 * removed. TRAIL_IO (errno), TRAIL_NOMEM.
 */
enum trail_err catalog_open(
	const struct catalog_options *options, struct catalog **catalog, size_t *lost);
/* All views must have been dropped. NULL is fine. */
void catalog_close(struct catalog *catalog);

const struct catalog_view *catalog_hold(struct catalog *catalog);
void catalog_drop(struct catalog *catalog, const struct catalog_view *view);
/* This segment contradicted its seal: nobody is to use it. The indexer takes it out. */
void catalog_suspect(struct catalog *catalog, struct catalog_segment *segment);
/* Whether a suspected segment waits to be taken out. */
bool catalog_suspects(struct catalog *catalog);

/* ---- changes ---- */

int catalog_folder(const struct catalog *catalog);
const uint8_t *catalog_key(const struct catalog *catalog);
const struct hash *catalog_genesis(const struct catalog *catalog);

/* One change of what there is. */
struct catalog_change {
	/* New segments, whose files are there under their names. */
	const struct segment_place *add;
	size_t add_count;
	/* Segments of the present view that go; their files are removed. */
	struct catalog_segment *const *remove;
	size_t remove_count;
	/* Where the index reaches then. */
	uint64_t indexed;
	struct hash leaf;
	/* Holes then, all of them. */
	const struct index_hole *holes;
	size_t hole_count;
};

/*
 * Make the change: open what is new, write the manifest, show the new view, remove old files. On an
 * error all is as before, and the new files are removed. TRAIL_IO (errno), TRAIL_NOMEM,
 * TRAIL_CORRUPT: a new file is not what was written.
 */
enum trail_err catalog_apply(struct catalog *catalog, const struct catalog_change *change);
/* Bytes of all segments. */
uint64_t catalog_bytes(struct catalog *catalog);

#endif
