/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control entries: exactly one row per control record, of its kind, with the payload that it
 * commits to; and what those payloads say of the log itself: its genesis, its sources, its peers,
 * its runs.
 */
#include "../proto/wire.h"
#include "check_lanes.h"
#include "names.h"
#include "signer/state.h"

enum {
	CONTROL_LEN_MAX = 64 * 1024,
	GENESIS_FORMAT = 1,
	NAMES_OF_SOURCES = 0, /* names.h keeps both kinds apart by a type; peers have theirs */
};

void control_begin(struct control_lane *lane, struct scan *scan)
{
	*lane = (struct control_lane){ 0 };
	walk_begin(&lane->walk, scan, scan->txn, TABLE_CONTROL, span_of(NULL, 0));
	lane->has = walk_next(&lane->walk);
}

static uint64_t row_index(const struct control_lane *lane)
{
	return load_be64(lane->walk.key.data);
}

static void extra(const struct control_lane *lane)
{
	scan_find(lane->walk.scan, FIND_CONTROL_EXTRA, row_index(lane),
		"a control payload lies under %llu, which is no control entry; restore the store",
		(unsigned long long)row_index(lane));
}

/* ---- what payloads say ---- */

static void bad_payload(struct scan *scan, uint64_t index, const char *what)
{
	scan_find(scan, FIND_CONTROL_PAYLOAD, index, "%s at %llu; compare with a mirror", what,
		(unsigned long long)index);
}

/* The key that heads are opened with, unless one was pinned. */
static bool genesis_key(struct scan *scan, const struct genesis *g)
{
	struct vkey key;
	if (vkey_parse(g->vkey, &key) != TRAIL_OK || !span_equal(g->origin, span_text(key.name)))
		return false;
	scan->genesis_key = key;
	scan->has_genesis_key = true;
	if (scan->evidence->given) {
		const struct vkey *pinned = &scan->evidence->pinned.vkey;
		if (strcmp(pinned->name, key.name) != 0 ||
			memcmp(pinned->pub, key.pub, sizeof key.pub) != 0)
			scan_find(scan, FIND_IDENTITY_GIVEN, 0,
				"record 0 names key %08x, --log key %08x: this is another log",
				key.keyid, pinned->keyid);
		return true;
	}
	scan->vkey = key;
	scan->has_vkey = true;
	return true;
}

static void take_genesis(struct scan *scan, struct span payload)
{
	struct genesis g;
	struct arena arena = scan_arena(scan, payload);
	if (genesis_decode(payload, &arena, &g) != TRAIL_OK || !genesis_key(scan, &g)) {
		scan_find(scan, FIND_SPINE_GENESIS, 0,
			"record 0 does not begin a log: its payload names no key of its origin");
		return;
	}
	if (g.format != GENESIS_FORMAT)
		scan_find(scan, FIND_STORE_NEWER, 0,
			"record 0 says format %u: a later traild must check this log", g.format);
	if (g.seal_height < SEAL_HEIGHT_MIN || g.seal_height > SEAL_HEIGHT_MAX)
		scan_find(scan, FIND_SPINE_GENESIS, 0,
			"record 0 has a seal height of %u, not %d to %d", g.seal_height,
			SEAL_HEIGHT_MIN, SEAL_HEIGHT_MAX);
}

static void add_name(struct scan *scan, uint64_t index, uint8_t type, struct span name)
{
	if (names_find(scan->names, type, name) != 0) {
		scan_find(scan, FIND_CONTROL_NAME, index,
			"the name that entry %llu gives stands in entry %llu already",
			(unsigned long long)index,
			(unsigned long long)names_find(scan->names, type, name));
		return;
	}
	if (!names_add(scan->names, type, name, index))
		scan_nomem();
}

static void take_source(struct scan *scan, uint64_t index, struct span payload)
{
	struct span name;
	struct arena arena = scan_arena(scan, payload);
	if (source_decode(payload, &arena, &name) != TRAIL_OK) {
		bad_payload(scan, index, "a SOURCE payload does not decode");
		return;
	}
	if (!source_name_valid(name)) {
		scan_find(scan, FIND_CONTROL_NAME, index, "entry %llu gives no valid source name",
			(unsigned long long)index);
		return;
	}
	add_name(scan, index, NAMES_OF_SOURCES, name);
}

void control_peer(struct scan *scan, uint64_t index, struct span payload)
{
	struct peer_name peer;
	struct arena arena = scan_arena(scan, payload);
	if (peer_decode(payload, &arena, &peer) != TRAIL_OK) {
		bad_payload(scan, index, "a PEER payload does not decode");
		return;
	}
	bool known = peer.type == PEER_UNIX_USER || peer.type == PEER_CERTIFICATE;
	if (!known || peer.name.len == 0 || peer.name.len > NAME_MAX_LEN || !text_name(peer.name)) {
		scan_find(scan, FIND_CONTROL_NAME, index, "entry %llu gives no valid peer name",
			(unsigned long long)index);
		return;
	}
	add_name(scan, index, (uint8_t)peer.type, peer.name);
}

static void take_daemon(
	struct scan *scan, uint64_t index, struct span payload, struct control_facts *facts)
{
	struct daemon_entry entry;
	struct arena arena = scan_arena(scan, payload);
	if (daemon_entry_decode(payload, &arena, &entry) != TRAIL_OK) {
		bad_payload(scan, index, "a DAEMON payload does not decode");
		return;
	}
	if (entry.what < DAEMON_START || entry.what > DAEMON_CLOSED)
		scan_find(scan, FIND_CONTROL_UNJUDGED, index,
			"the DAEMON entry %llu says something that this traild does not know",
			(unsigned long long)index);
	if (entry.what == DAEMON_LOSS && !index_set_has(&scan->spine.sources, entry.source))
		bad_payload(scan, index, "a loss of a source that the log does not know is listed");
	facts->is_clock = entry.what == DAEMON_CLOCK;
	facts->is_start = entry.what == DAEMON_START;
}

static void take_payload(struct scan *scan, uint64_t index, uint8_t kind, struct span payload,
	struct control_facts *facts)
{
	switch ((enum record_kind)kind) {
	case KIND_SOURCE:
		take_source(scan, index, payload);
		break;
	case KIND_DAEMON:
		if (index == 0)
			take_genesis(scan, payload);
		else
			take_daemon(scan, index, payload, facts);
		break;
	case KIND_POLICY:
	case KIND_SEAL:
	case KIND_ERASURE:
		scan_find(scan, FIND_CONTROL_UNJUDGED, index,
			"entry %llu of kind %u fits its record, but this traild cannot judge what "
			"it "
			"says",
			(unsigned long long)index, kind);
		break;
	case KIND_EVENT:
	case KIND_PEER:
		break;
	}
}

/* ---- rows ---- */

static void judge_row(struct control_lane *lane, uint64_t index, const struct record *r,
	struct control_facts *facts)
{
	struct scan *scan = lane->walk.scan;
	struct control_row row;
	struct hash commitment;
	if (!control_row_decode(lane->walk.value, &row) || row.kind != r->kind ||
		row.payload.len > CONTROL_LEN_MAX) {
		scan_find(scan, FIND_CONTROL_ROW, index,
			"the control row of entry %llu is malformed or of another kind; restore "
			"the "
			"store",
			(unsigned long long)index);
		return;
	}
	if (!row.salt)
		return;
	record_commitment(row.salt, row.payload, &commitment);
	if (!hash_equal(&commitment, &r->commitment)) {
		scan_find(scan, FIND_CONTROL_COMMITMENT, index,
			"the payload of control entry %llu is not what its record commits to; "
			"compare with a mirror",
			(unsigned long long)index);
		return;
	}
	scan->box->result.payloads++;
	if (record_known(r))
		take_payload(scan, index, r->kind, row.payload, facts);
}

struct control_facts control_take(struct control_lane *lane, uint64_t index, const struct record *r)
{
	/* A payload that is missing or unreadable says that it is neither. */
	struct control_facts facts = { .known = true };
	while (lane->has && row_index(lane) < index) {
		extra(lane);
		lane->has = walk_next(&lane->walk);
	}
	if (lane->has && row_index(lane) == index) {
		judge_row(lane, index, r, &facts);
		lane->has = walk_next(&lane->walk);
		return facts;
	}
	if (record_known(r))
		scan_find(lane->walk.scan, FIND_CONTROL_MISSING, index,
			"the payload of control entry %llu is missing; restore the store",
			(unsigned long long)index);
	return facts;
}

void control_end(struct control_lane *lane)
{
	for (; lane->has; lane->has = walk_next(&lane->walk))
		extra(lane);
	walk_count(&lane->walk);
}
