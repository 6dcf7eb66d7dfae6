/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "completeness.h"
#include "cursor.h"
#include "folder.h"
#include "output.h"
#include "progress.h"
#include "render.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

/* One question on its way to the screen. */
struct answer {
	struct cli *cli;
	const struct asking *asking;
	struct trail_rows *rows;
	struct manner manner;
	char *question; /* what a CSV says that it holds; NULL until it does */
	struct render render;
	struct progress progress;
	uint64_t shown;
	uint64_t last; /* index of the row that was shown last */
	struct cursor cursor;
	struct folder *folder; /* where evidence is kept; NULL: nowhere */
	/* Rows that are kept until the oldest of them is known: side by side in `kept`. */
	FILE *to;
	char *kept;
	size_t kept_len;
	size_t *starts;
	size_t start_count, start_cap;
};

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
	struct trail *t = a->cli->trail;
	struct trail_query *q;
	enum trail_err err = asking_query(a->asking, newest_first, follow, from, &q);
	trail_rows_free(a->rows);
	a->rows = NULL;
	progress_init(&a->progress, 0, "records");
	if (err == TRAIL_OK)
		err = trail_query_set_progress(q, follow ? NULL : on_progress, a);
	if (err == TRAIL_OK)
		err = a->asking->object ? trail_history(t, a->asking->object, q, &a->rows)
					: trail_search(t, q, &a->rows);
	trail_query_free(q);
	return err;
}

/* ---- looking for rows ---- */

/* False: the folder cannot be written. */
static bool keep_row(struct answer *a, const struct trail_entry *entry)
{
	a->shown++;
	a->last = trail_entry_index(entry);
	return !a->folder || folder_row(a->folder, entry);
}

/* False: that, or nobody reads any more. */
static bool show_row(struct answer *a, const struct trail_entry *entry)
{
	return keep_row(a, entry) && render_row(&a->render, entry);
}

/* What the rows answer, with the log, and the record there that the question is on. */
static char *tell_question(const struct answer *a)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return NULL;
	(void)fputs(a->asking->object ? "trail history" : "trail search", to);
	asking_put(to, a->asking);
	(void)fprintf(to, ", log %s, question in record %llu", trail_origin(a->cli->trail),
		(unsigned long long)trail_rows_read(a->rows));
	(void)fclose(to);
	return text;
}

static bool open_render(struct answer *a, FILE *to)
{
	if (!a->question)
		a->question = tell_question(a);
	a->manner = manner_of(a->cli);
	a->manner.pick = a->asking->pick;
	a->manner.question = a->question;
	a->manner.each_at_once = a->asking->follow;
	return a->question && render_open(&a->render, a->cli->output, &a->manner, to);
}

/* NULL `complete`: the answer did not come to its end. */
static void close_render(struct answer *a, bool complete)
{
	const struct completeness c = completeness_of_rows(a->rows);
	char *cell = complete ? completeness_cell(&c, "rows", a->shown, c.matched) : NULL;
	render_end(&a->render, cell);
	free(cell);
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
	render_to(&a->render, stdout);
}

static void drop_kept(struct answer *a)
{
	if (a->to)
		(void)fclose(a->to);
	free(a->kept);
	free(a->starts);
}

/* ---- what is said about them ---- */

static void say_completeness(const struct answer *a)
{
	const struct catalogue *words = a->cli->words;
	const struct completeness c = completeness_of_rows(a->rows);
	const char *advice = a->asking->cursor ? words->goes_on : words->shows_all;
	(void)fflush(stdout);
	if (a->shown < c.matched)
		completeness_put_part(stderr, words, a->shown, c.matched, advice);
	completeness_put(stderr, words, &c, screen_utf8() ? "\xc2\xb7" : "-");
}

/* The exit code of an answer that came to its end. */
static int judge(const struct answer *a)
{
	const struct completeness c = completeness_of_rows(a->rows);
	if (!completeness_whole(&c))
		return EXIT_OPEN;
	return c.matched == 0 ? EXIT_NOTHING : EXIT_OK;
}

/*
 * What was shown is out of our hands: go on behind it the next time. What lies before the question
 * was looked at, unless rows were left that it had no room for.
 */
static int keep_cursor(const struct answer *a)
{
	bool part = a->shown < trail_rows_matched(a->rows);
	if (!a->asking->cursor || fflush(stdout) != 0 || ferror(stdout))
		return EXIT_OK;
	/* A pager that could not be run showed nothing; main says so. */
	if (!pager_close(&a->cli->pager))
		return EXIT_OK;
	return cursor_write(&a->cursor, trail_origin(a->cli->trail),
		part ? a->last + 1 : trail_rows_read(a->rows), true);
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
	const struct completeness c = completeness_of_rows(a->rows);
	(void)fprintf(to, "%-9s ", asking->object ? "history" : "search");
	print_text(to, asking->object ? asking->object : asking->terms);
	(void)fputc('\n', to);
	put_bound(to, "since", asking->since_ns);
	put_bound(to, "until", asking->until_ns);
	(void)fprintf(to, "%-9s %llu of %llu\n", "rows", (unsigned long long)a->shown,
		(unsigned long long)trail_rows_matched(a->rows));
	(void)fprintf(to, "%-9s ", "complete");
	completeness_put(to, catalogue_find("en"), &c, "-");
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
	bool ended = a->rows && trail_rows_method(a->rows)[0] != '\0';
	close_render(a, ended && (err == TRAIL_OK || err == TRAIL_END));
	if (err == TRAIL_NOMEM && trail_error_code(a->cli->trail) == TRAIL_OK) {
		say("memory is out; -n shows fewer rows at a time");
		return EXIT_IO;
	}
	/* Whoever read is gone, and has seen enough; or the folder cannot be written. */
	if (err == TRAIL_OK && !ended)
		return a->folder ? EXIT_IO : EXIT_OK;
	if (err != TRAIL_OK && err != TRAIL_END)
		return cli_fail(a->cli);
	if (a->folder)
		cli_unpage(a->cli);
	say_completeness(a);
	int code = end_folder(a);
	if (code == EXIT_OK)
		code = keep_cursor(a);
	return code == EXIT_OK ? judge(a) : code;
}

/* In the order in which they come: all of them, or the newest first. */
static int show_in_order(struct answer *a)
{
	enum trail_err err = ask(a, a->asking->newest_first, false, a->asking->from);
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

/* The row is seen; where it comes from a crash of this machine shows it again at the most. */
static int keep_each(const struct answer *a)
{
	return a->asking->cursor
		? cursor_write(&a->cursor, trail_origin(a->cli->trail), a->last + 1, false)
		: EXIT_OK;
}

/* What comes, until somebody ends it. */
static int follow(struct answer *a, uint64_t from)
{
	const struct trail_entry *entry;
	enum trail_err err = ask(a, false, true, from);
	if (err == TRAIL_OK && !a->render.form && !open_render(a, stdout))
		return EXIT_IO;
	while (err == TRAIL_OK || err == TRAIL_MORE) {
		err = trail_rows_next(a->rows, &entry);
		/* Each at once: the next may be a long time coming. */
		if (err == TRAIL_OK && (!show_row(a, entry) || fflush(stdout) != 0))
			return EXIT_OK;
		if (err == TRAIL_OK && keep_each(a) != EXIT_OK)
			return EXIT_IO;
	}
	return cli_fail(a->cli);
}

/* The last ones first; then what lies behind the question that found them. */
static int show_and_follow(struct answer *a)
{
	a->cli->no_pager = true;
	if (a->asking->rows_max == UINT64_MAX)
		return follow(a, a->asking->from);
	int code = show_last(a);
	if (code != EXIT_OK && code != EXIT_NOTHING && code != EXIT_OPEN)
		return code;
	return fflush(stdout) == 0 ? follow(a, trail_rows_read(a->rows)) : EXIT_OK;
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
	return asking_refuse(a->cli, a->asking);
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
		return asking_refuse(cli, asking);
	print_bound("from", asking->since_ns);
	print_bound("before", asking->until_ns);
	return EXIT_OK;
}

static int show(struct answer *a)
{
	const struct asking *asking = a->asking;
	if (asking->follow)
		return show_and_follow(a);
	if (asking->rows_max != UINT64_MAX && !asking->newest_first && !asking->onwards)
		return show_last(a);
	return show_in_order(a);
}

/* The question is one, the file of the cursor fits, and the log is there: then what it needs. */
static int prepare(struct answer *a, struct asking *asking)
{
	struct cli *cli = a->cli;
	int code = asking_read(cli, asking);
	if (code == EXIT_OK)
		code = cli_prepare(cli);
	if (code == EXIT_OK && asking->explain)
		return explain(cli, asking);
	if (code == EXIT_OK)
		code = judge_question(a);
	if (code == EXIT_OK)
		code = cursor_read(&a->cursor, asking);
	if (code == EXIT_OK)
		code = cli_connect(cli);
	if (code == EXIT_OK)
		code = cursor_judge(&a->cursor, trail_origin(cli->trail));
	if (code == EXIT_OK)
		code = asking_pivot(cli, asking);
	if (code == EXIT_OK && asking->evidence)
		code = folder_begin(asking->evidence, asking->rows_max != UINT64_MAX, &a->folder);
	return code;
}

int answer_show(struct cli *cli, struct asking *asking)
{
	struct answer a = { .cli = cli, .asking = asking };
	int code = prepare(&a, asking);
	if (code == EXIT_OK && !asking->explain)
		code = show(&a);
	trail_rows_free(a.rows);
	folder_free(a.folder);
	drop_kept(&a);
	free(a.question);
	asking_release(asking);
	return code;
}
