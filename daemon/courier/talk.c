/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

enum {
	U8 = 1,
	U16 = 2,
	U32 = 4,
	U64 = 8,
};

/* Which parts a word of a kind has, in the order of their layout. */
enum part {
	PART_WITNESS = 1 << 0,
	PART_TIMES = 1 << 1,
	PART_ROUND = 1 << 2,
	PART_OLD = 1 << 3,
	PART_SIZE = 1 << 4,
	PART_PROOF = 1 << 5,
	PART_GOOD = 1 << 6,
	PART_FATE = 1 << 7, /* and status */
	PART_HELD = 1 << 8,
	PART_URL = 1 << 9,
	PART_TEXT = 1 << 10,
};

static unsigned parts_of(enum courier_kind kind)
{
	switch (kind) {
	case COURIER_SET:
		return PART_TIMES;
	case COURIER_WITNESS:
	case COURIER_LOOK:
		return PART_WITNESS | PART_URL;
	case COURIER_ROUND:
		return PART_ROUND;
	case COURIER_ORDER:
		return PART_WITNESS | PART_ROUND | PART_OLD | PART_SIZE | PART_PROOF | PART_TEXT;
	case COURIER_VERDICT:
		return PART_WITNESS | PART_ROUND | PART_GOOD;
	case COURIER_STAMP:
		return PART_URL | PART_TEXT;
	case COURIER_ASK:
		return PART_WITNESS | PART_ROUND | PART_OLD;
	case COURIER_ANSWER:
		return PART_WITNESS | PART_ROUND | PART_FATE | PART_HELD | PART_TEXT;
	case COURIER_SHOWN:
		return PART_WITNESS | PART_FATE | PART_TEXT;
	case COURIER_STAMPED:
		return PART_FATE | PART_TEXT;
	}
	return 0;
}

/* How long the text of a word may be. */
static size_t text_max(enum courier_kind kind)
{
	return kind == COURIER_ORDER ? COURIER_NOTE_MAX : COURIER_BODY_MAX;
}

/* ---- putting ---- */

static void put_span(struct buf *out, struct span s)
{
	buf_put_be16(out, (uint16_t)s.len);
	buf_put_span(out, s);
}

static void put_proof(struct buf *out, const struct tree_proof *proof)
{
	buf_put_u8(out, (uint8_t)proof->count);
	for (size_t i = 0; i < proof->count; i++)
		buf_put(out, proof->path[i].b, HASH_LEN);
}

static void put_times(struct buf *out, const struct courier_word *word)
{
	buf_put_be32(out, word->patience_ms);
	buf_put_be32(out, word->pause_min_ms);
	buf_put_be32(out, word->pause_max_ms);
}

void courier_put(struct buf *out, const struct courier_word *word)
{
	const unsigned parts = parts_of(word->kind);
	buf_put_u8(out, (uint8_t)word->kind);
	if (parts & PART_WITNESS)
		buf_put_u8(out, word->witness);
	if (parts & PART_TIMES)
		put_times(out, word);
	if (parts & PART_ROUND)
		buf_put_be64(out, word->round);
	if (parts & PART_OLD)
		buf_put_be64(out, word->old);
	if (parts & PART_SIZE)
		buf_put_be64(out, word->size);
	if (parts & PART_PROOF)
		put_proof(out, &word->proof);
	if (parts & PART_GOOD)
		buf_put_u8(out, word->good);
	if (parts & PART_FATE) {
		buf_put_u8(out, (uint8_t)word->fate);
		buf_put_be16(out, word->status);
	}
	if (parts & PART_HELD)
		buf_put_be64(out, word->held);
	if (parts & PART_URL)
		put_span(out, word->url);
	if (parts & PART_TEXT)
		put_span(out, word->text);
}

/* ---- taking: a cursor that remembers that something was missing ---- */

struct cursor {
	struct span in;
	bool bad;
};

static const uint8_t *take(struct cursor *c, size_t len)
{
	static const uint8_t zeros[U64];
	if (c->bad || c->in.len < len) {
		c->bad = true;
		return len <= sizeof zeros ? zeros : NULL;
	}
	const uint8_t *at = c->in.data;
	c->in = span_of(at + len, c->in.len - len);
	return at;
}

/* At most `max`, which is a fault. */
static uint8_t take_u8(struct cursor *c, uint8_t max)
{
	const uint8_t v = *take(c, U8);
	c->bad |= v > max;
	return v;
}

static struct span take_span(struct cursor *c, size_t max)
{
	const size_t len = load_be16(take(c, U16));
	c->bad |= len > max;
	const uint8_t *at = c->bad || len == 0 ? NULL : take(c, len);
	return c->bad ? span_of(NULL, 0) : span_of(at, len);
}

static void take_proof(struct cursor *c, struct tree_proof *proof)
{
	const size_t count = take_u8(c, TREE_PATH_MAX);
	for (size_t i = 0; i < count && !c->bad; i++) {
		const uint8_t *hash = take(c, HASH_LEN);
		if (hash)
			memcpy(proof->path[i].b, hash, HASH_LEN);
	}
	proof->count = c->bad ? 0 : count;
}

static void take_times(struct cursor *c, struct courier_word *word)
{
	word->patience_ms = load_be32(take(c, U32));
	word->pause_min_ms = load_be32(take(c, U32));
	word->pause_max_ms = load_be32(take(c, U32));
}

static void take_parts(struct cursor *c, unsigned parts, struct courier_word *word)
{
	if (parts & PART_WITNESS)
		word->witness = take_u8(c, COURIER_WITNESSES - 1);
	if (parts & PART_TIMES)
		take_times(c, word);
	if (parts & PART_ROUND)
		word->round = load_be64(take(c, U64));
	if (parts & PART_OLD)
		word->old = load_be64(take(c, U64));
	if (parts & PART_SIZE)
		word->size = load_be64(take(c, U64));
	if (parts & PART_PROOF)
		take_proof(c, &word->proof);
	if (parts & PART_GOOD)
		word->good = take_u8(c, 1) == 1;
	if (parts & PART_FATE) {
		word->fate = (enum courier_fate)take_u8(c, COURIER_NO_CA);
		word->status = load_be16(take(c, U16));
	}
	if (parts & PART_HELD)
		word->held = load_be64(take(c, U64));
	if (parts & PART_URL)
		word->url = take_span(c, COURIER_URL_MAX);
	if (parts & PART_TEXT)
		word->text = take_span(c, text_max(word->kind));
}

enum trail_err courier_take(struct span in, struct courier_word *word)
{
	struct cursor c = { .in = in };
	struct courier_word taken = { .kind = (enum courier_kind) * take(&c, U8) };
	const unsigned parts = parts_of(taken.kind);
	if (c.bad || parts == 0)
		return TRAIL_INVALID;
	take_parts(&c, parts, &taken);
	if (c.bad || c.in.len != 0)
		return TRAIL_INVALID;
	*word = taken;
	return TRAIL_OK;
}
