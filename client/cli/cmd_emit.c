/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "fields.h"
#include "output.h"
#include "when.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

const char HELP_EMIT[] =
	"usage: trail emit ACTION OBJECT [options]\n"
	"\n"
	"Write one event and print its verified receipt. ACTION is create, read, modify,\n"
	"delete or execute (none of the four: say which by --verb); OBJECT is the id of\n"
	"what it was done to.\n"
	"\n"
	"  --actor ID          who did it (your login name)\n"
	"  --actor-type TYPE   user, system, service or anonymous\n"
	"  --actor-name, --role, --unit, --session, --actor-address, --on-behalf-of TEXT\n"
	"  --type TYPE         of the object; also --object-name, --object-version TEXT\n"
	"  --subject ID        the person whom the information is about\n"
	"  --purpose TEXT      why: a code or a case number\n"
	"  --outcome OUTCOME   success (default), denied, failure or unknown\n"
	"  --reason TEXT       of that outcome\n"
	"  --verb WORD         your own word for the action: print, export, login\n"
	"  --medium MEDIUM     digital (default), paper or oral\n"
	"  --time TIME         when: RFC 3339, 2026-03-01, yesterday, -2h (now)\n"
	"  --host, --application, --process, --address TEXT   where it came from\n"
	"  --correlation ID    ties events of one act together\n"
	"  --attr KEY=VALUE    anything else; may come again\n"
	"  --id UUID           the event's own name (a random one)\n"
	"  --source NAME       the log's name for your system (trail)\n"
	"  --witnessed[=SECONDS]  wait until the witnesses of your --policy cosigned it (30);\n"
	"                      exit code 6 when they did not: it is logged all the same\n"
	"\n"
	"Examples:\n"
	"  trail emit read /journal/4711 --subject p-93 --purpose case:2026-118\n"
	"  trail emit execute minutes.pdf --verb print --medium paper\n"
	"  trail emit delete /hr/old.doc --outcome denied --reason 'no permission'\n";

static const char DEFAULT_SOURCE[] = "trail";
static const char WITNESSED_S[] = "30";

/* Options that are one field each: option, field. */
static const struct {
	const char *option;
	const char *field;
	enum value value;
} OPTIONS[] = {
	{ "actor", "actor.id", VALUE_ANY },
	{ "actor-type", "actor.type", VALUE_ACTOR_TYPE },
	{ "actor-name", "actor.name", VALUE_ANY },
	{ "role", "actor.role", VALUE_ANY },
	{ "unit", "actor.unit", VALUE_ANY },
	{ "session", "actor.session", VALUE_ANY },
	{ "actor-address", "actor.address", VALUE_ANY },
	{ "on-behalf-of", "actor.on_behalf_of", VALUE_ANY },
	{ "type", "object.type", VALUE_ANY },
	{ "object-name", "object.name", VALUE_ANY },
	{ "object-version", "object.version", VALUE_ANY },
	{ "subject", "subject", VALUE_ANY },
	{ "purpose", "purpose", VALUE_ANY },
	{ "outcome", "outcome", VALUE_OUTCOME },
	{ "reason", "reason", VALUE_ANY },
	{ "verb", "verb", VALUE_ANY },
	{ "medium", "medium", VALUE_MEDIUM },
	{ "host", "origin.host", VALUE_ANY },
	{ "application", "origin.application", VALUE_ANY },
	{ "process", "origin.process", VALUE_ANY },
	{ "address", "origin.address", VALUE_ANY },
	{ "correlation", "correlation", VALUE_ANY },
	{ "id", "id", VALUE_ANY },
};

enum {
	OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0]
};

struct emission {
	const char *values[OPTION_COUNT];
	const char *time;
	const char *source;
	const char *witnessed; /* seconds; NULL: not waited for */
	struct many attributes;
};

static int refuse(const char *what, const struct complaint *c)
{
	say("%s: %s %s", what, c->field, c->why);
	return EXIT_USAGE;
}

static int set_action(struct trail_event *e, const char *word)
{
	static const char *const ACTIONS[] = { "create", "read", "modify", "delete", "execute",
		NULL };
	struct complaint c;
	if (field_set(e, "action", word, &c))
		return EXIT_OK;
	const char *near = trail_suggest(word, ACTIONS);
	if (near)
		say("\"%s\" is not an action; did you mean %s?", word, near);
	else
		say("\"%s\" is not an action: create, read, modify, delete or execute; for another "
		    "word: trail emit execute OBJECT --verb %s",
			word, word);
	return EXIT_USAGE;
}

static int set_actor(struct trail_event *e)
{
	const struct passwd *who = getpwuid(getuid());
	if (!who) {
		say("your login has no name; say who did it by --actor");
		return EXIT_USAGE;
	}
	trail_event_set(e, TRAIL_ACTOR_ID, who->pw_name);
	trail_event_set_actor_type(e, TRAIL_ACTOR_USER);
	return EXIT_OK;
}

static int set_attributes(struct trail_event *e, const struct many *attributes)
{
	for (size_t i = 0; i < attributes->count; i++) {
		char key[1025];
		const char *item = attributes->items[i];
		const char *sign = strchr(item, '=');
		if (!sign || sign == item || (size_t)(sign - item) >= sizeof key) {
			say("--attr %s: write it as KEY=VALUE", item);
			return EXIT_USAGE;
		}
		memcpy(key, item, (size_t)(sign - item));
		key[sign - item] = '\0';
		trail_event_add_attribute(e, key, sign + 1);
	}
	return EXIT_OK;
}

static int fill(struct trail_event *e, const struct emission *m, char **args)
{
	struct complaint c;
	int64_t ns;
	trail_event_make_id(e);
	trail_event_set_now(e);
	int code = set_action(e, args[0]);
	if (code != EXIT_OK)
		return code;
	trail_event_set(e, TRAIL_OBJECT_ID, args[1]);
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (m->values[i] && !field_set(e, OPTIONS[i].field, m->values[i], &c))
			return refuse(OPTIONS[i].option, &c);
	if (m->time && !when_say(m->time, &ns)) {
		say("--time %s: write it as 2026-03-01T12:00:00Z, 2026-03-01, today, yesterday or "
		    "-2h",
			m->time);
		return EXIT_USAGE;
	}
	if (m->time)
		trail_event_set_time(e, ns);
	if (!trail_event_get(e, TRAIL_ACTOR_ID))
		code = set_actor(e);
	return code == EXIT_OK ? set_attributes(e, &m->attributes) : code;
}

/* When enough witnesses had cosigned it, by their clocks. */
static json_t *json_witnessed(const struct trail_receipt *r)
{
	char when[WHEN_MAX];
	uint64_t ns = trail_receipt_witnessed(r);
	if (ns == 0)
		return json_null();
	when_utc((int64_t)ns, when);
	return json_string(when);
}

static void print_witnessed(const struct cli *cli, const struct trail_receipt *r)
{
	char when[WHEN_MAX];
	int64_t ns = (int64_t)trail_receipt_witnessed(r);
	if (ns == 0)
		return;
	when_told(ns, cli->utc, when);
	printf("witnessed   %s, by the policy %s\n", when, cli->policy);
}

static void print_receipt(
	const struct cli *cli, const struct trail_event *e, const struct trail_receipt *r)
{
	char when[WHEN_MAX], id[37];
	int64_t received = (int64_t)trail_receipt_received(r, 0);
	uuid_text(trail_event_id(e), id);
	if (cli->json) {
		when_utc(received, when);
		print_json(json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:{s:I, s:s}, s:b, s:o}", "id",
			id, "index", (json_int_t)trail_receipt_index(r, 0), "received", when,
			"leaf", json_base64(trail_receipt_leaf(r, 0), TRAIL_HASH_LEN), "record",
			json_base64(trail_receipt_record(r, 0), TRAIL_RECORD_LEN), "salt",
			json_base64(trail_receipt_salt(r, 0), TRAIL_SALT_LEN), "checkpoint", "size",
			(json_int_t)trail_receipt_size(r), "note", trail_receipt_note(r),
			"verified", 1, "witnessed", json_witnessed(r)));
		return;
	}
	when_told(received, cli->utc, when);
	printf("index       %llu\nreceived    %s\nid          %s\nleaf        ",
		(unsigned long long)trail_receipt_index(r, 0), when, id);
	print_hex(stdout, trail_receipt_leaf(r, 0), TRAIL_HASH_LEN);
	printf("\ncheckpoint  %llu of ", (unsigned long long)trail_receipt_size(r));
	print_text(stdout, trail_origin(cli->trail));
	printf("\nverified    record, commitment, inclusion, signature, consistency\n");
	print_witnessed(cli, r);
}

/* Open the log, and say what the append waits for. */
static int open_for(struct cli *cli, const struct emission *m)
{
	uint64_t seconds;
	if (!m->witnessed)
		return cli_open(cli);
	if (!number_read(m->witnessed, &seconds) || seconds < 1 || seconds > 600) {
		say("--witnessed=%s: give whole seconds, 1 to 600", m->witnessed);
		return EXIT_USAGE;
	}
	if (!cli->policy) {
		say("--witnessed needs --policy FILE: whose cosignatures are enough for you");
		return EXIT_USAGE;
	}
	int code = cli_open(cli);
	if (code == EXIT_OK &&
		trail_set_ack(cli->trail, TRAIL_ACK_WITNESSED, (unsigned)seconds * 1000) !=
			TRAIL_OK)
		code = cli_fail(cli);
	return code;
}

static int emit(struct cli *cli, const struct emission *m, char **args)
{
	struct trail_receipt *r = NULL;
	struct trail_event *e = trail_event_new();
	int code = e ? fill(e, m, args) : EXIT_IO;
	if (code == EXIT_OK && trail_event_check(e) != TRAIL_OK) {
		const char *field = trail_event_fault_field(e);
		say("%s %s", field[0] ? field : "the event", trail_event_fault_why(e));
		code = EXIT_USAGE;
	}
	if (code == EXIT_OK)
		code = open_for(cli, m);
	if (code == EXIT_OK && trail_append(cli->trail, m->source, e, &r) != TRAIL_OK)
		code = cli_fail(cli);
	if (code == EXIT_OK)
		print_receipt(cli, e, r);
	if (code == EXIT_OK && m->witnessed && trail_receipt_witnessed(r) == 0) {
		say("it is logged, but no quorum of %s cosigned it within %s s; `trail status` "
		    "shows "
		    "the witnesses",
			cli->policy, m->witnessed);
		code = EXIT_OPEN;
	}
	trail_receipt_free(r);
	trail_event_free(e);
	return code;
}

int cmd_emit(struct cli *cli, int argc, char **argv)
{
	struct emission m = { .source = DEFAULT_SOURCE };
	struct choice choices[OPTION_COUNT + 5] = { 0 };
	int rest;
	bool done;
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		choices[i] = (struct choice){
			.name = OPTIONS[i].option,
			.text = &m.values[i],
			.value = OPTIONS[i].value,
		};
	choices[OPTION_COUNT] = (struct choice){
		.name = "time",
		.text = &m.time,
		.value = VALUE_WHEN,
	};
	choices[OPTION_COUNT + 1] = (struct choice){ .name = "source", .text = &m.source };
	choices[OPTION_COUNT + 2] = (struct choice){ .name = "attr", .many = &m.attributes };
	choices[OPTION_COUNT + 3] = (struct choice){
		.name = "witnessed",
		.text = &m.witnessed,
		.bare = WITNESSED_S,
	};
	int code = options_read(cli, argc, argv, choices, &rest, &done);
	if (code != EXIT_OK || done)
		return code;
	if (argc - rest != 2) {
		say("emit takes an ACTION and an OBJECT, for example: trail emit read "
		    "/journal/4711");
		return EXIT_USAGE;
	}
	return emit(cli, &m, argv + rest);
}
