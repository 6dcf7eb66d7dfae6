/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "verdict.h"
#include "wish.h"

const char HELP_PUBLISH[] =
	"usage: trail publish [options] FOLDER\n"
	"\n"
	"Writes the log to FOLDER as files that any web server can give out and anybody can\n"
	"verify: every record, the tiles of the tree over them (c2sp.org/tlog-tiles), the signed\n"
	"checkpoint, the log identity. Only what is new is fetched, verified and written; the\n"
	"checkpoint comes last. However it ends, what is in FOLDER fits together, and the next "
	"run\n"
	"goes on. Payloads and names are no part of it; times and numbers are: publish with care.\n"
	"\n"
	"  --log FILE         the log identity file that the log must be\n"
	"  -q, --quiet        print nothing but errors\n"
	"  -o json            one JSON object on standard output, as `trail verify` prints\n"
	"\n"
	"Exit codes: 0 published, or nothing is new; 5 the log contradicts itself or what is in\n"
	"FOLDER: nothing was published; 6 published, with records that this program cannot judge;\n"
	"3 no daemon, a file cannot be written, or another process publishes there; 4 not\n"
	"permitted (role auditor is needed). trail(1) has lines for a web server and for cron.\n"
	"\n"
	"Examples:\n"
	"  trail publish published\n"
	"  trail publish -q --log log.identity published\n"
	"  trail verify published\n";

static void tell(const struct trail_verify *v, const char *path)
{
	unsigned long long size = trail_verify_size(v);
	unsigned long long before = trail_verify_since(v);
	const char *origin = trail_verify_origin(v);
	if (size == before)
		printf("nothing new: ");
	else
		printf("published: ");
	print_text(stdout, *origin ? origin : "the log");
	if (size == before)
		printf(": the %llu records are there already, in ", size);
	else
		printf(": %llu new record%s, %llu in all, in ", size - before,
			size - before == 1 ? "" : "s", size);
	print_text(stdout, path);
	(void)putchar('\n');
}

static int report(
	struct cli *cli, const struct wish *wish, const struct trail_verify *v, const char *path)
{
	enum trail_verdict found = trail_verify_verdict(v);
	const struct verdict verdict = {
		.v = v,
		.origin = trail_verify_origin(v),
		.identity = cli_trust(cli),
		.quiet = wish->quiet || found == TRAIL_VERDICT_VALID,
	};
	int code = verdict_tell(cli, &verdict);
	if (found == TRAIL_VERDICT_INVALID)
		say("nothing was published; what was in %s before is as it was", path);
	else if (!cli->json && !wish->quiet)
		tell(v, path);
	return code;
}

static int publish(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	struct task task = { 0 };
	int code = wish_begin(cli, wish, v, &task);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_publish(cli->trail, v, path);
	task_end(&task);
	if (err == TRAIL_OK)
		return report(cli, wish, v, path);
	if (err != TRAIL_MORE)
		return cli_fail(cli);
	say("%s; what is in %s is as it was, and the next run goes on", trail_error(cli->trail),
		path);
	return EXIT_OPEN;
}

int cmd_publish(struct cli *cli, int argc, char **argv)
{
	struct wish wish = { 0 };
	const struct choice choices[] = {
		{ .name = "quiet", .letter = 'q', .flag = &wish.quiet },
		{ 0 },
	};
	int rest;
	bool done;
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc - rest != 1 || argv[rest][0] == '\0') {
		say("publish takes the FOLDER to write to, for example: trail publish published");
		return EXIT_USAGE;
	}
	struct trail_verify *v = trail_verify_new();
	if (!v) {
		say("memory is out");
		return EXIT_IO;
	}
	code = publish(cli, &wish, v, argv[rest]);
	trail_verify_free(v);
	return code;
}
