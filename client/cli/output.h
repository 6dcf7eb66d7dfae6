/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves the program. Text that came from outside (events, daemon, files, arguments) may hold
 * what a terminal obeys; it passes through here or through cell.h, glyph by glyph.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Write `len` bytes of text as glyphs: what must not be shown is spelt out, as glyph.h says. */
void print_safe(FILE *to, const char *text, size_t len);
/* print_safe of a text, which may be NULL (nothing). */
void print_text(FILE *to, const char *text);
/* "trail: " sentence newline, to standard error, all of it print_safe. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One JSON value. What glyph.h would spell is \uXXXX. */
void print_json_value(FILE *to, const json_t *value);
/* The same on a line of its own; takes the reference. */
void print_json_to(FILE *to, json_t *value);
/* The same to standard output. */
void print_json(json_t *value);
/* Lower-case hex. */
void print_hex(FILE *to, const uint8_t *data, size_t len);
/* The text as a JSON string, as it is shown if it is not UTF-8; JSON null for NULL. */
json_t *json_text(const char *text);
/* base64 with padding, as a JSON string; JSON null for NULL. */
json_t *json_base64(const uint8_t *data, size_t len);

#endif
