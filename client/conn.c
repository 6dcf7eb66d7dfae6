/* SPDX-License-Identifier: Apache-2.0 */
#include "conn.h"

#include "deadline.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	READ_STEP = 64 * 1024
};

void conn_init(struct conn *c)
{
	*c = (struct conn){ .fd = -1 };
}

/* Why connect failed, by what the user can do about it. */
static enum trail_err connect_fault(struct fault *fault, const char *path, int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		return fault_set(fault, TRAIL_UNAVAILABLE,
			"no daemon at unix:%s: traild is not running, or no permission to see it; "
			"start traild, or name its address (--connect, TRAIL_CONNECT)",
			path);
	if (error == EACCES || error == EPERM)
		return fault_set(fault, TRAIL_DENIED,
			"no permission to connect to unix:%s; join its group (usually \"trail\") "
			"and log in again",
			path);
	return fault_set(
		fault, TRAIL_IO, "cannot connect to unix:%s: %s", path, strerrordesc_np(error));
}

/* A full backlog answers EAGAIN on Unix sockets, and poll does not wait for it: ask again. */
static int connect_until(int fd, const struct sockaddr_un *to, int64_t deadline)
{
	for (;;) {
		if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return errno;
		if (deadline_left(deadline) == 0)
			return ETIMEDOUT;
		deadline_pause(deadline);
	}
}

enum trail_err conn_open(struct conn *c, const char *path, int64_t deadline, struct fault *fault)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof to.sun_path)
		return fault_set(fault, TRAIL_INVALID,
			"the socket path \"%s\" has %zu bytes; 1 to %zu are possible", path, len,
			sizeof to.sun_path - 1);
	memcpy(to.sun_path, path, len);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_set(
			fault, TRAIL_IO, "cannot make a socket: %s", strerrordesc_np(errno));
	int error = connect_until(fd, &to, deadline);
	if (error == ETIMEDOUT) {
		(void)close(fd);
		return fault_set(fault, TRAIL_TIMEOUT,
			"unix:%s accepted no connection in time; is traild overloaded or stopped?",
			path);
	}
	if (error != 0) {
		(void)close(fd);
		return connect_fault(fault, path, error);
	}
	c->fd = fd;
	return TRAIL_OK;
}

void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	buf_clear(&c->out);
	buf_clear(&c->in);
	c->sent = 0;
	c->taken = 0;
}

void conn_release(struct conn *c)
{
	conn_close(c);
	buf_release(&c->out);
	buf_release(&c->in);
}

size_t conn_frame_begin(struct conn *c)
{
	size_t start = c->out.len;
	buf_put_be32(&c->out, 0);
	return start;
}

enum trail_err conn_frame_end(struct conn *c, size_t start)
{
	bool failed = c->out.failed;
	size_t body = failed ? 0 : c->out.len - start - FRAME_HEAD;
	if (failed || body > FRAME_BODY_MAX) {
		c->out.len = start;
		c->out.failed = false;
		return failed ? TRAIL_NOMEM : TRAIL_TOO_BIG;
	}
	store_be32(c->out.data + start, (uint32_t)body);
	return TRAIL_OK;
}

/* TRAIL_OK: sent some. TRAIL_MORE: not now. TRAIL_IO: over. */
static enum trail_err send_some(struct conn *c)
{
	ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? TRAIL_MORE : TRAIL_IO;
	c->sent += (size_t)n;
	if (c->sent == c->out.len) {
		buf_clear(&c->out);
		c->sent = 0;
	}
	return TRAIL_OK;
}

static enum trail_err receive_some(struct conn *c)
{
	if (c->taken > 0) {
		memmove(c->in.data, c->in.data + c->taken, c->in.len - c->taken);
		c->in.len -= c->taken;
		c->taken = 0;
	}
	if (!buf_reserve(&c->in, READ_STEP))
		return TRAIL_IO;
	ssize_t n = recv(c->fd, c->in.data + c->in.len, READ_STEP, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? TRAIL_MORE : TRAIL_IO;
	if (n == 0)
		return TRAIL_IO;
	c->in.len += (size_t)n;
	return TRAIL_OK;
}

enum trail_err conn_move(struct conn *c, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	if (conn_wants_write(c))
		p.events |= POLLOUT;
	int n = poll(&p, 1, deadline_left(deadline));
	if (n < 0 && errno != EINTR)
		return TRAIL_IO;
	if (n <= 0)
		return deadline_left(deadline) == 0 ? TRAIL_TIMEOUT : TRAIL_OK;
	enum trail_err sent = TRAIL_MORE, received = TRAIL_MORE;
	if (p.revents & POLLOUT)
		sent = send_some(c);
	/* What came is read even when sending fails: it may be the error that says why. */
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		received = receive_some(c);
	if (received == TRAIL_IO || (sent == TRAIL_IO && received != TRAIL_OK))
		return TRAIL_IO;
	return TRAIL_OK;
}

enum trail_err conn_take(struct conn *c, struct span *body)
{
	size_t need;
	if (c->in.len == c->taken)
		return TRAIL_MORE;
	struct span in = span_of(c->in.data + c->taken, c->in.len - c->taken);
	enum trail_err err = frame_take(in, body, &need);
	if (err == TRAIL_OK)
		c->taken += need;
	return err;
}
