/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"

const char HELP_PROVE[] =
	"usage: trail prove INDEX > FILE.tlog-proof\n"
	"\n"
	"Write the evidence for one record to standard output, as a C2SP .tlog-proof: its\n"
	"path to the newest signed checkpoint, and with it the event, the log's first\n"
	"record, its source and its peer. Whoever has the log identity file can check it\n"
	"without the log. It holds the event in clear: mind whom you give it to.\n"
	"\n"
	"Example:\n"
	"  trail prove 5 > case-2026-118.tlog-proof\n";

int cmd_prove(struct cli *cli, int argc, char **argv)
{
	char *text = NULL;
	size_t len;
	uint64_t index;
	bool done;
	int code = cli_open_index(cli, argc, argv, "prove", &index, &done);
	if (code != EXIT_OK || done)
		return code;
	if (trail_prove(cli->trail, index, &text, &len) != TRAIL_OK)
		return cli_fail(cli);
	(void)fwrite(text, 1, len, stdout);
	trail_text_free(text);
	return EXIT_OK;
}
