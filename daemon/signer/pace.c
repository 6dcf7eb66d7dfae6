/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

enum {
	QUARTERS_OF_MAX = 8 /* seal_max is two epochs */
};

/*
 * After a start of the machine the boot clock begins anew, so that real minus boot is larger by
 * all that the boot clock showed before. Nobody but root sets the real one.
 */
static bool same_boot(struct pace_time then, struct pace_time now)
{
	if (then.boot_ns == 0 || then.boot_ns > now.boot_ns)
		return false;
	uint64_t before = then.real_ns - then.boot_ns;
	uint64_t after = now.real_ns - now.boot_ns;
	uint64_t apart = before < after ? after - before : before - after;
	uint64_t drift = (now.boot_ns - then.boot_ns) / PACE_SAME_BOOT_SHARE;
	return apart <= UINT64_C(1000000000) * PACE_SAME_BOOT_S + drift;
}

void pace_begin(struct pace *p, uint64_t max_ns, struct pace_time last, struct pace_time now)
{
	bool known = same_boot(last, now);
	*p = (struct pace){
		.max_ns = max_ns,
		.known = known,
		.opened_ns = known ? last.boot_ns : now.boot_ns,
	};
}

static uint64_t age(const struct pace *p, uint64_t boot_ns)
{
	return boot_ns > p->opened_ns ? boot_ns - p->opened_ns : 0;
}

uint64_t pace_wait_ns(const struct pace *p, uint64_t boot_ns)
{
	uint64_t quarter = p->max_ns / QUARTERS_OF_MAX;
	uint64_t passed = age(p, boot_ns);
	return p->known && passed < quarter ? quarter - passed : 0;
}

bool pace_may_sign(const struct pace *p, uint64_t boot_ns)
{
	return age(p, boot_ns) <= p->max_ns || p->late < PACE_LATE_HEADS;
}

void pace_signed(struct pace *p, uint64_t boot_ns)
{
	if (age(p, boot_ns) > p->max_ns && p->late < PACE_LATE_HEADS)
		p->late++;
}

void pace_sealed(struct pace *p, uint64_t boot_ns)
{
	p->known = true;
	p->opened_ns = boot_ns;
	p->late = 0;
}
