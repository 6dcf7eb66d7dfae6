/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an unfinished word of a command line may become: asked by shells, answered from the tables
 * that the command line is read by.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli.h"

/*
 * `words` are those behind "trail", the last is unfinished and may be empty. Prints what it may
 * become, one a line: the whole word, for a command a tab and what it does; a field that lacks its
 * value ends in ":"; FILE stands for a file's name. Nothing: whatever the user knows. Answers the
 * exit code.
 */
int complete(struct cli *cli, const struct command *commands, size_t command_count, int count,
	char **words);

#endif
