/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked of the log, as text: the grammar of DESIGN.md section 10, the same in the
 * command line and on the wire. Pure.
 *
 *   query  = [ term *( SP term ) ]
 *   term   = [ "-" ] field ":" value            "-" is NOT
 *   value  = end                                the whole of it
 *          / end "*"                            a prefix; "*" alone: any value at all
 *          / [ end ] ".." [ end ]               a range, both ends included; one end at least
 *   end    = bare / '"' *( any but '"' and '\' / '\"' / '\\' ) '"'
 *   bare   = 1*( any but space and '"' )
 *
 * A bare "*" means a prefix at the end alone; a bare ".." is a range wherever it stands, and may
 * stand once. In quotes neither means anything. Words (action, outcome, medium) in any case, as is
 * an id; they have neither prefix nor range, numbers (index, class) no prefix.
 */
#ifndef PROTO_QUERY_PARSE_H
#define PROTO_QUERY_PARSE_H

#include "arena.h"
#include "query.h"

enum {
	QUERY_WHY_LEN = 256,
};

/* Where and why a query is refused: bytes [at, at + len) of its text, and a clause about them. */
struct query_fault {
	size_t at;
	size_t len;
	char why[QUERY_WHY_LEN];
};

/* Bytes of an arena that are enough for any query of `len` bytes. */
size_t query_room(size_t len);
/*
 * Parse `text` to *out, whose terms lie in `arena` and view it and `text`.
 *
 * TRAIL_OK       *out is set.
 * TRAIL_INVALID  not a query: *fault says where and why.
 * TRAIL_TOO_BIG  more than QUERY_TERMS_MAX terms, or the arena is too small; as above.
 */
enum trail_err query_parse(
	struct span text, struct arena *arena, struct query *out, struct query_fault *fault);

#endif
