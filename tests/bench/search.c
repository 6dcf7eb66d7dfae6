/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills one of two systems with municipal events, and asks it questions: traild or PostgreSQL. The
 * same seed gives both the same events and the same questions. search.py runs it, compares and
 * prints. Each mode prints one JSON object.
 *
 *   fill   make the events, and have them stored
 *   ask    each question many times: to the first row and to the last, and how many rows there were
 *   floor  what no answer can be faster than: one durable append; one event shown by its number
 *   lag    how many records the index is behind at the most, until stdin is closed
 */
#include "../../proto/crypto.h"
#include "ask.h"
#include "fill.h"
#include "postgres.h"
#include "stopwatch.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_IO = 3,
	LOOK_EVERY_MS = 100,
	WARMING = 10, /* askings before those that count, where there are many */
};

struct options {
	const char *mode;
	const char *connect;
	const char *postgres;
	const char *only; /* part of the names of the questions to ask; NULL: all */
	uint64_t events;
	uint64_t seed;
	uint64_t asks;
	struct postgres_part part;
	bool wire;
	bool logged;
};

/* Whom we ask: one of the three is there. */
struct asked_one {
	struct trail *trail;
	struct wire_asker *wire;
	struct postgres *postgres;
};

/* ---- ask ---- */

static enum asked ask_one(const struct asked_one *whom, const struct inquiry *q,
	const struct ask *a, struct outcome *o, const char **why)
{
	if (whom->postgres)
		return postgres_ask(whom->postgres, q, a, o, why);
	if (whom->wire)
		return ask_wire(whom->wire, q, a, o, why);
	return ask_trail(whom->trail, q, a, o, why);
}

struct series {
	struct latencies first;
	struct latencies last;
	struct outcome *outcomes;
	uint64_t count;
	const char *left_out;
};

static void print_latencies(const char *name, struct latencies *l)
{
	latencies_sort(l);
	(void)printf(", \"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f", name, latencies_us(l, 50), name,
		latencies_us(l, 99));
}

/* The parameters stand beside each answer, so that one that differs can be named. */
static void print_series(const struct options *o, size_t q, struct series *s)
{
	struct ask a;
	(void)printf("%s{\"name\": \"%s\", \"asked\": %llu", q == 0 ? "" : ",\n ",
		INQUIRIES[q].name, (unsigned long long)s->count);
	if (s->left_out) {
		(void)printf(", \"left_out\": true}");
		(void)fprintf(stderr, "left out: %s: %s\n", INQUIRIES[q].name, s->left_out);
		return;
	}
	print_latencies("first", &s->first);
	print_latencies("last", &s->last);
	(void)printf(", \"answers\": [");
	for (uint64_t i = 0; i < s->count; i++) {
		inquiry_draw(q, i, o->seed, o->events, &a);
		bool cut = INQUIRIES[q].limit != 0 && s->outcomes[i].rows == INQUIRIES[q].limit;
		(void)printf("%s[\"%s%s %s %s\", %llu, \"%016llx\"]", i == 0 ? "" : ", ", a.object,
			a.terms, a.params[1], a.params[2], (unsigned long long)s->outcomes[i].rows,
			cut ? 0 : (unsigned long long)s->outcomes[i].digest);
	}
	(void)printf("]}");
}

/* How often: a report takes PostgreSQL seconds, so it is asked for more seldom. */
static uint64_t times_of(const struct options *o, size_t q)
{
	return INQUIRIES[q].shape == SHAPE_REPORT ? (o->asks + 9) / 10 : o->asks;
}

/* The warming ones come behind those that count, so that these are the same whatever their number.
 */
static bool ask_series(
	const struct options *o, const struct asked_one *whom, size_t q, struct series *s)
{
	uint64_t asks = times_of(o, q);
	uint64_t warming = asks >= 10 * WARMING ? WARMING : 0;
	struct outcome warm;
	struct ask a;
	for (uint64_t i = 0; i < warming + asks && !s->left_out; i++) {
		bool counts = i >= warming;
		struct outcome *outcome = counts ? &s->outcomes[s->count] : &warm;
		const char *why;
		inquiry_draw(q, counts ? s->count : asks + i, o->seed, o->events, &a);
		enum asked got = ask_one(whom, &INQUIRIES[q], &a, outcome, &why);
		if (got == ASKED_FAILED)
			return false;
		if (got == ASKED_LEFT_OUT)
			s->left_out = why;
		if (got == ASKED_LEFT_OUT || !counts)
			continue;
		latencies_add(&s->first, outcome->first_ns);
		latencies_add(&s->last, outcome->last_ns);
		s->count++;
	}
	return true;
}

static bool ask_question(const struct options *o, const struct asked_one *whom, size_t q)
{
	struct series s = { .outcomes = calloc(o->asks, sizeof *s.outcomes) };
	if (o->only && !strstr(INQUIRIES[q].name, o->only))
		s.left_out = "not asked for";
	bool ok = s.outcomes && latencies_make(&s.first, o->asks) &&
		latencies_make(&s.last, o->asks) &&
		(!whom->postgres || postgres_prepare(whom->postgres, &INQUIRIES[q])) &&
		(s.left_out || ask_series(o, whom, q, &s));
	if (ok)
		print_series(o, q, &s);
	latencies_release(&s.first);
	latencies_release(&s.last);
	free(s.outcomes);
	return ok;
}

static bool run_ask(const struct options *o)
{
	struct asked_one whom = { 0 };
	if (o->postgres)
		whom.postgres = postgres_open(o->postgres, o->logged);
	else if (o->wire)
		whom.wire = ask_wire_open(o->connect);
	else
		whom.trail = ask_open(o->connect);
	bool ok = whom.postgres || whom.wire || whom.trail;
	if (ok)
		(void)printf("{\"questions\": [");
	for (size_t q = 0; ok && q < INQUIRY_COUNT; q++)
		ok = ask_question(o, &whom, q);
	if (ok)
		(void)printf("]}\n");
	trail_free(whom.trail);
	ask_wire_close(whom.wire);
	postgres_close(whom.postgres);
	return ok;
}

/* ---- floor ---- */

/* An event that no question asks for. */
static bool append_one(struct trail *t, struct trail_event *e)
{
	trail_event_clear(e);
	trail_event_set_now(e);
	trail_event_set_action(e, TRAIL_EXECUTE);
	trail_event_set(e, TRAIL_ACTOR_ID, "bench");
	trail_event_set(e, TRAIL_OBJECT_ID, "bench");
	return trail_append(t, "bench", e, NULL) == TRAIL_OK;
}

static bool show_one(struct trail *t, uint64_t index)
{
	struct trail_entry *entry = NULL;
	enum trail_err err = trail_get(t, index, &entry);
	trail_entry_free(entry);
	return err == TRAIL_OK;
}

static bool run_floor(const struct options *o)
{
	struct latencies append = { 0 };
	struct latencies show = { 0 };
	struct trail_event *event = trail_event_new();
	struct trail *t = ask_open(o->connect);
	bool ok = event && t && latencies_make(&append, o->asks) && latencies_make(&show, o->asks);
	for (uint64_t i = 0; ok && i < o->asks; i++) {
		uint64_t start = monotonic_ns();
		ok = append_one(t, event);
		latencies_add(&append, monotonic_ns() - start);
		start = monotonic_ns();
		ok = ok && show_one(t, i * 7919 % o->events);
		latencies_add(&show, monotonic_ns() - start);
	}
	if (ok) {
		(void)printf("{\"asked\": %llu", (unsigned long long)o->asks);
		print_latencies("append", &append);
		print_latencies("show", &show);
		(void)printf("}\n");
	} else if (t) {
		(void)fprintf(stderr, "floor: %s\n", trail_error(t));
	}
	trail_event_free(event);
	trail_free(t);
	latencies_release(&append);
	latencies_release(&show);
	return ok;
}

/* ---- lag ---- */

/* Whether stdin is still open, after a while. */
static bool go_on(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	return poll(&in, 1, LOOK_EVERY_MS) == 0;
}

static bool run_lag(const struct options *o)
{
	struct trail *t = ask_open(o->connect);
	uint64_t most = 0;
	uint64_t looks = 0;
	bool ok = t != NULL;
	for (; ok && go_on(); looks++) {
		struct trail_status *s = NULL;
		ok = trail_status_ask(t, &s) == TRAIL_OK;
		uint64_t size = trail_status_get(s, TRAIL_STATUS_SIZE);
		uint64_t indexed = trail_status_get(s, TRAIL_STATUS_INDEXED);
		if (ok && trail_status_known(s, TRAIL_STATUS_INDEXED) && size > indexed &&
			size - indexed > most)
			most = size - indexed;
		trail_status_free(s);
	}
	if (ok)
		(void)printf("{\"looks\": %llu, \"most\": %llu}\n", (unsigned long long)looks,
			(unsigned long long)most);
	else if (t)
		(void)fprintf(stderr, "lag: %s\n", trail_error(t));
	trail_free(t);
	return ok;
}

/* ---- options ---- */

static bool run_fill(const struct options *o)
{
	if (!o->postgres)
		return fill_trail(o->connect, o->events, o->seed);
	struct postgres *p = postgres_open(o->postgres, o->logged);
	bool ok = p && postgres_fill(p, o->events, o->seed, &o->part);
	postgres_close(p);
	return ok;
}

static const char USAGE[] =
	"usage: search fill  --connect PATH --events N [--seed N]\n"
	"       search fill  --postgres CONNECTION --events N [--seed N] [--first N] [--last N]\n"
	"                    [--commit N]\n"
	"       search ask   --connect PATH [--wire] --events N [--asks N] [--only NAME] [--seed "
	"N]\n"
	"       search ask   --postgres CONNECTION [--logged] --events N [--asks N] [--only NAME]\n"
	"                    [--seed N]\n"
	"       search floor --connect PATH --events N [--asks N]\n"
	"       search lag   --connect PATH --events N\n"
	"--events: how many there are or shall be; --first: those before are left out, --last:\n"
	"those from there on; --commit: rows of a transaction\n";

static const struct option LONG[] = {
	{ "connect", required_argument, NULL, 'c' },
	{ "postgres", required_argument, NULL, 'p' },
	{ "only", required_argument, NULL, 'o' },
	{ "events", required_argument, NULL, 'n' },
	{ "seed", required_argument, NULL, 's' },
	{ "asks", required_argument, NULL, 'a' },
	{ "first", required_argument, NULL, 'f' },
	{ "last", required_argument, NULL, 'l' },
	{ "commit", required_argument, NULL, 'm' },
	{ "wire", no_argument, NULL, 'w' },
	{ "logged", no_argument, NULL, 'g' },
	{ 0 },
};

static uint64_t *number_option(struct options *o, int c)
{
	return c == 'n'    ? &o->events
		: c == 's' ? &o->seed
		: c == 'a' ? &o->asks
		: c == 'f' ? &o->part.first
		: c == 'l' ? &o->part.last
		: c == 'm' ? &o->part.commit
			   : NULL;
}

static bool parse(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		uint64_t *number = number_option(o, c);
		if (number)
			*number = strtoull(optarg, NULL, 10);
		else if (c == 'c')
			o->connect = optarg;
		else if (c == 'p')
			o->postgres = optarg;
		else if (c == 'o')
			o->only = optarg;
		else if (c == 'w')
			o->wire = true;
		else if (c == 'g')
			o->logged = true;
		else
			return false;
	}
	if (optind + 1 != argc || !o->connect == !o->postgres)
		return false;
	o->mode = argv[optind];
	if (o->part.last == 0)
		o->part.last = o->events;
	return o->events > 0 && o->asks > 0 && o->part.first < o->part.last &&
		o->part.last <= o->events;
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1, .asks = 300 };
	bool parsed = parse(argc, argv, &options) && crypto_init();
	bool ok = false;
	if (parsed && strcmp(options.mode, "fill") == 0)
		ok = run_fill(&options);
	else if (parsed && strcmp(options.mode, "ask") == 0)
		ok = run_ask(&options);
	else if (parsed && strcmp(options.mode, "floor") == 0 && options.connect)
		ok = run_floor(&options);
	else if (parsed && strcmp(options.mode, "lag") == 0 && options.connect)
		ok = run_lag(&options);
	else
		parsed = false;
	if (!parsed)
		(void)fputs(USAGE, stderr);
	return ok ? EXIT_SUCCESS : parsed ? EXIT_IO : EXIT_USAGE;
}
