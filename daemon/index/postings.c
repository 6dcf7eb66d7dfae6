/* SPDX-License-Identifier: Apache-2.0 */
#include "postings.h"

#include <endian.h>

enum {
	KIND_GAPS = 0,
	KIND_BITS = 1,
	ROOM = BLOCK_ROOM - POSTINGS_HEAD_MAX,
};

size_t varint_put(uint8_t *to, uint32_t value)
{
	size_t len = 0;
	while (value >= 0x80) {
		to[len++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[len++] = (uint8_t)value;
	return len;
}

bool varint_take(struct span *in, uint32_t *value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < in->len && i < VARINT_MAX; i++) {
		v |= (uint64_t)(in->data[i] & 0x7f) << (7 * i);
		if (in->data[i] < 0x80) {
			*in = span_of(in->data + i + 1, in->len - i - 1);
			*value = (uint32_t)v;
			return v <= UINT32_MAX;
		}
	}
	return false;
}

static uint32_t varint_len(uint32_t value)
{
	uint32_t len = 1;
	while (value >= 0x80) {
		len++;
		value >>= 7;
	}
	return len;
}

/* ---- writing ---- */

void postings_begin(struct postings_writer *w)
{
	w->count = 0;
	w->gap_bytes = 0;
}

/* Bytes of the bits behind the first doc. */
static uint32_t bit_bytes(uint32_t span)
{
	return span / 8 + (span % 8 != 0);
}

bool postings_add(struct postings_writer *w, uint32_t doc)
{
	if (w->count == 0) {
		w->docs[w->count++] = doc;
		return true;
	}
	uint32_t gaps = w->gap_bytes + varint_len(doc - w->docs[w->count - 1] - 1);
	bool full = gaps > ROOM && bit_bytes(doc - w->docs[0]) > ROOM;
	if (full || w->count == POSTINGS_CHUNK_MAX)
		return false;
	w->gap_bytes = gaps;
	w->docs[w->count++] = doc;
	return true;
}

static size_t put_gaps(const struct postings_writer *w, uint8_t *to)
{
	size_t len = varint_put(to, w->count - 1);
	for (uint32_t i = 1; i < w->count; i++)
		len += varint_put(to + len, w->docs[i] - w->docs[i - 1] - 1);
	return len;
}

static size_t put_bits(const struct postings_writer *w, uint8_t *to)
{
	uint32_t first = w->docs[0];
	uint32_t span = w->docs[w->count - 1] - first;
	size_t len = varint_put(to, span);
	uint8_t *bits = to + len;
	memset(bits, 0, bit_bytes(span));
	for (uint32_t i = 1; i < w->count; i++) {
		uint32_t bit = w->docs[i] - first - 1;
		bits[bit / 8] |= (uint8_t)(1U << bit % 8);
	}
	return len + bit_bytes(span);
}

size_t postings_finish(const struct postings_writer *w, uint8_t *to)
{
	uint32_t bits = bit_bytes(w->docs[w->count - 1] - w->docs[0]);
	bool dense = w->gap_bytes > ROOM || bits < w->gap_bytes;
	to[0] = dense ? KIND_BITS : KIND_GAPS;
	size_t len = 1 + varint_put(to + 1, w->docs[0]);
	return len + (dense ? put_bits(w, to + len) : put_gaps(w, to + len));
}

/* ---- reading ---- */

static bool open_gaps(struct span in, struct postings_chunk *chunk)
{
	uint32_t more, gap;
	if (!varint_take(&in, &more) || more >= BLOCK_ROOM || more > in.len)
		return false;
	chunk->docs[0] = chunk->first;
	for (uint32_t i = 1; i <= more; i++) {
		uint32_t before = chunk->docs[i - 1];
		if (!varint_take(&in, &gap) || gap >= UINT32_MAX - before)
			return false;
		chunk->docs[i] = before + gap + 1;
	}
	chunk->count = more + 1;
	chunk->last = chunk->docs[more];
	return in.len == 0;
}

static bool open_bits(struct span in, struct postings_chunk *chunk)
{
	uint32_t span;
	if (!varint_take(&in, &span) || span > UINT32_MAX - chunk->first || span == 0 ||
		in.len != bit_bytes(span))
		return false;
	chunk->bits = in;
	chunk->last = chunk->first + span;
	/* The last bit is the last doc; none lies behind it. */
	return in.data[in.len - 1] >> (span - 1) % 8 == 1;
}

bool postings_open(struct span in, struct postings_chunk *chunk)
{
	if (in.len < 2 || in.data[0] > KIND_BITS)
		return false;
	chunk->dense = in.data[0] == KIND_BITS;
	in = span_of(in.data + 1, in.len - 1);
	if (!varint_take(&in, &chunk->first))
		return false;
	return chunk->dense ? open_bits(in, chunk) : open_gaps(in, chunk);
}

/* The number of the first of docs[] that is >= doc; count: none. */
static uint32_t lower_bound(const struct postings_chunk *chunk, uint32_t doc)
{
	uint32_t low = 0, high = chunk->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (chunk->docs[middle] < doc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool seek_gaps(const struct postings_chunk *chunk, uint32_t doc, bool down, uint32_t *out)
{
	uint32_t at = lower_bound(chunk, doc);
	if (down && (at == chunk->count || chunk->docs[at] != doc)) {
		if (at == 0)
			return false;
		at--;
	}
	if (at == chunk->count)
		return false;
	*out = chunk->docs[at];
	return true;
}

uint64_t postings_word(struct span bits, size_t at)
{
	uint64_t word = 0;
	size_t len = bits.len - at < sizeof word ? bits.len - at : sizeof word;
	memcpy(&word, bits.data + at, len);
	return le64toh(word);
}

static uint32_t bits_up(const struct postings_chunk *chunk, uint32_t bit)
{
	size_t at = (size_t)(bit / 64) * 8;
	uint64_t word = postings_word(chunk->bits, at) & (UINT64_MAX << bit % 64);
	/* The last bit is set: there is one. */
	while (word == 0)
		word = postings_word(chunk->bits, at += 8);
	return chunk->first + 1 + (uint32_t)(at * 8) + (uint32_t)__builtin_ctzll(word);
}

static uint32_t bits_down(const struct postings_chunk *chunk, uint32_t bit)
{
	size_t at = (size_t)(bit / 64) * 8;
	uint64_t word = postings_word(chunk->bits, at) & (UINT64_MAX >> (63 - bit % 64));
	while (word == 0) {
		if (at == 0)
			return chunk->first;
		word = postings_word(chunk->bits, at -= 8);
	}
	return chunk->first + 1 + (uint32_t)(at * 8) + 63 - (uint32_t)__builtin_clzll(word);
}

bool postings_seek(const struct postings_chunk *chunk, uint32_t doc, bool down, uint32_t *out)
{
	if (down ? doc < chunk->first : doc > chunk->last)
		return false;
	if (down ? doc >= chunk->last : doc <= chunk->first) {
		*out = down ? chunk->last : chunk->first;
		return true;
	}
	if (!chunk->dense)
		return seek_gaps(chunk, doc, down, out);
	if (doc == chunk->first)
		*out = doc;
	else
		*out = down ? bits_down(chunk, doc - chunk->first - 1)
			    : bits_up(chunk, doc - chunk->first - 1);
	return true;
}

/* Bits set among the first `bit` ones. */
static uint32_t bits_below(struct span bits, uint32_t bit)
{
	uint32_t count = 0;
	size_t at = 0;
	for (; bit >= 64; bit -= 64, at += 8)
		count += (uint32_t)__builtin_popcountll(postings_word(bits, at));
	if (bit != 0)
		count += (uint32_t)__builtin_popcountll(
			postings_word(bits, at) & (UINT64_MAX >> (64 - bit)));
	return count;
}

uint32_t postings_count(const struct postings_chunk *chunk, uint32_t low, uint32_t high)
{
	if (high < chunk->first || low > chunk->last || low > high)
		return 0;
	if (!chunk->dense) {
		uint32_t end = high == UINT32_MAX ? chunk->count : lower_bound(chunk, high + 1);
		return end - lower_bound(chunk, low);
	}
	uint32_t from = low > chunk->first ? low - chunk->first - 1 : 0;
	uint32_t to = (high < chunk->last ? high : chunk->last) - chunk->first;
	return bits_below(chunk->bits, to) - bits_below(chunk->bits, from) + (low <= chunk->first);
}
