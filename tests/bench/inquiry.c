/* SPDX-License-Identifier: Apache-2.0 */
#include "inquiry.h"

#include "chance.h"

#include <stdio.h>
#include <time.h>

static const int64_t DAY_NS = INT64_C(86400) * 1000000000;

/* The whole event, as traild's rows hold it. */
#define ROW                                                                                        \
	"SELECT id, time, action, verb, outcome, actor, actor_type, unit, object, object_type, "   \
	"subject, purpose, host, address, change_field, change_old, change_new, source FROM "      \
	"event "

/* A part of `bits`, 0 .. n - 1: `which` tells parts apart. */
static unsigned part(uint64_t bits, unsigned which, unsigned n)
{
	struct chance c = { bits + which };
	return chance_below(&c, n);
}

static void time_param(char to[MUNICIPAL_NAME], int64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	if (!gmtime_r(&s, &tm) || strftime(to, MUNICIPAL_NAME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		to[0] = '\0';
}

static void draw_history(unsigned object, struct ask *a)
{
	municipal_object(object, a->object);
	municipal_object(object, a->params[0]);
}

/* Objects in the order of how often they are met; among ten million events some 20 times, */
static void draw_cold(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	draw_history(100000 + part(bits, 1, 50000), a);
}

/* some 500 times, */
static void draw_warm(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	draw_history(1000 + part(bits, 1, 1000), a);
}

/* and 30,000 to 200,000 times. */
static void draw_hot(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	draw_history(part(bits, 1, 10), a);
}

static void draw_day(uint64_t bits, unsigned days, struct ask *a)
{
	char actor[MUNICIPAL_NAME];
	municipal_actor(part(bits, 1, MUNICIPAL_ACTORS), actor);
	a->since_ns = MUNICIPAL_START_NS + part(bits, 2, days) * DAY_NS;
	a->until_ns = a->since_ns + DAY_NS;
	(void)snprintf(a->terms, sizeof a->terms, "actor:%s", actor);
	memcpy(a->params[0], actor, sizeof actor);
	time_param(a->params[1], a->since_ns);
	time_param(a->params[2], a->until_ns);
}

static void draw_subject(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	municipal_subject(part(bits, 1, MUNICIPAL_OBJECTS), a->params[0]);
	(void)snprintf(a->terms, sizeof a->terms, "subject:%s", a->params[0]);
}

static void draw_three(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	municipal_actor(10 + part(bits, 1, 200), a->params[0]);
	(void)snprintf(
		a->terms, sizeof a->terms, "actor:%s action:modify type:journal", a->params[0]);
}

static void draw_rare(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	municipal_actor(5000 + part(bits, 1, 1000), a->params[0]);
	(void)snprintf(a->terms, sizeof a->terms, "actor:%s action:read", a->params[0]);
}

static void draw_prefix(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	unsigned object = part(bits, 1, 1000);
	(void)snprintf(a->params[0], MUNICIPAL_NAME, "/%s/%s/",
		MUNICIPAL_SYSTEM[municipal_system(object)], municipal_kind(object));
	/* '0' follows '/': what begins with the one lies before the other. */
	(void)snprintf(a->params[1], MUNICIPAL_NAME, "/%s/%s0",
		MUNICIPAL_SYSTEM[municipal_system(object)], municipal_kind(object));
	(void)snprintf(a->terms, sizeof a->terms, "object:%s*", a->params[0]);
}

static void draw_refused(uint64_t bits, unsigned days, struct ask *a)
{
	static const char *const actions[] = { "CREATE", "READ", "MODIFY", "DELETE", "EXECUTE" };
	(void)days;
	const char *action = actions[part(bits, 1, 5)];
	(void)snprintf(a->params[0], MUNICIPAL_NAME, "%s", action);
	(void)snprintf(a->terms, sizeof a->terms, "action:%s outcome:denied", action);
}

static void draw_busy(uint64_t bits, unsigned days, struct ask *a)
{
	(void)days;
	municipal_actor(part(bits, 1, 100), a->params[0]);
	(void)snprintf(a->terms, sizeof a->terms, "actor:%s", a->params[0]);
}

static void draw_month(uint64_t bits, unsigned days, struct ask *a)
{
	unsigned starts = days > 30 ? days - 30 : 1;
	a->since_ns = MUNICIPAL_START_NS + part(bits, 1, starts) * DAY_NS;
	a->until_ns = a->since_ns + 30 * DAY_NS;
	time_param(a->params[0], a->since_ns);
	time_param(a->params[1], a->until_ns);
}

const struct inquiry INQUIRIES[] = {
	{ "history of a cold object, first 100 rows", SHAPE_ROWS, 100,
		ROW "WHERE object = $1 ORDER BY time LIMIT 100", 1, false, draw_cold },
	{ "history of a warm object, first 100 rows", SHAPE_ROWS, 100,
		ROW "WHERE object = $1 ORDER BY time LIMIT 100", 1, false, draw_warm },
	{ "history of a very frequent object, first 100 rows", SHAPE_ROWS, 100,
		ROW "WHERE object = $1 ORDER BY time LIMIT 100", 1, false, draw_hot },
	{ "an actor's day, all rows", SHAPE_ROWS, 0,
		ROW "WHERE actor = $1 AND time >= $2 AND time < $3 ORDER BY time", 3, false,
		draw_day },
	{ "a subject over all time, all rows", SHAPE_ROWS, 0,
		ROW "WHERE subject = $1 ORDER BY time", 1, false, draw_subject },
	{ "three ANDed terms, first 100 rows", SHAPE_ROWS, 100,
		ROW "WHERE actor = $1 AND action = 'MODIFY' AND object_type = 'journal' "
		    "ORDER BY time LIMIT 100",
		1, true, draw_three },
	{ "a rare AND a frequent term, all rows", SHAPE_ROWS, 0,
		ROW "WHERE actor = $1 AND action = 'READ' ORDER BY time", 1, true, draw_rare },
	{ "a path prefix, first 100 rows", SHAPE_ROWS, 100,
		ROW "WHERE object >= $1 AND object < $2 ORDER BY time LIMIT 100", 2, true,
		draw_prefix },
	{ "count of what was denied, of one action", SHAPE_COUNT, 0,
		"SELECT count(*) FROM event WHERE outcome = 'DENIED' AND action = $1", 1, false,
		draw_refused },
	{ "count of a busy actor's events", SHAPE_COUNT, 0,
		"SELECT count(*) FROM event WHERE actor = $1", 1, false, draw_busy },
	{ "report by unit over a month", SHAPE_REPORT, 0,
		"SELECT unit, count(*) FROM event WHERE time >= $1 AND time < $2 GROUP BY unit", 2,
		true, draw_month },
};

const size_t INQUIRY_COUNT = sizeof INQUIRIES / sizeof *INQUIRIES;

void inquiry_draw(size_t q, uint64_t i, uint64_t seed, uint64_t events, struct ask *a)
{
	double days = (double)events / MUNICIPAL_DAY_EVENTS;
	struct chance c = { seed + (i * INQUIRY_COUNT + q) * 1000003 };
	memset(a, 0, sizeof *a);
	INQUIRIES[q].draw(chance_bits(&c), days < 1 ? 1 : (unsigned)days, a);
}

void outcome_add(struct outcome *o, const uint8_t id[16])
{
	/* Sums, unlike sums modulo two, see a row that comes twice. */
	o->digest += load_be64(id) ^ load_be64(id + 8);
	o->rows++;
}
