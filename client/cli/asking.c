/* SPDX-License-Identifier: Apache-2.0 */
#include "asking.h"

#include "caret.h"
#include "entry_words.h"
#include "output.h"
#include "render.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ROWS_ON_TERMINAL = 1000, /* where nobody says how many */
	ROWS_BEFORE_FOLLOW = 10,
};

void asking_choices(
	struct asking *asking, bool pivots, struct choice to[ASKING_CHOICES + ASKING_PIVOTS])
{
	const struct choice choices[ASKING_CHOICES + ASKING_PIVOTS] = {
		{ .name = "since", .letter = 'S', .text = &asking->since, .value = VALUE_WHEN },
		{ .name = "until", .letter = 'U', .text = &asking->until, .value = VALUE_WHEN },
		{ .name = "limit", .letter = 'n', .text = &asking->limit },
		{ .name = "reverse", .letter = 'r', .flag = &asking->newest_first },
		{ .name = "follow", .letter = 'f', .flag = &asking->follow },
		{ .name = "fields", .text = &asking->fields, .value = VALUE_FIELDS },
		{ .name = "after", .text = &asking->after },
		{ .name = "cursor-file", .text = &asking->cursor, .value = VALUE_FILE },
		{ .name = "scan", .flag = &asking->scan },
		{ .name = "explain", .flag = &asking->explain },
		{ .name = "evidence", .text = &asking->evidence, .value = VALUE_FILE },
		{ .name = pivots ? "around" : NULL, .text = &asking->around },
		{ .name = "same", .text = &asking->same, .value = VALUE_PIVOT },
		{ .name = NULL },
	};
	memcpy(to, choices, sizeof choices);
}

/* ---- the options ---- */

static bool read_when(const char *option, const char *text, int64_t *ns)
{
	*ns = 0;
	if (!text || when_say(text, ns))
		return true;
	say("%s %s is not a time; write 2026-03-01, 2026-03-01T12:00:00+01:00, today, yesterday, "
	    "-2h or -30d",
		option, text);
	return false;
}

static bool read_bounds(struct asking *a)
{
	if (!read_when("--since", a->since, &a->since_ns) ||
		!read_when("--until", a->until, &a->until_ns))
		return false;
	if (a->since && a->until && a->since_ns >= a->until_ns) {
		say("nothing can lie between --since %s and --until %s", a->since, a->until);
		return false;
	}
	if (a->around && (a->since || a->until)) {
		say("--around sets the bounds in time: it goes not with -S or -U");
		return false;
	}
	if (a->around && !when_length(a->around, &a->around_ns)) {
		say("--around %s is not a length of time; write 90s, 5m, 2h or 1d", a->around);
		return false;
	}
	return true;
}

/* What does not go together. */
static bool judge_order(const struct asking *a)
{
	if (a->follow && a->newest_first)
		say("-f and -r do not go together: what comes is shown as it comes");
	else if (a->evidence && (a->follow || a->newest_first || a->onwards))
		say("--evidence does not go with -f, -r, --after or --cursor-file: it is for an "
		    "answer that has an end, in the order of the log, from its beginning");
	else if (a->onwards && a->newest_first)
		say("%s and -r do not go together: it goes on in the order of the log",
			a->cursor ? "--cursor-file" : "--after");
	else if (a->cursor && a->after)
		say("--cursor-file and --after do not go together: both say where to go on");
	else if (a->onwards && a->follow && a->limit)
		say("-n says how many of the last rows -f begins with: it goes not with %s",
			a->cursor ? "--cursor-file" : "--after");
	else
		return true;
	return false;
}

static bool read_limit(const struct cli *cli, struct asking *a)
{
	uint64_t limit = 0;
	if (a->limit && !number_read(a->limit, &limit)) {
		say("-n %s is not a number of rows; 0 is all", a->limit);
		return false;
	}
	if (!a->limit && a->follow && !a->onwards)
		limit = ROWS_BEFORE_FOLLOW;
	else if (!a->limit && !a->follow && !a->evidence && cli->screen.terminal)
		limit = ROWS_ON_TERMINAL;
	a->rows_max = limit != 0 ? limit : UINT64_MAX;
	return true;
}

static bool read_after(struct asking *a)
{
	uint64_t after;
	if (!a->after)
		return true;
	if (!number_read(a->after, &after) || after == UINT64_MAX) {
		say("--after %s is not the INDEX of a record", a->after);
		return false;
	}
	a->from = after + 1;
	return true;
}

static bool read_fields(const struct cli *cli, struct asking *a)
{
	if (!a->fields)
		return true;
	if (!render_picks(cli->output)) {
		say("--fields goes with -o table, csv or json, not with %s", cli->output);
		return false;
	}
	return pick_read(a->fields, &a->pick);
}

/* What --same may name, and where an event has it. */
static const struct {
	const char *name;
	enum trail_field field;
} SAME[] = {
	{ "actor", TRAIL_ACTOR_ID },
	{ "object", TRAIL_OBJECT_ID },
	{ "subject", TRAIL_SUBJECT },
	{ "correlation", TRAIL_CORRELATION },
};

enum {
	SAME_COUNT = sizeof SAME / sizeof SAME[0]
};

/* SAME_COUNT: there is none of that name. */
static unsigned find_same(const char *name)
{
	unsigned i = 0;
	while (i < SAME_COUNT && strcmp(SAME[i].name, name) != 0)
		i++;
	return i;
}

static bool read_same(const struct asking *a)
{
	const char *names[SAME_COUNT + 1] = { 0 };
	if (!a->same || find_same(a->same) < SAME_COUNT)
		return true;
	for (unsigned i = 0; i < SAME_COUNT; i++)
		names[i] = SAME[i].name;
	const char *near = trail_suggest(a->same, names);
	if (near)
		say("--same %s is not possible; did you mean %s?", a->same, near);
	else
		say("--same %s is not possible; actor, object, subject or correlation is", a->same);
	return false;
}

int asking_read(const struct cli *cli, struct asking *a)
{
	a->onwards = a->after || a->cursor;
	bool good = read_bounds(a) && judge_order(a) && read_limit(cli, a) && read_after(a) &&
		read_fields(cli, a) && read_same(a);
	return good ? EXIT_OK : EXIT_USAGE;
}

/* ---- pivots ---- */

/* The terms and one more: field:"value". A quote or a backslash has one more before it. */
static char *add_term(const char *terms, const char *field, const char *value)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return NULL;
	(void)fprintf(to, "%s%s%s:\"", terms, terms[0] ? " " : "", field);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			(void)fputc('\\', to);
		(void)fputc(*value, to);
	}
	(void)fputc('"', to);
	(void)fclose(to);
	return text;
}

static int ask_same(struct asking *a, const struct trail_entry *n)
{
	unsigned i = find_same(a->same);
	const struct trail_event *e = trail_entry_event(n);
	const char *value = e ? trail_event_get(e, SAME[i].field) : NULL;
	if (!value) {
		say("record %llu has no %s to ask for", (unsigned long long)a->pivot, a->same);
		return EXIT_NOTHING;
	}
	a->asked = add_term(a->terms, SAME[i].name, value);
	if (!a->asked) {
		say("memory is out");
		return EXIT_IO;
	}
	a->terms = a->asked;
	return EXIT_OK;
}

/* The bound before which is asked lies behind the last moment that counts. 0 would be no bound. */
static void ask_around(struct asking *a, const struct trail_entry *n)
{
	int64_t t = entry_time(n);
	if (__builtin_sub_overflow(t, a->around_ns, &a->since_ns))
		a->since_ns = INT64_MIN;
	if (__builtin_add_overflow(t, a->around_ns, &a->until_ns))
		a->until_ns = INT64_MAX;
	if (a->until_ns < INT64_MAX)
		a->until_ns++;
	if (a->since_ns == 0)
		a->since_ns = -1;
	if (a->until_ns == 0)
		a->until_ns = 1;
}

/* What is asked in place of what was typed. */
static void say_pivot(const struct cli *cli, const struct asking *a)
{
	char since[WHEN_MAX], until[WHEN_MAX];
	if (a->same)
		say("asking for %s", a->terms);
	if (!a->around)
		return;
	when_told(a->since_ns, cli->utc, since);
	when_told(a->until_ns - 1, cli->utc, until);
	say("from %s to %s", since, until);
}

int asking_pivot(struct cli *cli, struct asking *a)
{
	struct trail_entry *n = NULL;
	int code = EXIT_OK;
	if (!a->around && !a->same)
		return EXIT_OK;
	if (trail_get(cli->trail, a->pivot, &n) != TRAIL_OK)
		return cli_fail(cli);
	if (a->around)
		ask_around(a, n);
	if (a->same)
		code = ask_same(a, n);
	trail_entry_free(n);
	if (code == EXIT_OK)
		say_pivot(cli, a);
	return code;
}

int asking_refuse(struct cli *cli, const struct asking *a)
{
	size_t at = trail_error_index(cli->trail);
	int code = cli_fail(cli);
	if (code == EXIT_USAGE && a->terms && isatty(STDERR_FILENO) == 1)
		print_caret(stderr, a->terms, at, cli->screen.columns);
	return code;
}

void asking_release(struct asking *a)
{
	free(a->asked);
	a->asked = NULL;
}

/* ---- the question ---- */

enum trail_err asking_query(const struct asking *a, bool newest_first, bool follow, uint64_t from,
	struct trail_query **query)
{
	struct trail_query *q = *query = trail_query_new();
	if (!q) {
		say("memory is out");
		return TRAIL_NOMEM;
	}
	enum trail_err err = trail_query_set_terms(q, a->terms);
	if (err == TRAIL_OK)
		err = trail_query_set_time(q, a->since_ns, a->until_ns);
	if (err == TRAIL_OK)
		err = trail_query_set_newest_first(q, newest_first);
	if (err == TRAIL_OK)
		err = trail_query_set_from(q, from);
	if (err == TRAIL_OK)
		err = trail_query_set_follow(q, follow);
	if (err == TRAIL_OK)
		err = trail_query_set_scan(q, a->scan);
	/* No more rows than are shown: each costs the daemon a proof. */
	if (err == TRAIL_OK && !follow && a->rows_max < UINT32_MAX)
		err = trail_query_set_page(q, (uint32_t)a->rows_max);
	if (err == TRAIL_OK)
		err = trail_query_set_evidence(q, a->evidence != NULL);
	if (err != TRAIL_OK)
		say("this cannot be asked: %s", trail_err_text(err));
	return err;
}

static void put_bound(FILE *to, const char *name, int64_t ns)
{
	char when[WHEN_MAX];
	if (ns == 0)
		return;
	when_utc(ns, when);
	(void)fprintf(to, ", %s %s", name, when);
}

void asking_put(FILE *to, const struct asking *a)
{
	const char *text = a->object ? a->object : a->terms;
	(void)fprintf(to, "%s%s", text[0] ? " " : "", text);
	put_bound(to, "since", a->since_ns);
	put_bound(to, "until", a->until_ns);
	if (a->onwards && a->from != 0)
		(void)fprintf(to, ", from record %llu", (unsigned long long)a->from);
	if (a->rows_max != UINT64_MAX && !a->follow)
		(void)fprintf(to, ", the %s %llu", a->onwards ? "first" : "last",
			(unsigned long long)a->rows_max);
	(void)fputs(a->newest_first ? ", newest first" : "", to);
}
