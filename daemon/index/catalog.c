/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct catalog {
	int folder;
	const uint8_t *key;
	struct hash genesis;
	void (*suspect)(void *ctx);
	void *ctx;
	pthread_mutex_t lock;
	struct catalog_view *view;
	atomic_bool suspects;
};

/* ---- views ---- */

static struct catalog_view *view_new(size_t segments, size_t holes)
{
	struct catalog_view *view = calloc(1, sizeof *view);
	if (!view)
		return NULL;
	view->refs = 1;
	view->segments = calloc(segments + 1, sizeof(struct catalog_segment *));
	view->holes = calloc(holes + 1, sizeof *view->holes);
	if (view->segments && view->holes)
		return view;
	free(view->segments);
	free(view->holes);
	free(view);
	return NULL;
}

/* The catalog is locked, or nobody else knows it. */
static void view_free(struct catalog_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		struct catalog_segment *s = view->segments[i];
		if (--s->refs == 0) {
			segment_close(&s->segment);
			free(s);
		}
	}
	free(view->segments);
	free(view->holes);
	free(view);
}

static void view_add(struct catalog_view *view, struct catalog_segment *segment)
{
	segment->refs++;
	view->segments[view->count++] = segment;
}

const struct catalog_view *catalog_hold(struct catalog *catalog)
{
	(void)pthread_mutex_lock(&catalog->lock);
	struct catalog_view *view = catalog->view;
	view->refs++;
	(void)pthread_mutex_unlock(&catalog->lock);
	return view;
}

static void drop_locked(struct catalog_view *view)
{
	if (--view->refs == 0)
		view_free(view);
}

void catalog_drop(struct catalog *catalog, const struct catalog_view *view)
{
	(void)pthread_mutex_lock(&catalog->lock);
	/* It is the catalog's own, which handed it out as one that nobody changes. */
	drop_locked((struct catalog_view *)(uintptr_t)view);
	(void)pthread_mutex_unlock(&catalog->lock);
}

void catalog_suspect(struct catalog *catalog, struct catalog_segment *segment)
{
	atomic_store(&segment->damaged, true);
	atomic_store(&catalog->suspects, true);
	if (catalog->suspect)
		catalog->suspect(catalog->ctx);
}

bool catalog_suspects(struct catalog *catalog)
{
	return atomic_load(&catalog->suspects);
}

int catalog_folder(const struct catalog *catalog)
{
	return catalog->folder;
}

const uint8_t *catalog_key(const struct catalog *catalog)
{
	return catalog->key;
}

const struct hash *catalog_genesis(const struct catalog *catalog)
{
	return &catalog->genesis;
}

/* ---- opening ---- */

static enum trail_err open_one(
	const struct catalog *c, const struct segment_place *place, struct catalog_segment **out)
{
	struct catalog_segment *s = calloc(1, sizeof *s);
	if (!s)
		return TRAIL_NOMEM;
	enum trail_err err = segment_open(c->folder, c->key, &c->genesis, place, &s->segment);
	if (err)
		free(s);
	else
		*out = s;
	return err;
}

static void add_hole(struct catalog_view *view, const struct segment_place *place)
{
	view->holes[view->hole_count++] =
		(struct index_hole){ place->class_no, place->month, place->from, place->to };
}

/* What the manifest names, as far as it is there. */
static enum trail_err open_named(struct catalog *c, const struct manifest *m, size_t *lost)
{
	struct catalog_view *view = view_new(m->count, m->hole_count + m->count);
	if (!view)
		return TRAIL_NOMEM;
	view->indexed = m->indexed;
	view->leaf = m->leaf;
	for (size_t i = 0; i < m->hole_count; i++)
		view->holes[view->hole_count++] = m->holes[i];
	for (size_t i = 0; i < m->count; i++) {
		struct catalog_segment *segment;
		enum trail_err err = open_one(c, &m->places[i], &segment);
		if (err == TRAIL_OK) {
			view_add(view, segment);
		} else if (err == TRAIL_CORRUPT) {
			add_hole(view, &m->places[i]);
			++*lost;
		} else {
			view_free(view);
			return err;
		}
	}
	c->view = view;
	return TRAIL_OK;
}

static bool is_named(const struct catalog_view *view, const char *name)
{
	char known[SEGMENT_NAME_MAX];
	for (size_t i = 0; i < view->count; i++) {
		segment_name(view->segments[i]->segment.place.serial, known);
		if (strcmp(name, known) == 0)
			return true;
	}
	return false;
}

/* Segments that nobody names, and files that were never finished. Others are none of ours. */
static enum trail_err sweep_folder(const struct catalog *c)
{
	int fd = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return TRAIL_IO;
	}
	for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
		const char *dot = strrchr(e->d_name, '.');
		bool unfinished = dot && strcmp(dot, ".new") == 0;
		bool segment = dot && strcmp(dot, ".seg") == 0;
		if (unfinished || (segment && !is_named(c->view, e->d_name)))
			(void)unlinkat(c->folder, e->d_name, 0);
	}
	(void)closedir(d);
	return TRAIL_OK;
}

static enum trail_err open_view(
	struct catalog *c, const struct catalog_options *options, size_t *lost)
{
	struct manifest m;
	enum trail_err err = manifest_read(c->folder, c->key, &m);
	if (err == TRAIL_IO || err == TRAIL_NOMEM)
		return err;
	bool usable = err == TRAIL_OK && hash_equal(&m.genesis, &c->genesis) &&
		(m.indexed == 0 || options->knows(options->ctx, m.indexed, &m.leaf));
	if (err == TRAIL_CORRUPT || (err == TRAIL_OK && !usable))
		*lost = SIZE_MAX;
	if (usable) {
		err = open_named(c, &m, lost);
	} else {
		c->view = view_new(0, 0);
		err = c->view ? TRAIL_OK : TRAIL_NOMEM;
	}
	manifest_release(&m);
	return err;
}

enum trail_err catalog_open(
	const struct catalog_options *options, struct catalog **out, size_t *lost)
{
	struct catalog *c = calloc(1, sizeof *c);
	*lost = 0;
	if (!c)
		return TRAIL_NOMEM;
	(void)pthread_mutex_init(&c->lock, NULL);
	c->key = options->key;
	c->genesis = options->genesis;
	c->suspect = options->suspect;
	c->ctx = options->ctx;
	c->folder = -1;
	enum trail_err err = TRAIL_OK;
	if (mkdir(options->folder, 0700) != 0 && errno != EEXIST)
		err = TRAIL_IO;
	if (!err)
		c->folder = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (!err && c->folder < 0)
		err = TRAIL_IO;
	if (!err)
		err = open_view(c, options, lost);
	if (!err)
		err = sweep_folder(c);
	if (err) {
		int saved = errno;
		catalog_close(c);
		errno = saved;
		return err;
	}
	*out = c;
	return TRAIL_OK;
}

void catalog_close(struct catalog *c)
{
	if (!c)
		return;
	if (c->view)
		view_free(c->view);
	if (c->folder >= 0)
		(void)close(c->folder);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- changes ---- */

static bool goes(const struct catalog_change *change, const struct catalog_segment *segment)
{
	for (size_t i = 0; i < change->remove_count; i++)
		if (change->remove[i] == segment)
			return true;
	return false;
}

static int order(const void *a, const void *b)
{
	const struct segment_place *x = &(*(struct catalog_segment *const *)a)->segment.place;
	const struct segment_place *y = &(*(struct catalog_segment *const *)b)->segment.place;
	if (x->class_no != y->class_no)
		return x->class_no < y->class_no ? -1 : 1;
	if (x->month != y->month)
		return x->month < y->month ? -1 : 1;
	return (x->from > y->from) - (x->from < y->from);
}

static struct catalog_view *changed_view(
	struct catalog *c, const struct catalog_change *change, enum trail_err *err)
{
	const struct catalog_view *old = c->view;
	struct catalog_view *view = view_new(old->count + change->add_count, change->hole_count);
	*err = view ? TRAIL_OK : TRAIL_NOMEM;
	if (!view)
		return NULL;
	view->indexed = change->indexed;
	view->leaf = change->leaf;
	for (size_t i = 0; i < change->hole_count; i++)
		view->holes[view->hole_count++] = change->holes[i];
	for (size_t i = 0; i < change->add_count && !*err; i++) {
		struct catalog_segment *segment;
		*err = open_one(c, &change->add[i], &segment);
		if (!*err)
			view_add(view, segment);
	}
	(void)pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < old->count && !*err; i++)
		if (!goes(change, old->segments[i]))
			view_add(view, old->segments[i]);
	(void)pthread_mutex_unlock(&c->lock);
	qsort(view->segments, view->count, sizeof(struct catalog_segment *), order);
	return view;
}

static enum trail_err write_manifest(const struct catalog *c, const struct catalog_view *view)
{
	struct manifest m = {
		.genesis = c->genesis,
		.indexed = view->indexed,
		.leaf = view->leaf,
		.count = view->count,
		.hole_count = view->hole_count,
		.holes = view->holes,
	};
	m.places = calloc(view->count + 1, sizeof *m.places);
	if (!m.places)
		return TRAIL_NOMEM;
	for (size_t i = 0; i < view->count; i++)
		m.places[i] = view->segments[i]->segment.place;
	enum trail_err err = manifest_write(c->folder, c->key, &m);
	free(m.places);
	return err;
}

static void remove_file(const struct catalog *c, uint64_t serial)
{
	char name[SEGMENT_NAME_MAX];
	segment_name(serial, name);
	(void)unlinkat(c->folder, name, 0);
}

static void show(struct catalog *c, struct catalog_view *view)
{
	(void)pthread_mutex_lock(&c->lock);
	struct catalog_view *old = c->view;
	c->view = view;
	drop_locked(old);
	(void)pthread_mutex_unlock(&c->lock);
	/* In this order: who suspects one meanwhile is heard. */
	atomic_store(&c->suspects, false);
	for (size_t i = 0; i < view->count; i++)
		if (atomic_load(&view->segments[i]->damaged))
			atomic_store(&c->suspects, true);
}

enum trail_err catalog_apply(struct catalog *c, const struct catalog_change *change)
{
	uint64_t *serials = calloc(change->remove_count + 1, sizeof *serials);
	enum trail_err err = TRAIL_NOMEM;
	struct catalog_view *view = serials ? changed_view(c, change, &err) : NULL;
	if (!err)
		err = write_manifest(c, view);
	int saved = errno;
	for (size_t i = 0; serials && i < change->remove_count; i++)
		serials[i] = change->remove[i]->segment.place.serial;
	if (err) {
		for (size_t i = 0; i < change->add_count; i++)
			remove_file(c, change->add[i].serial);
		(void)pthread_mutex_lock(&c->lock);
		if (view)
			view_free(view);
		(void)pthread_mutex_unlock(&c->lock);
	} else {
		show(c, view);
		for (size_t i = 0; i < change->remove_count; i++)
			remove_file(c, serials[i]);
	}
	free(serials);
	errno = saved;
	return err;
}

uint64_t catalog_bytes(struct catalog *catalog)
{
	const struct catalog_view *view = catalog_hold(catalog);
	uint64_t sum = 0;
	for (size_t i = 0; i < view->count; i++)
		sum += (uint64_t)view->segments[i]->segment.sum.blocks * BLOCK_LEN;
	catalog_drop(catalog, view);
	return sum;
}
