/* SPDX-License-Identifier: Apache-2.0 */
#include "municipal.h"

#include "../../proto/codec.h"
#include "chance.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PERSONS = 90000,
	INSIDER = 5999,
	INSIDER_OBJECT = 41,
	INSIDER_PERSON = 42,
	INSIDER_READS = 11,
	COUNT_MAX = 4 << 20,
	EVENT_MEAN = 160, /* bytes reserved for each at first */
};

static const int64_t HALF_DAY_NS = INT64_C(12) * 3600 * 1000000000;
static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

const int64_t MUNICIPAL_START_NS = INT64_C(1767571200) * 1000000000;
/* A step takes 0.2005 s in the mean, outside of the 11 office hours nine times that. */
const double MUNICIPAL_DAY_EVENTS = (11 + 13 / 9.0) * 3600 / 0.2005;

const char *const MUNICIPAL_SYSTEM[MUNICIPAL_SYSTEMS] = {
	"lifecare",
	"treserva",
	"procapita",
	"castor",
	"platina",
	"edlevo",
	"unikum",
	"raindance",
	"heroma",
	"winmas",
	"ecos",
	"castor-bygg",
	"geosecma",
	"qmatic",
	"visma-bokning",
	"infosoc",
	"pmo",
	"prorenata",
	"alfa-ekarkiv",
	"w3d3",
	"evolution",
	"ephorte",
	"kommers",
	"stratsys",
	"hypergene",
	"antura",
	"vklass",
	"skola24",
	"dexter",
	"phoniro",
	"tes",
	"intraphone",
	"samba-hr",
	"samba-teknik",
	"postgres-bygglov",
	"sharepoint",
	"exchange",
	"ad",
	"vpn",
	"sftp",
};

/* Weights add up to 100. */
static const struct kind {
	const char *name;
	unsigned weight;
} KINDS[] = {
	{ "journal", 46 },
	{ "case", 18 },
	{ "document", 14 },
	{ "grade", 6 },
	{ "salary", 4 },
	{ "invoice", 6 },
	{ "permit", 4 },
	{ "mailbox", 2 },
};

static const struct act {
	enum event_action action;
	const char *verb;
	unsigned weight;
} ACTS[] = {
	{ ACTION_READ, "open", 74 },
	{ ACTION_MODIFY, "save", 13 },
	{ ACTION_CREATE, "register", 7 },
	{ ACTION_DELETE, "remove", 1 },
	{ ACTION_EXECUTE, "print", 2 },
	{ ACTION_EXECUTE, "export", 1 },
	{ ACTION_EXECUTE, "search", 2 },
};

/* ---- names: by hand, since printf takes most of the time of an event ---- */

/* Behind what was put. */
static char *put_text(char *to, const char *text)
{
	return stpcpy(to, text);
}

/* The last `digits` of `number`, zeros in front. */
static char *put_digits(char *to, unsigned number, size_t digits)
{
	for (size_t i = digits; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	to[digits] = '\0';
	return to + digits;
}

/* Below 1,000. */
static char *put_number(char *to, unsigned number)
{
	return put_digits(to, number, number < 10 ? 1 : number < 100 ? 2 : 3);
}

void municipal_actor(unsigned actor, char name[MUNICIPAL_NAME])
{
	(void)put_digits(put_text(name, "anv"), actor, 5);
}

const char *municipal_kind(unsigned object)
{
	unsigned at = object % 100;
	size_t i = 0;
	for (; at >= KINDS[i].weight; i++)
		at -= KINDS[i].weight;
	return KINDS[i].name;
}

unsigned municipal_system(unsigned object)
{
	return object % MUNICIPAL_SYSTEMS;
}

void municipal_object(unsigned object, char name[MUNICIPAL_NAME])
{
	char *to = put_text(name, "/");
	to = put_text(to, MUNICIPAL_SYSTEM[municipal_system(object)]);
	to = put_text(to, "/");
	to = put_text(to, municipal_kind(object));
	(void)put_digits(put_text(to, "/"), object, 6);
}

static unsigned person_of(unsigned object)
{
	return (unsigned)((uint64_t)object * 7919 % PERSONS);
}

static void name_subject(unsigned person, char name[MUNICIPAL_NAME])
{
	(void)put_digits(put_text(name, "p-"), person, 6);
}

void municipal_subject(unsigned object, char name[MUNICIPAL_NAME])
{
	name_subject(person_of(object), name);
}

static const struct act *draw_act(struct chance *c)
{
	unsigned at = chance_below(c, 100);
	size_t i = 0;
	for (; at >= ACTS[i].weight; i++)
		at -= ACTS[i].weight;
	return &ACTS[i];
}

/* ---- one event ---- */

/* What an event's views point at. */
struct words {
	uint8_t id[16];
	char actor[MUNICIPAL_NAME], object[MUNICIPAL_NAME], subject[MUNICIPAL_NAME];
	char unit[16], host[16], address[24], purpose[24];
	struct change change;
};

struct town {
	struct chance chance;
	struct zipf actors;
	struct zipf objects;
	uint64_t count; /* of all events */
	uint64_t made;
	unsigned reads_due; /* of the insider, who waits for the night */
	int64_t time_ns;
	int64_t end_ns;
	int64_t pace; /* how much faster than in a real town time goes */
};

static int64_t hour_of(const struct town *t)
{
	return t->time_ns / HOUR_NS % 24;
}

/* Office hours carry most of the load. */
static void move_time(struct town *t)
{
	int64_t hour = hour_of(t);
	int64_t step_us = 1000 + chance_below(&t->chance, 399000);
	if (hour < 6 || hour >= 17)
		step_us *= 9;
	t->time_ns += step_us * 1000 / t->pace;
	if (t->time_ns > t->end_ns)
		t->time_ns = t->end_ns;
}

/*
 * Whether the next event is one of the insider's, which are spread over all of it and happen in the
 * next night; by day only where no night is left.
 */
static bool is_insiders(struct town *t)
{
	uint64_t every = t->count / INSIDER_READS + 1;
	int64_t hour = hour_of(t);
	if (t->made % every == every / 2)
		t->reads_due++;
	if (t->reads_due == 0)
		return false;
	if (hour >= 6 && hour < 22 && t->reads_due < t->count - t->made)
		return false;
	t->reads_due--;
	return true;
}

static void draw_id(struct town *t, uint8_t id[16])
{
	store_be64(id, chance_bits(&t->chance));
	store_be64(id + 8, chance_bits(&t->chance));
	id[6] = (uint8_t)(0x40 | (id[6] & 0x0f)); /* RFC 4122: version 4 ... */
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f)); /* ... variant 1 */
}

static void say_who(struct words *w, unsigned who, unsigned object, unsigned person)
{
	municipal_actor(who, w->actor);
	if (who == INSIDER)
		(void)put_text(w->unit, "it-drift");
	else
		(void)put_digits(put_text(w->unit, "enhet-"), who % MUNICIPAL_UNITS, 3);
	municipal_object(object, w->object);
	name_subject(person, w->subject);
	(void)put_digits(put_text(w->host, "pc-"), who % 4000, 4);
	char *to = put_number(put_text(w->address, "10."), who % 32);
	to = put_number(put_text(to, "."), object % 200);
	(void)put_number(put_text(to, "."), who % 250);
	(void)put_digits(put_text(w->purpose, "arende:2026-"), object % 100000, 5);
}

/* The system in which it happens. */
static unsigned draw_event(struct town *t, bool insider, struct words *w, struct event_value *e)
{
	unsigned who = insider ? INSIDER : zipf_draw(&t->actors, &t->chance);
	unsigned object = insider ? INSIDER_OBJECT : zipf_draw(&t->objects, &t->chance);
	const struct act *act = insider ? &ACTS[0] : draw_act(&t->chance);
	const char *kind = municipal_kind(object);
	draw_id(t, w->id);
	say_who(w, who, object, insider ? INSIDER_PERSON : person_of(object));
	*e = (struct event_value){
		.id = span_of(w->id, sizeof w->id),
		.time_ns = t->time_ns,
		.action = act->action,
		.verb = span_text(act->verb),
		.outcome = !insider && chance_below(&t->chance, 50) == 0,
		.subject = span_text(w->subject),
	};
	e->actor.id = span_text(w->actor);
	e->actor.type = 1;
	e->actor.unit = span_text(w->unit);
	e->object.id = span_text(w->object);
	e->object.type = span_text(kind);
	e->origin.host = span_text(w->host);
	e->origin.address = span_text(w->address);
	if (!insider && strcmp(kind, "journal") == 0)
		e->purpose = span_text(w->purpose);
	if (act->action == ACTION_MODIFY) {
		w->change = (struct change){ span_text("status"), span_text("open"),
			span_text(chance_below(&t->chance, 2) ? "closed" : "pending") };
		e->changes = &w->change;
		e->change_count = 1;
	}
	return municipal_system(object);
}

static unsigned next_event(struct town *t, struct words *w, struct event_value *e)
{
	move_time(t);
	bool insider = is_insiders(t);
	t->made++;
	return draw_event(t, insider, w, e);
}

static bool town_make(struct town *t)
{
	return zipf_make(&t->actors, MUNICIPAL_ACTORS, 0.9) &&
		zipf_make(&t->objects, MUNICIPAL_OBJECTS, 0.8);
}

static void town_release(struct town *t)
{
	zipf_release(&t->actors);
	zipf_release(&t->objects);
}

/* ---- one by one ---- */

struct municipal_stream {
	struct town town;
	struct words words;
	struct event_value event;
};

struct municipal_stream *municipal_open(uint64_t count, uint64_t seed)
{
	struct municipal_stream *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->town = (struct town){
		.chance = { seed },
		.count = count,
		.time_ns = MUNICIPAL_START_NS,
		.end_ns = INT64_MAX,
		.pace = 1,
	};
	if (town_make(&s->town))
		return s;
	municipal_close(s);
	return NULL;
}

void municipal_close(struct municipal_stream *s)
{
	if (!s)
		return;
	town_release(&s->town);
	free(s);
}

const struct event_value *municipal_next(struct municipal_stream *s, unsigned *system)
{
	if (s->town.made == s->town.count)
		return NULL;
	*system = next_event(&s->town, &s->words, &s->event);
	return &s->event;
}

/* ---- all at once ---- */

static bool accepted(const struct municipal *m, size_t i)
{
	struct event_facts facts;
	struct event_fault fault;
	if (event_walk(m->events[i], &facts, &fault) == TRAIL_OK)
		return true;
	(void)fprintf(stderr, "municipal event %zu: %s %s\n", i, fault.field, fault.why);
	return false;
}

/* Encode all; ends[i] is where event i ends. */
static bool encode_all(struct municipal *m, struct town *t, size_t *ends)
{
	for (size_t i = 0; i < m->count; i++) {
		struct words words;
		struct event_value event;
		(void)next_event(t, &words, &event);
		event_encode(&event, &m->bytes);
		ends[i] = m->bytes.len;
	}
	return !m->bytes.failed;
}

bool municipal_make(struct municipal *m, size_t count, uint64_t seed, int64_t now_ns)
{
	struct town town = {
		.chance = { seed },
		.count = count,
		.time_ns = (now_ns - HALF_DAY_NS) / 1000 * 1000,
		.end_ns = now_ns,
		.pace = 1 + (int64_t)count / 10000, /* even at night 10,000 fit into 12 hours */
	};
	size_t *ends = NULL;
	bool ok = false;
	*m = (struct municipal){ .count = count };
	if (count == 0 || count > COUNT_MAX)
		return false;
	m->events = calloc(count, sizeof *m->events);
	ends = calloc(count, sizeof *ends);
	if (!m->events || !ends || !buf_reserve(&m->bytes, count * EVENT_MEAN) ||
		!town_make(&town) || !encode_all(m, &town, ends)) {
		(void)fprintf(stderr, "memory is out\n");
		goto out;
	}
	ok = true;
	for (size_t i = 0, at = 0; ok && i < count; at = ends[i++]) {
		m->events[i] = span_of(m->bytes.data + at, ends[i] - at);
		ok = accepted(m, i);
	}
out:
	free(ends);
	town_release(&town);
	if (!ok)
		municipal_release(m);
	return ok;
}

void municipal_release(struct municipal *m)
{
	free(m->events);
	buf_release(&m->bytes);
	*m = (struct municipal){ 0 };
}
