/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in every form over whatever an entry can hold. The entries are filled by hand: no daemon
 * would take most of what stands in them here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../client/cli/cell.h"
#include "../../client/cli/csv.h"
#include "../../client/cli/progress.h"
#include "../../client/cli/render.h"
#include "../../client/trail_entry.h"

#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

static const char UTF8[] = "C.UTF-8";
static char LONG_X[4097], LONG_MARKS[4097], LONG_WIDE[4097];

/* What nobody should have to look at as it is. */
static const char *const HOSTILE[] = {
	"\x1b]0;title\x07",
	"\x1b[2J\x1b[31m",
	"a\rb",
	"a\nb\n",
	"tab\there",
	"\x7f\x08",
	"\xc2\x9b\x33\x31m\xc2\x85",
	"\xe2\x80\xae\xe2\x81\xa6user\xe2\x81\xa9",
	"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf",
	"\xf3\xa0\x81\x81\xd8\x9c",
	"\xcc\x81\xcc\x82mark first",
	"a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86",
	"\xe2\x80\x8d\xe2\x80\x8b joiner first",
	"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7\xf0\x9f\x98\x80\xef\xb8\x8f",
	"=cmd|' /C calc'!A1",
	" \t =1+1",
	"@SUM(A1)",
	"+1",
	"-1",
	"x;=1; +2;\t@3",
	"say \"hi\", then go",
	"\"",
	"\xff\xfe\xc3",
	"\xe6\x97",
	"x] [denied: nothing] in payroll",
	" ",
	LONG_X,
	LONG_MARKS,
	LONG_WIDE,
};

enum {
	HOSTILE_COUNT = sizeof HOSTILE / sizeof HOSTILE[0]
};

static int group_setup(void **state)
{
	(void)state;
	memset(LONG_X, 'x', sizeof LONG_X - 1);
	for (size_t i = 0; i + 3 < sizeof LONG_MARKS; i += 2)
		memcpy(LONG_MARKS + i, i == 0 ? "ab" : "\xcc\x81", 2);
	for (size_t i = 0; i + 4 < sizeof LONG_WIDE; i += 3)
		memcpy(LONG_WIDE + i, "\xe8\xaa\x9e", 3);
	return setenv("TZ", "Europe/Stockholm", 1);
}

static void set_locale(const char *name)
{
	if (!setlocale(LC_CTYPE, name))
		fail_msg("the locale %s is not there", name);
}

/* 2026-03-02T08:14:07.123456789+01:00 */
static const int64_t MOMENT = INT64_C(1772435647123456789);

static struct trail_entry *make_entry(int kind)
{
	struct trail_entry *n = calloc(1, sizeof *n);
	n->index = 4711;
	n->size = 5000;
	n->open = true;
	n->record = (struct record){ .version = 1, .kind = (uint8_t)kind };
	n->record.received_ns = (uint64_t)MOMENT;
	buf_put_text(&n->payload, "payload");
	return n;
}

static struct trail_entry *make_event(void)
{
	struct trail_entry *n = make_entry(KIND_EVENT);
	n->source_name = strdup("lifecare");
	n->peer_name = strdup("unix:1000");
	n->record.source = 5;
	n->event = trail_event_new();
	n->is_event = true;
	trail_event_set_time(n->event, MOMENT);
	trail_event_set_action(n->event, TRAIL_READ);
	trail_event_set(n->event, TRAIL_ACTOR_ID, "anna");
	trail_event_set(n->event, TRAIL_OBJECT_ID, "/journal/4711");
	return n;
}

/* Every text of the entry, even those that no rule would let pass. */
static struct trail_entry *make_hostile(const char *text)
{
	struct trail_entry *n = make_entry(KIND_EVENT);
	n->source_name = strdup(text);
	n->peer_name = strdup(text);
	n->event = trail_event_new();
	n->is_event = true;
	trail_event_set_time(n->event, MOMENT);
	trail_event_set_action(n->event, TRAIL_EXECUTE);
	trail_event_set_outcome(n->event, TRAIL_REFUSED);
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		trail_event_set(n->event, (enum trail_field)f, text);
	trail_event_add_change(n->event, text, text, text);
	trail_event_add_attribute(n->event, text, text);
	trail_event_set_raw(n->event, text, strlen(text));
	return n;
}

static char *render_as(const char *form, const struct manner *m, const struct trail_entry *n)
{
	struct render r;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	assert_true(render_open(&r, form, m, to));
	assert_true(render_row(&r, n));
	render_end(&r, "complete");
	(void)fclose(to);
	assert_int_equal(strlen(text), len);
	return text;
}

/* All that the form prints of one entry; to be freed. */
static char *render(const char *form, unsigned columns, bool colour, const struct trail_entry *n)
{
	const struct screen screen = { .columns = columns, .colour = colour };
	const struct manner m = { .screen = &screen, .words = catalogue_find("en") };
	return render_as(form, &m, n);
}

static void check_wide_row(const struct trail_entry *n, unsigned columns, const char *expected)
{
	char *text = render("table", columns, false, n);
	assert_string_equal(text, expected);
	free(text);
}

static void check_row(const char *form, const struct trail_entry *n, const char *expected)
{
	char *text = render(form, 80, false, n);
	assert_string_equal(text, expected);
	free(text);
}

/* ---- nothing is obeyed -------------------------------------------------------------------- */

/* As the test sees it, through the C library and not through the code under test. */
static void assert_harmless(const char *text)
{
	wchar_t before = L'\n';
	unsigned marks = 0;
	mbstate_t shift = { 0 };
	for (const char *at = text; *at;) {
		wchar_t c;
		size_t size = mbrtowc(&c, at, strlen(at), &shift);
		if (size == (size_t)-1 || size == (size_t)-2)
			fail_msg("no text in this locale: %s", text);
		uint32_t p = (uint32_t)c;
		bool end = c == L'\n' || (c == L'\r' && at[1] == '\n');
		if ((p < 0x20 && !end) || (p >= 0x7f && p < 0xa0))
			fail_msg("U+%04X in %s", p, text);
		if (p == 0x61c || p == 0x200e || p == 0x200f || (p >= 0x2028 && p <= 0x202e) ||
			(p >= 0x2066 && p <= 0x2069) || p == 0xfeff ||
			(p >= 0xe0000 && p <= 0xe007f))
			fail_msg("U+%04X in %s", p, text);
		marks = !end && wcwidth(c) == 0 ? marks + 1 : 0;
		if (marks > 4 || (marks == 1 && wcschr(L" \",'[](", before)))
			fail_msg("a mark U+%04X too many in %s", p, text);
		before = c;
		at += size;
	}
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void no_form_prints_what_a_terminal_obeys(void **state)
{
	static const char *const LOCALES[] = { UTF8, "C" };
	(void)state;
	for (size_t l = 0; l < 2; l++) {
		set_locale(LOCALES[l]);
		for (size_t i = 0; i < HOSTILE_COUNT; i++) {
			struct trail_entry *n = make_hostile(HOSTILE[i]);
			for (size_t f = 0; RENDER_FORMS[f]; f++) {
				char *text = render(RENDER_FORMS[f], 100, false, n);
				bool head = f == 1 || f == 3;
				assert_harmless(text);
				assert_int_equal(count_lines(text), head ? 2 : 1);
				for (const char *at = text; l == 1 && *at; at++)
					assert_true((unsigned char)*at < 0x80);
				free(text);
			}
			trail_entry_free(n);
		}
	}
}

static void control_records_are_as_harmless(void **state)
{
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		for (int kind = 0; kind < 12; kind++) {
			struct trail_entry *n = make_entry(kind);
			n->source_name = strdup(HOSTILE[i]);
			n->peer_name = strdup(HOSTILE[i]);
			for (size_t f = 0; RENDER_FORMS[f]; f++) {
				char *text = render(RENDER_FORMS[f], 100, false, n);
				assert_harmless(text);
				free(text);
			}
			trail_entry_free(n);
		}
	}
}

/* ---- short ---------------------------------------------------------------------------------- */

#define AT "    4711  2026-03-02 08:14:07 +01:00  "

static void a_sentence_says_who_did_what(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	set_locale(UTF8);
	check_row("short", n, AT "anna read /journal/4711 in lifecare \xe2\x80\x93 succeeded\n");
	trail_event_set(n->event, TRAIL_ACTOR_NAME, "Anna Berg");
	trail_event_set(n->event, TRAIL_ACTOR_UNIT, "Hemtj\xc3\xa4nst Nord");
	trail_event_set(n->event, TRAIL_OBJECT_TYPE, "journal");
	trail_event_set(n->event, TRAIL_SUBJECT, "p-93");
	trail_event_set(n->event, TRAIL_PURPOSE, "case:2026-118");
	trail_event_set(n->event, TRAIL_VERB, "read");
	check_row("short", n,
		AT
		"Anna Berg (anna, Hemtj\xc3\xa4nst Nord) read journal /journal/4711 about person "
		"p-93 in lifecare, purpose: case:2026-118 \xe2\x80\x93 succeeded\n");
	trail_event_set(n->event, TRAIL_VERB, "print out");
	trail_event_set(n->event, TRAIL_ACTOR_ON_BEHALF_OF, "boss");
	trail_event_set(n->event, TRAIL_OBJECT_NAME, "Journal of P");
	trail_event_set(n->event, TRAIL_REASON, "no relation");
	trail_event_set_outcome(n->event, TRAIL_REFUSED);
	trail_event_set_medium(n->event, TRAIL_PAPER);
	n->record.flags = FLAG_DEFICIENT | FLAG_LATE | FLAG_LOSS | FLAG_UNPROTECTED | 32;
	check_row("short", n,
		AT
		"Anna Berg (anna, Hemtj\xc3\xa4nst Nord) for boss tried to read [\"print out\"] "
		"journal \"Journal of P\" (/journal/4711) about person p-93 on paper in lifecare, "
		"purpose: case:2026-118 \xe2\x80\x93 denied: \"no relation\" [deficient] [late] "
		"[loss declared before it] [unknown flag 5]\n");
	trail_entry_free(n);
}

/* In the language, and in its letters where the locale has them. */
static void check_swedish(const char *locale, const struct trail_entry *n, const char *expected)
{
	const struct screen screen = { .columns = 80 };
	const struct manner m = { .screen = &screen, .words = catalogue_find("sv"), .utc = true };
	set_locale(locale);
	char *text = render_as("short", &m, n);
	assert_string_equal(text, expected);
	free(text);
}

static void a_sentence_is_told_in_swedish(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	trail_event_set(n->event, TRAIL_ACTOR_NAME, "Anna L");
	trail_event_set(n->event, TRAIL_ACTOR_UNIT, "Hemtjanst Nord");
	trail_event_set(n->event, TRAIL_OBJECT_TYPE, "journal");
	trail_event_set(n->event, TRAIL_OBJECT_ID, "4711");
	trail_event_set(n->event, TRAIL_SUBJECT, "P-93");
	check_swedish(UTF8, n,
		"    4711  2026-03-02 07:14:07Z  Anna L (anna, Hemtjanst Nord) l\xc3\xa4ste "
		"journal "
		"4711 om person P-93 i lifecare \xe2\x80\x93 lyckades\n");
	trail_event_set_action(n->event, TRAIL_EXECUTE);
	trail_event_set(n->event, TRAIL_VERB, "print");
	trail_event_set_outcome(n->event, TRAIL_FAILURE);
	trail_event_set_medium(n->event, TRAIL_ORAL);
	n->record.flags = FLAG_DEFICIENT;
	check_swedish("C", n,
		"    4711  2026-03-02 07:14:07Z  Anna L (anna, Hemtjanst Nord) forsokte skriva ut "
		"journal 4711 om person P-93 muntligt i lifecare - misslyckades [ofullstandig]\n");
	trail_entry_free(n);
}

/* A word that is missing in one language would end the program, or the sentence. */
static void every_catalogue_has_every_word(void **state)
{
	(void)state;
	for (size_t i = 0; CATALOGUE_NAMES[i]; i++) {
		const struct catalogue *c = catalogue_find(CATALOGUE_NAMES[i]);
		const struct catalogue *other = catalogue_find("en");
		for (size_t a = 0; a < CATALOGUE_ACTIONS; a++)
			assert_true(c->actions[a].done && c->actions[a].tried);
		for (size_t o = 0; o < CATALOGUE_OUTCOMES; o++)
			assert_non_null(c->outcomes[o]);
		for (size_t m = 0; m < CATALOGUE_MEDIA; m++)
			assert_non_null(c->media[m]);
		for (size_t f = 0; f < CATALOGUE_FLAGS; f++)
			assert_non_null(c->flags[f]);
		for (size_t a = 0; other->acts[a].verb; a++)
			assert_non_null(catalogue_act(c->acts, other->acts[a].verb));
		for (size_t a = 0; other->asks[a].verb; a++)
			assert_non_null(catalogue_act(c->asks, other->asks[a].verb));
	}
	assert_null(catalogue_find("de"));
}

/* No word of a sentence begins with a capital, so that names need no quotes. */
static void no_word_of_ours_passes_for_a_name(void **state)
{
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; CATALOGUE_NAMES[i]; i++) {
		const struct catalogue *c = catalogue_find(CATALOGUE_NAMES[i]);
		const char *const words[] = { c->for_whom, c->tried_to, c->may_have, c->about,
			c->in, c->purpose, c->begins, c->of, c->by };
		for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
			assert_true(words[w][0] >= 'a');
		for (size_t a = 0; a < CATALOGUE_ACTIONS; a++)
			assert_true(c->actions[a].done[0] >= 'a' || c->actions[a].done[0] < 0);
	}
}

static void only_the_unnamed_acts_take_the_word_of_their_source(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	set_locale("C");
	trail_event_set_action(n->event, TRAIL_DELETE);
	trail_event_set(n->event, TRAIL_VERB, "print");
	check_row("short", n, AT "anna deleted [print] /journal/4711 in lifecare - succeeded\n");
	trail_event_set_action(n->event, TRAIL_EXECUTE);
	check_row("short", n, AT "anna printed /journal/4711 in lifecare - succeeded\n");
	trail_event_set(n->event, TRAIL_VERB, "frobnicate");
	trail_event_set_outcome(n->event, TRAIL_UNKNOWN);
	check_row("short", n,
		AT
		"anna may have tried to execute [frobnicate] /journal/4711 in lifecare - outcome "
		"unknown\n");
	trail_entry_free(n);
}

static void a_value_cannot_pass_for_the_sentence(void **state)
{
	static const struct {
		const char *name, *shown;
	} NAMES[] = {
		{ "Anna Berg", "Anna Berg" },
		{ "\xc3\x85sa \xc3\x96"
		  "berg 2",
			"\xc3\x85sa \xc3\x96"
			"berg 2" },
		{ "Anna read /x", "\"Anna read /x\"" },
		{ "Anna Berg ", "\"Anna Berg \"" },
		{ "Anna  Berg", "\"Anna  Berg\"" },
		{ "Anna (boss)", "\"Anna (boss)\"" },
		{ "anna Berg", "\"anna Berg\"" },
		{ "2 Berg", "\"2 Berg\"" },
	};
	struct trail_entry *n = make_event();
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
		char expected[256];
		trail_event_set(n->event, TRAIL_ACTOR_NAME, NAMES[i].name);
		(void)snprintf(expected, sizeof expected,
			AT "%s (anna) read /journal/4711 in lifecare \xe2\x80\x93 succeeded\n",
			NAMES[i].shown);
		check_row("short", n, expected);
	}
	trail_event_set(n->event, TRAIL_OBJECT_ID, "/x, in payroll [denied]");
	trail_event_set(n->event, TRAIL_SUBJECT, "a\" about \"b");
	trail_event_set(n->event, TRAIL_PURPOSE, "no\xc2\xa0way");
	check_row("short", n,
		AT "\"2 Berg\" (anna) read \"/x, in payroll [denied]\" about person "
		   "\"a\\u{22} about \\u{22}b\" in lifecare, purpose: \"no\xc2\xa0way\" "
		   "\xe2\x80\x93 succeeded\n");
	trail_entry_free(n);
}

static void other_records_say_what_they_are(void **state)
{
	static const struct {
		int kind;
		bool open;
		const char *said;
	} CASES[] = {
		{ KIND_SOURCE, true, "SOURCE lifecare begins, by unix:1000\n" },
		{ KIND_PEER, true, "PEER record of unix:1000\n" },
		{ KIND_PEER, false, "PEER record of unix:1000 [payload erased]\n" },
		{ KIND_DAEMON, true, "DAEMON record, by unix:1000\n" },
		{ KIND_SEAL, true, "SEAL record, by unix:1000\n" },
		{ 9, true, "record of the unknown kind 9, by unix:1000\n" },
		{ KIND_EVENT, false, "an EVENT in lifecare, by unix:1000 [payload erased]\n" },
		{ KIND_EVENT, true,
			"an EVENT in lifecare, by unix:1000 [payload of 7 bytes cannot be "
			"read]\n" },
	};
	(void)state;
	set_locale("C");
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		struct trail_entry *n = make_entry(CASES[i].kind);
		n->open = CASES[i].open;
		n->source_name = strdup("lifecare");
		n->peer_name = strdup("unix:1000");
		char *text = render("short", 80, false, n);
		assert_string_equal(text + strlen(AT), CASES[i].said);
		free(text);
		trail_entry_free(n);
	}
	struct trail_entry *n = make_entry(KIND_EVENT);
	n->open = false;
	check_row("short", n,
		AT "an EVENT in (name erased), by "
		   "(name erased) [payload erased]\n");
	trail_entry_free(n);
}

static void long_values_are_cut(void **state)
{
	struct trail_entry *n = make_hostile(LONG_X);
	(void)state;
	set_locale(UTF8);
	char *text = render("short", 80, false, n);
	assert_true(strlen(text) < 1000);
	assert_non_null(strstr(text, "xxx\xe2\x80\xa6"));
	free(text);
	set_locale("C");
	text = render("short", 80, false, n);
	assert_non_null(strstr(text, "xxx..."));
	free(text);
	trail_entry_free(n);
}

static void only_an_outcome_has_colour(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	set_locale(UTF8);
	char *text = render("short", 80, true, n);
	assert_null(strchr(text, '\x1b'));
	free(text);
	trail_event_set_outcome(n->event, TRAIL_FAILURE);
	trail_event_set(n->event, TRAIL_REASON, "\x1b[0m");
	text = render("short", 80, true, n);
	assert_non_null(strstr(text, " \x1b[31mfailed: \"\\u{1b}[0m\"\x1b[0m\n"));
	free(text);
	text = render("json", 80, true, n);
	assert_null(strchr(text, '\x1b'));
	free(text);
	trail_entry_free(n);
}

/* ---- table ---------------------------------------------------------------------------------- */

static size_t columns_of(const char *line, size_t len)
{
	wchar_t wide[4096];
	char copy[4096];
	assert_true(len < sizeof copy);
	memcpy(copy, line, len);
	copy[len] = '\0';
	size_t count = mbstowcs(wide, copy, sizeof wide / sizeof wide[0]);
	assert_true(count < sizeof wide / sizeof wide[0]);
	int columns = wcswidth(wide, count);
	assert_true(columns >= 0);
	return (size_t)columns;
}

static void a_table_is_no_wider_than_its_screen(void **state)
{
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		struct trail_entry *n = make_hostile(HOSTILE[i]);
		for (unsigned columns = SCREEN_COLUMNS_MIN; columns < 260; columns += 3) {
			char *text = render("table", columns, false, n);
			const char *head_end = strchr(text, '\n');
			size_t head = columns_of(text, (size_t)(head_end - text));
			size_t row = columns_of(head_end + 1, strlen(head_end + 1) - 1);
			if (head > columns || row > columns)
				fail_msg(
					"%zu and %zu of %u columns:\n%s", head, row, columns, text);
			free(text);
		}
		trail_entry_free(n);
	}
}

/* All columns at their least. */
enum {
	ALL_COLUMNS = 97
};
#define HEADS "  index time                      actor    action  object               subject  "
#define ROW   "   4711 2026-03-02T08:14:07+01:00 "

static void columns_stand_below_their_heads(void **state)
{
	static const char *const OBJECTS[] = { "abc", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		"a\xcc\x81", "exactly twenty signs", "this is too long for it", "\xcc\x81",
		"/a path/cut/at/its/front", "/\xe6\x97\xa5\xe6\x9c\xac/e\xcc\x81/89012345678901" };
	static const char *const SHOWN[] = { "abc                 ",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e              ",
		"a\xcc\x81                   ", "exactly twenty signs",
		"this is too long fo\xe2\x80\xa6", "\\u{301}             ",
		"\xe2\x80\xa6th/cut/at/its/front",
		"\xe2\x80\xa6\xe6\x9c\xac/e\xcc\x81/89012345678901" };
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < sizeof OBJECTS / sizeof OBJECTS[0]; i++) {
		char expected[512];
		struct trail_entry *n = make_event();
		trail_event_set(n->event, TRAIL_OBJECT_ID, OBJECTS[i]);
		trail_event_set(n->event, TRAIL_SUBJECT, "p-93");
		free(n->source_name);
		n->source_name = strdup("src");
		(void)snprintf(expected, sizeof expected,
			HEADS "outcome source\n" ROW "anna     READ    %s p-93     SUCCESS src\n",
			SHOWN[i]);
		check_wide_row(n, ALL_COLUMNS, expected);
		trail_entry_free(n);
	}
}

static void a_narrow_table_leaves_columns_out(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	set_locale(UTF8);
	trail_event_set(n->event, TRAIL_SUBJECT, "p-93");
	check_wide_row(n, 80,
		"   index time                      actor    action  object               outcome\n"
		"    4711 2026-03-02T08:14:07+01:00 anna     READ    /journal/4711        "
		"SUCCESS\n");
	check_wide_row(n, 40,
		"   index actor     action  object\n"
		"    4711 anna      READ    /journal/4711\n");
	trail_entry_free(n);
}

static void a_row_does_not_end_in_spaces(void **state)
{
	struct trail_entry *n = make_entry(KIND_DAEMON);
	(void)state;
	set_locale(UTF8);
	n->peer_name = strdup("traild");
	check_wide_row(n, ALL_COLUMNS, HEADS "outcome source\n" ROW "traild   DAEMON\n");
	trail_entry_free(n);
}

static void a_long_index_is_never_cut(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	set_locale(UTF8);
	n->index = 12345678901;
	trail_event_set(n->event, TRAIL_ACTOR_ID, "somebody");
	free(n->source_name);
	n->source_name = strdup("src");
	check_wide_row(n, ALL_COLUMNS,
		HEADS "outcome source\n"
		      "12345678901 2026-03-02T08:14:07+01:00 som\xe2\x80\xa6 READ    /journal/4711"
		      "                 SUCCESS src\n");
	trail_entry_free(n);
}

/* ---- chosen fields ----------------------------------------------------------------------------
 */

static struct manner picking(const struct screen *screen, const char *names)
{
	struct manner m = { .screen = screen, .words = catalogue_find("en") };
	assert_true(pick_read(names, &m.pick));
	return m;
}

static void check_picked(
	const char *form, const char *names, const struct trail_entry *n, const char *expected)
{
	const struct screen screen = { .columns = 60 };
	const struct manner m = picking(&screen, names);
	char *text = render_as(form, &m, n);
	assert_string_equal(text, expected);
	free(text);
}

static void chosen_fields_are_all_that_is_shown(void **state)
{
	struct trail_entry *n = make_event();
	(void)state;
	set_locale(UTF8);
	trail_event_add_change(n->event, "f", "=1", "2");
	check_picked("json", "object,index,actor.id,subject,changes,actor.name", n,
		"{\"object\":{\"id\":\"/journal/4711\"},\"index\":4711,\"actor\":{\"id\":\"anna\"},"
		"\"changes\":[{\"field\":\"f\",\"old\":\"=1\",\"new\":\"2\"}]}\n");
	check_picked("csv", "object,index,subject,changes", n,
		"object.id,index,subject,changes\r\n/journal/4711,4711,,"
		"\"[{\"\"field\"\":\"\"f\"\",\"\"old\"\":\"\"=1\"\",\"\"new\"\":\"\"2\"\"}]\"\r\n");
	check_picked("table", "index,object,outcome,type", n,
		"     index object.id             outcome object.type\n"
		"      4711 /journal/4711         SUCCESS\n");
	trail_entry_free(n);
}

static void every_field_can_be_chosen_alone(void **state)
{
	static const char *const FORMS[] = { "table", "json", "csv" };
	const struct screen screen = { .columns = 40 };
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		struct trail_entry *n = make_hostile(HOSTILE[i]);
		for (unsigned c = 0; c < COLUMN_COUNT; c++) {
			const struct manner m = picking(&screen, column_name(c));
			for (size_t f = 0; f < 3; f++) {
				char *text = render_as(FORMS[f], &m, n);
				assert_harmless(text);
				const char *row = strchr(text, '\n') + 1;
				if (f == 0)
					assert_true(columns_of(row, strlen(row) - 1) <= 40);
				free(text);
			}
		}
		trail_entry_free(n);
	}
}

static void names_that_are_no_fields_are_refused(void **state)
{
	static const char *const BAD[] = { "", ",", "time,", ",time", "time,,id", "actro",
		"time,time", "actor,actor.id", "time ", "proof", "Time", LONG_X };
	struct pick pick;
	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
		assert_false(pick_read(BAD[i], &pick));
}

/* ---- csv ------------------------------------------------------------------------------------ */

static void a_cell_is_never_a_formula(void **state)
{
	static const struct {
		const char *text, *cell;
	} CASES[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "=1", "\"'=1\"" },
		{ "+1", "\"'+1\"" },
		{ "-1", "\"'-1\"" },
		{ "@x", "\"'@x\"" },
		{ " =1", "\"' =1\"" },
		{ "\t=1", "\"'\\u{9}=1\"" },
		{ "a=1", "a=1" },
		{ "a;=1", "\"a;\\u{3d}1\"" },
		{ "a; \t-1;b-", "\"a; \\u{9}\\u{2d}1;b-\"" },
		{ "a,b", "\"a,b\"" },
		{ "a\"b", "\"a\"\"b\"" },
		{ "a\r\nb", "a\\u{d}\\u{a}b" },
		{ " a ", "\" a \"" },
	};
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *to = open_memstream(&text, &len);
		csv_put(to, CASES[i].text);
		(void)fclose(to);
		assert_string_equal(text, CASES[i].cell);
		free(text);
	}
}

/* Split the line at `text`, which ends in CR LF; answers how many cells. */
static int split_line(char *text, char *cells[CSV_CELLS_MAX], char **next)
{
	char *end = strstr(text, "\r\n");
	assert_non_null(end);
	*end = '\0';
	*next = end + 2;
	return csv_split(text, cells);
}

static void a_line_of_csv_has_the_cells_of_its_head(void **state)
{
	(void)state;
	set_locale(UTF8);
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		char *head[CSV_CELLS_MAX], *cells[CSV_CELLS_MAX], *row, *end;
		struct trail_entry *n = make_hostile(HOSTILE[i]);
		char *text = render("csv", 80, false, n);
		int count = split_line(text, head, &row);
		assert_int_equal(split_line(row, cells, &end), count);
		assert_string_equal(end, "");
		for (int c = 0; c < count; c++) {
			const char *cell = cells[c] + strspn(cells[c], " \t");
			if (*cell != '\0' && strchr("=+-@", *cell))
				fail_msg("%s is %s", head[c], cells[c]);
		}
		free(text);
		trail_entry_free(n);
	}
}

static void csv_says_times_in_utc(void **state)
{
	char *head[CSV_CELLS_MAX], *cells[CSV_CELLS_MAX], *row, *end;
	struct trail_entry *n = make_event();
	unsigned found = 0;
	(void)state;
	set_locale(UTF8);
	char *text = render("csv", 80, false, n);
	int count = split_line(text, head, &row);
	assert_int_equal(split_line(row, cells, &end), count);
	for (int c = 0; c < count; c++) {
		bool time = strcmp(head[c], "time") == 0 || strcmp(head[c], "received") == 0;
		if (time)
			assert_string_equal(cells[c], "2026-03-02T07:14:07.123456789Z");
		if (strcmp(head[c], "actor.id") == 0)
			assert_string_equal(cells[c], "anna");
		found += time || strcmp(head[c], "actor.id") == 0;
	}
	assert_int_equal(found, 3);
	free(text);
	trail_entry_free(n);
}

static void check_answer(
	const char *question, bool at_once, size_t rows, const char *complete, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	struct render r;
	const struct screen screen = { .columns = 80 };
	struct manner m = picking(&screen, "index,actor");
	struct trail_entry *n = make_event();
	m.question = question;
	m.each_at_once = at_once;
	FILE *to = open_memstream(&text, &len);
	assert_true(render_open(&r, "csv", &m, to));
	for (size_t i = 0; i < rows; i++)
		assert_true(render_row(&r, n));
	render_end(&r, complete);
	(void)fclose(to);
	assert_string_equal(text, expected);
	free(text);
	trail_entry_free(n);
}

static void an_answer_says_what_it_is_and_that_it_is_whole(void **state)
{
	static const char QUESTION[] = "trail search object:\"=1,2\"\r\n";
	(void)state;
	set_locale(UTF8);
	check_answer(QUESTION, false, 2, "2 of 2 rows, 0 gaps",
		"index,actor.id,\"trail search object:\"\"=1,2\"\"\\u{d}\\u{a}\"\r\n4711,anna,\r\n"
		"4711,anna,\"2 of 2 rows, 0 gaps\"\r\n");
	check_answer(
		"trail search", false, 1, NULL, "index,actor.id,trail search\r\n4711,anna,\r\n");
	check_answer("trail search", false, 0, "0 of 0 rows", "index,actor.id,trail search\r\n");
	check_answer("trail search", true, 1, "never told",
		"index,actor.id,trail search\r\n4711,anna,\r\n");
}

/* ---- json ----------------------------------------------------------------------------------- */

static void json_loses_nothing_that_is_text(void **state)
{
	static const char *const LOCALES[] = { UTF8, "C" };
	(void)state;
	for (size_t l = 0; l < 2; l++) {
		set_locale(LOCALES[l]);
		for (size_t i = 0; i < HOSTILE_COUNT; i++) {
			struct trail_entry *n = make_hostile(HOSTILE[i]);
			char *text = render("json", 80, false, n);
			json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
			json_t *expected = json_string(HOSTILE[i]);
			assert_non_null(value);
			const json_t *reason = json_object_get(value, "reason");
			const json_t *source = json_object_get(value, "source");
			assert_true(json_is_string(reason) && json_is_string(source));
			if (expected) {
				assert_true(json_equal(reason, expected));
				assert_true(json_equal(source, expected));
			} else {
				assert_non_null(strstr(json_string_value(reason), "\\x{"));
			}
			assert_null(json_object_get(value, "proof"));
			json_decref(value);
			json_decref(expected);
			free(text);
			trail_entry_free(n);
		}
	}
}

/* ---- cells, and the bar --------------------------------------------------------------------- */

static void a_cut_splits_no_character_and_no_escape(void **state)
{
	static const struct {
		const char *locale, *text;
		size_t limit;
		const char *shown;
		size_t columns;
	} CASES[] = {
		{ UTF8, "abcdef", 6, "abcdef", 6 },
		{ UTF8, "abcdef", 5, "abcd\xe2\x80\xa6", 5 },
		{ UTF8, "a\x1b", 7, "a\\u{1b}", 7 },
		{ UTF8, "a\x1bz", 7, "a\xe2\x80\xa6", 2 },
		{ UTF8, "\xe8\xaa\x9e\xe8\xaa\x9e", 3, "\xe8\xaa\x9e\xe2\x80\xa6", 3 },
		{ UTF8, "\xe8\xaa\x9e\xe8\xaa\x9e", 2, "\xe2\x80\xa6", 1 },
		{ UTF8, "a\xcc\x81zy", 2, "a\xcc\x81\xe2\x80\xa6", 2 },
		{ UTF8, "abc", 1, "\xe2\x80\xa6", 1 },
		{ "C", "abcdef", 5, "ab...", 5 },
		{ "C", "\xc3\xa5", 6, "\\u{e5}", 6 },
		{ "C", "\xc3\xa5x", 6, "...", 3 },
		{ "C", "abcdef", 2, "..", 2 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
		char *text = NULL;
		size_t len = 0;
		set_locale(CASES[i].locale);
		FILE *to = open_memstream(&text, &len);
		size_t columns = print_cell(to, CASES[i].text, CASES[i].limit, NULL);
		(void)fclose(to);
		assert_string_equal(text, CASES[i].shown);
		assert_int_equal(columns, CASES[i].columns);
		free(text);
	}
}

static void a_bar_names_its_unit(void **state)
{
	static const char *const LOCALES[] = { UTF8, "C" };
	FILE *const usual = stderr;
	(void)state;
	for (size_t l = 0; l < 2; l++) {
		struct progress p;
		char *text = NULL;
		size_t len = 0;
		set_locale(LOCALES[l]);
		progress_init(&p, 200, "records");
		p.shown = true;
		p.next_ms = 0;
		stderr = open_memstream(&text, &len);
		progress_show(&p, 100, 7);
		(void)fclose(stderr);
		stderr = usual;
		assert_non_null(strstr(text, " 50 %  7 records"));
		assert_true((strstr(text, "\xe2\x96\x88") != NULL) == (l == 0));
		assert_true((strstr(text, "####....") != NULL) == (l == 1));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_form_prints_what_a_terminal_obeys),
		cmocka_unit_test(control_records_are_as_harmless),
		cmocka_unit_test(a_sentence_says_who_did_what),
		cmocka_unit_test(a_sentence_is_told_in_swedish),
		cmocka_unit_test(every_catalogue_has_every_word),
		cmocka_unit_test(no_word_of_ours_passes_for_a_name),
		cmocka_unit_test(only_the_unnamed_acts_take_the_word_of_their_source),
		cmocka_unit_test(a_narrow_table_leaves_columns_out),
		cmocka_unit_test(chosen_fields_are_all_that_is_shown),
		cmocka_unit_test(every_field_can_be_chosen_alone),
		cmocka_unit_test(names_that_are_no_fields_are_refused),
		cmocka_unit_test(an_answer_says_what_it_is_and_that_it_is_whole),
		cmocka_unit_test(a_value_cannot_pass_for_the_sentence),
		cmocka_unit_test(other_records_say_what_they_are),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(only_an_outcome_has_colour),
		cmocka_unit_test(a_table_is_no_wider_than_its_screen),
		cmocka_unit_test(columns_stand_below_their_heads),
		cmocka_unit_test(a_row_does_not_end_in_spaces),
		cmocka_unit_test(a_long_index_is_never_cut),
		cmocka_unit_test(a_cell_is_never_a_formula),
		cmocka_unit_test(a_line_of_csv_has_the_cells_of_its_head),
		cmocka_unit_test(csv_says_times_in_utc),
		cmocka_unit_test(json_loses_nothing_that_is_text),
		cmocka_unit_test(a_cut_splits_no_character_and_no_escape),
		cmocka_unit_test(a_bar_names_its_unit),
	};
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
