/* SPDX-License-Identifier: Apache-2.0 */
#include "cursor.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	VERSION = 1,
	FILE_MAX = 65536, /* a query of 4,096 bytes, each escaped, and the rest */
	HEX_LEN = 2 * TRAIL_HASH_LEN,
	SPELLING = JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII,
};

/* ---- the object ---- */

static const char *query_of(const struct asking *a)
{
	return a->object ? a->object : a->terms;
}

/* The members that tell one question from another. */
static json_t *question(const struct asking *a)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "command", a->object ? "history" : "search",
		"query", query_of(a), "since", a->since ? a->since : "", "until",
		a->until ? a->until : "");
}

/* The sum of what the object says. False: it cannot be said, it is not UTF-8. */
static bool sum_of(const json_t *object, char hex[HEX_LEN + 1])
{
	uint8_t digest[TRAIL_HASH_LEN];
	char *text = json_dumps(object, SPELLING);
	if (!text)
		return false;
	trail_digest(text, strlen(text), digest);
	free(text);
	for (size_t i = 0; i < TRAIL_HASH_LEN; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return true;
}

/* ---- reading ---- */

static int say_damaged(const char *path, const char *why)
{
	say("the cursor file %s is damaged: %s; put a copy back, or remove it to begin at the "
	    "first record",
		path, why);
	return EXIT_IO;
}

/* The whole file. *text NULL: there is none. */
static int load(const char *path, char **text, size_t *len)
{
	*text = NULL;
	*len = 0;
	FILE *f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return EXIT_OK;
	char *room = f ? malloc(FILE_MAX) : NULL;
	if (room)
		*len = fread(room, 1, FILE_MAX, f);
	bool good = room && !ferror(f);
	if (!good)
		say("cannot read the cursor file %s: %s", path, strerror(errno));
	if (f)
		(void)fclose(f);
	if (!good) {
		free(room);
		return EXIT_IO;
	}
	*text = room;
	return EXIT_OK;
}

/* Takes the sum out of the object, and compares. */
static bool sum_fits(json_t *object)
{
	char hex[HEX_LEN + 1];
	const char *sum = json_string_value(json_object_get(object, "sum"));
	char told[HEX_LEN + 1] = "";
	if (!sum || strlen(sum) != HEX_LEN)
		return false;
	memcpy(told, sum, sizeof told);
	return json_object_del(object, "sum") == 0 && sum_of(object, hex) && strcmp(hex, told) == 0;
}

/* The question must be the same, member by member. */
static int judge_question(const json_t *object, const struct asking *a)
{
	json_t *asked = question(a);
	const char *name;
	json_t *value;
	int code = EXIT_OK;
	json_object_foreach(asked, name, value)
	{
		const char *told = json_string_value(json_object_get(object, name));
		if (code != EXIT_OK || (told && strcmp(told, json_string_value(value)) == 0))
			continue;
		say("the cursor file %s belongs to another question: its %s is \"%s\", not "
		    "\"%s\"; give each question a file of its own",
			a->cursor, name, told ? told : "", json_string_value(value));
		code = EXIT_USAGE;
	}
	json_decref(asked);
	return code;
}

static int take(struct cursor *c, json_t *object, struct asking *a)
{
	if (!json_is_object(object))
		return say_damaged(a->cursor, "it is no JSON object");
	if (!sum_fits(object))
		return say_damaged(a->cursor, "its sum does not fit");
	const json_t *next = json_object_get(object, "next");
	const char *origin = json_string_value(json_object_get(object, "log"));
	if (json_integer_value(json_object_get(object, "version")) != VERSION ||
		!json_is_integer(next) || json_integer_value(next) < 0 || !origin) {
		say("the cursor file %s was written by another version of trail", a->cursor);
		return EXIT_IO;
	}
	(void)snprintf(c->origin, sizeof c->origin, "%s", origin);
	a->from = (uint64_t)json_integer_value(next);
	return judge_question(object, a);
}

int cursor_read(struct cursor *c, struct asking *a)
{
	char *text;
	size_t len;
	*c = (struct cursor){ .asking = a };
	if (!a->cursor)
		return EXIT_OK;
	int code = load(a->cursor, &text, &len);
	if (code != EXIT_OK || !text)
		return code;
	json_t *object =
		len < FILE_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	code = take(c, object, a);
	json_decref(object);
	free(text);
	return code;
}

int cursor_judge(const struct cursor *c, const char *origin)
{
	if (c->origin[0] == '\0' || strcmp(c->origin, origin) == 0)
		return EXIT_OK;
	say("the cursor file %s belongs to the log %s; this one is %s", c->asking->cursor,
		c->origin, origin);
	return EXIT_USAGE;
}

/* ---- writing ---- */

static char *spell(const struct cursor *c, const char *origin, uint64_t next)
{
	char hex[HEX_LEN + 1];
	char *text = NULL;
	json_t *object = question(c->asking);
	(void)json_object_set_new(object, "version", json_integer(VERSION));
	(void)json_object_set_new(object, "log", json_string(origin));
	(void)json_object_set_new(object, "next", json_integer((json_int_t)next));
	if (sum_of(object, hex)) {
		(void)json_object_set_new(object, "sum", json_string(hex));
		text = json_dumps(object, SPELLING);
	}
	json_decref(object);
	return text;
}

/* False: errno says why. */
static bool put_file(int fd, const char *text, bool safe)
{
	size_t len = strlen(text);
	FILE *to = fdopen(fd, "w");
	if (!to) {
		(void)close(fd);
		return false;
	}
	bool good = fwrite(text, 1, len, to) == len && fputc('\n', to) != EOF && fflush(to) == 0 &&
		(!safe || fsync(fd) == 0);
	return fclose(to) == 0 && good;
}

static bool replace(const char *path, const char *text, bool safe)
{
	static const char ENDING[] = ".XXXXXX";
	char *beside = malloc(strlen(path) + sizeof ENDING);
	if (!beside)
		return false;
	(void)sprintf(beside, "%s%s", path, ENDING);
	int fd = mkostemp(beside, O_CLOEXEC);
	bool good = fd >= 0 && put_file(fd, text, safe) && rename(beside, path) == 0;
	if (!good && fd >= 0) {
		int why = errno;
		(void)unlink(beside);
		errno = why;
	}
	free(beside);
	return good;
}

int cursor_write(const struct cursor *c, const char *origin, uint64_t next, bool safe)
{
	const char *path = c->asking->cursor;
	char *text = spell(c, origin, next);
	bool good = text && replace(path, text, safe);
	if (!good)
		say("cannot write the cursor file %s: %s; the next time shows these rows again",
			path, text ? strerror(errno) : "the question is not UTF-8");
	free(text);
	return good ? EXIT_OK : EXIT_IO;
}
