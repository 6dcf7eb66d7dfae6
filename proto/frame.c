/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

enum trail_err frame_take(struct span in, struct span *body, size_t *need)
{
	*need = FRAME_HEAD;
	if (in.len < FRAME_HEAD)
		return TRAIL_MORE;
	uint32_t len = load_be32(in.data);
	if (len > FRAME_BODY_MAX)
		return TRAIL_TOO_BIG;
	if (len == 0)
		return TRAIL_INVALID;
	*need = FRAME_HEAD + (size_t)len;
	if (in.len < *need)
		return TRAIL_MORE;
	*body = span_of(in.data + FRAME_HEAD, len);
	return TRAIL_OK;
}
