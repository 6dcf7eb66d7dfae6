/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

void fault_clear(struct fault *f)
{
	*f = (struct fault){ .code = TRAIL_OK };
}

enum trail_err fault_set(struct fault *f, enum trail_err code, const char *format, ...)
{
	va_list ap;
	fault_clear(f);
	f->code = code;
	va_start(ap, format);
	(void)vsnprintf(f->sentence, sizeof f->sentence, format, ap);
	va_end(ap);
	return code;
}

static void copy_text(char *to, size_t size, struct span from)
{
	size_t len = from.len < size - 1 ? from.len : size - 1;
	if (len != 0)
		memcpy(to, from.data, len);
	to[len] = '\0';
}

enum trail_err fault_take(struct fault *f, const struct failure *failure)
{
	if (failure->code > TRAIL_INVALID || failure->code < TRAIL_UNSUPPORTED)
		return fault_set(f, TRAIL_CORRUPT, "the daemon answered an error of unknown code");
	fault_clear(f);
	f->code = failure->code;
	f->index = failure->index;
	f->expected = failure->expected;
	f->retry_ms = failure->retry_ms;
	copy_text(f->sentence, sizeof f->sentence, failure->sentence);
	copy_text(f->field, sizeof f->field, failure->field);
	if (f->sentence[0] == '\0')
		copy_text(f->sentence, sizeof f->sentence, span_text(trail_err_text(f->code)));
	return f->code;
}
