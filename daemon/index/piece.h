/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece of the log as segments: so many records that their terms fit in memory, one file for each
 * class and month of them. What becomes of the files is the caller's affair. One thread.
 */
#ifndef DAEMON_INDEX_PIECE_H
#define DAEMON_INDEX_PIECE_H

#include "catalog.h"
#include "gather.h"

enum {
	PIECE_RECORDS = 32768, /* of the log: what a run costs in memory */
};

struct piece_maker {
	struct gather gather;
	struct run *run;
	int folder;
	const uint8_t *key;
	const struct hash *genesis;
};

struct piece {
	struct gather_range range;
	size_t count;
	struct segment_place places[GATHER_PARTS_MAX];
};

/* For pieces in the folder of the catalog, which must outlive it. False: memory is out. */
bool piece_maker_open(struct piece_maker *m, struct store *store, struct catalog *catalog);
/* What is zeroed is fine. */
void piece_maker_close(struct piece_maker *m);

/* Up to PIECE_RECORDS records of [from, end). */
void piece_begin(struct piece *p, uint64_t from, uint64_t end);
/* Which classes and months it has. Errors as of piece_make. */
enum trail_err piece_judge(struct piece_maker *m, struct piece *p);
/*
 * Judge and write it; where `only` is not NULL, that class and month alone, whose terms then also
 * stay in m->run. range.to is lowered where there are too many parts. On an error there are no
 * files. TRAIL_CORRUPT: the log does not hold together there. TRAIL_IO, TRAIL_NOMEM.
 */
enum trail_err piece_make(struct piece_maker *m, struct piece *p, const struct gather_part *only);
/* Remove its files. */
void piece_discard(const struct piece_maker *m, struct piece *p);
/* A place of its own for a segment of [from, to). */
struct segment_place piece_place(const struct gather_part *part, uint64_t from, uint64_t to);

#endif
