/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <assert.h>

enum {
	COUNTER_AT = 0,
	CONTENT_LEN_AT = 8,
	CONTENT_AT = 12,
};

void slot_encode(uint64_t counter, struct span content, uint8_t *slot, size_t len)
{
	assert(len >= SLOT_OVERHEAD && content.len <= len - SLOT_OVERHEAD);
	memset(slot, 0, len);
	store_be64(slot + COUNTER_AT, counter);
	store_be32(slot + CONTENT_LEN_AT, (uint32_t)content.len);
	if (content.len != 0)
		memcpy(slot + CONTENT_AT, content.data, content.len);
	struct hash h;
	hash_bytes(span_of(slot, len - HASH_LEN), &h);
	memcpy(slot + len - HASH_LEN, h.b, HASH_LEN);
}

bool slot_decode(const uint8_t *slot, size_t len, uint64_t *counter, struct span *content)
{
	if (len < SLOT_OVERHEAD)
		return false;
	struct hash h;
	hash_bytes(span_of(slot, len - HASH_LEN), &h);
	if (memcmp(h.b, slot + len - HASH_LEN, HASH_LEN) != 0)
		return false;
	size_t content_len = load_be32(slot + CONTENT_LEN_AT);
	if (content_len > len - SLOT_OVERHEAD)
		return false;
	*counter = load_be64(slot + COUNTER_AT);
	*content = span_of(slot + CONTENT_AT, content_len);
	return true;
}

int slots_newest(struct span file, size_t slot_len, struct slot slots[2])
{
	memset(slots, 0, 2 * sizeof slots[0]);
	if (file.len != SLOT_FILE_LEN || slot_len > SLOT_OFFSET)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		struct slot *s = &slots[i];
		/* A counter without a successor could never be written after: nobody made it here.
		 */
		s->valid = slot_decode(file.data + i * SLOT_OFFSET, slot_len, &s->counter,
				   &s->content) &&
			s->counter != UINT64_MAX;
	}
	if (slots[0].valid && slots[1].valid && slots[0].counter == slots[1].counter)
		return -1;
	if (slots[1].valid && (!slots[0].valid || slots[1].counter > slots[0].counter))
		return 1;
	return slots[0].valid ? 0 : -1;
}

bool state_blank(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

enum trail_err head_read(struct span file, struct span *note)
{
	struct slot slots[2];
	int newest = slots_newest(file, HEAD_SLOT_LEN, slots);
	if (newest < 0)
		return TRAIL_CORRUPT;
	const uint8_t *other = file.data + (size_t)(1 - newest) * SLOT_OFFSET;
	if (slots[newest].content.len == 0 && !state_blank(other, HEAD_SLOT_LEN))
		return TRAIL_CORRUPT;
	*note = slots[newest].content;
	return TRAIL_OK;
}
