/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"
#include "predecessor.h"
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
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

struct work {
	struct progress bar;
	bool begun;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* Once; a second one ends the program as usual. */
static void heed_interrupts(void)
{
	struct sigaction sa = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
}

static bool go_on(void *ctx, uint64_t done, uint64_t total)
{
	struct work *work = ctx;
	if (!work->begun)
		progress_init(&work->bar, total, "records");
	work->begun = true;
	progress_show(&work->bar, done, done);
	return !interrupted;
}

static bool go_on_quietly(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return !interrupted;
}

/* ---- what was given ---- */

/* EXIT_OK, or a sentence was said. */
static int give_note(struct trail_verify *v, const char *path,
	enum trail_err (*set)(struct trail_verify *v, const char *note, size_t len))
{
	char text[NOTE_MAX + 1];
	FILE *f = fopen(path, "re");
	if (!f) {
		say("cannot read %s: %s", path, strerror(errno));
		return EXIT_IO;
	}
	size_t len = fread(text, 1, sizeof text, f);
	bool failed = ferror(f) != 0;
	(void)fclose(f);
	if (failed) {
		say("cannot read %s", path);
		return EXIT_IO;
	}
	if (set(v, text, len) == TRAIL_OK)
		return EXIT_OK;
	say("%s is no checkpoint; `trail checkpoint` prints one", path);
	return EXIT_USAGE;
}

static int set_up(struct trail_verify *v, const struct wish *wish, struct work *work)
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
		err = trail_verify_set_progress(v, wish->quiet ? go_on_quietly : go_on, work);
	return exit_of(err);
}

/* ---- what is told ---- */

static const char *verdict_word(const struct trail_verify *v)
{
	switch (trail_verify_verdict(v)) {
	case TRAIL_VERDICT_VALID:
		return "valid";
	case TRAIL_VERDICT_INVALID:
		return "invalid";
	case TRAIL_VERDICT_UNVERIFIABLE:
		return "unverifiable";
	case TRAIL_VERDICT_NONE:
		break;
	}
	return "none";
}

static int verdict_exit(const struct trail_verify *v)
{
	switch (trail_verify_verdict(v)) {
	case TRAIL_VERDICT_VALID:
		return EXIT_OK;
	case TRAIL_VERDICT_INVALID:
		return EXIT_INVALID;
	case TRAIL_VERDICT_UNVERIFIABLE:
	case TRAIL_VERDICT_NONE:
		break;
	}
	return trail_verify_invalid(v) != 0 ? EXIT_INVALID : EXIT_OPEN;
}

static json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static json_t *json_index(bool has, uint64_t index)
{
	return has ? json_number(index) : json_null();
}

static json_t *json_findings(const struct trail_verify *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < trail_verify_findings(v); i++) {
		uint64_t index = 0;
		bool has = trail_verify_finding_index(v, i, &index);
		(void)json_array_append_new(list,
			json_pack("{s:s, s:o, s:s}", "code", trail_verify_finding_code(v, i),
				"index", json_index(has, index), "what",
				trail_verify_finding_what(v, i)));
	}
	return list;
}

static void print_verdict_json(
	const struct cli *cli, const struct trail_verify *v, const struct trail_predecessor *before)
{
	const uint8_t *root = trail_verify_root(v);
	uint64_t first = 0;
	bool exact;
	bool has_first = trail_verify_first_bad(v, &first, &exact);
	json_t *to = json_object();
	(void)json_object_set_new(to, "verdict", json_string(verdict_word(v)));
	(void)json_object_set_new(to, "size", json_number(trail_verify_size(v)));
	(void)json_object_set_new(to, "root", json_base64(root, TRAIL_HASH_LEN));
	(void)json_object_set_new(to, "identity", json_string(cli_trust(cli)));
	(void)json_object_set_new(to, "first_bad", json_index(has_first, first));
	(void)json_object_set_new(to, "checked", json_number(trail_verify_checked(v)));
	(void)json_object_set_new(to, "findings", json_findings(v));
	(void)json_object_set_new(to, "uncovered", json_number(trail_verify_uncovered(v)));
	(void)json_object_set_new(to, "payloads", json_number(trail_verify_payloads(v)));
	(void)json_object_set_new(to, "erased", json_number(trail_verify_erased(v)));
	(void)json_object_set_new(to, "since", json_number(trail_verify_since(v)));
	(void)json_object_set_new(to, "invalid", json_number(trail_verify_invalid(v)));
	(void)json_object_set_new(to, "unverifiable", json_number(trail_verify_unverifiable(v)));
	(void)json_object_set_new(to, "predecessor", predecessor_json(before));
	print_json(to);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_valid(const struct trail_verify *v)
{
	unsigned long long payloads = trail_verify_payloads(v);
	printf("all fit, and give the root of the signed checkpoint");
	if (payloads != 0)
		printf("; %llu payload%s opened", payloads, plural(payloads));
	if (trail_verify_since(v) != 0)
		printf("; the %llu before them were verified earlier",
			(unsigned long long)trail_verify_since(v));
}

static void print_bad(const struct trail_verify *v)
{
	unsigned long long invalid = trail_verify_invalid(v);
	unsigned long long open = trail_verify_unverifiable(v);
	uint64_t first;
	bool exact;
	if (invalid != 0)
		printf("%llu finding%s against it", invalid, plural(invalid));
	if (open != 0)
		printf("%s%llu that cannot be judged", invalid != 0 ? ", " : "", open);
	if (trail_verify_first_bad(v, &first, &exact))
		printf("; the first bad record is %llu%s", (unsigned long long)first,
			exact ? "" : ", or a later one");
}

static void print_verdict_text(
	const struct cli *cli, const struct trail_verify *v, const struct trail_predecessor *before)
{
	const char *origin = trail_origin(cli->trail);
	unsigned long long checked = trail_verify_checked(v);
	size_t listed = trail_verify_findings(v);
	uint64_t all = trail_verify_invalid(v) + trail_verify_unverifiable(v);
	printf("%s: ", verdict_word(v));
	print_text(stdout, origin ? origin : "the log");
	printf(": %llu record%s: ", checked, plural(checked));
	if (trail_verify_verdict(v) == TRAIL_VERDICT_VALID)
		print_valid(v);
	else
		print_bad(v);
	printf("\nsize %llu  identity %s\n", (unsigned long long)trail_verify_size(v),
		cli_trust(cli));
	predecessor_print(stdout, before);
	for (size_t i = 0; i < listed; i++) {
		uint64_t index;
		printf("%s  %s  ",
			trail_verify_finding_is_invalid(v, i) ? "invalid" : "unverifiable",
			trail_verify_finding_code(v, i));
		if (trail_verify_finding_index(v, i, &index))
			printf("index %llu  ", (unsigned long long)index);
		print_text(stdout, trail_verify_finding_what(v, i));
		(void)putchar('\n');
	}
	if (all > listed)
		printf("and %llu more\n", (unsigned long long)(all - listed));
}

static int report(struct cli *cli, const struct wish *wish, const struct trail_verify *v)
{
	struct trail_predecessor *before = NULL;
	/* Where something speaks against the log, what it says of another one is of no use. */
	if (trail_verify_verdict(v) == TRAIL_VERDICT_VALID && !wish->quiet)
		(void)trail_predecessor_ask(cli->trail, &before);
	if (cli->json)
		print_verdict_json(cli, v, before);
	else if (!wish->quiet)
		print_verdict_text(cli, v, before);
	trail_predecessor_free(before);
	return verdict_exit(v);
}

/* ---- the command ---- */

static int stopped(struct cli *cli, const struct trail_verify *v)
{
	unsigned long long invalid = trail_verify_invalid(v);
	say("%s; %s%s", trail_error(cli->trail),
		invalid != 0 ? "there are findings against it: run it again to see them"
			     : "up to there nothing speaks against it",
		", and there is no verdict");
	return verdict_exit(v);
}

static int verify(struct cli *cli, const struct wish *wish, struct trail_verify *v)
{
	struct work work = { 0 };
	int code = set_up(v, wish, &work);
	if (code == EXIT_OK)
		code = cli_open(cli);
	/* That this is not the log that it must be is a verdict, too. */
	if (code != EXIT_OK && trail_error_code(cli->trail) != TRAIL_CORRUPT)
		return code;
	heed_interrupts();
	enum trail_err err = trail_verify_run(cli->trail, v);
	if (work.begun)
		progress_clear(&work.bar);
	if (err == TRAIL_OK)
		return report(cli, wish, v);
	if (err == TRAIL_MORE)
		return stopped(cli, v);
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
