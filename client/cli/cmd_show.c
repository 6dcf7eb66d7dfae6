/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "entry_json.h"
#include "entry_words.h"
#include "fields.h"
#include "output.h"
#include "render.h"
#include "when.h"

#include <string.h>

const char HELP_SHOW[] =
	"usage: trail show INDEX [-o text|short|table|json|csv]\n"
	"\n"
	"Show one record of the log and the event that it commits to. What is shown is\n"
	"verified: the record is in the tree of a signed checkpoint, the event is the one\n"
	"that the record commits to, source and peer are named by their own records.\n"
	"\n"
	"  -o text     all there is (default)\n"
	"  -o short    one sentence\n"
	"  -o table    a row as wide as the terminal\n"
	"  -o json     one JSON value, with the proof\n"
	"  -o csv      a header line and a line for spreadsheets and `trail import`\n"
	"\n"
	"Examples:\n"
	"  trail show 5\n"
	"  trail show 5 -o json | jq .actor.id\n";

static void print_row(const char *name, const char *value)
{
	if (!value)
		return;
	printf("%-18s ", name);
	print_text(stdout, value);
	(void)putchar('\n');
}

static void print_flags(uint32_t flags)
{
	bool first = true;
	printf("%-18s ", "flags");
	for (unsigned bit = 0; bit < FLAG_BITS; bit++) {
		if (!(flags >> bit & 1))
			continue;
		printf("%s", first ? "" : ", ");
		if (flag_text(bit))
			printf("%s", flag_text(bit));
		else
			printf("unknown bit %u", bit);
		first = false;
	}
	printf("%s\n", first ? "none" : "");
}

static void print_when(const struct cli *cli, const char *name, int64_t ns)
{
	char when[WHEN_MAX];
	when_told(ns, cli->utc, when);
	print_row(name, when);
}

static void print_event(const struct cli *cli, const struct trail_event *e)
{
	printf("\n");
	print_when(cli, "time", trail_event_time(e));
	print_row("action", trail_word_name(TRAIL_WORD_ACTION, trail_event_action(e)));
	print_row("outcome", trail_word_name(TRAIL_WORD_OUTCOME, trail_event_outcome(e)));
	for (int f = 0; f < TRAIL_FIELD_COUNT; f++)
		print_row(trail_field_name((enum trail_field)f),
			trail_event_get(e, (enum trail_field)f));
	if (trail_event_actor_type(e) != TRAIL_ACTOR_UNSPECIFIED)
		print_row("actor.type",
			trail_word_name(TRAIL_WORD_ACTOR_TYPE, trail_event_actor_type(e)));
	print_row("medium", trail_word_name(TRAIL_WORD_MEDIUM, trail_event_medium(e)));
	if (trail_event_id(e)) {
		char id[37];
		uuid_text(trail_event_id(e), id);
		print_row("id", id);
	}
	for (size_t i = 0; i < trail_event_change_count(e); i++) {
		const char *old_value = trail_event_change_old(e, i);
		const char *new_value = trail_event_change_new(e, i);
		printf("%-18s ", "change");
		print_text(stdout, trail_event_change_field(e, i));
		printf(": ");
		print_text(stdout, old_value ? old_value : "(none)");
		printf(" -> ");
		print_text(stdout, new_value ? new_value : "(none)");
		printf("\n");
	}
	for (size_t i = 0; i < trail_event_attribute_count(e); i++) {
		printf("%-18s ", "attribute");
		print_text(stdout, trail_event_attribute_key(e, i));
		printf("=");
		print_text(stdout, trail_event_attribute_value(e, i));
		printf("\n");
	}
}

static void print_number(const char *name, uint64_t number)
{
	printf("%-18s %llu\n", name, (unsigned long long)number);
}

static void print_named(const char *name, const char *value, uint64_t index)
{
	printf("%-18s ", name);
	print_text(stdout, value ? value : "(erased)");
	printf(" (record %llu)\n", (unsigned long long)index);
}

static void print_record(const struct cli *cli, const struct trail_entry *n)
{
	bool event = trail_entry_kind(n) == ENTRY_EVENT;
	print_number("index", trail_entry_index(n));
	print_row("kind", entry_kind_text(n));
	print_when(cli, "received", (int64_t)trail_entry_received(n));
	if (event)
		print_named("source", trail_entry_source_name(n), trail_entry_source(n));
	else
		print_row("source", trail_entry_source_name(n));
	print_named("peer", trail_entry_peer_name(n), trail_entry_peer(n));
	if (event) {
		print_number("epoch", trail_entry_epoch(n));
		print_number("seq", trail_entry_seq(n));
		print_number("class", trail_entry_class(n));
		print_flags(trail_entry_flags(n));
	}
	printf("%-18s ", "leaf");
	print_hex(stdout, trail_entry_leaf(n), TRAIL_HASH_LEN);
	printf("\n");
}

static void print_payload(const struct trail_entry *n)
{
	size_t len;
	const uint8_t *payload = trail_entry_payload(n, &len);
	if (trail_entry_event(n) || !payload)
		return;
	printf("%-18s ", "payload");
	print_hex(stdout, payload, len);
	printf("\n");
}

static void print_entry_text(const struct cli *cli, const struct trail_entry *n)
{
	print_record(cli, n);
	print_payload(n);
	if (trail_entry_event(n))
		print_event(cli, trail_entry_event(n));
	printf("\n%-18s included in checkpoint %llu of ", "verified",
		(unsigned long long)trail_entry_size(n));
	print_text(stdout, trail_origin(cli->trail));
	printf(trail_entry_salt(n) ? "; commitment opened\n"
				   : "; payload erased, nothing to open\n");
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
	static const char *const FORMS[] = { "text", "short", "table", "json", "csv", NULL };
	struct trail_entry *n = NULL;
	struct render rows;
	uint64_t index;
	bool done;
	cli->forms = FORMS;
	int code = cli_open_index(cli, argc, argv, "show", &index, &done);
	if (code != EXIT_OK || done)
		return code;
	if (trail_get(cli->trail, index, &n) != TRAIL_OK)
		return cli_fail(cli);
	cli_page(cli);
	const struct manner manner = manner_of(cli);
	if (cli->json)
		print_json(entry_json(n, true));
	else if (render_open(&rows, cli->output, &manner, stdout))
		(void)render_row(&rows, n);
	else
		print_entry_text(cli, n);
	trail_entry_free(n);
	return EXIT_OK;
}
