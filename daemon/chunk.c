/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk.h"

#include "../proto/event.h"

#include <stdlib.h>
#include <zstd.h>

enum {
	CHUNK_VERSION = 1,
	RUN_LEN = 6,
	LENGTH_LEN = 2,
	/* The longest plain block: the lengths of CHUNK_COUNT_MAX payloads and their bytes. */
	PLAIN_BLOCK_MAX = CHUNK_COUNT_MAX * LENGTH_LEN + CHUNK_PLAIN_MAX,
	INSIDE_MAX = 4 + CHUNK_COUNT_MAX * (RUN_LEN + SALT_LEN) + PLAIN_BLOCK_MAX + 1024,
	SCRATCH_MAX = CHUNK_HEAD_LEN + INSIDE_MAX + CHUNK_TAG_LEN,
	AD_LEN = 14 + HASH_LEN + 4 + 4 + 8,
};

_Static_assert((int)EVENT_LEN_MAX <= (int)CHUNK_PLAIN_MAX, "one event always fits a chunk");
_Static_assert((int)EVENT_LEN_MAX <= UINT16_MAX, "a payload's length is a u16");

struct chunker {
	ZSTD_CCtx *compress;
	ZSTD_DCtx *expand;
	size_t count;
	size_t payload_bytes;
	uint64_t index[CHUNK_COUNT_MAX];
	uint16_t length[CHUNK_COUNT_MAX];
	uint8_t salt[CHUNK_COUNT_MAX][SALT_LEN];
	uint8_t plain[PLAIN_BLOCK_MAX]; /* payloads while packing; the block after opening */
	uint8_t block[PLAIN_BLOCK_MAX]; /* lengths and payloads, to be compressed */
	uint8_t out[SCRATCH_MAX];
};

/*
 * Compression is the writer's largest cost. Measured on events of about 145 bytes: ZSTD_fast with a
 * small table that stays in the first-level cache; targetLength 4 (for this strategy: how fast to
 * give up) takes 341 ns an event against 442 and 64 bytes against 58.
 */
static bool tune(ZSTD_CCtx *ctx)
{
	return !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_strategy, ZSTD_fast)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_hashLog, 14)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_minMatch, 6)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_targetLength, 4)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, 16)) &&
		!ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 1));
}

struct chunker *chunker_new(void)
{
	struct chunker *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->compress = ZSTD_createCCtx();
	c->expand = ZSTD_createDCtx();
	if (!c->compress || !c->expand || !tune(c->compress)) {
		chunker_free(c);
		return NULL;
	}
	return c;
}

void chunker_free(struct chunker *c)
{
	if (!c)
		return;
	(void)ZSTD_freeCCtx(c->compress);
	(void)ZSTD_freeDCtx(c->expand);
	free(c);
}

/* ---- packing ---- */

void chunk_begin(struct chunker *c)
{
	c->count = 0;
	c->payload_bytes = 0;
}

bool chunk_add(struct chunker *c, uint64_t index, const uint8_t salt[SALT_LEN], struct span payload)
{
	if (c->count == CHUNK_COUNT_MAX || payload.len > CHUNK_PLAIN_MAX - c->payload_bytes)
		return false;
	c->index[c->count] = index;
	c->length[c->count] = (uint16_t)payload.len;
	memcpy(c->salt[c->count], salt, SALT_LEN);
	if (payload.len != 0)
		memcpy(c->plain + c->payload_bytes, payload.data, payload.len);
	c->payload_bytes += payload.len;
	c->count++;
	return true;
}

size_t chunk_count(const struct chunker *c)
{
	return c->count;
}

static void associated_data(const struct chunk_place *place, uint8_t ad[AD_LEN])
{
	memcpy(ad, "trail-chunk/v1", 14);
	memcpy(ad + 14, place->genesis.b, HASH_LEN);
	store_be32(ad + 46, place->class_no);
	store_be32(ad + 50, place->month);
	store_be64(ad + 54, place->first);
}

/* Of everything before the tag; encodings 0 and 1. */
static void plain_tag(
	const struct chunk_place *place, struct span before, uint8_t tag[CHUNK_TAG_LEN])
{
	uint8_t ad[AD_LEN];
	struct hash h;
	associated_data(place, ad);
	/* The AD's first byte doubles as hash_prefixed's prefix: the same bytes are hashed. */
	hash_prefixed(ad[0], span_of(ad + 1, AD_LEN - 1), before, &h);
	memcpy(tag, h.b, CHUNK_TAG_LEN);
}

static uint8_t *put_runs(const struct chunker *c, uint8_t *p)
{
	uint8_t *runs_at = p;
	uint16_t runs = 0;
	p += 2;
	for (size_t i = 0; i < c->count;) {
		size_t end = i + 1;
		while (end < c->count && c->index[end] == c->index[end - 1] + 1)
			end++;
		store_be32(p, (uint32_t)(c->index[i] - c->index[0]));
		store_be16(p + 4, (uint16_t)(end - i));
		p += RUN_LEN;
		runs++;
		i = end;
	}
	store_be16(runs_at, runs);
	return p;
}

/* The plain block into c->block; its length. */
static size_t put_block(struct chunker *c)
{
	for (size_t i = 0; i < c->count; i++)
		store_be16(c->block + i * LENGTH_LEN, c->length[i]);
	memcpy(c->block + c->count * LENGTH_LEN, c->plain, c->payload_bytes);
	return c->count * LENGTH_LEN + c->payload_bytes;
}

enum trail_err chunk_finish(struct chunker *c, const struct chunk_place *place, struct span *out)
{
	uint8_t *p = c->out + CHUNK_HEAD_LEN;
	store_be16(p, (uint16_t)c->count);
	p = put_runs(c, p + 2);
	memcpy(p, c->salt, c->count * SALT_LEN);
	p += c->count * SALT_LEN;

	size_t plain = put_block(c);
	size_t room = (size_t)(c->out + sizeof c->out - CHUNK_TAG_LEN - p);
	size_t packed = ZSTD_compress2(c->compress, p, room, c->block, plain);
	uint8_t encoding = CHUNK_ZSTD;
	if (ZSTD_isError(packed))
		return TRAIL_IO;
	if (packed >= plain) {
		encoding = CHUNK_STORED;
		packed = plain;
		memcpy(p, c->block, plain);
	}
	p += packed;

	c->out[0] = CHUNK_VERSION;
	c->out[1] = encoding;
	store_be16(c->out + 2, (uint16_t)c->count);
	store_be32(c->out + 4, (uint32_t)plain);
	plain_tag(place, span_of(c->out, (size_t)(p - c->out)), p);
	*out = span_of(c->out, (size_t)(p - c->out) + CHUNK_TAG_LEN);
	return TRAIL_OK;
}

/* ---- opening ---- */

/* The fixed parts of a chunk, bounded; views into it. */
struct anatomy {
	uint8_t encoding;
	size_t count;
	size_t plain;
	const uint8_t *runs;
	size_t run_count;
	const uint8_t *salts;
	struct span block;
};

static enum trail_err dissect(struct span chunk, struct anatomy *a)
{
	const uint8_t *p = chunk.data;
	size_t left = chunk.len;
	if (left < CHUNK_HEAD_LEN + 4 + CHUNK_TAG_LEN)
		return TRAIL_CORRUPT;
	if (p[0] != CHUNK_VERSION || p[1] == CHUNK_SEALED)
		return TRAIL_UNSUPPORTED;
	a->encoding = p[1];
	a->count = load_be16(p + 2);
	a->plain = load_be32(p + 4);
	if (a->encoding > CHUNK_SEALED || a->count == 0 || a->count > CHUNK_COUNT_MAX ||
		a->plain > PLAIN_BLOCK_MAX || a->plain < a->count * LENGTH_LEN)
		return TRAIL_CORRUPT;
	p += CHUNK_HEAD_LEN;
	left -= CHUNK_HEAD_LEN + CHUNK_TAG_LEN;
	if (load_be16(p) != a->count)
		return TRAIL_CORRUPT;
	a->run_count = load_be16(p + 2);
	p += 4;
	left -= 4;
	size_t fixed = a->run_count * RUN_LEN + a->count * SALT_LEN;
	if (a->run_count == 0 || a->run_count > a->count || fixed > left)
		return TRAIL_CORRUPT;
	a->runs = p;
	a->salts = p + a->run_count * RUN_LEN;
	a->block = span_of(p + fixed, left - fixed);
	return TRAIL_OK;
}

/* Indices from the runs: ascending, without overlap, exactly `count` of them. */
static bool read_runs(struct chunker *c, const struct anatomy *a, uint64_t first)
{
	size_t n = 0;
	uint64_t next = 0; /* lowest offset that the next run may have */
	for (size_t r = 0; r < a->run_count; r++) {
		uint64_t offset = load_be32(a->runs + r * RUN_LEN);
		size_t len = load_be16(a->runs + r * RUN_LEN + 4);
		if (len == 0 || len > a->count - n || offset < next || (r == 0 && offset != 0))
			return false;
		for (size_t i = 0; i < len; i++)
			c->index[n++] = first + offset + i;
		next = offset + len + 1; /* runs that touch would be one */
	}
	return n == a->count;
}

/* Whatever the frame declares, no more than the longest plain block comes out of it. */
static bool expand_block(struct chunker *c, const struct anatomy *a)
{
	if (a->encoding == CHUNK_STORED) {
		if (a->block.len != a->plain)
			return false;
		memcpy(c->plain, a->block.data, a->plain);
		return true;
	}
	if (ZSTD_findFrameCompressedSize(a->block.data, a->block.len) != a->block.len)
		return false;
	size_t got = ZSTD_decompressDCtx(
		c->expand, c->plain, sizeof c->plain, a->block.data, a->block.len);
	return !ZSTD_isError(got) && got == a->plain;
}

static bool read_lengths(struct chunker *c, const struct anatomy *a)
{
	size_t bytes = 0;
	for (size_t i = 0; i < a->count; i++) {
		c->length[i] = load_be16(c->plain + i * LENGTH_LEN);
		bytes += c->length[i];
	}
	return bytes + a->count * LENGTH_LEN == a->plain;
}

bool chunk_intact(const struct chunk_place *place, struct span chunk)
{
	struct anatomy a;
	uint8_t tag[CHUNK_TAG_LEN];
	if (dissect(chunk, &a) != TRAIL_OK)
		return false;
	plain_tag(place, span_of(chunk.data, chunk.len - CHUNK_TAG_LEN), tag);
	return memcmp(tag, chunk.data + chunk.len - CHUNK_TAG_LEN, sizeof tag) == 0;
}

enum trail_err chunk_open(
	struct chunker *c, const struct chunk_place *place, struct span chunk, size_t *count)
{
	struct anatomy a;
	enum trail_err err = dissect(chunk, &a);
	if (err == TRAIL_OK && !chunk_intact(place, chunk))
		err = TRAIL_CORRUPT;
	return err == TRAIL_OK ? chunk_unpack(c, place->first, chunk, count) : err;
}

enum trail_err chunk_unpack(struct chunker *c, uint64_t first, struct span chunk, size_t *count)
{
	struct anatomy a;
	enum trail_err err = dissect(chunk, &a);
	if (err != TRAIL_OK)
		return err;
	c->count = 0;
	if (!read_runs(c, &a, first) || !expand_block(c, &a) || !read_lengths(c, &a))
		return TRAIL_CORRUPT;
	memcpy(c->salt, a.salts, a.count * SALT_LEN);
	/* From here `block` serves as the table of where each payload begins. */
	uint32_t at = (uint32_t)(a.count * LENGTH_LEN);
	for (size_t i = 0; i < a.count; i++) {
		store_be32(c->block + i * 4, at);
		at += c->length[i];
	}
	c->count = a.count;
	*count = a.count;
	return TRAIL_OK;
}

_Static_assert(CHUNK_COUNT_MAX * 4 <= PLAIN_BLOCK_MAX, "the table of beginnings fits the block");

struct chunk_item chunk_item(const struct chunker *c, size_t i)
{
	return (struct chunk_item){
		.index = c->index[i],
		.salt = c->salt[i],
		.payload = span_of(c->plain + load_be32(c->block + i * 4), c->length[i]),
	};
}

enum trail_err chunk_salt(struct span chunk, uint64_t first, uint64_t index, const uint8_t **salt)
{
	struct anatomy a;
	size_t before = 0;
	enum trail_err err = dissect(chunk, &a);
	if (err != TRAIL_OK)
		return err;
	if (index < first)
		return TRAIL_END;
	for (size_t r = 0; r < a.run_count; r++) {
		uint64_t start = first + load_be32(a.runs + r * RUN_LEN);
		size_t len = load_be16(a.runs + r * RUN_LEN + 4);
		if (len > a.count - before)
			return TRAIL_CORRUPT;
		if (index >= start && index - start < len) {
			*salt = a.salts + (before + (size_t)(index - start)) * SALT_LEN;
			return TRAIL_OK;
		}
		before += len;
	}
	return TRAIL_END;
}
