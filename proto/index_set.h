/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of record indices that only grows at its end: which entries of a kind the log has met. 8
 * bytes each.
 */
#ifndef PROTO_INDEX_SET_H
#define PROTO_INDEX_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct index_set {
	uint64_t *list; /* ascending */
	size_t count, cap;
};

void index_set_release(struct index_set *set);
/* Above all added before. False: memory is out. */
bool index_set_add(struct index_set *set, uint64_t index);
bool index_set_has(const struct index_set *set, uint64_t index);

#endif
