/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a folder of evidence: beside its place, with a name of its own, until it is whole.
 */
#include "entry_json.h"
#include "folder.h"
#include "folder_readme.h"
#include "output.h"
#include "sentence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HEX_MAX = 2 * TRAIL_HASH_LEN + 1,
};

/* Texts of which each row has one; newest first they are kept, and turned round at the end. */
struct pile {
	const char *name;
	FILE *to;
	char *kept;
	size_t len;
};

struct folder {
	char *path; /* its name to be */
	char *made; /* the name that it has */
	int at;
	bool reverse;
	struct pile rows, records;
	size_t *starts; /* of both, two for each row, where they are kept */
	size_t count, cap;
};

static bool complain_of(const struct folder *f, const char *name)
{
	say("cannot write %s/%s: %s", f->made, name, strerror(errno));
	return false;
}

/* ---- one file ---- */

static FILE *create(struct folder *f, const char *name)
{
	int fd = openat(f->at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!to) {
		if (fd >= 0)
			(void)close(fd);
		(void)complain_of(f, name);
	}
	return to;
}

/* Written whole and on the disk. */
static bool finish(struct folder *f, FILE *to, const char *name)
{
	bool good = fflush(to) == 0 && !ferror(to) && fsync(fileno(to)) == 0;
	if (!good)
		(void)complain_of(f, name);
	good = fclose(to) == 0 && good;
	return good;
}

static bool write_file(struct folder *f, const char *name, const void *data, size_t len)
{
	FILE *to = create(f, name);
	if (!to)
		return false;
	(void)fwrite(data, 1, len, to);
	return finish(f, to, name);
}

/* ---- an end before its time ---- */

/* Its events are in clear: neither a signal nor an exit from deep within leaves them lying about.
 */
static struct folder *volatile half_made;

/* System calls alone: signal handlers come here, too. */
static void remove_files(const struct folder *f)
{
	for (size_t i = 0; i < FOLDER_FILES; i++)
		(void)unlinkat(f->at, FOLDER_NAMES[i], 0);
	(void)unlinkat(f->at, FOLDER_SUMS, 0);
	(void)rmdir(f->made);
}

static void remove_half_made(void)
{
	const struct folder *f = half_made;
	half_made = NULL;
	if (f)
		remove_files(f);
}

static void remove_and_end(int number)
{
	remove_half_made();
	/* It is blocked in here, and ends the program behind. */
	(void)raise(number);
}

static void guard(struct folder *f)
{
	static const int ENDS[] = { SIGHUP, SIGINT, SIGTERM };
	const struct sigaction remove = { .sa_handler = remove_and_end,
		.sa_flags = (int)SA_RESETHAND };
	half_made = f;
	(void)atexit(remove_half_made);
	for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
		struct sigaction was;
		/* Ignored ones, as behind nohup, stay so. */
		if (sigaction(ENDS[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL)
			(void)sigaction(ENDS[i], &remove, NULL);
	}
}

/* ---- beginning ---- */

static bool complain_of_place(const struct folder *f, int why)
{
	if (why == ENOTEMPTY || why == EEXIST)
		say("%s is not empty: evidence goes to a new or empty folder", f->path);
	else if (why == ENOTDIR)
		say("%s is there already: evidence goes to a new or empty folder", f->path);
	else
		say("cannot make %s: %s", f->path, strerror(why));
	return false;
}

/* 0: it is empty. Else an errno. */
static int look_inside(const char *path)
{
	DIR *list = opendir(path);
	if (!list)
		return errno;
	errno = 0;
	unsigned names = 0;
	/* Itself and its parent are always there. */
	while (names < 3 && readdir(list))
		names++;
	int why = names == 3 ? ENOTEMPTY : errno;
	(void)closedir(list);
	return why;
}

/* Before anything is asked; rename looks again. An empty folder gives its place to the new one. */
static bool is_free(const struct folder *f)
{
	struct stat st;
	/* What else is wrong with the path, mkdtemp finds. */
	if (lstat(f->path, &st) != 0)
		return true;
	int why = S_ISDIR(st.st_mode) ? look_inside(f->path) : ENOTDIR;
	return why == 0 || complain_of_place(f, why);
}

static bool open_pile(struct folder *f, struct pile *pile, const char *name)
{
	pile->name = name;
	if (!f->reverse) {
		pile->to = create(f, name);
		return pile->to != NULL;
	}
	pile->to = open_memstream(&pile->kept, &pile->len);
	if (!pile->to)
		say("memory is out");
	return pile->to != NULL;
}

/* Beside its place, so that a rename is all that is left. */
static bool make(struct folder *f, const char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	f->path = strndup(path, len);
	if (!f->path || asprintf(&f->made, "%s.XXXXXX", f->path) < 0) {
		f->made = NULL;
		say("memory is out");
		return false;
	}
	if (!is_free(f))
		return false;
	if (!mkdtemp(f->made)) {
		say("cannot make a folder beside %s: %s", f->path, strerror(errno));
		free(f->made);
		f->made = NULL;
		return false;
	}
	f->at = open(f->made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->at < 0)
		return complain_of(f, ".");
	guard(f);
	return true;
}

int folder_begin(const char *path, bool reverse, struct folder **folder)
{
	struct folder *f = calloc(1, sizeof *f);
	if (!f) {
		say("memory is out");
		return EXIT_IO;
	}
	f->at = -1;
	f->reverse = reverse;
	if (!make(f, path) || !open_pile(f, &f->rows, FOLDER_ROWS) ||
		!open_pile(f, &f->records, FOLDER_RECORDS)) {
		folder_free(f);
		return EXIT_IO;
	}
	*folder = f;
	return EXIT_OK;
}

/* ---- rows ---- */

static bool note_starts(struct folder *f)
{
	if (!f->reverse)
		return true;
	if (fflush(f->rows.to) != 0 || fflush(f->records.to) != 0)
		return false;
	if (2 * f->count + 2 > f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 128;
		size_t *starts = reallocarray(f->starts, cap, sizeof *starts);
		if (!starts)
			return false;
		f->starts = starts;
		f->cap = cap;
	}
	f->starts[2 * f->count] = f->rows.len;
	f->starts[2 * f->count + 1] = f->records.len;
	return true;
}

bool folder_row(struct folder *f, const struct trail_entry *n)
{
	char *line = NULL;
	size_t len;
	if (!note_starts(f) || trail_entry_evidence(n, &line, &len) != TRAIL_OK) {
		say("memory is out");
		return false;
	}
	print_json_to(f->rows.to, entry_json(n, false));
	(void)fwrite(line, 1, len, f->records.to);
	trail_text_free(line);
	f->count++;
	if (ferror(f->rows.to))
		return complain_of(f, FOLDER_ROWS);
	return !ferror(f->records.to) || complain_of(f, FOLDER_RECORDS);
}

/* What was kept newest first, turned round: `which` of the two starts of each row. */
static bool turn_round(struct folder *f, struct pile *pile, size_t which)
{
	FILE *to = fflush(pile->to) == 0 ? create(f, pile->name) : NULL;
	if (!to)
		return false;
	size_t end = pile->len;
	for (size_t i = f->count; i-- > 0; end = f->starts[2 * i + which])
		(void)fwrite(pile->kept + f->starts[2 * i + which], 1,
			end - f->starts[2 * i + which], to);
	return finish(f, to, pile->name);
}

static bool close_pile(struct folder *f, struct pile *pile, size_t which)
{
	if (f->reverse)
		return turn_round(f, pile, which);
	FILE *to = pile->to;
	pile->to = NULL;
	return finish(f, to, pile->name);
}

/* ---- the end ---- */

static bool write_checkpoint(struct folder *f, const char *evidence)
{
	const char *second = strchr(evidence, '\n');
	size_t len = 0;
	uint8_t *note = second ? folder_note(second + 1, &len) : NULL;
	bool good = note && write_file(f, FOLDER_CHECKPOINT, note, len);
	if (!note)
		say("memory is out");
	free(note);
	return good;
}

static bool write_readme(struct folder *f)
{
	FILE *to = create(f, FOLDER_README);
	if (!to)
		return false;
	for (size_t i = 0; i < FOLDER_README_PARTS; i++)
		(void)fputs(FOLDER_README_TEXTS[i], to);
	return finish(f, to, FOLDER_README);
}

static bool write_evidence(struct folder *f, struct cli *cli, struct trail_rows *rows)
{
	const char *identity = trail_identity(cli->trail);
	char *text = NULL;
	size_t len;
	if (trail_rows_evidence(rows, &text, &len) != TRAIL_OK) {
		(void)cli_fail(cli);
		return false;
	}
	bool good = write_file(f, FOLDER_EVIDENCE, text, len) && write_checkpoint(f, text) &&
		write_file(f, FOLDER_IDENTITY, identity, strlen(identity)) && write_readme(f);
	trail_text_free(text);
	return good;
}

static bool write_question(struct folder *f, const struct cli *cli, const struct trail_entry *asked,
	void (*question)(void *ctx, FILE *to), void *ctx)
{
	/* As it is shown in a pipe, whoever makes the folder. */
	const struct screen plain = { .columns = SCREEN_PIPE_COLUMNS };
	const struct manner manner = {
		.screen = &plain, .words = catalogue_find("en"), .utc = true
	};
	FILE *to = create(f, FOLDER_QUESTION);
	if (!to)
		return false;
	(void)fprintf(to, "The question, as the log ");
	print_text(to, trail_origin(cli->trail));
	(void)fprintf(to, " holds it (number of its record, time in UTC, who, what):\n\n");
	if (asked)
		print_sentence(to, &manner, asked);
	(void)fputc('\n', to);
	question(ctx, to);
	return finish(f, to, FOLDER_QUESTION);
}

static bool write_sums(struct folder *f)
{
	FILE *to = create(f, FOLDER_SUMS);
	if (!to)
		return false;
	for (size_t i = 0; i < FOLDER_FILES; i++) {
		char hex[HEX_MAX];
		if (!folder_digest(f->at, FOLDER_NAMES[i], hex)) {
			(void)fclose(to);
			return complain_of(f, FOLDER_NAMES[i]);
		}
		(void)fprintf(to, "%s  %s\n", hex, FOLDER_NAMES[i]);
	}
	return finish(f, to, FOLDER_SUMS);
}

static bool sync_parent(const struct folder *f)
{
	char *copy = strdup(f->path);
	int parent = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool good = parent >= 0 && fsync(parent) == 0;
	if (!good)
		say("cannot write the folder of %s: %s", f->path, strerror(errno));
	if (parent >= 0)
		(void)close(parent);
	free(copy);
	return good;
}

/* Give it its name. */
static bool publish(struct folder *f)
{
	if (fsync(f->at) != 0)
		return complain_of(f, ".");
	half_made = NULL; /* what is whole is not removed */
	if (rename(f->made, f->path) != 0)
		return complain_of_place(f, errno);
	free(f->made);
	f->made = NULL;
	return sync_parent(f);
}

/* As whoever gets it will; *v, to be freed, knows the question. */
static bool judge(const struct folder *f, struct cli *cli, struct trail_verify **v)
{
	*v = trail_verify_new();
	if (!*v) {
		say("memory is out");
		return false;
	}
	if (folder_judge_lines(cli, *v, f->made) != EXIT_OK)
		return false;
	if (trail_verify_invalid(*v) == 0)
		return true;
	say("the evidence does not verify: %s; do not trust this answer",
		trail_verify_finding_what(*v, 0));
	return false;
}

int folder_end(struct folder *f, struct cli *cli, struct trail_rows *rows,
	void (*question)(void *ctx, FILE *to), void *ctx)
{
	struct trail_verify *v = NULL;
	bool good = close_pile(f, &f->rows, 0);
	good = close_pile(f, &f->records, 1) && good;
	good = good && write_evidence(f, cli, rows) && judge(f, cli, &v) &&
		write_question(f, cli, trail_verify_entry(v), question, ctx) && write_sums(f) &&
		publish(f);
	trail_verify_free(v);
	return good ? EXIT_OK : EXIT_IO;
}

static void drop_pile(struct pile *pile)
{
	if (pile->to)
		(void)fclose(pile->to);
	free(pile->kept);
}

void folder_free(struct folder *f)
{
	if (!f)
		return;
	drop_pile(&f->rows);
	drop_pile(&f->records);
	half_made = NULL;
	if (f->made)
		remove_files(f);
	if (f->at >= 0)
		(void)close(f->at);
	free(f->made);
	free(f->path);
	free(f->starts);
	free(f);
}
