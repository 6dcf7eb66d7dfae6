/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes: a borrowed view, an owned buffer, and big-endian integers. Everything that crosses a
 * boundary (socket, file, disk page) is carried by these two types; neither knows what is inside.
 */
#ifndef PROTO_BYTES_H
#define PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes that somebody else owns. Never freed through this. {NULL, 0} is empty. */
struct span {
	const uint8_t *data;
	size_t len;
};

/*
 * Bytes that we own. `failed` is sticky: after the first failed growth every put is a no-op, so
 * that a builder writes straight lines and looks once, at the end.
 *
 *   data [0 .. len) written, [len .. cap) room
 */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

static inline struct span span_of(const void *data, size_t len)
{
	return (struct span){ .data = data, .len = len };
}

static inline struct span span_text(const char *text)
{
	return span_of(text, strlen(text));
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The order of bytes; where one begins the other, the shorter comes first. As memcmp. */
static inline int span_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int way = len > 0 ? memcmp(a.data, b.data, len) : 0;
	return way != 0 ? way : (a.len > b.len) - (a.len < b.len);
}

static inline struct span buf_view(const struct buf *b)
{
	return span_of(b->data, b->len);
}

/* Make room for `more` further bytes; false (and b->failed) when memory is out. */
bool buf_reserve(struct buf *b, size_t more);
/* Append; silently nothing once `failed`. */
void buf_put(struct buf *b, const void *data, size_t len);
void buf_put_span(struct buf *b, struct span s);
void buf_put_text(struct buf *b, const char *text);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_be16(struct buf *b, uint16_t v);
void buf_put_be32(struct buf *b, uint32_t v);
void buf_put_be64(struct buf *b, uint64_t v);
/* Append printf text (no trailing NUL counted). */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Empty it, keep the memory, forget the failure. */
void buf_clear(struct buf *b);
/* Give the memory back. Accepts a zeroed or released buffer. */
void buf_release(struct buf *b);

static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	store_be32(p, (uint32_t)(v >> 32));
	store_be32(p + 4, (uint32_t)v);
}

static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)load_be16(p) << 16 | load_be16(p + 2);
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

#endif
