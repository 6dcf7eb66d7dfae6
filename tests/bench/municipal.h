/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access events as the systems of a municipality emit them, already encoded; the same seed and
 * count give the same events. What bench programs send and hash.
 *
 * Shape: 40 systems, 6,000 employees in 120 units, 150,000 objects about 90,000 persons. A few
 * actors and a few objects make most of the events (Zipf, exponents 0.9 and 0.8), three acts in
 * four are reads, one in fifty is denied; one insider reads the journal of one person eleven times.
 * About 145 bytes each. The events of all systems are mixed, so a batch compresses no better than
 * it would behind a concentrator.
 */
#ifndef BENCH_MUNICIPAL_H
#define BENCH_MUNICIPAL_H

#include "../../proto/bytes.h"

enum {
	MUNICIPAL_SYSTEMS = 40,
};

struct municipal {
	size_t count;
	struct span *events; /* `count`; views of `bytes` */
	struct buf bytes;
};

/* Names of the systems: valid source names, MUNICIPAL_SYSTEMS of them. */
extern const char *const MUNICIPAL_SYSTEM[MUNICIPAL_SYSTEMS];

/*
 * Make `count` (1 to 4 Mi) events whose times ascend from 12 hours before `now_ns` and never pass
 * it, so that none is late. Every event went through event_walk, as the daemon would judge it.
 * False: memory is out, or the walk refused one; a sentence went to stderr.
 */
bool municipal_make(struct municipal *m, size_t count, uint64_t seed, int64_t now_ns);
void municipal_release(struct municipal *m);

#endif
