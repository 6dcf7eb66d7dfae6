/* SPDX-License-Identifier: Apache-2.0 */
#include "check_report.h"

#include "../proto/crypto.h"

#include <stdio.h>
#include <time.h>

enum {
	TIME_LEN = 40,
};

static const char *const NAMES[] = {
	[VERDICT_VALID] = "valid",
	[VERDICT_INVALID] = "invalid",
	[VERDICT_UNVERIFIABLE] = "unverifiable",
};

enum verdict report_verdict(const struct findings *found)
{
	if (found->invalid != 0)
		return VERDICT_INVALID;
	return found->unverifiable != 0 ? VERDICT_UNVERIFIABLE : VERDICT_VALID;
}

int report_exit(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_VALID:
		return 0;
	case VERDICT_INVALID:
		return 5;
	case VERDICT_UNVERIFIABLE:
		return 6;
	}
	return 5;
}

static uint64_t uncovered(const struct scan_result *r)
{
	return (r->size > r->covered ? r->size - r->covered : 0) + r->erased;
}

static const char *weight_name(uint32_t code)
{
	return NAMES[finding_weight(code) == WEIGHT_INVALID ? VERDICT_INVALID
							    : VERDICT_UNVERIFIABLE];
}

/* RFC 3339 in UTC, nine digits of fraction. "?": no calendar has it. */
static const char *time_text(uint64_t ns, char out[TIME_LEN])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char day[TIME_LEN];
	if (!gmtime_r(&seconds, &tm) || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return "?";
	(void)snprintf(out, TIME_LEN, "%.20s.%09uZ", day, (unsigned)(ns % 1000000000));
	return out;
}

/* ---- for people ---- */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void say_valid(const struct report *r, struct buf *out)
{
	const struct scan_result *s = &r->result;
	buf_printf(out, "all fit, and so do %llu signed head%s, the newest of size %llu",
		(unsigned long long)s->heads, plural(s->heads), (unsigned long long)s->covered);
	if (!s->tail_known)
		buf_printf(out,
			"; valid up to %llu: nothing here shows that the log did not go on "
			"(give a later checkpoint with --checkpoint)",
			(unsigned long long)s->size);
	else if (s->size > s->covered)
		buf_printf(out, "; %llu record%s behind it not signed yet",
			(unsigned long long)(s->size - s->covered), plural(s->size - s->covered));
}

static void say_bad(const struct report *r, struct buf *out)
{
	const struct findings *f = r->found;
	uint64_t first;
	bool exact;
	if (f->invalid != 0)
		buf_printf(out, "%llu finding%s against it", (unsigned long long)f->invalid,
			plural(f->invalid));
	if (f->unverifiable != 0)
		buf_printf(out, "%s%llu that this traild cannot judge", f->invalid ? ", " : "",
			(unsigned long long)f->unverifiable);
	if (findings_first_bad(f, &first, &exact))
		buf_printf(out, "; the first bad record is %llu%s", (unsigned long long)first,
			exact ? "" : ", or a later one");
}

static void say_root(const struct report *r, struct buf *out)
{
	if (r->result.broken || r->result.size == 0)
		return;
	buf_printf(out, "size %llu  root ", (unsigned long long)r->result.size);
	base64_put(out, span_of(r->result.root.b, HASH_LEN));
	buf_printf(out, "  identity %s\n", r->given ? "given" : "from the store");
}

/* The chain of logs: what was before, and whether anything may come after. */
static void say_succession(const struct scan_result *s, struct buf *out)
{
	const struct succession *before = &s->succession;
	if (before->named) {
		buf_printf(out, "succeeds %s", before->identity.vkey.name);
		if (before->has_note)
			buf_printf(out, " at size %llu", (unsigned long long)before->last.size);
		if (before->reason[0])
			buf_printf(out, ": %s", before->reason);
		buf_put_text(out, "\n");
	}
	if (s->closed != 0)
		buf_printf(out, "closed for good by record %llu\n", (unsigned long long)s->closed);
}

static void say_sealed(const struct scan_result *s, struct buf *out)
{
	char time[TIME_LEN];
	if (s->sealed)
		buf_printf(out,
			"sealed until index %llu, time %s (%llu seal%s); nothing is claimed "
			"after\n",
			(unsigned long long)s->sealed_index, time_text(s->sealed_ns, time),
			(unsigned long long)s->seals, plural(s->seals));
	else
		buf_printf(out, "not sealed%s\n", s->seals == 0 ? " yet" : "");
}

void report_text(const struct report *r, struct buf *out)
{
	enum verdict verdict = report_verdict(r->found);
	const struct scan_result *s = &r->result;
	buf_printf(out, "%s: %s: %llu record%s, %llu payload%s: ", NAMES[verdict], r->state,
		(unsigned long long)s->records, plural(s->records), (unsigned long long)s->payloads,
		plural(s->payloads));
	if (verdict == VERDICT_VALID)
		say_valid(r, out);
	else
		say_bad(r, out);
	buf_put_text(out, "\n");
	say_root(r, out);
	say_succession(s, out);
	say_sealed(s, out);
	for (uint32_t i = 0; i < r->found->listed; i++) {
		const struct finding *f = &r->found->list[i];
		buf_printf(out, "%s  %s  ", weight_name(f->code), finding_code(f->code));
		if (f->index != FINDING_NOWHERE)
			buf_printf(out, "index %llu  ", (unsigned long long)f->index);
		buf_printf(out, "%s\n", f->what);
	}
	uint64_t all = r->found->invalid + r->found->unverifiable;
	if (all > r->found->listed)
		buf_printf(out, "and %llu more\n", (unsigned long long)(all - r->found->listed));
}

/* ---- for programs ---- */

/* RFC 8259 section 7. Our own sentences are ASCII; event fields and origins are UTF-8. */
static void json_text(struct buf *out, const char *text)
{
	buf_put_u8(out, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_put_u8(out, '\\');
		if ((uint8_t)*p < 0x20)
			buf_printf(out, "\\u%04x", (unsigned)(uint8_t)*p);
		else
			buf_put_u8(out, (uint8_t)*p);
	}
	buf_put_u8(out, '"');
}

static void json_index(struct buf *out, bool has, uint64_t index)
{
	if (has)
		buf_printf(out, "%llu", (unsigned long long)index);
	else
		buf_put_text(out, "null");
}

static void json_findings(const struct findings *found, struct buf *out)
{
	buf_put_text(out, "[");
	for (uint32_t i = 0; i < found->listed; i++) {
		const struct finding *f = &found->list[i];
		buf_printf(out, "%s{\"code\":\"%s\",\"index\":", i == 0 ? "" : ",",
			finding_code(f->code));
		json_index(out, f->index != FINDING_NOWHERE, f->index);
		buf_put_text(out, ",\"what\":");
		json_text(out, f->what);
		buf_put_text(out, "}");
	}
	buf_put_text(out, "]");
}

static void json_succession(const struct succession *s, struct buf *out)
{
	struct buf identity = { 0 };
	if (!s->named) {
		buf_put_text(out, "null");
		return;
	}
	identity_put(&identity, &s->identity);
	buf_put_u8(&identity, '\0');
	buf_put_text(out, "{\"origin\":");
	json_text(out, s->identity.vkey.name);
	buf_put_text(out, ",\"identity\":");
	json_text(out, identity.failed ? "" : (const char *)identity.data);
	buf_put_text(out, ",\"size\":");
	json_index(out, s->has_note, s->last.size);
	buf_put_text(out, ",\"root\":");
	if (s->has_note) {
		buf_put_text(out, "\"");
		base64_put(out, span_of(s->last.root.b, HASH_LEN));
		buf_put_text(out, "\"");
	} else {
		buf_put_text(out, "null");
	}
	buf_put_text(out, ",\"reason\":");
	json_text(out, s->reason);
	buf_put_text(out, "}");
	out->failed |= identity.failed;
	buf_release(&identity);
}

static void json_sealed(const struct scan_result *s, struct buf *out)
{
	char time[TIME_LEN];
	buf_printf(out, ",\"seals\":%llu,\"sealed_until\":", (unsigned long long)s->seals);
	if (s->sealed)
		buf_printf(out, "{\"index\":%llu,\"time\":\"%s\"}",
			(unsigned long long)s->sealed_index, time_text(s->sealed_ns, time));
	else
		buf_put_text(out, "null");
}

void report_json(const struct report *r, struct buf *out)
{
	const struct scan_result *s = &r->result;
	uint64_t first = 0;
	bool exact;
	bool has_first = findings_first_bad(r->found, &first, &exact);
	buf_printf(out,
		"{\"verdict\":\"%s\",\"size\":%llu,\"root\":", NAMES[report_verdict(r->found)],
		(unsigned long long)s->size);
	if (s->broken || s->size == 0) {
		buf_put_text(out, "null");
	} else {
		buf_put_text(out, "\"");
		base64_put(out, span_of(s->root.b, HASH_LEN));
		buf_put_text(out, "\"");
	}
	buf_printf(out, ",\"identity\":\"%s\",\"first_bad\":", r->given ? "given" : "store");
	json_index(out, has_first, first);
	buf_printf(out, ",\"checked\":%llu,\"findings\":", (unsigned long long)s->records);
	json_findings(r->found, out);
	buf_printf(out,
		",\"uncovered\":%llu,\"payloads\":%llu,\"heads\":%llu,\"covered\":%llu,"
		"\"erased\":%llu,\"tail\":\"%s\",\"invalid\":%llu,\"unverifiable\":%llu",
		(unsigned long long)uncovered(s), (unsigned long long)s->payloads,
		(unsigned long long)s->heads, (unsigned long long)s->covered,
		(unsigned long long)s->erased, s->tail_known ? "compared" : "unknown",
		(unsigned long long)r->found->invalid, (unsigned long long)r->found->unverifiable);
	json_sealed(s, out);
	buf_put_text(out, ",\"predecessor\":");
	json_succession(&s->succession, out);
	buf_put_text(out, ",\"closed\":");
	json_index(out, s->closed != 0, s->closed);
	buf_put_text(out, "}\n");
}
