/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness is sent: bodies of add-checkpoint, judged for a log that has cosigned nothing,
 * then something; and lists of logs. Beyond not crashing: a body that is taken comes out again as
 * the same bytes; nothing is cosigned that the log did not sign, and nothing smaller or different
 * than what was seen.
 */
#include "fuzz.h"

#include "../../client/witness/loglist.h"

static void try_verdict(const struct add *add, const struct watched *log, const struct seen *seen)
{
	uint8_t signature[SIGN_LEN];
	const struct checkpoint *cp = &add->checkpoint;
	struct span text;
	enum verdict verdict = judge_add(add, log, seen, signature);
	const bool is_signed = note_open(add->note, &log->vkey, &text) == TRAIL_OK;
	fuzz_assert(is_signed == (verdict != VERDICT_UNSIGNED));
	if (!is_signed)
		return;
	fuzz_assert(sign_check(add->text, log->vkey.pub, signature));
	if (verdict != VERDICT_COSIGN)
		return;
	fuzz_assert(add->old == seen->size && cp->size >= seen->size);
	fuzz_assert(cp->size != seen->size || hash_equal(&cp->root, &seen->root));
}

static void try_body(struct span in)
{
	struct watched log = { .origin = "example.org/audit" };
	struct seen seen = seen_nothing();
	struct add add;
	struct buf out = { 0 };
	fuzz_assert(vkey_parse(span_text(FUZZ_VKEY), &log.vkey) == TRAIL_OK);
	if (add_parse(in, &add) != TRAIL_OK)
		return;
	fuzz_assert(add.proof.count <= TLOG_ADD_HASHES_MAX);
	tlog_add_put(&out, add.old, &add.proof, add.note);
	fuzz_assert(span_equal(buf_view(&out), in));
	buf_release(&out);
	try_verdict(&add, &log, &seen);
	seen.size = add.old;
	try_verdict(&add, &log, &seen);
	seen.root = add.checkpoint.root;
	try_verdict(&add, &log, &seen);
}

static void try_list(struct span in)
{
	struct loglist *list = calloc(1, sizeof *list);
	struct loglist_fault why = { .text = "" };
	fuzz_assert(list != NULL);
	if (loglist_add(list, in, &why) != TRAIL_OK)
		fuzz_assert(why.text[0] != '\0');
	else
		for (size_t i = 0; i < list->count; i++)
			fuzz_assert(loglist_find(list, list->log[i].origin) == &list->log[i]);
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span in = span_of(data, size);
	fuzz_assert(crypto_init());
	try_body(in);
	try_list(in);
	return 0;
}
