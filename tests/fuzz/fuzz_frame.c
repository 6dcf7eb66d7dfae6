/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a stream: frames are taken until one is incomplete or bad; each lies inside, and
 * each step goes forward.
 */
#include "fuzz.h"

#include "../../proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in = span_of(data, len);
	for (;;) {
		struct span body = { 0 };
		size_t need = 0;
		enum trail_err err = frame_take(in, &body, &need);
		if (err == TRAIL_MORE)
			fuzz_assert(need > in.len && need <= FRAME_HEAD + FRAME_BODY_MAX);
		if (err != TRAIL_OK)
			return 0;
		fuzz_assert(body.data == in.data + FRAME_HEAD);
		fuzz_assert(body.len > 0 && body.len <= in.len - FRAME_HEAD);
		fuzz_assert(need == FRAME_HEAD + body.len);
		in = span_of(in.data + need, in.len - need);
	}
}
