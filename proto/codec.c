/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

#include "frame.h"
#include "trail.pb-c.h"
#include "wire.h"

/*
 * Bytes are scanned before protobuf-c sees them. The scan knows the schema from protobuf-c's own
 * descriptors, so no table here repeats it, and it settles what protobuf-c leaves open:
 *
 *   - wire_take's rules: no groups, minimal varints, nothing truncated;
 *   - depth: protobuf-c recurses without a limit;
 *   - a singular field, and a oneof, at most once: protobuf-c merges, other parsers take the last;
 *   - numbers that fit their type: protobuf-c cuts them off;
 *   - strings are UTF-8 without NUL, judged on the wire's length: protobuf-c hands them out
 *     NUL-terminated without a length, so "ab\0cd" would read as "ab";
 *   - repeated numbers come packed, as every proto3 encoder writes them;
 *   - unknown fields are passed over, as proto3 asks, but at most UNKNOWN_MAX of them.
 *
 * And it adds up what unpacking will take from the arena, allocation by allocation (protobuf-c
 * 1.4.1, protobuf_c_message_unpack; `up` is up to the arena's alignment):
 *
 *   up(sizeof_message)                 the message itself
 *   up(32 << (k + 4)), k = 1, 2 ...    slab k of ScannedMember, taken when more than
 *                                      16 * (2^k - 1) fields came; slab 0 is on the stack, and the
 *                                      library asserts that a ScannedMember is at most 32 bytes
 *   up(n * element)                    the array of a repeated field with n elements
 *   up(len + 1), up(len)               each string, each bytes field
 *   up(n * 32) and up(len) each        unknown fields
 *   up(n * value)                      ours: the values that are made of a repeated field
 *
 * The bitmap of required fields stays on the stack up to 128 fields, and merging, the one other
 * place that allocates, needs a singular message field twice.
 */
enum {
	SCAN_DEPTH = 4,   /* Response > SourcesAnswer > State > Item is the deepest */
	SCAN_FIELDS = 32, /* of one message: Event and StatusAnswer have the most, 16 */
	UNKNOWN_MAX = 16, /* fields passed over in one message and its sub-messages */
	ARENA_ALIGN = 16,
	SLAB_FIRST = 16,  /* FIRST_SCANNED_MEMBER_SLAB_SIZE_LOG2 4 */
	SLAB_MEMBER = 32, /* BOUND_SIZEOF_SCANNED_MEMBER_LOG2 5 */
};

/* ---- scan ---- */

struct level {
	const ProtobufCMessageDescriptor *desc;
	struct span rest;
	uint32_t seen[SCAN_FIELDS]; /* elements so far, by position in desc->fields */
	size_t fields;              /* of any kind */
	size_t unknown;
	bool oneof;
};

struct scan {
	struct level levels[SCAN_DEPTH];
	unsigned depth; /* index of the innermost level */
	size_t unknown; /* on all levels */
	size_t need;
};

static size_t up(size_t len)
{
	return (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

/* How often a repeated field may come; the counts of message.h. */
static uint32_t repeat_max(
	const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_BYTES && desc != &trail__v1__append__descriptor)
		return TREE_PATH_MAX;
	if (field->type != PROTOBUF_C_TYPE_MESSAGE ||
		field->descriptor == &trail__v1__run__descriptor)
		return APPEND_EVENTS_MAX;
	if (field->descriptor == &trail__v1__count__descriptor)
		return COUNTS_MAX;
	if (desc == &trail__v1__rows__descriptor || desc == &trail__v1__sources_answer__descriptor)
		return ROWS_MAX;
	return CLAIMS_MAX; /* claims, standings, witnesses, differences; changes, attributes */
}

_Static_assert((int)CLAIMS_MAX == (int)EVENT_REPEAT_MAX && (int)CLAIMS_MAX == (int)WITNESSES_MAX &&
		(int)CLAIMS_MAX == (int)DIFFERENCES_MAX,
	"repeat_max takes them for one");

/* What the elements of a repeated field become: one value each. */
static size_t value_size(
	const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field)
{
	union small {
		struct claim claim;
		struct standing standing;
		struct change change;
		struct attribute attribute;
		struct witness_state witness;
		struct index_difference difference;
	};
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return desc == &trail__v1__append__descriptor ? sizeof(struct span)
							      : sizeof(struct hash);
	if (field->descriptor == &trail__v1__run__descriptor)
		return sizeof(struct run);
	if (field->descriptor == &trail__v1__count__descriptor)
		return sizeof(struct count);
	if (desc == &trail__v1__rows__descriptor)
		return sizeof(struct evidence_item);
	if (desc == &trail__v1__sources_answer__descriptor)
		return sizeof(struct source_state);
	return sizeof(union small);
}

/* The arrays of a repeated field with `count` elements: protobuf-c's, and the values made of it. */
static size_t arrays_need(
	const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field, size_t count)
{
	bool bytes = field->type == PROTOBUF_C_TYPE_BYTES;
	if (!bytes && field->type != PROTOBUF_C_TYPE_MESSAGE)
		return up(count * sizeof(uint64_t));
	size_t theirs = bytes ? sizeof(ProtobufCBinaryData) : sizeof(void *);
	return up(count * theirs) + up(count * value_size(desc, field));
}

static size_t slabs_need(size_t fields)
{
	size_t need = 0;
	size_t held = SLAB_FIRST;
	for (size_t slab = (size_t)2 * SLAB_FIRST; fields > held; slab *= 2) {
		need += slab * SLAB_MEMBER;
		held += slab;
	}
	return need;
}

/* What a level takes beside the copies of its strings and bytes, which were added on the way. */
static size_t level_need(const struct level *level)
{
	const ProtobufCMessageDescriptor *desc = level->desc;
	size_t need = up(desc->sizeof_message) + slabs_need(level->fields) +
		up(level->unknown * sizeof(ProtobufCMessageUnknownField));
	for (unsigned i = 0; i < desc->n_fields && i < SCAN_FIELDS; i++) {
		const ProtobufCFieldDescriptor *field = &desc->fields[i];
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			need += arrays_need(desc, field, level->seen[i]);
	}
	return need;
}

static enum trail_err scan_packed(struct span bytes, uint32_t *seen)
{
	/* Nothing packed is written as no field at all; a row of empty ones would cost memory. */
	if (bytes.len == 0)
		return TRAIL_INVALID;
	uint64_t value;
	enum trail_err err;
	while ((err = wire_take_varint(&bytes, &value)) == TRAIL_OK) {
		if (value > UINT32_MAX)
			return TRAIL_INVALID;
		++*seen;
	}
	return err == TRAIL_END ? TRAIL_OK : err;
}

static bool number_fits(const ProtobufCFieldDescriptor *field, const struct wire_field *in)
{
	if (in->type != WIRE_VARINT)
		return false;
	switch (field->type) {
	case PROTOBUF_C_TYPE_UINT32:
		return in->value <= UINT32_MAX;
	case PROTOBUF_C_TYPE_ENUM:
		return in->value <= INT32_MAX;
	case PROTOBUF_C_TYPE_BOOL:
		return in->value <= 1;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		return true;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	return false; /* types that trail.proto does not use */
}

static enum trail_err scan_value(
	struct scan *scan, const ProtobufCFieldDescriptor *field, const struct wire_field *in)
{
	bool text = field->type == PROTOBUF_C_TYPE_STRING;
	bool message = field->type == PROTOBUF_C_TYPE_MESSAGE;
	if (!text && !message && field->type != PROTOBUF_C_TYPE_BYTES)
		return number_fits(field, in) ? TRAIL_OK : TRAIL_INVALID;
	if (in->type != WIRE_BYTES || (text && !text_utf8(in->bytes)))
		return TRAIL_INVALID;
	if (!message) {
		scan->need += up(in->bytes.len + text);
		return TRAIL_OK;
	}
	if (scan->depth + 1 == SCAN_DEPTH)
		return TRAIL_INVALID;
	scan->levels[++scan->depth] = (struct level){
		.desc = field->descriptor,
		.rest = in->bytes,
	};
	return TRAIL_OK;
}

static enum trail_err scan_known(struct scan *scan, struct level *level,
	const ProtobufCFieldDescriptor *field, const struct wire_field *in)
{
	size_t at = (size_t)(field - level->desc->fields);
	if (at >= SCAN_FIELDS)
		return TRAIL_INVALID;
	uint32_t *seen = &level->seen[at];
	bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
	if (repeated && field->type == PROTOBUF_C_TYPE_UINT32) {
		if (in->type != WIRE_BYTES || scan_packed(in->bytes, seen))
			return TRAIL_INVALID;
		return *seen <= repeat_max(level->desc, field) ? TRAIL_OK : TRAIL_INVALID;
	}
	if (++*seen > (repeated ? repeat_max(level->desc, field) : 1)) {
		/* More events than an Append takes is the one excess that splitting mends. */
		return level->desc == &trail__v1__append__descriptor && repeated ? TRAIL_TOO_BIG
										 : TRAIL_INVALID;
	}
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		if (level->oneof)
			return TRAIL_INVALID;
		level->oneof = true;
	}
	return scan_value(scan, field, in);
}

static enum trail_err scan_unknown(struct scan *scan, struct level *level, size_t len)
{
	if (++scan->unknown > UNKNOWN_MAX)
		return TRAIL_INVALID;
	level->unknown++;
	scan->need += up(len);
	return TRAIL_OK;
}

/* scan->need: the arena that unpacking and the values made of it take at the most. */
static enum trail_err scan_message(
	struct scan *scan, const ProtobufCMessageDescriptor *desc, struct span in)
{
	if (in.len > FRAME_BODY_MAX)
		return TRAIL_INVALID;
	scan->levels[0] = (struct level){ .desc = desc, .rest = in };
	scan->depth = 0;
	scan->unknown = 0;
	scan->need = ARENA_ALIGN; /* the arena may stand at an odd place */
	for (;;) {
		struct level *level = &scan->levels[scan->depth];
		size_t before = level->rest.len;
		struct wire_field field;
		enum trail_err err = wire_take(&level->rest, &field);
		if (err == TRAIL_END) {
			scan->need += level_need(level);
			if (scan->depth == 0)
				return TRAIL_OK;
			scan->depth--;
			continue;
		}
		if (err)
			return err;
		level->fields++;
		const ProtobufCFieldDescriptor *known =
			protobuf_c_message_descriptor_get_field(level->desc, field.number);
		err = known ? scan_known(scan, level, known, &field)
			    : scan_unknown(scan, level, before - level->rest.len);
		if (err)
			return err;
	}
}

size_t codec_arena_need(struct span message)
{
	static const ProtobufCMessageDescriptor *const kinds[] = {
		&trail__v1__request__descriptor,
		&trail__v1__response__descriptor,
		&trail__v1__event__descriptor,
		&trail__v1__genesis__descriptor,
		&trail__v1__source__descriptor,
		&trail__v1__peer__descriptor,
		&trail__v1__seal__descriptor,
		&trail__v1__daemon__descriptor,
	};
	size_t need = 0;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct scan scan;
		/* What does not pass the scan is refused before anything is allocated. */
		if (scan_message(&scan, kinds[i], message) == TRAIL_OK && scan.need > need)
			need = scan.need;
	}
	return need;
}

/* ---- the door to protobuf-c ---- */

/* protobuf-c answers NULL for bad bytes and for no memory alike; `full` tells which. */
struct door {
	struct arena *arena;
	bool full;
};

static void *door_alloc(void *data, size_t len)
{
	struct door *door = data;
	void *out = arena_take(door->arena, len);
	if (!out)
		door->full = true;
	return out;
}

/* The arena's memory ends all at once. */
static void door_free(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

/* What passed the scan. */
static enum trail_err unpack_scanned(const ProtobufCMessageDescriptor *desc, struct span in,
	struct arena *arena, const void **out)
{
	struct door door = { .arena = arena };
	ProtobufCAllocator allocator = {
		.alloc = door_alloc,
		.free = door_free,
		.allocator_data = &door,
	};
	*out = protobuf_c_message_unpack(desc, &allocator, in.len, in.data);
	if (*out)
		return TRAIL_OK;
	return door.full ? TRAIL_TOO_BIG : TRAIL_INVALID;
}

static enum trail_err unpack(const ProtobufCMessageDescriptor *desc, struct span in,
	struct arena *arena, const void **out)
{
	struct scan scan;
	enum trail_err err = scan_message(&scan, desc, in);
	return err ? err : unpack_scanned(desc, in, arena, out);
}

/* The scan saw to it that strlen is the length on the wire. */
static struct span text_of(const char *text)
{
	return span_text(text);
}

static struct span bytes_of(ProtobufCBinaryData bytes)
{
	return span_of(bytes.data, bytes.len);
}

static enum trail_err hash_take(ProtobufCBinaryData in, struct hash *out)
{
	if (in.len != HASH_LEN)
		return TRAIL_INVALID;
	memcpy(out->b, in.data, HASH_LEN);
	return TRAIL_OK;
}

static enum trail_err proof_take(
	size_t count, const ProtobufCBinaryData *in, struct tree_proof *out)
{
	if (count > TREE_PATH_MAX)
		return TRAIL_INVALID;
	for (size_t i = 0; i < count; i++) {
		enum trail_err err = hash_take(in[i], &out->path[i]);
		if (err)
			return err;
	}
	out->count = count;
	return TRAIL_OK;
}

/* ---- requests ---- */

#define SAME_NUMBER(ours_, theirs_)                                                                \
	_Static_assert((int)(ours_) == (int)(theirs_), "message.h follows trail.proto")
SAME_NUMBER(REQUEST_HELLO, TRAIL__V1__REQUEST__BODY_HELLO);
SAME_NUMBER(REQUEST_APPEND, TRAIL__V1__REQUEST__BODY_APPEND);
SAME_NUMBER(REQUEST_CLOSE, TRAIL__V1__REQUEST__BODY_CLOSE);
SAME_NUMBER(REQUEST_KEEPALIVE, TRAIL__V1__REQUEST__BODY_KEEPALIVE);
SAME_NUMBER(REQUEST_GET, TRAIL__V1__REQUEST__BODY_GET);
SAME_NUMBER(REQUEST_RECORDS, TRAIL__V1__REQUEST__BODY_RECORDS);
SAME_NUMBER(REQUEST_CHECKPOINT, TRAIL__V1__REQUEST__BODY_CHECKPOINT);
SAME_NUMBER(REQUEST_PROVE, TRAIL__V1__REQUEST__BODY_PROVE);
SAME_NUMBER(REQUEST_STATUS, TRAIL__V1__REQUEST__BODY_STATUS);
SAME_NUMBER(REQUEST_SEARCH, TRAIL__V1__REQUEST__BODY_SEARCH);
SAME_NUMBER(REQUEST_HISTORY, TRAIL__V1__REQUEST__BODY_HISTORY);
SAME_NUMBER(REQUEST_SOURCES, TRAIL__V1__REQUEST__BODY_SOURCES);
SAME_NUMBER(REQUEST_CONTROLS, TRAIL__V1__REQUEST__BODY_CONTROLS);
SAME_NUMBER(REQUEST_REPORT, TRAIL__V1__REQUEST__BODY_REPORT);
SAME_NUMBER(REQUEST_INDEX_CHECK, TRAIL__V1__REQUEST__BODY_INDEX_CHECK);
SAME_NUMBER(GROUP_ACTOR, TRAIL__V1__GROUP__GROUP_ACTOR);
SAME_NUMBER(GROUP_TIME, TRAIL__V1__GROUP__GROUP_TIME);
SAME_NUMBER(ACK_WITNESSED, TRAIL__V1__ACK__WITNESSED);

static enum trail_err hello_take(const Trail__V1__Hello *in, struct arena *arena, struct hello *out)
{
	struct claim *claims = arena_take_array(arena, in->n_claims, sizeof *claims);
	if (!claims)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_claims; i++) {
		claims[i].source = text_of(in->claims[i]->source);
		claims[i].epoch = in->claims[i]->epoch;
	}
	out->protocol = in->protocol;
	out->checkpoint = bytes_of(in->checkpoint);
	out->claims = claims;
	out->claim_count = in->n_claims;
	return TRAIL_OK;
}

static enum trail_err append_take(
	const Trail__V1__Append *in, struct arena *arena, struct append *out)
{
	struct span *events = arena_take_array(arena, in->n_events, sizeof *events);
	int ack = (int)in->ack;
	if (!events)
		return TRAIL_TOO_BIG;
	if (ack < ACK_DURABLE || ack > ACK_WITNESSED || in->wait_ms > ACK_WAIT_MS_MAX)
		return TRAIL_INVALID;
	for (size_t i = 0; i < in->n_events; i++)
		events[i] = bytes_of(in->events[i]);
	out->source = text_of(in->source);
	out->epoch = in->epoch;
	out->first_seq = in->first_seq;
	out->lost = in->lost;
	out->made = in->made;
	out->events = events;
	out->event_count = in->n_events;
	out->want_salts = in->want_salts;
	out->want_proof = in->want_proof;
	out->ack = (enum ack)ack;
	out->wait_ms = in->wait_ms;
	return TRAIL_OK;
}

static enum trail_err prove_take(const Trail__V1__Prove *in, struct prove *out)
{
	out->size = in->size;
	out->consistency = in->what_case == TRAIL__V1__PROVE__WHAT_FROM;
	if (out->consistency)
		out->from = in->from;
	else if (in->what_case == TRAIL__V1__PROVE__WHAT_INDEX)
		out->index = in->index;
	else
		return TRAIL_INVALID;
	return TRAIL_OK;
}

static struct paging paging_take(const Trail__V1__Paging *in)
{
	if (!in)
		return (struct paging){ 0 };
	return (struct paging){
		.from = in->from,
		.since_ns = in->since_ns,
		.until_ns = in->until_ns,
		.newest_first = in->newest_first,
		.limit = in->limit,
		.count = in->count,
		.size = in->size,
		.follow_ms = in->follow_ms,
		.scan = in->scan,
		.next = bytes_of(in->next),
	};
}

static struct question question_take(const char *text, const Trail__V1__Paging *paging)
{
	return (struct question){ .text = text_of(text), .paging = paging_take(paging) };
}

static void get_take(const Trail__V1__Get *in, struct question *out)
{
	*out = (struct question){
		.index = in->index,
		.count = in->count,
		.want_genesis = in->want_genesis,
		.paging = paging_take(in->paging),
	};
}

static struct records_wanted records_wanted_take(const Trail__V1__Records *in)
{
	return (struct records_wanted){
		.first = in->first,
		.limit = in->limit,
		.next = bytes_of(in->next),
	};
}

static struct controls_wanted controls_take(const Trail__V1__Controls *in)
{
	return (struct controls_wanted){
		.from = in->from,
		.kind = in->kind,
		.newest_first = in->newest_first,
		.limit = in->limit,
		.size = in->size,
		.next = bytes_of(in->next),
	};
}

static struct checkpoint_wanted checkpoint_wanted_take(const Trail__V1__CheckpointRequest *in)
{
	return (struct checkpoint_wanted){ .sealed = in->sealed, .above = in->above };
}

static struct index_check_wanted index_check_wanted_take(const Trail__V1__IndexCheck *in)
{
	return (struct index_check_wanted){ .start = in->start, .job = in->job };
}

static struct question report_take(const Trail__V1__Report *in)
{
	struct question question = question_take(in->query, in->paging);
	question.by = (enum report_group)in->by;
	question.bucket_ns = in->bucket_ns;
	question.after = bytes_of(in->after);
	return question;
}

static enum trail_err request_body_take(
	const Trail__V1__Request *in, struct arena *arena, struct request *out)
{
	switch (out->kind) {
	case REQUEST_NONE:
	case REQUEST_STATUS:
		return TRAIL_OK;
	case REQUEST_CHECKPOINT:
		out->checkpoint = checkpoint_wanted_take(in->checkpoint);
		return TRAIL_OK;
	case REQUEST_CONTROLS:
		out->controls = controls_take(in->controls);
		return TRAIL_OK;
	case REQUEST_HELLO:
		return hello_take(in->hello, arena, &out->hello);
	case REQUEST_APPEND:
		return append_take(in->append, arena, &out->append);
	case REQUEST_CLOSE:
		out->word = (struct epoch_word){
			.source = text_of(in->close->source),
			.epoch = in->close->epoch,
			.last = in->close->last,
		};
		return TRAIL_OK;
	case REQUEST_KEEPALIVE:
		out->word = (struct epoch_word){
			.source = text_of(in->keepalive->source),
			.epoch = in->keepalive->epoch,
			.made = in->keepalive->made,
		};
		return TRAIL_OK;
	case REQUEST_GET:
		get_take(in->get, &out->question);
		return TRAIL_OK;
	case REQUEST_SEARCH:
		out->question = question_take(in->search->query, in->search->paging);
		return TRAIL_OK;
	case REQUEST_HISTORY:
		out->question = question_take(in->history->object, in->history->paging);
		return TRAIL_OK;
	case REQUEST_REPORT:
		out->question = report_take(in->report);
		return TRAIL_OK;
	case REQUEST_SOURCES:
		out->sources.size = in->sources->size;
		out->sources.next = bytes_of(in->sources->next);
		return TRAIL_OK;
	case REQUEST_RECORDS:
		out->records = records_wanted_take(in->records);
		return TRAIL_OK;
	case REQUEST_PROVE:
		return prove_take(in->prove, &out->prove);
	case REQUEST_INDEX_CHECK:
		out->index_check = index_check_wanted_take(in->index_check);
		return TRAIL_OK;
	}
	return TRAIL_INVALID;
}

enum trail_err request_decode(struct span in, struct arena *arena, struct request *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__request__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	const Trail__V1__Request *message = unpacked;
	struct request request = {
		.id = message->id,
		.kind = (enum request_kind)message->body_case,
	};
	err = request_body_take(message, arena, &request);
	if (err)
		return err;
	*out = request;
	return TRAIL_OK;
}

uint64_t request_id(struct span in)
{
	struct wire_field field;
	while (wire_take(&in, &field) == TRAIL_OK) {
		if (field.number == 1 && field.type == WIRE_VARINT)
			return field.value;
	}
	return 0;
}

/* ---- responses ---- */

SAME_NUMBER(RESPONSE_ERROR, TRAIL__V1__RESPONSE__BODY_ERROR);
SAME_NUMBER(RESPONSE_HELLO, TRAIL__V1__RESPONSE__BODY_HELLO);
SAME_NUMBER(RESPONSE_APPENDED, TRAIL__V1__RESPONSE__BODY_APPENDED);
SAME_NUMBER(RESPONSE_CLOSED, TRAIL__V1__RESPONSE__BODY_CLOSED);
SAME_NUMBER(RESPONSE_KEPT, TRAIL__V1__RESPONSE__BODY_KEPT);
SAME_NUMBER(RESPONSE_RECORDS, TRAIL__V1__RESPONSE__BODY_RECORDS);
SAME_NUMBER(RESPONSE_CHECKPOINT, TRAIL__V1__RESPONSE__BODY_CHECKPOINT);
SAME_NUMBER(RESPONSE_PROOF, TRAIL__V1__RESPONSE__BODY_PROOF);
SAME_NUMBER(RESPONSE_STATUS, TRAIL__V1__RESPONSE__BODY_STATUS);
SAME_NUMBER(RESPONSE_ROWS, TRAIL__V1__RESPONSE__BODY_ROWS);
SAME_NUMBER(RESPONSE_SOURCES, TRAIL__V1__RESPONSE__BODY_SOURCES);
SAME_NUMBER(RESPONSE_INDEX_CHECK, TRAIL__V1__RESPONSE__BODY_INDEX_CHECK);
SAME_NUMBER(DIFFERENCE_DROPPED, TRAIL__V1__INDEX_CHECK_ANSWER__WHAT__DROPPED);
SAME_NUMBER(DIFFERENCE_UNJUDGED, TRAIL__V1__INDEX_CHECK_ANSWER__WHAT__UNJUDGED);
SAME_NUMBER(-TRAIL_INVALID, TRAIL__V1__CODE__INVALID);
SAME_NUMBER(-TRAIL_UNSUPPORTED, TRAIL__V1__CODE__UNSUPPORTED);
SAME_NUMBER(TRAIL_STATUS_ACKED_REQUESTS, TRAIL__V1__FIGURE_NAME__ACKED_REQUESTS);
SAME_NUMBER(TRAIL_STATUS_QUEUE_BYTES_MAX, TRAIL__V1__FIGURE_NAME__QUEUE_BYTES_MAX);
SAME_NUMBER(TRAIL_STATUS_QUEUE_REQUESTS, TRAIL__V1__FIGURE_NAME__QUEUE_REQUESTS);
SAME_NUMBER(TRAIL_STATUS_QUEUE_AGE, TRAIL__V1__FIGURE_NAME__QUEUE_AGE_NS);
SAME_NUMBER(TRAIL_STATUS_CONNECTIONS_MAX, TRAIL__V1__FIGURE_NAME__CONNECTIONS_MAX);
SAME_NUMBER(TRAIL_STATUS_TURNED_AWAY, TRAIL__V1__FIGURE_NAME__TURNED_AWAY);
SAME_NUMBER(TRAIL_STATUS_PEERS, TRAIL__V1__FIGURE_NAME__PEERS);
SAME_NUMBER(TRAIL_STATUS_SOURCES_BEHIND, TRAIL__V1__FIGURE_NAME__SOURCES_BEHIND);
SAME_NUMBER(TRAIL_STATUS_OPEN_ENDS, TRAIL__V1__FIGURE_NAME__OPEN_ENDS);
SAME_NUMBER(TRAIL_STATUS_LOST, TRAIL__V1__FIGURE_NAME__LOST);
SAME_NUMBER(TRAIL_STATUS_MISSING, TRAIL__V1__FIGURE_NAME__MISSING);
SAME_NUMBER(TRAIL_STATUS_RESERVE_BYTES, TRAIL__V1__FIGURE_NAME__RESERVE_BYTES);
SAME_NUMBER(TRAIL_STATUS_MAP_BYTES, TRAIL__V1__FIGURE_NAME__MAP_BYTES);
SAME_NUMBER(TRAIL_STATUS_MAP_USED_BYTES, TRAIL__V1__FIGURE_NAME__MAP_USED_BYTES);
SAME_NUMBER(TRAIL_STATUS_SIGNER_PID, TRAIL__V1__FIGURE_NAME__SIGNER_PID);
SAME_NUMBER(TRAIL_STATUS_SIGNED, TRAIL__V1__FIGURE_NAME__SIGNED_NS);
SAME_NUMBER(TRAIL_STATUS_CLOCK_JUMPS, TRAIL__V1__FIGURE_NAME__CLOCK_JUMPS);
SAME_NUMBER(TRAIL_STATUS_STARVED, TRAIL__V1__FIGURE_NAME__STARVED);
SAME_NUMBER(TRAIL_STATUS_REFUSED_INVALID, TRAIL__V1__FIGURE_NAME__REFUSED_INVALID);
SAME_NUMBER(TRAIL_STATUS_REFUSED_CONFLICT, TRAIL__V1__FIGURE_NAME__REFUSED_CONFLICT);
SAME_NUMBER(TRAIL_STATUS_REFUSED_EXPECTED, TRAIL__V1__FIGURE_NAME__REFUSED_EXPECTED);
SAME_NUMBER(TRAIL_STATUS_REFUSED_CLOSED, TRAIL__V1__FIGURE_NAME__REFUSED_CLOSED);
SAME_NUMBER(TRAIL_STATUS_REFUSED_DENIED, TRAIL__V1__FIGURE_NAME__REFUSED_DENIED);
SAME_NUMBER(TRAIL_STATUS_REFUSED_TOO_BIG, TRAIL__V1__FIGURE_NAME__REFUSED_TOO_BIG);
SAME_NUMBER(TRAIL_STATUS_REFUSED_BUSY, TRAIL__V1__FIGURE_NAME__REFUSED_BUSY);
SAME_NUMBER(TRAIL_STATUS_REFUSED_FULL, TRAIL__V1__FIGURE_NAME__REFUSED_FULL);
SAME_NUMBER(TRAIL_STATUS_REFUSED_UNAVAILABLE, TRAIL__V1__FIGURE_NAME__REFUSED_UNAVAILABLE);
SAME_NUMBER(TRAIL_STATUS_REFUSED_UNSUPPORTED, TRAIL__V1__FIGURE_NAME__REFUSED_UNSUPPORTED);
SAME_NUMBER(TRAIL_STATUS_SEALS, TRAIL__V1__FIGURE_NAME__SEALS);
SAME_NUMBER(TRAIL_STATUS_SEALS_LEFT, TRAIL__V1__FIGURE_NAME__SEALS_LEFT);
SAME_NUMBER(TRAIL_STATUS_SEALED_SIZE, TRAIL__V1__FIGURE_NAME__SEALED_SIZE);
SAME_NUMBER(TRAIL_STATUS_SEALED, TRAIL__V1__FIGURE_NAME__SEALED_NS);
SAME_NUMBER(TRAIL_STATUS_SEAL_MAX, TRAIL__V1__FIGURE_NAME__SEAL_MAX_NS);
SAME_NUMBER(TRAIL_STATUS_INDEXED, TRAIL__V1__FIGURE_NAME__INDEXED);
SAME_NUMBER(TRAIL_STATUS_INDEX_MERGES, TRAIL__V1__FIGURE_NAME__INDEX_MERGES);

static enum trail_err error_take(const Trail__V1__Error *in, struct failure *out)
{
	int code = (int)in->code;
	if (code < TRAIL__V1__CODE__INVALID || code > TRAIL__V1__CODE__UNSUPPORTED)
		return TRAIL_INVALID;
	*out = (struct failure){
		.code = (enum trail_err) - code,
		.sentence = text_of(in->sentence),
		.index = in->index,
		.field = text_of(in->field),
		.expected = in->expected,
		.retry_ms = in->retry_ms,
	};
	return TRAIL_OK;
}

static enum trail_err hello_answer_take(
	const Trail__V1__HelloAnswer *in, struct arena *arena, struct hello_answer *out)
{
	struct standing *standings = arena_take_array(arena, in->n_standings, sizeof *standings);
	if (!standings)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_standings; i++) {
		const Trail__V1__HelloAnswer__Standing *from = in->standings[i];
		standings[i] = (struct standing){
			.known = from->known,
			.last = from->last,
			.floor = from->floor,
			.source = from->source,
		};
	}
	out->protocol = in->protocol;
	out->identity = text_of(in->identity);
	out->checkpoint = bytes_of(in->checkpoint);
	out->standings = standings;
	out->standing_count = in->n_standings;
	out->event_field_highest = in->event_field_highest;
	out->frame_max = in->frame_max;
	out->events_max = in->events_max;
	return proof_take(in->n_consistency, in->consistency, &out->consistency);
}

static bool run_fits(const Trail__V1__Run *in)
{
	size_t count = in->count;
	return count >= 1 && count <= APPEND_EVENTS_MAX &&
		(in->n_classes == 0 || in->n_classes == count) &&
		(in->n_flags == 0 || in->n_flags == count) &&
		(in->salts.len == 0 || in->salts.len == count * SALT_LEN) &&
		(in->records.len == 0 || in->records.len == count * RECORD_LEN);
}

static enum trail_err run_take(const Trail__V1__Run *in, struct run *out)
{
	if (!run_fits(in))
		return TRAIL_INVALID;
	out->first_index = in->first_index;
	out->count = in->count;
	out->first_seq = in->first_seq;
	out->received_ns = in->received_ns;
	out->source = in->source;
	out->peer = in->peer;
	out->classes = in->classes;
	out->flags = in->flags;
	out->salts = bytes_of(in->salts);
	out->duplicate = in->duplicate;
	out->records = bytes_of(in->records);
	enum trail_err err = hash_take(in->prev, &out->prev);
	if (err)
		return err;
	return proof_take(in->n_path, in->path, &out->path);
}

static enum trail_err appended_take(
	const Trail__V1__Appended *in, struct arena *arena, struct appended *out)
{
	struct run *runs = arena_take_array(arena, in->n_runs, sizeof *runs);
	if (!runs)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_runs; i++) {
		enum trail_err err = run_take(in->runs[i], &runs[i]);
		if (err)
			return err;
	}
	out->runs = runs;
	out->run_count = in->n_runs;
	out->checkpoint = bytes_of(in->checkpoint);
	out->unchecked = in->unchecked;
	return TRAIL_OK;
}

SAME_NUMBER(PEER_UNIX_USER, TRAIL__V1__PEER__TYPE__UNIX_USER);
SAME_NUMBER(PEER_CERTIFICATE, TRAIL__V1__PEER__TYPE__CERTIFICATE);

static enum trail_err peer_take(const Trail__V1__Peer *in, struct peer_name *out)
{
	int type = (int)in->type;
	if (type < PEER_UNSPECIFIED || type > PEER_CERTIFICATE)
		return TRAIL_INVALID;
	out->type = (enum peer_type)type;
	out->name = text_of(in->name);
	return TRAIL_OK;
}

static enum trail_err item_take(
	const Trail__V1__Evidence__Item *in, struct arena *arena, struct evidence_item *out)
{
	if (in->record.len != RECORD_LEN || (in->salt.len != 0 && in->salt.len != SALT_LEN))
		return TRAIL_INVALID;
	struct hash *path = arena_take_array(arena, in->n_path, sizeof *path);
	if (!path)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_path; i++) {
		enum trail_err err = hash_take(in->path[i], &path[i]);
		if (err)
			return err;
	}
	*out = (struct evidence_item){
		.index = in->index,
		.record = bytes_of(in->record),
		.salt = bytes_of(in->salt),
		.payload = bytes_of(in->payload),
		.path = path,
		.path_count = in->n_path,
	};
	return TRAIL_OK;
}

static enum trail_err items_take(size_t count, Trail__V1__Evidence__Item *const *in,
	struct arena *arena, const struct evidence_item **out)
{
	struct evidence_item *items = arena_take_array(arena, count, sizeof *items);
	if (!items)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < count; i++) {
		enum trail_err err = item_take(in[i], arena, &items[i]);
		if (err)
			return err;
	}
	*out = items;
	return TRAIL_OK;
}

SAME_NUMBER(METHOD_SCAN, TRAIL__V1__COMPLETENESS__METHOD__SCAN);
SAME_NUMBER(METHOD_INDEX, TRAIL__V1__COMPLETENESS__METHOD__INDEX);

static enum trail_err counts_take(
	size_t count, Trail__V1__Count *const *in, struct arena *arena, const struct count **out)
{
	struct count *counts = arena_take_array(arena, count, sizeof *counts);
	if (!counts)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < count; i++)
		counts[i] = (struct count){ bytes_of(in[i]->key), in[i]->count };
	*out = counts;
	return TRAIL_OK;
}

static enum trail_err rows_take(const Trail__V1__Rows *in, struct arena *arena, struct rows *out)
{
	*out = (struct rows){
		.count_count = in->n_counts,
		.row_count = in->n_rows,
		.named_count = in->n_named,
		.checkpoint = bytes_of(in->checkpoint),
		.read = in->read,
		.matched = in->matched,
		.position = in->position,
		.next = bytes_of(in->next),
		.done = in->done,
	};
	if (in->next.len > CURSOR_MAX)
		return TRAIL_INVALID;
	if (in->completeness) {
		int method = (int)in->completeness->method;
		if (method < METHOD_UNSPECIFIED || method > METHOD_INDEX)
			return TRAIL_INVALID;
		out->completeness = (struct completeness){
			.method = (enum search_method)method,
			.sources = in->completeness->sources,
			.current = in->completeness->current,
			.gaps = in->completeness->gaps,
			.witnessed = in->completeness->witnessed,
		};
	}
	enum trail_err err = items_take(in->n_rows, in->rows, arena, &out->rows);
	if (!err)
		err = items_take(in->n_named, in->named, arena, &out->named);
	return err ? err : counts_take(in->n_counts, in->counts, arena, &out->counts);
}

static enum trail_err source_state_take(
	const Trail__V1__SourcesAnswer__State *in, struct arena *arena, struct source_state *out)
{
	if (!in->entry)
		return TRAIL_INVALID;
	*out = (struct source_state){
		.heard_ns = in->heard_ns,
		.newest = in->newest,
		.open = in->open,
		.imports = in->imports,
		.open_ends = in->open_ends,
		.lost = in->lost,
		.missing = in->missing,
	};
	return item_take(in->entry, arena, &out->entry);
}

static enum trail_err sources_take(
	const Trail__V1__SourcesAnswer *in, struct arena *arena, struct sources_answer *out)
{
	struct source_state *states = arena_take_array(arena, in->n_sources, sizeof *states);
	if (!states)
		return TRAIL_TOO_BIG;
	if (in->next.len > CURSOR_MAX)
		return TRAIL_INVALID;
	for (size_t i = 0; i < in->n_sources; i++) {
		enum trail_err err = source_state_take(in->sources[i], arena, &states[i]);
		if (err)
			return err;
	}
	*out = (struct sources_answer){
		.states = states,
		.count = in->n_sources,
		.checkpoint = bytes_of(in->checkpoint),
		.next = bytes_of(in->next),
		.done = in->done,
	};
	return TRAIL_OK;
}

static enum trail_err page_take(const Trail__V1__RecordPage *in, struct record_page *out)
{
	if (in->records.len % RECORD_LEN != 0 || in->records.len / RECORD_LEN > RECORD_PAGE_MAX)
		return TRAIL_INVALID;
	out->first = in->first;
	out->records = bytes_of(in->records);
	out->next = bytes_of(in->next);
	out->done = in->done;
	out->checkpoint = bytes_of(in->checkpoint);
	return TRAIL_OK;
}

static enum trail_err proof_answer_take(const Trail__V1__Proof *in, struct proof_answer *out)
{
	if (in->leaf.len != 0 && in->leaf.len != HASH_LEN)
		return TRAIL_INVALID;
	out->size = in->size;
	out->leaf = bytes_of(in->leaf);
	out->checkpoint = bytes_of(in->checkpoint);
	return proof_take(in->n_path, in->path, &out->path);
}

/* A number of a later daemon's is passed over, as a field would be. */
static void figures_take(const Trail__V1__Figures *in, struct status_figures *out)
{
	for (size_t i = 0; in && i < in->n_figures; i++) {
		unsigned number = (unsigned)in->figures[i]->name;
		if (number != 0 && number < TRAIL_STATUS_COUNT)
			status_figure_set(
				out, (enum trail_status_number)number, in->figures[i]->value);
	}
}

/* One that is not of rising bounds with an open end is none. */
static void times_take(const Trail__V1__Histogram *in, struct status_times *out)
{
	if (!in || in->n_buckets == 0 || in->n_buckets > STATUS_BUCKETS_MAX ||
		in->buckets[in->n_buckets - 1]->upto_ns != 0)
		return;
	for (size_t i = 0; i < in->n_buckets; i++) {
		const Trail__V1__Histogram__Bucket *bucket = in->buckets[i];
		bool last = i + 1 == in->n_buckets;
		if (!last && bucket->upto_ns <= (i == 0 ? 0 : in->buckets[i - 1]->upto_ns))
			return;
		out->upto_ns[i] = bucket->upto_ns;
		out->in_bucket[i] = bucket->count;
	}
	out->count = in->n_buckets;
	out->sum_ns = in->sum_ns;
}

SAME_NUMBER(WITNESS_FORK, TRAIL__V1__WITNESS__STATE__FORK);

/* A state of a later daemon's is passed over, as a number would be. */
static enum trail_err witnesses_take(
	const Trail__V1__StatusAnswer *in, struct arena *arena, struct status_answer *out)
{
	struct witness_state *states = arena_take_array(arena, in->n_witnesses, sizeof *states);
	if (!states)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_witnesses; i++) {
		const Trail__V1__Witness *from = in->witnesses[i];
		int state = (int)from->state;
		bool known = state >= WITNESS_SILENT && state <= WITNESS_FORK;
		states[i] = (struct witness_state){
			.name = text_of(from->name),
			.state = known ? (enum witness_what)state : WITNESS_SILENT,
			.size = from->size,
			.cosigned_s = from->cosigned_s,
		};
	}
	out->witnesses = states;
	out->witness_count = in->n_witnesses;
	return TRAIL_OK;
}

static enum trail_err status_take(
	const Trail__V1__StatusAnswer *in, struct arena *arena, struct status_answer *out)
{
	*out = (struct status_answer){
		.version = text_of(in->version),
		.origin = text_of(in->origin),
		.checkpoint = bytes_of(in->checkpoint),
		.started_ns = in->started_ns,
		.size = in->size,
		.events = in->events,
		.commits = in->commits,
		.refusals = in->refusals,
		.connections = in->connections,
		.queue_bytes = in->queue_bytes,
		.free_bytes = in->free_bytes,
		.store_bytes = in->store_bytes,
		.open_epochs = in->open_epochs,
		.pending_gaps = in->pending_gaps,
		.sources = in->sources,
		.full = in->full,
	};
	figures_take(in->figures, &out->figures);
	times_take(in->ack_times, &out->times[TRAIL_TIMES_ACK]);
	times_take(in->commit_times, &out->times[TRAIL_TIMES_COMMIT]);
	times_take(in->sign_times, &out->times[TRAIL_TIMES_SIGN]);
	return witnesses_take(in, arena, out);
}

static enum trail_err differences_take(
	const Trail__V1__IndexCheckAnswer *in, struct arena *arena, struct index_check_answer *out)
{
	struct index_difference *list = arena_take_array(arena, in->n_differences, sizeof *list);
	if (!list)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_differences; i++) {
		list[i] = (struct index_difference){
			.what = (enum difference_what)in->differences[i]->what,
			.field = text_of(in->differences[i]->field),
			.index = in->differences[i]->index,
		};
		if (list[i].what < DIFFERENCE_DROPPED || list[i].what > DIFFERENCE_UNJUDGED ||
			list[i].field.len > DIFFERENCE_FIELD_MAX)
			return TRAIL_INVALID;
	}
	out->differences = list;
	out->difference_count = in->n_differences;
	return TRAIL_OK;
}

static enum trail_err index_check_take(
	const Trail__V1__IndexCheckAnswer *in, struct arena *arena, struct index_check_answer *out)
{
	*out = (struct index_check_answer){
		.job = in->job,
		.ended = in->ended,
		.failed = in->failed,
		.done = in->done,
		.all = in->all,
		.indexed = in->indexed,
		.files = in->files,
		.found = in->found,
	};
	return in->n_differences == 0 ? TRAIL_OK : differences_take(in, arena, out);
}

static enum trail_err response_body_take(
	const Trail__V1__Response *in, struct arena *arena, struct response *out)
{
	switch (out->kind) {
	case RESPONSE_NONE:
	case RESPONSE_CLOSED:
		return TRAIL_OK;
	case RESPONSE_ERROR:
		return error_take(in->error, &out->error);
	case RESPONSE_HELLO:
		return hello_answer_take(in->hello, arena, &out->hello);
	case RESPONSE_APPENDED:
		return appended_take(in->appended, arena, &out->appended);
	case RESPONSE_KEPT:
		out->last = in->kept->last;
		return TRAIL_OK;
	case RESPONSE_RECORDS:
		return page_take(in->records, &out->records);
	case RESPONSE_CHECKPOINT:
		out->checkpoint = (struct checkpoint_answer){
			.checkpoint = bytes_of(in->checkpoint->checkpoint),
			.identity = text_of(in->checkpoint->identity),
			.seal = bytes_of(in->checkpoint->seal),
			.stamp = bytes_of(in->checkpoint->stamp),
			.cosigned = bytes_of(in->checkpoint->cosigned),
		};
		return TRAIL_OK;
	case RESPONSE_PROOF:
		return proof_answer_take(in->proof, &out->proof);
	case RESPONSE_STATUS:
		return status_take(in->status, arena, &out->status);
	case RESPONSE_ROWS:
		return rows_take(in->rows, arena, &out->rows);
	case RESPONSE_SOURCES:
		return sources_take(in->sources, arena, &out->sources);
	case RESPONSE_INDEX_CHECK:
		return index_check_take(in->index_check, arena, &out->index_check);
	}
	return TRAIL_INVALID;
}

static enum trail_err response_take(
	const Trail__V1__Response *message, struct arena *arena, struct response *out)
{
	struct response response = {
		.id = message->id,
		.kind = (enum response_kind)message->body_case,
	};
	enum trail_err err = response_body_take(message, arena, &response);
	if (err)
		return err;
	*out = response;
	return TRAIL_OK;
}

enum trail_err response_decode(struct span in, struct arena *arena, struct response *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__response__descriptor, in, arena, &unpacked);
	return err ? err : response_take(unpacked, arena, out);
}

enum trail_err response_decode_grow(
	struct span in, struct arena *arena, size_t max, struct response *out)
{
	const ProtobufCMessageDescriptor *desc = &trail__v1__response__descriptor;
	struct scan scan;
	const void *unpacked;
	enum trail_err err = scan_message(&scan, desc, in);
	if (err)
		return err;
	if (scan.need > max || !arena_grow(arena, scan.need))
		return TRAIL_TOO_BIG;
	err = unpack_scanned(desc, in, arena, &unpacked);
	return err ? err : response_take(unpacked, arena, out);
}

/* ---- the event ---- */

static void actor_take(const Trail__V1__Actor *in, struct event_value *out)
{
	out->actor.id = text_of(in->id);
	out->actor.type = (uint32_t)in->type;
	out->actor.name = text_of(in->name);
	out->actor.role = text_of(in->role);
	out->actor.unit = text_of(in->unit);
	out->actor.session = text_of(in->session);
	out->actor.address = text_of(in->address);
	out->actor.on_behalf_of = text_of(in->on_behalf_of);
}

static void object_take(const Trail__V1__Object *in, struct event_value *out)
{
	out->object.id = text_of(in->id);
	out->object.type = text_of(in->type);
	out->object.name = text_of(in->name);
	out->object.version = text_of(in->version);
}

static void origin_take(const Trail__V1__Origin *in, struct event_value *out)
{
	out->origin.host = text_of(in->host);
	out->origin.application = text_of(in->application);
	out->origin.process = text_of(in->process);
	out->origin.address = text_of(in->address);
}

static enum trail_err lists_take(
	const Trail__V1__Event *in, struct arena *arena, struct event_value *out)
{
	struct change *changes = arena_take_array(arena, in->n_changes, sizeof *changes);
	struct attribute *attributes =
		arena_take_array(arena, in->n_attributes, sizeof *attributes);
	if (!changes || !attributes)
		return TRAIL_TOO_BIG;
	for (size_t i = 0; i < in->n_changes; i++) {
		changes[i].field = text_of(in->changes[i]->field);
		changes[i].old_value = text_of(in->changes[i]->old);
		changes[i].new_value = text_of(in->changes[i]->new_);
	}
	for (size_t i = 0; i < in->n_attributes; i++) {
		attributes[i].key = text_of(in->attributes[i]->key);
		attributes[i].value = text_of(in->attributes[i]->value);
	}
	out->changes = changes;
	out->change_count = in->n_changes;
	out->attributes = attributes;
	out->attribute_count = in->n_attributes;
	return TRAIL_OK;
}

enum trail_err event_decode(struct span in, struct arena *arena, struct event_value *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__event__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	const Trail__V1__Event *message = unpacked;
	struct event_value event = {
		.id = bytes_of(message->id),
		.time_ns = message->time_ns,
		.action = (uint32_t)message->action,
		.verb = text_of(message->verb),
		.outcome = (uint32_t)message->outcome,
		.reason = text_of(message->reason),
		.subject = text_of(message->subject),
		.purpose = text_of(message->purpose),
		.medium = (uint32_t)message->medium,
		.correlation = text_of(message->correlation),
		.raw = bytes_of(message->raw),
	};
	if (message->actor)
		actor_take(message->actor, &event);
	if (message->object)
		object_take(message->object, &event);
	if (message->origin)
		origin_take(message->origin, &event);
	err = lists_take(message, arena, &event);
	if (err)
		return err;
	*out = event;
	return TRAIL_OK;
}

/* ---- payloads of control entries ---- */

enum trail_err genesis_decode(struct span in, struct arena *arena, struct genesis *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__genesis__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	const Trail__V1__Genesis *message = unpacked;
	struct genesis genesis = {
		.format = message->format,
		.origin = text_of(message->origin),
		.vkey = text_of(message->vkey),
		.seal_height = message->seal_height,
		.seal_max_ns = message->seal_max_ns,
		.predecessor = text_of(message->predecessor),
		.predecessor_note = text_of(message->predecessor_note),
		.reason = text_of(message->reason),
	};
	err = hash_take(message->seal_root, &genesis.seal_root);
	if (err)
		return err;
	if (message->random.len != sizeof genesis.random)
		return TRAIL_INVALID;
	memcpy(genesis.random, message->random.data, sizeof genesis.random);
	*out = genesis;
	return TRAIL_OK;
}

enum trail_err source_decode(struct span in, struct arena *arena, struct span *name)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__source__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	const Trail__V1__Source *message = unpacked;
	*name = text_of(message->name);
	return TRAIL_OK;
}

enum trail_err seal_decode(struct span in, struct arena *arena, struct seal *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__seal__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	const Trail__V1__Seal *message = unpacked;
	*out = (struct seal){
		.text = bytes_of(message->text),
		.key = bytes_of(message->key),
		.path = bytes_of(message->path),
		.sig = bytes_of(message->sig),
		.cosigned = text_of(message->cosigned),
	};
	return TRAIL_OK;
}

enum trail_err peer_decode(struct span in, struct arena *arena, struct peer_name *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__peer__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	return peer_take(unpacked, out);
}

SAME_NUMBER(DAEMON_START, TRAIL__V1__DAEMON__WHAT__START);
SAME_NUMBER(DAEMON_CLOSED, TRAIL__V1__DAEMON__WHAT__CLOSED);
SAME_NUMBER(DAEMON_FORK, TRAIL__V1__DAEMON__WHAT__FORK);
SAME_NUMBER(LOSS_SILENT, TRAIL__V1__DAEMON__CAUSE__SILENT);
SAME_NUMBER(LOSS_PUSHED, TRAIL__V1__DAEMON__CAUSE__PUSHED);

enum trail_err daemon_entry_decode(struct span in, struct arena *arena, struct daemon_entry *out)
{
	const void *unpacked;
	enum trail_err err = unpack(&trail__v1__daemon__descriptor, in, arena, &unpacked);
	if (err)
		return err;
	const Trail__V1__Daemon *message = unpacked;
	int what = (int)message->what;
	int cause = (int)message->cause;
	if (what < DAEMON_START || what > DAEMON_FORK || cause < 0 || cause > LOSS_PUSHED)
		return TRAIL_INVALID;
	*out = (struct daemon_entry){
		.what = (enum daemon_what)what,
		.from_ns = message->from_ns,
		.to_ns = message->to_ns,
		.source = message->source,
		.epoch = message->epoch,
		.last = message->last,
		.cause = (enum loss_cause)cause,
		.free_bytes = message->free_bytes,
		.resumed = message->resumed,
		.made = message->made,
		.witness = message->witness,
		.size = message->size,
		.status = message->status,
	};
	return TRAIL_OK;
}
