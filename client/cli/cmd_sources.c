/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"
#include "cli.h"
#include "output.h"
#include "when.h"

const char HELP_SOURCES[] =
	"usage: trail sources [-o text|json]\n"
	"\n"
	"Show which systems write to the log, when each was last heard, and what it\n"
	"numbered that is not here: numbers that it declared lost, numbers that it gave out\n"
	"and that did not come within a minute, and epochs that went silent for a day\n"
	"without an end. Names and numbers are verified; the rest is the daemon's word.\n"
	"\n"
	"Exit codes: 0 nothing is missing, 1 there are no sources, 6 something is missing.\n";

enum {
	NAME_COLUMNS = 30
};

static bool is_whole(const struct trail_sources *s, size_t i)
{
	return trail_sources_missing(s, i) == 0 && trail_sources_open_ends(s, i) == 0 &&
		trail_sources_lost(s, i) == 0;
}

static void put(json_t *to, const char *name, json_t *value)
{
	(void)json_object_set_new(to, name, value);
}

static void print_source_json(const struct trail_sources *s, size_t i)
{
	char when[WHEN_MAX];
	json_t *to = json_object();
	uint64_t heard = trail_sources_heard(s, i);
	when_utc((int64_t)heard, when);
	put(to, "source", json_text(trail_sources_name(s, i)));
	put(to, "index", json_integer((json_int_t)trail_sources_index(s, i)));
	put(to, "heard", heard ? json_string(when) : json_null());
	put(to, "newest", json_integer((json_int_t)trail_sources_newest(s, i)));
	put(to, "open", json_integer(trail_sources_open(s, i)));
	put(to, "imports", json_integer(trail_sources_imports(s, i)));
	put(to, "open_ends", json_integer(trail_sources_open_ends(s, i)));
	put(to, "lost", json_integer((json_int_t)trail_sources_lost(s, i)));
	put(to, "missing", json_integer((json_int_t)trail_sources_missing(s, i)));
	print_json(to);
}

/* "ok", or what is missing in words. */
static void print_state(const struct trail_sources *s, size_t i)
{
	const char *between = "";
	if (trail_sources_missing(s, i) != 0) {
		printf("%llu given out and not here",
			(unsigned long long)trail_sources_missing(s, i));
		between = ", ";
	}
	if (trail_sources_lost(s, i) != 0) {
		printf("%s%llu declared lost", between,
			(unsigned long long)trail_sources_lost(s, i));
		between = ", ";
	}
	if (trail_sources_open_ends(s, i) != 0)
		printf("%s%u without an end", between, trail_sources_open_ends(s, i));
	printf("%s\n", is_whole(s, i) ? "ok" : "");
}

static void print_source(const struct cli *cli, const struct trail_sources *s, size_t i)
{
	char when[WHEN_MAX] = "not known";
	int64_t heard = (int64_t)trail_sources_heard(s, i);
	if (heard != 0)
		when_told(heard, cli->utc, when);
	size_t used = print_cell(stdout, trail_sources_name(s, i), NAME_COLUMNS, NULL);
	printf("%*s %8llu  %-35s %5u %8u  ", (int)(NAME_COLUMNS - used), "",
		(unsigned long long)trail_sources_index(s, i), when, trail_sources_open(s, i),
		trail_sources_imports(s, i));
	print_state(s, i);
}

int cmd_sources(struct cli *cli, int argc, char **argv)
{
	struct trail_sources *s = NULL;
	bool done;
	int code = cli_open_bare(cli, argc, argv, "sources", &done);
	if (code != EXIT_OK || done)
		return code;
	if (trail_sources_ask(cli->trail, &s) != TRAIL_OK)
		return cli_fail(cli);
	size_t count = trail_sources_count(s);
	code = count == 0 ? EXIT_NOTHING : EXIT_OK;
	cli_page(cli);
	if (!cli->json && count != 0)
		printf("%-*s %8s  %-35s %5s %8s  %s\n", NAME_COLUMNS, "source", "index",
			"last heard", "open", "imports", "state");
	for (size_t i = 0; i < count; i++) {
		if (cli->json)
			print_source_json(s, i);
		else
			print_source(cli, s, i);
		if (!is_whole(s, i))
			code = EXIT_OPEN;
	}
	trail_sources_free(s);
	return code;
}
