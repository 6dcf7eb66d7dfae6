/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked, as the options of search and history say it, and as the library is asked. */
#ifndef CLI_ASKING_H
#define CLI_ASKING_H

#include "cli.h"
#include "column.h"

struct asking {
	const char *terms;  /* of a search */
	const char *object; /* of a history; NULL: a search */
	/* As given; NULL: not given. */
	const char *since, *until, *limit, *after, *fields;
	const char *around, *same; /* what of the event `pivot` is asked for */
	const char *evidence;      /* folder to make */
	const char *cursor;        /* file that says where to go on, and will say it next time */
	uint64_t pivot;
	bool newest_first;
	bool follow;
	bool scan;
	bool explain; /* ask nothing */
	/* By asking_read, and asking_pivot. */
	int64_t since_ns, until_ns;
	int64_t around_ns;
	uint64_t rows_max; /* UINT64_MAX: all */
	uint64_t from;     /* the first record that is looked at */
	bool onwards;      /* --after or --cursor-file: the first rows, not the last */
	struct pick pick;
	char *asked; /* terms that asking_pivot made; asking_release */
};

/* What --fields takes, as both of their helps say it. */
#define ASKING_FIELDS_HELP                                                                         \
	"Fields for --fields, with commas between: index kind received source peer epoch seq\n"    \
	"class flags id time action outcome actor.id actor.name actor.role actor.unit\n"           \
	"actor.type actor.session actor.address actor.on_behalf_of object.id object.type\n"        \
	"object.name object.version subject purpose verb reason medium correlation\n"              \
	"origin.host origin.application origin.process origin.address changes attributes\n"        \
	"raw; actor object type unit host as in a query.\n"

enum {
	ASKING_CHOICES = 12, /* of both */
	ASKING_PIVOTS = 2,   /* of search alone */
};
/* The options that fill `asking`, ended by an empty one: with or without the pivots. */
void asking_choices(
	struct asking *asking, bool pivots, struct choice to[ASKING_CHOICES + ASKING_PIVOTS]);
/* Judge the options and read their values. EXIT_OK, or a sentence was said. */
int asking_read(const struct cli *cli, struct asking *a);
/* Get the event that is asked about, and ask for what it says. The handle is open. As above. */
int asking_pivot(struct cli *cli, struct asking *a);
/*
 * The question for the library, the caller's to free. `follow` and the order are the caller's
 * choice of the moment. Not TRAIL_OK: a sentence was said.
 */
enum trail_err asking_query(const struct asking *a, bool newest_first, bool follow, uint64_t from,
	struct trail_query **q);
/* Say why the library refused the question, and where in it; its exit code. */
int asking_refuse(struct cli *cli, const struct asking *a);
/* In one line, as a file that is kept says what it holds, behind the command: terms, bounds. */
void asking_put(FILE *to, const struct asking *a);
void asking_release(struct asking *a);

#endif
