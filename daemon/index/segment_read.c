/* SPDX-License-Identifier: Apache-2.0 */
#include "segment_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- blocks ---- */

static enum trail_err read_block(
	const struct segment *s, uint32_t number, uint8_t block[BLOCK_LEN], struct span *content)
{
	size_t len = 0;
	while (len < BLOCK_LEN) {
		ssize_t n = pread(s->fd, block + len, BLOCK_LEN - len,
			(off_t)number * BLOCK_LEN + (off_t)len);
		if (n == 0)
			return TRAIL_CORRUPT;
		if (n < 0 && errno != EINTR)
			return TRAIL_IO;
		len += n > 0 ? (size_t)n : 0;
	}
	return block_open(&s->seal, number, block, content) ? TRAIL_OK : TRAIL_CORRUPT;
}

static enum trail_err read_sum(struct segment *s)
{
	struct stat st;
	struct span content;
	uint8_t block[BLOCK_LEN];
	if (fstat(s->fd, &st) != 0)
		return TRAIL_IO;
	if (!S_ISREG(st.st_mode) || st.st_size / BLOCK_LEN < 2 || st.st_size % BLOCK_LEN != 0 ||
		st.st_size / BLOCK_LEN > UINT32_MAX)
		return TRAIL_CORRUPT;
	uint32_t blocks = (uint32_t)(st.st_size / BLOCK_LEN);
	enum trail_err err = read_block(s, blocks - 1, block, &content);
	if (err)
		return err;
	bool fits = segment_sum_decode(content, &s->sum) && s->sum.blocks == blocks;
	return fits ? TRAIL_OK : TRAIL_CORRUPT;
}

enum trail_err segment_open(int at, const uint8_t *key, const struct hash *genesis,
	const struct segment_place *place, struct segment *segment)
{
	char name[SEGMENT_NAME_MAX];
	segment->place = *place;
	block_seal_init(&segment->seal, key, genesis, place);
	segment_name(place->serial, name);
	segment->fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (segment->fd < 0)
		return errno == ENOENT || errno == ELOOP ? TRAIL_CORRUPT : TRAIL_IO;
	enum trail_err err = read_sum(segment);
	if (err)
		segment_close(segment);
	return err;
}

void segment_close(struct segment *segment)
{
	if (segment->fd >= 0)
		(void)close(segment->fd);
	segment->fd = -1;
}

/* ---- the tree ---- */

static struct span level_key(const struct segment_walk *w, unsigned level)
{
	return span_of(w->levels[level].key, w->levels[level].key_len);
}

/* A block begins with the key that the one above it says: else a search would look elsewhere. */
static bool begins_well(const struct segment_walk *w, unsigned level)
{
	return level == w->segment->sum.height ||
		span_equal(level_key(w, level), level_key(w, level + 1));
}

/* The key of the next entry of that level. */
static bool take_key(struct segment_walk *w, unsigned level)
{
	uint32_t shared, more;
	struct span *rest = &w->levels[level].rest;
	bool first = w->levels[level].key_len == 0;
	if (!varint_take(rest, &shared) || !varint_take(rest, &more) ||
		shared > w->levels[level].key_len || more > TERM_KEY_MAX - shared ||
		more > rest->len)
		return false;
	memcpy(w->levels[level].key + shared, rest->data, more);
	w->levels[level].key_len = shared + more;
	*rest = span_of(rest->data + more, rest->len - more);
	return w->levels[level].key_len > 0 && (!first || begins_well(w, level));
}

static bool fail(struct segment_walk *w, enum trail_err err)
{
	w->err = err;
	return false;
}

static bool open_level(struct segment_walk *w, unsigned level, uint32_t number)
{
	w->levels[level].key_len = 0;
	enum trail_err err =
		read_block(w->segment, number, w->levels[level].block, &w->levels[level].rest);
	/* Each block of a tree has an entry: who walks in a circle meets terms, and they end. */
	if (!err && w->levels[level].rest.len == 0)
		err = TRAIL_CORRUPT;
	return err ? fail(w, err) : true;
}

static bool take_child(struct segment_walk *w, unsigned level, uint32_t *child)
{
	if (take_key(w, level) && varint_take(&w->levels[level].rest, child))
		return true;
	return fail(w, TRAIL_CORRUPT);
}

/*
 * Open below inner block `level` the last child whose first key is <= `key`, or the first. The
 * level stands behind that child.
 */
static bool descend(struct segment_walk *w, unsigned level, struct span key)
{
	uint32_t child, next;
	if (!take_child(w, level, &child))
		return false;
	for (;;) {
		struct span rest = w->levels[level].rest;
		size_t key_len = w->levels[level].key_len;
		uint8_t before[TERM_KEY_MAX];
		if (rest.len == 0)
			break;
		memcpy(before, w->levels[level].key, key_len);
		if (!take_child(w, level, &next))
			return false;
		if (span_compare(level_key(w, level), key) > 0) {
			/* One too far: back. */
			w->levels[level].rest = rest;
			w->levels[level].key_len = key_len;
			memcpy(w->levels[level].key, before, key_len);
			break;
		}
		child = next;
	}
	return open_level(w, level - 1, child);
}

/* Make the leaf have an entry: go on to the next leaf where it is at its end. */
static bool have_entry(struct segment_walk *w)
{
	unsigned level = 0;
	uint32_t child;
	while (w->levels[level].rest.len == 0)
		if (level++ == w->segment->sum.height)
			return false;
	for (; level > 0; level--)
		if (!take_child(w, level, &child) || !open_level(w, level - 1, child))
			return false;
	return w->levels[0].rest.len > 0 || fail(w, TRAIL_CORRUPT);
}

static bool take_list(struct segment_walk *w, struct segment_term *term)
{
	struct span *rest = &w->levels[0].rest;
	uint32_t seconds, len;
	if (!varint_take(rest, &term->first_s) || !varint_take(rest, &seconds) ||
		seconds > UINT32_MAX - term->first_s || !varint_take(rest, &len) || len > rest->len)
		return false;
	term->last_s = term->first_s + seconds;
	term->chunk = span_of(rest->data, len);
	*rest = span_of(rest->data + len, rest->len - len);
	if (len > 0)
		return true;
	return varint_take(rest, &term->start) && varint_take(rest, &term->chunks) &&
		term->chunks > 0 && term->start < w->segment->sum.blocks &&
		term->chunks < w->segment->sum.blocks - term->start;
}

static bool take_term(struct segment_walk *w, struct segment_term *term)
{
	struct span *rest = &w->levels[0].rest;
	*term = (struct segment_term){
		.first_s = w->segment->sum.first_s,
		.last_s = w->segment->sum.last_s,
	};
	bool ok =
		w->left > 0 && take_key(w, 0) && varint_take(rest, &term->count) && term->count > 0;
	w->left -= w->left > 0;
	if (ok && term->count == 1)
		ok = varint_take(rest, &term->doc);
	else if (ok)
		ok = take_list(w, term);
	term->key = level_key(w, 0);
	return ok ? true : fail(w, TRAIL_CORRUPT);
}

void segment_walk_seek(struct segment_walk *walk, const struct segment *segment, struct span key)
{
	unsigned level = segment->sum.height;
	struct segment_term term;
	walk->segment = segment;
	walk->err = TRAIL_OK;
	walk->left = segment->sum.terms;
	if (!open_level(walk, level, segment->sum.root))
		return;
	for (; level > 0; level--)
		if (!descend(walk, level, key))
			return;
	for (;;) {
		struct span rest = walk->levels[0].rest;
		size_t key_len = walk->levels[0].key_len;
		uint8_t before[TERM_KEY_MAX];
		memcpy(before, walk->levels[0].key, key_len);
		if (rest.len == 0 || !take_term(walk, &term))
			return;
		if (span_compare(term.key, key) < 0)
			continue;
		walk->left++;
		walk->levels[0].rest = rest;
		walk->levels[0].key_len = key_len;
		memcpy(walk->levels[0].key, before, key_len);
		return;
	}
}

bool segment_walk_next(struct segment_walk *walk, struct segment_term *term)
{
	return walk->err == TRAIL_OK && have_entry(walk) && take_term(walk, term);
}

bool segment_find(struct segment_walk *walk, const struct segment *segment, struct span key,
	struct segment_term *term)
{
	segment_walk_seek(walk, segment, key);
	return segment_walk_next(walk, term) && span_equal(term->key, key);
}

/* ---- postings ---- */

static const uint8_t *directory_entry(const struct segment_cursor *c, uint32_t chunk)
{
	return c->directory + (size_t)chunk * SEGMENT_DIR_ENTRY;
}

static uint32_t first_of(const struct segment_cursor *c, uint32_t chunk)
{
	return c->directory ? load_be32(directory_entry(c, chunk)) : c->chunk.first;
}

static uint32_t docs_in(const struct segment_cursor *c, uint32_t chunk)
{
	return load_be32(directory_entry(c, chunk) + 4);
}

static enum trail_err read_directory(struct segment_cursor *c)
{
	size_t len = (size_t)c->chunks * SEGMENT_DIR_ENTRY;
	uint32_t number = c->start + c->chunks;
	c->directory = malloc(len);
	if (!c->directory)
		return TRAIL_NOMEM;
	for (size_t at = 0; at < len; number++) {
		struct span content;
		enum trail_err err = number < c->segment->sum.blocks
			? read_block(c->segment, number, c->bytes, &content)
			: TRAIL_CORRUPT;
		if (err)
			return err;
		if (content.len == 0 || content.len > len - at)
			return TRAIL_CORRUPT;
		memcpy(c->directory + at, content.data, content.len);
		at += content.len;
	}
	return TRAIL_OK;
}

enum trail_err segment_cursor_open(
	struct segment_cursor *c, const struct segment *segment, const struct segment_term *term)
{
	c->segment = segment;
	c->count = term->count;
	c->directory = NULL;
	c->start = term->start;
	c->chunks = c->at = term->chunks;
	if (term->chunks > 0)
		return read_directory(c);
	c->chunks = 1;
	c->at = 0;
	if (term->count == 1) {
		c->chunk.dense = false;
		c->chunk.count = 1;
		c->chunk.first = c->chunk.last = c->chunk.docs[0] = term->doc;
		return TRAIL_OK;
	}
	memcpy(c->bytes, term->chunk.data, term->chunk.len);
	return postings_open(span_of(c->bytes, term->chunk.len), &c->chunk) ? TRAIL_OK
									    : TRAIL_CORRUPT;
}

void segment_cursor_close(struct segment_cursor *c)
{
	free(c->directory);
	c->directory = NULL;
}

static enum trail_err open_chunk(struct segment_cursor *c, uint32_t chunk)
{
	struct span content;
	if (c->at == chunk)
		return TRAIL_OK;
	c->at = c->chunks;
	enum trail_err err = read_block(c->segment, c->start + chunk, c->bytes, &content);
	if (err)
		return err;
	if (!postings_open(content, &c->chunk) || c->chunk.first != first_of(c, chunk))
		return TRAIL_CORRUPT;
	c->at = chunk;
	return TRAIL_OK;
}

/* The last chunk that begins at or before `doc`; 0 where none does. */
static uint32_t chunk_of(const struct segment_cursor *c, uint32_t doc)
{
	uint32_t low = 0, high = c->chunks;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (first_of(c, middle) <= doc)
			low = middle;
		else
			high = middle;
	}
	return low;
}

enum trail_err segment_cursor_seek(struct segment_cursor *c, uint32_t doc, bool down, uint32_t *out)
{
	uint32_t chunk = c->chunks == 1 ? 0 : chunk_of(c, doc);
	enum trail_err err = open_chunk(c, chunk);
	if (err)
		return err;
	if (postings_seek(&c->chunk, doc, down, out))
		return TRAIL_OK;
	/* Downwards chunk 0 alone can begin behind `doc`; upwards the next chunk begins behind it.
	 */
	if (down || chunk + 1 == c->chunks)
		return TRAIL_END;
	*out = first_of(c, chunk + 1);
	return TRAIL_OK;
}

enum trail_err segment_cursor_count(
	struct segment_cursor *c, uint32_t low, uint32_t high, uint32_t *count)
{
	uint32_t first = chunk_of(c, low), last = chunk_of(c, high);
	uint64_t sum = 0;
	*count = 0;
	for (uint32_t i = first; i <= last; i++) {
		if (i > first && i < last) {
			sum += docs_in(c, i);
			continue;
		}
		enum trail_err err = open_chunk(c, i);
		if (err)
			return err;
		sum += postings_count(&c->chunk, low, high);
	}
	if (sum > c->count)
		return TRAIL_CORRUPT;
	*count = (uint32_t)sum;
	return TRAIL_OK;
}

static bool bit_of(const uint64_t *bits, uint32_t doc)
{
	return (bits[doc / 64] >> doc % 64 & 1) != 0;
}

/* 64 bits from bit `at` on. */
static uint64_t window_of(const uint64_t *bits, uint32_t at)
{
	uint64_t low = bits[at / 64] >> at % 64;
	return at % 64 == 0 ? low : low | bits[at / 64 + 1] << (64 - at % 64);
}

/* Of a dense chunk that lies within the range as a whole. */
static uint32_t overlap_of_bits(const struct postings_chunk *chunk, const uint64_t *bits)
{
	uint32_t sum = bit_of(bits, chunk->first);
	for (size_t at = 0; at < chunk->bits.len; at += 8) {
		uint64_t word = postings_word(chunk->bits, at);
		uint32_t doc = chunk->first + 1 + (uint32_t)(at * 8);
		sum += (uint32_t)__builtin_popcountll(word & window_of(bits, doc));
	}
	return sum;
}

static uint32_t overlap_in_chunk(
	const struct postings_chunk *chunk, const uint64_t *bits, uint32_t low, uint32_t high)
{
	uint32_t sum = 0;
	bool whole = low <= chunk->first && high >= chunk->last;
	if (whole && chunk->dense)
		return overlap_of_bits(chunk, bits);
	for (uint32_t doc = low;
		chunk->dense && postings_seek(chunk, doc, false, &doc) && doc <= high; doc++)
		sum += bit_of(bits, doc);
	for (uint32_t i = 0; !chunk->dense && i < chunk->count; i++)
		if (chunk->docs[i] >= low && chunk->docs[i] <= high)
			sum += bit_of(bits, chunk->docs[i]);
	return sum;
}

enum trail_err segment_cursor_overlap(struct segment_cursor *c, const uint64_t *bits, uint32_t low,
	uint32_t high, uint32_t *count)
{
	uint32_t docs = (uint32_t)(c->segment->place.to - c->segment->place.from);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < c->chunks; i++) {
		enum trail_err err = open_chunk(c, i);
		if (err)
			return err;
		if (c->chunk.last >= docs)
			return TRAIL_CORRUPT;
		if (c->chunk.last >= low && c->chunk.first <= high)
			sum += overlap_in_chunk(&c->chunk, bits, low, high);
	}
	*count = (uint32_t)sum;
	return sum <= c->count ? TRAIL_OK : TRAIL_CORRUPT;
}

static void set_in_chunk(const struct postings_chunk *chunk, uint64_t *bits)
{
	for (uint32_t i = 0; !chunk->dense && i < chunk->count; i++)
		bits[chunk->docs[i] / 64] |= UINT64_C(1) << chunk->docs[i] % 64;
	if (!chunk->dense)
		return;
	bits[chunk->first / 64] |= UINT64_C(1) << chunk->first % 64;
	for (size_t at = 0; at < chunk->bits.len; at += 8) {
		uint64_t word = postings_word(chunk->bits, at);
		uint32_t doc = chunk->first + 1 + (uint32_t)(at * 8);
		bits[doc / 64] |= word << doc % 64;
		if (doc % 64 != 0 && word >> (64 - doc % 64) != 0)
			bits[doc / 64 + 1] |= word >> (64 - doc % 64);
	}
}

enum trail_err segment_cursor_set(struct segment_cursor *c, uint64_t *bits)
{
	uint32_t docs = (uint32_t)(c->segment->place.to - c->segment->place.from);
	for (uint32_t i = 0; i < c->chunks; i++) {
		enum trail_err err = open_chunk(c, i);
		if (err)
			return err;
		if (c->chunk.last >= docs)
			return TRAIL_CORRUPT;
		set_in_chunk(&c->chunk, bits);
	}
	return TRAIL_OK;
}

static void each_in_chunk(
	const struct postings_chunk *chunk, void (*fn)(void *ctx, uint32_t doc), void *ctx)
{
	if (!chunk->dense) {
		for (uint32_t i = 0; i < chunk->count; i++)
			fn(ctx, chunk->docs[i]);
		return;
	}
	fn(ctx, chunk->first);
	for (size_t at = 0; at < chunk->bits.len; at++)
		for (unsigned byte = chunk->bits.data[at]; byte != 0; byte &= byte - 1)
			fn(ctx,
				chunk->first + 1 + (uint32_t)(at * 8) +
					(uint32_t)__builtin_ctz(byte));
}

enum trail_err segment_cursor_each(
	struct segment_cursor *c, void (*fn)(void *ctx, uint32_t doc), void *ctx)
{
	for (uint32_t i = 0; i < c->chunks; i++) {
		enum trail_err err = open_chunk(c, i);
		if (err)
			return err;
		each_in_chunk(&c->chunk, fn, ctx);
	}
	return TRAIL_OK;
}

enum trail_err segment_cursor_check(struct segment_cursor *c)
{
	uint64_t sum = 0;
	uint32_t last = 0;
	for (uint32_t i = 0; i < c->chunks; i++) {
		enum trail_err err = open_chunk(c, i);
		if (err)
			return err;
		uint32_t docs = postings_count(&c->chunk, 0, UINT32_MAX);
		if ((i > 0 && c->chunk.first <= last) || (c->directory && docs_in(c, i) != docs))
			return TRAIL_CORRUPT;
		last = c->chunk.last;
		sum += docs;
	}
	return sum == c->count ? TRAIL_OK : TRAIL_CORRUPT;
}
