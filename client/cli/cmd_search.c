/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "output.h"
#include "render.h"
#include "typed.h"

#include <stdlib.h>

const char HELP_SEARCH[] =
	"usage: trail search [TERM...] [-S SINCE] [-U UNTIL] [-n N] [-r] [-f] [-o FORM]\n"
	"                   [--fields NAMES] [--after INDEX] [--cursor-file FILE]\n"
	"                   [--around LENGTH] [--same FIELD] [--evidence DIR]\n"
	"                   [--scan] [--explain]\n"
	"\n"
	"Show the events that match all terms, the newest last; without terms all events.\n"
	"Each row is verified: it is in the tree of a signed checkpoint, and the event is\n"
	"the one that its record commits to. The search itself becomes an event of the log\n"
	"before the first row is shown.\n"
	"\n"
	"A term is field:value. Terms of different fields must all be met; of terms of the\n"
	"same field one must be. A value with spaces stands in double quotes, which the\n"
	"shell must not take away: 'object:\"/a b\"'.\n"
	"\n"
	"  field:value        that value         subject:p-93\n"
	"  field:value*       begins with it     object:/hr/*   (the whole subtree)\n"
	"  field:*            has any value      purpose:*\n"
	"  field:\"\"           has none           purpose:\"\"\n"
	"  field:low..high    a range, both ends included; one may be left out: index:4711..\n"
	"  -field:value       not that\n"
	"\n"
	"Fields:\n"
	"\n"
	"  actor object subject   ids: who did it, with what, whom it was about\n"
	"  unit type verb host    the actor's unit, the object's type, the source's own word\n"
	"                         for the act, the computer it came from\n"
	"  purpose correlation    why; the request or trace that ties acts together\n"
	"  id                     the event's own id, a UUID\n"
	"  action                 create, read, modify, delete or execute\n"
	"  outcome                success, denied, failure or unknown\n"
	"  medium                 digital, paper or oral\n"
	"  source peer            which system told, and who sent it (unix:1001);\n"
	"                         traild: the log itself\n"
	"  index class            numbers: the record's place in the log, its class\n"
	"\n"
	"  -S, --since WHEN   events that happened then or later\n"
	"  -U, --until WHEN   events that happened before\n"
	"                     2026-03-01, 2026-03-01T12:00:00Z, today, yesterday, -2h, -30d\n"
	"  -n, --limit N      the last N; 0: all (the default, but on a terminal 1,000)\n"
	"  -r, --reverse      the newest first\n"
	"  -f, --follow       show what comes, until you stop it; the last 10 first\n"
	"      --scan             read the log itself instead of its index\n"
	"  -o FORM            short (a sentence each, the default), table, json or csv\n"
	"      --fields NAMES     these fields alone, in table, json or csv\n"
	"      --after INDEX      what lies behind this record; -n N: the first N\n"
	"      --cursor-file FILE go on behind what the last run with this file showed\n"
	"      --around LENGTH    what happened 90s, 5m, 2h, 1d before and after the event whose\n"
	"                         index is among the terms\n"
	"      --same FIELD       what has the actor, object, subject or correlation of that "
	"event\n"
	"      --explain          say how the terms are understood, and ask nothing\n"
	"      --evidence DIR make the new folder DIR with the rows and the proof of each, for\n"
	"                     somebody without access: `trail verify DIR` checks it; all rows,\n"
	"                     unless -n is given\n"
	"\n" ASKING_FIELDS_HELP "\n"
	"Below the rows, on standard error, stands how complete the answer is. Exit codes:\n"
	"0 found, 1 nothing, 6 found but something that sources numbered is missing.\n"
	"\n"
	"Examples:\n"
	"  trail search actor:anna -S today\n"
	"  trail search subject:p-93 action:read -S -30d -o csv > who-looked.csv\n"
	"  trail search outcome:denied -f\n"
	"  trail search --around 5m 5\n"
	"  trail search --same subject 5 -o table --fields time,actor,action,object\n"
	"  trail search object:/hr/* -action:read -n 20\n"
	"  trail search type:journal 'purpose:\"\"'\n"
	"  trail search subject:p-93 --evidence case-2026-119\n";

/* The one argument that is a number, and no term, is the event that is asked about. */
static bool take_pivot(struct asking *asking, int *argc, char **argv)
{
	int count = 0, found = 0;
	for (int i = 0; i < *argc; i++) {
		uint64_t index;
		if (!number_read(argv[i], &index)) {
			argv[count++] = argv[i];
			continue;
		}
		asking->pivot = index;
		found++;
	}
	*argc = count;
	return found == 1;
}

int cmd_search(struct cli *cli, int argc, char **argv)
{
	struct asking asking = { 0 };
	struct choice choices[ASKING_CHOICES + ASKING_PIVOTS];
	struct typed typed;
	char *text = NULL;
	bool done;
	asking_choices(&asking, true, choices);
	cli->forms = RENDER_FORMS;
	int code = typed_read(&typed, cli, argc, argv, choices, &done);
	if (code == EXIT_OK && !done && (asking.around || asking.same) &&
		!take_pivot(&asking, &typed.argc, typed.argv)) {
		say("%s takes the INDEX of one record, for example: trail search %s 4711",
			asking.around ? "--around" : "--same",
			asking.around ? "--around 5m" : "--same actor");
		code = EXIT_USAGE;
	}
	if (code == EXIT_OK && !done) {
		text = typed_join(&typed, 0);
		asking.terms = text;
		code = text ? answer_show(cli, &asking) : EXIT_IO;
	}
	free(text);
	typed_end(&typed);
	return code;
}
