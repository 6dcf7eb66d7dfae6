/* SPDX-License-Identifier: Apache-2.0 */
#include "completeness.h"

#include <string.h>

enum {
	GROUPED_MAX = 32
};

/* 48211 as 48,211. */
static const char *grouped(uint64_t number, char sign, char out[GROUPED_MAX])
{
	char digits[GROUPED_MAX];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
	char *at = out;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*at++ = sign;
		*at++ = digits[i];
	}
	*at = '\0';
	return out;
}

static void put_counted(FILE *to, const struct counted *of, uint64_t number)
{
	(void)fprintf(to, "%llu ", (unsigned long long)number);
	catalogue_put(to, catalogue_counted(of, number));
}

static void put_numbered(FILE *to, const char *words, uint64_t number)
{
	catalogue_put(to, words);
	(void)fprintf(to, " %llu", (unsigned long long)number);
}

static void put_method(FILE *to, const struct catalogue *c, const char *method)
{
	if (strcmp(method, "scan") == 0)
		catalogue_put(to, c->scan);
	else if (strcmp(method, "index") == 0)
		catalogue_put(to, c->index);
	else
		(void)fputs(method, to);
}

struct completeness completeness_of_rows(const struct trail_rows *r)
{
	return (struct completeness){
		.matched = trail_rows_matched(r),
		.gaps = trail_rows_gaps(r),
		.size = trail_rows_size(r),
		.witnessed = trail_rows_witnessed(r),
		.sources = trail_rows_sources(r),
		.current = trail_rows_current(r),
		.method = trail_rows_method(r),
	};
}

struct completeness completeness_of_report(const struct trail_report *r)
{
	return (struct completeness){
		.matched = trail_report_matched(r),
		.gaps = trail_report_gaps(r),
		.size = trail_report_size(r),
		.witnessed = trail_report_witnessed(r),
		.sources = trail_report_sources(r),
		.current = trail_report_current(r),
		.method = trail_report_method(r),
	};
}

bool completeness_whole(const struct completeness *r)
{
	return r->gaps == 0 && r->current >= r->sources;
}

void completeness_put(
	FILE *to, const struct catalogue *c, const struct completeness *r, const char *dot)
{
	put_counted(to, &c->events, r->matched);
	(void)fprintf(to, " %s %u ", dot, r->current);
	catalogue_put(to, c->out_of);
	(void)fputc(' ', to);
	put_counted(to, &c->sources, r->sources);
	(void)fputc(' ', to);
	catalogue_put(to, catalogue_counted(&c->current, r->sources));
	(void)fprintf(to, " %s ", dot);
	put_counted(to, &c->gaps, r->gaps);
	(void)fprintf(to, " %s ", dot);
	put_method(to, c, r->method);
	(void)fprintf(to, " %s ", dot);
	put_numbered(to, c->checkpoint, r->size);
	if (r->witnessed != 0) {
		(void)fprintf(to, " %s ", dot);
		put_numbered(to, c->witnessed, r->witnessed);
	}
	(void)fputc('\n', to);
	if (!completeness_whole(r)) {
		catalogue_put(to, c->not_all);
		(void)fputc('\n', to);
	}
}

void completeness_put_part(
	FILE *to, const struct catalogue *c, uint64_t shown, uint64_t all, const char *advice)
{
	char number[GROUPED_MAX];
	catalogue_put(to, c->showing);
	(void)fprintf(to, " %s ", grouped(shown, c->group, number));
	catalogue_put(to, c->out_of);
	(void)fprintf(to, " %s; ", grouped(all, c->group, number));
	catalogue_put(to, advice);
	(void)fputc('\n', to);
}

char *completeness_cell(
	const struct completeness *r, const char *unit, uint64_t shown, uint64_t all)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return NULL;
	(void)fprintf(to,
		"%llu of %llu %s, %u of %u sources current, %llu gaps, %s, checkpoint %llu",
		(unsigned long long)shown, (unsigned long long)all, unit, r->current, r->sources,
		(unsigned long long)r->gaps, r->method, (unsigned long long)r->size);
	if (r->witnessed != 0)
		(void)fprintf(to, ", witnessed %llu", (unsigned long long)r->witnessed);
	(void)fclose(to);
	return text;
}
