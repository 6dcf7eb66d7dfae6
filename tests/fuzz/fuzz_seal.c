/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SEAL and a genesis say, from a store or a daemon that may lie. Beyond not crashing: a text
 * that is accepted has one spelling, and nothing but a key under the root seals.
 */
#include "fuzz.h"

#include "../../proto/codec.h"
#include "../../proto/seal.h"
#include "../../proto/succession.h"

static void try_text(struct span in)
{
	struct seal_text text;
	struct buf out = { 0 };
	if (seal_text_parse(in, &text) == TRAIL_OK) {
		seal_text_put(&out, &text);
		fuzz_assert(span_equal(buf_view(&out), in));
	}
	buf_release(&out);
}

/* Nobody knows a tree of keys with this root. */
static void try_seal(struct span in)
{
	struct seal_anchor anchor = { .origin = "example.org/audit", .height = 4 };
	struct arena arena = fuzz_arena(codec_arena_need(in));
	struct seal seal;
	struct seal_text text;
	if (seal_decode(in, &arena, &seal) == TRAIL_OK) {
		fuzz_assert(seal_check(&anchor, &seal, &text) != SEAL_FITS);
		try_text(seal.text);
	}
	free(arena.data);
}

static void try_genesis(struct span in)
{
	struct arena arena = fuzz_arena(codec_arena_need(in));
	struct genesis genesis;
	struct seal_anchor anchor;
	struct succession succession;
	struct vkey key;
	if (genesis_decode(in, &arena, &genesis) == TRAIL_OK) {
		if (seal_anchor_of(&genesis, &anchor) == TRAIL_OK)
			fuzz_assert(anchor.height <= SEAL_HEIGHT_MAX);
		if (vkey_parse(genesis.vkey, &key) == TRAIL_OK)
			(void)succession_read(&genesis, &key, &succession);
	}
	free(arena.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	fuzz_assert(crypto_init());
	try_text(in);
	try_seal(in);
	try_genesis(in);
	return 0;
}
