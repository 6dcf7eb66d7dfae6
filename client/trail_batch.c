/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_batch.h"

#include <stdlib.h>

struct trail_batch *trail_batch_new(void)
{
	struct trail_batch *b = calloc(1, sizeof *b);
	return b;
}

void batch_release(struct trail_batch *b)
{
	buf_release(&b->bytes);
	free(b->ends);
	*b = (struct trail_batch){ 0 };
}

void trail_batch_free(struct trail_batch *b)
{
	if (!b)
		return;
	batch_release(b);
	free(b);
}

void batch_move(struct trail_batch *to, struct trail_batch *from)
{
	batch_release(to);
	*to = *from;
	*from = (struct trail_batch){ 0 };
}

struct span batch_event(const struct trail_batch *b, size_t i)
{
	size_t start = i == 0 ? 0 : b->ends[i - 1];
	return span_of(b->bytes.data + start, b->ends[i] - start);
}

enum trail_err trail_batch_begin(
	struct trail_batch *b, const char *source, uint64_t epoch, uint64_t first_seq)
{
	if (!b)
		return TRAIL_MISUSE;
	if (!source || !source_name_valid(span_text(source)) || (epoch == 0) != (first_seq == 0))
		return TRAIL_INVALID;
	buf_clear(&b->bytes);
	b->count = 0;
	b->lost = 0;
	b->epoch = epoch;
	b->first_seq = first_seq;
	memcpy(b->source, source, strlen(source) + 1);
	b->begun = true;
	return TRAIL_OK;
}

enum trail_err trail_batch_lost(struct trail_batch *b, uint64_t lost)
{
	if (!b || !b->begun)
		return TRAIL_MISUSE;
	if (b->epoch == 0 || lost >= b->first_seq)
		return TRAIL_INVALID;
	b->lost = lost;
	return TRAIL_OK;
}

enum trail_err trail_batch_add(struct trail_batch *b, struct trail_event *e)
{
	if (!b || !b->begun || !e)
		return TRAIL_MISUSE;
	e->fault = (struct event_fault){ .why = "" };
	if (b->count == TRAIL_BATCH_MAX)
		return TRAIL_TOO_BIG;
	if (!b->ends)
		b->ends = malloc(TRAIL_BATCH_MAX * sizeof *b->ends);
	if (!b->ends)
		return TRAIL_NOMEM;
	size_t start = b->bytes.len;
	enum trail_err err = event_put(e, &b->bytes);
	if (err != TRAIL_OK)
		return err;
	if (b->bytes.len > TRAIL_BATCH_BYTES) {
		b->bytes.len = start;
		return TRAIL_TOO_BIG;
	}
	b->ends[b->count++] = b->bytes.len;
	return TRAIL_OK;
}

size_t trail_batch_count(const struct trail_batch *b)
{
	return b ? b->count : 0;
}

size_t trail_batch_bytes(const struct trail_batch *b)
{
	return b ? b->bytes.len : 0;
}
