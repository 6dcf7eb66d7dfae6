/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "caret.h"
#include "folder.h"
#include "output.h"
#include "progress.h"
#include "render.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ROWS_ON_TERMINAL = 1000, /* where nobody says how many */
	ROWS_BEFORE_FOLLOW = 10,
	GROUPED_MAX = 32,
};

/* One question on its way to the screen. */
struct answer {
	struct cli *cli;
	const struct asking *asking;
	struct trail_rows *rows;
	struct render render;
	struct progress progress;
	uint64_t shown;
	struct folder *folder; /* where evidence is kept; NULL: nowhere */
	/* Rows that are kept until the oldest of them is known: side by side in `kept`. */
	FILE *to;
	char *kept;
	size_t kept_len;
	size_t *starts;
	size_t start_count, start_cap;
};

void asking_choices(struct asking *asking, struct choice to[ASKING_CHOICES])
{
	const struct choice choices[ASKING_CHOICES] = {
		{ .name = "since", .letter = 'S', .text = &asking->since, .value = VALUE_WHEN },
		{ .name = "until", .letter = 'U', .text = &asking->until, .value = VALUE_WHEN },
		{ .name = "limit", .letter = 'n', .text = &asking->limit },
		{ .name = "reverse", .letter = 'r', .flag = &asking->newest_first },
		{ .name = "follow", .letter = 'f', .flag = &asking->follow },
		{ .name = "scan", .flag = &asking->scan },
		{ .name = "explain", .flag = &asking->explain },
		{ .name = "evidence", .text = &asking->evidence, .value = VALUE_FILE },
		{ .name = NULL },
	};
	memcpy(to, choices, sizeof choices);
}

/* ---- what was asked ---- */

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

static int read_asking(const struct cli *cli, struct asking *a)
{
	uint64_t limit = 0;
	if (!read_when("--since", a->since, &a->since_ns) ||
		!read_when("--until", a->until, &a->until_ns))
		return EXIT_USAGE;
	if (a->since && a->until && a->since_ns >= a->until_ns) {
		say("nothing can lie between --since %s and --until %s", a->since, a->until);
		return EXIT_USAGE;
	}
	if (a->limit && !number_read(a->limit, &limit)) {
		say("-n %s is not a number of rows; 0 is all", a->limit);
		return EXIT_USAGE;
	}
	if (a->follow && a->newest_first) {
		say("-f and -r do not go together: what comes is shown as it comes");
		return EXIT_USAGE;
	}
	if (a->evidence && (a->follow || a->newest_first)) {
		say("--evidence does not go with -f or -r: it is for an answer that has an end, in "
		    "the order of the log");
		return EXIT_USAGE;
	}
	if (a->evidence && !a->limit)
		limit = 0; /* all, on a terminal too */
	else if (!a->limit)
		limit = a->follow ? ROWS_BEFORE_FOLLOW
				  : (cli->screen.terminal ? ROWS_ON_TERMINAL : 0);
	a->rows_max = limit != 0 ? limit : UINT64_MAX;
	return EXIT_OK;
}

/* How far the daemon has looked, where it looks at much for the next row. */
static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct answer *a = ctx;
	a->progress.total = total;
	progress_show(&a->progress, done, done);
	return true;
}

static void hide_progress(struct answer *a)
{
	progress_clear(&a->progress);
	a->progress.shown = false;
}

static enum trail_err ask(struct answer *a, bool newest_first, bool follow, uint64_t from)
{
	const struct asking *asking = a->asking;
	struct trail *t = a->cli->trail;
	struct trail_query *q = trail_query_new();
	enum trail_err err = trail_query_set_terms(q, asking->terms);
	trail_rows_free(a->rows);
	a->rows = NULL;
	if (err == TRAIL_OK)
		err = trail_query_set_time(q, asking->since_ns, asking->until_ns);
	if (err == TRAIL_OK)
		err = trail_query_set_newest_first(q, newest_first);
	if (err == TRAIL_OK)
		err = trail_query_set_from(q, from);
	if (err == TRAIL_OK)
		err = trail_query_set_follow(q, follow);
	if (err == TRAIL_OK)
		err = trail_query_set_scan(q, asking->scan);
	if (err == TRAIL_OK)
		err = trail_query_set_evidence(q, asking->evidence != NULL);
	progress_init(&a->progress, 0, "records");
	if (err == TRAIL_OK && !follow)
		err = trail_query_set_progress(q, on_progress, a);
	if (err != TRAIL_OK)
		say("this cannot be asked: %s", trail_err_text(err));
	else if (asking->object)
		err = trail_history(t, asking->object, q, &a->rows);
	else
		err = trail_search(t, q, &a->rows);
	trail_query_free(q);
	return err;
}

/* ---- looking for rows ---- */

/* False: the folder cannot be written. */
static bool keep_row(struct answer *a, const struct trail_entry *entry)
{
	a->shown++;
	return !a->folder || folder_row(a->folder, entry);
}

/* False: that, or nobody reads any more. */
static bool show_row(struct answer *a, const struct trail_entry *entry)
{
	return keep_row(a, entry) && render_row(&a->render, entry);
}

static bool open_render(struct answer *a, FILE *to)
{
	const struct cli *cli = a->cli;
	return render_open(&a->render, cli->output, &cli->screen, cli->utc, to);
}

/* Whoever read is gone. The folder becomes whole all the same, and what is said of it is seen. */
static bool go_on_unread(struct answer *a)
{
	cli_unpage(a->cli);
	return a->folder != NULL;
}

/* As they come, up to rows_max of them. TRAIL_OK: no more are wanted, or nobody reads. */
static enum trail_err show_some(struct answer *a)
{
	const struct trail_entry *entry;
	enum trail_err err = trail_rows_next(a->rows, &entry);
	/* From here on standard error may be the pager's. */
	hide_progress(a);
	cli_page(a->cli);
	if (!open_render(a, stdout))
		return TRAIL_OK;
	for (bool read = true; err == TRAIL_OK;) {
		if (!keep_row(a, entry))
			return TRAIL_OK;
		read = read && render_row(&a->render, entry);
		if (!read && !go_on_unread(a))
			return TRAIL_OK;
		if (a->shown == a->asking->rows_max)
			return trail_rows_count(a->rows);
		err = trail_rows_next(a->rows, &entry);
	}
	return err;
}

/* ---- the last ones, oldest first ---- */

static bool note_start(struct answer *a)
{
	if (fflush(a->to) != 0)
		return false;
	if (a->start_count == a->start_cap) {
		size_t cap = a->start_cap ? 2 * a->start_cap : 64;
		size_t *starts = realloc(a->starts, cap * sizeof *starts);
		if (!starts)
			return false;
		a->starts = starts;
		a->start_cap = cap;
	}
	a->starts[a->start_count++] = a->kept_len;
	return true;
}

/* Newest first, so that the last ones can be known; kept as text. TRAIL_OK: enough of them. */
static enum trail_err keep_some(struct answer *a)
{
	const struct trail_entry *entry;
	a->to = open_memstream(&a->kept, &a->kept_len);
	if (!a->to || !open_render(a, a->to))
		return TRAIL_NOMEM;
	while (a->shown < a->asking->rows_max) {
		enum trail_err err = trail_rows_next(a->rows, &entry);
		if (err != TRAIL_OK)
			return err;
		if (!note_start(a) || !show_row(a, entry))
			return TRAIL_NOMEM;
	}
	return trail_rows_count(a->rows);
}

/* The header, then the rows from the last that was kept to the first. */
static void print_kept(struct answer *a)
{
	hide_progress(a);
	if (fflush(a->to) != 0)
		return;
	cli_page(a->cli);
	size_t end = a->kept_len;
	(void)fwrite(a->kept, 1, a->start_count ? a->starts[0] : end, stdout);
	for (size_t i = a->start_count; i-- > 0; end = a->starts[i])
		(void)fwrite(a->kept + a->starts[i], 1, end - a->starts[i], stdout);
}

static void drop_kept(struct answer *a)
{
	if (a->to)
		(void)fclose(a->to);
	free(a->kept);
	free(a->starts);
}

/* ---- what is said about them ---- */

/* 48211 as 48,211. */
static const char *grouped(uint64_t number, char out[GROUPED_MAX])
{
	char digits[GROUPED_MAX];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
	char *at = out;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return out;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "142 events · 6 of 6 sources current · 0 gaps · scan · checkpoint 9911205 · witnessed 9911010" */
static void put_completeness(FILE *to, const struct trail_rows *r, const char *dot)
{
	uint64_t matched = trail_rows_matched(r), gaps = trail_rows_gaps(r);
	(void)fprintf(to,
		"%llu event%s %s %u of %u source%s current %s %llu gap%s %s %s %s checkpoint "
		"%llu",
		(unsigned long long)matched, plural(matched), dot, trail_rows_current(r),
		trail_rows_sources(r), plural(trail_rows_sources(r)), dot, (unsigned long long)gaps,
		plural(gaps), dot, trail_rows_method(r), dot,
		(unsigned long long)trail_rows_size(r));
	if (trail_rows_witnessed(r) != 0)
		(void)fprintf(
			to, " %s witnessed %llu", dot, (unsigned long long)trail_rows_witnessed(r));
	(void)fprintf(to, "\n");
	if (gaps != 0 || trail_rows_current(r) < trail_rows_sources(r))
		(void)fprintf(
			to, "what sources numbered is not all here: `trail sources` says which\n");
}

static void say_completeness(const struct answer *a)
{
	const struct trail_rows *r = a->rows;
	char shown[GROUPED_MAX], all[GROUPED_MAX];
	uint64_t matched = trail_rows_matched(r);
	(void)fflush(stdout);
	if (a->shown < matched)
		(void)fprintf(stderr, "showing %s of %s; -n 0 for all\n", grouped(a->shown, shown),
			grouped(matched, all));
	put_completeness(stderr, r, screen_utf8() ? "\u00b7" : "-");
}

/* The exit code of an answer that came to its end. */
static int judge(const struct answer *a)
{
	const struct trail_rows *r = a->rows;
	if (trail_rows_gaps(r) != 0 || trail_rows_current(r) < trail_rows_sources(r))
		return EXIT_OPEN;
	return trail_rows_matched(r) == 0 ? EXIT_NOTHING : EXIT_OK;
}

/* ---- evidence ---- */

static void put_bound(FILE *to, const char *name, int64_t ns)
{
	char when[WHEN_MAX];
	if (ns == 0)
		return;
	when_utc(ns, when);
	(void)fprintf(to, "%-9s %s\n", name, when);
}

/* What was asked, as it was typed, and what came of it. */
static void put_question(void *ctx, FILE *to)
{
	const struct answer *a = ctx;
	const struct asking *asking = a->asking;
	(void)fprintf(to, "%-9s ", asking->object ? "history" : "search");
	print_text(to, asking->object ? asking->object : asking->terms);
	(void)fputc('\n', to);
	put_bound(to, "since", asking->since_ns);
	put_bound(to, "until", asking->until_ns);
	(void)fprintf(to, "%-9s %llu of %llu\n", "rows", (unsigned long long)a->shown,
		(unsigned long long)trail_rows_matched(a->rows));
	(void)fprintf(to, "%-9s ", "complete");
	put_completeness(to, a->rows, "-");
}

/* The folder is whole, or the answer is none. */
static int end_folder(struct answer *a)
{
	if (!a->folder)
		return EXIT_OK;
	return folder_end(a->folder, a->cli, a->rows, put_question, a);
}

/* ---- ways to show ---- */

static int finish(struct answer *a, enum trail_err err)
{
	hide_progress(a);
	if (err == TRAIL_NOMEM && trail_error_code(a->cli->trail) == TRAIL_OK) {
		say("memory is out; -n shows fewer rows at a time");
		return EXIT_IO;
	}
	/* Whoever read is gone, and has seen enough; or the folder cannot be written. */
	if (err == TRAIL_OK && trail_rows_method(a->rows)[0] == '\0')
		return a->folder ? EXIT_IO : EXIT_OK;
	if (err != TRAIL_OK && err != TRAIL_END)
		return cli_fail(a->cli);
	if (a->folder)
		cli_unpage(a->cli);
	say_completeness(a);
	int code = end_folder(a);
	return code == EXIT_OK ? judge(a) : code;
}

/* In the order in which they come: all of them, or the newest first. */
static int show_in_order(struct answer *a)
{
	enum trail_err err = ask(a, a->asking->newest_first, false, 0);
	return finish(a, err == TRAIL_OK ? show_some(a) : err);
}

static int show_last(struct answer *a)
{
	enum trail_err err = ask(a, true, false, 0);
	if (err == TRAIL_OK)
		err = keep_some(a);
	if (a->to && (err == TRAIL_OK || err == TRAIL_END))
		print_kept(a);
	return finish(a, err);
}

/* What comes, until somebody ends it. */
static int follow(struct answer *a, uint64_t from)
{
	const struct trail_entry *entry;
	enum trail_err err = ask(a, false, true, from);
	while (err == TRAIL_OK || err == TRAIL_MORE) {
		err = trail_rows_next(a->rows, &entry);
		/* Each at once: the next may be a long time coming. */
		if (err == TRAIL_OK && (!show_row(a, entry) || fflush(stdout) != 0))
			return EXIT_OK;
	}
	return cli_fail(a->cli);
}

/* The last ones first; then what lies behind the question that found them. */
static int show_and_follow(struct answer *a)
{
	a->cli->no_pager = true;
	if (a->asking->rows_max == UINT64_MAX)
		return open_render(a, stdout) ? follow(a, 0) : EXIT_IO;
	int code = show_last(a);
	if (code != EXIT_OK && code != EXIT_NOTHING && code != EXIT_OPEN)
		return code;
	render_to(&a->render, stdout);
	return fflush(stdout) == 0 ? follow(a, trail_rows_read(a->rows)) : EXIT_OK;
}

/* Whoever typed the terms is shown where they are wrong. */
static int refuse_terms(struct cli *cli, const struct asking *asking)
{
	size_t at = trail_error_index(cli->trail);
	int code = cli_fail(cli);
	if (code == EXIT_USAGE && asking->terms && isatty(STDERR_FILENO) == 1)
		print_caret(stderr, asking->terms, at, cli->screen.columns);
	return code;
}

/* What cannot be asked is said before a daemon is needed: only the handle is not open yet. */
static int judge_question(struct answer *a)
{
	enum trail_err err = ask(a, a->asking->newest_first, a->asking->follow, 0);
	if (err == TRAIL_MISUSE)
		return EXIT_OK;
	/* ask said itself what did not come to the library's judgement. */
	if (trail_error_code(a->cli->trail) == TRAIL_OK)
		return exit_of(err);
	return refuse_terms(a->cli, a->asking);
}

static void print_line(void *ctx, const char *text)
{
	(void)ctx;
	print_text(stdout, text);
	(void)fputc('\n', stdout);
}

static void print_bound(const char *words, int64_t ns)
{
	char when[WHEN_MAX];
	if (ns == 0)
		return;
	when_utc(ns, when);
	(void)printf("time is %s %s\n", words, when);
}

static enum trail_err explain_terms(struct cli *cli, const char *terms)
{
	struct trail_query *q = trail_query_new();
	enum trail_err err = trail_query_set_terms(q, terms);
	if (err == TRAIL_OK)
		err = trail_query_explain(cli->trail, q, print_line, NULL);
	trail_query_free(q);
	return err;
}

static int explain(struct cli *cli, const struct asking *asking)
{
	enum trail_err err = TRAIL_OK;
	if (asking->object) {
		(void)printf("object is ");
		print_line(NULL, asking->object);
	} else {
		err = explain_terms(cli, asking->terms);
	}
	if (err != TRAIL_OK && trail_error_code(cli->trail) == TRAIL_OK) {
		say("this cannot be asked: %s", trail_err_text(err));
		return exit_of(err);
	}
	if (err != TRAIL_OK)
		return refuse_terms(cli, asking);
	print_bound("from", asking->since_ns);
	print_bound("before", asking->until_ns);
	return EXIT_OK;
}

int answer_show(struct cli *cli, struct asking *asking)
{
	struct answer a = { .cli = cli, .asking = asking };
	int code = read_asking(cli, asking);
	if (code == EXIT_OK)
		code = cli_prepare(cli);
	if (code == EXIT_OK && asking->explain)
		return explain(cli, asking);
	if (code == EXIT_OK)
		code = judge_question(&a);
	if (code == EXIT_OK)
		code = cli_connect(cli);
	if (code == EXIT_OK && asking->evidence)
		code = folder_begin(asking->evidence, asking->rows_max != UINT64_MAX, &a.folder);
	if (code != EXIT_OK)
		return code;
	if (asking->follow)
		code = show_and_follow(&a);
	else if (asking->rows_max != UINT64_MAX && !asking->newest_first)
		code = show_last(&a);
	else
		code = show_in_order(&a);
	trail_rows_free(a.rows);
	folder_free(a.folder);
	drop_kept(&a);
	return code;
}
