/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "../proto/frame.h"
#include "backlog.h"
#include "input.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum {
	TURN_NS = 200 * 1000, /* a peer's turn, but for the request at its end */
	CONNECTION_BYTES = 4 * 1024 * 1024,
	CONNECTION_REQUESTS = 256,
	OUTPUT_FIRST = 2 * 1024,      /* the answer to a hundred events fits, and grows no buffer */
	OUTPUT_KEPT_MAX = 16 * 1024,  /* output memory that is kept while more is to come */
	TRIM_BYTES = 8 * 1024 * 1024, /* of free memory more than at the last look: given back */
};

/* How a connection came to eat no further. */
enum meal {
	MEAL_OVER,  /* nothing whole is left, or it is ending */
	MEAL_LATER, /* when something came back */
	MEAL_BREAK, /* its time is over, there is more */
};

struct session {
	TAILQ_ENTRY(session) in_all;
	TAILQ_ENTRY(session) in_unsent;
	struct sessions *all;
	struct caller caller;
	struct share *share;
	int fd; /* -1: closed */
	struct event *readable;
	struct event *writable;
	struct turn turn;
	bool reading; /* `readable` is added */
	bool room;    /* its socket took bytes again */
	bool unsent;  /* in the list of those to be flushed */
	bool ending;
	/* All CLOCK_MONOTONIC. */
	uint64_t moved_ns; /* when bytes last moved */
	uint64_t hello_ns; /* since when its Hello is waited for */
	uint64_t frame_ns; /* since when a frame that it began is waited for; 0: none */
	uint64_t taken_ns; /* since when it is to read what lies before taken_at */
	size_t taken_at;
	unsigned in_flight;
	size_t charged; /* bytes of in_flight */
	/* Output: [sent .. out.len) is still to be sent. */
	struct buf out;
	size_t sent;
	size_t out_charged; /* to the share: the memory of `out` while something is in it */
	struct input in;    /* last: see make */
};

TAILQ_HEAD(session_list, session);
TAILQ_HEAD(errand_line, errand);

struct sessions {
	struct sessions_options options;
	struct slab *frames;
	struct shares *shares;
	struct backlog *answers; /* that came back, in turns of the peers, too */
	struct event *waited;    /* when the next of those who follow is due */
	struct event *rested;    /* when the next of those who asked too much may ask again, */
	uint64_t rested_ns;      /* which is then */
	struct session_list open;
	struct session_list unsent;
	struct errand_line line;        /* requests under way, oldest first */
	struct session_numbers numbers; /* what is counted as it happens */
	unsigned count;
	size_t free_bytes; /* that the heap had when memory was last given back */
	uint64_t last_serial;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static struct session *session_of(struct turn *turn)
{
	return (struct session *)(void *)((char *)turn - offsetof(struct session, turn));
}

static void bring_answers(struct sessions *all, uint64_t until);

static void on_waited(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	bring_answers(ctx, 0);
}

static void on_rested(evutil_socket_t fd, short what, void *ctx)
{
	struct sessions *all = ctx;
	(void)fd;
	(void)what;
	shares_wake(all->shares);
}

struct sessions *sessions_new(const struct sessions_options *options)
{
	struct sessions *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	all->options = *options;
	TAILQ_INIT(&all->open);
	TAILQ_INIT(&all->unsent);
	TAILQ_INIT(&all->line);
	all->frames = slab_new(options->frame_bytes);
	all->shares = shares_new(&options->peer);
	all->answers = backlog_new(1);
	all->waited = evtimer_new(options->base, on_waited, all);
	all->rested = evtimer_new(options->base, on_rested, all);
	if (all->frames && all->shares && all->answers && all->waited && all->rested)
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
	if (all->rested)
		event_free(all->rested);
	slab_free(all->frames);
	backlog_free(all->answers);
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
	share_leave(s->share);
	free(s);
}

static void leave_queues(struct session *s)
{
	share_rest(s->share, &s->turn);
	if (s->unsent)
		TAILQ_REMOVE(&s->all->unsent, s, in_unsent);
	s->unsent = false;
}

static void charge_output(struct session *s)
{
	size_t takes = s->out.len > 0 ? s->out.cap : 0;
	if (takes > s->out_charged)
		share_take(s->share, takes - s->out_charged);
	else
		share_give(s->share, s->out_charged - takes);
	s->out_charged = takes;
}

/* Close the descriptor. The session may be freed: do not use it afterwards. */
static void session_close(struct session *s)
{
	struct sessions *all = s->all;
	leave_queues(s);
	input_drop(&s->in);
	buf_release(&s->out);
	charge_output(s);
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
	share_rest(s->share, &s->turn);
	input_drop(&s->in);
}

/* Whom we do not read from is not late; what it owes counts anew from here. */
static void set_waiting(struct session *s)
{
	set_reading(s, false);
	s->frame_ns = 0;
	share_wait(s->share, &s->turn);
}

/* It is its turn to send: the rest of a frame that it began, or another. */
static void set_expecting(struct session *s)
{
	set_reading(s, true);
	if (!input_pending(&s->in))
		s->frame_ns = 0;
	else if (s->frame_ns == 0)
		s->frame_ns = now_ns();
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
		/* How long witnesses took says nothing of this daemon. */
		if (!op_awaits_witnesses(&errand->op))
			histogram_add(&n->acks, now_ns() - errand->arrived_ns);
	} else if (response->kind == RESPONSE_ERROR) {
		n->refused[-response->error.code]++;
	}
}

/* Queue the errand's response and give the errand back. */
static void put_response(struct session *s, struct errand *errand)
{
	size_t before = s->out.len;
	if (s->out.cap == 0)
		buf_reserve(&s->out, OUTPUT_FIRST);
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
	charge_output(s);
	if (s->sent == before) {
		s->taken_ns = now_ns();
		s->taken_at = s->out.len;
	}
}

/* What is sent holds no memory in front of a client that never quite catches up. */
static void drop_sent(struct session *s)
{
	struct buf rest = { 0 };
	if (s->sent < s->out.len / 2)
		return;
	buf_put(&rest, s->out.data + s->sent, s->out.len - s->sent);
	if (rest.failed)
		return;
	buf_release(&s->out);
	s->out = rest;
	charge_output(s);
	s->taken_at -= s->sent;
	s->sent = 0;
}

/* It took what there was when the time began: the rest has its own. */
static void sent_some(struct session *s, size_t n)
{
	s->sent += n;
	s->moved_ns = now_ns();
	if (s->sent < s->taken_at)
		return;
	s->taken_ns = s->moved_ns;
	s->taken_at = s->out.len;
}

static void sent_all(struct session *s)
{
	/* Who has nothing under way is idle for all we know, and there may be thousands. */
	if (s->in_flight == 0 || s->out.cap > OUTPUT_KEPT_MAX)
		buf_release(&s->out);
	buf_clear(&s->out);
	charge_output(s);
	s->sent = 0;
}

/* Send what the socket takes. False: the session was closed, and may be gone. */
static bool flush(struct session *s)
{
	s->room = false;
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
		sent_some(s, (size_t)n);
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
	bool holds_nothing = s->in_flight == 0 && s->out.len == 0;
	return s->in_flight < CONNECTION_REQUESTS && s->charged < CONNECTION_BYTES &&
		s->out.len - s->sent < all->options.unread_bytes &&
		share_room(s->share, holds_nothing);
}

static void reject(struct session *s, enum trail_err code, const char *sentence)
{
	struct errand *errand = service_reject(s->all->options.service, &s->caller, code, sentence);
	if (errand)
		put_response(s, errand);
	set_ending(s);
}

/* Who follows the log, or waits for witnesses, does so by design, and is in nobody's way. */
static void enter_line(struct sessions *all, struct errand *errand)
{
	errand->lined = errand->op.request.kind != REQUEST_NONE && errand->until_ns == 0 &&
		!op_awaits_witnesses(&errand->op);
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

/* True: its peer asked more than it may; the clock wakes it. */
static bool must_rest(struct session *s, uint64_t now)
{
	struct sessions *all = s->all;
	uint64_t rest = share_rest_ns(s->share, now);
	if (rest == 0)
		return false;
	struct timeval wait = { .tv_sec = (time_t)(rest / SECOND_NS),
		.tv_usec = (suseconds_t)(rest % SECOND_NS / 1000) + 1 };
	if (all->rested_ns <= now || now + rest < all->rested_ns) {
		(void)evtimer_add(all->rested, &wait);
		all->rested_ns = now + rest;
	}
	tally_add(all->options.tally, TALLY_RATE);
	return true;
}

/* Eat whole frames until `until`. Its input may be gone afterwards: it may be ending. */
static enum meal eat(struct session *s, uint64_t until)
{
	while (!s->ending) {
		struct span body;
		enum trail_err err = input_frame(&s->in, &body);
		if (err == TRAIL_MORE)
			return MEAL_OVER;
		if (err == TRAIL_BUSY)
			return MEAL_LATER;
		if (err) {
			reject_frame(s, err);
			return MEAL_OVER;
		}
		uint64_t now = now_ns();
		if (now >= until)
			return MEAL_BREAK;
		if (must_rest(s, now) || !may_take_more(s) || !eat_frame(s, body))
			return MEAL_LATER;
		share_asked(s->share, now);
		s->frame_ns = 0;
		if (!s->ending)
			input_eat(&s->in, body);
	}
	return MEAL_OVER;
}

/* Read once. Bytes, 0: nothing there now or the end; the end sets `ending`. */
static size_t fill(struct session *s)
{
	size_t room;
	uint8_t *to = input_room(&s->in, &room);
	ssize_t n = recv(s->fd, to, room, 0);
	if (n > 0) {
		input_came(&s->in, (size_t)n);
		s->moved_ns = now_ns();
		return (size_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* It may still read: what is in flight is answered. */
	set_ending(s);
	return 0;
}

/* Work for one connection, until `until`. The session may be gone afterwards. */
static void take_turn(struct session *s, uint64_t until)
{
	bool more = true;
	if (s->room && !flush(s))
		return;
	enum meal meal = eat(s, until);
	while (meal == MEAL_OVER && more && !s->ending) {
		more = fill(s) > 0;
		meal = eat(s, until);
		if (meal == MEAL_OVER && more && s->moved_ns >= until)
			meal = MEAL_BREAK;
	}
	if (!s->ending && meal == MEAL_LATER)
		set_waiting(s);
	else if (!s->ending && meal == MEAL_BREAK)
		share_ready(s->share, &s->turn);
	else if (!s->ending)
		set_expecting(s);
	if (s->unsent) {
		TAILQ_REMOVE(&s->all->unsent, s, in_unsent);
		s->unsent = false;
		(void)flush(s);
	} else if (s->ending) {
		(void)flush(s);
	}
}

bool sessions_have_turns(const struct sessions *all)
{
	return shares_ready(all->shares) > 0 || backlog_next(all->answers);
}

void sessions_take_turns(struct sessions *all)
{
	if (backlog_next(all->answers))
		bring_answers(all, now_ns() + TURN_NS);
	/* Peers, not connections: more of them bring no more turns. */
	for (size_t left = shares_ready(all->shares); left > 0; left--) {
		struct share *share = shares_next(all->shares);
		uint64_t until = now_ns() + TURN_NS;
		struct turn *turn;
		while (share && now_ns() < until && (turn = share_next(share)))
			take_turn(session_of(turn), until);
	}
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct session *s = ctx;
	(void)fd;
	(void)what;
	/* Told once, and again when its turn does not come soon: not a third time. */
	if (s->turn.place == TURN_NONE)
		share_ready(s->share, &s->turn);
	else
		set_reading(s, false);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct session *s = ctx;
	(void)fd;
	(void)what;
	s->room = true;
	share_ready(s->share, &s->turn);
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
		share_leave(s->share);
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
	s->moved_ns = s->hello_ns = now_ns();
	s->caller.peer = *peer;
	enum trail_err err = share_join(all->shares, peer, s->hello_ns, &s->share);
	if (!err) {
		s->caller.lane = share_lane(s->share);
		input_init(&s->in, all->frames, s->share);
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

/* Those of them whose turn comes before `until`, and those who waited for what they changed. */
static void bring_answers(struct sessions *all, uint64_t until)
{
	struct op *op;
	while (now_ns() < until && (op = backlog_next(all->answers))) {
		backlog_take(all->answers);
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
	shares_wake(all->shares);
}

void sessions_answer(struct sessions *all, struct op *list)
{
	while (list) {
		struct op *op = list;
		list = op->next;
		backlog_add(all->answers, op);
	}
}

/* ---- who is late ---- */

static bool passed(uint64_t since_ns, uint64_t now, uint64_t seconds)
{
	return seconds > 0 && now > since_ns && now - since_ns >= seconds * SECOND_NS;
}

/* What it is late with; TALLY_KINDS: nothing. Whom we keep waiting is not late. */
static enum tally_kind lateness(const struct session *s, uint64_t now)
{
	const struct sessions_options *o = &s->all->options;
	if (s->out.len > s->sent)
		return passed(s->taken_ns, now, o->unread_s) ? TALLY_UNREAD : TALLY_KINDS;
	if (s->ending || s->turn.place != TURN_NONE)
		return TALLY_KINDS;
	if (!s->caller.greeted && passed(s->hello_ns, now, o->hello_s))
		return TALLY_HELLO;
	if (input_pending(&s->in) && s->frame_ns != 0 && passed(s->frame_ns, now, o->frame_s))
		return TALLY_FRAME;
	if (s->in_flight == 0 && passed(s->moved_ns, now, o->idle_s))
		return TALLY_IDLE;
	return TALLY_KINDS;
}

/* It is told why, unless it is deaf. */
static void close_late(struct session *s, enum tally_kind kind)
{
	static const char *const why[TALLY_KINDS] = {
		[TALLY_HELLO] = "no Hello came in time: connect again when there is something to "
				"say",
		[TALLY_FRAME] = "a frame was begun and not completed in time: connect again",
		[TALLY_IDLE] = "nothing was said for long: connect again when there is something "
			       "to say",
	};
	tally_add(s->all->options.tally, kind);
	if (!why[kind]) {
		session_close(s);
		return;
	}
	reject(s, TRAIL_UNAVAILABLE, why[kind]);
	(void)flush(s);
}

/*
 * What a crowd took lies scattered when it has left: the heap does not return it by itself. What
 * was returned still counts as free, so it is what has grown since that matters.
 */
static void give_memory_back(struct sessions *all)
{
	size_t free_now = mallinfo2().fordblks;
	if (free_now > all->free_bytes + TRIM_BYTES) {
		(void)malloc_trim(0);
		all->free_bytes = free_now;
	} else if (free_now < all->free_bytes) {
		all->free_bytes = free_now;
	}
}

void sessions_tick(struct sessions *all)
{
	uint64_t now = now_ns();
	struct session *next;
	for (struct session *s = TAILQ_FIRST(&all->open); s; s = next) {
		next = TAILQ_NEXT(s, in_all);
		enum tally_kind kind = lateness(s, now);
		if (kind != TALLY_KINDS)
			close_late(s, kind);
	}
	shares_sweep(all->shares, now);
	slab_trim(all->frames);
	errands_trim(all->options.errands);
	give_memory_back(all);
	bring_answers(all, 0);
}

void sessions_drain(struct sessions *all)
{
	struct session *next;
	service_drain(all->options.service);
	bring_answers(all, 0);
	for (struct session *s = TAILQ_FIRST(&all->open); s; s = next) {
		next = TAILQ_NEXT(s, in_all);
		set_ending(s);
		(void)flush(s);
	}
}

void sessions_end(struct sessions *all)
{
	struct session *next;
	bring_answers(all, UINT64_MAX);
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
