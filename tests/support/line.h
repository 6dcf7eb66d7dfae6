/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handle whose daemon is a thread of the test: it answers each request with what was put in line
 * next, whatever was asked. The handle holds the checkpoint of LOG_READ records of a small log.
 */
#ifndef TESTS_SUPPORT_LINE_H
#define TESTS_SUPPORT_LINE_H

#include "small_log.h"

#include "../../client/handle.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	LINE_HELD = LOG_READ, /* records of that checkpoint */
};

struct line {
	struct small_log log;
	struct trail *t;
	pthread_t daemon;
	int peer;            /* the daemon's end of the handle's connection */
	int answers[2];      /* frames in line: put into 1, taken from 0 */
	atomic_uint heard;   /* requests */
	struct answer asked; /* a search, and what its pages so far say */
	struct small_page p;
};

/* Setup and teardown of a test: *state is a struct line. A test may free `t` and set it NULL. */
int line_new(void **state);
int line_free(void **state);
/* Put an answer in line; its id is chosen when it is sent. */
void line_put(struct line *l, struct response *response);
/* The proof that the log of `to` records extends that of `from`. */
void line_put_growth(struct line *l, uint64_t from, uint64_t to);
/* Make the next page up to `until`; put it in line as it is in l->p by then. */
void line_make_page(struct line *l, uint64_t until);
void line_put_page(struct line *l);

#endif
