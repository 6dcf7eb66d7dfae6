/* SPDX-License-Identifier: Apache-2.0 */
#include "courier_link.h"

#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct courier_link {
	struct child child;
	struct buf out;
	uint8_t in[COURIER_WORD_MAX];
};

enum trail_err courier_link_open(
	const char *program, const char *ca_file, struct courier_link **out, char why[512])
{
	struct courier_link *link = calloc(1, sizeof *link);
	if (!link || !buf_reserve(&link->out, COURIER_WORD_MAX)) {
		(void)snprintf(why, CHILD_WHY_LEN, "memory is out");
		free(link);
		return TRAIL_NOMEM;
	}
	const char *ca = ca_file[0] ? "--ca" : NULL;
	const char *const argv[] = { program, "--fd", CHILD_FD_TEXT, ca, ca_file, NULL };
	const enum trail_err err = child_start(argv, &link->child, why);
	if (err) {
		courier_link_close(link);
		return err;
	}
	*out = link;
	return TRAIL_OK;
}

void courier_link_close(struct courier_link *link)
{
	if (!link)
		return;
	child_end(&link->child, 0);
	buf_release(&link->out);
	free(link);
}

int courier_link_fd(const struct courier_link *link)
{
	return link->child.fd;
}

bool courier_link_say(struct courier_link *link, const struct courier_word *word)
{
	link->out.len = 0;
	courier_put(&link->out, word);
	return !link->out.failed &&
		send(link->child.fd, link->out.data, link->out.len, MSG_NOSIGNAL | MSG_DONTWAIT) >=
		0;
}

enum trail_err courier_link_take(struct courier_link *link, struct courier_word *word)
{
	ssize_t len;
	do {
		len = recv(link->child.fd, link->in, sizeof link->in, MSG_TRUNC | MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return TRAIL_END;
	if (len <= 0)
		return TRAIL_IO;
	if ((size_t)len > sizeof link->in ||
		courier_take(span_of(link->in, (size_t)len), word) != TRAIL_OK ||
		!courier_kind_up(word->kind))
		return TRAIL_CORRUPT;
	return TRAIL_OK;
}

const char *courier_trouble(enum courier_fate fate)
{
	switch (fate) {
	case COURIER_ANSWERED:
		return NULL;
	case COURIER_UNREACHABLE:
		return "it cannot be reached";
	case COURIER_TIMEOUT:
		return "it did not answer in time";
	case COURIER_TOO_LONG:
		return "its answer is too long";
	case COURIER_BAD_URL:
		return "its URL is not one that can be used";
	case COURIER_BROKEN:
		return "it hung up, or speaks no HTTP";
	case COURIER_UNTRUSTED:
		return "its certificate is not for that name, or of no CA that is trusted";
	case COURIER_NO_CA:
		return "it wants https, and there is no CA to trust";
	}
	return "it cannot be reached";
}
