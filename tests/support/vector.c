/* SPDX-License-Identifier: Apache-2.0 */
#include "vector.h"

#include "hex.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LINE_MAX_LEN = 256
};

struct buf vector_load(const char *name)
{
	char path[LINE_MAX_LEN];
	(void)snprintf(path, sizeof path, "tests/vectors/%s.hex", name);
	FILE *file = fopen(path, "r");
	if (!file) {
		fprintf(stderr, "%s: cannot be opened; run the tests from the top folder\n", path);
		abort();
	}
	struct buf out = { 0 };
	char line[LINE_MAX_LEN];
	while (fgets(line, sizeof line, file)) {
		uint8_t raw[LINE_MAX_LEN / 2];
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#')
			buf_put(&out, raw, hex_decode(line, raw));
	}
	(void)fclose(file);
	if (out.failed || out.len == 0)
		abort();
	return out;
}
