/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "health.h"
#include "output.h"
#include "prom.h"
#include "status_json.h"
#include "status_text.h"

#include <string.h>

const char HELP_STATUS[] =
	"usage: trail status [-q] [-o text|json|prom]\n"
	"\n"
	"How the daemon is, and what needs your attention. Only the checkpoint among it is\n"
	"proven; the rest is what the daemon says of itself. Needs the role operator: root, or\n"
	"the user that traild runs as.\n"
	"\n"
	"  -q, --quiet     print nothing but a line of what needs attention: for monitoring\n"
	"  -o json         one value; trail(1) lists its fields and their units\n"
	"  -o prom         Prometheus' text format, for a textfile collector\n"
	"\n"
	"Examples:\n"
	"  trail status -o json | jq .free_bytes\n"
	"  trail status -q || page_somebody\n"
	"\n"
	"Exit codes: 0 all is well, 3 no daemon answers, 4 you may not ask, 5 it is not the log\n"
	"that it was, 6 something needs attention (not with -o prom, which says so in a metric).\n";

/* One line, or nothing. */
static void print_status_quiet(const struct trouble all[HEALTH_KINDS])
{
	const char *between = "attention: ";
	for (size_t i = 0; i < HEALTH_KINDS; i++) {
		if (!all[i].now)
			continue;
		printf("%s%s", between, all[i].sentence);
		between = " - ";
	}
	if (between[0] == ' ')
		printf("\n");
}

static int print_status(struct cli *cli, const struct trail_status *s, bool quiet)
{
	struct trouble all[HEALTH_KINDS];
	size_t troubles = health_look(s, all);
	bool prom = strcmp(cli->output, "prom") == 0;
	if (quiet)
		print_status_quiet(all);
	else if (prom)
		print_prom(stdout, trail_origin(cli->trail), s);
	else if (cli->json)
		print_status_json(cli, s, all);
	else
		print_status_text(cli, s, all);
	return troubles == 0 || (prom && !quiet) ? EXIT_OK : EXIT_OPEN;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	static const char *const FORMS[] = { "text", "json", "prom", NULL };
	struct trail_status *s = NULL;
	bool quiet = false, done;
	int rest;
	const struct choice choices[] = { { .name = "quiet", .letter = 'q', .flag = &quiet },
		{ 0 } };
	cli->forms = FORMS;
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc != rest) {
		say("status takes no argument");
		return EXIT_USAGE;
	}
	code = cli_open(cli);
	if (code != EXIT_OK)
		return code;
	if (trail_status_ask(cli->trail, &s) != TRAIL_OK)
		return cli_fail(cli);
	code = print_status(cli, s, quiet);
	trail_status_free(s);
	return code;
}
