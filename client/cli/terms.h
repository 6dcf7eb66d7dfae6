/* SPDX-License-Identifier: Apache-2.0 */
/* A command line that holds terms of a query, some of which look like options. */
#ifndef CLI_TERMS_H
#define CLI_TERMS_H

#include "cli.h"

struct terms {
	char **argv; /* the arguments behind the options */
	int argc;
	char **all;
	char *copies;
	size_t len; /* of them, in bytes */
};

/* Read the options; *done as options_read. EXIT_OK, or a sentence was said; then terms_end. */
int terms_read(struct terms *t, struct cli *cli, int argc, char **argv,
	const struct choice *choices, bool *done);
/*
 * The arguments from `first` on as they were typed, with a space between them. NULL: a sentence was
 * said. To be freed.
 */
char *terms_join(const struct terms *t, int first);
void terms_end(struct terms *t);

#endif
