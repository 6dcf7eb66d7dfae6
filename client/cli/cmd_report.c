/* SPDX-License-Identifier: Apache-2.0 */
#include "asking.h"
#include "chart.h"
#include "completeness.h"
#include "csv.h"
#include "output.h"
#include "task.h"
#include "typed.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char HELP_REPORT[] =
	"usage: trail report WHAT [TERM...] [-S SINCE] [-U UNTIL] [--by LENGTH] [-n N]\n"
	"                   [--scan] [-o FORM]\n"
	"\n"
	"Count the events that match all terms, by what they have in one field. WHAT is\n"
	"actors, objects, subjects, actions, outcomes, sources, peers, units, types, verbs,\n"
	"classes, purposes, correlations, media or hosts; or time, for a timeline. Terms are\n"
	"those of `trail search`.\n"
	"\n"
	"  -S, --since WHEN   events that happened then or later\n"
	"  -U, --until WHEN   events that happened before\n"
	"      --by LENGTH    of time: minute, hour or day (the default), in the local zone\n"
	"                     or with --utc in UTC; those without events are shown, too\n"
	"  -n, --limit N      the N with the most events; 0: all (the default, but on a\n"
	"                     terminal 20)\n"
	"      --scan         read the log itself instead of its index\n"
	"  -o FORM            text (the default, on a terminal with bars), json or csv\n"
	"\n"
	"The question is on record as a search is. The counts are what the daemon says: they\n"
	"carry no proof. Who must prove a number takes the rows, by `trail search`.\n"
	"Exit codes: 0 found, 1 nothing, 6 found but something that sources numbered is missing.\n"
	"\n"
	"Examples:\n"
	"  trail report actors subject:p-93 -S -30d\n"
	"  trail report units action:read -purpose:*\n"
	"  trail report time actor:anna --by hour -S today\n"
	"  trail report outcomes -o csv > outcomes.csv\n";

enum {
	TOP_ON_TERMINAL = 20,
	LINES_MAX = 100000, /* of a timeline: nobody reads more */
	LABEL_MAX = 64,
	GROUP_COUNT = 16,
};

static const int64_t SECOND = 1000000000;

/* What is counted by: as people say it, and the name of its column. */
static const struct group {
	const char *name, *field;
	enum trail_group by;
} GROUPS[GROUP_COUNT] = {
	{ "actors", "actor", TRAIL_BY_ACTOR },
	{ "objects", "object", TRAIL_BY_OBJECT },
	{ "subjects", "subject", TRAIL_BY_SUBJECT },
	{ "actions", "action", TRAIL_BY_ACTION },
	{ "outcomes", "outcome", TRAIL_BY_OUTCOME },
	{ "sources", "source", TRAIL_BY_SOURCE },
	{ "peers", "peer", TRAIL_BY_PEER },
	{ "units", "unit", TRAIL_BY_UNIT },
	{ "types", "type", TRAIL_BY_TYPE },
	{ "verbs", "verb", TRAIL_BY_VERB },
	{ "classes", "class", TRAIL_BY_CLASS },
	{ "purposes", "purpose", TRAIL_BY_PURPOSE },
	{ "correlations", "correlation", TRAIL_BY_CORRELATION },
	{ "media", "medium", TRAIL_BY_MEDIUM },
	{ "hosts", "host", TRAIL_BY_HOST },
	{ "time", "time", TRAIL_BY_TIME },
};

/* ---- what is asked ---- */

struct reporting {
	struct cli *cli;
	struct asking asking;
	const struct group *group;
	const char *by; /* as given; NULL: not given */
	int64_t step_s; /* of a timeline: a minute, an hour, a day */
	struct task task;
	struct trail_report *report;
};

static const struct group *find_group(const char *name)
{
	const char *names[GROUP_COUNT + 1] = { 0 };
	for (unsigned i = 0; i < GROUP_COUNT; i++) {
		if (strcmp(GROUPS[i].name, name) == 0 || strcmp(GROUPS[i].field, name) == 0)
			return &GROUPS[i];
		names[i] = GROUPS[i].name;
	}
	const char *near = trail_suggest(name, names);
	if (near)
		say("there is no report %s; did you mean %s?", name, near);
	else
		say("there is no report %s; `trail report --help` lists them", name);
	return NULL;
}

static bool read_step(struct reporting *r)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} STEPS[] = { { "minute", 60 }, { "hour", 3600 }, { "day", 86400 } };
	bool time = r->group->by == TRAIL_BY_TIME;
	const char *by = r->by ? r->by : "day";
	for (unsigned i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++)
		if (strcmp(STEPS[i].name, by) == 0)
			r->step_s = STEPS[i].seconds;
	if (r->by && !time)
		say("--by is for `trail report time`");
	else if (r->step_s == 0)
		say("--by %s is not possible; minute, hour or day is", by);
	else if (time && r->asking.limit)
		say("-n goes not with a report by time: none of its lines can be left out; use "
		    "-S and -U");
	else
		return true;
	return false;
}

enum {
	QUARTER_S = 900,
	HOUR_S = 3600,
	SEASON_S = 91 * 86400, /* how often an offset may change */
};

/* Whether the zone was always whole hours away from UTC, since there are such clocks. */
static bool zone_of_hours(bool utc)
{
	struct tm tm;
	bool whole = true;
	time_t now = time(NULL);
	for (time_t at = 0; !utc && whole && at <= now + SEASON_S; at += SEASON_S) {
		(void)localtime_r(&at, &tm);
		whole = tm.tm_gmtoff % HOUR_S == 0;
	}
	return whole;
}

/*
 * What the daemon counts in. Days begin with the local midnight, and hours of some zones half past
 * one of UTC: they are put together here, of parts that any zone begins with.
 */
static uint64_t bucket_of(const struct reporting *r)
{
	int64_t seconds = r->step_s;
	if (r->group->by != TRAIL_BY_TIME)
		return 0;
	if (seconds >= QUARTER_S)
		seconds = zone_of_hours(r->cli->utc) ? HOUR_S : QUARTER_S;
	return (uint64_t)(seconds * SECOND);
}

static enum trail_err ask(struct reporting *r)
{
	struct trail_query *q;
	enum trail_err err = asking_query(&r->asking, false, false, 0, &q);
	if (err == TRAIL_OK)
		err = trail_query_set_progress(q, task_step, &r->task);
	if (err == TRAIL_OK)
		err = trail_report(r->cli->trail, q, r->group->by, bucket_of(r), &r->report);
	trail_query_free(q);
	return err;
}

/* ---- a timeline ---- */

/* When the step of the reader's clock begins that holds the time; the next begins behind it. */
static int64_t step_begin(const struct reporting *r, int64_t ns)
{
	int64_t seconds = ns / SECOND - (ns % SECOND < 0);
	struct tm tm;
	time_t at = (time_t)seconds;
	if (r->cli->utc)
		(void)gmtime_r(&at, &tm);
	else
		(void)localtime_r(&at, &tm);
	int64_t past = tm.tm_sec;
	if (r->step_s >= 3600)
		past += (int64_t)tm.tm_min * 60;
	if (r->step_s < 86400)
		return (seconds - past) * SECOND;
	char text[WHEN_MAX];
	int64_t day = 0;
	(void)snprintf(text, sizeof text, "%04d-%02d-%02d%s", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, r->cli->utc ? "T00:00:00Z" : "");
	return when_say(text, &day) ? day : (seconds - past) * SECOND;
}

/* A day has 23 to 25 hours. */
static int64_t step_next(const struct reporting *r, int64_t begin)
{
	if (r->step_s < 86400)
		return begin + r->step_s * SECOND;
	int64_t next = step_begin(r, begin + INT64_C(26) * 3600 * SECOND);
	return next > begin ? next : begin + r->step_s * SECOND;
}

struct line {
	int64_t begin;
	uint64_t events;
};

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* The buckets that have events, in the order of time, put together to steps; *count of them. */
static struct line *gather(const struct reporting *r, size_t *count)
{
	size_t buckets = trail_report_count(r->report);
	struct line *lines = calloc(buckets + 1, sizeof *lines);
	*count = 0;
	if (!lines)
		return NULL;
	for (size_t i = 0; i < buckets; i++)
		lines[i] = (struct line){ step_begin(r, trail_report_time(r->report, i)),
			trail_report_events(r->report, i) };
	qsort(lines, buckets, sizeof *lines, by_time);
	for (size_t i = 0; i < buckets; i++) {
		if (*count != 0 && lines[*count - 1].begin == lines[i].begin)
			lines[*count - 1].events += lines[i].events;
		else
			lines[(*count)++] = lines[i];
	}
	return lines;
}

/* From --since, or the first event; to --until, or the last. */
static void span_of_lines(const struct reporting *r, const struct line *lines, size_t count,
	int64_t *first, int64_t *last)
{
	const struct asking *a = &r->asking;
	*first = a->since ? step_begin(r, a->since_ns) : count ? lines[0].begin : 0;
	*last = a->until ? step_begin(r, a->until_ns - 1)
			 : (count ? lines[count - 1].begin : *first - 1);
	if (count != 0 && lines[0].begin < *first)
		*first = lines[0].begin;
	if (count != 0 && lines[count - 1].begin > *last)
		*last = lines[count - 1].begin;
}

/* Calls `put` for every step, those without events too. False: there are too many. */
static bool walk(const struct reporting *r, const struct line *lines, size_t count,
	void (*put)(void *ctx, int64_t begin, uint64_t events), void *ctx)
{
	int64_t first, last;
	size_t at = 0, steps = 0;
	span_of_lines(r, lines, count, &first, &last);
	for (int64_t begin = first; begin <= last; begin = step_next(r, begin)) {
		uint64_t events = 0;
		if (++steps > LINES_MAX)
			return false;
		/* A clock that is set back may begin a step that another holds. */
		for (; at < count && lines[at].begin < step_next(r, begin); at++)
			events += lines[at].events;
		if (put)
			put(ctx, begin, events);
	}
	return true;
}

/* ---- forms ---- */

/* One line at a time, whatever the report is by. */
struct putter {
	const struct reporting *r;
	struct chart chart;
	FILE *to;
	uint64_t lines;
};

static void when_label(const struct reporting *r, int64_t ns, char label[LABEL_MAX])
{
	char when[WHEN_MAX];
	when_read(ns, r->cli->utc, when);
	/* A day needs no time, and an hour no seconds: "2026-03-02 08:00 +01:00". */
	if (r->step_s == 86400)
		(void)snprintf(label, LABEL_MAX, "%.10s", when);
	else
		(void)snprintf(
			label, LABEL_MAX, "%.16s%s", when, when + strlen("2026-03-02 08:00:00"));
}

/* What has no key is told from what has the same letters. */
static bool is_quoted(const char *key)
{
	return key[0] == '(' || key[0] == '"';
}

static void key_label(const struct reporting *r, const char *key, char *label, size_t room)
{
	const char *none = r->cli->words->none;
	const char *quote = is_quoted(key) ? "\"" : "";
	(void)snprintf(label, room, "%s%s%s", quote, key[0] ? key : none, quote);
}

static void put_json(const struct putter *p, json_t *key, uint64_t events)
{
	json_t *to = json_object();
	(void)json_object_set_new(to, p->r->group->field, key);
	(void)json_object_set_new(to, "count", json_integer((json_int_t)events));
	print_json_to(p->to, to);
}

static void put_csv(const struct putter *p, const char *key, uint64_t events)
{
	(void)fputs(p->lines ? "\r\n" : "", p->to);
	csv_put(p->to, key);
	(void)fprintf(p->to, ",%llu,", (unsigned long long)events);
}

static bool is_form(const struct putter *p, const char *form)
{
	return strcmp(p->r->cli->output, form) == 0;
}

static void put_key(struct putter *p, const char *key, uint64_t events)
{
	enum {
		KEY_MAX = 4096 + 16
	};
	char label[KEY_MAX];
	key_label(p->r, key, label, sizeof label);
	if (is_form(p, "json"))
		put_json(p, json_text(key), events);
	else if (is_form(p, "csv"))
		put_csv(p, key, events);
	else
		chart_line(&p->chart, label, events);
	p->lines++;
}

static void put_step(void *ctx, int64_t begin, uint64_t events)
{
	struct putter *p = ctx;
	char utc[WHEN_MAX], label[LABEL_MAX];
	when_utc(begin, utc);
	when_label(p->r, begin, label);
	if (is_form(p, "json"))
		put_json(p, json_string(utc), events);
	else if (is_form(p, "csv"))
		put_csv(p, utc, events);
	else
		chart_line(&p->chart, label, events);
	p->lines++;
}

/* The header of a CSV names the question, and its last line says how complete the answer is. */
static void csv_begin(struct putter *p)
{
	char *text = NULL;
	size_t len = 0;
	const struct reporting *r = p->r;
	struct asking asked = r->asking;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return;
	/* Its lines are no rows. */
	asked.rows_max = UINT64_MAX;
	(void)fprintf(to, "trail report %s", r->group->name);
	asking_put(to, &asked);
	(void)fprintf(to, ", log %s, question in record %llu", trail_origin(r->cli->trail),
		(unsigned long long)trail_report_read(r->report));
	(void)fclose(to);
	(void)fprintf(p->to, "%s,count,", r->group->field);
	csv_put(p->to, text);
	(void)fputs("\r\n", p->to);
	free(text);
}

static void csv_end(const struct putter *p, uint64_t all)
{
	const struct completeness c = completeness_of_report(p->r->report);
	char *cell = completeness_cell(&c, "lines", p->lines, all);
	if (p->lines == 0) {
		free(cell);
		return;
	}
	csv_put(p->to, cell);
	(void)fputs("\r\n", p->to);
	free(cell);
}

/* ---- the whole ---- */

static int show_timeline(struct putter *p)
{
	const struct reporting *r = p->r;
	size_t count;
	uint64_t most = 0;
	char label[LABEL_MAX];
	struct line *lines = gather(r, &count);
	if (!lines) {
		say("memory is out");
		return EXIT_IO;
	}
	for (size_t i = 0; i < count; i++)
		most = lines[i].events > most ? lines[i].events : most;
	when_label(r, 0, label);
	chart_begin(&p->chart, p->to, &r->cli->screen, most, strlen(label));
	bool good = walk(r, lines, count, NULL, NULL);
	if (good)
		good = walk(r, lines, count, put_step, p);
	else
		say("the timeline would have more than %d lines; take a longer --by, or -S and -U",
			LINES_MAX);
	free(lines);
	return good ? EXIT_OK : EXIT_USAGE;
}

/* The most columns that a label of the first `count` keys has. */
static size_t widest(const struct reporting *r, size_t count)
{
	size_t most = chart_columns(r->cli->words->none);
	for (size_t i = 0; i < count; i++) {
		const char *key = trail_report_key(r->report, i);
		size_t columns = chart_columns(key) + (is_quoted(key) ? 2 : 0);
		most = columns > most ? columns : most;
	}
	return most;
}

static void show_keys(struct putter *p)
{
	const struct reporting *r = p->r;
	size_t all = trail_report_count(r->report);
	size_t count = r->asking.rows_max < all ? (size_t)r->asking.rows_max : all;
	chart_begin(&p->chart, p->to, &r->cli->screen, all ? trail_report_events(r->report, 0) : 0,
		widest(r, count));
	for (size_t i = 0; i < count; i++)
		put_key(p, trail_report_key(r->report, i), trail_report_events(r->report, i));
}

static int show(const struct reporting *r)
{
	struct putter p = { .r = r, .to = stdout };
	const struct catalogue *words = r->cli->words;
	const struct completeness c = completeness_of_report(r->report);
	bool time = r->group->by == TRAIL_BY_TIME;
	int code = EXIT_OK;
	cli_page(r->cli);
	if (is_form(&p, "csv"))
		csv_begin(&p);
	if (time)
		code = show_timeline(&p);
	else
		show_keys(&p);
	uint64_t all = time ? p.lines : trail_report_count(r->report);
	if (is_form(&p, "csv"))
		csv_end(&p, all);
	(void)fflush(stdout);
	if (code != EXIT_OK)
		return code;
	if (p.lines < all)
		completeness_put_part(stderr, words, p.lines, all, words->shows_all);
	completeness_put(stderr, words, &c, screen_utf8() ? "\xc2\xb7" : "-");
	if (!completeness_whole(&c))
		return EXIT_OPEN;
	return c.matched == 0 ? EXIT_NOTHING : EXIT_OK;
}

static int read_options(struct reporting *r)
{
	struct asking *a = &r->asking;
	/* What comes is all read before it is shown, so that a pager is no reason for fewer. */
	int code = asking_read(r->cli, a);
	if (code == EXIT_OK && !a->limit && a->rows_max != UINT64_MAX)
		a->rows_max = TOP_ON_TERMINAL;
	return code == EXIT_OK && !read_step(r) ? EXIT_USAGE : code;
}

static int report(struct reporting *r)
{
	struct cli *cli = r->cli;
	enum trail_err err = TRAIL_OK;
	int code = read_options(r);
	if (code == EXIT_OK)
		code = cli_prepare(cli);
	if (code != EXIT_OK)
		return code;
	/* What cannot be asked is said before a daemon is needed: only the handle is not open yet.
	 */
	err = ask(r);
	if (err != TRAIL_MISUSE)
		return trail_error_code(cli->trail) == TRAIL_OK ? exit_of(err)
								: asking_refuse(cli, &r->asking);
	code = cli_connect(cli);
	if (code != EXIT_OK)
		return code;
	task_begin(&r->task, "records", false);
	err = ask(r);
	task_end(&r->task);
	if (err == TRAIL_MORE) {
		say("interrupted: there is no report");
		return EXIT_OPEN;
	}
	return err == TRAIL_OK ? show(r) : cli_fail(cli);
}

int cmd_report(struct cli *cli, int argc, char **argv)
{
	static const char *const FORMS[] = { "text", "json", "csv", NULL };
	struct reporting r = { .cli = cli };
	struct typed typed;
	const struct choice choices[] = {
		{ .name = "since", .letter = 'S', .text = &r.asking.since, .value = VALUE_WHEN },
		{ .name = "until", .letter = 'U', .text = &r.asking.until, .value = VALUE_WHEN },
		{ .name = "by", .text = &r.by, .value = VALUE_STEP },
		{ .name = "limit", .letter = 'n', .text = &r.asking.limit },
		{ .name = "scan", .flag = &r.asking.scan },
		{ .name = NULL },
	};
	bool done;
	cli->forms = FORMS;
	int code = typed_read(&typed, cli, argc, argv, choices, &done);
	if (code == EXIT_OK && !done && typed.argc == 0) {
		say("report takes what to count by, for example: trail report actors subject:p-93");
		code = EXIT_USAGE;
	}
	if (code == EXIT_OK && !done) {
		r.group = find_group(typed.argv[0]);
		char *text = r.group ? typed_join(&typed, 1) : NULL;
		r.asking.terms = text;
		code = text ? report(&r) : r.group ? EXIT_IO : EXIT_USAGE;
		free(text);
		trail_report_free(r.report);
	}
	typed_end(&typed);
	return code;
}
