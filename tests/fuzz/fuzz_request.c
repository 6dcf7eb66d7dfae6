/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request and as a response: decoding never runs out of the memory that was asked
 * for, and what it gives encodes to bytes that give the same again.
 */
#include "fuzz.h"

#include "../../proto/codec.h"
#include "../../proto/frame.h"

#include <stdlib.h>

/* The bytes of what `in` decodes to; false: it does not decode. */
static bool request_again(struct span in, struct buf *out)
{
	struct arena arena = fuzz_arena(codec_arena_need(in));
	struct request request;
	enum trail_err err = request_decode(in, &arena, &request);
	if (err == TRAIL_OK)
		request_encode(&request, out);
	/* Too big can only be the number of events: each takes two bytes of the message. */
	fuzz_assert(err != TRAIL_TOO_BIG || in.len > 2 * (size_t)APPEND_EVENTS_MAX);
	free(arena.data);
	return err == TRAIL_OK;
}

static bool response_again(struct span in, struct buf *out)
{
	struct arena arena = fuzz_arena(codec_arena_need(in));
	struct response response;
	enum trail_err err = response_decode(in, &arena, &response);
	if (err == TRAIL_OK)
		response_encode(&response, out);
	fuzz_assert(err != TRAIL_TOO_BIG);
	free(arena.data);
	return err == TRAIL_OK;
}

static void check_stable(struct span in, bool (*again)(struct span in, struct buf *out))
{
	struct buf once = { 0 };
	struct buf twice = { 0 };
	if (again(in, &once)) {
		/* An unknown body is dropped, so the first round may give nothing. */
		fuzz_assert(again(buf_view(&once), &twice));
		fuzz_assert(span_equal(buf_view(&once), buf_view(&twice)));
	}
	buf_release(&once);
	buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in = span_of(data, len);
	check_stable(in, request_again);
	check_stable(in, response_again);
	(void)request_id(in);
	return 0;
}
