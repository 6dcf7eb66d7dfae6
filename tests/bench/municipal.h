/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access events as the systems of a municipality emit them; the same seed and count give the same
 * events. What bench programs send, hash and search.
 *
 * Shape: 40 systems, 6,000 employees in 120 units, 150,000 objects about 90,000 persons. A few
 * actors and a few objects make most of the events (Zipf, exponents 0.9 and 0.8), three acts in
 * four are reads, office hours carry most of the load, one in fifty is denied; one insider reads
 * the journal of one person eleven times, at night and without a purpose. About 145 bytes each,
 * encoded.
 *
 * Two ways to have them: a stream of any number, at the pace of a real town (some 223,000 a day, so
 * that ten million span six weeks), each with the system that emits it; or all at once, encoded, in
 * half a day. There the events of all systems are mixed, so that a batch compresses no better than
 * it would behind a concentrator.
 */
#ifndef BENCH_MUNICIPAL_H
#define BENCH_MUNICIPAL_H

#include "../../proto/bytes.h"
#include "../../proto/message.h"

enum {
	MUNICIPAL_SYSTEMS = 40,
	MUNICIPAL_ACTORS = 6000,    /* anv00000 is the busiest */
	MUNICIPAL_OBJECTS = 150000, /* as is object 0 */
	MUNICIPAL_UNITS = 120,
	MUNICIPAL_NAME = 64, /* room for each name, NUL included */
};

/* Names of the systems: valid source names, MUNICIPAL_SYSTEMS of them. */
extern const char *const MUNICIPAL_SYSTEM[MUNICIPAL_SYSTEMS];

/* Monday 2026-01-05 in UTC, where streams begin; and about how many events of one are a day's. */
extern const int64_t MUNICIPAL_START_NS;
extern const double MUNICIPAL_DAY_EVENTS;

/* Names, for who asks about what was made. */
void municipal_actor(unsigned actor, char name[MUNICIPAL_NAME]);
void municipal_object(unsigned object, char name[MUNICIPAL_NAME]);
void municipal_subject(unsigned object, char name[MUNICIPAL_NAME]);
/* Type of an object: also the second part of its name. */
const char *municipal_kind(unsigned object);
/* The system that an object lies in, 0 .. MUNICIPAL_SYSTEMS - 1. */
unsigned municipal_system(unsigned object);

/* ---- one by one ---- */

struct municipal_stream;

/* A stream of `count` events from MUNICIPAL_START_NS on. NULL: memory is out. */
struct municipal_stream *municipal_open(uint64_t count, uint64_t seed);
void municipal_close(struct municipal_stream *s);
/*
 * The next event, whose views live until the next call; *system is the one that emits it. NULL:
 * that was all.
 */
const struct event_value *municipal_next(struct municipal_stream *s, unsigned *system);

/* ---- all at once ---- */

struct municipal {
	size_t count;
	struct span *events; /* `count`; views of `bytes` */
	struct buf bytes;
};

/*
 * Make `count` (1 to 4 Mi) events whose times ascend from 12 hours before `now_ns` and never pass
 * it, so that none is late. Every event went through event_walk, as the daemon would judge it.
 * False: memory is out, or the walk refused one; a sentence went to stderr.
 */
bool municipal_make(struct municipal *m, size_t count, uint64_t seed, int64_t now_ns);
void municipal_release(struct municipal *m);

#endif
