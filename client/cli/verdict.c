/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"
#include "predecessor.h"
#include "when.h"

static const char *verdict_word(const struct trail_verify *v)
{
	switch (trail_verify_verdict(v)) {
	case TRAIL_VERDICT_VALID:
		return "valid";
	case TRAIL_VERDICT_INVALID:
		return "invalid";
	case TRAIL_VERDICT_UNVERIFIABLE:
		return "unverifiable";
	case TRAIL_VERDICT_NONE:
		break;
	}
	return "none";
}

int verdict_exit(const struct trail_verify *v)
{
	switch (trail_verify_verdict(v)) {
	case TRAIL_VERDICT_VALID:
		return EXIT_OK;
	case TRAIL_VERDICT_INVALID:
		return EXIT_INVALID;
	case TRAIL_VERDICT_UNVERIFIABLE:
	case TRAIL_VERDICT_NONE:
		break;
	}
	return trail_verify_invalid(v) != 0 ? EXIT_INVALID : EXIT_OPEN;
}

static json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *json_index(bool has, uint64_t index)
{
	return has ? json_number(index) : json_null();
}

static json_t *json_findings(const struct trail_verify *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < trail_verify_findings(v); i++) {
		uint64_t index = 0;
		bool has = trail_verify_finding_index(v, i, &index);
		(void)json_array_append_new(list,
			json_pack("{s:s, s:o, s:o}", "code", trail_verify_finding_code(v, i),
				"index", json_index(has, index), "what",
				json_text(trail_verify_finding_what(v, i))));
	}
	return list;
}

static json_t *json_sealed(const struct trail_verify *v)
{
	uint64_t index;
	int64_t time_ns;
	char time[WHEN_MAX];
	if (!trail_verify_sealed(v, &index, &time_ns))
		return json_null();
	when_utc(time_ns, time);
	return json_pack("{s:o, s:s}", "index", json_number(index), "time", time);
}

static void tell_json(const struct verdict *verdict)
{
	const struct trail_verify *v = verdict->v;
	const uint8_t *root = trail_verify_root(v);
	uint64_t first = 0;
	bool exact;
	bool has_first = trail_verify_first_bad(v, &first, &exact);
	json_t *to = json_object();
	(void)json_object_set_new(to, "verdict", json_string(verdict_word(v)));
	(void)json_object_set_new(to, "size", json_number(trail_verify_size(v)));
	(void)json_object_set_new(to, "root", json_base64(root, TRAIL_HASH_LEN));
	(void)json_object_set_new(to, "identity", json_string(verdict->identity));
	(void)json_object_set_new(to, "first_bad", json_index(has_first, first));
	(void)json_object_set_new(to, "checked", json_number(trail_verify_checked(v)));
	(void)json_object_set_new(to, "findings", json_findings(v));
	(void)json_object_set_new(to, "uncovered", json_number(trail_verify_uncovered(v)));
	(void)json_object_set_new(to, "payloads", json_number(trail_verify_payloads(v)));
	(void)json_object_set_new(to, "erased", json_number(trail_verify_erased(v)));
	(void)json_object_set_new(to, "since", json_number(trail_verify_since(v)));
	(void)json_object_set_new(to, "invalid", json_number(trail_verify_invalid(v)));
	(void)json_object_set_new(to, "unverifiable", json_number(trail_verify_unverifiable(v)));
	(void)json_object_set_new(to, "seals", json_number(trail_verify_seals(v)));
	(void)json_object_set_new(to, "sealed_until", json_sealed(v));
	(void)json_object_set_new(to, "predecessor", predecessor_json(verdict->predecessor));
	if (verdict->add)
		verdict->add(to, v);
	print_json(to);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_valid(const struct trail_verify *v)
{
	unsigned long long payloads = trail_verify_payloads(v);
	printf("all fit, and give the root of the signed checkpoint");
	if (payloads != 0)
		printf("; %llu payload%s opened", payloads, plural(payloads));
	if (trail_verify_since(v) != 0)
		printf("; the %llu before them were verified earlier",
			(unsigned long long)trail_verify_since(v));
}

static void print_bad(const struct trail_verify *v)
{
	unsigned long long invalid = trail_verify_invalid(v);
	unsigned long long open = trail_verify_unverifiable(v);
	uint64_t first;
	bool exact;
	if (invalid != 0)
		printf("%llu finding%s against it", invalid, plural(invalid));
	if (open != 0)
		printf("%s%llu that cannot be judged", invalid != 0 ? ", " : "", open);
	if (trail_verify_first_bad(v, &first, &exact))
		printf("; the first bad record is %llu%s", (unsigned long long)first,
			exact ? "" : ", or a later one");
}

static void tell_findings(const struct trail_verify *v)
{
	size_t listed = trail_verify_findings(v);
	uint64_t all = trail_verify_invalid(v) + trail_verify_unverifiable(v);
	for (size_t i = 0; i < listed; i++) {
		uint64_t index;
		printf("%s  %s  ",
			trail_verify_finding_is_invalid(v, i) ? "invalid" : "unverifiable",
			trail_verify_finding_code(v, i));
		if (trail_verify_finding_index(v, i, &index))
			printf("index %llu  ", (unsigned long long)index);
		print_text(stdout, trail_verify_finding_what(v, i));
		(void)putchar('\n');
	}
	if (all > listed)
		printf("and %llu more\n", (unsigned long long)(all - listed));
}

static void tell_sealed(const struct trail_verify *v)
{
	unsigned long long seals = trail_verify_seals(v);
	uint64_t index;
	int64_t time_ns;
	char time[WHEN_MAX];
	if (!trail_verify_sealed(v, &index, &time_ns)) {
		printf("not sealed%s\n", seals == 0 ? " yet" : "");
		return;
	}
	when_utc(time_ns, time);
	printf("sealed until index %llu, time %s (%llu seal%s); what follows is not sealed yet\n",
		(unsigned long long)index, time, seals, plural(seals));
}

static void tell_text(const struct verdict *verdict)
{
	const struct trail_verify *v = verdict->v;
	unsigned long long checked = trail_verify_checked(v);
	printf("%s: ", verdict_word(v));
	print_text(stdout, verdict->origin && *verdict->origin ? verdict->origin : "the log");
	if (verdict->index)
		printf(": index: compared %llu record%s in %llu file%s: ", checked, plural(checked),
			(unsigned long long)trail_verify_number(v, TRAIL_PROOF_FILES),
			plural(trail_verify_number(v, TRAIL_PROOF_FILES)));
	else
		printf(": %llu record%s: ", checked, plural(checked));
	if (trail_verify_verdict(v) != TRAIL_VERDICT_VALID)
		print_bad(v);
	else if (verdict->index)
		printf("equal");
	else
		print_valid(v);
	printf("\nsize %llu  identity %s", (unsigned long long)trail_verify_size(v),
		verdict->identity);
	printf("%s%s\n", verdict->given ? "  " : "", verdict->given ? verdict->given : "");
	if (verdict->runs)
		tell_sealed(v);
	predecessor_print(stdout, verdict->predecessor);
	tell_findings(v);
}

int verdict_tell(const struct cli *cli, const struct verdict *verdict)
{
	if (cli->json)
		tell_json(verdict);
	else if (!verdict->quiet)
		tell_text(verdict);
	return verdict_exit(verdict->v);
}

int verdict_stopped(const struct cli *cli, const struct trail_verify *v)
{
	unsigned long long invalid = trail_verify_invalid(v);
	say("%s; %s%s", trail_error(cli->trail),
		invalid != 0 ? "there are findings against it: run it again to see them"
			     : "up to there nothing speaks against it",
		", and there is no verdict");
	return verdict_exit(v);
}
