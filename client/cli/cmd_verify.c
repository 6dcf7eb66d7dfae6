/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "file.h"
#include "output.h"
#include "task.h"
#include "verdict.h"

#include <unistd.h>

const char HELP_VERIFY[] =
	"usage: trail verify [options]\n"
	"\n"
	"Is the log of the running daemon whole and unchanged? Fetches every record and\n"
	"derives all anew: the chain, the tree, the numbers of every source, the entries that\n"
	"records name; at the end the root must be the one that the log signed. It goes on\n"
	"behind a finding, and names the first bad record.\n"
	"\n"
	"  --log FILE         the log identity file that the log must be\n"
	"  --checkpoint FILE  a checkpoint of this log kept elsewhere (`trail checkpoint`): finds\n"
	"                     what was changed or cut before the log was signed anew\n"
	"  --since            go on where your last valid verification ended\n"
	"  --since=FILE       go on behind this checkpoint, which you verified before\n"
	"  --payloads         open every payload, too (role investigator; the log tells of it)\n"
	"  -q, --quiet        print nothing but errors; the exit code tells the verdict\n"
	"  -o json            one JSON object on standard output\n"
	"\n"
	"Verdicts and exit codes: valid 0, invalid 5, unverifiable 6; no daemon 3, not permitted\n"
	"4 (role auditor is needed). The findings' codes stand in traild-check(8).\n"
	"\n"
	"Examples:\n"
	"  trail verify --log log.identity --checkpoint last-month.note\n"
	"  trail verify --since -q || mail -s 'look at the log' auditor < /dev/null\n";

enum {
	NOTE_MAX = 16384,
	HELPERS_MAX = 3, /* one core is the daemon's, and records come no faster than it reads */
};

/* What --since is without a file. */
static const char LAST[] = "";

struct wish {
	const char *checkpoint;
	bool payloads;
	const char *since; /* NULL: from the beginning; LAST: from the last valid one */
	bool quiet;
};

/* ---- what was given ---- */

/* EXIT_OK, or a sentence was said. */
static int give_note(struct trail_verify *v, const char *path,
	enum trail_err (*set)(struct trail_verify *v, const char *note, size_t len))
{
	char text[NOTE_MAX + 1];
	size_t len;
	int code = file_read(path, text, sizeof text, &len);
	if (code != EXIT_OK)
		return code;
	if (set(v, text, len) == TRAIL_OK)
		return EXIT_OK;
	say("%s is no checkpoint; `trail checkpoint` prints one", path);
	return EXIT_USAGE;
}

static int set_up(struct trail_verify *v, const struct wish *wish, struct task *task)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned helpers = cores > HELPERS_MAX ? HELPERS_MAX : cores > 1 ? (unsigned)cores - 1 : 0;
	int code = EXIT_OK;
	if (wish->checkpoint)
		code = give_note(v, wish->checkpoint, trail_verify_set_checkpoint);
	if (code == EXIT_OK && wish->since && wish->since != LAST)
		code = give_note(v, wish->since, trail_verify_set_since);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_verify_set_resume(v, wish->since == LAST);
	if (err == TRAIL_OK)
		err = trail_verify_set_payloads(v, wish->payloads);
	if (err == TRAIL_OK)
		err = trail_verify_set_threads(v, helpers);
	if (err == TRAIL_OK)
		err = trail_verify_set_progress(v, task_step, task);
	return exit_of(err);
}

/* ---- the command ---- */

static int verify(struct cli *cli, const struct wish *wish, struct trail_verify *v)
{
	struct task task = { 0 };
	int code = set_up(v, wish, &task);
	if (code == EXIT_OK)
		code = cli_open(cli);
	/* That this is not the log that it must be is a verdict, too. */
	if (code != EXIT_OK && trail_error_code(cli->trail) != TRAIL_CORRUPT)
		return code;
	task_begin(&task, "records", wish->quiet);
	enum trail_err err = trail_verify_run(cli->trail, v);
	task_end(&task);
	const struct verdict verdict = {
		.v = v,
		.origin = trail_origin(cli->trail),
		.identity = cli_trust(cli),
		.quiet = wish->quiet,
	};
	if (err == TRAIL_OK)
		return verdict_tell(cli, &verdict);
	if (err == TRAIL_MORE)
		return verdict_stopped(cli, v);
	code = cli_fail(cli);
	return err == TRAIL_END ? EXIT_USAGE : code;
}

int cmd_verify(struct cli *cli, int argc, char **argv)
{
	struct wish wish = { 0 };
	const struct choice choices[] = {
		{ .name = "checkpoint", .text = &wish.checkpoint, .value = VALUE_FILE },
		{ .name = "since", .text = &wish.since, .bare = LAST, .value = VALUE_FILE },
		{ .name = "payloads", .flag = &wish.payloads },
		{ .name = "quiet", .letter = 'q', .flag = &wish.quiet },
		{ 0 },
	};
	int rest;
	bool done;
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (rest != argc) {
		say("%s: verifying files and folders is not there yet; without an argument the "
		    "log of the running daemon is verified (a FILE for --since stands behind =)",
			argv[rest]);
		return EXIT_USAGE;
	}
	struct trail_verify *v = trail_verify_new();
	if (!v) {
		say("memory is out");
		return EXIT_IO;
	}
	code = verify(cli, &wish, v);
	trail_verify_free(v);
	return code;
}
