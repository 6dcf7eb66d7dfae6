/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of a query, read for somebody: what is wrong with them is said with its place. */
#ifndef CLIENT_TERMS_H
#define CLIENT_TERMS_H

#include "../proto/query.h"
#include "fault.h"

/*
 * Read `text` to *out, whose terms view it and `room`, emptied before. As query_parse;
 * TRAIL_INVALID as well: it is not UTF-8. TRAIL_NOMEM. *fault has a sentence, and the byte as its
 * index.
 */
enum trail_err terms_read(
	struct span text, struct buf *room, struct query *out, struct fault *fault);

#endif
