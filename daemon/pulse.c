/* SPDX-License-Identifier: Apache-2.0 */
#include "pulse.h"

#include "notify.h"

#include <inttypes.h>
#include <stdio.h>

#define SECOND_NS UINT64_C(1000000000)

/* Between two STATUS. */
static const uint64_t TELL_NS = 5 * SECOND_NS;

void pulse_start(
	struct pulse *p, const char *log, unsigned watchdog_ms, uint64_t now_ns, uint64_t size)
{
	*p = (struct pulse){
		.log = log,
		.feed_ns = UINT64_C(1000000) * watchdog_ms,
		.fed_ns = now_ns,
		.told_ns = now_ns,
		.size_told = size,
	};
}

/* A rate that is over is news, too. */
static bool has_news(const struct pulse *p, uint64_t size)
{
	return size != p->size_told || p->rate_told != 0;
}

/* How many bytes it put. */
static size_t put_status(
	struct pulse *p, uint64_t now_ns, uint64_t size, bool full, char *out, size_t len)
{
	uint64_t ms = (now_ns - p->told_ns) / 1000000;
	p->rate_told = (size - p->size_told) * 1000 / (ms ? ms : 1);
	p->size_told = size;
	p->full_told = full;
	p->told_ns = now_ns;
	int n = snprintf(out, len, "STATUS=%s: %" PRIu64 " records, %" PRIu64 " a second%s\n",
		p->log, size, p->rate_told, full ? "; the disk is full: events are refused" : "");
	return n < 0 ? 0 : (size_t)n < len ? (size_t)n : len - 1;
}

void pulse_beat(struct pulse *p, uint64_t now_ns, uint64_t size, bool full)
{
	char text[512];
	size_t len = 0;
	bool feed = p->feed_ns != 0 && now_ns - p->fed_ns >= p->feed_ns;
	bool tell = now_ns - p->told_ns >= TELL_NS && (has_news(p, size) || full != p->full_told);
	if (tell)
		len = put_status(p, now_ns, size, full, text, sizeof text / 2);
	if (feed) {
		p->fed_ns = now_ns;
		(void)snprintf(text + len, sizeof text - len, "WATCHDOG=1\n");
	}
	if (feed || tell)
		notify_manager(text);
}

static int left_ms(uint64_t since_ns, uint64_t every_ns, uint64_t now_ns, int max_ms)
{
	uint64_t gone = now_ns - since_ns;
	/* A moment more, so that it is due when the wait is over. */
	uint64_t ms = gone >= every_ns ? 0 : (every_ns - gone) / 1000000 + 1;
	return ms < (uint64_t)max_ms ? (int)ms : max_ms;
}

int pulse_wait_ms(const struct pulse *p, uint64_t now_ns, uint64_t size, int max_ms)
{
	if (p->feed_ns != 0)
		max_ms = left_ms(p->fed_ns, p->feed_ns, now_ns, max_ms);
	return has_news(p, size) ? left_ms(p->told_ns, TELL_NS, now_ns, max_ms) : max_ms;
}
