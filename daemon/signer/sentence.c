/* SPDX-License-Identifier: Apache-2.0 */
#include "sentence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(struct sentence *why, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void put(struct sentence *why, const char *format, va_list ap)
{
	int need = vsnprintf(why->text, sizeof why->text, format, ap);
	if (need < 0)
		why->text[0] = '\0';
	if (need < (int)sizeof why->text)
		return;
	/* Cut short: drop what may be a torn UTF-8 sequence at the end, so that it stays text. */
	size_t end = strlen(why->text);
	while (end > 0 && ((unsigned char)why->text[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && ((unsigned char)why->text[end - 1] & 0x80) != 0)
		end--;
	why->text[end] = '\0';
}

void sentence_set(struct sentence *why, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	put(why, format, ap);
	va_end(ap);
}

enum trail_err sentence_refuse(struct sentence *why, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	put(why, format, ap);
	va_end(ap);
	return TRAIL_CORRUPT;
}

enum trail_err sentence_fail(struct sentence *why, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	put(why, format, ap);
	va_end(ap);
	return TRAIL_IO;
}

enum trail_err sentence_no_secret_memory(struct sentence *why)
{
	return sentence_fail(why,
		"no locked memory for secrets: raise the limit of locked memory (ulimit -l, or "
		"LimitMEMLOCK=)");
}
