/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include <inttypes.h>

static const char TEXT_HEAD[] = "trail-seal/v1";
static const char KEY_DOMAIN[] = "trail-seal-key/v1\n";

enum {
	KEY_DOMAIN_LEN = sizeof KEY_DOMAIN - 1,
	DECIMAL_LEN_MAX = 20, /* 2^64 - 1 has 20 digits */
};

_Static_assert(sizeof TEXT_HEAD + (NOTE_NAME_MAX + 1) + 20 + 20 + 11 + 45 < SEAL_TEXT_MAX,
	"the longest text");

void seal_text_put(struct buf *out, const struct seal_text *text)
{
	buf_printf(out, "%s\n%s\n%" PRIu32 "\n%" PRIu64 "\n", TEXT_HEAD, text->origin, text->epoch,
		text->size);
	base64_put(out, span_of(text->root.b, HASH_LEN));
	buf_printf(out, "\n%" PRIu64 "\n", text->time_ns);
}

/* One line of decimal digits without leading zeros, at most `max`. */
static bool decimal_take(struct span *in, uint64_t max, uint64_t *out)
{
	struct span line;
	uint64_t value = 0;
	if (!note_line_take(in, &line) || line.len == 0 || line.len > DECIMAL_LEN_MAX ||
		(line.data[0] == '0' && line.len > 1))
		return false;
	for (size_t i = 0; i < line.len; i++) {
		uint64_t digit = (uint64_t)line.data[i] - '0';
		if (line.data[i] < '0' || line.data[i] > '9' || digit > max ||
			value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

enum trail_err seal_text_parse(struct span text, struct seal_text *out)
{
	struct seal_text parsed = { 0 };
	struct span head, origin, root;
	uint64_t epoch;
	size_t len;
	if (text.len > SEAL_TEXT_MAX || !note_line_take(&text, &head) ||
		!span_equal(head, span_text(TEXT_HEAD)) || !note_line_take(&text, &origin) ||
		!note_name_valid(origin))
		return TRAIL_INVALID;
	if (!decimal_take(&text, UINT32_MAX, &epoch) ||
		!decimal_take(&text, INT64_MAX, &parsed.size) || !note_line_take(&text, &root) ||
		!base64_take(root, parsed.root.b, HASH_LEN, &len) || len != HASH_LEN ||
		!decimal_take(&text, UINT64_MAX, &parsed.time_ns) || text.len != 0)
		return TRAIL_INVALID;
	memcpy(parsed.origin, origin.data, origin.len);
	parsed.epoch = (uint32_t)epoch;
	*out = parsed;
	return TRAIL_OK;
}

void seal_key_leaf(uint32_t epoch, const uint8_t pub[SIGN_PUBLIC_LEN], struct hash *leaf)
{
	uint8_t entry[KEY_DOMAIN_LEN + 4 + SIGN_PUBLIC_LEN];
	memcpy(entry, KEY_DOMAIN, KEY_DOMAIN_LEN);
	store_be32(entry + KEY_DOMAIN_LEN, epoch);
	memcpy(entry + KEY_DOMAIN_LEN + 4, pub, SIGN_PUBLIC_LEN);
	hash_leaf(span_of(entry, sizeof entry), leaf);
}

enum trail_err seal_anchor_of(const struct genesis *genesis, struct seal_anchor *out)
{
	if (!note_name_valid(genesis->origin) || genesis->seal_height < SEAL_HEIGHT_MIN ||
		genesis->seal_height > SEAL_HEIGHT_MAX)
		return TRAIL_INVALID;
	*out = (struct seal_anchor){
		.root = genesis->seal_root,
		.height = genesis->seal_height,
		.max_ns = genesis->seal_max_ns,
	};
	memcpy(out->origin, genesis->origin.data, genesis->origin.len);
	return TRAIL_OK;
}

static bool key_fits(const struct seal_anchor *anchor, const struct seal *seal, uint32_t epoch)
{
	uint64_t keys = UINT64_C(1) << anchor->height;
	struct tree_proof proof = { .count = anchor->height };
	struct hash leaf;
	memcpy(proof.path, seal->path.data, seal->path.len);
	seal_key_leaf(epoch, seal->key.data, &leaf);
	return tree_inclusion_check(&leaf, epoch, keys, &proof, &anchor->root);
}

enum seal_fault seal_check(
	const struct seal_anchor *anchor, const struct seal *seal, struct seal_text *out)
{
	if (seal->key.len != SIGN_PUBLIC_LEN || seal->sig.len != SIGN_LEN ||
		seal->path.len != (size_t)anchor->height * HASH_LEN ||
		seal_text_parse(seal->text, out) != TRAIL_OK)
		return SEAL_MALFORMED;
	if (strcmp(out->origin, anchor->origin) != 0)
		return SEAL_ORIGIN;
	if (!key_fits(anchor, seal, out->epoch))
		return SEAL_KEY;
	return sign_check(seal->text, seal->key.data, seal->sig.data) ? SEAL_FITS : SEAL_SIGNATURE;
}
