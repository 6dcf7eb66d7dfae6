/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"
#include "output.h"
#include "render.h"

#include <string.h>

const char HELP_SEARCH[] =
	"usage: trail search [TERM...] [-S SINCE] [-U UNTIL] [-n N] [-r] [-f] [-o FORM]\n"
	"                   [--scan] [--explain] [--evidence DIR]\n"
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
	"      --scan         read the log itself instead of its index\n"
	"  -o FORM            short (a sentence each, the default), table, json or csv\n"
	"      --explain      say how the terms are understood, and ask nothing\n"
	"      --evidence DIR make the new folder DIR with the rows and the proof of each, for\n"
	"                     somebody without access: `trail verify DIR` checks it; all rows,\n"
	"                     unless -n is given\n"
	"\n"
	"Below the rows, on standard error, stands how complete the answer is. Exit codes:\n"
	"0 found, 1 nothing, 6 found but something that sources numbered is missing.\n"
	"\n"
	"Examples:\n"
	"  trail search actor:anna -S today\n"
	"  trail search subject:p-93 action:read -S -30d -o csv > who-looked.csv\n"
	"  trail search outcome:denied -f\n"
	"  trail search object:/hr/* -action:read -n 20\n"
	"  trail search type:journal 'purpose:\"\"'\n"
	"  trail search subject:p-93 --evidence case-2026-119\n";

/*
 * Terms that begin with "-" look like options, and are none: getopt is shown a copy of each with a
 * space in front, so that all terms stay in the order in which they were typed.
 */
struct shelter {
	char **argv; /* as many as there were, and a NULL */
	char *copies;
	size_t len; /* of them, in bytes */
};

/* "-actor:anna" is a term, not a cluster of letters. */
static bool is_negation(const char *arg)
{
	size_t word = arg[0] == '-' ? strspn(arg + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
	return word > 0 && arg[1 + word] == ':';
}

/* False: memory is out. */
static bool shelter(struct shelter *s, int argc, char **argv)
{
	size_t room = 1;
	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]) + 2;
	s->argv = calloc((size_t)argc + 1, sizeof *s->argv);
	s->copies = malloc(room);
	for (int i = 0; s->argv && s->copies && i < argc; i++) {
		s->argv[i] = argv[i];
		if (!is_negation(argv[i]))
			continue;
		s->argv[i] = s->copies + s->len;
		s->len += (size_t)sprintf(s->argv[i], " %s", argv[i]) + 1;
	}
	return s->argv && s->copies;
}

static void shelter_end(struct shelter *s)
{
	free(s->argv);
	free(s->copies);
}

/* The argument as it was typed. */
static const char *typed(const struct shelter *s, const char *arg)
{
	bool copied = false;
	for (size_t at = 0; at < s->len && !copied; at += strlen(s->copies + at) + 1)
		copied = arg == s->copies + at;
	return arg + copied;
}

/* The arguments, with a space between them. NULL: memory is out. */
static char *join(const struct shelter *s, int argc, char **argv)
{
	size_t len = 1;
	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	char *out = malloc(len);
	char *at = out;
	for (int i = 0; out && i < argc; i++)
		at += sprintf(at, "%s%s", i ? " " : "", typed(s, argv[i]));
	if (out)
		*at = '\0';
	return out;
}

static int search(struct cli *cli, const struct shelter *s, int argc)
{
	struct asking asking = { 0 };
	struct choice choices[ASKING_CHOICES];
	int rest;
	bool done;
	asking_choices(&asking, choices);
	cli->forms = RENDER_FORMS;
	int code = options_read(cli, argc, s->argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	char *terms = join(s, argc - rest, s->argv + rest);
	if (!terms) {
		say("memory is out");
		return EXIT_IO;
	}
	asking.terms = terms;
	code = answer_show(cli, &asking);
	free(terms);
	return code;
}

int cmd_search(struct cli *cli, int argc, char **argv)
{
	struct shelter s = { 0 };
	int code = EXIT_IO;
	if (shelter(&s, argc, argv))
		code = search(cli, &s, argc);
	else
		say("memory is out");
	shelter_end(&s);
	return code;
}
