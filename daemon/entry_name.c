/* SPDX-License-Identifier: Apache-2.0 */
#include "entry_name.h"

#include <stdio.h>

enum {
	ARENA = 512
};

_Static_assert(
	sizeof "certificate:" + PEER_NAME_MAX <= ENTRY_NAME_MAX, "a peer's name has a bound");

static enum trail_err read_name(
	enum record_kind kind, struct span payload, char name[ENTRY_NAME_MAX + 1])
{
	uint8_t room[ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct peer_name peer = { .type = PEER_UNSPECIFIED };
	bool source = kind == KIND_SOURCE;
	enum trail_err err = source ? source_decode(payload, &arena, &peer.name)
				    : peer_decode(payload, &arena, &peer);
	if (err)
		return TRAIL_CORRUPT;
	int len = snprintf(name, ENTRY_NAME_MAX + 1, "%s%s%.*s",
		source ? "" : peer_type_word(peer.type), source ? "" : ":", (int)peer.name.len,
		(const char *)peer.name.data);
	return len <= ENTRY_NAME_MAX ? TRAIL_OK : TRAIL_CORRUPT;
}

enum trail_err entry_name(struct sweep *sweep, const struct head *head, uint64_t index,
	enum record_kind kind, char name[ENTRY_NAME_MAX + 1])
{
	struct span salt, payload;
	struct record r;
	struct hash leaf;
	if (index == 0) {
		(void)snprintf(name, ENTRY_NAME_MAX + 1, "traild");
		return TRAIL_OK;
	}
	const uint8_t *bytes = store_record(sweep->txn, index, NULL);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	record_leaf(bytes, &leaf);
	if (r.kind != kind || !store_proves(sweep->txn, head, index, &leaf) ||
		sweep_payload(sweep, index, &r, &salt, &payload))
		return TRAIL_CORRUPT;
	return read_name(kind, payload, name);
}
