/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include "../../proto/frame.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the daemon's side ---- */

/* Read one frame whole. False: the other end is closed. */
static bool read_frame(int fd, struct buf *frame)
{
	struct span body;
	size_t need = FRAME_HEAD;
	buf_clear(frame);
	while (frame_take(buf_view(frame), &body, &need) == TRAIL_MORE) {
		assert_true(buf_reserve(frame, need));
		ssize_t n = read(fd, frame->data + frame->len, need - frame->len);
		if (n <= 0)
			return false;
		frame->len += (size_t)n;
	}
	return true;
}

static struct span body_of(const struct buf *frame)
{
	return span_of(frame->data + FRAME_HEAD, frame->len - FRAME_HEAD);
}

static void *answer_each(void *ctx)
{
	struct line *l = ctx;
	struct buf request = { 0 };
	struct buf answer = { 0 };
	while (read_frame(l->peer, &request)) {
		atomic_fetch_add(&l->heard, 1);
		if (!read_frame(l->answers[0], &answer))
			break;
		/* Its id, of one byte, is the first field. */
		answer.data[FRAME_HEAD + 1] = (uint8_t)request_id(body_of(&request));
		if (write(l->peer, answer.data, answer.len) != (ssize_t)answer.len)
			break;
	}
	buf_release(&request);
	buf_release(&answer);
	return NULL;
}

void line_put(struct line *l, struct response *response)
{
	struct buf frame = { 0 };
	response->id = 1;
	buf_put_be32(&frame, 0);
	response_encode(response, &frame);
	store_be32(frame.data, (uint32_t)(frame.len - FRAME_HEAD));
	assert_int_equal(write(l->answers[1], frame.data, frame.len), frame.len);
	buf_release(&frame);
}

void line_put_growth(struct line *l, uint64_t from, uint64_t to)
{
	struct response response = { .kind = RESPONSE_PROOF };
	small_log_growth(&l->log, from, to, &response.proof.path);
	line_put(l, &response);
}

void line_make_page(struct line *l, uint64_t until)
{
	small_page_release(&l->p);
	small_page_make(&l->p, &l->log, &l->asked, LOG_RECORDS, until);
}

void line_put_page(struct line *l)
{
	struct response response = { .kind = RESPONSE_ROWS, .rows = l->p.page };
	line_put(l, &response);
	l->asked.begun = true;
	l->asked.position = l->p.page.position;
	l->asked.matched = l->p.page.matched;
	l->asked.question.paging.size = answer_follows(&l->asked) ? 0 : LOG_RECORDS;
}

/* ---- the client's side ---- */

static void hold(struct line *l)
{
	struct trust *trust = &l->t->trust;
	struct log_identity id = small_log_identity(&l->log);
	struct fault fault;
	struct buf text = { 0 };
	identity_put(&text, &id);
	assert_int_equal(trust_set(trust, buf_view(&text), TRAIL_TRUST_GIVEN), TRAIL_OK);
	buf_clear(&text);
	small_log_sign(&l->log, LINE_HELD, &text);
	assert_int_equal(trust_see(trust, buf_view(&text), NULL, &fault), TRAIL_OK);
	assert_int_equal(trust_advance(trust, NULL, &fault), TRAIL_OK);
	buf_release(&text);
}

int line_new(void **state)
{
	int ends[2];
	struct line *l = calloc(1, sizeof *l);
	assert_non_null(l);
	small_log_make(&l->log);
	l->t = trail_new();
	assert_int_equal(trail_set_state_dir(l->t, ""), TRAIL_OK);
	assert_int_equal(trail_set_timeout(l->t, 2000), TRAIL_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	l->t->conn.fd = ends[0];
	l->t->address = strdup("unix:/test");
	l->t->state = HANDLE_OPEN;
	l->peer = ends[1];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->answers), 0);
	assert_int_equal(pthread_create(&l->daemon, NULL, answer_each, l), 0);
	hold(l);
	l->asked.kind = REQUEST_SEARCH;
	*state = l;
	return 0;
}

int line_free(void **state)
{
	struct line *l = *state;
	trail_free(l->t);
	(void)shutdown(l->answers[1], SHUT_RDWR);
	assert_int_equal(pthread_join(l->daemon, NULL), 0);
	(void)close(l->peer);
	(void)close(l->answers[0]);
	(void)close(l->answers[1]);
	small_page_release(&l->p);
	small_log_release(&l->log);
	free(l);
	return 0;
}
