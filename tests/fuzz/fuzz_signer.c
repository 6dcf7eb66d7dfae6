/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What traild may ask of its signer while a seal is pending (first byte even), and what may lie in
 * `seeds` (odd). Beyond not crashing: whatever is asked, no key is erased and no head signed, since
 * nobody who makes these inputs can prove anything; seeds that are accepted have one encoding, and
 * go on to their end.
 */
#include "../../daemon/signer/seeds.h"
#include "../../daemon/signer/serve.h"
#include "../support/signer_case.h"
#include "fuzz.h"

enum {
	HEIGHT = 4,
	SIZE = 5
};

static struct {
	char folder[CASE_PATH_MAX];
	struct signer *signer;
	struct buf answer;
	struct case_log log;
} bench;

static struct pace_time now(void)
{
	return (struct pace_time){ .real_ns = 1700000000000000000, .boot_ns = 1000000000000 };
}

static void end(void)
{
	signer_free(bench.signer);
	buf_release(&bench.answer);
	case_folder_remove(bench.folder);
}

static int ask(const uint8_t *question, size_t len)
{
	return signer_answer(bench.signer, span_of(question, len), &bench.answer);
}

static void wake(bool want_new)
{
	static const uint8_t question[] = { TALK_WAKE, 0, HEIGHT, 0, 0, 6, 0x8c, 0x61, 0x71, 0x40,
		0, 1, 'a' };
	const struct signer_options options = {
		.folder = bench.folder, .allow_cow = true, .now = now
	};
	uint8_t q[sizeof question];
	memcpy(q, question, sizeof q);
	q[1] = want_new;
	signer_free(bench.signer);
	bench.signer = signer_new(&options);
	fuzz_assert(bench.signer && ask(q, sizeof q) == TALK_OK);
}

static void sign(uint64_t from, uint64_t to)
{
	uint8_t q[TALK_LEN_MAX] = { TALK_SIGN };
	struct hash root;
	struct tree_proof proof = { 0 };
	case_log_root(&bench.log, to, &root);
	if (from != 0)
		case_log_proof(&bench.log, from, to, &proof);
	store_be64(q + 1, to);
	memcpy(q + 9, root.b, HASH_LEN);
	q[9 + HASH_LEN] = (uint8_t)proof.count;
	memcpy(q + 10 + HASH_LEN, proof.path, proof.count * HASH_LEN);
	fuzz_assert(ask(q, 10 + HASH_LEN + proof.count * HASH_LEN) == TALK_OK);
}

/* A log of SIZE records whose seal is asked for and not in it. */
static void begin(void)
{
	uint8_t seal[17] = { TALK_SEAL };
	fuzz_assert(crypto_init());
	case_folder_make(bench.folder);
	(void)atexit(end);
	case_log_fill(&bench.log, 1, 0);
	wake(true);
	sign(0, 1);
	sign(1, SIZE);
	store_be64(seal + 1, SIZE);
	fuzz_assert(ask(seal, sizeof seal) == TALK_OK);
}

static void try_question(struct span in)
{
	uint64_t size;
	if (in.len == 0 || in.data[0] == TALK_WAKE)
		return;
	int status = ask(in.data, in.len);
	fuzz_assert(status == TALK_OK ? in.data[0] != TALK_SEALED : bench.answer.len > 1);
	if (status == TALK_OK)
		return;
	wake(false);
	size = load_be64(bench.answer.data + 1);
	fuzz_assert(size == SIZE);
	fuzz_assert(load_be32(bench.answer.data + 1 + 8 + 1 + HASH_LEN + 8) == 0);
}

static void try_seeds(struct span in)
{
	struct seeds seeds;
	struct seed_scratch scratch;
	uint8_t content[SEEDS_CONTENT_MAX];
	if (!seeds_decode(in, &seeds))
		return;
	size_t len = seeds_encode(&seeds, content);
	fuzz_assert(span_equal(span_of(content, len), in));
	for (int i = 0; i < 8 && !seeds_used_up(&seeds); i++) {
		seeds_advance(&seeds, &scratch);
		len = seeds_encode(&seeds, content);
		struct seeds back;
		fuzz_assert(seeds_decode(span_of(content, len), &back));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!bench.signer)
		begin();
	if (size == 0)
		return 0;
	const struct span in = span_of(data + 1, size - 1);
	if (data[0] % 2 == 0)
		try_question(in);
	else
		try_seeds(in);
	return 0;
}
