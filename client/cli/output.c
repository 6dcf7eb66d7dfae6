/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include "base64.h"
#include "glyph.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SENTENCE_MAX = 2048
};

void print_safe(FILE *to, const char *text, size_t len)
{
	struct glyphs g;
	struct glyph glyph;
	glyphs_init(&g, text, len);
	while (glyphs_next(&g, &glyph))
		(void)fwrite(glyph.text, 1, glyph.len, to);
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
	/* In a pager both are one stream: what was printed before stands before. */
	(void)fflush(stdout);
	(void)fputs("trail: ", stderr);
	print_text(stderr, text);
	(void)fputc('\n', stderr);
}

/* Inside JSON text every character above ASCII stands in a string, so that an escape is right. */
static void print_json_text(FILE *to, const char *text)
{
	struct glyphs g;
	struct glyph glyph;
	glyphs_init(&g, text, strlen(text));
	while (glyphs_next(&g, &glyph)) {
		unsigned point = glyph.point;
		if (glyph.sort != GLYPH_SPELT)
			(void)fwrite(glyph.text, 1, glyph.len, to);
		else if (point >= 0x10000)
			(void)fprintf(to, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
				0xdc00 + ((point - 0x10000) & 0x3ff));
		else
			(void)fprintf(to, "\\u%04x", point);
		/* A string's first mark would stand on its quote. */
		if (point == '"')
			g.base = false;
	}
}

void print_json_value(FILE *to, const json_t *value)
{
	/* 0.0002, not what binary makes of it. */
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (text)
		print_json_text(to, text);
	else
		say("memory is out");
	free(text);
}

void print_json_to(FILE *to, json_t *value)
{
	print_json_value(to, value);
	(void)fputc('\n', to);
	json_decref(value);
}

void print_json(json_t *value)
{
	print_json_to(stdout, value);
}

void print_hex(FILE *to, const uint8_t *data, size_t len)
{
	for (size_t i = 0; data && i < len; i++)
		(void)fprintf(to, "%02x", data[i]);
}

json_t *json_text(const char *text)
{
	char *shown = NULL;
	size_t len = 0;
	json_t *value = text ? json_string(text) : json_null();
	if (value)
		return value;
	FILE *to = open_memstream(&shown, &len);
	if (to) {
		print_text(to, text);
		(void)fclose(to);
		value = json_string(shown);
	}
	free(shown);
	return value;
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
