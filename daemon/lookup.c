/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

void lookup_damaged(struct lookup *look)
{
	op_refuse(look->op, TRAIL_UNAVAILABLE,
		"the store is damaged there; the operator must run `traild check`");
}

bool lookup_room(struct lookup *look, size_t len)
{
	buf_clear(&look->op->answer);
	if (buf_reserve(&look->op->answer, len))
		return true;
	op_refuse_memory(look->op);
	return false;
}

struct span lookup_keep(struct lookup *look, const void *data, size_t len)
{
	struct buf *answer = &look->op->answer;
	size_t at = answer->len;
	buf_put(answer, data, len);
	return answer->failed ? span_of(NULL, 0) : span_of(answer->data + at, len);
}

bool lookup_size(struct lookup *look, uint64_t wanted, uint64_t *size)
{
	if (wanted > look->head.size) {
		op_refuse(look->op, TRAIL_INVALID, "size %llu is larger than the log's, %llu",
			(unsigned long long)wanted, (unsigned long long)look->head.size);
		return false;
	}
	*size = wanted != 0 ? wanted : look->head.size;
	return true;
}
