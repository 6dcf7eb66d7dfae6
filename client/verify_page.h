/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page of records on its way through a verification, and the crew of threads that hashes pages
 * while the caller's thread receives and judges others.
 */
#ifndef CLIENT_VERIFY_PAGE_H
#define CLIENT_VERIFY_PAGE_H

#include "call.h"

#include <pthread.h>

enum {
	PAGE_BITS = 11,
	PAGE_RECORDS = 1 << PAGE_BITS, /* the largest power of two within RECORD_PAGE_MAX */
	/* A range within one aligned block climbs through its subtrees, and down again. */
	PAGE_NODES = 2 * PAGE_BITS,
	CREW_MAX = 16,
};

enum page_state {
	PAGE_FREE,
	PAGE_ASKED,
	PAGE_SHORT,  /* a part came, or the daemon was busy: the rest is to be asked for */
	PAGE_FILLED, /* given to the crew */
	PAGE_FAILED, /* `why` says why */
};

/* The root of a complete subtree of 2^level records. */
struct page_node {
	unsigned level;
	struct hash hash;
};

/* Records [first, first + count), all of one aligned block of PAGE_RECORDS. */
struct page {
	struct slot slot; /* first: the request that is on its way */
	struct stream *stream;
	enum page_state state;
	struct fault why;
	uint64_t first;
	size_t count, got;
	uint8_t bytes[PAGE_RECORDS * RECORD_LEN];
	/* What the crew makes of them. */
	struct hash leaf[PAGE_RECORDS];
	struct hash half[PAGE_RECORDS / 2]; /* scratch */
	struct page_node node[PAGE_NODES];  /* that the page consists of, in order */
	size_t node_count;
	/* The crew's, under its lock. */
	struct page *next;
	bool hashed;
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t given, hashed;
	struct page *queue; /* oldest first */
	bool over;
	unsigned count;
	pthread_t threads[CREW_MAX];
};

/*
 * Start up to `wanted` threads; that fewer can be had costs only time. They receive no signal.
 * False: not even the locks can be made.
 */
bool crew_start(struct crew *crew, unsigned wanted);
/* Hand over a page whose records are complete. */
void crew_give(struct crew *crew, struct page *page);
/* Return when a page that was given is hashed; meanwhile the caller works along. */
void crew_finish(struct crew *crew, struct page *page);
/* End the threads. Pages that none of them has begun stay as they are. */
void crew_stop(struct crew *crew);

#endif
