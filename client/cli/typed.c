/* SPDX-License-Identifier: Apache-2.0 */
#include "typed.h"

#include "output.h"

#include <stdlib.h>
#include <string.h>

/* "-actor:anna" is a term, not a cluster of letters. */
static bool is_negation(const char *arg)
{
	size_t word = arg[0] == '-' ? strspn(arg + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
	return word > 0 && arg[1 + word] == ':';
}

/*
 * Terms that begin with "-" look like options, and are none: getopt is shown a copy of each with a
 * space in front, so that all terms stay in the order in which they were typed. False: memory is
 * out.
 */
static bool shelter(struct typed *s, int argc, char **argv)
{
	size_t room = 1;
	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]) + 2;
	s->all = calloc((size_t)argc + 1, sizeof *s->all);
	s->copies = malloc(room);
	for (int i = 0; s->all && s->copies && i < argc; i++) {
		s->all[i] = argv[i];
		if (!is_negation(argv[i]))
			continue;
		s->all[i] = s->copies + s->len;
		s->len += (size_t)sprintf(s->all[i], " %s", argv[i]) + 1;
	}
	return s->all && s->copies;
}

void typed_end(struct typed *s)
{
	free(s->all);
	free(s->copies);
}

/* The argument as it was typed. */
static const char *as_typed(const struct typed *s, const char *arg)
{
	bool copied = false;
	for (size_t at = 0; at < s->len && !copied; at += strlen(s->copies + at) + 1)
		copied = arg == s->copies + at;
	return arg + copied;
}

char *typed_join(const struct typed *s, int first)
{
	size_t len = 1;
	for (int i = first; i < s->argc; i++)
		len += strlen(s->argv[i]) + 1;
	char *out = malloc(len);
	char *at = out;
	for (int i = first; out && i < s->argc; i++)
		at += sprintf(at, "%s%s", i > first ? " " : "", as_typed(s, s->argv[i]));
	if (out)
		*at = '\0';
	else
		say("memory is out");
	return out;
}

int typed_read(struct typed *s, struct cli *cli, int argc, char **argv,
	const struct choice *choices, bool *done)
{
	int rest = argc;
	*s = (struct typed){ 0 };
	*done = false;
	if (!shelter(s, argc, argv)) {
		say("memory is out");
		return EXIT_IO;
	}
	int code = options_read(cli, argc, s->all, choices, &rest, done);
	s->argv = s->all + rest;
	s->argc = argc - rest;
	return code;
}
