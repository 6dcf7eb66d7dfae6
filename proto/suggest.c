/* SPDX-License-Identifier: Apache-2.0 */
#include "suggest.h"

#include <stdint.h>
#include <string.h>

enum {
	WORD_MAX = 32
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);
	if (n > WORD_MAX || m > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *suggest(const char *word, const char *const *names)
{
	const char *best = NULL;
	size_t nearest = SIZE_MAX;
	for (; *names; names++) {
		size_t distance = edit_distance(word, *names);
		if (distance < nearest) {
			nearest = distance;
			best = *names;
		}
	}
	/* Two slips, but never more than a third of the word. */
	size_t limit = strlen(word) / 3 < 2 ? strlen(word) / 3 : 2;
	return nearest <= (limit == 0 ? 1 : limit) ? best : NULL;
}
