/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#include <stdio.h>
#include <time.h>

enum {
	QUEUE_AGE_S = 10, /* the oldest request waits so long: the writer is stuck, or the disk */
	NEARLY_TENTHS = 9,
	WITNESSED_AGE_S = 300, /* so old may the newest quorum be while the log grows */
	FEW_PARTS = 10,        /* one seal in so many is left */
};

#define MIB       (UINT64_C(1) << 20)
#define SECOND_NS UINT64_C(1000000000)

static bool all_known(const struct trail_status *s, enum trail_status_number a,
	enum trail_status_number b, enum trail_status_number c)
{
	return trail_status_known(s, a) && trail_status_known(s, b) && trail_status_known(s, c);
}

/* Free for events: on the disk or in the store's address space, whichever is less. */
static uint64_t room(const struct trail_status *s)
{
	uint64_t disk = trail_status_get(s, TRAIL_STATUS_FREE_BYTES);
	uint64_t map = trail_status_get(s, TRAIL_STATUS_MAP_BYTES) -
		trail_status_get(s, TRAIL_STATUS_MAP_USED_BYTES);
	return disk < map ? disk : map;
}

static void look_full(const struct trail_status *s, struct trouble *t)
{
	t->what = "disk_full";
	t->now = trail_status_get(s, TRAIL_STATUS_FULL) != 0;
	/* The store has two bounds: the disk and its address space. */
	bool map = trail_status_known(s, TRAIL_STATUS_RESERVE_BYTES) &&
		trail_status_get(s, TRAIL_STATUS_FREE_BYTES) >=
			trail_status_get(s, TRAIL_STATUS_RESERVE_BYTES);
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence, "%s",
			map ? "the store is FULL: its address space is used up to the reserve, "
			      "events are refused; raise map_size and restart traild"
			    : "the disk is FULL: the reserve is reached, events are refused; "
			      "make room");
}

static void look_starved(const struct trail_status *s, struct trouble *t)
{
	t->what = "questions_refused";
	t->now = trail_status_get(s, TRAIL_STATUS_STARVED) != 0;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"half of the reserve is used up: searches are refused, since they could "
			"not be put on record; make room at once");
}

static void look_low(const struct trail_status *s, struct trouble *t)
{
	uint64_t reserve = trail_status_get(s, TRAIL_STATUS_RESERVE_BYTES);
	t->what = "disk_low";
	t->now = all_known(s, TRAIL_STATUS_RESERVE_BYTES, TRAIL_STATUS_MAP_BYTES,
			 TRAIL_STATUS_MAP_USED_BYTES) &&
		!trail_status_get(s, TRAIL_STATUS_FULL) && room(s) < 2 * reserve;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"the disk fills up: %llu MiB are left for events, which are refused below "
			"%llu MiB; make room",
			(unsigned long long)(room(s) / MIB), (unsigned long long)(reserve / MIB));
}

static void look_queue(const struct trail_status *s, struct trouble *t)
{
	uint64_t age = trail_status_get(s, TRAIL_STATUS_QUEUE_AGE) / SECOND_NS;
	t->what = "queue_slow";
	t->now = age >= QUEUE_AGE_S;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"a request has waited for %llu s: look at the disk and at the load",
			(unsigned long long)age);
}

static void look_gaps(const struct trail_status *s, struct trouble *t)
{
	unsigned long long epochs = trail_status_get(s, TRAIL_STATUS_PENDING_GAPS);
	t->what = "gaps";
	t->now = epochs != 0;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"events are missing: sources numbered them, but they have not come for a "
			"minute (epochs: %llu); `trail sources` says whose",
			epochs);
}

static void look_connections(const struct trail_status *s, struct trouble *t)
{
	uint64_t open = trail_status_get(s, TRAIL_STATUS_CONNECTIONS);
	uint64_t most = trail_status_get(s, TRAIL_STATUS_CONNECTIONS_MAX);
	t->what = "connections";
	t->now = most != 0 && open * 10 >= most * NEARLY_TENTHS;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"%llu of %llu connections are in use: find who opens them, or raise "
			"connections",
			(unsigned long long)open, (unsigned long long)most);
}

/* By this machine's clock, as a verifier would see it. */
static void look_seal_age(const struct trail_status *s, struct trouble *t)
{
	struct timespec now;
	uint64_t max = trail_status_get(s, TRAIL_STATUS_SEAL_MAX);
	uint64_t sealed = trail_status_get(s, TRAIL_STATUS_SEALED);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
	t->what = "seal_old";
	t->now = max != 0 && now_ns > sealed && now_ns - sealed > max;
	if (t->now && trail_status_get(s, TRAIL_STATUS_SEALED_SIZE) == 0)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"the log was never SEALED: who takes its keys now can rewrite all of it; "
			"restart traild, and look at its lines");
	else if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"the newest SEAL is %llu s old, %llu s are allowed: who takes the keys now "
			"can rewrite all since; restart traild, and look at its lines",
			(unsigned long long)((now_ns - sealed) / SECOND_NS),
			(unsigned long long)(max / SECOND_NS));
}

static void look_seals_few(const struct trail_status *s, struct trouble *t)
{
	uint64_t left = trail_status_get(s, TRAIL_STATUS_SEALS_LEFT);
	uint64_t all = left + trail_status_get(s, TRAIL_STATUS_SEALS);
	t->what = "seals_few";
	t->now = trail_status_known(s, TRAIL_STATUS_SEALS_LEFT) && left * FEW_PARTS < all;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"%llu of %llu seals are left%s: begin a successor log (traild --succeed)",
			(unsigned long long)left, (unsigned long long)all,
			left == 0 ? ", and soon nothing more is signed" : "");
}

static void look_fork(const struct trail_status *s, struct trouble *t)
{
	t->what = "witness_fork";
	t->now = trail_status_get(s, TRAIL_STATUS_WITNESS_FORK) != 0;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"a witness says that it saw ANOTHER HISTORY of this log: compare "
			"checkpoints with its operator (trail-recovery(7))");
}

static void look_unconfirmed(const struct trail_status *s, struct trouble *t)
{
	t->what = "unconfirmed";
	t->now = trail_status_get(s, TRAIL_STATUS_UNCONFIRMED) != 0;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"since its start no quorum of witnesses saw this log (%llu of %llu "
			"answer): a restored old copy would not be noticed; look at traild's lines",
			(unsigned long long)trail_status_get(s, TRAIL_STATUS_WITNESSES_ANSWERING),
			(unsigned long long)trail_status_get(s, TRAIL_STATUS_WITNESSES));
}

/* By this machine's clock. */
static void look_witnessed_age(const struct trail_status *s, struct trouble *t)
{
	struct timespec now;
	uint64_t size = trail_status_get(s, TRAIL_STATUS_WITNESSED_SIZE);
	uint64_t at = trail_status_get(s, TRAIL_STATUS_WITNESSED);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
	t->what = "witnessed_old";
	t->now = size != 0 && size < trail_status_get(s, TRAIL_STATUS_SIZE) && now_ns > at &&
		(now_ns - at) / SECOND_NS > WITNESSED_AGE_S;
	if (t->now)
		(void)snprintf(t->sentence, sizeof t->sentence,
			"no quorum of witnesses cosigned what came in the last %llu s: look at "
			"traild's lines and at the witnesses",
			(unsigned long long)((now_ns - at) / SECOND_NS));
}

size_t health_look(const struct trail_status *s, struct trouble all[HEALTH_KINDS])
{
	static void (*const LOOKS[HEALTH_KINDS])(
		const struct trail_status *s, struct trouble *t) = {
		look_fork,
		look_full,
		look_starved,
		look_unconfirmed,
		look_seal_age,
		look_witnessed_age,
		look_low,
		look_queue,
		look_gaps,
		look_connections,
		look_seals_few,
	};
	size_t count = 0;
	for (size_t i = 0; i < HEALTH_KINDS; i++) {
		all[i] = (struct trouble){ 0 };
		LOOKS[i](s, &all[i]);
		count += all[i].now;
	}
	return count;
}
