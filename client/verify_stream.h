/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a log, page by page and in order, with several requests on their way, so that the
 * daemon reads, the crew hashes and the caller judges at the same time. Memory: STREAM_PAGES pages
 * and an answer of at most 1 MiB for each.
 */
#ifndef CLIENT_VERIFY_STREAM_H
#define CLIENT_VERIFY_STREAM_H

#include "verify_page.h"

enum {
	STREAM_PAGES = 8
};

struct stream {
	struct trail *t;
	struct crew crew;
	struct page *pages;  /* STREAM_PAGES of them, in turn */
	uint64_t asked, end; /* records [asked, end) are still to be asked for */
	size_t put, due;     /* pages begun, and given out, since the beginning */
	/* Pages end here, ascending, so that a root can be compared; the last one is `end`. */
	const uint64_t *cuts;
	int64_t deadline; /* for the next answer */
	bool busy;        /* the daemon asked for patience */
};

/*
 * Begin with record `first`; `cuts` (of which the last is where to end) stays the caller's.
 * TRAIL_NOMEM.
 */
enum trail_err stream_open(struct stream *s, struct trail *t, unsigned threads, uint64_t first,
	const uint64_t *cuts, size_t cut_count);
/* Join the threads. Nothing of it may be on its way any more: calls_end. */
void stream_close(struct stream *s);

/*
 * The next page, hashed; it stays valid until stream_pass. TRAIL_END: there is none. TRAIL_MORE:
 * nothing came for a moment; ask again. Another error: why in t->fault, at record *at:
 * TRAIL_CORRUPT for a malformed or wrong answer, else the daemon's or the connection's.
 */
enum trail_err stream_next(struct stream *s, struct page **page, uint64_t *at);
/* Give the page back for further records. */
void stream_pass(struct stream *s);

#endif
