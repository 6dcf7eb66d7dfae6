/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "complete.h"
#include "output.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct command COMMANDS[] = {
	{ "emit", cmd_emit, "write one event, print its receipt", HELP_EMIT, VALUE_ACTION },
	{ "import", cmd_import, "write many events from a file", HELP_IMPORT, VALUE_FILE },
	{ "search", cmd_search, "the events that match: who did what", HELP_SEARCH, VALUE_TERM },
	{ "history", cmd_history, "who created, read, changed, deleted one object", HELP_HISTORY,
		VALUE_ANY },
	{ "report", cmd_report, "how many events, by who, what, when", HELP_REPORT, VALUE_GROUP },
	{ "show", cmd_show, "one record, verified", HELP_SHOW, VALUE_ANY },
	{ "prove", cmd_prove, "the evidence for one record, as .tlog-proof", HELP_PROVE,
		VALUE_ANY },
	{ "checkpoint", cmd_checkpoint, "the newest signed checkpoint", HELP_CHECKPOINT,
		VALUE_ANY },
	{ "verify", cmd_verify, "is the whole log what it claims to be?", HELP_VERIFY, VALUE_FILE },
	{ "publish", cmd_publish, "write the log as files for a web server", HELP_PUBLISH,
		VALUE_FILE },
	{ "key", cmd_key, "the log identity file", HELP_KEY, VALUE_ANY },
	{ "sources", cmd_sources, "who writes to the log, and what is missing", HELP_SOURCES,
		VALUE_ANY },
	{ "status", cmd_status, "how the daemon is, and what needs attention", HELP_STATUS,
		VALUE_ANY },
};

enum {
	COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0]
};

static void print_usage(FILE *to)
{
	(void)fprintf(to, "usage: trail [--connect ADDRESS] COMMAND ...\n\n");
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		(void)fprintf(to, "  %-11s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
	(void)fprintf(to,
		"\n`trail COMMAND --help` teaches a command. Options of all of them:\n\n"
		"  --connect ADDRESS  where traild listens: unix:PATH (else $TRAIL_CONNECT,\n"
		"                     else unix:/run/trail/trail.sock)\n"
		"  --log FILE         the log identity file that the log must be\n"
		"  --policy FILE      the witness policy by which cosignatures are judged\n"
		"  --timeout SECONDS  the longest wait for an answer (10)\n"
		"  -o, --output FORM  text for people or json for programs; some know more\n"
		"  --lang LANGUAGE    of sentences: en or sv (else as the locale says)\n"
		"  --utc              times in UTC instead of the local zone\n"
		"  --no-pager         do not page on a terminal\n"
		"  --help, --version\n");
}

static const struct command *find_command(const char *name)
{
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(COMMANDS[i].name, name) == 0)
			return &COMMANDS[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *names[COMMAND_COUNT + 1] = { 0 };
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		names[i] = COMMANDS[i].name;
	const char *near = trail_suggest(name, names);
	if (strcmp(name, "log") == 0)
		say("there is no command \"log\"; did you mean emit or search?");
	else if (near)
		say("there is no command \"%s\"; did you mean %s?", name, near);
	else
		say("there is no command \"%s\"; `trail --help` lists them", name);
	return EXIT_USAGE;
}

/* `trail help COMMAND` and `trail help`. */
static int help(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;
	if (name && !command)
		return unknown_command(name);
	if (command)
		(void)fputs(command->help, stdout);
	else
		print_usage(stdout);
	return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	int rest = 1;
	bool asked = false, version = false;
	int code = options_read_front(cli, argc, argv, &rest, &asked, &version);
	if (code != EXIT_OK)
		return code;
	if (version) {
		printf("trail %s\n", trail_version());
		return EXIT_OK;
	}
	if (asked)
		return help(NULL);
	if (rest == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[rest], "help") == 0)
		return help(argv[rest + 1]);
	if (strcmp(argv[rest], "complete") == 0)
		return complete(cli, COMMANDS, COMMAND_COUNT, argc - rest - 1, argv + rest + 1);
	cli->command = find_command(argv[rest]);
	if (!cli->command)
		return unknown_command(argv[rest]);
	return cli->command->run(cli, argc - rest, argv + rest);
}

/* To be left by who reads (a pager, `head`) is no failure: they have seen enough. */
static int finish(struct cli *cli, int code)
{
	bool failed = fflush(stdout) != 0 || ferror(stdout);
	bool left = failed && screen_left();
	bool seen = pager_close(&cli->pager);
	if (!seen)
		say("the pager that TRAIL_PAGER or PAGER names cannot be run; --no-pager goes "
		    "without");
	else if (failed && !left)
		say("cannot write to standard output");
	if (code == EXIT_OK && (!seen || (failed && !left)))
		return EXIT_IO;
	return code;
}

/* JSON without what there was no memory for is untrue; jansson reads and writes it all the same. */
static void *memory_for_json(size_t len)
{
	void *memory = malloc(len);
	if (memory)
		return memory;
	say("memory is out");
	exit(EXIT_IO);
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	/* What bytes are characters, and how wide; nothing else goes by the locale. */
	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	json_set_alloc_funcs(memory_for_json, free);
	screen_look(&cli.screen);
	int code = run(&cli, argc, argv);
	trail_free(cli.trail);
	return finish(&cli, code);
}
