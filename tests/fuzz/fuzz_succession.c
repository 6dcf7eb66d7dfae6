/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Genesis payloads and notes from anywhere, as who makes a successor and who verifies one reads
 * them. Beyond not crashing: what is read can be printed, and has a note only where a log is named;
 * what is kept of a note opens as it did, and is read back.
 */
#include "fuzz.h"

#include "../../proto/codec.h"
#include "../../proto/succession.h"
#include "../../proto/wire.h"

static struct vkey fuzz_key(void)
{
	struct vkey key;
	fuzz_assert(crypto_init());
	fuzz_assert(vkey_parse(span_text(FUZZ_VKEY), &key) == TRAIL_OK);
	return key;
}

static void try_genesis(struct span in)
{
	const struct vkey own = fuzz_key();
	struct genesis genesis;
	struct succession s;
	struct arena arena = fuzz_arena(codec_arena_need(in));
	if (genesis_decode(in, &arena, &genesis) == TRAIL_OK) {
		enum succession_fault fault = succession_read(&genesis, &own, &s);
		fuzz_assert(s.named || !s.has_note);
		fuzz_assert(s.named || fault == SUCCESSION_FITS || fault == SUCCESSION_MALFORMED);
		fuzz_assert(text_name(span_text(s.reason)));
		fuzz_assert(strlen(s.reason) <= SUCCESSION_REASON_MAX);
	}
	free(arena.data);
}

static void try_note(struct span in)
{
	const struct vkey key = fuzz_key();
	struct checkpoint cp, again;
	struct buf kept = { 0 };
	if (succession_trim_note(in, &key, &cp, &kept) == TRAIL_OK) {
		fuzz_assert(kept.len <= in.len);
		fuzz_assert(checkpoint_open(buf_view(&kept), &key, &again) == TRAIL_OK);
		fuzz_assert(again.size == cp.size && hash_equal(&again.root, &cp.root));
	} else {
		fuzz_assert(kept.len == 0);
	}
	buf_release(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_genesis(span_of(data, size));
	try_note(span_of(data, size));
	return 0;
}
