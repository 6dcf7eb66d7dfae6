/* SPDX-License-Identifier: Apache-2.0 */
#include "counts.h"

enum {
	AROUND = 16,    /* bytes of a count on the wire, beside its key, at the most */
	STEPS_MAX = 64, /* a crowd of keys with one hash ends the page */
};

_Static_assert((int)COUNTS_MAX <= UINT16_MAX - 1, "a slot holds any place");

/* FNV-1a (Fowler, Noll, Vo), from the seed on. */
static uint64_t hash_of(const struct counts *c, struct span key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ c->seed;
	for (size_t i = 0; i < key.len; i++)
		h = (h ^ key.data[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

/* The slot of the key, or the free one that would be. NULL: too many others are in its way. */
static uint16_t *find_slot(struct counts *c, struct span key)
{
	uint64_t h = hash_of(c, key);
	for (unsigned step = 0; step < STEPS_MAX; step++) {
		uint16_t *slot = &c->slots[(h + step) % COUNTS_SLOTS];
		if (*slot == 0 || span_equal(c->list[*slot - 1].key, key))
			return slot;
	}
	return NULL;
}

bool counts_add(struct counts *c, struct span key, uint64_t more)
{
	uint16_t *slot = find_slot(c, key);
	if (!slot)
		return false;
	if (*slot != 0) {
		c->list[*slot - 1].count += more;
		return true;
	}
	if (c->count == COUNTS_MAX || key.len + AROUND > COUNTS_BYTES - c->bytes)
		return false;
	uint8_t *copy = c->keys + c->key_bytes;
	if (key.len != 0)
		memcpy(copy, key.data, key.len);
	c->key_bytes += key.len;
	c->bytes += key.len + AROUND;
	c->list[c->count++] = (struct count){ span_of(copy, key.len), more };
	*slot = (uint16_t)c->count;
	return true;
}

void counts_clear(struct counts *c)
{
	memset(c->slots, 0, sizeof c->slots);
	c->count = 0;
	c->key_bytes = c->bytes = 0;
}
