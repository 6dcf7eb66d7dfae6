/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints whose roots the records must give, in order of size, while the tree grows past them.
 */
#ifndef CLIENT_VERIFY_MARKS_H
#define CLIENT_VERIFY_MARKS_H

#include "../proto/checkpoint.h"
#include "../proto/findings.h"
#include "../proto/tree.h"

enum {
	MARKS_MAX = 4 /* kept, given, cosigned, and the newest one */
};

struct mark {
	uint64_t size;
	struct hash root;
	enum finding_code code; /* when it does not fit */
	const char *name;       /* "the given checkpoint" */
};

struct marks {
	struct mark list[MARKS_MAX]; /* ascending */
	uint64_t sizes[MARKS_MAX];   /* theirs */
	size_t count;
	size_t passed; /* compared already */
	uint64_t fits; /* largest size that is known to fit; at first the one where the tree begins
			*/
};

void marks_add(
	struct marks *marks, const struct checkpoint *cp, enum finding_code code, const char *name);
/* Compare all that are of the tree's size; none may be of a smaller one. */
void marks_compare(struct marks *marks, const struct frontier *tree, struct findings *found);

#endif
