/* SPDX-License-Identifier: Apache-2.0 */
#include "terms.h"

#include "../proto/query_parse.h"
#include "../proto/wire.h"

enum {
	SHOWN_MAX = 60 /* bytes of a query that a sentence shows */
};

/* How much of the text from `at` on a sentence shows: whole characters. */
static int shown(struct span text, size_t at, size_t len)
{
	size_t n = len < SHOWN_MAX ? len : SHOWN_MAX;
	while (n > 0 && at + n < text.len && (text.data[at + n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

enum trail_err terms_read(
	struct span text, struct buf *room, struct query *out, struct fault *fault)
{
	struct query_fault bad;
	buf_clear(room);
	if (!text_utf8(text))
		return fault_set(fault, TRAIL_INVALID, "the query is not UTF-8");
	if (!buf_reserve(room, query_room(text.len)))
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	struct arena arena = { .data = room->data, .cap = room->cap };
	enum trail_err err = query_parse(text, &arena, out, &bad);
	if (err == TRAIL_OK)
		return TRAIL_OK;
	(void)fault_set(fault, err, "the query, at \"%.*s\" (byte %zu): %s",
		shown(text, bad.at, bad.len), (const char *)text.data + bad.at, bad.at, bad.why);
	fault->index = (uint32_t)bad.at;
	return err;
}
