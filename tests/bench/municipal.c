/* SPDX-License-Identifier: Apache-2.0 */
#include "municipal.h"

#include "../../proto/codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EMPLOYEES = 6000,
	OBJECTS = 150000,
	PERSONS = 90000,
	INSIDER = 5999,
	INSIDER_OBJECT = 41,
	INSIDER_PERSON = 42,
	INSIDER_READS = 11,
	COUNT_MAX = 4 << 20,
	EVENT_MEAN = 160, /* bytes reserved for each at first */
};

static const int64_t HALF_DAY_NS = INT64_C(12) * 3600 * 1000000000;

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

/* ---- chance ---- */

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
struct chance {
	uint64_t state;
};

static uint64_t chance_bits(struct chance *c)
{
	uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 .. n - 1; the bias of the remainder is below 2^-40 for every n used here. */
static unsigned chance_below(struct chance *c, unsigned n)
{
	return (unsigned)(chance_bits(c) % n);
}

/* In [0, 1). */
static double chance_unit(struct chance *c)
{
	return (double)(chance_bits(c) >> 11) * 0x1p-53;
}

/* P(k) ~ 1 / (k + 1)^s for k = 0 .. n - 1, as cumulative sums. */
struct zipf {
	unsigned n;
	double *sum;
};

static bool zipf_make(struct zipf *z, unsigned n, double s)
{
	double total = 0;
	z->n = n;
	z->sum = malloc(n * sizeof *z->sum);
	if (!z->sum)
		return false;
	for (unsigned k = 0; k < n; k++) {
		total += 1.0 / pow(k + 1.0, s);
		z->sum[k] = total;
	}
	return true;
}

static unsigned zipf_draw(const struct zipf *z, struct chance *c)
{
	double at = chance_unit(c) * z->sum[z->n - 1];
	unsigned low = 0;
	unsigned high = z->n - 1;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (z->sum[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const char *kind_of(unsigned object)
{
	unsigned at = object % 100;
	size_t i = 0;
	for (; at >= KINDS[i].weight; i++)
		at -= KINDS[i].weight;
	return KINDS[i].name;
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
	char actor[16], unit[16], object[64], subject[16], host[16], address[24], purpose[24];
	struct change change;
};

struct town {
	struct chance chance;
	struct zipf actors;
	struct zipf objects;
	int64_t time_ns;
	int64_t end_ns;
	int64_t pace; /* how much faster than in a real town time goes */
	size_t insider_every;
};

/* Office hours carry most of the load. */
static void move_time(struct town *t)
{
	int64_t hour = t->time_ns / INT64_C(3600000000000) % 24;
	int64_t step_us = 1000 + chance_below(&t->chance, 399000);
	if (hour < 6 || hour >= 17)
		step_us *= 9;
	t->time_ns += step_us * 1000 / t->pace;
	if (t->time_ns > t->end_ns)
		t->time_ns = t->end_ns;
}

static void draw_id(struct town *t, uint8_t id[16])
{
	store_be64(id, chance_bits(&t->chance));
	store_be64(id + 8, chance_bits(&t->chance));
	id[6] = (uint8_t)(0x40 | (id[6] & 0x0f)); /* RFC 4122: version 4 ... */
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f)); /* ... variant 1 */
}

static void say_who(
	struct words *w, unsigned who, unsigned object, const char *kind, unsigned person)
{
	(void)snprintf(w->actor, sizeof w->actor, "anv%05u", who);
	if (who == INSIDER)
		(void)snprintf(w->unit, sizeof w->unit, "it-drift");
	else
		(void)snprintf(w->unit, sizeof w->unit, "enhet-%03u", who % 120);
	(void)snprintf(w->object, sizeof w->object, "/%s/%s/%06u",
		MUNICIPAL_SYSTEM[object % MUNICIPAL_SYSTEMS], kind, object);
	(void)snprintf(w->subject, sizeof w->subject, "p-%06u", person);
	(void)snprintf(w->host, sizeof w->host, "pc-%04u", who % 4000);
	(void)snprintf(
		w->address, sizeof w->address, "10.%u.%u.%u", who % 32, object % 200, who % 250);
	(void)snprintf(w->purpose, sizeof w->purpose, "arende:2026-%05u", object % 100000);
}

static void draw_event(struct town *t, bool insider, struct words *w, struct event_value *e)
{
	unsigned who = insider ? INSIDER : zipf_draw(&t->actors, &t->chance);
	unsigned object = insider ? INSIDER_OBJECT : zipf_draw(&t->objects, &t->chance);
	const struct act *act = insider ? &ACTS[0] : draw_act(&t->chance);
	const char *kind = insider ? "journal" : kind_of(object);
	unsigned person = insider ? INSIDER_PERSON : (unsigned)((uint64_t)object * 7919 % PERSONS);
	draw_id(t, w->id);
	say_who(w, who, object, kind, person);
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
	if (act->action != ACTION_MODIFY)
		return;
	w->change = (struct change){ span_text("status"), span_text("open"),
		span_text(chance_below(&t->chance, 2) ? "closed" : "pending") };
	e->changes = &w->change;
	e->change_count = 1;
}

/* ---- all ---- */

static bool town_make(struct town *t, size_t count, uint64_t seed, int64_t now_ns)
{
	*t = (struct town){
		.chance = { seed },
		.time_ns = (now_ns - HALF_DAY_NS) / 1000 * 1000,
		.end_ns = now_ns,
		.pace = 1 + (int64_t)count / 10000, /* even at night 10,000 fit into 12 hours */
		.insider_every = count / INSIDER_READS + 1,
	};
	return zipf_make(&t->actors, EMPLOYEES, 0.9) && zipf_make(&t->objects, OBJECTS, 0.8);
}

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
		move_time(t);
		draw_event(t, i % t->insider_every == t->insider_every / 2, &words, &event);
		event_encode(&event, &m->bytes);
		ends[i] = m->bytes.len;
	}
	return !m->bytes.failed;
}

bool municipal_make(struct municipal *m, size_t count, uint64_t seed, int64_t now_ns)
{
	struct town town = { 0 };
	size_t *ends = NULL;
	bool ok = false;
	*m = (struct municipal){ .count = count };
	if (count == 0 || count > COUNT_MAX)
		return false;
	m->events = calloc(count, sizeof *m->events);
	ends = calloc(count, sizeof *ends);
	if (!m->events || !ends || !buf_reserve(&m->bytes, count * EVENT_MEAN) ||
		!town_make(&town, count, seed, now_ns) || !encode_all(m, &town, ends)) {
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
	free(town.actors.sum);
	free(town.objects.sum);
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
