/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a running log, for who does something with the records on the way.
 */
#ifndef CLIENT_VERIFY_RUN_H
#define CLIENT_VERIFY_RUN_H

#include "handle.h"
#include "verify.h"
#include "verify_page.h"

/* Who is handed each page behind `since` as soon as its records were judged, in order. */
struct page_sink {
	struct checkpoint since; /* signed by this log; size 0: from the beginning */
	/* What it answers but TRAIL_OK ends the run, with t->fault set: never TRAIL_CORRUPT. */
	enum trail_err (*take)(void *ctx, const struct page *page);
	void *ctx;
};

/*
 * Begin a public call that verifies: the newest checkpoint is held afterwards. TRAIL_END: the
 * daemon contradicts what was known, which is the verdict. Others: as trail_verify_run.
 */
enum trail_err verify_begin(struct trail *t, struct trail_verify *v);
/*
 * Judge the records below the checkpoint that is held, as trail_verify_run does, and hand them over
 * on the way. That the log does not extend sink->since is found under FIND_PUBLISH_PREFIX.
 */
enum trail_err verify_into(struct trail *t, struct trail_verify *v, const struct page_sink *sink);

#endif
