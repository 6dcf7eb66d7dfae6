/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <stdlib.h>

bool lines_init(struct lines *l, FILE *file)
{
	*l = (struct lines){ .file = file, .text = malloc(LINE_MAX_BYTES + 2) };
	return l->text != NULL;
}

void lines_release(struct lines *l)
{
	free(l->text);
	*l = (struct lines){ 0 };
}

enum line_state lines_next(struct lines *l)
{
	int c = getc_unlocked(l->file);
	l->len = 0;
	if (c == EOF)
		return ferror(l->file) ? LINE_FAILED : LINE_END;
	l->number++;
	bool fits = true;
	while (c != EOF && c != '\n') {
		l->bytes++;
		if (l->len <= LINE_MAX_BYTES)
			l->text[l->len++] = (char)c;
		else
			fits = false;
		c = getc_unlocked(l->file);
	}
	l->bytes += c == '\n';
	if (ferror(l->file))
		return LINE_FAILED;
	if (l->len > 0 && l->text[l->len - 1] == '\r')
		l->len--;
	l->text[l->len] = '\0';
	return fits && l->len <= LINE_MAX_BYTES ? LINE_OK : LINE_LONG;
}
