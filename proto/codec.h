/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values <-> protobuf bytes. proto/codec.c decodes, and is the only door to protobuf-c; it takes
 * memory from the caller's arena alone, so hostile input costs what the arena holds. proto/encode.c
 * appends to a buf: fields ascend and defaults are left out, so equal values have equal bytes.
 *
 * Every decode function answers
 *   TRAIL_OK       *out is set; its spans lie in the arena and end with it.
 *   TRAIL_INVALID  not that message, or a length or count that the value's comment forbids.
 *   TRAIL_TOO_BIG  the arena is too small (size it with codec_arena_need), or an Append holds more
 *                  than APPEND_EVENTS_MAX events.
 * and leaves *out alone unless it is TRAIL_OK; what the arena lost by then is for the caller to
 * reset.
 * Strings are UTF-8 without NUL; up to 16 fields that trail.proto does not have are passed over.
 * Every encode function is void: look at out->failed.
 */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include "arena.h"
#include "message.h"

/*
 * Bytes of arena that decoding `message` can take at the most, whatever it is decoded as; 0 when no
 * decode function accepts it. Never above about twice the message and 150 bytes a field, beside
 * 2.3 KiB for each run of an Appended.
 */
size_t codec_arena_need(struct span message);

/* A request of unknown kind decodes to REQUEST_NONE with its id (the answer is UNSUPPORTED). */
enum trail_err request_decode(struct span in, struct arena *arena, struct request *out);
/* The id of a request that does not decode, so that its refusal can name it; 0: it shows none. */
uint64_t request_id(struct span in);
void request_encode(const struct request *request, struct buf *out);

enum trail_err response_decode(struct span in, struct arena *arena, struct response *out);
/*
 * The same, with what the arena held before forgotten and the arena grown (arena_grow) to what is
 * needed: one look at the bytes settles both. TRAIL_TOO_BIG: that is more than `max`, or memory is
 * out.
 */
enum trail_err response_decode_grow(
	struct span in, struct arena *arena, size_t max, struct response *out);
/* An error whose code is not one of the wire's ten goes out as UNAVAILABLE. */
void response_encode(const struct response *response, struct buf *out);

/*
 * Encoded by the rules of FORMATS.md section 3 (ascending fields, defaults absent), so that
 * event_walk accepts what it judges valid. Decode expects bytes that event_walk accepted.
 */
enum trail_err event_decode(struct span in, struct arena *arena, struct event_value *out);
void event_encode(const struct event_value *event, struct buf *out);

enum trail_err genesis_decode(struct span in, struct arena *arena, struct genesis *out);
void genesis_encode(const struct genesis *genesis, struct buf *out);
/* Source and Peer payloads; the names are not judged here. */
enum trail_err source_decode(struct span in, struct arena *arena, struct span *name);
void source_encode(struct span name, struct buf *out);
enum trail_err seal_decode(struct span in, struct arena *arena, struct seal *out);
void seal_encode(const struct seal *seal, struct buf *out);
enum trail_err peer_decode(struct span in, struct arena *arena, struct peer_name *out);
void peer_encode(const struct peer_name *peer, struct buf *out);
enum trail_err daemon_entry_decode(struct span in, struct arena *arena, struct daemon_entry *out);
void daemon_entry_encode(const struct daemon_entry *entry, struct buf *out);

#endif
