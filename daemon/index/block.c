/* SPDX-License-Identifier: Apache-2.0 */
#include "block.h"

#include "../../proto/crypto.h"

static const char LABEL[] = "trail-index/v1";

enum {
	VERSION = 1,
	ENCODING_PLAIN = 0,
	SEALED = BLOCK_LEN - BLOCK_TAG_LEN,
};

_Static_assert((int)INDEX_KEY_LEN == (int)MAC_KEY_LEN, "the key is the MAC's");
_Static_assert((int)BLOCK_TAG_LEN == (int)MAC_LEN, "the tag is the MAC's");

void block_seal_init(struct block_seal *seal, const uint8_t *key, const struct hash *genesis,
	const struct segment_place *place)
{
	uint8_t *at = seal->ad;
	seal->key = key;
	memcpy(at, LABEL, sizeof LABEL - 1);
	at += sizeof LABEL - 1;
	memcpy(at, genesis->b, HASH_LEN);
	at += HASH_LEN;
	store_be32(at, place->class_no);
	store_be32(at + 4, place->month);
	store_be64(at + 8, place->from);
	store_be64(at + 16, place->to);
	store_be64(at + 24, place->serial);
}

static void tag_of(
	const struct block_seal *seal, const uint8_t block[BLOCK_LEN], uint8_t tag[BLOCK_TAG_LEN])
{
	mac_bytes(seal->key, span_of(seal->ad, sizeof seal->ad), span_of(block, SEALED), tag);
}

void block_close(
	const struct block_seal *seal, uint32_t number, uint8_t block[BLOCK_LEN], size_t len)
{
	block[0] = VERSION;
	block[1] = ENCODING_PLAIN;
	store_be16(block + 2, (uint16_t)len);
	store_be32(block + 4, number);
	memset(block + BLOCK_HEAD_LEN + len, 0, BLOCK_ROOM - len);
	tag_of(seal, block, block + SEALED);
}

bool block_open(const struct block_seal *seal, uint32_t number, const uint8_t block[BLOCK_LEN],
	struct span *content)
{
	uint8_t tag[BLOCK_TAG_LEN];
	tag_of(seal, block, tag);
	if (!mac_equal(tag, block + SEALED) || block[0] != VERSION || block[1] != ENCODING_PLAIN ||
		load_be32(block + 4) != number || load_be16(block + 2) > BLOCK_ROOM)
		return false;
	*content = span_of(block + BLOCK_HEAD_LEN, load_be16(block + 2));
	return true;
}
