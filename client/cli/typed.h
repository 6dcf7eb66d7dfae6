/* SPDX-License-Identifier: Apache-2.0 */
/* A command line that holds terms of a query, some of which look like options. */
#ifndef CLI_TYPED_H
#define CLI_TYPED_H

#include "cli.h"

struct typed {
	char **argv; /* the arguments behind the options */
	int argc;
	char **all;
	char *copies;
	size_t len; /* of them, in bytes */
};

/* Read the options; *done as options_read. EXIT_OK, or a sentence was said; then typed_end. */
int typed_read(struct typed *t, struct cli *cli, int argc, char **argv,
	const struct choice *choices, bool *done);
/*
 * The arguments from `first` on as they were typed, with a space between them. NULL: a sentence was
 * said. To be freed.
 */
char *typed_join(const struct typed *t, int first);
void typed_end(struct typed *t);

#endif
