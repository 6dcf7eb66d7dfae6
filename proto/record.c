/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

static const uint64_t LATE_AFTER_NS = UINT64_C(24) * 3600 * 1000000000;
static const uint64_t LATE_BEFORE_NS = UINT64_C(300) * 1000000000;

void record_encode(const struct record *r, uint8_t out[RECORD_LEN])
{
	out[0] = r->version;
	out[1] = r->kind;
	store_be16(out + 2, r->flags);
	store_be32(out + 4, r->class_no);
	store_be64(out + 8, r->source);
	store_be64(out + 16, r->peer);
	store_be64(out + 24, r->received_ns);
	store_be64(out + 32, r->epoch);
	store_be64(out + 40, r->seq);
	memcpy(out + 48, r->commitment.b, HASH_LEN);
	memcpy(out + 80, r->prev.b, HASH_LEN);
}

void record_decode(const uint8_t in[RECORD_LEN], struct record *r)
{
	r->version = in[0];
	r->kind = in[1];
	r->flags = load_be16(in + 2);
	r->class_no = load_be32(in + 4);
	r->source = load_be64(in + 8);
	r->peer = load_be64(in + 16);
	r->received_ns = load_be64(in + 24);
	r->epoch = load_be64(in + 32);
	r->seq = load_be64(in + 40);
	memcpy(r->commitment.b, in + 48, HASH_LEN);
	memcpy(r->prev.b, in + 80, HASH_LEN);
}

static bool kind_known(uint8_t kind)
{
	switch (kind) {
	case KIND_EVENT:
	case KIND_SOURCE:
	case KIND_PEER:
	case KIND_POLICY:
	case KIND_SEAL:
	case KIND_ERASURE:
	case KIND_DAEMON:
		return true;
	default:
		return false;
	}
}

bool record_known(const struct record *r)
{
	return r->version == RECORD_VERSION && kind_known(r->kind) &&
		(r->flags & ~(unsigned)FLAG_KNOWN) == 0;
}

void record_leaf(const uint8_t bytes[RECORD_LEN], struct hash *leaf)
{
	hash_leaf(span_of(bytes, RECORD_LEN), leaf);
}

void record_commitment(const uint8_t salt[SALT_LEN], struct span payload, struct hash *out)
{
	hash_prefixed(0x02, span_of(salt, SALT_LEN), payload, out);
}

bool record_is_late(int64_t time_ns, uint64_t received_ns)
{
	if (time_ns < 0)
		return true;
	uint64_t time = (uint64_t)time_ns;
	if (received_ns >= time)
		return received_ns - time > LATE_AFTER_NS;
	return time - received_ns > LATE_BEFORE_NS;
}
