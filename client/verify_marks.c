/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_marks.h"

#include <assert.h>

void marks_add(
	struct marks *marks, const struct checkpoint *cp, enum finding_code code, const char *name)
{
	size_t at = marks->count++;
	assert(at < MARKS_MAX);
	for (; at > 0 && marks->list[at - 1].size > cp->size; at--)
		marks->list[at] = marks->list[at - 1];
	marks->list[at] = (struct mark){
		.size = cp->size,
		.root = cp->root,
		.code = code,
		.name = name,
	};
	for (size_t i = 0; i < marks->count; i++)
		marks->sizes[i] = marks->list[i].size;
}

/* `fits`: the largest smaller size that does. */
static void compare(struct marks *marks, const struct mark *mark, const struct hash *root,
	uint64_t fits, struct findings *found)
{
	if (hash_equal(&mark->root, root)) {
		marks->fits = mark->size;
		return;
	}
	findings_add(found, mark->code, fits,
		"the records do not give the root of %s of %llu records: the first bad one is "
		"among "
		"%llu to %llu, or the tree was signed otherwise; keep the checkpoint, it is "
		"evidence",
		mark->name, (unsigned long long)mark->size, (unsigned long long)fits,
		(unsigned long long)(mark->size - 1));
}

void marks_compare(struct marks *marks, const struct frontier *tree, struct findings *found)
{
	struct hash root;
	uint64_t fits = marks->fits;
	frontier_root(tree, &root);
	while (marks->passed < marks->count && marks->list[marks->passed].size == tree->size)
		compare(marks, &marks->list[marks->passed++], &root, fits, found);
}
