/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options, of one command and of all; and what they lead to: an open handle.
 */
#include "cli.h"
#include "file.h"
#include "output.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHOICES_MAX = 48,
	VALUE_OF_CHOICE = 1000, /* getopt's answer for choice i is this + i */
	LETTERS_MAX = 8 + 2 * CHOICES_MAX,
	IDENTITY_MAX = 4096,
	POLICY_MAX = 65537,
};

bool number_read(const char *text, uint64_t *number)
{
	uint64_t v = 0;
	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	}
	*number = v;
	return true;
}

/* The common options, as choices of `cli`. Answers how many. */
static size_t common_choices(struct cli *cli, bool *help, bool *version, struct choice *to)
{
	const struct choice common[] = {
		{ .name = "connect", .text = &cli->connect },
		{ .name = "log", .text = &cli->log, .value = VALUE_FILE },
		{ .name = "policy", .text = &cli->policy, .value = VALUE_FILE },
		{ .name = "timeout", .text = &cli->timeout },
		{ .name = "output", .letter = 'o', .text = &cli->output, .value = VALUE_FORM },
		{ .name = "lang", .text = &cli->lang, .value = VALUE_LANG },
		{ .name = "utc", .flag = &cli->utc },
		{ .name = "no-pager", .flag = &cli->no_pager },
		{ .name = "help", .flag = help },
		{ .name = "version", .flag = version },
	};
	memcpy(to, common, sizeof common);
	return sizeof common / sizeof common[0];
}

static const char *near_option(const char *arg, const struct choice *choices, size_t count)
{
	const char *names[CHOICES_MAX + 1] = { 0 };
	for (size_t i = 0; i < count; i++)
		names[i] = choices[i].name;
	return strncmp(arg, "--", 2) == 0 ? trail_suggest(arg + 2, names) : NULL;
}

static int refuse_option(
	const struct cli *cli, const char *arg, const struct choice *choices, size_t count)
{
	const char *near = near_option(arg, choices, count);
	const char *name = cli->command ? cli->command->name : "";
	const char *space = cli->command ? " " : "";
	if (near)
		say("there is no option %s; did you mean --%s?", arg, near);
	else
		say("the option %s is unknown or lacks its value; see `trail %s%s--help`", arg,
			name, space);
	return EXIT_USAGE;
}

static bool take_choice(const struct choice *choice, const char *value)
{
	if (choice->flag)
		*choice->flag = true;
	if (choice->text)
		*choice->text = value ? value : choice->bare;
	if (choice->many) {
		if (choice->many->count == MANY_MAX)
			return false;
		choice->many->items[choice->many->count++] = value;
	}
	return true;
}

static int has_value(const struct choice *choice)
{
	if (choice->flag)
		return no_argument;
	return choice->bare ? optional_argument : required_argument;
}

/* What getopt wants to know of the choices; `mode` begins its string of letters. */
static void put_options(const struct choice *choices, size_t count, struct option *longs,
	const char *mode, char letters[LETTERS_MAX])
{
	char *end = stpcpy(letters, mode);
	for (size_t i = 0; i < count; i++) {
		longs[i].name = choices[i].name;
		longs[i].has_arg = has_value(&choices[i]);
		longs[i].val = VALUE_OF_CHOICE + (int)i;
		if (choices[i].letter == 0)
			continue;
		*end++ = choices[i].letter;
		if (longs[i].has_arg == required_argument)
			*end++ = ':';
	}
	*end = '\0';
}

/* What getopt found; NULL: none of the choices. */
static const struct choice *choice_of(int got, const struct choice *choices, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool letter = choices[i].letter != 0 && got == choices[i].letter;
		if (letter || got == VALUE_OF_CHOICE + (int)i)
			return &choices[i];
	}
	return NULL;
}

static int read_all(struct cli *cli, int argc, char **argv, const struct choice *choices,
	size_t count, const char *mode)
{
	struct option longs[CHOICES_MAX + 1] = { 0 };
	char letters[LETTERS_MAX];
	put_options(choices, count, longs, mode, letters);
	opterr = 0;
	optind = 0;
	for (;;) {
		int got = getopt_long(argc, argv, letters, longs, NULL);
		if (got == -1)
			return EXIT_OK;
		const struct choice *choice = choice_of(got, choices, count);
		/* Of letters in a row getopt names the one; of long ones it does not. */
		const char letter[] = { '-', (char)optopt, '\0' };
		bool is_letter = optopt > 0 && optopt < VALUE_OF_CHOICE;
		if (!choice)
			return refuse_option(
				cli, is_letter ? letter : argv[optind - 1], choices, count);
		if (!take_choice(choice, optarg)) {
			say("--%s comes more than %d times", choice->name, MANY_MAX);
			return EXIT_USAGE;
		}
	}
}

/* "short, table, json or csv" */
static void list_forms(const char *const *forms, char *out, size_t room)
{
	size_t len = 0;
	for (size_t i = 0; forms[i] && len < room; i++) {
		const char *between = i == 0 ? "" : forms[i + 1] ? ", " : " or ";
		int more = snprintf(out + len, room - len, "%s%s", between, forms[i]);
		len += more > 0 ? (size_t)more : 0;
	}
}

const char *const *cli_forms(const struct cli *cli)
{
	static const char *const PLAIN[] = { "text", "json", NULL };
	return cli->forms ? cli->forms : PLAIN;
}

/* What -o names must be a form of this command. */
static int check_output(struct cli *cli)
{
	const char *const *forms = cli_forms(cli);
	char list[128] = "";
	if (!cli->output)
		cli->output = forms[0];
	for (size_t i = 0; forms[i]; i++) {
		if (strcmp(forms[i], cli->output) == 0) {
			cli->json = strcmp(cli->output, "json") == 0;
			return EXIT_OK;
		}
	}
	list_forms(forms, list, sizeof list);
	say("-o %s is not possible with %s; %s is", cli->output, cli->command->name, list);
	return EXIT_USAGE;
}

/* What --lang names must be a language that sentences are told in. */
static int check_lang(struct cli *cli)
{
	cli->words = cli->lang ? catalogue_find(cli->lang) : catalogue_look();
	if (cli->words)
		return EXIT_OK;
	say("--lang %s is not possible; en (English) or sv (Swedish) is", cli->lang);
	return EXIT_USAGE;
}

int options_read(
	struct cli *cli, int argc, char **argv, const struct choice *choices, int *rest, bool *done)
{
	struct choice all[CHOICES_MAX];
	bool help = false, version = false;
	size_t count = common_choices(cli, &help, &version, all);
	while (choices && choices->name && count < CHOICES_MAX)
		all[count++] = *choices++;
	*done = cli->completion.look != NULL;
	if (cli->completion.look) {
		cli->completion.look(cli, all, count);
		return EXIT_OK;
	}
	int code = read_all(cli, argc, argv, all, count, ":");
	if (code != EXIT_OK)
		return code;
	if (help) {
		(void)fputs(cli->command->help, stdout);
		*done = true;
		return EXIT_OK;
	}
	*rest = optind;
	code = check_lang(cli);
	return code == EXIT_OK ? check_output(cli) : code;
}

int options_read_front(struct cli *cli, int argc, char **argv, int *rest, bool *help, bool *version)
{
	struct choice all[CHOICES_MAX];
	size_t count = common_choices(cli, help, version, all);
	if (cli->completion.look) {
		cli->completion.look(cli, all, count);
		return EXIT_OK;
	}
	/* "+": stop at the command. */
	int code = read_all(cli, argc, argv, all, count, "+:");
	if (code != EXIT_OK)
		return code;
	*rest = optind;
	return EXIT_OK;
}

int exit_of(enum trail_err err)
{
	switch (err) {
	case TRAIL_OK:
	case TRAIL_MORE:
		return EXIT_OK;
	case TRAIL_END:
		return EXIT_NOTHING;
	case TRAIL_INVALID:
	case TRAIL_TOO_BIG:
	case TRAIL_CLOSED:
	case TRAIL_UNSUPPORTED:
	case TRAIL_MISUSE:
		return EXIT_USAGE;
	case TRAIL_CONFLICT:
	case TRAIL_CORRUPT:
		return EXIT_INVALID;
	case TRAIL_DENIED:
		return EXIT_DENIED;
	case TRAIL_EXPECTED:
	case TRAIL_BUSY:
	case TRAIL_FULL:
	case TRAIL_UNAVAILABLE:
	case TRAIL_IO:
	case TRAIL_NOMEM:
	case TRAIL_TIMEOUT:
		return EXIT_IO;
	}
	return EXIT_IO;
}

const char *cli_trust(const struct cli *cli)
{
	switch (trail_trust_level(cli->trail)) {
	case TRAIL_TRUST_GIVEN:
		return "given";
	case TRAIL_TRUST_KEPT:
		return "kept";
	case TRAIL_TRUST_FIRST:
		return "first";
	case TRAIL_TRUST_NONE:
		break;
	}
	return "none";
}

int cli_fail(struct cli *cli)
{
	enum trail_err err = trail_error_code(cli->trail);
	say("%s", trail_error(cli->trail));
	return exit_of(err);
}

/* --timeout, in seconds with a fraction. */
static int set_timeout(struct cli *cli)
{
	char *end = NULL;
	double seconds = cli->timeout ? strtod(cli->timeout, &end) : 10;
	if (cli->timeout &&
		(end == cli->timeout || *end != '\0' || !(seconds > 0) || seconds > 3600)) {
		say("--timeout %s is not possible; give seconds, above 0 and up to 3600",
			cli->timeout);
		return EXIT_USAGE;
	}
	cli->timeout_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
	if (trail_set_timeout(cli->trail, cli->timeout_ms) != TRAIL_OK)
		return cli_fail(cli);
	return EXIT_OK;
}

static int set_identity(struct cli *cli)
{
	char text[IDENTITY_MAX];
	size_t len;
	if (!cli->log)
		return EXIT_OK;
	int code = file_read(cli->log, text, sizeof text, &len);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_set_identity(cli->trail, text, len);
	if (err == TRAIL_OK)
		return EXIT_OK;
	say("%s: %s", cli->log, trail_error(cli->trail));
	return exit_of(err);
}

static int set_policy(struct cli *cli)
{
	char text[POLICY_MAX];
	size_t len;
	if (!cli->policy)
		return EXIT_OK;
	int code = file_read(cli->policy, text, sizeof text, &len);
	if (code != EXIT_OK)
		return code;
	enum trail_err err = trail_set_policy(cli->trail, text, len);
	if (err == TRAIL_OK)
		return EXIT_OK;
	say("%s: %s", cli->policy, trail_error(cli->trail));
	return exit_of(err);
}

void cli_page(struct cli *cli)
{
	if (!cli->no_pager)
		pager_open(&cli->pager, &cli->screen);
}

void cli_unpage(struct cli *cli)
{
	if (cli->pager.pid == 0 || !screen_left())
		return;
	(void)pager_close(&cli->pager);
	/* What could not be written was for who left. */
	clearerr(stdout);
}

int cli_prepare(struct cli *cli)
{
	cli->trail = trail_new();
	if (!cli->trail) {
		say("memory is out, or the crypto library does not start");
		return EXIT_IO;
	}
	int code = set_timeout(cli);
	if (code == EXIT_OK)
		code = set_identity(cli);
	if (code == EXIT_OK)
		code = set_policy(cli);
	return code;
}

int cli_connect(struct cli *cli)
{
	if (trail_open(cli->trail, cli->connect) != TRAIL_OK)
		return cli_fail(cli);
	if (trail_trust_level(cli->trail) == TRAIL_TRUST_FIRST)
		say("first contact with the log %s: its identity is taken on trust and kept; "
		    "compare `trail key` with one from a path that you trust",
			trail_origin(cli->trail));
	return EXIT_OK;
}

int cli_open(struct cli *cli)
{
	int code = cli_prepare(cli);
	return code == EXIT_OK ? cli_connect(cli) : code;
}

int cli_open_bare(struct cli *cli, int argc, char **argv, const char *name, bool *done)
{
	int rest;
	int code = options_read(cli, argc, argv, NULL, &rest, done);
	if (code != EXIT_OK || *done)
		return code;
	if (argc != rest) {
		say("%s takes no argument", name);
		return EXIT_USAGE;
	}
	return cli_open(cli);
}

int cli_open_index(
	struct cli *cli, int argc, char **argv, const char *name, uint64_t *index, bool *done)
{
	int rest;
	int code = options_read(cli, argc, argv, NULL, &rest, done);
	if (code != EXIT_OK || *done)
		return code;
	if (argc - rest != 1 || !number_read(argv[rest], index)) {
		say("%s takes the INDEX of one record, for example: trail %s 5", name, name);
		return EXIT_USAGE;
	}
	return cli_open(cli);
}
