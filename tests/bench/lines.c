/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include "../../proto/frame.h"
#include "municipal.h"
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_BYTES = 64 * 1024,
	ARENA_BYTES = 1 << 20,
	FIRST_ID = 2, /* Hello was 1 */
};

/* ---- sending ---- */

bool line_full(const struct lines *l, const struct line *line)
{
	return line->in_flight == l->window;
}

void line_put(struct lines *l, struct line *line, const struct span *events, size_t count,
	uint64_t due_ns)
{
	size_t slot = 0;
	while (line->used[slot])
		slot++;
	struct request request = {
		/* The slot comes back with the answer. */
		.id = FIRST_ID + line->requests * l->window + slot,
		.kind = REQUEST_APPEND,
		.append = {
			.source = line->source,
			.epoch = line->epoch,
			.first_seq = line->seq + 1,
			.made = line->seq + count,
			.events = events,
			.event_count = count,
			.want_salts = l->want_salts,
			.want_proof = l->want_proof,
		},
	};
	talk_frame(&request, &line->out);
	line->used[slot] = true;
	line->due_ns[slot] = due_ns;
	line->in_flight++;
	line->requests++;
	line->seq += count;
}

static bool watch(struct lines *l, struct line *line, bool writing)
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

bool line_flush(struct lines *l, struct line *line)
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

/* ---- receiving ---- */

static bool take_ack(struct lines *l, struct line *line, struct span body)
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
	size_t slot = (size_t)((response.id - FIRST_ID) % l->window);
	if (!line->used[slot])
		return false;
	if (l->acks)
		latencies_add(l->acks, monotonic_ns() - line->due_ns[slot]);
	line->used[slot] = false;
	line->in_flight--;
	for (size_t i = 0; i < response.appended.run_count; i++)
		l->acked += response.appended.runs[i].count;
	return true;
}

/* All whole frames that were received; what is left moves to the front. */
static bool take_frames(struct lines *l, struct line *line)
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

static bool receive(struct lines *l, struct line *line)
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

int lines_wait(struct lines *l, const struct timespec *pause, struct line *ready[LINES_AT_ONCE])
{
	struct epoll_event events[LINES_AT_ONCE];
	int n = epoll_pwait2(l->epoll, events, LINES_AT_ONCE, pause, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	for (int i = 0; i < n; i++) {
		ready[i] = events[i].data.ptr;
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && !receive(l, ready[i]))
			return -1;
	}
	return n;
}

/* ---- making ---- */

static bool open_line(struct lines *l, size_t i, const char *path)
{
	struct line *line = &l->all[i];
	line->source = span_text(MUNICIPAL_SYSTEM[i % MUNICIPAL_SYSTEMS]);
	line->epoch = (uint64_t)realtime_ns();
	line->due_ns = calloc(l->window, sizeof *line->due_ns);
	line->used = calloc(l->window, sizeof *line->used);
	line->fd = talk_connect(path);
	if (line->fd < 0 || !line->due_ns || !line->used ||
		!talk_hello(line->fd, line->source, line->epoch))
		return false;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = line };
	return fcntl(line->fd, F_SETFL, O_NONBLOCK) == 0 &&
		epoll_ctl(l->epoll, EPOLL_CTL_ADD, line->fd, &event) == 0;
}

bool lines_open(struct lines *l, const char *path)
{
	l->all = calloc(l->count, sizeof *l->all);
	l->arena = (struct arena){ .data = malloc(ARENA_BYTES), .cap = ARENA_BYTES };
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; l->all && i < l->count; i++)
		l->all[i] = (struct line){ .number = i, .fd = -1 };
	bool ok = l->all && l->arena.data && l->epoll >= 0;
	for (size_t i = 0; ok && i < l->count; i++)
		ok = open_line(l, i, path);
	return ok;
}

void lines_release(struct lines *l)
{
	for (size_t i = 0; l->all && i < l->count; i++) {
		struct line *line = &l->all[i];
		if (line->fd >= 0)
			(void)close(line->fd);
		buf_release(&line->out);
		buf_release(&line->in);
		free(line->due_ns);
		free(line->used);
	}
	if (l->all && l->epoll >= 0)
		(void)close(l->epoll);
	free(l->all);
	free(l->arena.data);
	l->all = NULL;
	l->arena = (struct arena){ 0 };
}
