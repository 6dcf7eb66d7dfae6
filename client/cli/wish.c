/* SPDX-License-Identifier: Apache-2.0 */
#include "wish.h"

#include "file.h"
#include "output.h"

#include <unistd.h>

enum {
	NOTE_MAX = 16384,
	HELPERS_MAX = 3, /* one core is the daemon's, and records come no faster than it reads */
};

const char SINCE_LAST[] = "";

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

int wish_apply(const struct wish *wish, struct trail_verify *v, struct task *task)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned helpers = cores > HELPERS_MAX ? HELPERS_MAX : cores > 1 ? (unsigned)cores - 1 : 0;
	int code = EXIT_OK;
	if (wish->checkpoint)
		code = give_note(v, wish->checkpoint, trail_verify_set_checkpoint);
	if (code == EXIT_OK && wish->since && wish->since != SINCE_LAST)
		code = give_note(v, wish->since, trail_verify_set_since);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_verify_set_resume(v, wish->since == SINCE_LAST);
	if (err == TRAIL_OK)
		err = trail_verify_set_payloads(v, wish->payloads);
	if (err == TRAIL_OK)
		err = trail_verify_set_threads(v, helpers);
	if (err == TRAIL_OK)
		err = trail_verify_set_progress(v, task_step, task);
	return exit_of(err);
}

int wish_begin(struct cli *cli, const struct wish *wish, struct trail_verify *v, struct task *task)
{
	int code = wish_apply(wish, v, task);
	if (code == EXIT_OK)
		code = cli_open(cli);
	/* That this is not the log that it must be is a verdict, too. */
	if (code != EXIT_OK && trail_error_code(cli->trail) != TRAIL_CORRUPT)
		return code;
	task_begin(task, "records", wish->quiet);
	return EXIT_OK;
}
