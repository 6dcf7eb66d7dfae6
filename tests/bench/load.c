/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load generator: some connections with some requests of some events each under way, over a Unix
 * socket, until all events are acknowledged. Each connection is a source with an epoch of its own;
 * what it sends was made before the clock starts. One thread, so its own cost is small and known
 * (printed as cpu_us). Prints one JSON object.
 *
 * Closed loop by default: an ack makes room for the next request. With --rate requests are due at
 * fixed times, whatever the daemon does, and latency counts from the time when a request was due:
 * one that had to wait here because too many were under way is not forgotten.
 */
#include "../../proto/message.h"
#include "lines.h"
#include "municipal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	POOL_MAX = 1 << 18, /* different events; sent again after that, with new numbers */
	EXIT_USAGE = 2,
	EXIT_IO = 3,
};

struct options {
	const char *path;
	size_t connections;
	size_t window; /* requests under way per connection */
	size_t batch;  /* events per request */
	size_t events; /* all together */
	double rate;   /* events per second; 0: as fast as acks come */
	uint64_t seed;
	bool want_salts;
	bool want_proof;
};

struct load {
	struct options options;
	struct municipal pool;
	struct lines lines;
	size_t *at;         /* per line: next event of the pool */
	struct span *batch; /* views of one request's events */
	struct latencies acks;
	size_t next_line; /* whose turn it is when requests are due at fixed times */
	size_t given;     /* events in requests that were made */
	uint64_t start_ns;
};

/* ---- sending ---- */

static void fill_batch(struct load *l, const struct line *line, size_t count)
{
	size_t *at = &l->at[line->number];
	for (size_t i = 0; i < count; i++) {
		l->batch[i] = l->pool.events[*at];
		*at = *at + 1 == l->pool.count ? 0 : *at + 1;
	}
}

/* Make one request that was due at `due_ns`. The caller knows that the line is not full. */
static void put_request(struct load *l, struct line *line, uint64_t due_ns)
{
	size_t left = l->options.events - l->given;
	size_t count = left < l->options.batch ? left : l->options.batch;
	fill_batch(l, line, count);
	line_put(&l->lines, line, l->batch, count, due_ns);
	l->given += count;
}

/* Closed loop: as many requests as may be under way. */
static bool fill_line(struct load *l, struct line *line)
{
	while (!line_full(&l->lines, line) && l->given < l->options.events)
		put_request(l, line, monotonic_ns());
	return line_flush(&l->lines, line);
}

/* When the next request is due. */
static uint64_t next_due(const struct load *l)
{
	return l->start_ns + (uint64_t)((double)l->given / l->options.rate * 1e9);
}

/* Open loop: whatever is due by now goes to the next line that is not full. */
static bool fill_due(struct load *l)
{
	uint64_t now = monotonic_ns();
	size_t full = 0;
	while (l->given < l->options.events && full < l->options.connections) {
		struct line *line = &l->lines.all[l->next_line];
		uint64_t due = next_due(l);
		if (due > now)
			return true;
		l->next_line = (l->next_line + 1) % l->options.connections;
		if (line_full(&l->lines, line)) {
			full++;
			continue;
		}
		full = 0;
		put_request(l, line, due);
		if (!line_flush(&l->lines, line))
			return false;
	}
	return true;
}

/* ---- running ---- */

static int wait_lines(struct load *l, struct line **ready)
{
	struct timespec pause = { 0 };
	if (!(l->options.rate > 0) || l->given == l->options.events)
		return lines_wait(&l->lines, NULL, ready);
	uint64_t now = monotonic_ns();
	uint64_t due = next_due(l);
	/* Overdue: all slots are taken, and only an ack can help; but never spin. */
	pause.tv_nsec = due > now ? (long)((due - now) % 1000000000) : 1000000;
	return lines_wait(&l->lines, &pause, ready);
}

static bool run(struct load *l)
{
	struct line *ready[LINES_AT_ONCE];
	bool paced = l->options.rate > 0;
	l->start_ns = monotonic_ns();
	for (size_t i = 0; !paced && i < l->options.connections; i++)
		if (!fill_line(l, &l->lines.all[i]))
			return false;
	while (l->lines.acked < l->options.events) {
		int n = wait_lines(l, ready);
		if (n < 0)
			return false;
		for (int i = 0; i < n; i++)
			if (!(paced ? line_flush(&l->lines, ready[i]) : fill_line(l, ready[i])))
				return false;
		if (paced && !fill_due(l))
			return false;
	}
	return true;
}

/* ---- making ---- */

static bool make(struct load *l)
{
	const struct options *o = &l->options;
	size_t pool = o->events < POOL_MAX ? o->events : POOL_MAX;
	l->at = calloc(o->connections, sizeof *l->at);
	l->batch = calloc(o->batch, sizeof *l->batch);
	if (!l->at || !l->batch ||
		!latencies_make(&l->acks, o->events / o->batch + o->connections + 1) ||
		!municipal_make(&l->pool, pool, o->seed, realtime_ns()))
		return false;
	for (size_t i = 0; i < o->connections; i++)
		l->at[i] = i * l->pool.count / o->connections;
	l->lines = (struct lines){
		.count = o->connections,
		.window = o->window,
		.want_salts = o->want_salts,
		.want_proof = o->want_proof,
		.acks = &l->acks,
	};
	return lines_open(&l->lines, o->path);
}

static void release(struct load *l)
{
	lines_release(&l->lines);
	free(l->at);
	free(l->batch);
	latencies_release(&l->acks);
	municipal_release(&l->pool);
}

static void print(struct load *l, uint64_t ns, uint64_t cpu)
{
	size_t acked = l->lines.acked;
	latencies_sort(&l->acks);
	(void)printf("{\"events\": %zu, \"connections\": %zu, \"window\": %zu, \"batch\": %zu, "
		     "\"seconds\": %.6f, \"rate\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
		     "\"max_us\": %.1f, \"cpu_us\": %.3f, \"event_bytes\": %.1f}\n",
		acked, l->options.connections, l->options.window, l->options.batch,
		(double)ns / 1e9, (double)acked / ((double)ns / 1e9), latencies_us(&l->acks, 50),
		latencies_us(&l->acks, 99), latencies_us(&l->acks, 100),
		(double)cpu / 1e3 / (double)acked,
		(double)l->pool.bytes.len / (double)l->pool.count);
}

/* ---- options ---- */

static const char USAGE[] =
	"usage: load --connect PATH [--connections N] [--window N] [--batch N] [--events N]\n"
	"            [--rate EVENTS_PER_S] [--sync] [--want-salts] [--want-proof] [--seed N]\n"
	"--sync: one connection, one event at a time\n";

static const struct option LONG[] = {
	{ "connect", required_argument, NULL, 'a' },
	{ "connections", required_argument, NULL, 'c' },
	{ "window", required_argument, NULL, 'w' },
	{ "batch", required_argument, NULL, 'b' },
	{ "events", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "seed", required_argument, NULL, 's' },
	{ "sync", no_argument, NULL, '1' },
	{ "want-salts", no_argument, NULL, 'S' },
	{ "want-proof", no_argument, NULL, 'P' },
	{ 0 },
};

static size_t *number_option(struct options *o, int c)
{
	return c == 'c'    ? &o->connections
		: c == 'w' ? &o->window
		: c == 'b' ? &o->batch
		: c == 'n' ? &o->events
			   : NULL;
}

static bool parse(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		size_t *number = number_option(o, c);
		if (number)
			*number = strtoull(optarg, NULL, 10);
		else if (c == 'a')
			o->path = optarg;
		else if (c == 'r')
			o->rate = strtod(optarg, NULL);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 10);
		else if (c == '1')
			o->connections = o->window = o->batch = 1;
		else if (c == 'S')
			o->want_salts = true;
		else if (c == 'P')
			o->want_proof = true;
		else
			return false;
	}
	return optind == argc && o->path && o->connections > 0 && o->window > 0 && o->batch > 0 &&
		o->batch <= APPEND_EVENTS_MAX && o->events > 0;
}

int main(int argc, char **argv)
{
	struct load load = {
		.options = { .connections = 16,
			.window = 8,
			.batch = 64,
			.events = 1000000,
			.seed = 1 },
	};
	if (!parse(argc, argv, &load.options)) {
		(void)fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	bool ok = make(&load);
	if (ok) {
		uint64_t cpu = cpu_ns();
		ok = run(&load);
		if (ok)
			print(&load, monotonic_ns() - load.start_ns, cpu_ns() - cpu);
	}
	if (!ok)
		(void)fprintf(
			stderr, "load: failed after %zu acknowledged events\n", load.lines.acked);
	release(&load);
	return ok ? EXIT_SUCCESS : EXIT_IO;
}
