/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs from anywhere, and lines of evidence. Beyond not crashing: the one spelling of what is
 * accepted comes out again, and nothing is valid without a seal.
 */
#include "fuzz.h"

#include "../../client/evidence_line.h"
#include "../../proto/evidence.h"

static void try_proof(struct span in, const struct log_identity *identity)
{
	struct findings *found = calloc(1, sizeof *found);
	struct evidence_case *c = calloc(1, sizeof *c);
	fuzz_assert(found && c);
	*c = (struct evidence_case){ .found = found, .identity = identity };
	if (evidence_judge(c, in) == TRAIL_OK && found->invalid == 0) {
		fuzz_assert(c->signed_by_log && c->event.shown && c->genesis.shown);
		fuzz_assert(found->unverifiable != 0 || (identity && c->seal.holds));
	}
	evidence_release(c);
	free(c);
	free(found);
}

static void try_bytes(struct span in)
{
	struct buf out = { 0 };
	struct evidence *e = calloc(1, sizeof *e);
	fuzz_assert(e != NULL);
	if (evidence_decode(in, e) == TRAIL_OK) {
		evidence_encode(e, &out);
		fuzz_assert(out.failed || span_equal(buf_view(&out), in));
	}
	buf_clear(&out);
	(void)evidence_bare_seal(in, &out);
	buf_release(&out);
	free(e);
}

static void put_line(struct buf *out, const struct evidence_line *line)
{
	switch (line->word) {
	case WORD_RECORD:
	case WORD_ROW:
		evidence_line_record(out, line->word, &line->item);
		break;
	case WORD_SEALED:
		evidence_line_sealed(out, &line->path);
		break;
	case WORD_COSIGNED:
		evidence_line_cosigned(out, line->note, &line->path);
		break;
	case WORD_QUESTION:
		evidence_line_question(out, line->item.index);
		break;
	case WORD_NONE:
	case WORD_HEAD:
	case WORD_CHECKPOINT:
		break;
	}
}

static void try_line(struct span in)
{
	struct evidence_line *line = calloc(1, sizeof *line);
	struct buf out = { 0 };
	fuzz_assert(line != NULL);
	if (evidence_line_read(in, line) == TRAIL_OK) {
		put_line(&out, line);
		fuzz_assert(out.len == 0 || out.failed ||
			span_equal(span_of(out.data, out.len - 1), in));
	}
	evidence_line_release(line);
	buf_release(&out);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The identity of the log of tests/support/sealed_log. */
	static const char IDENTITY[] =
		"trail-log/v1\n" FUZZ_VKEY "\nD8M/+DnE+s2IH57G44ssDNG9E4IEm5jgqwjGvt7VLKo=\n";
	struct log_identity identity;
	struct span in = span_of(data, size);
	fuzz_assert(crypto_init());
	fuzz_assert(identity_parse(span_text(IDENTITY), &identity) == TRAIL_OK);
	try_proof(in, &identity);
	try_proof(in, NULL);
	try_bytes(in);
	try_line(in);
	return 0;
}
