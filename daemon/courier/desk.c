/* SPDX-License-Identifier: Apache-2.0 */
#include "desk.h"

#include "../../proto/crypto.h"
#include "visit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

/* One witness. */
struct stop {
	struct desk *desk;
	uint8_t number;
	bool set;     /* there is one of this number */
	bool away;    /* an order is under way */
	bool looking; /* a LOOK is */
	char url[COURIER_URL_MAX + 1];
	uint64_t round; /* of the order */
	struct visit visit;
};

struct desk {
	struct event_base *base;
	struct posts *posts;
	int fd;
	bool broken;
	bool stamping;
	uint64_t round; /* that is wanted; 0: none */
	uint32_t patience_ms;
	struct visit_pauses pauses;
	struct event *talk;
	struct event *clock;
	struct buf out;
	struct stop stops[COURIER_WITNESSES];
	uint8_t in[COURIER_WORD_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* traild reads always, so this waits for a moment at the most; when it is gone the loop is told. */
static void say(struct desk *d, const struct courier_word *word)
{
	d->out.len = 0;
	courier_put(&d->out, word);
	if (d->out.failed || send(d->fd, d->out.data, d->out.len, MSG_NOSIGNAL) < 0)
		(void)event_base_loopbreak(d->base);
}

/* ---- visits ---- */

static void pump(struct desk *d)
{
	const uint64_t now = now_ms();
	uint64_t next = UINT64_MAX;
	for (struct stop *s = d->stops; s < d->stops + COURIER_WITNESSES; s++) {
		if (!s->set)
			continue;
		if (visit_due(&s->visit, d->round, now)) {
			visit_begin(&s->visit);
			const struct courier_word ask = { .kind = COURIER_ASK,
				.witness = s->number,
				.round = d->round,
				.old = s->visit.old };
			say(d, &ask);
		}
		const uint64_t due = visit_next_ms(&s->visit, d->round);
		next = due < next ? due : next;
	}
	if (next == UINT64_MAX)
		return;
	const uint64_t left = next > now ? next - now : 0;
	const struct timeval wait = { .tv_sec = (time_t)(left / 1000),
		.tv_usec = (suseconds_t)(left % 1000 * 1000) };
	(void)evtimer_add(d->clock, &wait);
}

static void on_clock(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	pump(ctx);
}

static void on_visited(void *ctx, const struct post_answer *a)
{
	struct stop *s = ctx;
	uint64_t held = COURIER_UNKNOWN;
	s->away = false;
	if (a->fate == COURIER_ANSWERED && a->sized)
		(void)visit_held(a->body, &held);
	if (visit_answered(&s->visit, a->status, held)) {
		const struct courier_word answer = { .kind = COURIER_ANSWER,
			.witness = s->number,
			.round = s->round,
			.fate = a->fate,
			.status = a->status,
			.held = held,
			.text = a->body };
		say(s->desk, &answer);
	}
	pump(s->desk);
}

static bool take_order(struct desk *d, struct stop *s, const struct courier_word *word)
{
	struct buf body = { 0 };
	if (!s->visit.busy || s->away)
		return false;
	visit_body(word, &body);
	if (body.failed) {
		buf_release(&body);
		return false;
	}
	s->away = true;
	s->round = word->round;
	s->visit.size = word->size;
	const struct post post = { .url = s->url,
		.path = "add-checkpoint",
		.type = "text/plain; charset=utf-8",
		.body = buf_view(&body),
		.patience_ms = d->patience_ms,
		.done = on_visited,
		.ctx = s };
	posts_send(d->posts, &post);
	buf_release(&body);
	return true;
}

static bool take_verdict(struct desk *d, struct stop *s, const struct courier_word *word)
{
	uint32_t chance;
	if (!s->visit.busy || s->away)
		return false;
	crypto_random(&chance, sizeof chance);
	visit_verdict(&s->visit, word->round, word->good, now_ms(), &d->pauses, chance);
	return true;
}

/* ---- the other errands ---- */

static void on_shown(void *ctx, const struct post_answer *a)
{
	struct stop *s = ctx;
	const struct courier_word shown = { .kind = COURIER_SHOWN,
		.witness = s->number,
		.fate = a->fate,
		.status = a->status,
		.text = a->body };
	s->looking = false;
	say(s->desk, &shown);
}

static bool take_look(struct desk *d, struct stop *s, const struct courier_word *word)
{
	char path[COURIER_URL_MAX + 1];
	if (s->looking)
		return true;
	(void)snprintf(path, sizeof path, "%.*s", (int)word->url.len, (const char *)word->url.data);
	s->looking = true;
	const struct post post = { .url = s->url,
		.path = path,
		.patience_ms = d->patience_ms,
		.done = on_shown,
		.ctx = s };
	posts_send(d->posts, &post);
	return true;
}

static void on_stamped(void *ctx, const struct post_answer *a)
{
	struct desk *d = ctx;
	const struct courier_word stamped = {
		.kind = COURIER_STAMPED, .fate = a->fate, .status = a->status, .text = a->body
	};
	d->stamping = false;
	say(d, &stamped);
}

static bool take_stamp(struct desk *d, const struct courier_word *word)
{
	char url[COURIER_URL_MAX + 1];
	if (d->stamping)
		return false;
	(void)snprintf(url, sizeof url, "%.*s", (int)word->url.len, (const char *)word->url.data);
	d->stamping = true;
	const struct post post = { .url = url,
		.path = "",
		.type = "application/timestamp-query",
		.body = word->text,
		.patience_ms = d->patience_ms,
		.done = on_stamped,
		.ctx = d };
	posts_send(d->posts, &post);
	return true;
}

/* ---- traild's words ---- */

static bool take_witness(struct stop *s, const struct courier_word *word)
{
	if (s->set)
		return false;
	memcpy(s->url, word->url.data, word->url.len);
	s->url[word->url.len] = '\0';
	s->set = true;
	visit_init(&s->visit);
	return true;
}

static bool take_set(struct desk *d, const struct courier_word *word)
{
	d->patience_ms = word->patience_ms;
	d->pauses = (struct visit_pauses){ word->pause_min_ms, word->pause_max_ms };
	return true;
}

/* False: it has no place in the talk. */
static bool take_word(struct desk *d, const struct courier_word *word)
{
	struct stop *s = &d->stops[word->witness];
	switch (word->kind) {
	case COURIER_SET:
		return take_set(d, word);
	case COURIER_WITNESS:
		return word->url.len != 0 && take_witness(s, word);
	case COURIER_ROUND:
		d->round = word->round;
		return true;
	case COURIER_ORDER:
		return s->set && take_order(d, s, word);
	case COURIER_VERDICT:
		return s->set && take_verdict(d, s, word);
	case COURIER_LOOK:
		return s->set && take_look(d, s, word);
	case COURIER_STAMP:
		return take_stamp(d, word);
	case COURIER_ASK:
	case COURIER_ANSWER:
	case COURIER_SHOWN:
	case COURIER_STAMPED:
		break;
	}
	return false;
}

static void on_talk(evutil_socket_t fd, short what, void *ctx)
{
	struct desk *d = ctx;
	struct courier_word word;
	(void)what;
	const ssize_t len = recv(fd, d->in, sizeof d->in, MSG_TRUNC | MSG_DONTWAIT);
	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (len <= 0) {
		(void)event_base_loopbreak(d->base);
		return;
	}
	d->broken = (size_t)len > sizeof d->in ||
		courier_take(span_of(d->in, (size_t)len), &word) != TRAIL_OK ||
		!take_word(d, &word);
	if (d->broken)
		(void)event_base_loopbreak(d->base);
	else
		pump(d);
}

struct desk *desk_new(struct event_base *base, struct posts *posts, int fd)
{
	struct desk *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->base = base;
	d->posts = posts;
	d->fd = fd;
	for (size_t i = 0; i < COURIER_WITNESSES; i++) {
		d->stops[i].desk = d;
		d->stops[i].number = (uint8_t)i;
	}
	d->talk = event_new(base, fd, EV_READ | EV_PERSIST, on_talk, d);
	d->clock = evtimer_new(base, on_clock, d);
	if (!d->talk || !d->clock || event_add(d->talk, NULL) != 0 ||
		!buf_reserve(&d->out, COURIER_WORD_MAX)) {
		desk_free(d);
		return NULL;
	}
	return d;
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	if (d->talk)
		event_free(d->talk);
	if (d->clock)
		event_free(d->clock);
	buf_release(&d->out);
	free(d);
}

bool desk_broken(const struct desk *d)
{
	return d->broken;
}
