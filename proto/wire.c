/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

enum {
	TAG_TYPE_BITS = 3,
	VARINT_MORE = 0x80,
	VARINT_BITS = 7,
	VARINT_LAST_SHIFT = 63, /* the tenth byte holds bit 63 alone */
};

/* ---- reading ---- */

static enum trail_err take_long_varint(struct span *in, uint64_t *value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < in->len && i < WIRE_VARINT_MAX; i++) {
		uint8_t byte = in->data[i];
		unsigned shift = (unsigned)i * VARINT_BITS;
		v |= (uint64_t)(byte & ~VARINT_MORE) << shift;
		if (byte & VARINT_MORE)
			continue;
		/* A last byte of 0 adds nothing: a second encoding of the same number. */
		if ((i > 0 && byte == 0) || (shift == VARINT_LAST_SHIFT && byte > 1))
			return TRAIL_INVALID;
		*in = span_of(in->data + i + 1, in->len - i - 1);
		*value = v;
		return TRAIL_OK;
	}
	return TRAIL_INVALID;
}

static inline enum trail_err take_varint(struct span *in, uint64_t *value)
{
	if (in->len == 0)
		return TRAIL_INVALID;
	if (in->data[0] & VARINT_MORE)
		return take_long_varint(in, value);
	*value = in->data[0];
	*in = span_of(in->data + 1, in->len - 1);
	return TRAIL_OK;
}

enum trail_err wire_take_varint(struct span *in, uint64_t *value)
{
	return in->len == 0 ? TRAIL_END : take_varint(in, value);
}

static enum trail_err take_fixed(struct span *in, size_t len, uint64_t *value)
{
	if (in->len < len)
		return TRAIL_INVALID;
	uint64_t v = 0;
	for (size_t i = len; i-- > 0;)
		v = v << 8 | in->data[i];
	*in = span_of(in->data + len, in->len - len);
	*value = v;
	return TRAIL_OK;
}

static inline enum trail_err take_bytes(struct span *in, struct span *bytes)
{
	uint64_t len;
	enum trail_err err = take_varint(in, &len);
	if (err)
		return err;
	if (len > in->len)
		return TRAIL_INVALID;
	*bytes = span_of(in->data, (size_t)len);
	*in = span_of(in->data + len, in->len - (size_t)len);
	return TRAIL_OK;
}

enum trail_err wire_take(struct span *in, struct wire_field *field)
{
	if (in->len == 0)
		return TRAIL_END;
	uint64_t tag;
	enum trail_err err = take_varint(in, &tag);
	if (err)
		return err;
	uint64_t number = tag >> TAG_TYPE_BITS;
	if (number == 0 || number > WIRE_FIELD_MAX)
		return TRAIL_INVALID;
	field->number = (uint32_t)number;
	field->type = (enum wire_type)(tag & ((1 << TAG_TYPE_BITS) - 1));
	field->value = 0;
	field->bytes = (struct span){ 0 };
	/* By how common they are: a jump table costs more than the field. */
	if (field->type == WIRE_BYTES)
		return take_bytes(in, &field->bytes);
	if (field->type == WIRE_VARINT)
		return take_varint(in, &field->value);
	if (field->type == WIRE_FIXED64)
		return take_fixed(in, sizeof(uint64_t), &field->value);
	if (field->type == WIRE_FIXED32)
		return take_fixed(in, sizeof(uint32_t), &field->value);
	return TRAIL_INVALID;
}

/* ---- writing ---- */

static size_t varint_store(uint8_t out[WIRE_VARINT_MAX], uint64_t value)
{
	size_t len = 0;
	for (; value >= VARINT_MORE; value >>= VARINT_BITS)
		out[len++] = (uint8_t)(value | VARINT_MORE);
	out[len++] = (uint8_t)value;
	return len;
}

static void put_varint(struct buf *out, uint64_t value)
{
	uint8_t raw[WIRE_VARINT_MAX];
	buf_put(out, raw, varint_store(raw, value));
}

static void put_tag(struct buf *out, uint32_t number, enum wire_type type)
{
	put_varint(out, (uint64_t)number << TAG_TYPE_BITS | type);
}

void wire_put_member(struct buf *out, uint32_t number, uint64_t value)
{
	put_tag(out, number, WIRE_VARINT);
	put_varint(out, value);
}

void wire_put_number(struct buf *out, uint32_t number, uint64_t value)
{
	if (value != 0)
		wire_put_member(out, number, value);
}

void wire_put_item(struct buf *out, uint32_t number, struct span bytes)
{
	put_tag(out, number, WIRE_BYTES);
	put_varint(out, bytes.len);
	buf_put_span(out, bytes);
}

void wire_put_bytes(struct buf *out, uint32_t number, struct span bytes)
{
	if (bytes.len > 0)
		wire_put_item(out, number, bytes);
}

void wire_put_packed(struct buf *out, uint32_t number, const uint32_t *values, size_t count)
{
	if (count == 0)
		return;
	struct wire_mark mark = wire_open(out, number);
	for (size_t i = 0; i < count; i++)
		put_varint(out, values[i]);
	wire_close(out, mark);
}

struct wire_mark wire_open(struct buf *out, uint32_t number)
{
	size_t field = out->len;
	put_tag(out, number, WIRE_BYTES);
	/* Room for the usual one byte of length; wire_close moves the body when it needs more. */
	buf_put_u8(out, 0);
	return (struct wire_mark){ .field = field, .body = out->len };
}

void wire_close(struct buf *out, struct wire_mark mark)
{
	if (out->failed)
		return;
	uint8_t raw[WIRE_VARINT_MAX];
	size_t len = out->len - mark.body;
	size_t extra = varint_store(raw, len) - 1;
	if (!buf_reserve(out, extra))
		return;
	uint8_t *body = out->data + mark.body;
	if (extra > 0)
		memmove(body + extra, body, len);
	memcpy(body - 1, raw, extra + 1);
	out->len += extra;
}

void wire_close_filled(struct buf *out, struct wire_mark mark)
{
	if (out->failed)
		return;
	if (out->len == mark.body)
		out->len = mark.field;
	else
		wire_close(out, mark);
}

/* ---- text ---- */

static const uint64_t EVERY_BYTE = UINT64_C(0x0101010101010101);
static const uint64_t HIGH_BITS = UINT64_C(0x8080808080808080);

/* Bit 7 of a byte is set where byte < n; exact as a whole for words without high bits, n <= 128. */
static inline uint64_t bytes_below(uint64_t word, uint8_t n)
{
	return (word - EVERY_BYTE * n) & ~word & HIGH_BITS;
}

/* Eight bytes U+0001..U+007F. */
static inline bool word_plain(uint64_t word)
{
	return ((word & HIGH_BITS) | bytes_below(word, 1)) == 0;
}

/* Eight bytes U+0020..U+007E: graphic ASCII, which every id and name may hold. */
static inline bool word_graphic(uint64_t word)
{
	const uint64_t del = word ^ (EVERY_BYTE * 0x7f);
	return ((word & HIGH_BITS) | bytes_below(word, 0x20) | bytes_below(del, 1)) == 0;
}

static inline uint64_t word_load(const uint8_t *p, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, p, len);
	return word;
}

/*
 * Bytes of the character at p and its code point; 0 when it is not well-formed (RFC 3629
 * section 4, the table UTF8-2 to UTF8-4).
 */
static size_t utf8_take(const uint8_t *p, size_t left, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1
		: p[0] < 0xc0    ? 0
		: p[0] < 0xe0    ? 2
		: p[0] < 0xf0    ? 3
		: p[0] < 0xf8    ? 4
				 : 0;
	if (len == 0 || len > left)
		return 0;
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len;
}

static bool code_graphic(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	return c != 0x061c && c != 0x200e && c != 0x200f && !(c >= 0x202a && c <= 0x202e) &&
		!(c >= 0x2066 && c <= 0x2069);
}

bool text_utf8(struct span text)
{
	size_t at = 0;
	while (at < text.len) {
		if (text.len - at >= 8 && word_plain(word_load(text.data + at, 8))) {
			at += 8;
			continue;
		}
		uint32_t c;
		size_t len = utf8_take(text.data + at, text.len - at, &c);
		if (len == 0 || c == 0)
			return false;
		at += len;
	}
	return true;
}

static bool text_name_slow(struct span text)
{
	for (size_t at = 0; at < text.len;) {
		uint32_t c;
		size_t len = utf8_take(text.data + at, text.len - at, &c);
		if (len == 0 || !code_graphic(c))
			return false;
		at += len;
	}
	return true;
}

/* Short tails are read as words that overlap, so that no byte is looked at alone. */
bool text_name(struct span text)
{
	const uint8_t *p = text.data;
	size_t len = text.len;
	bool graphic = true;
	if (len >= 8) {
		for (size_t at = 0; at + 8 < len && graphic; at += 8)
			graphic = word_graphic(word_load(p + at, 8));
		graphic = graphic && word_graphic(word_load(p + len - 8, 8));
	} else if (len >= 4) {
		graphic = word_graphic(word_load(p, 4) | word_load(p + len - 4, 4) << 32);
	} else {
		for (size_t at = 0; at < len && graphic; at++)
			graphic = p[at] >= 0x20 && p[at] < 0x7f;
	}
	return graphic || text_name_slow(text);
}
