/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BUF_FIRST = 256
};

bool buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (more <= b->cap - b->len)
		return true;
	if (more > SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return false;
	}
	size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
	while (cap < b->len + more)
		cap *= 2;
	uint8_t *data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (len == 0 || !buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_put_span(struct buf *b, struct span s)
{
	buf_put(b, s.data, s.len);
}

void buf_put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_be16(struct buf *b, uint16_t v)
{
	uint8_t raw[2];
	store_be16(raw, v);
	buf_put(b, raw, sizeof raw);
}

void buf_put_be32(struct buf *b, uint32_t v)
{
	uint8_t raw[4];
	store_be32(raw, v);
	buf_put(b, raw, sizeof raw);
}

void buf_put_be64(struct buf *b, uint64_t v)
{
	uint8_t raw[8];
	store_be64(raw, v);
	buf_put(b, raw, sizeof raw);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int need = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (need < 0 || !buf_reserve(b, (size_t)need + 1)) {
		b->failed = true;
		return;
	}
	va_start(ap, format);
	(void)vsnprintf((char *)b->data + b->len, (size_t)need + 1, format, ap);
	va_end(ap);
	b->len += (size_t)need;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}
