/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of sentences about events, and of what stands below them, in the reader's language.
 * Text in UTF-8, all of it ours; put it out by catalogue_put alone.
 */
#ifndef CLI_CATALOGUE_H
#define CLI_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CATALOGUE_ACTIONS = 6,  /* as <trail.h> numbers them; 0: one that is not known */
	CATALOGUE_OUTCOMES = 4, /* as <trail.h> numbers them */
	CATALOGUE_MEDIA = 3,    /* as <trail.h> numbers them */
	CATALOGUE_FLAGS = 4,    /* by bit */
};

/* What was done, and what was only tried: "read", "read" (behind "tried to"). */
struct deed {
	const char *done, *tried;
};

/* An act that is none of the four, by the source's own word for it. */
struct act {
	const char *verb;
	struct deed deed;
};

/* One of something, and none or more of it. */
struct counted {
	const char *one, *many;
};

struct catalogue {
	const char *name; /* "en" */
	/* A sentence, in its order. */
	const char *for_whom;
	struct deed actions[CATALOGUE_ACTIONS];
	const struct act *acts; /* a NULL verb behind the last */
	const struct act *asks; /* the log's own word for what is asked of it; as above */
	const char *tried_to;   /* before what was tried */
	const char *may_have;   /* before what has an unknown end; its deed is `tried` or `done` */
	const char *about;
	const char *media[CATALOGUE_MEDIA];
	const char *in;
	const char *name_erased;
	const char *purpose;
	const char *outcomes[CATALOGUE_OUTCOMES];
	const char *flags[CATALOGUE_FLAGS];
	const char *unknown_flag;
	/* Records without an event. */
	const char *event_in, *begins, *record, *record_of_unknown_kind, *of, *by;
	const char *payload_erased, *payload_of, *cannot_be_read;
	/* Below the rows. */
	struct counted events, sources, current, gaps;
	const char *out_of, *checkpoint, *witnessed, *not_all;
	const char *showing, *shows_all, *goes_on;
	const char *scan, *index;
	const char *none; /* what an event does not have, among what others have */
	char group;       /* between thousands */
};

/* NULL behind the last: the names, for messages and completion. */
extern const char *const CATALOGUE_NAMES[];

/* The one of that name; NULL: there is none. */
const struct catalogue *catalogue_find(const char *name);
/* The one that LC_ALL, LC_MESSAGES or LANG, the first that is set, asks for; else the English one.
 */
const struct catalogue *catalogue_look(void);
/* The words for a verb, of acts or of asks; NULL: none are known. */
const struct deed *catalogue_act(const struct act *acts, const char *verb);
/* The one or the many. */
const char *catalogue_counted(const struct counted *counted, uint64_t number);
/* Words of a catalogue; in a locale that is not UTF-8 each letter above ASCII loses its dots. */
void catalogue_put(FILE *to, const char *words);

#endif
