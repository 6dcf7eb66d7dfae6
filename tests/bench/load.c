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
#include "../../proto/frame.h"
#include "municipal.h"
#include "stopwatch.h"
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	POOL_MAX = 1 << 18, /* different events; sent again after that, with new numbers */
	READ_BYTES = 64 * 1024,
	ARENA_BYTES = 1 << 20,
	EVENTS_AT_ONCE = 64,
	FIRST_ID = 2, /* Hello was 1 */
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

/* One connection. Each request under way holds a slot; its id tells which. */
struct line {
	int fd;
	struct span source;
	uint64_t epoch;
	uint64_t seq;      /* last one sent */
	uint64_t requests; /* sent so far */
	size_t in_flight;
	bool writing; /* waits for EPOLLOUT */
	size_t at;    /* next event of the pool */
	struct buf out;
	size_t sent;
	struct buf in;
	uint64_t *due_ns; /* per slot, `window` of them: when its request was due */
	bool *used;       /* per slot */
};

struct load {
	struct options options;
	struct municipal pool;
	struct line *lines;
	struct span *batch; /* views of one request's events */
	struct arena arena;
	struct latencies acks;
	int epoll;
	size_t next_line; /* whose turn it is when requests are due at fixed times */
	size_t given;     /* events in requests that were made */
	size_t acked;
	uint64_t start_ns;
};

/* ---- sending ---- */

static void fill_batch(struct load *l, struct line *line, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		l->batch[i] = l->pool.events[line->at];
		line->at = line->at + 1 == l->pool.count ? 0 : line->at + 1;
	}
}

/* Make one request that was due at `due_ns`. The caller knows that there is a free slot. */
static void put_request(struct load *l, struct line *line, uint64_t due_ns)
{
	size_t left = l->options.events - l->given;
	size_t count = left < l->options.batch ? left : l->options.batch;
	size_t slot = 0;
	while (line->used[slot])
		slot++;
	fill_batch(l, line, count);
	struct request request = {
		/* The slot comes back with the answer. */
		.id = FIRST_ID + line->requests * l->options.window + slot,
		.kind = REQUEST_APPEND,
		.append = {
			.source = line->source,
			.epoch = line->epoch,
			.first_seq = line->seq + 1,
			.made = line->seq + count,
			.events = l->batch,
			.event_count = count,
			.want_salts = l->options.want_salts,
			.want_proof = l->options.want_proof,
		},
	};
	talk_frame(&request, &line->out);
	line->used[slot] = true;
	line->due_ns[slot] = due_ns;
	line->in_flight++;
	line->requests++;
	line->seq += count;
	l->given += count;
}

static bool watch(struct load *l, struct line *line, bool writing)
{
	struct epoll_event event = {
		.events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0),
		.data.ptr = line,
	};
	if (writing == line->writing)
		return true;
	line->writing = writing;
	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, line->fd, &event) == 0;
}

/* Send what the socket takes. */
static bool flush(struct load *l, struct line *line)
{
	while (!line->out.failed && line->sent < line->out.len) {
		ssize_t n = send(line->fd, line->out.data + line->sent, line->out.len - line->sent,
			MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return watch(l, line, true);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			line->sent += (size_t)n;
	}
	bool ok = !line->out.failed;
	buf_clear(&line->out);
	line->sent = 0;
	return ok && watch(l, line, false);
}

/* Closed loop: as many requests as may be under way. */
static bool fill_line(struct load *l, struct line *line)
{
	while (line->in_flight < l->options.window && l->given < l->options.events)
		put_request(l, line, monotonic_ns());
	return flush(l, line);
}

/* When the next request is due. */
static uint64_t next_due(const struct load *l)
{
	return l->start_ns + (uint64_t)((double)l->given / l->options.rate * 1e9);
}

/* Open loop: whatever is due by now goes to the next line that has a free slot. */
static bool fill_due(struct load *l)
{
	uint64_t now = monotonic_ns();
	size_t full = 0;
	while (l->given < l->options.events && full < l->options.connections) {
		struct line *line = &l->lines[l->next_line];
		uint64_t due = next_due(l);
		if (due > now)
			return true;
		l->next_line = (l->next_line + 1) % l->options.connections;
		if (line->in_flight == l->options.window) {
			full++;
			continue;
		}
		full = 0;
		put_request(l, line, due);
		if (!flush(l, line))
			return false;
	}
	return true;
}

/* ---- receiving ---- */

static bool take_ack(struct load *l, struct line *line, struct span body)
{
	struct response response;
	arena_reset(&l->arena);
	if (response_decode(body, &l->arena, &response) != TRAIL_OK) {
		(void)fprintf(stderr, "an answer does not decode\n");
		return false;
	}
	if (response.kind != RESPONSE_APPENDED || response.id < FIRST_ID) {
		talk_complain(&response);
		return false;
	}
	size_t slot = (size_t)((response.id - FIRST_ID) % l->options.window);
	if (!line->used[slot])
		return false;
	latencies_add(&l->acks, monotonic_ns() - line->due_ns[slot]);
	line->used[slot] = false;
	line->in_flight--;
	for (size_t i = 0; i < response.appended.run_count; i++)
		l->acked += response.appended.runs[i].count;
	return true;
}

/* All whole frames that were received; what is left moves to the front. */
static bool take_frames(struct load *l, struct line *line)
{
	struct span rest = buf_view(&line->in);
	struct span body;
	size_t need;
	enum trail_err err;
	while ((err = frame_take(rest, &body, &need)) == TRAIL_OK) {
		if (!take_ack(l, line, body))
			return false;
		rest = span_of(body.data + body.len, rest.len - FRAME_HEAD - body.len);
	}
	if (rest.len > 0)
		memmove(line->in.data, rest.data, rest.len);
	line->in.len = rest.len;
	return err == TRAIL_MORE;
}

static bool receive(struct load *l, struct line *line)
{
	if (!buf_reserve(&line->in, READ_BYTES))
		return false;
	ssize_t n = recv(line->fd, line->in.data + line->in.len, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		(void)fprintf(stderr, "the daemon hung up\n");
		return false;
	}
	line->in.len += (size_t)n;
	return take_frames(l, line);
}

/* ---- running ---- */

static bool serve(struct load *l, const struct epoll_event *event)
{
	struct line *line = event->data.ptr;
	if ((event->events & ~(uint32_t)EPOLLOUT) != 0 && !receive(l, line))
		return false;
	return l->options.rate > 0 ? flush(l, line) : fill_line(l, line);
}

static int wait_events(struct load *l, struct epoll_event *events)
{
	struct timespec pause = { 0 };
	if (!(l->options.rate > 0) || l->given == l->options.events)
		return epoll_wait(l->epoll, events, EVENTS_AT_ONCE, -1);
	uint64_t now = monotonic_ns();
	uint64_t due = next_due(l);
	/* Overdue: all slots are taken, and only an ack can help; but never spin. */
	pause.tv_nsec = due > now ? (long)((due - now) % 1000000000) : 1000000;
	return epoll_pwait2(l->epoll, events, EVENTS_AT_ONCE, &pause, NULL);
}

static bool run(struct load *l)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	l->start_ns = monotonic_ns();
	for (size_t i = 0; !(l->options.rate > 0) && i < l->options.connections; i++)
		if (!fill_line(l, &l->lines[i]))
			return false;
	while (l->acked < l->options.events) {
		int n = wait_events(l, events);
		if (n < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < n; i++)
			if (!serve(l, &events[i]))
				return false;
		if (l->options.rate > 0 && !fill_due(l))
			return false;
	}
	return true;
}

/* ---- making ---- */

static bool open_line(struct load *l, size_t i)
{
	struct line *line = &l->lines[i];
	line->source = span_text(MUNICIPAL_SYSTEM[i % MUNICIPAL_SYSTEMS]);
	line->epoch = (uint64_t)realtime_ns();
	line->at = i * l->pool.count / l->options.connections;
	line->due_ns = calloc(l->options.window, sizeof *line->due_ns);
	line->used = calloc(l->options.window, sizeof *line->used);
	line->fd = talk_connect(l->options.path);
	if (line->fd < 0 || !line->due_ns || !line->used ||
		!talk_hello(line->fd, line->source, line->epoch))
		return false;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = line };
	return fcntl(line->fd, F_SETFL, O_NONBLOCK) == 0 &&
		epoll_ctl(l->epoll, EPOLL_CTL_ADD, line->fd, &event) == 0;
}

static bool make(struct load *l)
{
	const struct options *o = &l->options;
	size_t pool = o->events < POOL_MAX ? o->events : POOL_MAX;
	l->lines = calloc(o->connections, sizeof *l->lines);
	l->batch = calloc(o->batch, sizeof *l->batch);
	l->arena = (struct arena){ .data = malloc(ARENA_BYTES), .cap = ARENA_BYTES };
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!l->lines || !l->batch || !l->arena.data || l->epoll < 0 ||
		!latencies_make(&l->acks, o->events / o->batch + o->connections + 1) ||
		!municipal_make(&l->pool, pool, o->seed, realtime_ns()))
		return false;
	for (size_t i = 0; i < o->connections; i++)
		l->lines[i].fd = -1;
	for (size_t i = 0; i < o->connections; i++)
		if (!open_line(l, i))
			return false;
	return true;
}

static void release(struct load *l)
{
	for (size_t i = 0; l->lines && i < l->options.connections; i++) {
		struct line *line = &l->lines[i];
		if (line->fd >= 0)
			(void)close(line->fd);
		buf_release(&line->out);
		buf_release(&line->in);
		free(line->due_ns);
		free(line->used);
	}
	if (l->epoll >= 0)
		(void)close(l->epoll);
	free(l->lines);
	free(l->batch);
	free(l->arena.data);
	latencies_release(&l->acks);
	municipal_release(&l->pool);
}

static void print(struct load *l, uint64_t ns, uint64_t cpu)
{
	latencies_sort(&l->acks);
	(void)printf("{\"events\": %zu, \"connections\": %zu, \"window\": %zu, \"batch\": %zu, "
		     "\"seconds\": %.6f, \"rate\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
		     "\"max_us\": %.1f, \"cpu_us\": %.3f, \"event_bytes\": %.1f}\n",
		l->acked, l->options.connections, l->options.window, l->options.batch,
		(double)ns / 1e9, (double)l->acked / ((double)ns / 1e9), latencies_us(&l->acks, 50),
		latencies_us(&l->acks, 99), latencies_us(&l->acks, 100),
		(double)cpu / 1e3 / (double)l->acked,
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
		.epoll = -1,
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
		(void)fprintf(stderr, "load: failed after %zu acknowledged events\n", load.acked);
	release(&load);
	return ok ? EXIT_SUCCESS : EXIT_IO;
}
