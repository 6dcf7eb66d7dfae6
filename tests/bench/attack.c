/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bad peer of a Unix socket: does one thing that a daemon must bear, over some connections,
 * until it is killed or its seconds are over. Answers are read and thrown away unless that is the
 * point.
 *
 *   idle     Hello, then nothing
 *   deaf     asks for pages of the spine and reads none
 *   sip      the same, and takes a byte a tick
 *   drip     Hello, then a valid Append, a byte a tick
 *   half     Hello, then half of the longest frame, and no more
 *   invalid  Appends of 64 events of which the last is bad
 *   foreign  Appends to an epoch that is another peer's (--source, --epoch): DENIED by the writer
 *   denied   connect, Hello, read the refusal, again: for a user without a role
 *   churn    connect, hang up, again
 *   append   valid Appends of 64 events, as fast as they are answered
 *   search   questions that find nothing
 *   spine    pages of the spine, as `trail verify` reads them
 *
 * Who is hung up on connects again. Prints one JSON object at the end: what it got done.
 */
#include "../../proto/frame.h"
#include "municipal.h"
#include "stopwatch.h"
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BATCH = 64,
	AT_ONCE = 64,         /* epoll events */
	PIPELINE = 64 * 1024, /* bytes of questions sent before answers are waited for */
	HALF = FRAME_BODY_MAX / 2,
	TICK_MS = 100,
	READ_BYTES = 256 * 1024,
	EXIT_USAGE = 2,
	EXIT_IO = 3,
};

enum way {
	WAY_SIT,   /* send what there is once, then nothing */
	WAY_FLOOD, /* send it again and again, read all answers */
	WAY_DEAF,  /* send it again and again, read nothing */
	WAY_SIP,   /* read a byte a tick */
	WAY_DRIP,  /* send a byte a tick */
	WAY_CHURN, /* connect, send, read to the end if anything was sent, again */
};

struct kind {
	const char *name;
	enum way way;
	bool hello;
	void (*make)(struct buf *out);
};

struct options {
	const char *path;
	const struct kind *kind;
	size_t connections;
	double seconds;
};

struct line {
	int fd;
	size_t sent; /* of the text, this time round */
};

static struct {
	struct options options;
	struct span source;
	uint64_t epoch;
	struct line *lines;
	struct buf text; /* what each sends */
	int epoll;
	uint64_t rounds; /* times that the text was sent whole */
	uint64_t connects;
	uint64_t came; /* bytes of answers */
	uint64_t until_ns;
} a = { .source = { (const uint8_t *)"crowd", 5 } };

static volatile sig_atomic_t told_to_stop;

static void on_stop(int number)
{
	(void)number;
	told_to_stop = 1;
}

static bool over(void)
{
	return told_to_stop || monotonic_ns() >= a.until_ns;
}

/* ---- what is sent ---- */

static void put(const struct request *request, struct buf *out)
{
	talk_frame(request, out);
}

static void make_nothing(struct buf *out)
{
	(void)out;
}

static void put_append(struct buf *out, bool last_bad, uint64_t epoch)
{
	static const uint8_t bad[] = { 0x10, 0x00 };
	struct municipal pool;
	struct span events[BATCH];
	if (!municipal_make(&pool, BATCH, 7, realtime_ns())) {
		out->failed = true;
		return;
	}
	memcpy(events, pool.events, sizeof events);
	if (last_bad)
		events[BATCH - 1] = span_of(bad, sizeof bad);
	/* Numbered by the daemon where no epoch is named, so the same bytes are new events each
	 * time. */
	struct request request = {
		.id = 2,
		.kind = REQUEST_APPEND,
		.append = { .source = a.source,
			.epoch = epoch,
			.first_seq = epoch ? 1 : 0,
			.events = events,
			.event_count = BATCH },
	};
	put(&request, out);
	municipal_release(&pool);
}

static void make_append(struct buf *out)
{
	put_append(out, false, 0);
}

static void make_invalid(struct buf *out)
{
	put_append(out, true, 0);
}

static void make_foreign(struct buf *out)
{
	put_append(out, false, a.epoch);
}

static void make_hello(struct buf *out)
{
	struct request request = {
		.id = 1, .kind = REQUEST_HELLO, .hello = { .protocol = PROTOCOL_VERSION }
	};
	put(&request, out);
}

static void make_half(struct buf *out)
{
	buf_put_be32(out, FRAME_BODY_MAX);
	if (!buf_reserve(out, HALF))
		return;
	memset(out->data + out->len, 0, HALF);
	out->len += HALF;
}

static void make_search(struct buf *out)
{
	struct request request = {
		.id = 2, .kind = REQUEST_SEARCH, .question = { .text = span_text("actor:nobody") }
	};
	put(&request, out);
}

static void make_spine(struct buf *out)
{
	struct request request = { .id = 2, .kind = REQUEST_RECORDS };
	put(&request, out);
}

static const struct kind KINDS[] = {
	{ "idle", WAY_SIT, true, make_nothing },
	{ "deaf", WAY_DEAF, true, make_spine },
	{ "sip", WAY_SIP, true, make_spine },
	{ "drip", WAY_DRIP, true, make_append },
	{ "half", WAY_SIT, true, make_half },
	{ "invalid", WAY_FLOOD, true, make_invalid },
	{ "foreign", WAY_FLOOD, true, make_foreign },
	{ "denied", WAY_CHURN, false, make_hello },
	{ "churn", WAY_CHURN, false, make_nothing },
	{ "append", WAY_FLOOD, true, make_append },
	{ "search", WAY_FLOOD, true, make_search },
	{ "spine", WAY_FLOOD, true, make_spine },
};

/* ---- connections ---- */

static bool watch(struct line *line, int op)
{
	enum way way = a.options.kind->way;
	uint32_t events = way == WAY_SIT ? (uint32_t)EPOLLRDHUP : (uint32_t)EPOLLIN;
	if (way == WAY_DEAF)
		events = (uint32_t)EPOLLRDHUP;
	if ((way == WAY_FLOOD || way == WAY_DEAF) && line->sent < a.text.len)
		events |= (uint32_t)EPOLLOUT;
	if (way == WAY_SIP || way == WAY_DRIP)
		events = (uint32_t)EPOLLRDHUP;
	struct epoll_event event = { .events = events, .data.ptr = line };
	return epoll_ctl(a.epoll, op, line->fd, &event) == 0;
}

static bool open_line(struct line *line)
{
	line->sent = 0;
	line->fd = talk_connect(a.options.path);
	a.connects++;
	if (line->fd < 0)
		return false;
	/* Who is refused here is refused: that is a load, too. */
	if (a.options.kind->hello && !talk_hello(line->fd, a.source, 0)) {
		(void)close(line->fd);
		line->fd = -1;
		return true;
	}
	return fcntl(line->fd, F_SETFL, O_NONBLOCK) == 0 && watch(line, EPOLL_CTL_ADD);
}

static void close_line(struct line *line)
{
	if (line->fd >= 0)
		(void)close(line->fd);
	line->fd = -1;
}

/* ---- one line's turn; false: it is over ---- */

static bool gone(ssize_t n)
{
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* At most `most` bytes of the text, round and round. */
static bool give(struct line *line, size_t most, bool again)
{
	while (most > 0 && line->sent < a.text.len) {
		size_t len = a.text.len - line->sent;
		ssize_t n = send(
			line->fd, a.text.data + line->sent, len < most ? len : most, MSG_NOSIGNAL);
		if (n <= 0)
			return !gone(n);
		line->sent += (size_t)n;
		most -= (size_t)n;
		if (line->sent < a.text.len)
			continue;
		a.rounds++;
		if (again)
			line->sent = 0;
	}
	return true;
}

static bool take(struct line *line, size_t most)
{
	static uint8_t room[READ_BYTES];
	ssize_t n = recv(line->fd, room, most < sizeof room ? most : sizeof room, 0);
	if (n > 0)
		a.came += (uint64_t)n;
	return !gone(n);
}

static bool serve(struct line *line, uint32_t events)
{
	enum way way = a.options.kind->way;
	if (events & (uint32_t)(EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		return false;
	if ((events & (uint32_t)EPOLLIN) && way == WAY_FLOOD && !take(line, READ_BYTES))
		return false;
	return !(events & (uint32_t)EPOLLOUT) || give(line, PIPELINE, true);
}

static bool tick(struct line *line)
{
	switch (a.options.kind->way) {
	case WAY_SIT:
		return give(line, SIZE_MAX, false);
	case WAY_SIP:
		return give(line, PIPELINE, true) && take(line, 1);
	case WAY_DRIP:
		return give(line, 1, true);
	case WAY_FLOOD:
	case WAY_DEAF:
	case WAY_CHURN:
		break;
	}
	return true;
}

static bool tick_all(void)
{
	for (size_t i = 0; i < a.options.connections && !over(); i++) {
		struct line *line = &a.lines[i];
		if (line->fd >= 0 && tick(line))
			continue;
		close_line(line);
		if (!open_line(line))
			return false;
	}
	return true;
}

static bool run(void)
{
	struct epoll_event events[AT_ONCE];
	uint64_t next = 0;
	while (!over()) {
		int n = epoll_wait(a.epoll, events, AT_ONCE, TICK_MS);
		for (int i = 0; i < n; i++) {
			struct line *line = events[i].data.ptr;
			if (line->fd >= 0 && !serve(line, events[i].events))
				close_line(line);
		}
		if (monotonic_ns() < next)
			continue;
		next = monotonic_ns() + (uint64_t)TICK_MS * 1000000;
		if (!tick_all())
			return false;
	}
	return true;
}

static bool churn(void)
{
	uint8_t room[4096];
	while (!over()) {
		int fd = talk_connect(a.options.path);
		if (fd < 0)
			return false;
		a.connects++;
		if (a.text.len > 0 &&
			send(fd, a.text.data, a.text.len, MSG_NOSIGNAL) == (ssize_t)a.text.len) {
			ssize_t n;
			while ((n = recv(fd, room, sizeof room, 0)) > 0)
				a.came += (uint64_t)n;
		}
		(void)close(fd);
	}
	return true;
}

static bool make(void)
{
	a.options.kind->make(&a.text);
	a.lines = calloc(a.options.connections, sizeof *a.lines);
	a.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!a.lines || a.text.failed || a.epoll < 0)
		return false;
	for (size_t i = 0; i < a.options.connections; i++)
		a.lines[i].fd = -1;
	a.until_ns = monotonic_ns() + (uint64_t)(a.options.seconds * 1e9);
	if (a.options.kind->way == WAY_CHURN)
		return true;
	for (size_t i = 0; i < a.options.connections; i++)
		if (!open_line(&a.lines[i]))
			return false;
	return tick_all();
}

/* ---- options ---- */

static const char USAGE[] =
	"usage: attack --connect PATH --kind KIND [--connections N] [--seconds S]\n"
	"              [--source NAME --epoch N]\n"
	"Prints \"ready\" when all its connections stand.\n";

static const struct option LONG[] = {
	{ "connect", required_argument, NULL, 'a' },
	{ "kind", required_argument, NULL, 'k' },
	{ "connections", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 's' },
	{ "source", required_argument, NULL, 'S' },
	{ "epoch", required_argument, NULL, 'e' },
	{ 0 },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
		if (strcmp(KINDS[i].name, name) == 0)
			return &KINDS[i];
	return NULL;
}

static bool parse(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		if (c == 'a')
			o->path = optarg;
		else if (c == 'k')
			o->kind = kind_of(optarg);
		else if (c == 'c')
			o->connections = strtoull(optarg, NULL, 10);
		else if (c == 's')
			o->seconds = strtod(optarg, NULL);
		else if (c == 'S')
			a.source = span_text(optarg);
		else if (c == 'e')
			a.epoch = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	return optind == argc && o->path && o->kind && o->connections > 0 && o->seconds > 0;
}

int main(int argc, char **argv)
{
	struct sigaction stop = { .sa_handler = on_stop };
	a.options.connections = 16;
	a.options.seconds = 60;
	if (!parse(argc, argv, &a.options)) {
		(void)fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	(void)sigaction(SIGTERM, &stop, NULL);
	bool ok = make();
	if (ok) {
		(void)puts("ready");
		(void)fflush(stdout);
		ok = a.options.kind->way == WAY_CHURN ? churn() : run();
	}
	(void)printf("{\"rounds\": %llu, \"connects\": %llu, \"bytes\": %llu}\n",
		(unsigned long long)a.rounds, (unsigned long long)a.connects,
		(unsigned long long)a.came);
	return ok || told_to_stop ? EXIT_SUCCESS : EXIT_IO;
}
