/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <search.h>
#include <stdlib.h>

struct name {
	uint64_t index;
	uint8_t type;
	uint8_t len;
	uint8_t text[NAME_MAX_LEN];
};

struct names {
	void *tree; /* of struct name, by tsearch(3) */
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct name *x = a;
	const struct name *y = b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->text, y->text, x->len);
}

static bool fill(struct name *n, uint8_t type, struct span text)
{
	if (text.len > NAME_MAX_LEN)
		return false;
	n->type = type;
	n->len = (uint8_t)text.len;
	if (text.len != 0)
		memcpy(n->text, text.data, text.len);
	return true;
}

struct names *names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void names_free(struct names *names)
{
	if (!names)
		return;
	tdestroy(names->tree, free);
	free(names);
}

uint64_t names_find(const struct names *names, uint8_t type, struct span text)
{
	struct name wanted;
	if (!fill(&wanted, type, text))
		return 0;
	void *found = tfind(&wanted, &names->tree, compare);
	return found ? (*(struct name **)found)->index : 0;
}

bool names_add(struct names *names, uint8_t type, struct span text, uint64_t index)
{
	struct name *n = calloc(1, sizeof *n);
	if (!n)
		return false;
	n->index = index;
	if (!fill(n, type, text) || tfind(n, &names->tree, compare) ||
		!tsearch(n, &names->tree, compare)) {
		free(n);
		return false;
	}
	names->count++;
	return true;
}

size_t names_count(const struct names *names)
{
	return names->count;
}
