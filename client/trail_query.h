/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct trail_query: what its setters were told, not judged yet. */
#ifndef CLIENT_TRAIL_QUERY_H
#define CLIENT_TRAIL_QUERY_H

#include "../proto/message.h"

struct trail_query {
	struct buf terms;
	int64_t since_ns, until_ns;
	uint64_t from;
	bool newest_first;
	bool follow;
	bool scan;
	bool evidence;
	trail_progress_fn progress;
	void *ctx; /* of progress */
};

#endif
