/* SPDX-License-Identifier: Apache-2.0 */
#include "catalogue.h"

#include "screen.h"

#include <stdlib.h>
#include <string.h>

static const struct act ENGLISH_ACTS[] = {
	{ "print", { "printed", "print" } },
	{ "export", { "exported", "export" } },
	{ "search", { "searched", "search" } },
	{ "login", { "logged in to", "log in to" } },
	{ "logout", { "logged out of", "log out of" } },
	{ "download", { "downloaded", "download" } },
	{ "send", { "sent", "send" } },
	{ "sign", { "signed", "sign" } },
	{ "disclose", { "disclosed", "disclose" } },
	{ "run", { "ran", "run" } },
	{ "start", { "started", "start" } },
	{ "stop", { "stopped", "stop" } },
	{ NULL, { NULL, NULL } },
};

static const struct act SWEDISH_ACTS[] = {
	{ "print", { "skrev ut", "skriva ut" } },
	{ "export", { "exporterade", "exportera" } },
	{ "search", { "sökte i", "söka i" } },
	{ "login", { "loggade in i", "logga in i" } },
	{ "logout", { "loggade ut ur", "logga ut ur" } },
	{ "download", { "laddade ner", "ladda ner" } },
	{ "send", { "skickade", "skicka" } },
	{ "sign", { "signerade", "signera" } },
	{ "disclose", { "lämnade ut", "lämna ut" } },
	{ "run", { "körde", "köra" } },
	{ "start", { "startade", "starta" } },
	{ "stop", { "stoppade", "stoppa" } },
	{ NULL, { NULL, NULL } },
};

static const struct act ENGLISH_ASKS[] = {
	{ "search", { "searched the log", "search the log" } },
	{ "history", { "asked the log for a history", "ask the log for a history" } },
	{ "get", { "looked at one record", "look at one record" } },
	{ "report", { "had the log counted", "have the log counted" } },
	{ NULL, { NULL, NULL } },
};

static const struct act SWEDISH_ASKS[] = {
	{ "search", { "sökte i loggen", "söka i loggen" } },
	{ "history", { "frågade loggen efter en historik", "fråga loggen efter en historik" } },
	{ "get", { "tittade på en post", "titta på en post" } },
	{ "report", { "lät räkna i loggen", "låta räkna i loggen" } },
	{ NULL, { NULL, NULL } },
};

static const struct catalogue CATALOGUES[] = {
	{
		.name = "en",
		.for_whom = "for",
		.actions = { { "did something to", "do something to" }, { "created", "create" },
			{ "read", "read" }, { "modified", "modify" }, { "deleted", "delete" },
			{ "executed", "execute" } },
		.acts = ENGLISH_ACTS,
		.asks = ENGLISH_ASKS,
		.tried_to = "tried to",
		.may_have = "may have tried to",
		.about = "about person",
		.media = { "", " on paper", " by word of mouth" },
		.in = "in",
		.name_erased = "(name erased)",
		.purpose = "purpose",
		.outcomes = { "succeeded", "denied", "failed", "outcome unknown" },
		.flags = { "deficient", "late", "loss declared before it",
			"not protected against doubling or loss" },
		.unknown_flag = "unknown flag",
		.event_in = "an EVENT in",
		.begins = "begins",
		.record = " record",
		.record_of_unknown_kind = "record of the unknown kind",
		.of = "of",
		.by = "by",
		.payload_erased = "payload erased",
		.payload_of = "payload of",
		.cannot_be_read = "bytes cannot be read",
		.events = { "event", "events" },
		.sources = { "source", "sources" },
		.current = { "current", "current" },
		.gaps = { "gap", "gaps" },
		.out_of = "of",
		.checkpoint = "checkpoint",
		.witnessed = "witnessed",
		.not_all = "what sources numbered is not all here: `trail sources` says which",
		.showing = "showing",
		.shows_all = "-n 0 for all",
		.goes_on = "the next time goes on behind them",
		.scan = "scan",
		.index = "index",
		.none = "(none)",
		.group = ',',
	},
	{
		.name = "sv",
		.for_whom = "för",
		.actions = { { "gjorde något med", "göra något med" }, { "skapade", "skapa" },
			{ "läste", "läsa" }, { "ändrade", "ändra" }, { "raderade", "radera" },
			{ "utförde något med", "utföra något med" } },
		.acts = SWEDISH_ACTS,
		.asks = SWEDISH_ASKS,
		.tried_to = "försökte",
		.may_have = "kan ha försökt",
		.about = "om person",
		.media = { "", " på papper", " muntligt" },
		.in = "i",
		.name_erased = "(namnet raderat)",
		.purpose = "syfte",
		.outcomes = { "lyckades", "nekades", "misslyckades", "utfallet okänt" },
		.flags = { "ofullständig", "inkom sent", "förlust anmäld före den",
			"inte skyddad mot dubblering eller förlust" },
		.unknown_flag = "okänd flagga",
		.event_in = "en EVENT i",
		.begins = "börjar",
		.record = "-post",
		.record_of_unknown_kind = "post av okänt slag",
		.of = "för",
		.by = "av",
		.payload_erased = "innehållet raderat",
		.payload_of = "innehåll på",
		.cannot_be_read = "byte kan inte läsas",
		.events = { "händelse", "händelser" },
		.sources = { "källa", "källor" },
		.current = { "aktuell", "aktuella" },
		.gaps = { "lucka", "luckor" },
		.out_of = "av",
		.checkpoint = "checkpoint",
		.witnessed = "bevittnad",
		.not_all = "allt som källorna numrerade finns inte här: `trail sources` visar vad",
		.showing = "visar",
		.shows_all = "-n 0 visar alla",
		.goes_on = "nästa gång fortsätter efter dem",
		.scan = "genomsökt",
		.index = "index",
		.none = "(saknas)",
		.group = ' ',
	},
};

enum {
	CATALOGUE_COUNT = sizeof CATALOGUES / sizeof CATALOGUES[0]
};

const char *const CATALOGUE_NAMES[] = { "en", "sv", NULL };

const struct catalogue *catalogue_find(const char *name)
{
	for (unsigned i = 0; i < CATALOGUE_COUNT; i++)
		if (strcmp(CATALOGUES[i].name, name) == 0)
			return &CATALOGUES[i];
	return NULL;
}

/* "sv_SE.UTF-8" and "sv" are of "sv". */
static const struct catalogue *of_locale(const char *locale)
{
	for (unsigned i = 0; i < CATALOGUE_COUNT; i++) {
		size_t len = strlen(CATALOGUES[i].name);
		if (strncmp(CATALOGUES[i].name, locale, len) == 0 &&
			(locale[len] == '\0' || strchr("_.@", locale[len])))
			return &CATALOGUES[i];
	}
	return &CATALOGUES[0];
}

const struct catalogue *catalogue_look(void)
{
	static const char *const VARIABLES[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	for (unsigned i = 0; i < sizeof VARIABLES / sizeof VARIABLES[0]; i++) {
		const char *locale = getenv(VARIABLES[i]);
		if (locale && locale[0] != '\0')
			return of_locale(locale);
	}
	return &CATALOGUES[0];
}

const struct deed *catalogue_act(const struct act *acts, const char *verb)
{
	for (const struct act *act = acts; act->verb; act++)
		if (strcmp(act->verb, verb) == 0)
			return &act->deed;
	return NULL;
}

const char *catalogue_counted(const struct counted *counted, uint64_t number)
{
	return number == 1 ? counted->one : counted->many;
}

/* The letters of the catalogues that ASCII lacks: all have two bytes, the first of them this. */
static char plain_letter(char second)
{
	static const char LETTERS[][2] = { { '\xa5', 'a' }, { '\xa4', 'a' }, { '\xb6', 'o' },
		{ '\x85', 'A' }, { '\x84', 'A' }, { '\x96', 'O' } };
	for (unsigned i = 0; i < sizeof LETTERS / sizeof LETTERS[0]; i++)
		if (LETTERS[i][0] == second)
			return LETTERS[i][1];
	return '?';
}

void catalogue_put(FILE *to, const char *words)
{
	if (screen_utf8()) {
		(void)fputs(words, to);
		return;
	}
	for (; *words; words++) {
		bool wide = *words == '\xc3' && words[1] != '\0';
		(void)fputc(wide ? plain_letter(*++words) : *words, to);
	}
}
