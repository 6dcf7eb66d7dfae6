/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof files, checkpoints and identity files from anywhere. Beyond not crashing: what is accepted
 * must come out again as the same bytes, for there is one spelling of everything.
 */
#include "fuzz.h"

#include "../../proto/checkpoint.h"
#include "../../proto/tree.h"

/* Any answer will do, but the walk must end inside the proof. */
static void try_paths(const struct tree_proof *proof, uint64_t index, const struct checkpoint *cp)
{
	const struct hash leaf = { 0 };
	(void)tree_inclusion_check(&leaf, index, cp->size, proof, &cp->root);
	(void)tree_consistency_check(index, &leaf, cp->size, &cp->root, proof);
}

static void try_proof(struct span in, const struct vkey *key)
{
	struct buf extra = { 0 };
	struct buf out = { 0 };
	struct tree_proof proof;
	struct checkpoint cp = { .size = in.len };
	struct span note;
	uint64_t index;
	if (tlog_proof_parse(in, &extra, &index, &proof, &note) == TRAIL_OK) {
		tlog_proof_put(&out, buf_view(&extra), index, &proof, note);
		fuzz_assert(span_equal(buf_view(&out), in));
		if (checkpoint_open(note, key, &cp) == TRAIL_OK)
			fuzz_assert(strcmp(cp.origin, key->name) == 0);
		try_paths(&proof, index, &cp);
	} else {
		fuzz_assert(extra.len == 0);
	}
	buf_release(&extra);
	buf_release(&out);
}

static void try_texts(struct span in, const struct vkey *key)
{
	struct buf out = { 0 };
	struct checkpoint cp;
	struct log_identity id;
	if (checkpoint_parse(in, &cp) == TRAIL_OK) {
		checkpoint_put(&out, &cp);
		fuzz_assert(span_equal(buf_view(&out), in));
	}
	buf_clear(&out);
	if (identity_parse(in, &id) == TRAIL_OK) {
		identity_put(&out, &id);
		fuzz_assert(span_equal(buf_view(&out), in));
	}
	if (checkpoint_open(in, key, &cp) == TRAIL_OK)
		fuzz_assert(strcmp(cp.origin, key->name) == 0);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	struct vkey key;
	fuzz_assert(crypto_init());
	fuzz_assert(vkey_parse(span_text(FUZZ_VKEY), &key) == TRAIL_OK);
	try_proof(in, &key);
	try_texts(in, &key);
	return 0;
}
