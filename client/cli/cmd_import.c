/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "csv.h"
#include "import.h"
#include "lines.h"
#include "output.h"
#include "progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char HELP_IMPORT[] =
	"usage: trail import [--source NAME] [--format jsonl|csv] [--check] FILE|-\n"
	"\n"
	"Write every line of a file as an event. A second run adds nothing; after a run\n"
	"that stopped, the next one goes on where it was. It stops at the first bad line,\n"
	"says its number and what is wrong, and everything before it is durable. Where the\n"
	"daemon no longer has what it says is there, so that nothing can be compared, the\n"
	"exit code is 6.\n"
	"\n"
	"  --source NAME   for lines that name no source of their own\n"
	"  --format        jsonl: one JSON object a line (default); csv: a header line\n"
	"                  with dotted names (time,action,actor.id,object.id,...)\n"
	"  --check         list all bad lines, store nothing\n"
	"  --batch NAME    what makes this file the same file the next time; its base\n"
	"                  name unless given. Standard input (-) needs one\n"
	"  --open          more lines will be added to this file: do not close the batch\n"
	"\n"
	"Members are time (RFC 3339), action, actor{id,...}, object{id,...} (required), and\n"
	"id, verb, outcome, reason, subject, purpose, medium, origin{...}, changes,\n"
	"correlation, attributes, raw, source. trail(1) has the list.\n"
	"\n"
	"Examples:\n"
	"  trail import --check events.jsonl\n"
	"  trail import events.jsonl\n"
	"  zcat old.csv.gz | trail import --format csv --source vpn --batch old.csv -\n";

enum {
	NAME_MAX_BYTES = 1024
};

/* One run. */
struct reading {
	struct cli *cli;
	const char *path;
	const char *source; /* of the option; NULL */
	const char *batch;
	const char *format;
	bool check, open, csv;
	struct lines lines;
	struct import import;
	struct trail_event *event;
	struct trail_batch *judge;
	struct progress progress;
	char *header[CSV_CELLS_MAX];
	int columns;
	char *header_line;
	uint64_t good, bad;
};

/* ---- one line to one event ---- */

static bool parse_json(struct reading *r, char source[SOURCE_MAX + 1], struct complaint *c)
{
	json_error_t error;
	json_t *root = json_loadb(r->lines.text, r->lines.len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return complain(c, "", "is not JSON: %s at column %d", error.text, error.column);
	bool ok = event_from_json(root, r->event, source, c);
	json_decref(root);
	return ok;
}

static bool set_cell(struct reading *r, const char *name, const char *cell,
	char source[SOURCE_MAX + 1], struct complaint *c)
{
	if (cell[0] == '\0' || field_ignored(name))
		return true;
	if (strcmp(name, "source") != 0)
		return field_set(r->event, name, cell, c);
	if (strlen(cell) > SOURCE_MAX)
		return complain(c, "source", "must be a name of 1 to 64 of a-z 0-9 . _ -");
	memcpy(source, cell, strlen(cell) + 1);
	return true;
}

static bool parse_csv(struct reading *r, char source[SOURCE_MAX + 1], struct complaint *c)
{
	char *cells[CSV_CELLS_MAX];
	if (strlen(r->lines.text) != r->lines.len)
		return complain(c, "", "holds a NUL byte");
	int count = csv_split(r->lines.text, cells);
	if (count < 0)
		return complain(c, "", "has quotes that do not pair, or too many cells");
	if (count != r->columns)
		return complain(c, "", "has %d cells; the header has %d", count, r->columns);
	for (int i = 0; i < count; i++)
		if (!set_cell(r, r->header[i], cells[i], source, c))
			return false;
	return true;
}

/* The line's event is good by itself; *source is its own or the option's. */
static bool parse_line(
	struct reading *r, enum line_state state, char source[SOURCE_MAX + 1], struct complaint *c)
{
	if (state == LINE_LONG)
		return complain(c, "", "is longer than %d bytes", LINE_MAX_BYTES);
	if (r->lines.len == 0)
		return complain(c, "", "is empty; every line must hold one event");
	if (!(r->csv ? parse_csv(r, source, c) : parse_json(r, source, c)))
		return false;
	if (source[0] == '\0' && r->source)
		(void)snprintf(source, SOURCE_MAX + 1, "%s", r->source);
	if (source[0] == '\0')
		return complain(c, "source", "is required: in the line, or by --source");
	return true;
}

/* --check: a batch that is never sent is the judge of the source's name. */
static bool judge_line(struct reading *r, const char *source, struct complaint *c)
{
	if (trail_batch_begin(r->judge, source, 1, 1) != TRAIL_OK)
		return complain(c, "source", "must be a name of 1 to 64 of a-z 0-9 . _ -");
	if (trail_event_check(r->event) == TRAIL_OK)
		return true;
	return complain(
		c, trail_event_fault_field(r->event), "%s", trail_event_fault_why(r->event));
}

/* False: it was said, or r->import.err says, what is wrong. */
static bool take_line(struct reading *r, enum line_state state)
{
	char source[SOURCE_MAX + 1] = "";
	struct complaint c = { 0 };
	trail_event_clear(r->event);
	bool ok = parse_line(r, state, source, &c);
	if (ok && r->check)
		ok = judge_line(r, source, &c);
	else if (ok)
		ok = import_add(&r->import, source, r->event, r->lines.number, &c);
	if (ok || r->import.err != TRAIL_OK)
		return ok;
	progress_clear(&r->progress);
	FILE *to = r->check ? stdout : stderr;
	(void)fprintf(to,
		"%sline %llu: ", r->check ? "" : "trail: ", (unsigned long long)r->lines.number);
	print_text(to, c.field);
	(void)fputs(c.field[0] ? " " : "", to);
	print_text(to, c.why);
	(void)fputc('\n', to);
	return false;
}

/* ---- the file ---- */

/* The header line of CSV. */
static int read_header(struct reading *r)
{
	if (!r->csv)
		return EXIT_OK;
	if (lines_next(&r->lines) != LINE_OK) {
		say("%s has no header line", r->path);
		return EXIT_USAGE;
	}
	r->header_line = strdup(r->lines.text);
	r->columns = r->header_line ? csv_split(r->header_line, r->header) : -1;
	for (int i = 0; i < r->columns; i++) {
		const char *name = r->header[i];
		if (field_ignored(name) || field_known(name) || strcmp(name, "source") == 0)
			continue;
		say("line 1: %s is not a field of an event", name);
		return EXIT_USAGE;
	}
	if (r->columns < 1) {
		say("line 1: is not a header of CSV");
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static int import_failed(const struct import *im)
{
	if (im->err_line != 0)
		say("line %llu: %s", (unsigned long long)im->err_line, im->sentence);
	else
		say("%s", im->sentence);
	return exit_of(im->err);
}

/* All lines. EXIT_OK: all were good (or listed, with --check). */
static int read_lines(struct reading *r)
{
	for (;;) {
		enum line_state state = lines_next(&r->lines);
		if (state == LINE_END)
			return EXIT_OK;
		if (state == LINE_FAILED) {
			say("cannot read %s: %s", r->path, strerror(errno));
			return EXIT_IO;
		}
		if (take_line(r, state))
			r->good++;
		else if (r->import.err != TRAIL_OK)
			return EXIT_IO;
		else if (++r->bad != 0 && !r->check)
			return EXIT_USAGE;
		progress_show(&r->progress, r->lines.bytes, r->good);
	}
}

static void print_summary(const struct reading *r)
{
	const struct import *im = &r->import;
	if (r->cli->json) {
		json_t *to = json_pack("{s:I, s:I, s:I, s:I}", "imported", (json_int_t)im->added,
			"already", (json_int_t)im->held, "unchecked", (json_int_t)im->unchecked,
			"checkpoint", (json_int_t)im->size);
		if (im->added != 0) {
			(void)json_object_set_new(
				to, "first_index", json_integer((json_int_t)im->first_index));
			(void)json_object_set_new(
				to, "last_index", json_integer((json_int_t)im->last_index));
		}
		print_json(to);
		return;
	}
	printf("imported %llu events (%llu already there)", (unsigned long long)im->added,
		(unsigned long long)im->held);
	if (im->added != 0)
		printf(" as index %llu..%llu", (unsigned long long)im->first_index,
			(unsigned long long)im->last_index);
	printf("; checkpoint %llu, receipts verified\n", (unsigned long long)im->size);
	if (im->unchecked != 0)
		printf("%llu of those already there could not be compared\n",
			(unsigned long long)im->unchecked);
}

static int check_file(struct reading *r)
{
	int code = read_header(r);
	if (code == EXIT_OK)
		code = read_lines(r);
	progress_clear(&r->progress);
	if (code != EXIT_OK)
		return code;
	say("%llu good lines, %llu bad lines; nothing was stored", (unsigned long long)r->good,
		(unsigned long long)r->bad);
	return r->bad == 0 ? EXIT_OK : EXIT_USAGE;
}

static int import_file(struct reading *r)
{
	int code = read_header(r);
	if (code == EXIT_OK)
		code = cli_open(r->cli);
	if (code != EXIT_OK)
		return code;
	r->import.trail = r->cli->trail;
	r->import.timeout_ms = r->cli->timeout_ms;
	code = read_lines(r);
	bool stored = import_finish(&r->import);
	if (stored && code == EXIT_OK && !r->open)
		stored = import_close(&r->import);
	progress_clear(&r->progress);
	if (!stored)
		code = import_failed(&r->import);
	if (r->import.added + r->import.held != 0 || code == EXIT_OK)
		print_summary(r);
	/* That they are there is the daemon's word alone. */
	return code == EXIT_OK && r->import.unchecked != 0 ? EXIT_OPEN : code;
}

static int open_file(struct reading *r, FILE **file)
{
	struct stat st;
	*file = strcmp(r->path, "-") == 0 ? stdin : fopen(r->path, "re");
	if (!*file) {
		say("cannot read %s: %s", r->path, strerror(errno));
		return EXIT_IO;
	}
	bool regular = fstat(fileno(*file), &st) == 0 && S_ISREG(st.st_mode);
	progress_init(&r->progress, regular ? (uint64_t)st.st_size : 0, "events");
	return EXIT_OK;
}

static int run(struct reading *r)
{
	FILE *file = NULL;
	int code = open_file(r, &file);
	if (code != EXIT_OK)
		return code;
	r->event = trail_event_new();
	r->judge = trail_batch_new();
	if (r->event && r->judge && lines_init(&r->lines, file)) {
		code = r->check ? check_file(r) : import_file(r);
	} else {
		say("memory is out");
		code = EXIT_IO;
	}
	import_release(&r->import);
	lines_release(&r->lines);
	trail_event_free(r->event);
	trail_batch_free(r->judge);
	free(r->header_line);
	if (file != stdin)
		(void)fclose(file);
	return code;
}

/* What the options leave open. */
static int settle(struct reading *r)
{
	const char *slash = strrchr(r->path, '/');
	if (!r->batch && (r->check || strcmp(r->path, "-") != 0))
		r->batch = slash ? slash + 1 : r->path;
	if (!r->batch) {
		say("standard input has no name; give --batch NAME, so that a second run adds "
		    "nothing");
		return EXIT_USAGE;
	}
	if (r->batch[0] == '\0' || strlen(r->batch) > NAME_MAX_BYTES) {
		say("a batch name has 1 to %d bytes", NAME_MAX_BYTES);
		return EXIT_USAGE;
	}
	if (strcmp(r->format, "jsonl") != 0 && strcmp(r->format, "csv") != 0) {
		say("--format %s is not known; jsonl or csv is", r->format);
		return EXIT_USAGE;
	}
	r->csv = strcmp(r->format, "csv") == 0;
	r->import.batch_name = r->batch;
	return EXIT_OK;
}

int cmd_import(struct cli *cli, int argc, char **argv)
{
	static struct reading r; /* its tables are large, and zero */
	const struct choice choices[] = {
		{ .name = "source", .text = &r.source },
		{ .name = "format", .text = &r.format, .value = VALUE_FORMAT },
		{ .name = "batch", .text = &r.batch },
		{ .name = "check", .flag = &r.check },
		{ .name = "open", .flag = &r.open },
		{ 0 },
	};
	int rest;
	bool done;
	r.cli = cli;
	r.format = "jsonl";
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc - rest != 1) {
		say("import takes one FILE, or - for standard input");
		return EXIT_USAGE;
	}
	r.path = argv[rest];
	code = settle(&r);
	return code == EXIT_OK ? run(&r) : code;
}
