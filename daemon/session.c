/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "../proto/frame.h"
#include "input.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	TURN_BYTES = 256 * 1024,  /* read in one go before others have their turn */
	UNSENT_MAX = 1024 * 1024, /* who does not read is not read from; four pages */
	CONNECTION_BYTES = 4 * 1024 * 1024,
	CONNECTION_REQUESTS = 256,
	OUTPUT_KEPT_MAX = 16 * 1024, /* output memory that an idle connection may keep */
	STALL_S = 30, /* a frame begun, or output, without progress so long: it is closed */
};

struct session {
	TAILQ_ENTRY(session) in_all;
	TAILQ_ENTRY(session) in_waiting;
	TAILQ_ENTRY(session) in_unsent;
	struct sessions *all;
	struct caller caller;
	struct share *share;
	int fd; /* -1: closed */
	struct event *readable;
	struct event *writable;
	bool reading; /* `readable` is added */
	bool waiting; /* in the queue of those who may not read now */
	bool unsent;  /* in the list of those to be flushed */
	bool ending;
	uint64_t progress_s; /* when bytes last moved (CLOCK_MONOTONIC) */
	unsigned in_flight;
	size_t charged; /* bytes of in_flight */
	/* Output: [sent .. out.len) is still to be sent; all of out.len is charged to the share. */
	struct buf out;
	size_t sent;
	struct input in; /* last: see make */
};

TAILQ_HEAD(session_list, session);
TAILQ_HEAD(errand_line, errand);

struct sessions {
	struct sessions_options options;
	struct slab *frames;
	struct shares *shares;
	struct event *waited; /* when the next of those who follow is due */
	struct session_list open;
	struct session_list waiting;
	struct session_list unsent;
	struct errand_line line;        /* requests under way, oldest first */
	struct session_numbers numbers; /* what is counted as it happens */
	unsigned count;
	uint64_t last_serial;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_s(void)
{
	return now_ns() / 1000000000;
}

static void on_waited(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	sessions_answer(ctx, NULL);
}

struct sessions *sessions_new(const struct sessions_options *options)
{
	struct sessions *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	all->options = *options;
	TAILQ_INIT(&all->open);
	TAILQ_INIT(&all->waiting);
	TAILQ_INIT(&all->unsent);
	TAILQ_INIT(&all->line);
	all->frames = slab_new(options->frame_bytes);
	all->shares = shares_new(options->peer_bytes, options->peer_connections);
	all->waited = evtimer_new(options->base, on_waited, all);
	if (all->frames && all->shares && all->waited)
		return all;
	sessions_free(all);
	return NULL;
}

void sessions_free(struct sessions *all)
{
	if (!all)
		return;
	assert(TAILQ_EMPTY(&all->open));
	if (all->waited)
		event_free(all->waited);
	slab_free(all->frames);
	shares_free(all->shares);
	free(all);
}

unsigned sessions_count(const struct sessions *all)
{
	return all->count;
}

/* ---- life and death ---- */

/* Memory goes when the last errand is home. */
static void session_bury(struct session *s)
{
	if (s->fd >= 0 || s->in_flight > 0)
		return;
	share_leave(s->all->shares, s->share);
	free(s);
}

static void leave_queues(struct session *s)
{
	if (s->waiting)
		TAILQ_REMOVE(&s->all->waiting, s, in_waiting);
	if (s->unsent)
		TAILQ_REMOVE(&s->all->unsent, s, in_unsent);
	s->waiting = false;
	s->unsent = false;
}

/* Close the descriptor. The session may be freed: do not use it afterwards. */
static void session_close(struct session *s)
{
	struct sessions *all = s->all;
	leave_queues(s);
	input_drop(&s->in);
	share_give(s->share, s->out.len);
	buf_release(&s->out);
	event_free(s->readable);
	event_free(s->writable);
	(void)close(s->fd);
	s->fd = -1;
	s->ending = true;
	TAILQ_REMOVE(&all->open, s, in_all);
	all->count--;
	session_bury(s);
}

static void set_reading(struct session *s, bool on)
{
	if (s->reading == on)
		return;
	s->reading = on;
	if (on)
		(void)event_add(s->readable, NULL);
	else
		(void)event_del(s->readable);
}

static void set_ending(struct session *s)
{
	s->ending = true;
	set_reading(s, false);
	if (s->waiting)
		TAILQ_REMOVE(&s->all->waiting, s, in_waiting);
	s->waiting = false;
	input_drop(&s->in);
}

/* Not read from until something came back to it or to others. */
static void set_waiting(struct session *s)
{
	set_reading(s, false);
	if (s->waiting)
		return;
	s->waiting = true;
	TAILQ_INSERT_TAIL(&s->all->waiting, s, in_waiting);
}

/* ---- output ---- */

/* A thousand scattered duplicates with their proofs may exceed what a frame holds. */
static void encode_bounded(struct op *op, struct buf *out)
{
	size_t before = out->len;
	response_encode(&op->response, out);
	if (out->failed || out->len - before <= FRAME_BODY_MAX)
		return;
	out->len = before;
	op_refuse(op, TRAIL_TOO_BIG,
		"the answer exceeds a frame; what the request brought is held: send it again in "
		"parts");
	response_encode(&op->response, out);
}

static void count_answer(struct sessions *all, const struct errand *errand)
{
	const struct response *response = &errand->op.response;
	struct session_numbers *n = &all->numbers;
	if (response->kind == RESPONSE_APPENDED) {
		n->acked++;
		histogram_add(&n->acks, now_ns() - errand->arrived_ns);
	} else if (response->kind == RESPONSE_ERROR) {
		n->refused[-response->error.code]++;
	}
}

/* Queue the errand's response and give the errand back. */
static void put_response(struct session *s, struct errand *errand)
{
	size_t before = s->out.len;
	buf_put_be32(&s->out, 0);
	encode_bounded(&errand->op, &s->out);
	count_answer(s->all, errand);
	if (errand->last)
		set_ending(s);
	errands_give(s->all->options.errands, errand);
	if (!s->unsent)
		TAILQ_INSERT_TAIL(&s->all->unsent, s, in_unsent);
	s->unsent = true;
	if (s->out.failed) {
		s->out.len = before; /* flush sees `failed`, and closes */
		return;
	}
	store_be32(s->out.data + before, (uint32_t)(s->out.len - before - FRAME_HEAD));
	share_take(s->share, s->out.len - before);
	if (s->sent == before)
		s->progress_s = now_s();
}

/* Keep what is sent from piling up in front of a client that never quite catches up. */
static void drop_sent(struct session *s)
{
	if (s->sent < s->out.len / 2)
		return;
	memmove(s->out.data, s->out.data + s->sent, s->out.len - s->sent);
	s->out.len -= s->sent;
	share_give(s->share, s->sent);
	s->sent = 0;
}

static void sent_all(struct session *s)
{
	share_give(s->share, s->out.len);
	if (s->out.cap > OUTPUT_KEPT_MAX)
		buf_release(&s->out);
	buf_clear(&s->out);
	s->sent = 0;
}

/* Send what the socket takes. False: the session was closed, and may be gone. */
static bool flush(struct session *s)
{
	while (!s->out.failed && s->sent < s->out.len) {
		ssize_t n = send(s->fd, s->out.data + s->sent, s->out.len - s->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			drop_sent(s);
			(void)event_add(s->writable, NULL);
			return true;
		}
		if (n < 0) {
			session_close(s);
			return false;
		}
		s->sent += (size_t)n;
		s->progress_s = now_s();
	}
	bool over = s->ending && s->in_flight == 0;
	if (s->out.failed || over) {
		session_close(s);
		return false;
	}
	sent_all(s);
	return true;
}

static void flush_all(struct sessions *all)
{
	struct session *s;
	while ((s = TAILQ_FIRST(&all->unsent))) {
		TAILQ_REMOVE(&all->unsent, s, in_unsent);
		s->unsent = false;
		(void)flush(s);
	}
}

/* ---- input ---- */

static bool may_take_more(const struct session *s)
{
	const struct sessions *all = s->all;
	/* Who has nothing under way may always have one request, or nobody might. */
	if (s->in_flight == 0 && s->out.len == 0)
		return true;
	return s->in_flight < CONNECTION_REQUESTS && s->charged < CONNECTION_BYTES &&
		s->out.len - s->sent < UNSENT_MAX && share_room(all->shares, s->share);
}

static void reject(struct session *s, enum trail_err code, const char *sentence)
{
	struct errand *errand = service_reject(s->all->options.service, &s->caller, code, sentence);
	if (errand)
		put_response(s, errand);
	set_ending(s);
}

/* Who follows the log waits by design, and is in nobody's way. */
static void enter_line(struct sessions *all, struct errand *errand)
{
	errand->lined = errand->op.request.kind != REQUEST_NONE && errand->until_ns == 0;
	if (!errand->lined)
		return;
	TAILQ_INSERT_TAIL(&all->line, errand, in_line);
	all->numbers.under_way++;
}

static void leave_line(struct sessions *all, struct errand *errand)
{
	if (!errand->lined)
		return;
	TAILQ_REMOVE(&all->line, errand, in_line);
	errand->lined = false;
	all->numbers.under_way--;
}

/* One whole frame. False: there is no memory for it now. */
static bool eat_frame(struct session *s, struct span body)
{
	struct errand *errand;
	enum service_turn turn =
		service_request(s->all->options.service, &s->caller, s, body, &errand);
	switch (turn) {
	case SERVICE_WAIT:
		return false;
	case SERVICE_QUEUED:
		enter_line(s->all, errand);
		s->in_flight++;
		s->charged += errand->op.charged;
		share_take(s->share, errand->op.charged);
		if (errand->last)
			set_ending(s);
		break;
	case SERVICE_ANSWERED:
		put_response(s, errand);
		break;
	}
	return true;
}

static void reject_frame(struct session *s, enum trail_err err)
{
	reject(s, err,
		err == TRAIL_TOO_BIG ? "a frame is longer than 1 MiB: split the request"
				     : "an empty frame: each holds one Request");
}

/* Eat all whole frames. False: it must wait. It may be ending afterwards, and its input gone. */
static bool eat(struct session *s)
{
	while (!s->ending) {
		struct span body;
		enum trail_err err = input_frame(&s->in, &body);
		if (err == TRAIL_MORE)
			return true;
		if (err == TRAIL_BUSY)
			return false;
		if (err) {
			reject_frame(s, err);
			return true;
		}
		if (!may_take_more(s) || !eat_frame(s, body))
			return false;
		if (!s->ending)
			input_eat(&s->in, body);
	}
	return true;
}

/* Read once. Bytes, 0: nothing there now or the end; the end sets `ending`. */
static size_t fill(struct session *s)
{
	size_t room;
	uint8_t *to = input_room(&s->in, &room);
	ssize_t n = recv(s->fd, to, room, 0);
	if (n > 0) {
		input_came(&s->in, (size_t)n);
		s->progress_s = now_s();
		return (size_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* It may still read: what is in flight is answered. */
	set_ending(s);
	return 0;
}

/* Work for one connection, bounded. The session may be gone afterwards. */
static void take_turn(struct session *s)
{
	size_t got = 0;
	bool may = true;
	bool more = true;
	while (more && !s->ending) {
		may = eat(s);
		if (!may || s->ending || got >= TURN_BYTES)
			break;
		size_t n = fill(s);
		got += n;
		more = n > 0;
	}
	if (!s->ending && !may)
		set_waiting(s);
	else if (!s->ending)
		set_reading(s, true);
	if (s->unsent) {
		TAILQ_REMOVE(&s->all->unsent, s, in_unsent);
		s->unsent = false;
		(void)flush(s);
	} else if (s->ending) {
		(void)flush(s);
	}
}

/* Everybody who waited gets one turn; who must wait again goes to the end. */
static void wake_waiting(struct sessions *all)
{
	struct session *last = TAILQ_LAST(&all->waiting, session_list);
	struct session *s;
	bool more = last != NULL;
	while (more && (s = TAILQ_FIRST(&all->waiting))) {
		more = s != last;
		TAILQ_REMOVE(&all->waiting, s, in_waiting);
		s->waiting = false;
		take_turn(s);
	}
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	take_turn(ctx);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct session *s = ctx;
	(void)fd;
	(void)what;
	/* What it has sent may have been all that kept it waiting. */
	if (flush(s) && s->waiting) {
		TAILQ_REMOVE(&s->all->waiting, s, in_waiting);
		s->waiting = false;
		take_turn(s);
	}
}

static void refuse_connection(struct sessions *all, int fd, const struct peer *peer)
{
	struct caller stranger = { .peer = *peer };
	struct errand *errand = service_reject(all->options.service, &stranger, TRAIL_BUSY,
		"too many connections: close some, or try again later");
	struct buf out = { 0 };
	if (errand) {
		errand->op.response.error.retry_ms = 1000;
		buf_put_be32(&out, 0);
		response_encode(&errand->op.response, &out);
		errands_give(all->options.errands, errand);
	}
	if (errand && !out.failed) {
		store_be32(out.data, (uint32_t)(out.len - FRAME_HEAD));
		(void)send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	buf_release(&out);
	(void)close(fd);
}

/* Half-built: gives all back but `fd`. */
static void unmake(struct session *s)
{
	if (s->share)
		share_leave(s->all->shares, s->share);
	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	free(s);
}

static enum trail_err make(
	struct sessions *all, int fd, const struct peer *peer, struct session **out)
{
	/* Not zeroed as a whole: the input would touch four pages that most never need. */
	struct session *s = malloc(sizeof *s);
	if (!s)
		return TRAIL_NOMEM;
	memset(s, 0, offsetof(struct session, in));
	s->all = all;
	s->fd = fd;
	s->progress_s = now_s();
	s->caller.peer = *peer;
	enum trail_err err = share_join(all->shares, peer, &s->share);
	if (!err) {
		input_init(&s->in, all->frames, all->shares, s->share);
		s->readable =
			event_new(all->options.base, fd, EV_READ | EV_PERSIST, on_readable, s);
		s->writable = event_new(all->options.base, fd, EV_WRITE, on_writable, s);
		if (!s->readable || !s->writable)
			err = TRAIL_NOMEM;
	}
	if (err) {
		unmake(s);
		return err;
	}
	*out = s;
	return TRAIL_OK;
}

enum trail_err sessions_serve(struct sessions *all, int fd, const struct peer *peer)
{
	struct session *s;
	enum trail_err err = TRAIL_BUSY;
	if (all->count < all->options.connections)
		err = make(all, fd, peer, &s);
	if (err == TRAIL_BUSY)
		refuse_connection(all, fd, peer);
	else if (err)
		(void)close(fd);
	if (err) {
		all->numbers.turned_away++;
		return err;
	}
	s->caller.serial = ++all->last_serial;
	TAILQ_INSERT_TAIL(&all->open, s, in_all);
	all->count++;
	set_reading(s, true);
	return TRAIL_OK;
}

/* ---- what the server asks ---- */

static void bring_home(struct sessions *all, struct errand *errand)
{
	const struct op *op = &errand->op;
	struct session *s = errand->home;
	leave_line(all, errand);
	s->in_flight--;
	s->charged -= op->charged;
	share_give(s->share, op->charged);
	if (s->fd >= 0) {
		put_response(s, errand);
		return;
	}
	errands_give(all->options.errands, errand);
	session_bury(s);
}

void sessions_answer(struct sessions *all, struct op *list)
{
	while (list) {
		struct op *op = list;
		list = op->next;
		struct errand *errand = service_answered(all->options.service, op);
		if (errand)
			bring_home(all, errand);
	}
	struct errand *waited;
	while ((waited = service_waited(all->options.service)))
		bring_home(all, waited);
	int wait_ms = service_wait_ms(all->options.service);
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000L };
	if (wait_ms >= 0)
		(void)event_add(all->waited, &wait);
	flush_all(all);
	wake_waiting(all);
}

/* Neither output nor a frame that it began goes on. Whom we keep waiting is not late. */
static bool stalled(const struct session *s, uint64_t now)
{
	if (now - s->progress_s < STALL_S)
		return false;
	return s->out.len > s->sent || (!s->waiting && input_pending(&s->in));
}

void sessions_tick(struct sessions *all)
{
	uint64_t now = now_s();
	struct session *next;
	for (struct session *s = TAILQ_FIRST(&all->open); s; s = next) {
		next = TAILQ_NEXT(s, in_all);
		if (stalled(s, now))
			session_close(s);
	}
	sessions_answer(all, NULL);
}

void sessions_drain(struct sessions *all)
{
	struct session *next;
	service_drain(all->options.service);
	sessions_answer(all, NULL);
	for (struct session *s = TAILQ_FIRST(&all->open); s; s = next) {
		next = TAILQ_NEXT(s, in_all);
		set_ending(s);
		(void)flush(s);
	}
}

void sessions_end(struct sessions *all)
{
	struct session *next;
	for (struct session *s = TAILQ_FIRST(&all->open); s; s = next) {
		next = TAILQ_NEXT(s, in_all);
		session_close(s);
	}
}

void sessions_read_numbers(const struct sessions *all, struct session_numbers *numbers)
{
	const struct errand *oldest = TAILQ_FIRST(&all->line);
	*numbers = all->numbers;
	numbers->connections = all->count;
	numbers->peers = shares_peers(all->shares);
	numbers->oldest_ns = oldest ? now_ns() - oldest->arrived_ns : 0;
}
