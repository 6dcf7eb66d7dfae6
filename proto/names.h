/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which index a name has: the sources and the peers that the log has met. In memory, rebuilt at
 * start from the SOURCE and PEER entries. One thread at a time.
 */
#ifndef PROTO_NAMES_H
#define PROTO_NAMES_H

#include "bytes.h"

enum {
	NAME_MAX_LEN = 255
};

struct names;

/* NULL: memory is out. */
struct names *names_new(void);
void names_free(struct names *names);
/* The index of (type, name); 0: not met (index 0 is the genesis entry, never a name's). */
uint64_t names_find(const struct names *names, uint8_t type, struct span name);
/* Remember. False: memory is out, the name is too long, or it is there already. */
bool names_add(struct names *names, uint8_t type, struct span name, uint64_t index);
size_t names_count(const struct names *names);

#endif
