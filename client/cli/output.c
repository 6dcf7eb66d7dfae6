/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include "base64.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SENTENCE_MAX = 2048
};

/*
 * The character at the front of `text` (RFC 3629): its length and code point. 0: not UTF-8.
 */
static size_t take_character(const uint8_t *text, size_t len, uint32_t *point)
{
	static const uint32_t LEAST[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = text[0];
	size_t size = first < 0x80	       ? 1
		      : (first & 0xe0) == 0xc0 ? 2
		      : (first & 0xf0) == 0xe0 ? 3
		      : (first & 0xf8) == 0xf0 ? 4
					       : 0;
	if (size == 0 || size > len)
		return 0;
	uint32_t p = size == 1 ? first : first & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		p = p << 6 | (text[i] & 0x3f);
	}
	if (p < LEAST[size] || p > 0x10ffff || (p >= 0xd800 && p <= 0xdfff))
		return 0;
	*point = p;
	return size;
}

/* What a terminal or a reader's eye may obey instead of show. */
static bool dangerous(uint32_t p)
{
	if (p < 0x20 || (p >= 0x7f && p < 0xa0))
		return true;
	/* Bidi controls, line and paragraph separators, the byte order mark, tags. */
	return p == 0x061c || p == 0x200e || p == 0x200f || (p >= 0x2028 && p <= 0x202e) ||
	       (p >= 0x2066 && p <= 0x2069) || p == 0xfeff || (p >= 0xe0000 && p <= 0xe007f);
}

void print_safe(FILE *to, const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text;
	while (len > 0) {
		uint32_t point = 0;
		size_t size = take_character(at, len, &point);
		if (size == 0) {
			(void)fprintf(to, "\\x{%x}", at[0]);
			size = 1;
		} else if (dangerous(point)) {
			(void)fprintf(to, "\\u{%x}", (unsigned)point);
		} else {
			(void)fwrite(at, 1, size, to);
		}
		at += size;
		len -= size;
	}
}

void print_text(FILE *to, const char *text)
{
	if (text)
		print_safe(to, text, strlen(text));
}

void say(const char *format, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	(void)fputs("trail: ", stderr);
	print_text(stderr, text);
	(void)fputc('\n', stderr);
}

/* Inside JSON text every character above ASCII stands in a string, so that an escape is right. */
static void print_json_text(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t len = strlen(text);
	while (len > 0) {
		uint32_t point = 0;
		size_t size = take_character(at, len, &point);
		if (size == 0)
			return;
		if (point >= 0x10000 && dangerous(point))
			printf("\\u%04x\\u%04x", 0xd800 + (unsigned)((point - 0x10000) >> 10),
				0xdc00 + (unsigned)((point - 0x10000) & 0x3ff));
		else if (dangerous(point))
			printf("\\u%04x", (unsigned)point);
		else
			(void)fwrite(at, 1, size, stdout);
		at += size;
		len -= size;
	}
}

void print_json(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	if (text)
		print_json_text(text);
	else
		say("memory is out");
	(void)putchar('\n');
	free(text);
	json_decref(value);
}

void print_hex(FILE *to, const uint8_t *data, size_t len)
{
	for (size_t i = 0; data && i < len; i++)
		(void)fprintf(to, "%02x", data[i]);
}

json_t *json_base64(const uint8_t *data, size_t len)
{
	if (!data)
		return json_null();
	char *text = base64_text(data, len);
	json_t *value = text ? json_string(text) : json_null();
	free(text);
	return value;
}
