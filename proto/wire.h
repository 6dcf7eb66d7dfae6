/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format (protobuf.dev/programming-guides/encoding): read field by field from
 * hostile bytes without allocating, and written in ascending fields with defaults left out. Used
 * where protobuf-c cannot help: it has no depth limit, does not see duplicates, order, non-minimal
 * varints or bad UTF-8, and multiplies memory.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "bytes.h"
#include "err.h"

enum {
	WIRE_FIELD_MAX = (1 << 29) - 1,
	WIRE_VARINT_MAX = 10, /* bytes of the longest varint */
};

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
 *                varint that is not minimal or exceeds 64 bits. *in and *field are undefined.
 */
enum trail_err wire_take(struct span *in, struct wire_field *field);

/* Take a bare varint, as packed fields hold them. Answers as wire_take. */
enum trail_err wire_take_varint(struct span *in, uint64_t *value);

/* A field whose length is not known yet: offsets into the buf that it is written to. */
struct wire_mark {
	size_t field; /* where its tag starts */
	size_t body;  /* where its bytes start */
};

/* Append a varint field; nothing when `value` is 0, the default. A negative int64 is cast. */
void wire_put_number(struct buf *out, uint32_t number, uint64_t value);
/* As wire_put_number, but 0 too: a member of a oneof, which is there or not. */
void wire_put_member(struct buf *out, uint32_t number, uint64_t value);
/* Append a length-delimited field; nothing when `bytes` is empty, the default. */
void wire_put_bytes(struct buf *out, uint32_t number, struct span bytes);
/* As wire_put_bytes, but the empty one too: an element of a repeated field. */
void wire_put_item(struct buf *out, uint32_t number, struct span bytes);
/* Append `count` values as one packed field; nothing when count is 0. */
void wire_put_packed(struct buf *out, uint32_t number, const uint32_t *values, size_t count);
/*
 * A sub-message: what is appended between open and close is its body. Nests. close_filled drops a
 * sub-message that stayed empty, for singular ones that mean nothing then.
 */
struct wire_mark wire_open(struct buf *out, uint32_t number);
void wire_close(struct buf *out, struct wire_mark mark);
void wire_close_filled(struct buf *out, struct wire_mark mark);

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
