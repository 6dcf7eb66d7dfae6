/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 as a client: one request, one connection, one answer, bounded in time and length. No
 * redirect is followed, no cookie kept, nothing asked twice. The door to libevent's HTTP.
 */
#ifndef COURIER_POST_H
#define COURIER_POST_H

#include "talk.h"

#include <event2/event.h>

struct posts;

/* What came back. `sized`: its type is text/x.tlog.size. `body` ends with the call. */
struct post_answer {
	enum courier_fate fate;
	uint16_t status; /* when fate is COURIER_ANSWERED */
	bool sized;
	struct span body;
};

struct post {
	const char *url;  /* http://HOST[:PORT][/PREFIX], or https */
	const char *path; /* behind the prefix: "add-checkpoint"; "": the URL as it is */
	const char *type; /* of the body; NULL: a GET */
	struct span body;
	uint32_t patience_ms;
	/* Called once, from the loop, unless posts_free came first. */
	void (*done)(void *ctx, const struct post_answer *answer);
	void *ctx;
};

/*
 * Name servers and the CAs of `ca_file` (its name must stay) are read now, since later no file can
 * be opened. Without CAs there is no https, which is said when it is wanted. NULL: memory or
 * descriptors are out.
 */
struct posts *posts_new(struct event_base *base, const char *ca_file);
/* What is under way ends without an answer. NULL is fine. */
void posts_free(struct posts *posts);
/* Send it. What it points to is copied. A failure is an answer, too, and may come at once. */
void posts_send(struct posts *posts, const struct post *post);

#endif
