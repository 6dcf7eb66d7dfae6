/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include "column.h"
#include "output.h"

#include <ctype.h>
#include <string.h>

enum {
	WORD_MAX = 32,   /* of a list, with its end */
	WORDS_LISTED = 9 /* numbers that a list of words may have */
};

/* ---- what is offered ---- */

/* `word` behind the first `head` bytes of what was typed, if it goes on as was typed. */
static bool offer(const char *typed, size_t head, const char *word, const char *end)
{
	if (strncmp(word, typed + head, strlen(typed + head)) != 0)
		return false;
	printf("%.*s%s%s\n", (int)head, typed, word, end);
	return true;
}

static void offer_all(const char *typed, size_t head, const char *const *words, const char *end)
{
	for (; *words; words++)
		(void)offer(typed, head, *words, end);
}

/* The words of a list from a number on; people write them in lower case. */
static void offer_list(const char *typed, size_t head, enum trail_word list, int from)
{
	for (int n = from; n < WORDS_LISTED; n++) {
		const char *name = trail_word_name(list, n);
		char word[WORD_MAX] = "";
		for (size_t i = 0; name && name[i] && i + 1 < sizeof word; i++)
			word[i] = (char)tolower((unsigned char)name[i]);
		if (name)
			(void)offer(typed, head, word, "");
	}
}

static void offer_term(const char *typed, size_t head)
{
	static const char *const FIELDS[] = { "actor", "object", "subject", "action", "outcome",
		"source", "index", "peer", "unit", "type", "verb", "class", "purpose",
		"correlation", "id", "medium", "host", NULL };
	const char *field = typed + head;
	const char *colon = strchr(field, ':');
	if (!colon) {
		offer_all(typed, head, FIELDS, ":");
		return;
	}
	size_t value = (size_t)(colon + 1 - typed);
	if (strncmp(field, "action:", strlen("action:")) == 0)
		offer_list(typed, value, TRAIL_WORD_ACTION, 0);
	else if (strncmp(field, "outcome:", strlen("outcome:")) == 0)
		offer_list(typed, value, TRAIL_WORD_OUTCOME, 0);
	else if (strncmp(field, "medium:", strlen("medium:")) == 0)
		offer_list(typed, value, TRAIL_WORD_MEDIUM, 0);
}

/* The name behind the last comma. */
static void offer_fields(const char *typed, size_t head)
{
	const char *comma = strrchr(typed + head, ',');
	size_t begun = comma ? (size_t)(comma + 1 - typed) : head;
	for (unsigned c = 0; c < COLUMN_COUNT; c++)
		(void)offer(typed, begun, column_name(c), "");
}

/* What a value may be, that begins behind the first `head` bytes of what was typed. */
static void offer_value(const struct cli *cli, enum value value, const char *typed, size_t head)
{
	static const char *const TIMES[] = { "today", "yesterday", NULL };
	static const char *const FORMATS[] = { "jsonl", "csv", NULL };
	static const char *const STEPS[] = { "minute", "hour", "day", NULL };
	static const char *const GROUPS[] = { "actors", "objects", "subjects", "actions",
		"outcomes", "sources", "peers", "units", "types", "verbs", "classes", "purposes",
		"correlations", "media", "hosts", "time", NULL };
	static const char *const PIVOTS[] = { "actor", "object", "subject", "correlation", NULL };
	switch (value) {
	case VALUE_ANY:
		break;
	case VALUE_FILE:
		printf("FILE\n");
		break;
	case VALUE_ACTION:
		offer_list(typed, head, TRAIL_WORD_ACTION, 0);
		break;
	case VALUE_OUTCOME:
		offer_list(typed, head, TRAIL_WORD_OUTCOME, 0);
		break;
	case VALUE_MEDIUM:
		offer_list(typed, head, TRAIL_WORD_MEDIUM, 0);
		break;
	case VALUE_ACTOR_TYPE:
		offer_list(typed, head, TRAIL_WORD_ACTOR_TYPE, TRAIL_ACTOR_USER);
		break;
	case VALUE_TERM:
		offer_term(typed, head);
		break;
	case VALUE_WHEN:
		offer_all(typed, head, TIMES, "");
		break;
	case VALUE_FORM:
		offer_all(typed, head, cli_forms(cli), "");
		break;
	case VALUE_FORMAT:
		offer_all(typed, head, FORMATS, "");
		break;
	case VALUE_LANG:
		offer_all(typed, head, CATALOGUE_NAMES, "");
		break;
	case VALUE_FIELDS:
		offer_fields(typed, head);
		break;
	case VALUE_STEP:
		offer_all(typed, head, STEPS, "");
		break;
	case VALUE_GROUP:
		offer_all(typed, head, GROUPS, "");
		break;
	case VALUE_PIVOT:
		offer_all(typed, head, PIVOTS, "");
		break;
	}
}

static void offer_commands(const struct completion *c, const char *typed)
{
	for (size_t i = 0; i < c->command_count; i++) {
		const struct command *command = &c->commands[i];
		if (strncmp(command->name, typed, strlen(typed)) == 0)
			printf("%s\t%s\n", command->name, command->summary);
	}
}

/* ---- where the unfinished word stands ---- */

static const struct choice *find_choice(
	const char *name, size_t len, const struct choice *choices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(choices[i].name) == len && strncmp(choices[i].name, name, len) == 0)
			return &choices[i];
	return NULL;
}

/* The option whose value the next word is; NULL: none. Of letters in a row it is the last. */
static const struct choice *awaits_value(
	const char *word, const struct choice *choices, size_t count)
{
	const struct choice *choice = NULL;
	if (strncmp(word, "--", 2) == 0)
		choice = find_choice(word + 2, strlen(word + 2), choices, count);
	for (size_t i = 0; word[1] != '-' && i < count; i++)
		if (choices[i].letter != 0 && word[strlen(word) - 1] == choices[i].letter)
			choice = &choices[i];
	return choice && !choice->flag && !choice->bare ? choice : NULL;
}

static void offer_options(
	const struct cli *cli, const char *typed, const struct choice *choices, size_t count)
{
	const char *sign = strchr(typed, '=');
	if (!sign) {
		for (size_t i = 0; i < count; i++) {
			char word[WORD_MAX];
			(void)snprintf(word, sizeof word, "--%s", choices[i].name);
			(void)offer(typed, 0, word, "");
		}
		return;
	}
	size_t dashes = strspn(typed, "-");
	const struct choice *choice =
		find_choice(typed + dashes, (size_t)(sign - typed) - dashes, choices, count);
	if (choice && !choice->flag)
		offer_value(cli, choice->value, typed, (size_t)(sign + 1 - typed));
}

/* The words between the command, or "trail", and the unfinished one. */
struct before {
	const struct choice *awaits; /* the unfinished one is its value */
	bool ended;                  /* options are over */
	size_t arguments;
};

/* False: there is a command among them, and cli->completion knows now which it is. */
static bool read_before(
	struct cli *cli, const struct choice *choices, size_t count, struct before *b)
{
	struct completion *c = &cli->completion;
	*b = (struct before){ 0 };
	for (size_t at = cli->command ? c->at + 1 : 0; at + 1 < c->count; at++) {
		const char *word = c->words[at];
		if (b->awaits) {
			b->awaits = NULL;
		} else if (b->ended || word[0] != '-' || word[1] == '\0') {
			b->arguments++;
			c->at = cli->command ? c->at : at;
			if (!cli->command)
				return false;
		} else if (strcmp(word, "--") == 0) {
			b->ended = true;
		} else {
			b->awaits = awaits_value(word, choices, count);
		}
	}
	return true;
}

static void look(struct cli *cli, const struct choice *choices, size_t count)
{
	struct before before;
	struct completion *c = &cli->completion;
	const char *typed = c->words[c->count - 1];
	if (!read_before(cli, choices, count, &before))
		return;
	c->at = c->count;
	bool terms = cli->command && cli->command->argument == VALUE_TERM;
	if (before.awaits)
		offer_value(cli, before.awaits->value, typed, 0);
	else if (terms && typed[0] == '-' && typed[1] != '-' && typed[1] != '\0')
		offer_value(cli, VALUE_TERM, typed, 1);
	else if (typed[0] == '-' && !before.ended)
		offer_options(cli, typed, choices, count);
	else if (!cli->command)
		offer_commands(c, typed);
	else if (before.arguments == 0 || terms)
		offer_value(cli, cli->command->argument, typed, 0);
	else if (cli->command->argument == VALUE_GROUP)
		offer_value(cli, VALUE_TERM, typed, 0);
}

/* ---- the whole ---- */

int complete(struct cli *cli, const struct command *commands, size_t command_count, int count,
	char **words)
{
	int rest;
	bool help, version;
	struct completion *c = &cli->completion;
	if (count == 0) {
		say("complete takes the words behind trail, the last of them unfinished");
		return EXIT_USAGE;
	}
	*c = (struct completion){
		.look = look,
		.words = words,
		.count = (size_t)count,
		.commands = commands,
		.command_count = command_count,
	};
	int code = options_read_front(cli, count, words, &rest, &help, &version);
	if (c->at == c->count)
		return code;
	if (strcmp(words[c->at], "help") == 0 && c->at + 2 == c->count)
		offer_commands(c, words[count - 1]);
	for (size_t i = 0; i < command_count && !cli->command; i++)
		if (strcmp(commands[i].name, words[c->at]) == 0)
			cli->command = &commands[i];
	if (!cli->command)
		return EXIT_OK;
	return cli->command->run(cli, count - (int)c->at, words + c->at);
}
