/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves the program. Text that came from outside (events, daemon, files, arguments) may hold
 * what a terminal obeys; it passes through here and nowhere else. No colour is used.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Write `len` bytes of text; control characters (C0, DEL, C1) and bidi controls come out as
 * \u{hex}, bytes that are not UTF-8 as \x{hex}.
 */
void print_safe(FILE *to, const char *text, size_t len);
/* print_safe of a text, which may be NULL (nothing). */
void print_text(FILE *to, const char *text);
/* "trail: " sentence newline, to standard error, all of it print_safe. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One JSON value on a line of its own; takes the reference. What print_safe would mark is \uXXXX.
 */
void print_json(json_t *value);
/* Lower-case hex. */
void print_hex(FILE *to, const uint8_t *data, size_t len);
/* base64 with padding, as a JSON string; JSON null for NULL. */
json_t *json_base64(const uint8_t *data, size_t len);

#endif
