/* SPDX-License-Identifier: Apache-2.0 */
#include "fill.h"

#include "../../proto/codec.h"
#include "lines.h"
#include "municipal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	BATCH = 250, /* events per request */
	WINDOW = 8,  /* requests under way, per source */
	PARCELS = MUNICIPAL_SYSTEMS,
};

/* What a source has said and not sent yet. */
struct parcel {
	struct buf bytes;
	size_t ends[BATCH];
	size_t count;
};

struct fill {
	struct lines lines;
	struct municipal_stream *stream;
	struct parcel *parcels;
};

/* Take what came, and send on; `pause` as lines_wait has it. */
static bool turn(struct fill *f, const struct timespec *pause)
{
	struct line *ready[LINES_AT_ONCE];
	int n = lines_wait(&f->lines, pause, ready);
	for (int i = 0; i < n; i++)
		if (!line_flush(&f->lines, ready[i]))
			return false;
	return n >= 0;
}

static bool send_parcel(struct fill *f, unsigned system)
{
	static const struct timespec at_once = { 0 };
	struct parcel *p = &f->parcels[system];
	struct line *line = &f->lines.all[system];
	struct span events[BATCH];
	if (p->bytes.failed)
		return false;
	while (line_full(&f->lines, line))
		if (!turn(f, NULL))
			return false;
	for (size_t i = 0, at = 0; i < p->count; at = p->ends[i++])
		events[i] = span_of(p->bytes.data + at, p->ends[i] - at);
	line_put(&f->lines, line, events, p->count, monotonic_ns());
	buf_clear(&p->bytes);
	p->count = 0;
	return line_flush(&f->lines, line) && turn(f, &at_once);
}

static bool run(struct fill *f, uint64_t events)
{
	const struct event_value *event;
	unsigned system;
	while ((event = municipal_next(f->stream, &system))) {
		struct parcel *p = &f->parcels[system];
		event_encode(event, &p->bytes);
		p->ends[p->count++] = p->bytes.len;
		if (p->count == BATCH && !send_parcel(f, system))
			return false;
	}
	for (system = 0; system < PARCELS; system++)
		if (f->parcels[system].count > 0 && !send_parcel(f, system))
			return false;
	while (f->lines.acked < events)
		if (!turn(f, NULL))
			return false;
	return true;
}

bool fill_trail(const char *path, uint64_t events, uint64_t seed)
{
	struct fill f = {
		.lines = { .count = PARCELS, .window = WINDOW },
		.stream = municipal_open(events, seed),
		.parcels = calloc(PARCELS, sizeof *f.parcels),
	};
	bool ok = f.stream && f.parcels && lines_open(&f.lines, path);
	uint64_t start = monotonic_ns();
	uint64_t cpu = cpu_ns();
	ok = ok && run(&f, events);
	double seconds = (double)(monotonic_ns() - start) / 1e9;
	if (ok)
		(void)printf("{\"events\": %llu, \"seconds\": %.3f, \"rate\": %.0f, "
			     "\"generator_us\": %.3f}\n",
			(unsigned long long)events, seconds, (double)events / seconds,
			(double)(cpu_ns() - cpu) / 1e3 / (double)events);
	else
		(void)fprintf(
			stderr, "fill: failed after %zu acknowledged events\n", f.lines.acked);
	lines_release(&f.lines);
	for (size_t i = 0; f.parcels && i < PARCELS; i++)
		buf_release(&f.parcels[i].bytes);
	free(f.parcels);
	municipal_close(f.stream);
	return ok;
}
