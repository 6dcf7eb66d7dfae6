/* SPDX-License-Identifier: Apache-2.0 */
#include "proof_facts.h"

#include "when.h"

static uint64_t number(const struct trail_verify *v, enum trail_proof_number which)
{
	return trail_verify_number(v, which);
}

/* Evidence for an answer has an event of the question; its rows are told as a number. */
static bool is_answer(const struct trail_verify *v)
{
	return number(v, TRAIL_PROOF_ANSWER) != 0;
}

static void put_when(FILE *to, uint64_t ns, bool utc)
{
	char when[WHEN_MAX];
	when_show((int64_t)ns, utc, 3, when);
	(void)fputs(when, to);
}

static void put_signed(FILE *to, const struct trail_verify *v)
{
	const char *origin = trail_verify_origin(v);
	(void)fprintf(to, "signed      by ");
	print_text(to, origin);
	(void)fprintf(to, ", in its checkpoint of %llu records\n",
		(unsigned long long)trail_verify_size(v));
}

/* Of an answer: what lies below the size that the SEAL seals. */
static void put_sealed_rows(FILE *to, const struct trail_verify *v)
{
	if (is_answer(v))
		(void)fprintf(to, ", up to record %llu",
			(unsigned long long)number(v, TRAIL_PROOF_SEAL_SIZE) - 1);
}

static void put_sealed(FILE *to, const struct trail_verify *v, bool utc)
{
	if (number(v, TRAIL_PROOF_SEALED) == 0) {
		(void)fprintf(to,
			"sealed      not yet: who stole the log's key could have made this; "
			"prove it again when the log made a SEAL");
	} else {
		(void)fprintf(to, "sealed      in epoch %llu, at ",
			(unsigned long long)number(v, TRAIL_PROOF_SEAL_EPOCH));
		put_when(to, number(v, TRAIL_PROOF_SEAL_TIME), utc);
		(void)fprintf(to, " by the log's clock");
		put_sealed_rows(to, v);
		(void)fprintf(to, ": no key taken later could have made it");
	}
	(void)fputc('\n', to);
}

static void put_names(FILE *to, const struct trail_verify *v, bool before, bool utc)
{
	for (size_t i = 0; i < trail_verify_cosigners(v, before); i++) {
		(void)fputs(i == 0 ? "" : ", ", to);
		print_text(to, trail_verify_cosigner(v, before, i));
		(void)fputs(" at ", to);
		put_when(to, trail_verify_cosigned(v, before, i), utc);
	}
}

static void put_quorum(FILE *to, const struct trail_verify *v)
{
	uint64_t overlap = number(v, TRAIL_PROOF_OVERLAP);
	if (number(v, TRAIL_PROOF_QUORUM) == 0)
		return;
	if (overlap == 0)
		(void)fprintf(to,
			"; the policy is met, but two quorums of it need not have a "
			"witness in common: it rules out no second history");
	else
		(void)fprintf(to,
			"; the policy is met: a second history would take %llu witness%s "
			"to sign both",
			(unsigned long long)overlap, overlap == 1 ? "" : "es");
}

static void put_cosigned(FILE *to, const struct trail_verify *v, bool utc)
{
	uint64_t lines = number(v, TRAIL_PROOF_LINES);
	if (trail_verify_cosigners(v, false) != 0) {
		(void)fprintf(to, "cosigned    by ");
		put_names(to, v, false, utc);
		if (is_answer(v))
			(void)fprintf(to, ", up to record %llu",
				(unsigned long long)number(v, TRAIL_PROOF_COSIGNED_SIZE) - 1);
		put_quorum(to, v);
		(void)fputc('\n', to);
	} else {
		(void)fprintf(to, "cosigned    by no witness that a --policy names\n");
	}
	if (lines != 0)
		(void)fprintf(to,
			"            %llu further signature line%s: not judged, no --policy "
			"names the key\n",
			(unsigned long long)lines, lines == 1 ? "" : "s");
}

void proof_facts_cosigned(FILE *to, const struct trail_verify *v, bool utc)
{
	if (number(v, TRAIL_PROOF_COSIGNED_SIZE) == 0)
		return;
	(void)fprintf(to, "cosigned below index %llu by ",
		(unsigned long long)number(v, TRAIL_PROOF_COSIGNED_SIZE));
	if (trail_verify_cosigners(v, false) == 0)
		(void)fputs("no witness of the policy", to);
	put_names(to, v, false, utc);
	put_quorum(to, v);
	(void)fputc('\n', to);
}

static void put_stamped(FILE *to, const struct trail_verify *v, bool utc)
{
	const char *authority = trail_verify_authority(v);
	if (number(v, TRAIL_PROOF_STAMP) == 0)
		return;
	if (number(v, TRAIL_PROOF_STAMP_TIME) == 0) {
		(void)fprintf(to,
			"stamped     not judged: give the certificates of the time stamp "
			"authority with --tsa\n");
		return;
	}
	(void)fprintf(to, "stamped     at ");
	put_when(to, number(v, TRAIL_PROOF_STAMP_TIME), utc);
	(void)fputs(" by ", to);
	print_text(to, authority[0] ? authority : "an authority that --tsa leads to");
	(void)fputc('\n', to);
}

static void put_before(FILE *to, const struct trail_verify *v, bool utc)
{
	if (number(v, TRAIL_PROOF_BEFORE) == 0)
		return;
	(void)fprintf(to, "not before  ");
	put_when(to, number(v, TRAIL_PROOF_BEFORE_TIME), utc);
	(void)fprintf(to, " by the log's clock, when it made the SEAL of %llu records",
		(unsigned long long)number(v, TRAIL_PROOF_BEFORE_SIZE));
	if (trail_verify_cosigners(v, true) != 0) {
		(void)fprintf(to, "; and not before the cosignature that SEAL carries, by ");
		put_names(to, v, true, utc);
	}
	(void)fputc('\n', to);
}

static void put_rows(FILE *to, const struct trail_verify *v)
{
	uint64_t rows = number(v, TRAIL_PROOF_ROWS);
	if (is_answer(v))
		(void)fprintf(to,
			"rows        %llu, each in the log before the question above, as "
			"rows.jsonl has it\n",
			(unsigned long long)rows);
}

void proof_facts_print(FILE *to, const struct trail_verify *v, bool utc)
{
	put_rows(to, v);
	put_signed(to, v);
	put_sealed(to, v, utc);
	put_cosigned(to, v, utc);
	put_stamped(to, v, utc);
	put_before(to, v, utc);
	(void)fprintf(to,
		"It does not prove that what was reported is true, or that it is all that "
		"happened.\n");
}

/* ---- JSON ---- */

static void put(json_t *to, const char *name, json_t *value)
{
	(void)json_object_set_new(to, name, value);
}

static json_t *when_json(uint64_t ns)
{
	char when[WHEN_MAX];
	when_utc((int64_t)ns, when);
	return json_string(when);
}

static json_t *seal_json(uint64_t size, uint64_t ns)
{
	json_t *to = json_object();
	put(to, "size", json_integer((json_int_t)size));
	put(to, "time", when_json(ns));
	return to;
}

static json_t *cosigners_json(const struct trail_verify *v, bool before)
{
	json_t *list = json_array();
	for (size_t i = 0; i < trail_verify_cosigners(v, before); i++) {
		json_t *to = json_object();
		put(to, "name", json_text(trail_verify_cosigner(v, before, i)));
		put(to, "time", when_json(trail_verify_cosigned(v, before, i)));
		(void)json_array_append_new(list, to);
	}
	return list;
}

void proof_facts_cosigned_json(json_t *to, const struct trail_verify *v)
{
	put(to, "cosigned", cosigners_json(v, false));
	put(to, "cosigned_size", json_integer((json_int_t)number(v, TRAIL_PROOF_COSIGNED_SIZE)));
	put(to, "quorum", json_boolean(number(v, TRAIL_PROOF_QUORUM) != 0));
	put(to, "overlap", json_integer((json_int_t)number(v, TRAIL_PROOF_OVERLAP)));
}

void proof_facts_json(json_t *to, const struct trail_verify *v)
{
	json_t *sealed = json_null(), *before = json_null();
	uint64_t stamped = number(v, TRAIL_PROOF_STAMP_TIME);
	if (number(v, TRAIL_PROOF_SEALED) != 0) {
		sealed = seal_json(
			number(v, TRAIL_PROOF_SEAL_SIZE), number(v, TRAIL_PROOF_SEAL_TIME));
		put(sealed, "epoch", json_integer((json_int_t)number(v, TRAIL_PROOF_SEAL_EPOCH)));
	}
	if (number(v, TRAIL_PROOF_BEFORE) != 0) {
		before = seal_json(
			number(v, TRAIL_PROOF_BEFORE_SIZE), number(v, TRAIL_PROOF_BEFORE_TIME));
		put(before, "cosigned", cosigners_json(v, true));
	}
	put(to, "origin", json_text(trail_verify_origin(v)));
	put(to, "sealed", sealed);
	put(to, "not_before", before);
	put(to, "cosigned", cosigners_json(v, false));
	put(to, "quorum", json_boolean(number(v, TRAIL_PROOF_QUORUM) != 0));
	put(to, "overlap", json_integer((json_int_t)number(v, TRAIL_PROOF_OVERLAP)));
	put(to, "lines_not_judged", json_integer((json_int_t)number(v, TRAIL_PROOF_LINES)));
	if (is_answer(v)) {
		put(to, "rows", json_integer((json_int_t)number(v, TRAIL_PROOF_ROWS)));
		put(to, "cosigned_size",
			json_integer((json_int_t)number(v, TRAIL_PROOF_COSIGNED_SIZE)));
	}
	put(to, "stamped", stamped != 0 ? when_json(stamped) : json_null());
}
