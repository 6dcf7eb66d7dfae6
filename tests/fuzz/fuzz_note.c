/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes and keys from anywhere. Beyond not crashing: what is accepted must come out again as the
 * same bytes, for there is one spelling of everything.
 */
#include "../../proto/note.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of seed 00..1f: the corpus has notes signed with it. */
static const char vkey_text[] =
	"example.org/audit+1026b77e+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

static void expect(bool held)
{
	if (!held)
		abort();
}

static void try_note(struct span in)
{
	struct vkey key;
	struct span text = { 0 };
	expect(vkey_parse(span_text(vkey_text), &key) == TRAIL_OK);
	if (note_open(in, &key, &text) != TRAIL_OK)
		return;
	expect(text.len != 0 && text.len < in.len && text.data == in.data);
	expect(text.data[text.len - 1] == '\n' && text.data[text.len] == '\n');
}

static void try_keys(struct span in)
{
	struct buf out = { 0 };
	struct vkey vkey;
	struct skey skey;
	if (vkey_parse(in, &vkey) == TRAIL_OK) {
		vkey_put(&out, &vkey);
		expect(span_equal(buf_view(&out), in));
	}
	buf_clear(&out);
	if (skey_parse(in, &skey) == TRAIL_OK) {
		skey_put(&out, &skey);
		expect(span_equal(buf_view(&out), in));
	}
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	expect(crypto_init());
	try_note(in);
	try_keys(in);
	return 0;
}
