/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from witnesses, and the courier that carries it. The first byte says what the rest is:
 * a word of the courier's, a size in a 409, an answer to add-checkpoint, a checkpoint that is
 * shown. Beyond not crashing: a word comes out as it went in; what is called a cosignature is one,
 * and makes a note that others open; and a quorum has one.
 */
#include "fuzz.h"

#include "../../daemon/courier/visit.h"
#include "../../daemon/rounds.h"

#define LOG_NOTE                                                                                   \
	"example.org/audit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"                   \
	"\xe2\x80\x94 example.org/audit ECa3fixZebvr5KUnxRhCH+"                                    \
	"fpQSN9w3m1GFcjbMQYl9eZAP5H86tcTTFeIks4RHkYTXeIexbDYLIjJuf3zPEhym6FWws=\n"
#define POLICY                                                                                     \
	"witness w witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X\n"     \
	"quorum w\n"

static void try_word(struct span in)
{
	struct courier_word word;
	struct buf out = { 0 };
	if (courier_take(in, &word) != TRAIL_OK)
		return;
	courier_put(&out, &word);
	fuzz_assert(span_equal(buf_view(&out), in));
	buf_release(&out);
}

static void try_size(struct span in)
{
	uint64_t held;
	struct buf out = { 0 };
	if (!visit_held(in, &held))
		return;
	buf_printf(&out, "%llu\n", (unsigned long long)held);
	fuzz_assert(span_equal(buf_view(&out), in));
	buf_release(&out);
}

static void try_answer(struct span in, struct policy *policy, const struct vkey *log)
{
	const struct rounds_options options = { .policy = policy, .log = *log };
	struct rounds *rounds = rounds_new(&options);
	struct head head = { .size = 8, .note_len = sizeof LOG_NOTE - 1 };
	struct witnessed witnessed = { 0 };
	char why[128];
	uint64_t time_s;
	fuzz_assert(rounds != NULL);
	memcpy(head.note, LOG_NOTE, head.note_len);
	const struct rounds_answer answer = {
		.round = rounds_begin(rounds, &head, 0), .status = 200, .body = in
	};
	const enum testimony said = rounds_judge(rounds, &answer, 8, 1700000000, why);
	fuzz_assert(said == TESTIMONY_COSIGNED || said == TESTIMONY_LIE);
	fuzz_assert(rounds_witnessed(rounds, &witnessed) == (said == TESTIMONY_COSIGNED));
	if (said == TESTIMONY_COSIGNED)
		fuzz_assert(cosign_open(buf_view(&witnessed.note), &policy->witness[0].cosigner,
				    &time_s) == TRAIL_OK);
	buf_release(&witnessed.note);
	rounds_free(rounds);
}

static void try_shown(struct span in, struct policy *policy, const struct vkey *log)
{
	const struct rounds_options options = { .policy = policy, .log = *log };
	struct rounds *rounds = rounds_new(&options);
	struct checkpoint cp;
	fuzz_assert(rounds != NULL);
	if (rounds_shown(rounds, in, 7, &cp) != SHOWN_NOTHING)
		fuzz_assert(checkpoint_open(in, log, &cp) == TRAIL_OK);
	(void)rounds_remember(rounds, in);
	rounds_free(rounds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *policy = malloc(sizeof *policy);
	struct policy_fault fault;
	struct vkey log;
	fuzz_assert(policy != NULL && crypto_init());
	fuzz_assert(policy_parse(span_text(POLICY), policy, &fault) == TRAIL_OK);
	fuzz_assert(vkey_parse(span_text(FUZZ_VKEY), &log) == TRAIL_OK);
	const struct span rest = span_of(data + (size > 0), size - (size > 0));
	switch (size > 0 ? data[0] % 4 : 0) {
	case 0:
		try_word(rest);
		break;
	case 1:
		try_size(rest);
		break;
	case 2:
		try_answer(rest, policy, &log);
		break;
	default:
		try_shown(rest, policy, &log);
		break;
	}
	free(policy);
	return 0;
}
