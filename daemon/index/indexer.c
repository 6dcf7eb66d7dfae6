/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer.h"

#include "../../proto/crypto.h"
#include "key.h"
#include "levels.h"
#include "merge.h"
#include "piece.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
	STEP_POSTINGS = 100000, /* of a merge between two looks at the log: some 5 ms */
	/* Postings to merge for each record that comes: some three times all that it has. */
	OWED_PER_RECORD = 64,
	NICENESS = 19,
	RETRY_S = 10, /* after the system refused something */
	PATH_LEN = 4096,
};

struct indexer {
	struct indexer_options options;
	char folder[PATH_LEN];
	uint8_t *key;
	struct catalog *catalog;
	struct piece_maker maker;
	struct merge *merge; /* under way, of the segments below */
	size_t merge_count;
	struct catalog_segment *merging[MERGE_MAX];
	struct segment_place merge_place;
	uint64_t owed; /* postings to be merged before the log is followed on */
	bool stuck;    /* the store is damaged where it would be read on: told, and left */
	bool said;     /* that the system refuses */
	bool started;
	pthread_t thread;
	struct compare *compare; /* under way */
	bool compares_next;      /* it takes turns with all else */
	pthread_mutex_t lock;    /* of what follows */
	struct indexer_check check;
	pthread_cond_t woken;
	bool awake, stop;
	_Atomic uint64_t damaged;
	atomic_bool merges;
};

/* ---- what there is to do ---- */

static uint64_t log_size(const struct indexer *x)
{
	struct head head;
	return store_head(x->options.store, &head) ? head.size : 0;
}

static bool has_room(const struct indexer *x)
{
	struct statvfs room;
	return statvfs(x->folder, &room) != 0 ||
		(uint64_t)room.f_bavail * room.f_frsize >= 2 * x->options.reserve_bytes;
}

static enum trail_err apply(struct indexer *x, const struct catalog_change *change)
{
	return catalog_apply(x->catalog, change);
}

/* A change that leaves all as it is in `view`. */
static struct catalog_change no_change(const struct catalog_view *view)
{
	return (struct catalog_change){
		.indexed = view->indexed,
		.leaf = view->leaf,
		.holes = view->holes,
		.hole_count = view->hole_count,
	};
}

/* ---- runs ---- */

/* Index the next records of the log. */
static enum trail_err follow(struct indexer *x, const struct catalog_view *view, uint64_t size)
{
	struct piece p;
	struct catalog_change change = no_change(view);
	piece_begin(&p, view->indexed, size);
	enum trail_err err = piece_make(&x->maker, &p, NULL);
	change.add = p.places;
	change.add_count = p.count;
	change.indexed = p.range.to;
	change.leaf = p.range.leaf;
	x->owed = x->owed % STEP_POSTINGS + OWED_PER_RECORD * (p.range.to - p.range.from);
	return err ? err : apply(x, &change);
}

/* ---- damage ---- */

static bool overlaps(const struct catalog_view *view, const struct segment_place *place)
{
	for (size_t i = 0; i < view->hole_count; i++) {
		const struct index_hole *h = &view->holes[i];
		if (h->class_no == place->class_no && h->month == place->month &&
			h->from < place->to && place->from < h->to)
			return true;
	}
	return false;
}

/* Suspected segments become holes. */
static enum trail_err take_out(struct indexer *x, const struct catalog_view *view)
{
	struct catalog_change change = no_change(view);
	struct index_hole *holes = calloc(view->count + view->hole_count + 1, sizeof *holes);
	struct catalog_segment **gone = calloc(view->count + 1, sizeof(struct catalog_segment *));
	enum trail_err err = holes && gone ? TRAIL_OK : TRAIL_NOMEM;
	for (size_t i = 0; i < view->hole_count && !err; i++)
		holes[i] = view->holes[i];
	for (size_t i = 0; i < view->count && !err; i++) {
		const struct segment_place *p = &view->segments[i]->segment.place;
		if (!atomic_load(&view->segments[i]->damaged))
			continue;
		gone[change.remove_count++] = view->segments[i];
		holes[change.hole_count++] =
			(struct index_hole){ p->class_no, p->month, p->from, p->to };
		log_line(LOG_INDEX_DAMAGED,
			"the index of records %llu to %llu contradicts its seal or the log: it is "
			"made anew from the log, which is searched meanwhile",
			(unsigned long long)p->from, (unsigned long long)p->to - 1);
		x->damaged++;
	}
	change.holes = holes;
	change.remove = gone;
	if (!err)
		err = apply(x, &change);
	free(holes);
	free(gone);
	return err;
}

/* Make a piece of the first hole anew. */
static enum trail_err mend(struct indexer *x, const struct catalog_view *view)
{
	struct catalog_change change = no_change(view);
	struct index_hole *holes = calloc(view->hole_count, sizeof *holes);
	struct index_hole hole = view->holes[0];
	const struct gather_part part = { hole.class_no, hole.month };
	struct piece p;
	piece_begin(&p, hole.from, hole.to);
	enum trail_err err = holes ? piece_make(&x->maker, &p, &part) : TRAIL_NOMEM;
	if (!err) {
		memcpy(holes, view->holes, view->hole_count * sizeof *holes);
		holes[0].from = p.range.to;
		bool done = p.range.to == hole.to;
		change.holes = holes + done;
		change.hole_count = view->hole_count - done;
		change.add = p.places;
		change.add_count = p.count;
		err = apply(x, &change);
	}
	free(holes);
	return err;
}

/* ---- merges ---- */

static struct levels_item *list_items(const struct catalog_view *view)
{
	struct levels_item *items = calloc(view->count + 1, sizeof *items);
	for (size_t i = 0; items && i < view->count; i++) {
		struct segment_place between = view->segments[i]->segment.place;
		items[i].place = between;
		items[i].records = view->segments[i]->segment.sum.records;
		between.to = between.from;
		between.from = i > 0 ? items[i - 1].place.to : 0;
		items[i].follows = i > 0 && !overlaps(view, &between);
	}
	return items;
}

static enum trail_err begin_merge(
	struct indexer *x, const struct catalog_view *view, size_t first, size_t count)
{
	const struct segment *inputs[MERGE_MAX];
	const struct segment_place *from = &view->segments[first]->segment.place;
	const struct gather_part part = { from->class_no, from->month };
	x->merge_place =
		piece_place(&part, from->from, view->segments[first + count - 1]->segment.place.to);
	for (size_t i = 0; i < count; i++) {
		x->merging[i] = view->segments[first + i];
		inputs[i] = &x->merging[i]->segment;
	}
	x->merge_count = count;
	x->merge = merge_begin(catalog_folder(x->catalog), x->key, catalog_genesis(x->catalog),
		&x->merge_place, inputs, count);
	return x->merge ? TRAIL_OK : TRAIL_NOMEM;
}

/* Whether a merge is under way, or one was begun. */
static bool merges(struct indexer *x, const struct catalog_view *view, enum trail_err *err)
{
	size_t first, count;
	if (x->merge)
		return true;
	struct levels_item *items = list_items(view);
	bool found = items && levels_choose(items, view->count, &first, &count);
	free(items);
	if (found)
		*err = begin_merge(x, view, first, count);
	return found && !*err;
}

static enum trail_err finish_merge(struct indexer *x, const struct catalog_view *view)
{
	struct catalog_change change = no_change(view);
	change.add = &x->merge_place;
	change.add_count = 1;
	change.remove = x->merging;
	change.remove_count = x->merge_count;
	return apply(x, &change);
}

static enum trail_err step_merge(struct indexer *x, const struct catalog_view *view)
{
	struct segment_sum sum;
	size_t bad = 0;
	enum trail_err err = merge_step(x->merge, STEP_POSTINGS, &sum, &bad);
	if (err == TRAIL_MORE)
		return TRAIL_OK;
	x->merge = NULL;
	if (err == TRAIL_CORRUPT)
		catalog_suspect(x->catalog, x->merging[bad]);
	if (err)
		return err == TRAIL_CORRUPT ? TRAIL_OK : err;
	return finish_merge(x, view);
}

/* ---- comparing with the log ---- */

static void publish(struct indexer *x, bool ended, bool failed)
{
	(void)pthread_mutex_lock(&x->lock);
	if (x->compare)
		x->check.report = *compare_report(x->compare);
	x->check.ended = ended;
	x->check.failed = failed;
	(void)pthread_mutex_unlock(&x->lock);
}

static void end_compare(struct indexer *x, bool failed)
{
	publish(x, true, failed);
	compare_free(x->compare);
	x->compare = NULL;
}

/* Whether a comparison is under way; where one is wanted, it begins. */
static bool compares(struct indexer *x)
{
	(void)pthread_mutex_lock(&x->lock);
	bool wanted = x->check.job != 0 && !x->check.ended;
	(void)pthread_mutex_unlock(&x->lock);
	if (!wanted || x->compare)
		return x->compare != NULL;
	x->compare = compare_begin(x->catalog, x->options.store);
	if (!x->compare)
		end_compare(x, true);
	return x->compare != NULL;
}

/* What no segment holds is made anew. */
static enum trail_err add_holes(struct indexer *x, const struct catalog_view *view,
	const struct index_hole *gaps, size_t count)
{
	struct catalog_change change = no_change(view);
	struct index_hole *holes = calloc(view->hole_count + count, sizeof *holes);
	if (!holes)
		return TRAIL_NOMEM;
	/* What is merged may reach over them. */
	merge_abort(x->merge);
	x->merge = NULL;
	for (size_t i = 0; i < view->hole_count; i++)
		holes[i] = view->holes[i];
	for (size_t i = 0; i < count; i++) {
		holes[view->hole_count + i] = gaps[i];
		log_line(LOG_INDEX_DAMAGED,
			"the index lacks records of %llu to %llu: they are indexed anew from the "
			"log, which is searched meanwhile",
			(unsigned long long)gaps[i].from, (unsigned long long)gaps[i].to - 1);
		x->damaged++;
	}
	change.holes = holes;
	change.hole_count += count;
	enum trail_err err = apply(x, &change);
	free(holes);
	return err;
}

static void step_compare(struct indexer *x, const struct catalog_view *view)
{
	const struct index_hole *gaps = NULL;
	size_t count = 0;
	enum trail_err err = has_room(x) ? compare_step(x->compare, &gaps, &count) : TRAIL_FULL;
	if ((!err || err == TRAIL_MORE) && count > 0 && add_holes(x, view, gaps, count))
		err = TRAIL_NOMEM;
	if (err == TRAIL_MORE)
		publish(x, false, false);
	else
		end_compare(x, err != TRAIL_OK);
}

void indexer_check(struct indexer *x, bool start, struct indexer_check *check)
{
	bool wake = false;
	(void)pthread_mutex_lock(&x->lock);
	if (start && (x->check.job == 0 || x->check.ended)) {
		x->check = (struct indexer_check){ .job = x->check.job + 1 };
		wake = true;
	}
	*check = x->check;
	(void)pthread_mutex_unlock(&x->lock);
	if (wake)
		indexer_wake(x);
}

/* ---- the thread ---- */

/* Do one thing. *idle: there was nothing. */
static enum trail_err work(struct indexer *x, const struct catalog_view *view, bool *idle)
{
	uint64_t size = log_size(x);
	enum trail_err err = TRAIL_OK;
	if (catalog_suspects(x->catalog)) {
		/* What is merged may be among them. */
		merge_abort(x->merge);
		x->merge = NULL;
		return take_out(x, view);
	}
	x->compares_next = compares(x) && !x->compares_next;
	if (x->compares_next) {
		step_compare(x, view);
		return TRAIL_OK;
	}
	/* Without a head, or behind a log that does not hold together, nothing can be indexed. */
	bool may = size != 0 && !x->stuck;
	bool more = may && size >= view->indexed + x->options.run;
	bool holes = may && view->hole_count > 0;
	if ((more || holes) && !has_room(x))
		return TRAIL_FULL;
	/* A log that never rests must not leave ever more small segments behind. */
	if (more && x->owed >= STEP_POSTINGS && merges(x, view, &err)) {
		x->owed -= STEP_POSTINGS;
		return step_merge(x, view);
	}
	if (more && !err)
		return follow(x, view, size);
	if (holes)
		return mend(x, view);
	if (merges(x, view, &err))
		return step_merge(x, view);
	*idle = !x->compare;
	return err;
}

/* The log cannot be read there: the scan says so to who asks. */
static void give_up(struct indexer *x, const struct catalog_view *view)
{
	x->stuck = true;
	log_line(LOG_INDEX_STUCK,
		"the index ends at record %llu: the log behind it does not hold together; run "
		"`traild check`",
		(unsigned long long)view->indexed);
}

static void say_refused(struct indexer *x, enum trail_err err)
{
	int saved = errno;
	if (x->said)
		return;
	x->said = true;
	log_line(LOG_INDEX_WAITS, "the index waits: %s; searches read the log itself meanwhile",
		err == TRAIL_IO              ? strerror(saved)
			: err == TRAIL_NOMEM ? "memory is out"
					     : "the file system is nearly full");
}

/* Wait until something is to be done, at the most `seconds`; 0: as long as it takes. */
static bool wait(struct indexer *x, unsigned seconds)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	(void)pthread_mutex_lock(&x->lock);
	int rc = 0;
	while (!x->stop && rc == 0 && (seconds > 0 || !x->awake))
		rc = seconds > 0 ? pthread_cond_timedwait(&x->woken, &x->lock, &until)
				 : pthread_cond_wait(&x->woken, &x->lock);
	x->awake = false;
	bool go_on = !x->stop;
	(void)pthread_mutex_unlock(&x->lock);
	return go_on;
}

static bool is_stopped(struct indexer *x)
{
	(void)pthread_mutex_lock(&x->lock);
	bool stop = x->stop;
	(void)pthread_mutex_unlock(&x->lock);
	return stop;
}

static void *run(void *ctx)
{
	struct indexer *x = ctx;
	bool go_on = true;
	/* Events come first: behind a log that grows as fast as it can, the index waits; where this
	 * is not allowed, it does not. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
	while (go_on && !is_stopped(x)) {
		bool idle = false;
		const struct catalog_view *view = catalog_hold(x->catalog);
		enum trail_err err = work(x, view, &idle);
		if (err == TRAIL_CORRUPT)
			give_up(x, view);
		else if (err)
			say_refused(x, err);
		else
			x->said = false;
		atomic_store(&x->merges, x->merge != NULL);
		catalog_drop(x->catalog, view);
		if (idle || (err && err != TRAIL_CORRUPT))
			go_on = wait(x, err ? RETRY_S : 0);
	}
	merge_abort(x->merge);
	x->merge = NULL;
	compare_free(x->compare);
	x->compare = NULL;
	return NULL;
}

/* ---- start and stop ---- */

static bool knows(void *ctx, uint64_t indexed, const struct hash *leaf)
{
	const struct indexer *x = ctx;
	struct hash ours;
	struct db_txn *txn = db_begin(store_db(x->options.store), false);
	const uint8_t *bytes =
		txn && indexed <= store_size(txn) ? store_record(txn, indexed - 1, NULL) : NULL;
	if (bytes)
		record_leaf(bytes, &ours);
	bool same = bytes && hash_equal(&ours, leaf);
	db_abort(txn);
	return same;
}

static void on_suspect(void *ctx)
{
	indexer_wake(ctx);
}

static enum trail_err open_catalog(struct indexer *x, size_t *lost)
{
	char folder[PATH_LEN + 8];
	(void)snprintf(folder, sizeof folder, "%s/index", x->folder);
	const struct catalog_options options = {
		.folder = folder,
		.key = x->key,
		.genesis = store_genesis(x->options.store),
		.suspect = on_suspect,
		.knows = knows,
		.ctx = x,
	};
	return catalog_open(&options, &x->catalog, lost);
}

static void say_lost(const struct indexer *x, size_t lost)
{
	const struct catalog_view *view = catalog_hold(x->catalog);
	if (lost == SIZE_MAX)
		log_line(LOG_INDEX_DAMAGED,
			"the index is not the one of this log, or was changed: it is made anew "
			"from the log, which is searched meanwhile");
	else if (lost > 0)
		log_line(LOG_INDEX_DAMAGED,
			"%zu of the index's files are missing or were changed: they are made anew "
			"from the log, which is searched meanwhile",
			lost);
	catalog_drop(x->catalog, view);
}

static enum trail_err open_all(struct indexer *x)
{
	size_t lost = 0;
	x->key = index_key_load(x->folder);
	if (!x->key)
		return errno == ENOMEM ? TRAIL_NOMEM : TRAIL_IO;
	enum trail_err err = open_catalog(x, &lost);
	if (err)
		return err;
	say_lost(x, lost);
	return piece_maker_open(&x->maker, x->options.store, x->catalog) ? TRAIL_OK : TRAIL_NOMEM;
}

static bool start_thread(struct indexer *x)
{
	x->started = pthread_create(&x->thread, NULL, run, x) == 0;
	return x->started;
}

enum trail_err indexer_start(
	const struct indexer_options *options, struct indexer **out, struct log_reason *reason)
{
	pthread_condattr_t attr;
	struct indexer *x = calloc(1, sizeof *x);
	if (!x)
		return TRAIL_NOMEM;
	x->options = *options;
	(void)snprintf(x->folder, sizeof x->folder, "%s", options->folder);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&x->lock, NULL);
	(void)pthread_cond_init(&x->woken, &attr);
	(void)pthread_condattr_destroy(&attr);
	enum trail_err err = open_all(x);
	if (err || !start_thread(x)) {
		err = err ? err : TRAIL_NOMEM;
		reason->id = LOG_INDEX_FAILED;
		(void)snprintf(reason->why, sizeof reason->why,
			"cannot open the index in %.400s: %s", x->folder,
			err == TRAIL_IO ? strerror(errno) : "memory is out");
		indexer_stop(x);
		return err;
	}
	*out = x;
	return TRAIL_OK;
}

struct catalog *indexer_catalog(struct indexer *x)
{
	return x->catalog;
}

void indexer_wake(struct indexer *x)
{
	(void)pthread_mutex_lock(&x->lock);
	if (!x->awake)
		(void)pthread_cond_signal(&x->woken);
	x->awake = true;
	(void)pthread_mutex_unlock(&x->lock);
}

void indexer_read_numbers(struct indexer *x, struct indexer_numbers *out)
{
	const struct catalog_view *view = catalog_hold(x->catalog);
	*out = (struct indexer_numbers){
		.indexed = view->indexed,
		.segments = (uint32_t)view->count,
		.damaged = x->damaged,
		.merges = atomic_load(&x->merges),
	};
	for (size_t i = 0; i < view->hole_count; i++)
		out->holes += view->holes[i].to - view->holes[i].from;
	catalog_drop(x->catalog, view);
	out->bytes = catalog_bytes(x->catalog);
}

void indexer_stop(struct indexer *x)
{
	if (!x)
		return;
	(void)pthread_mutex_lock(&x->lock);
	x->stop = true;
	(void)pthread_cond_signal(&x->woken);
	(void)pthread_mutex_unlock(&x->lock);
	if (x->started)
		(void)pthread_join(x->thread, NULL);
	catalog_close(x->catalog);
	piece_maker_close(&x->maker);
	crypto_secret_free(x->key);
	(void)pthread_cond_destroy(&x->woken);
	(void)pthread_mutex_destroy(&x->lock);
	free(x);
}
