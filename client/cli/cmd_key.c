/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"
#include "predecessor.h"

const char HELP_KEY[] =
	"usage: trail key [--predecessor] > FILE\n"
	"\n"
	"Write the log identity file to standard output: the log's verifier key and the\n"
	"hash of its first record. Who verifies must get it by a path that he trusts, not\n"
	"from the log; commands then take it as --log FILE.\n"
	"\n"
	"  --predecessor   write the identity file of the log that this one follows instead, as\n"
	"                  this one's first record has it (role auditor); how far that log came\n"
	"                  and why it ended go to standard error; exit 1: it follows none\n"
	"\n"
	"Examples:\n"
	"  trail key > log.identity\n"
	"  trail --log log.identity checkpoint\n";

static void print_identity(const struct cli *cli)
{
	const char *text = trail_identity(cli->trail);
	if (cli->json)
		print_json(json_pack(
			"{s:s, s:s}", "origin", trail_origin(cli->trail), "identity", text));
	else
		(void)fputs(text, stdout);
}

/* The identity file of the log before goes to stdout, what else is known of it to the person. */
static int print_predecessor(struct cli *cli)
{
	struct trail_predecessor *p = NULL;
	if (trail_predecessor_ask(cli->trail, &p) != TRAIL_OK)
		return cli_fail(cli);
	int code = p ? EXIT_OK : EXIT_NOTHING;
	if (cli->json) {
		print_json(
			json_pack("{s:s, s:s, s:o}", "origin", trail_origin(cli->trail), "identity",
				trail_identity(cli->trail), "predecessor", predecessor_json(p)));
	} else if (p) {
		(void)fputs(trail_predecessor_identity(p), stdout);
		predecessor_print(stderr, p);
	} else {
		say("this log follows none: it is the first of its kind");
	}
	trail_predecessor_free(p);
	return code;
}

int cmd_key(struct cli *cli, int argc, char **argv)
{
	bool before = false;
	const struct choice choices[] = {
		{ .name = "predecessor", .flag = &before },
		{ 0 },
	};
	int rest;
	bool done;
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc != rest) {
		say("key takes no argument");
		return EXIT_USAGE;
	}
	code = cli_open(cli);
	if (code != EXIT_OK)
		return code;
	if (before)
		return print_predecessor(cli);
	print_identity(cli);
	return EXIT_OK;
}
