/* SPDX-License-Identifier: Apache-2.0 */
#include "prom.h"

#include "glyph.h"
#include "status_fields.h"

#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

/*
 * A label's value, in ASCII in every locale, since a label is an identity: all else is spelt as
 * glyph.h says, so that no newline is left. Then backslash and quote are escaped as the format
 * asks.
 */
static void put_value(FILE *to, const char *text)
{
	struct glyphs g;
	struct glyph glyph;
	glyphs_init(&g, text, strlen(text));
	g.utf8 = false;
	while (glyphs_next(&g, &glyph)) {
		for (size_t i = 0; i < glyph.len; i++) {
			if (glyph.text[i] == '\\' || glyph.text[i] == '"')
				(void)fputc('\\', to);
			(void)fputc(glyph.text[i], to);
		}
	}
}

static void put_head(FILE *to, const char *name, const char *type, const char *help)
{
	(void)fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name suffix{log="...",label="value"} ; without `label` the log alone. */
static void put_name(FILE *to, const char *name, const char *suffix, const char *origin,
	const char *label, const char *value)
{
	(void)fprintf(to, "%s%s{log=\"", name, suffix);
	put_value(to, origin);
	(void)fputc('"', to);
	if (label) {
		(void)fprintf(to, ",%s=\"", label);
		put_value(to, value);
		(void)fputc('"', to);
	}
	(void)fputs("} ", to);
}

static void put_seconds(FILE *to, uint64_t ns)
{
	(void)fprintf(to, "%llu.%09llu\n", (unsigned long long)(ns / SECOND_NS),
		(unsigned long long)(ns % SECOND_NS));
}

static void put_count(FILE *to, uint64_t n)
{
	(void)fprintf(to, "%llu\n", (unsigned long long)n);
}

static void put_field(
	FILE *to, const char *origin, const struct trail_status *s, const struct status_field *f)
{
	static const char grows[] = "_total";
	size_t len = f->prom ? strlen(f->prom) : 0;
	size_t tail = sizeof grows - 1;
	bool counter = len > tail && strcmp(f->prom + len - tail, grows) == 0;
	uint64_t value = trail_status_get(s, f->number);
	if (!f->prom || !trail_status_known(s, f->number))
		return;
	put_head(to, f->prom, counter ? "counter" : "gauge", f->help);
	put_name(to, f->prom, "", origin, NULL, NULL);
	if (f->unit == UNIT_SECONDS || f->unit == UNIT_TIME)
		put_seconds(to, value);
	else
		put_count(to, value);
}

static void put_refusals(FILE *to, const char *origin, const struct trail_status *s)
{
	static const char name[] = "trail_refused_requests_total";
	if (!trail_status_known(s, STATUS_REFUSAL[0].number))
		return;
	put_head(to, name, "counter", "Requests answered with an error, by its code.");
	for (size_t i = 0; i < STATUS_REFUSALS; i++) {
		put_name(to, name, "", origin, "code", STATUS_REFUSAL[i].code);
		put_count(to, trail_status_get(s, STATUS_REFUSAL[i].number));
	}
}

static void put_histogram(FILE *to, const char *origin, const struct trail_status *s,
	const struct status_histogram *h)
{
	uint64_t total = 0;
	size_t count = trail_status_buckets(s, h->times);
	if (count == 0)
		return;
	put_head(to, h->prom, "histogram", h->help);
	for (size_t i = 0; i < count; i++) {
		char bound[32] = "+Inf";
		uint64_t upto;
		total += trail_status_bucket(s, h->times, i, &upto);
		if (upto != UINT64_MAX)
			(void)snprintf(
				bound, sizeof bound, "%.9g", (double)upto / (double)SECOND_NS);
		put_name(to, h->prom, "_bucket", origin, "le", bound);
		put_count(to, total);
	}
	put_name(to, h->prom, "_sum", origin, NULL, NULL);
	put_seconds(to, trail_status_sum(s, h->times));
	put_name(to, h->prom, "_count", origin, NULL, NULL);
	put_count(to, total);
}

static void put_attention(FILE *to, const char *origin, const struct trail_status *s)
{
	static const char name[] = "trail_attention";
	struct trouble all[HEALTH_KINDS];
	(void)health_look(s, all);
	put_head(to, name, "gauge", "1: this needs somebody's attention.");
	for (size_t i = 0; i < HEALTH_KINDS; i++) {
		put_name(to, name, "", origin, "what", all[i].what);
		put_count(to, all[i].now);
	}
}

void print_prom(FILE *to, const char *origin, const struct trail_status *s)
{
	put_head(to, "trail_build_info", "gauge", "The daemon's version; always 1.");
	put_name(to, "trail_build_info", "", origin, "version", trail_status_version(s));
	put_count(to, 1);
	put_attention(to, origin, s);
	for (size_t i = 0; i < STATUS_FIELDS; i++)
		put_field(to, origin, s, &STATUS_FIELD[i]);
	put_refusals(to, origin, s);
	for (size_t i = 0; i < TRAIL_TIMES_COUNT; i++)
		put_histogram(to, origin, s, &STATUS_HISTOGRAM[i]);
}
