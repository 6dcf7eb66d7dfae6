/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "output.h"
#include "render.h"

const char HELP_HISTORY[] =
	"usage: trail history OBJECT [-S SINCE] [-U UNTIL] [-n N] [-r] [-f] [-o FORM]\n"
	"                   [--fields NAMES] [--after INDEX] [--cursor-file FILE]\n"
	"                   [--evidence DIR] [--scan] [--explain]\n"
	"\n"
	"Show who created, read, changed or deleted one object, the newest last. OBJECT is\n"
	"its whole id, as its system gives it. The rows are verified, and the question is on\n"
	"record, as `trail search --help` says.\n"
	"\n"
	"  -S, --since WHEN   events that happened then or later\n"
	"  -U, --until WHEN   events that happened before\n"
	"  -n, --limit N      the last N; 0: all (the default, but on a terminal 1,000)\n"
	"  -r, --reverse      the newest first\n"
	"  -f, --follow       show what comes, until you stop it; the last 10 first\n"
	"      --scan             read the log itself instead of its index\n"
	"  -o FORM            short (a sentence each, the default), table, json or csv\n"
	"      --fields NAMES     these fields alone, in table, json or csv\n"
	"      --after INDEX      what lies behind this record, the first rows first\n"
	"      --cursor-file FILE go on behind what the last run with this file showed\n"
	"      --explain          say what would be asked, and ask nothing\n"
	"      --evidence DIR make a new folder with the rows and the proof of each\n"
	"\n" ASKING_FIELDS_HELP "\n"
	"Examples:\n"
	"  trail history /journal/4711\n"
	"  trail history /journal/4711 -S yesterday -o table\n";

int cmd_history(struct cli *cli, int argc, char **argv)
{
	struct asking asking = { 0 };
	struct choice choices[ASKING_CHOICES + ASKING_PIVOTS];
	int rest;
	bool done;
	asking_choices(&asking, false, choices);
	cli->forms = RENDER_FORMS;
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc - rest != 1 || argv[rest][0] == '\0') {
		say("history takes the id of one OBJECT, for example: trail history /journal/4711");
		return EXIT_USAGE;
	}
	asking.object = argv[rest];
	return answer_show(cli, &asking);
}
