/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648 section 4, with padding: how JSON carries bytes. */
#ifndef CLI_BASE64_H
#define CLI_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of `data`, to be freed; NULL: memory is out. */
char *base64_text(const uint8_t *data, size_t len);
/*
 * The strict inverse, to be freed: padding demanded, no white space, no stray trailing bits. NULL:
 * not base64, or memory is out.
 */
uint8_t *base64_bytes(const char *text, size_t *len);

#endif
