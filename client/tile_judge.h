/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tiles of a published log against its entries. Both are files that anybody may have touched;
 * where they differ, the tile of the level above says which of the two is the log's, and at the
 * right edge the signed root does. What is believed grows the tree, so that one bad file is one
 * finding, and all that lies beside it is judged as if it were whole.
 */
#ifndef CLIENT_TILE_JUDGE_H
#define CLIENT_TILE_JUDGE_H

#include "../proto/checkpoint.h"
#include "../proto/findings.h"
#include "../proto/tile.h"
#include "tile_folder.h"

struct tile_judge {
	struct tile_folder *folder;
	struct findings *found;
	struct fault *fault;
	const struct checkpoint *head;
	struct tile_edge edge; /* what is believed */
	struct hash root;      /* of the last full tile of level 0 that is believed */
	struct buf file, above;
	unsigned missing; /* files */
	bool blind;       /* leaves are known by neither entries nor their tile */
	bool lost;        /* nor is what stands above them: no root can be derived */
	bool overruled;   /* entries were not believed */
};

void tile_judge_init(struct tile_judge *j, struct tile_folder *folder,
	const struct checkpoint *head, struct findings *found, struct fault *fault);
void tile_judge_release(struct tile_judge *j);

/*
 * Read the file of a tile or bundle into `out`. Where a partial one is missing the full one will
 * do, as the standard has it: *whole. A tile of hashes has exactly the bytes of tile->width then.
 * TRAIL_END: there is neither. TRAIL_CORRUPT: it is no such file, or of another length.
 * TRAIL_IO: it cannot be read. All three: j->fault says why. TRAIL_NOMEM.
 */
enum trail_err tile_judge_read(
	struct tile_judge *j, const struct tile *tile, struct buf *out, bool *whole);
/* Make a finding of what tile_judge_read answered; false: memory is out. */
bool tile_judge_blame(struct tile_judge *j, const struct tile *tile, enum trail_err err);

/*
 * Judge tile `number` of level 0, and each above that it fills. leaf[0 .. known) are the leaf
 * hashes of its entries, as many as are there; afterwards leaf[0 .. width) is what is believed,
 * and j->root the root of it if it is full, unless j->blind. TRAIL_NOMEM.
 */
enum trail_err tile_judge_leaves(
	struct tile_judge *j, uint64_t number, struct hash leaf[TILE_WIDTH], unsigned known);
/* Behind the last one: the partial tiles of the levels above. TRAIL_NOMEM. */
enum trail_err tile_judge_end(struct tile_judge *j);

#endif
