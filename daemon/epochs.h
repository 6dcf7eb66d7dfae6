/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standing of every (source, epoch): FORMATS.md section 4 as a state machine in memory, loaded
 * from the `source` table at start and written back, what changed, with each commit. "Not doubled"
 * rests on these rows alone. One thread at a time (the writer's).
 */
#ifndef DAEMON_EPOCHS_H
#define DAEMON_EPOCHS_H

#include "db.h"

enum {
	EPOCHS_OPEN_MAX = 4096,   /* per source; the least recently used goes first */
	EPOCHS_IMPORT_MAX = 4096, /* per source; kept, so a further one is refused */
	GAP_PENDING_AFTER_S = 60,
	SILENT_AFTER_S = 24 * 3600,
};

struct epoch_source;

struct epoch {
	struct epoch_source *source;
	uint64_t number;
	struct epoch_row row;
	uint64_t holder;    /* session that said Hello for it last; 0: none */
	uint64_t behind_ns; /* when made first exceeded last; 0: it does not */
	bool dirty;
	struct epoch *next_dirty;
	struct epoch *newer, *older; /* neighbours in the source's order of use */
};

struct epochs;

/* NULL: memory is out. */
struct epochs *epochs_new(void);
void epochs_free(struct epochs *e);
/* Read all rows. TRAIL_CORRUPT: a row that does not decode. */
enum trail_err epochs_load(struct epochs *e, struct db_txn *txn);

/* NULL: not known. */
struct epoch *epochs_find(struct epochs *e, uint64_t source, uint64_t number);
/* The highest epoch of the source that was closed or pushed out; 0: none. */
uint64_t epochs_floor(struct epochs *e, uint64_t source);
uint64_t epoch_source_index(const struct epoch *epoch);

/*
 * Make an unknown epoch known, in memory: so far only claimed. Its row is written once something
 * was stored or said for it. When the source has EPOCHS_OPEN_MAX, another goes: one that is only
 * claimed, else the least recently used.
 *
 * TRAIL_OK      *epoch is new; when one with a standing had to go, *pushed is a copy of it
 *               (pushed->source NULL: none) and it is unknown from now on.
 * TRAIL_CLOSED  not above the source's floor.
 * TRAIL_FULL    EPOCHS_IMPORT_MAX import epochs are kept already.
 * TRAIL_NOMEM
 */
enum trail_err epochs_open(struct epochs *e, uint64_t source, uint64_t number, struct epoch **epoch,
	struct epoch *pushed);
/* Nothing was stored or said for it yet: as good as unknown. */
static inline bool epoch_only_claimed(const struct epoch *epoch)
{
	return epoch->row.last == 0 && epoch->row.made == 0;
}
/* The source spoke for it at `now_ns`, and said it gave out `made`. Makes it most recently used. */
void epochs_heard(struct epochs *e, struct epoch *epoch, uint64_t now_ns, uint64_t made);
/* `count` records were stored from `first_index` on (last at `last_index`), after `lost` lost. */
void epochs_stored(struct epochs *e, struct epoch *epoch, uint64_t count, uint64_t lost,
	uint64_t first_index, uint64_t last_index);
/* A clean end: unknown from now on and the floor raised; an import is kept as closed. */
void epochs_close(struct epochs *e, struct epoch *epoch);
/*
 * Up to `most` epochs that have been silent for SILENT_AFTER_S and were not listed yet, to `found`;
 * how many. Marks them listed. Looks at every epoch, so it is not for every commit.
 */
size_t epochs_take_silent(struct epochs *e, uint64_t now_ns, struct epoch **found, size_t most);

/* Whether epochs_write would write anything that must be durable before an answer (closes). */
bool epochs_must_write(const struct epochs *e);
/* Put what changed since the last call. The caller commits; a failed commit is the end anyway. */
void epochs_write(struct epochs *e, struct db_txn *txn);

/* How all of them stand together, by the rules of daemon/standing.h. */
struct epochs_sum {
	uint32_t open;    /* not closed */
	uint32_t pending; /* of them: with numbers missing for GAP_PENDING_AFTER_S */
	uint32_t open_ends;
	uint32_t sources_behind; /* sources with any pending or open end */
	uint64_t missing;        /* numbers of those pending */
	uint64_t lost;           /* numbers declared lost */
};

struct epochs_sum epochs_count(struct epochs *e, uint64_t now_ns);

#endif
