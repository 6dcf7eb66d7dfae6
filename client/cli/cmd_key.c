/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"

const char HELP_KEY[] =
	"usage: trail key > FILE\n"
	"\n"
	"Write the log identity file to standard output: the log's verifier key and the\n"
	"hash of its first record. Who verifies must get it by a path that he trusts, not\n"
	"from the log; commands then take it as --log FILE.\n"
	"\n"
	"Examples:\n"
	"  trail key > log.identity\n"
	"  trail --log log.identity checkpoint\n";

int cmd_key(struct cli *cli, int argc, char **argv)
{
	bool done;
	int code = cli_open_bare(cli, argc, argv, "key", &done);
	if (code != EXIT_OK || done)
		return code;
	const char *text = trail_identity(cli->trail);
	if (cli->json)
		print_json(json_pack(
			"{s:s, s:s}", "origin", trail_origin(cli->trail), "identity", text));
	else
		(void)fputs(text, stdout);
	return EXIT_OK;
}
