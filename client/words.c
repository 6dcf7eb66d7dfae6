/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: of fields, of the words that enums are in JSON, of errors.
 */
#include "../proto/err.h"
#include "../proto/suggest.h"

#include <string.h>

static const char *const FIELDS[TRAIL_FIELD_COUNT] = {
	[TRAIL_VERB] = "verb",
	[TRAIL_REASON] = "reason",
	[TRAIL_ACTOR_ID] = "actor.id",
	[TRAIL_ACTOR_NAME] = "actor.name",
	[TRAIL_ACTOR_ROLE] = "actor.role",
	[TRAIL_ACTOR_UNIT] = "actor.unit",
	[TRAIL_ACTOR_SESSION] = "actor.session",
	[TRAIL_ACTOR_ADDRESS] = "actor.address",
	[TRAIL_ACTOR_ON_BEHALF_OF] = "actor.on_behalf_of",
	[TRAIL_OBJECT_ID] = "object.id",
	[TRAIL_OBJECT_TYPE] = "object.type",
	[TRAIL_OBJECT_NAME] = "object.name",
	[TRAIL_OBJECT_VERSION] = "object.version",
	[TRAIL_SUBJECT] = "subject",
	[TRAIL_PURPOSE] = "purpose",
	[TRAIL_ORIGIN_HOST] = "origin.host",
	[TRAIL_ORIGIN_APPLICATION] = "origin.application",
	[TRAIL_ORIGIN_PROCESS] = "origin.process",
	[TRAIL_ORIGIN_ADDRESS] = "origin.address",
	[TRAIL_CORRELATION] = "correlation",
};

enum {
	WORDS_MAX = 9
};

static const char *const WORDS[][WORDS_MAX] = {
	[TRAIL_WORD_ACTION] = { NULL, "CREATE", "READ", "MODIFY", "DELETE", "EXECUTE" },
	[TRAIL_WORD_OUTCOME] = { "SUCCESS", "DENIED", "FAILURE", "UNKNOWN" },
	[TRAIL_WORD_MEDIUM] = { "DIGITAL", "PAPER", "ORAL" },
	[TRAIL_WORD_ACTOR_TYPE] = { "UNSPECIFIED", "USER", "SYSTEM", "SERVICE", "ANONYMOUS" },
	[TRAIL_WORD_KIND] = { NULL, "EVENT", "SOURCE", "PEER", "POLICY", NULL, "SEAL", "ERASURE",
		"DAEMON" },
};

enum {
	LISTS = sizeof WORDS / sizeof WORDS[0]
};

const char *trail_field_name(enum trail_field field)
{
	return (unsigned)field < TRAIL_FIELD_COUNT ? FIELDS[field] : NULL;
}

int trail_field_find(const char *name)
{
	for (int i = 0; name && i < TRAIL_FIELD_COUNT; i++)
		if (strcmp(FIELDS[i], name) == 0)
			return i;
	return -1;
}

const char *trail_word_name(enum trail_word list, int number)
{
	if ((unsigned)list >= LISTS || number < 0 || number >= WORDS_MAX)
		return NULL;
	return WORDS[list][number];
}

/* ASCII alone: strcasecmp would fold by the locale. */
static bool same_word(const char *a, const char *b)
{
	while (*a && *b) {
		char c = *b;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (*a != c)
			return false;
		a++;
		b++;
	}
	return *a == *b;
}

int trail_word_find(enum trail_word list, const char *word)
{
	if ((unsigned)list >= LISTS || !word)
		return -1;
	for (int i = 0; i < WORDS_MAX; i++)
		if (WORDS[list][i] && same_word(WORDS[list][i], word))
			return i;
	return -1;
}

const char *trail_suggest(const char *word, const char *const *names)
{
	return word && names ? suggest(word, names) : NULL;
}

const char *trail_version(void)
{
	return TRAIL_VERSION;
}

const char *trail_err_text(enum trail_err code)
{
	switch (code) {
	case TRAIL_OK:
		return "success";
	case TRAIL_MORE:
		return "not done yet";
	case TRAIL_END:
		return "nothing is left";
	case TRAIL_INVALID:
		return "the input is invalid";
	case TRAIL_CONFLICT:
		return "other content stands under this number";
	case TRAIL_EXPECTED:
		return "another number is expected";
	case TRAIL_CLOSED:
		return "the epoch is closed";
	case TRAIL_DENIED:
		return "not permitted";
	case TRAIL_TOO_BIG:
		return "too big";
	case TRAIL_BUSY:
		return "busy";
	case TRAIL_FULL:
		return "the log's disk is full";
	case TRAIL_UNAVAILABLE:
		return "not available";
	case TRAIL_UNSUPPORTED:
		return "not supported";
	case TRAIL_IO:
		return "input or output failed";
	case TRAIL_NOMEM:
		return "memory is out";
	case TRAIL_TIMEOUT:
		return "the deadline passed";
	case TRAIL_CORRUPT:
		return "the answer contradicts itself or the log";
	case TRAIL_MISUSE:
		return "a call that makes no sense";
	}
	return "an unknown error";
}

enum trail_retry trail_err_retry(enum trail_err code)
{
	switch (code) {
	case TRAIL_MORE:
	case TRAIL_BUSY:
	case TRAIL_FULL:
		return TRAIL_RETRY_SAME;
	case TRAIL_UNAVAILABLE:
	case TRAIL_IO:
	case TRAIL_TIMEOUT:
		return TRAIL_RETRY_REOPEN;
	case TRAIL_OK:
	case TRAIL_END:
	case TRAIL_INVALID:
	case TRAIL_CONFLICT:
	case TRAIL_EXPECTED:
	case TRAIL_CLOSED:
	case TRAIL_DENIED:
	case TRAIL_TOO_BIG:
	case TRAIL_UNSUPPORTED:
	case TRAIL_NOMEM:
	case TRAIL_CORRUPT:
	case TRAIL_MISUSE:
		break;
	}
	return TRAIL_RETRY_NO;
}
