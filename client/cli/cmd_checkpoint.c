/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"

const char HELP_CHECKPOINT[] =
	"usage: trail checkpoint > FILE\n"
	"\n"
	"Write the newest signed checkpoint (a C2SP note: origin, size, root, signatures) to\n"
	"standard output, after its signature and its consistency with every checkpoint\n"
	"that this user saw before were checked. Keep one elsewhere: with it, nobody can\n"
	"change or cut what it covers without being found out.\n"
	"\n"
	"Example:\n"
	"  trail checkpoint | ssh archive 'cat > trail-checkpoint'\n";

int cmd_checkpoint(struct cli *cli, int argc, char **argv)
{
	const char *note;
	size_t len;
	bool done;
	int code = cli_open_bare(cli, argc, argv, "checkpoint", &done);
	if (code != EXIT_OK || done)
		return code;
	if (trail_checkpoint(cli->trail, &note, &len) != TRAIL_OK)
		return cli_fail(cli);
	if (cli->json)
		print_json(json_pack("{s:s, s:I, s:s}", "origin", trail_origin(cli->trail), "size",
			(json_int_t)trail_size(cli->trail), "note", note));
	else
		(void)fwrite(note, 1, len, stdout);
	return EXIT_OK;
}
