/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "output.h"
#include "when.h"

const char HELP_STATUS[] =
	"usage: trail status [-o json]\n"
	"\n"
	"How the daemon is. Only the checkpoint among it is proven; the rest is what the\n"
	"daemon says of itself.\n"
	"\n"
	"Example:\n"
	"  trail status -o json | jq .free_bytes\n";

static const struct {
	enum trail_status_number number;
	const char *name;  /* in JSON */
	const char *label; /* for people */
} ROWS[] = {
	{ TRAIL_STATUS_SIZE, "size", "records" },
	{ TRAIL_STATUS_EVENTS, "events", "events since start" },
	{ TRAIL_STATUS_COMMITS, "commits", "commits since start" },
	{ TRAIL_STATUS_REFUSALS, "refusals", "refusals since start" },
	{ TRAIL_STATUS_SOURCES, "sources", "sources" },
	{ TRAIL_STATUS_OPEN_EPOCHS, "open_epochs", "open epochs" },
	{ TRAIL_STATUS_PENDING_GAPS, "pending_gaps", "pending gaps" },
	{ TRAIL_STATUS_CONNECTIONS, "connections", "connections" },
	{ TRAIL_STATUS_QUEUE_BYTES, "queue_bytes", "bytes queued" },
	{ TRAIL_STATUS_STORE_BYTES, "store_bytes", "bytes of the store" },
	{ TRAIL_STATUS_FREE_BYTES, "free_bytes", "bytes free on disk" },
};

enum {
	ROW_COUNT = sizeof ROWS / sizeof ROWS[0]
};

static void print_status_json(struct cli *cli, const struct trail_status *s)
{
	char when[WHEN_MAX];
	json_t *to = json_object();
	when_utc((int64_t)trail_status_get(s, TRAIL_STATUS_STARTED), when);
	(void)json_object_set_new(to, "origin", json_string(trail_origin(cli->trail)));
	(void)json_object_set_new(to, "version", json_string(trail_status_version(s)));
	(void)json_object_set_new(to, "started", json_string(when));
	for (unsigned i = 0; i < ROW_COUNT; i++)
		(void)json_object_set_new(to, ROWS[i].name,
			json_integer((json_int_t)trail_status_get(s, ROWS[i].number)));
	(void)json_object_set_new(
		to, "full", json_boolean(trail_status_get(s, TRAIL_STATUS_FULL) != 0));
	(void)json_object_set_new(
		to, "checkpoint", json_integer((json_int_t)trail_size(cli->trail)));
	(void)json_object_set_new(to, "identity", json_string(cli_trust(cli)));
	print_json(to);
}

static void print_status_text(struct cli *cli, const struct trail_status *s)
{
	char when[WHEN_MAX];
	int64_t started = (int64_t)trail_status_get(s, TRAIL_STATUS_STARTED);
	if (cli->utc)
		when_utc(started, when);
	else
		when_local(started, when);
	printf("%-22s ", "log");
	print_text(stdout, trail_origin(cli->trail));
	printf("\n%-22s ", "traild");
	print_text(stdout, trail_status_version(s));
	printf("\n%-22s %s\n", "started", when);
	for (unsigned i = 0; i < ROW_COUNT; i++)
		printf("%-22s %llu\n", ROWS[i].label,
			(unsigned long long)trail_status_get(s, ROWS[i].number));
	printf("%-22s %s\n", "disk",
		trail_status_get(s, TRAIL_STATUS_FULL)
			? "FULL: the reserve is reached, nothing is taken; make room"
			: "ok");
	printf("%-22s %llu, signature and consistency verified\n", "checkpoint",
		(unsigned long long)trail_size(cli->trail));
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	struct trail_status *s = NULL;
	bool done;
	int code = cli_open_bare(cli, argc, argv, "status", &done);
	if (code != EXIT_OK || done)
		return code;
	if (trail_status_ask(cli->trail, &s) != TRAIL_OK)
		return cli_fail(cli);
	if (cli->json)
		print_status_json(cli, s);
	else
		print_status_text(cli, s);
	trail_status_free(s);
	return EXIT_OK;
}
