/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include <stdlib.h>
#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_text(const uint8_t *data, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1);
	char *to = text;
	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
			(left > 2 ? data[i + 2] : 0);
		*to++ = DIGITS[v >> 18];
		*to++ = DIGITS[v >> 12 & 63];
		*to++ = '=';
		*to++ = '=';
		if (left > 1)
			to[-2] = DIGITS[v >> 6 & 63];
		if (left > 2)
			to[-1] = DIGITS[v & 63];
	}
	*to = '\0';
	return text;
}

/* The value of a digit; -1: none. */
static int digit_value(char c)
{
	const char *at = c == '\0' ? NULL : strchr(DIGITS, c);
	return at ? (int)(at - DIGITS) : -1;
}

uint8_t *base64_bytes(const char *text, size_t *len)
{
	size_t n = strlen(text);
	size_t padding = n >= 2 && text[n - 1] == '=' ? 1U + (text[n - 2] == '=') : 0;
	uint32_t v = 0;
	if (n % 4 != 0)
		return NULL;
	uint8_t *data = malloc(n / 4 * 3 + 1);
	if (!data)
		return NULL;
	size_t out = 0;
	for (size_t i = 0; i < n - padding; i++) {
		int digit = digit_value(text[i]);
		if (digit < 0)
			goto bad;
		v = (v << 6 | (uint32_t)digit) & 0xffffff;
		if (i % 4 != 0)
			data[out++] = (uint8_t)(v >> (6 - i % 4 * 2));
	}
	/* What the padding cuts off must be zero, so that bytes have one text. */
	if ((padding == 1 && v & 3) || (padding == 2 && v & 15))
		goto bad;
	*len = out;
	return data;
bad:
	free(data);
	return NULL;
}
