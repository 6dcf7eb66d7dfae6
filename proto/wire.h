/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format, read field by field from hostile bytes without allocating. Used where
 * protobuf-c cannot help: it has no depth limit, does not see duplicates, order, non-minimal
 * varints or bad UTF-8, and multiplies memory (formats: protobuf.dev/programming-guides/encoding).
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "bytes.h"
#include "err.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

/* One field: `value` for varints and fixed, `bytes` (a view) for length-delimited ones. */
struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value;
	struct span bytes;
};

/*
 * Take the next field off the front of *in (which moves behind it).
 *
 * TRAIL_OK       *field is set.
 * TRAIL_END      *in is empty.
 * TRAIL_INVALID  truncated, field number 0 or above 2^29-1, a group, another wire type, or a
 *                varint that is not minimal or exceeds 64 bits.
 */
enum trail_err wire_take(struct span *in, struct wire_field *field);

/*
 * Count the fields of `message`, and of its length-delimited fields one level down, that parse; an
 * upper bound for what a decoder may have to allocate for it. Never fails: stops at the first bad
 * byte.
 */
size_t wire_count(struct span message);

/*
 * Valid UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF) without NUL.
 */
bool text_utf8(struct span text);
/*
 * text_utf8, and no control character (C0, DEL, C1) and no bidi override or isolate
 * (U+202A..U+202E, U+2066..U+2069, U+200E, U+200F, U+061C): what an id or a name may hold.
 */
bool text_name(struct span text);

#endif
