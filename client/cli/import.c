/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A batch in flight: what its answer is about. */
struct flight {
	struct import *im;
	uint64_t lines[IMPORT_BATCH_EVENTS];
	size_t count;
};

/* Keep the first error; one that only follows from another gives way to the cause. */
static bool note_error(struct import *im, enum trail_err err, uint64_t line, const char *sentence)
{
	if (im->err != TRAIL_OK && im->err != TRAIL_EXPECTED)
		return false;
	im->err = err;
	im->err_line = line;
	(void)snprintf(im->sentence, sizeof im->sentence, "%s", sentence);
	return false;
}

static bool note_trail(struct import *im)
{
	return note_error(im, trail_error_code(im->trail), 0, trail_error(im->trail));
}

static void count_receipt(struct import *im, const struct trail_receipt *r)
{
	for (size_t i = 0; i < trail_receipt_count(r); i++) {
		uint64_t index = trail_receipt_index(r, i);
		if (!trail_receipt_checked(r, i))
			im->unchecked++;
		if (trail_receipt_duplicate(r, i)) {
			im->held++;
			continue;
		}
		if (im->added == 0 || index < im->first_index)
			im->first_index = index;
		if (im->added == 0 || index > im->last_index)
			im->last_index = index;
		im->added++;
	}
	if (trail_receipt_size(r) > im->size)
		im->size = trail_receipt_size(r);
}

static void landed(void *ctx, enum trail_err err, const struct trail_receipt *r)
{
	struct flight *f = ctx;
	struct import *im = f->im;
	if (err == TRAIL_OK) {
		count_receipt(im, r);
	} else {
		bool names = err == TRAIL_INVALID || err == TRAIL_CONFLICT;
		uint32_t i = trail_error_index(im->trail);
		uint64_t line = names && i < f->count ? f->lines[i] : 0;
		(void)note_error(im, err, line, trail_error(im->trail));
	}
	free(f);
}

/* Make room for one more batch in flight. */
static bool wait_window(struct import *im)
{
	while (trail_in_flight(im->trail) >= IMPORT_WINDOW && im->err == TRAIL_OK) {
		enum trail_err err = trail_process(im->trail, im->timeout_ms);
		if (err == TRAIL_MORE)
			return note_error(im, TRAIL_TIMEOUT, 0,
				"the daemon did not answer in time; run the import again");
		if (err != TRAIL_OK)
			return note_trail(im);
	}
	return im->err == TRAIL_OK;
}

static bool begin_batch(struct import *im, struct import_source *s)
{
	if (trail_batch_begin(s->batch, s->name, s->epoch, s->next_seq) == TRAIL_OK)
		return true;
	return note_error(im, TRAIL_INVALID, 0, "the batch cannot begin");
}

static bool send_batch(struct import *im, struct import_source *s)
{
	size_t count = trail_batch_count(s->batch);
	if (count == 0)
		return true;
	if (!wait_window(im))
		return false;
	struct flight *f = malloc(sizeof *f);
	if (!f)
		return note_error(im, TRAIL_NOMEM, 0, "memory is out");
	*f = (struct flight){ .im = im, .count = count };
	memcpy(f->lines, s->lines, count * sizeof f->lines[0]);
	if (trail_submit(im->trail, s->batch, landed, f) != TRAIL_OK) {
		free(f);
		return note_trail(im);
	}
	/* Send now, and take what has come: the daemon works while we parse. */
	enum trail_err err = trail_process(im->trail, 0);
	if (err != TRAIL_OK && err != TRAIL_MORE)
		return note_trail(im);
	return im->err == TRAIL_OK && begin_batch(im, s);
}

/* The source by its name, claimed when it is new. NULL: *c or im->err says why. */
static struct import_source *find_source(struct import *im, const char *name, struct complaint *c)
{
	uint64_t last;
	if (im->recent && strcmp(im->recent->name, name) == 0)
		return im->recent;
	for (size_t i = 0; i < im->source_count; i++)
		if (strcmp(im->sources[i]->name, name) == 0)
			return im->recent = im->sources[i];
	if (im->source_count == IMPORT_SOURCES_MAX) {
		(void)complain(c, "source", "is the 1025th of this file; split it");
		return NULL;
	}
	struct import_source *s = calloc(1, sizeof *s);
	if (s)
		s->batch = trail_batch_new();
	if (!s || !s->batch) {
		free(s);
		(void)note_error(im, TRAIL_NOMEM, 0, "memory is out");
		return NULL;
	}
	im->sources[im->source_count++] = s;
	(void)snprintf(s->name, sizeof s->name, "%s", name);
	s->epoch = trail_import_epoch(name, im->batch_name);
	s->next_seq = 1;
	if (trail_batch_begin(s->batch, name, s->epoch, 1) != TRAIL_OK) {
		(void)complain(c, "source", "must be a name of 1 to 64 of a-z 0-9 . _ -");
		return NULL;
	}
	/* No handle: nothing is stored, only checked. */
	enum trail_err err = im->trail ? trail_claim(im->trail, name, s->epoch, &last) : TRAIL_OK;
	if (err != TRAIL_OK && err != TRAIL_END) {
		(void)note_trail(im);
		return NULL;
	}
	return im->recent = s;
}

bool import_add(struct import *im, const char *source, struct trail_event *e, uint64_t line,
	struct complaint *c)
{
	struct import_source *s = find_source(im, source, c);
	if (!s)
		return false;
	enum trail_err err = trail_batch_add(s->batch, e);
	if (err == TRAIL_TOO_BIG && trail_event_fault_why(e)[0] == '\0' && send_batch(im, s))
		err = trail_batch_add(s->batch, e);
	if (im->err != TRAIL_OK)
		return false;
	if (err != TRAIL_OK)
		return complain(c, trail_event_fault_field(e), "%s", trail_event_fault_why(e));
	size_t count = trail_batch_count(s->batch);
	s->lines[count - 1] = line;
	s->next_seq++;
	if (count < IMPORT_BATCH_EVENTS && trail_batch_bytes(s->batch) < IMPORT_BATCH_BYTES)
		return true;
	return send_batch(im, s);
}

bool import_finish(struct import *im)
{
	for (size_t i = 0; i < im->source_count && im->err == TRAIL_OK; i++)
		(void)send_batch(im, im->sources[i]);
	/* Even after an error the others' answers are awaited: they count. */
	enum trail_err err = trail_flush(im->trail, im->timeout_ms);
	if (err != TRAIL_OK)
		(void)note_trail(im);
	return im->err == TRAIL_OK;
}

bool import_close(struct import *im)
{
	for (size_t i = 0; i < im->source_count; i++) {
		struct import_source *s = im->sources[i];
		if (s->next_seq == 1)
			continue;
		enum trail_err err =
			trail_close_epoch(im->trail, s->name, s->epoch, s->next_seq - 1);
		/* A run before this one closed it. */
		if (err != TRAIL_OK && err != TRAIL_CLOSED)
			return note_trail(im);
	}
	return true;
}

void import_release(struct import *im)
{
	for (size_t i = 0; i < im->source_count; i++) {
		trail_batch_free(im->sources[i]->batch);
		free(im->sources[i]);
	}
	im->source_count = 0;
	im->recent = NULL;
}
