/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "../../proto/frame.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	HELLO_ARENA = 32 * 1024,
};

int talk_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	if (len >= sizeof to.sun_path) {
		(void)fprintf(stderr, "%s: too long for a socket's path\n", path);
		return -1;
	}
	memcpy(to.sun_path, path, len);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

void talk_frame(const struct request *request, struct buf *out)
{
	size_t before = out->len;
	buf_put_be32(out, 0);
	request_encode(request, out);
	if (!out->failed)
		store_be32(out->data + before, (uint32_t)(out->len - before - FRAME_HEAD));
}

static bool send_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = span_of(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

/* One whole frame into `in`; *body views it. */
static bool receive_frame(int fd, struct buf *in, struct span *body)
{
	buf_clear(in);
	for (;;) {
		size_t need;
		enum trail_err err = frame_take(buf_view(in), body, &need);
		if (err == TRAIL_OK)
			return true;
		if (err != TRAIL_MORE || !buf_reserve(in, need - in->len))
			return false;
		ssize_t n = recv(fd, in->data + in->len, need - in->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		in->len += (size_t)n;
	}
}

void talk_complain(const struct response *response)
{
	if (response->kind != RESPONSE_ERROR) {
		(void)fprintf(
			stderr, "an answer of kind %d was not expected\n", (int)response->kind);
		return;
	}
	(void)fprintf(stderr, "refused (%s): %.*s\n", trail_err_text(response->error.code),
		(int)response->error.sentence.len, (const char *)response->error.sentence.data);
}

bool talk_call(int fd, const struct request *request, struct buf *in, struct arena *arena,
	struct response *response)
{
	struct buf out = { 0 };
	struct span body;
	talk_frame(request, &out);
	bool ok = !out.failed && send_all(fd, buf_view(&out)) && receive_frame(fd, in, &body);
	buf_release(&out);
	if (!ok) {
		(void)fprintf(stderr, "the daemon hung up: %s\n", strerror(errno));
		return false;
	}
	arena_reset(arena);
	if (response_decode(body, arena, response) != TRAIL_OK) {
		(void)fprintf(stderr, "an answer does not decode\n");
		return false;
	}
	if (response->kind != RESPONSE_ERROR)
		return true;
	talk_complain(response);
	return false;
}

bool talk_hello(int fd, struct span source, uint64_t epoch)
{
	uint8_t room[HELLO_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct buf in = { 0 };
	struct response response;
	struct claim claim = { .source = source, .epoch = epoch };
	struct request request = {
		.id = 1,
		.kind = REQUEST_HELLO,
		.hello = {
			.protocol = PROTOCOL_VERSION,
			.claims = &claim,
			.claim_count = epoch != 0,
		},
	};
	bool ok = talk_call(fd, &request, &in, &arena, &response);
	buf_release(&in);
	if (ok && response.kind != RESPONSE_HELLO)
		talk_complain(&response);
	return ok && response.kind == RESPONSE_HELLO;
}
