/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging a folder of evidence.
 */
#include "base64.h"
#include "entry_json.h"
#include "folder.h"
#include "lines.h"
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char FOLDER_SUMS[] = "SHA256SUMS";
const char FOLDER_README[] = "README.txt";
const char FOLDER_QUESTION[] = "query.txt";
const char FOLDER_ROWS[] = "rows.jsonl";
const char FOLDER_RECORDS[] = "records.txt";
const char FOLDER_EVIDENCE[] = "evidence.txt";
const char FOLDER_CHECKPOINT[] = "checkpoint";
const char FOLDER_IDENTITY[] = "log.identity";
const char *const FOLDER_NAMES[FOLDER_FILES] = { FOLDER_README, FOLDER_CHECKPOINT, FOLDER_EVIDENCE,
	FOLDER_IDENTITY, FOLDER_QUESTION, FOLDER_RECORDS, FOLDER_ROWS };

enum {
	HEX_LEN = 2 * TRAIL_HASH_LEN,
	SUMS_MAX = 16 * 1024,
	NOTE_MAX = 16 * 1024,
	WHAT_MAX = 320,
};

/* A folder under judgement. */
struct reading {
	struct cli *cli;
	struct trail_verify *v;
	int at;        /* the folder */
	uint8_t *note; /* of its evidence; NULL: none was read */
	size_t note_len;
	bool uneven; /* rows and records do not stand side by side */
	bool failed; /* a sentence was said */
};

static void find(struct reading *r, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void find(struct reading *r, const char *code, const char *format, ...)
{
	char what[WHAT_MAX];
	va_list ap;
	va_start(ap, format);
	(void)vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	(void)trail_verify_add(r->v, code, NULL, what);
}

/* ---- the sums ---- */

/* A plain file of the folder; never what a link leads to. -1: a finding was added. */
static int open_plain(struct reading *r, const char *name)
{
	struct stat st;
	int fd = openat(r->at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	find(r, "evidence.folder", "the file %s is missing, or no plain file", name);
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* SHA-256 of the file, in hex. False: it cannot be read. */
static bool digest(int fd, char hex[HEX_LEN + 1])
{
	uint8_t hash[TRAIL_HASH_LEN];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return false;
	size_t len = (size_t)st.st_size;
	void *data = len ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (data == MAP_FAILED)
		return false;
	trail_digest(data, len, hash);
	if (len)
		(void)munmap(data, len);
	for (size_t i = 0; i < sizeof hash; i++)
		(void)sprintf(hex + 2 * i, "%02x", hash[i]);
	return true;
}

bool folder_digest(int at, const char *name, char hex[HEX_LEN + 1])
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool done = fd >= 0 && digest(fd, hex);
	if (fd >= 0)
		(void)close(fd);
	return done;
}

static void check_sum(struct reading *r, const char *name, const char *sum)
{
	char hex[HEX_LEN + 1];
	int fd = open_plain(r, name);
	if (fd < 0)
		return;
	if (!digest(fd, hex))
		find(r, "evidence.folder", "the file %s cannot be read", name);
	else if (strncmp(hex, sum, HEX_LEN) != 0)
		find(r, "evidence.folder",
			"the file %s is not the one that %s has the sum of: it "
			"was changed",
			name, FOLDER_SUMS);
	(void)close(fd);
}

/* The sum of `name` among the lines of `sums`; NULL: none. */
static const char *sum_of(const char *sums, const char *name)
{
	for (const char *line = sums; line;) {
		const char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : 0;
		if (len == HEX_LEN + 2 + strlen(name) && strncmp(line + HEX_LEN, "  ", 2) == 0 &&
			strncmp(line + HEX_LEN + 2, name, strlen(name)) == 0)
			return line;
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < FOLDER_FILES; i++)
		if (strcmp(FOLDER_NAMES[i], name) == 0)
			return true;
	return strcmp(name, FOLDER_SUMS) == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void check_names(struct reading *r)
{
	int copy = openat(r->at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
	if (!list) {
		if (copy >= 0)
			(void)close(copy);
		find(r, "evidence.folder", "the folder cannot be listed");
		return;
	}
	for (const struct dirent *e = readdir(list); e; e = readdir(list))
		if (!is_ours(e->d_name))
			find(r, "evidence.folder", "the file %s does not belong to the folder",
				e->d_name);
	(void)closedir(list);
}

/* Up to `room` - 1 bytes, with a NUL behind them. False: a finding was added. */
static bool read_small(struct reading *r, const char *name, char *text, size_t room, size_t *len)
{
	int fd = open_plain(r, name);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, text, room);
	(void)close(fd);
	if (got < 0 || (size_t)got == room) {
		find(r, "evidence.folder",
			got < 0 ? "the file %s cannot be read"
				: "the file %s is longer than it can be",
			name);
		return false;
	}
	text[got] = '\0';
	*len = (size_t)got;
	return true;
}

static void check_sums(struct reading *r)
{
	char sums[SUMS_MAX];
	size_t len, expected = 0;
	check_names(r);
	if (!read_small(r, FOLDER_SUMS, sums, sizeof sums, &len))
		return;
	for (size_t i = 0; i < FOLDER_FILES; i++) {
		const char *sum = sum_of(sums, FOLDER_NAMES[i]);
		expected += HEX_LEN + 2 + strlen(FOLDER_NAMES[i]) + 1;
		if (sum)
			check_sum(r, FOLDER_NAMES[i], sum);
		else
			find(r, "evidence.folder", "%s has no sum of the file %s", FOLDER_SUMS,
				FOLDER_NAMES[i]);
	}
	if (len != expected)
		find(r, "evidence.folder", "%s has lines that do not belong there", FOLDER_SUMS);
}

/* ---- proofs and rows ---- */

/* Two files are read side by side. */
struct source {
	FILE *file;
	struct lines lines;
};

/* There is no verdict. */
static bool starve(struct reading *r)
{
	say("memory is out");
	r->failed = true;
	return false;
}

/* False: a finding was added, or memory is out. */
static bool source_open(struct reading *r, struct source *s, const char *name)
{
	int fd = open_plain(r, name);
	*s = (struct source){ .file = fd >= 0 ? fdopen(fd, "r") : NULL };
	if (fd < 0)
		return false;
	if (!s->file)
		(void)close(fd);
	return (s->file && lines_init(&s->lines, s->file)) || starve(r);
}

static void source_close(struct source *s)
{
	if (s->file) {
		lines_release(&s->lines);
		(void)fclose(s->file);
	}
}

uint8_t *folder_note(const char *line, size_t *len)
{
	static const char WORD[] = "checkpoint ";
	const char *from = line + sizeof WORD - 1;
	if (strncmp(line, WORD, sizeof WORD - 1) != 0)
		return NULL;
	char *text = strndup(from, strcspn(from, "\n"));
	uint8_t *note = text ? base64_bytes(text, len) : NULL;
	free(text);
	return note;
}

/* False: what follows cannot be judged. */
static bool judge_line(struct reading *r, const struct lines *l, const struct trail_entry **entry)
{
	enum trail_err err = trail_verify_line(r->cli->trail, r->v, l->text, l->len, entry);
	return err == TRAIL_NOMEM ? starve(r) : err == TRAIL_OK;
}

/* Of the second line, for comparing it with the file. libtrail could read it. */
static bool keep_note(struct reading *r, const char *line)
{
	r->note = folder_note(line, &r->note_len);
	return r->note || starve(r);
}

static bool judge_evidence(struct reading *r)
{
	const struct trail_entry *entry;
	struct source s;
	bool good = source_open(r, &s, FOLDER_EVIDENCE);
	enum line_state state = LINE_OK;
	while (good && (state = lines_next(&s.lines)) == LINE_OK) {
		good = judge_line(r, &s.lines, &entry);
		if (good && s.lines.number == 2)
			good = keep_note(r, s.lines.text);
	}
	if (good && state != LINE_END) {
		find(r, "evidence.folder", "the file %s cannot be read as lines", FOLDER_EVIDENCE);
		good = false;
	}
	source_close(&s);
	return good;
}

/* Whether the line tells what the record says, and nothing else. */
static bool row_fits(const struct lines *l, const struct trail_entry *entry)
{
	json_t *said = json_loadb(l->text, l->len, JSON_REJECT_DUPLICATES, NULL);
	json_t *proven = entry_json(entry, false);
	bool fits = said && proven && json_equal(said, proven);
	json_decref(said);
	json_decref(proven);
	return fits;
}

static void say_uneven(struct reading *r)
{
	if (!r->uneven)
		find(r, "evidence.rows", "%s and %s have different numbers of lines", FOLDER_ROWS,
			FOLDER_RECORDS);
	r->uneven = true;
}

/* What rows.jsonl says of the record. */
static void judge_said(struct reading *r, struct source *rows, const struct trail_entry *entry)
{
	uint64_t index = trail_entry_index(entry);
	if (r->uneven)
		return;
	enum line_state state = lines_next(&rows->lines);
	if (state == LINE_END)
		say_uneven(r);
	else if (state != LINE_OK)
		find(r, "evidence.folder", "the file %s cannot be read as lines", FOLDER_ROWS);
	else if (!row_fits(&rows->lines, entry))
		(void)trail_verify_add(r->v, "evidence.rows", &index,
			"what rows.jsonl says is not what the record commits to: it was changed");
}

/* A proof, and the row beside it. False: that was all, or no more can be judged. */
static bool judge_row(struct reading *r, struct source *records, struct source *rows)
{
	const struct trail_entry *entry;
	enum line_state state = lines_next(&records->lines);
	if (state == LINE_END) {
		if (lines_next(&rows->lines) != LINE_END)
			say_uneven(r);
		return false;
	}
	if (state != LINE_OK) {
		find(r, "evidence.folder", "the file %s cannot be read as lines", FOLDER_RECORDS);
		return false;
	}
	if (!judge_line(r, &records->lines, &entry))
		return false;
	if (entry)
		judge_said(r, rows, entry);
	else
		find(r, "evidence.folder", "%s has a line that is no row", FOLDER_RECORDS);
	return entry != NULL;
}

static void judge_rows(struct reading *r)
{
	struct source records, rows;
	bool good = source_open(r, &records, FOLDER_RECORDS);
	good = source_open(r, &rows, FOLDER_ROWS) && good;
	while (good && judge_row(r, &records, &rows))
		;
	source_close(&records);
	source_close(&rows);
}

/* ---- the texts beside them ---- */

/* Whether the file `name` holds these bytes; if it cannot be read, that was found. */
static bool file_is(struct reading *r, const char *name, const void *data, size_t len)
{
	char text[NOTE_MAX + 1];
	size_t got;
	return !read_small(r, name, text, sizeof text, &got) ||
		(got == len && memcmp(text, data, len) == 0);
}

static void check_texts(struct reading *r)
{
	const char *given = r->cli->log ? trail_identity(r->cli->trail) : NULL;
	if (r->note && !file_is(r, FOLDER_CHECKPOINT, r->note, r->note_len))
		find(r, "evidence.folder",
			"the file %s is not the checkpoint that the rows are proven in",
			FOLDER_CHECKPOINT);
	if (given && !file_is(r, FOLDER_IDENTITY, given, strlen(given)))
		find(r, "evidence.folder", "the file %s is not the log identity that --log gives",
			FOLDER_IDENTITY);
}

static int judge(struct cli *cli, struct trail_verify *v, const char *path, bool whole)
{
	struct reading r = { .cli = cli, .v = v };
	r.at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.at < 0) {
		say("cannot read %s: %s", path, strerror(errno));
		return EXIT_IO;
	}
	enum trail_err err = trail_verify_begin(cli->trail, v);
	if (err == TRAIL_OK && judge_evidence(&r))
		judge_rows(&r);
	if (err == TRAIL_OK && whole) {
		check_sums(&r);
		check_texts(&r);
	}
	free(r.note);
	(void)close(r.at);
	if (r.failed)
		return EXIT_IO;
	if (err == TRAIL_OK)
		err = trail_verify_end(cli->trail, v);
	return err == TRAIL_OK ? EXIT_OK : cli_fail(cli);
}

int folder_judge_lines(struct cli *cli, struct trail_verify *v, const char *path)
{
	return judge(cli, v, path, false);
}

int folder_judge(struct cli *cli, struct trail_verify *v, const char *path)
{
	return judge(cli, v, path, true);
}
