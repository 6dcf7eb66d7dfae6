/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail: what its commands share. The program is a customer of <trail.h> and sees nothing else.
 */
#ifndef CLI_H
#define CLI_H

#include "catalogue.h"
#include "pager.h"

#include "../../include/trail.h"

/* DESIGN section 11. Where several apply: 5 > 4 > 3 > 6 > 1. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_NOTHING = 1, /* nothing found */
	EXIT_USAGE = 2,
	EXIT_IO = 3, /* I/O, or no daemon */
	EXIT_DENIED = 4,
	EXIT_INVALID = 5, /* evidence against the log, or against who imports */
	EXIT_OPEN = 6,    /* unverifiable or incomplete */
};

struct command;
struct cli;
struct choice;

/* A word that is to be completed: see complete.h. */
struct completion {
	/* NULL: none is. Else it is shown the options of the command, or those in front of it. */
	void (*look)(struct cli *cli, const struct choice *choices, size_t count);
	char **words; /* behind "trail"; the last is the unfinished one */
	size_t count;
	size_t at; /* where the command stands among them; count: all is said */
	const struct command *commands;
	size_t command_count;
};

/* What stands before the command, or among its own options. */
struct cli {
	const struct command *command;
	const char *connect; /* NULL: TRAIL_CONNECT, or the default */
	const char *log;     /* file of the log identity; NULL: the one kept */
	const char *policy;  /* file of the witness policy; NULL: none */
	/* What -o may name, the default first, NULL behind the last; NULL: text or json. */
	const char *const *forms;
	const char *output;            /* one of them, once the options are read */
	const char *lang;              /* of sentences, as given; NULL: as the locale says */
	const struct catalogue *words; /* of that language, once the options are read */
	const char *timeout;           /* seconds, as given; NULL: the default */
	int timeout_ms;
	bool json;
	bool utc;
	bool no_pager;
	struct screen screen;
	struct pager pager;
	struct trail *trail;
	/* Where it asks, a command says what its options are, and does nothing. */
	struct completion completion;
};

/* What may stand for an option's value or a command's argument: what is offered to a shell. */
enum value {
	VALUE_ANY, /* whatever the user knows */
	VALUE_FILE,
	VALUE_ACTION,
	VALUE_OUTCOME,
	VALUE_MEDIUM,
	VALUE_ACTOR_TYPE,
	VALUE_TERM,   /* of a query */
	VALUE_WHEN,   /* a time */
	VALUE_FORM,   /* one of cli->forms */
	VALUE_FORMAT, /* of a file that is imported */
	VALUE_LANG,
	VALUE_FIELDS, /* names of columns, with commas */
	VALUE_PIVOT,
	VALUE_STEP,  /* of a timeline */
	VALUE_GROUP, /* what a report counts by; behind it terms */
};

struct command {
	const char *name;
	/* argv[0] is the command's name. Answers the exit code. */
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *summary; /* one line */
	const char *help;    /* the whole text of --help */
	enum value argument; /* what its first argument is; of a search: each */
};

/* Values of an option that may come again. */
enum {
	MANY_MAX = 64
};
struct many {
	const char *items[MANY_MAX];
	size_t count;
};

/* One option of a command: exactly one of the three places is set. */
struct choice {
	const char *name;
	char letter;       /* the same, short; 0: none */
	const char **text; /* takes a value */
	const char *bare;  /* value of a `text` that comes without; NULL: it must have one */
	bool *flag;        /* takes none */
	struct many *many; /* takes a value, may come again */
	enum value value;  /* what a value is */
};

/*
 * Read the options of a command, its own (`choices`, ended by a NULL name) and the common ones; -o
 * takes what cli->forms names.
 * *rest is the index of the first argument that is none. EXIT_OK: go on. Anything else: a sentence
 * was said; *done: --help was printed, and all is well.
 */
int options_read(struct cli *cli, int argc, char **argv, const struct choice *choices, int *rest,
	bool *done);
/* The common options in front of the command. */
int options_read_front(
	struct cli *cli, int argc, char **argv, int *rest, bool *help, bool *version);

/* What -o may name, the default first, NULL behind the last. */
const char *const *cli_forms(const struct cli *cli);

/* Standard output through a pager from here on, where there is a terminal; main ends it. */
void cli_page(struct cli *cli);
/* Where the reader left the pager already: what is said from here on goes to the terminal. */
void cli_unpage(struct cli *cli);
/* Make cli->trail as the options say, and open it. EXIT_OK, or a sentence was said. */
int cli_open(struct cli *cli);
/* The halves of it, for who has something to do between. */
int cli_prepare(struct cli *cli);
int cli_connect(struct cli *cli);
/*
 * The same for command `name`, whose only options are the common ones and which takes no argument,
 * or the index of one record. *done: --help was printed; the answer is then EXIT_OK, too.
 */
int cli_open_bare(struct cli *cli, int argc, char **argv, const char *name, bool *done);
int cli_open_index(
	struct cli *cli, int argc, char **argv, const char *name, uint64_t *index, bool *done);
/* How the identity is known: "given", "kept" or "first". */
const char *cli_trust(const struct cli *cli);
/* Say cli->trail's last error, and answer its exit code. */
int cli_fail(struct cli *cli);
/* The exit code of an error. */
int exit_of(enum trail_err err);

int cmd_emit(struct cli *cli, int argc, char **argv);
int cmd_import(struct cli *cli, int argc, char **argv);
int cmd_search(struct cli *cli, int argc, char **argv);
int cmd_history(struct cli *cli, int argc, char **argv);
int cmd_report(struct cli *cli, int argc, char **argv);
int cmd_sources(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);
int cmd_prove(struct cli *cli, int argc, char **argv);
int cmd_checkpoint(struct cli *cli, int argc, char **argv);
int cmd_key(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_publish(struct cli *cli, int argc, char **argv);
int cmd_verify(struct cli *cli, int argc, char **argv);

/* The text of each command's --help; beside the command. */
extern const char HELP_EMIT[];
extern const char HELP_IMPORT[];
extern const char HELP_SEARCH[];
extern const char HELP_HISTORY[];
extern const char HELP_REPORT[];
extern const char HELP_SOURCES[];
extern const char HELP_SHOW[];
extern const char HELP_PROVE[];
extern const char HELP_CHECKPOINT[];
extern const char HELP_KEY[];
extern const char HELP_STATUS[];
extern const char HELP_PUBLISH[];
extern const char HELP_VERIFY[];

/* Read a decimal number of 64 bits, all of `text`. */
bool number_read(const char *text, uint64_t *number);

#endif
