/* SPDX-License-Identifier: Apache-2.0 */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

static uint8_t digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;
	if (!at)
		abort();
	return (uint8_t)(at - digits);
}

size_t hex_decode(const char *text, uint8_t *out)
{
	size_t len = strlen(text);
	if (len % 2 != 0)
		abort();
	for (size_t i = 0; i < len; i += 2)
		out[i / 2] = (uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
	return len / 2;
}
