/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include <stdlib.h>

struct input {
	const struct segment *segment;
	uint32_t shift; /* of its docs in the new segment */
	bool has;       /* `term` is its next */
	struct segment_term term;
	struct segment_walk walk;
};

struct merge {
	struct segment_writer *out;
	struct segment_sum sum;
	size_t count;
	struct input *inputs;
	struct segment_cursor cursor;
	/* Of the input whose docs are put: */
	uint32_t shift;
	uint32_t docs;  /* of its range */
	uint64_t next;  /* its next doc is not below, */
	bool misplaced; /* or it is no index: one that is forged, or a fault of ours */
};

static enum trail_err advance(struct input *in)
{
	in->has = segment_walk_next(&in->walk, &in->term);
	return in->walk.err;
}

struct merge *merge_begin(int at, const uint8_t *key, const struct hash *genesis,
	const struct segment_place *place, const struct segment *const *inputs, size_t count)
{
	struct merge *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->inputs = calloc(count, sizeof *m->inputs);
	m->out = segment_write_begin(at, key, genesis, place);
	if (!m->inputs || !m->out) {
		merge_abort(m);
		return NULL;
	}
	m->count = count;
	for (size_t i = 0; i < count; i++) {
		struct input *in = &m->inputs[i];
		in->segment = inputs[i];
		in->shift = (uint32_t)(inputs[i]->place.from - place->from);
		m->sum.records += inputs[i]->sum.records;
		m->sum.losses += inputs[i]->sum.losses;
		segment_walk_seek(&in->walk, in->segment, span_of(NULL, 0));
		(void)advance(in);
	}
	return m;
}

void merge_abort(struct merge *m)
{
	if (!m)
		return;
	segment_write_abort(m->out);
	free(m->inputs);
	free(m);
}

/* The input whose term is the smallest, and of those the first. NULL: all are at their end. */
static struct input *smallest(struct merge *m)
{
	struct input *out = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct input *in = &m->inputs[i];
		if (in->has && (!out || span_compare(in->term.key, out->term.key) < 0))
			out = in;
	}
	return out;
}

static void put_doc(void *ctx, uint32_t doc)
{
	struct merge *m = ctx;
	m->misplaced = m->misplaced || doc >= m->docs || doc < m->next;
	m->next = (uint64_t)doc + 1;
	if (!m->misplaced)
		segment_write_doc(m->out, doc + m->shift);
}

static enum trail_err put_docs(struct merge *m, struct input *in)
{
	m->shift = in->shift;
	m->docs = (uint32_t)(in->segment->place.to - in->segment->place.from);
	m->next = 0;
	if (in->term.count == 1) {
		put_doc(m, in->term.doc);
		return m->misplaced ? TRAIL_CORRUPT : TRAIL_OK;
	}
	enum trail_err err = segment_cursor_open(&m->cursor, in->segment, &in->term);
	if (!err)
		err = segment_cursor_each(&m->cursor, put_doc, m);
	segment_cursor_close(&m->cursor);
	return !err && m->misplaced ? TRAIL_CORRUPT : err;
}

/* The key's bytes lie in a walk that goes on: a copy is compared. */
struct key_copy {
	uint8_t bytes[TERM_KEY_MAX];
	size_t len;
};

static void begin_term(struct merge *m, const struct key_copy *key)
{
	uint32_t first_s = UINT32_MAX, last_s = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct input *in = &m->inputs[i];
		if (!in->has || !span_equal(in->term.key, span_of(key->bytes, key->len)))
			continue;
		first_s = in->term.first_s < first_s ? in->term.first_s : first_s;
		last_s = in->term.last_s > last_s ? in->term.last_s : last_s;
	}
	segment_write_term(m->out, span_of(key->bytes, key->len), first_s, last_s);
}

/* One term of all inputs that have it. */
static enum trail_err put_term(
	struct merge *m, const struct input *first, uint64_t *postings, size_t *bad)
{
	struct key_copy key = { .len = first->term.key.len };
	memcpy(key.bytes, first->term.key.data, key.len);
	begin_term(m, &key);
	for (size_t i = 0; i < m->count; i++) {
		struct input *in = &m->inputs[i];
		if (!in->has || !span_equal(in->term.key, span_of(key.bytes, key.len)))
			continue;
		*postings += in->term.count;
		enum trail_err err = put_docs(m, in);
		if (!err)
			err = advance(in);
		if (err) {
			*bad = i;
			return err;
		}
	}
	return TRAIL_OK;
}

static enum trail_err first_error(const struct merge *m, size_t *bad)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->inputs[i].walk.err) {
			*bad = i;
			return m->inputs[i].walk.err;
		}
	}
	return TRAIL_OK;
}

enum trail_err merge_step(struct merge *m, uint64_t postings, struct segment_sum *sum, size_t *bad)
{
	struct input *first = NULL;
	enum trail_err err = first_error(m, bad);
	for (uint64_t done = 0; !err && done < postings;) {
		first = smallest(m);
		if (!first)
			break;
		err = put_term(m, first, &done, bad);
	}
	if (!err && first)
		return TRAIL_MORE;
	if (!err) {
		*sum = m->sum;
		err = segment_write_end(m->out, sum);
		m->out = NULL;
	}
	merge_abort(m);
	return err;
}
