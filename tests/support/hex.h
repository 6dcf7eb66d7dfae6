/* SPDX-License-Identifier: Apache-2.0 */
/* Hex in tests: vectors are written as their sources print them. */
#ifndef TESTS_SUPPORT_HEX_H
#define TESTS_SUPPORT_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Decode `text` into `out`, which has room; the number of bytes. Aborts on anything but hex. */
size_t hex_decode(const char *text, uint8_t *out);

#endif
