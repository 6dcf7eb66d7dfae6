/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "wish.h"

int cmd_verify_evidence(
	struct cli *cli, const struct wish *wish, struct trail_verify *v, const char *path)
{
	(void)cli;
	(void)wish;
	(void)v;
	say("%s: verifying evidence is not there yet; without an argument the log of the running "
	    "daemon is verified (a FILE for --since stands behind =)",
		path);
	return EXIT_USAGE;
}
