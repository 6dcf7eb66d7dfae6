/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles: how c2sp.org/tlog-tiles cuts the Merkle tree of a log into files. Their names, which of
 * them a tree of some size has, the entries of a bundle, and the tiles at the tree's right edge
 * while it grows. Knows hashes and sizes, never where the files lie.
 *
 * Hash i of tile (level, number) is the root of the complete subtree of 256^level leaves that
 * begins at leaf (number * 256 + i) * 256^level. A full tile has 256 hashes; the last one of a
 * level may be partial, and has its width in its name:
 *
 *	tile/0/x001/x234/067            tile 1234067 of level 0, full
 *	tile/1/001.p/17                 the first 17 hashes of tile 1 of level 1
 *	tile/entries/x001/x234/067      the 256 entries under the first: a bundle
 */
#ifndef PROTO_TILE_H
#define PROTO_TILE_H

#include "tree.h"

enum {
	TILE_WIDTH = 256,
	TILE_BITS = 8,
	TILE_LEVELS = 8, /* of a tree whose size is below 2^63 */
	TILE_BYTES = TILE_WIDTH * HASH_LEN,
	TILE_ENTRY_MAX = 65535,
	TILE_ENTRY_HEAD = 2, /* u16 length in front of each entry */
	/* Of the longest name, with its NUL: entries, six groups of digits, a width. */
	TILE_PATH_MAX = 48,
};
/* A tile of a higher number would lie behind leaf 2^63. */
#define TILE_NUMBER_MAX ((uint64_t)INT64_MAX >> TILE_BITS)

struct tile {
	bool entries;   /* a bundle of entries; its level is 0 */
	unsigned level; /* below TILE_LEVELS */
	uint64_t number;
	unsigned width; /* 1 to 256; 256: full */
};

/* The file's name, from the folder of the tree on, ended by NUL. */
void tile_path(const struct tile *tile, char out[TILE_PATH_MAX]);
/* The inverse. False: it is not the name of a tile, letter by letter; *out is left. */
bool tile_parse(struct span path, struct tile *out);

/* Full tiles of a level in a tree of `size`: the number of the one that may be partial. */
uint64_t tile_full_count(uint64_t size, unsigned level);
/* Width of a tile in a tree of `size`: 256, or that of the partial one; 0: there is no such tile.
 */
unsigned tile_width(uint64_t size, unsigned level, uint64_t number);
/* The first leaf below hash i of the tile. */
uint64_t tile_leaf(unsigned level, uint64_t number, unsigned i);

/* Append one entry to a bundle. It must not be longer than TILE_ENTRY_MAX. */
void tile_entry_put(struct buf *bundle, struct span entry);
/*
 * Take one entry off the front of a bundle; *entry views it.
 * TRAIL_END: nothing is left. TRAIL_INVALID: it is cut off; nothing is taken.
 */
enum trail_err tile_entry_take(struct span *bundle, struct span *entry);

/* The root over the hashes of a full tile: a hash of the level above. */
void tile_root(const struct hash hashes[TILE_WIDTH], struct hash *root);

/*
 * The tiles that are not full yet, one of each level. Zeroed: the empty tree. Grow it so:
 *
 *	struct hash hash = leaf;
 *	for (unsigned level = 0; tile_edge_put(edge, level, &hash); level++) {
 *		... edge->hash[level] is a full tile ...
 *		tile_edge_close(edge, level, &hash);
 *	}
 */
struct tile_edge {
	unsigned count[TILE_LEVELS]; /* hashes of the level */
	struct hash hash[TILE_LEVELS][TILE_WIDTH];
};

/* Add a hash to the level's tile. True: it is full now, and is to be closed. */
bool tile_edge_put(struct tile_edge *edge, unsigned level, const struct hash *hash);
/* Empty the level's tile, which is full; *root is what the level above gets for it. */
void tile_edge_close(struct tile_edge *edge, unsigned level, struct hash *root);
/* Root of the tree so far; no tile may be full. SHA-256("") when empty. */
void tile_edge_root(const struct tile_edge *edge, struct hash *root);

#endif
