/* SPDX-License-Identifier: Apache-2.0 */
#include "sealed_log.h"

#include <stdio.h>
#include <stdlib.h>

static const char ORIGIN[] = "example.org/audit";
static const uint64_t BEGIN_NS = UINT64_C(1700000000000000000);
static const uint64_t STEP_NS = 1000000000;
static const uint64_t SEAL_MAX_NS = UINT64_C(7200000000000);
static const uint64_t COSIGNED_S = 1700000003;

static void demand(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "sealed_log: %s\n", what);
	abort();
}

/* Leaves of a tree in an array, for tree_node_fn. */
struct leaves {
	const struct hash *at;
};

static enum trail_err node_at(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
	const struct leaves *leaves = ctx;
	struct hash row[SEALED_LOG_KEYS];
	size_t count = (size_t)1 << level;
	memcpy(row, leaves->at + (index << level), count * sizeof row[0]);
	for (; count > 1; count /= 2)
		for (size_t i = 0; i < count / 2; i++)
			hash_node(&row[2 * i], &row[2 * i + 1], &row[i]);
	*out = row[0];
	return TRAIL_OK;
}

static void make_keys(struct sealed_log *log)
{
	uint8_t seed[SIGN_SEED_LEN];
	struct leaves leaves = { log->seal_leaf };
	/* 00..1f and 20..3f: the keys that other vectors know. */
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)i;
	demand(skey_make(span_text(ORIGIN), seed, &log->key) == TRAIL_OK, "skey_make");
	for (size_t i = 0; i < sizeof seed; i++)
		seed[i] = (uint8_t)(i + sizeof seed);
	demand(cosign_key_make(span_text("witness.example/w1"), seed, &log->witness) == TRAIL_OK,
		"cosign_key_make");
	for (uint32_t i = 0; i < SEALED_LOG_KEYS; i++) {
		memset(seed, (int)(0x40 + i), sizeof seed);
		sign_keypair(seed, log->seal_pub[i], log->seal_secret[i]);
		seal_key_leaf(i, log->seal_pub[i], &log->seal_leaf[i]);
	}
	demand(tree_root(SEALED_LOG_KEYS, node_at, &leaves, &log->seal_root) == TRAIL_OK, "root");
}

static uint64_t time_of(size_t index)
{
	return BEGIN_NS + index * STEP_NS;
}

/* Put the record behind the others; its payload is there. */
static void put(struct sealed_log *log, struct record r)
{
	size_t at = log->size;
	struct span payload = buf_view(&log->payload[at]);
	memset(log->salt[at], (int)(0xa0 + at), SALT_LEN);
	r.version = RECORD_VERSION;
	r.received_ns = time_of(at);
	record_commitment(log->salt[at], payload, &r.commitment);
	if (at > 0)
		r.prev = log->leaf[at - 1];
	record_encode(&r, log->record[at]);
	record_leaf(log->record[at], &log->leaf[at]);
	log->size++;
}

static void put_genesis(struct sealed_log *log)
{
	struct buf vkey = { 0 };
	vkey_put(&vkey, &log->key.vkey);
	struct genesis genesis = {
		.format = GENESIS_FORMAT,
		.origin = span_text(ORIGIN),
		.vkey = buf_view(&vkey),
		.seal_root = log->seal_root,
		.seal_height = SEALED_LOG_HEIGHT,
		.seal_max_ns = SEAL_MAX_NS,
	};
	memset(genesis.random, 0x77, sizeof genesis.random);
	genesis_encode(&genesis, &log->payload[0]);
	buf_release(&vkey);
	put(log, (struct record){ .kind = KIND_DAEMON });
	log->identity = (struct log_identity){ .vkey = log->key.vkey, .genesis = log->leaf[0] };
}

static void put_start(struct sealed_log *log)
{
	struct daemon_entry entry = { .what = DAEMON_START };
	daemon_entry_encode(&entry, &log->payload[log->size]);
	put(log, (struct record){ .kind = KIND_DAEMON });
}

static void root_of(struct sealed_log *log, uint64_t size, struct hash *root)
{
	struct leaves leaves = { log->leaf };
	demand(tree_root(size, node_at, &leaves, root) == TRAIL_OK, "tree_root");
}

struct span sealed_log_note(struct sealed_log *log, uint64_t size, bool cosigned)
{
	struct checkpoint cp = { .size = size };
	struct buf text = { 0 };
	memcpy(cp.origin, ORIGIN, sizeof ORIGIN);
	root_of(log, size, &cp.root);
	checkpoint_put(&text, &cp);
	buf_clear(&log->note);
	demand(note_sign(buf_view(&text), &log->key, &log->note) == TRAIL_OK, "note_sign");
	if (cosigned)
		demand(cosign_sign(buf_view(&text), &log->witness, COSIGNED_S + size, &log->note) ==
				TRAIL_OK,
			"cosign_sign");
	buf_release(&text);
	return buf_view(&log->note);
}

/* `epoch` by the key of epoch `by`; carries a note of an older tree. */
static void put_seal(struct sealed_log *log, uint32_t epoch, uint32_t by, bool foreign)
{
	const struct sealed_log_plan *plan = &log->plan;
	bool first = log->size == SEALED_LOG_FIRST;
	struct seal_text says = { .epoch = epoch, .size = log->size };
	struct leaves leaves = { log->seal_leaf };
	struct tree_proof path;
	struct buf text = { 0 };
	uint8_t sig[SIGN_LEN];
	memcpy(says.origin, ORIGIN, sizeof ORIGIN);
	says.time_ns = time_of(log->size) - (first ? plan->first_early_ns : 0);
	root_of(log, log->size - (!first && plan->second_other_root), &says.root);
	seal_text_put(&text, &says);
	demand(tree_inclusion(by, SEALED_LOG_KEYS, node_at, &leaves, &path) == TRAIL_OK, "path");
	sign_bytes(buf_view(&text), log->seal_secret[by], sig);
	struct seal seal = {
		.text = buf_view(&text),
		.key = span_of(log->seal_pub[by], SIGN_PUBLIC_LEN),
		.path = span_of(path.path, SEALED_LOG_HEIGHT * HASH_LEN),
		.sig = span_of(sig, sizeof sig),
		.cosigned = foreign
			? span_text("example.org/audit\n1\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL"
				    "0lgz+Nw7/RgQyg=\n\n")
			: sealed_log_note(log, log->size - 1, true),
	};
	seal_encode(&seal, &log->payload[log->size]);
	demand(evidence_bare_seal(buf_view(&log->payload[log->size]), &log->bare[!first]) ==
			TRAIL_OK,
		"a bare seal");
	buf_release(&text);
	put(log, (struct record){ .kind = KIND_SEAL });
}

static void put_event(struct sealed_log *log, bool bad)
{
	struct event_value event = {
		.time_ns = (int64_t)time_of(log->size),
		.action = 2,
		.actor.id = span_text("anna"),
		.object.id = span_text("/journal/4711"),
		.subject = span_text("p-93"),
	};
	event_encode(&event, &log->payload[log->size]);
	if (bad)
		buf_put_u8(&log->payload[log->size], 0xff);
	put(log,
		(struct record){
			.kind = KIND_EVENT,
			.flags = log->plan.unknown_flag ? 0x8000 : FLAG_UNPROTECTED,
			.source = log->plan.source_is_peer ? 3 : 4,
			.peer = 3,
			.seq = log->size - 4,
		});
}

static void put_names(struct sealed_log *log)
{
	struct peer_name peer = { .type = PEER_UNIX_USER, .name = span_text("1001") };
	peer_encode(&peer, &log->payload[log->size]);
	put(log, (struct record){ .kind = KIND_PEER });
	source_encode(span_text("journal"), &log->payload[log->size]);
	put(log, (struct record){ .kind = KIND_SOURCE, .peer = 3 });
}

void sealed_log_make(struct sealed_log *log, const struct sealed_log_plan *plan)
{
	*log = (struct sealed_log){ .size = 0 };
	if (plan)
		log->plan = *plan;
	make_keys(log);
	put_genesis(log);
	put_start(log);
	put_seal(log, 0, 0, log->plan.first_foreign_note);
	put_names(log);
	put_event(log, log->plan.bad_event);
	put_event(log, false);
	uint32_t epoch = log->plan.second_epoch != 0 ? log->plan.second_epoch : 1;
	uint32_t by = log->plan.second_key != 0 ? log->plan.second_key : epoch;
	put_seal(log, epoch, by, false);
	put_event(log, false);
}

void sealed_log_release(struct sealed_log *log)
{
	for (size_t i = 0; i < SEALED_LOG_SIZE; i++)
		buf_release(&log->payload[i]);
	buf_release(&log->bare[0]);
	buf_release(&log->bare[1]);
	buf_release(&log->note);
}

void sealed_log_item(struct sealed_log *log, uint64_t index, uint64_t size,
	struct evidence_item *item, struct tree_proof *path)
{
	struct leaves leaves = { log->leaf };
	demand(tree_inclusion(index, size, node_at, &leaves, path) == TRAIL_OK, "an item's path");
	*item = (struct evidence_item){
		.index = index,
		.record = span_of(log->record[index], RECORD_LEN),
		.salt = span_of(log->salt[index], SALT_LEN),
		.payload = buf_view(&log->payload[index]),
		.path = path->path,
		.path_count = path->count,
	};
}

uint64_t sealed_log_sealed(uint64_t index)
{
	return index < SEALED_LOG_FIRST ? SEALED_LOG_FIRST : SEALED_LOG_SECOND;
}

static void add(struct sealed_log *log, uint64_t index, struct evidence *out)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->items[i].index == index)
			return;
	sealed_log_item(log, index, sealed_log_sealed(out->count ? out->items[0].index : index),
		&out->items[out->count], &out->paths[out->count]);
	out->count++;
}

void sealed_log_evidence(struct sealed_log *log, uint64_t index, struct evidence *out)
{
	struct record r;
	record_decode(log->record[index], &r);
	*out = (struct evidence){ .seal = buf_view(&log->bare[index >= SEALED_LOG_FIRST]) };
	add(log, index, out);
	add(log, 0, out);
	if (r.source != 0)
		add(log, r.source, out);
	if (r.peer != 0)
		add(log, r.peer, out);
	if (index > SEALED_LOG_FIRST)
		add(log, SEALED_LOG_FIRST, out);
}

void sealed_log_proof(struct sealed_log *log, const struct evidence *evidence, uint64_t size,
	bool cosigned, struct buf *out)
{
	struct buf extra = { 0 };
	evidence_encode(evidence, &extra);
	tlog_proof_put(out, buf_view(&extra), evidence->items[0].index, &evidence->paths[0],
		sealed_log_note(log, size, cosigned));
	demand(!extra.failed && !out->failed, "memory");
	buf_release(&extra);
}
