/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes and keys from anywhere. Beyond not crashing: what is accepted must come out again as the
 * same bytes, for there is one spelling of everything.
 */
#include "fuzz.h"

#include "../../proto/note.h"

static void try_note(struct span in)
{
	struct vkey key;
	struct span text = { 0 };
	fuzz_assert(vkey_parse(span_text(FUZZ_VKEY), &key) == TRAIL_OK);
	if (note_open(in, &key, &text) != TRAIL_OK)
		return;
	fuzz_assert(text.len != 0 && text.len < in.len && text.data == in.data);
	fuzz_assert(text.data[text.len - 1] == '\n' && text.data[text.len] == '\n');
}

static void try_keys(struct span in)
{
	struct buf out = { 0 };
	struct vkey vkey;
	struct skey skey;
	if (vkey_parse(in, &vkey) == TRAIL_OK) {
		vkey_put(&out, &vkey);
		fuzz_assert(span_equal(buf_view(&out), in));
	}
	buf_clear(&out);
	if (skey_parse(in, &skey) == TRAIL_OK) {
		skey_put(&out, &skey);
		fuzz_assert(span_equal(buf_view(&out), in));
	}
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	fuzz_assert(crypto_init());
	try_note(in);
	try_keys(in);
	return 0;
}
