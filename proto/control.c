/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "wire.h"

enum {
	ARENA_MAX = 1 << 20,
	NAMES_MAX = 1 << 18,  /* twice what a log takes; 80 MB */
	NAMES_OF_SOURCES = 0, /* names.h keeps both kinds apart by a type; peers have theirs */
};

enum trail_err control_init(struct control *c, struct findings *found, const struct spine *spine)
{
	*c = (struct control){ .found = found, .spine = spine, .names = names_new() };
	c->seals.found = found;
	/* Grown once, to what the largest payload needs that is decoded at all. */
	return c->names && buf_reserve(&c->scratch, ARENA_MAX) ? TRAIL_OK : TRAIL_NOMEM;
}

void control_release(struct control *c)
{
	names_free(c->names);
	buf_release(&c->scratch);
	*c = (struct control){ 0 };
}

/* An arena in which `payload` can be decoded, unless it is built to need more than any does. */
static struct arena scratch_arena(struct control *c, struct span payload)
{
	if (codec_arena_need(payload) > ARENA_MAX)
		return (struct arena){ 0 };
	return (struct arena){ .data = c->scratch.data, .cap = c->scratch.cap };
}

static void bad_payload(struct control *c, uint64_t index, const char *what)
{
	findings_add(c->found, FIND_CONTROL_PAYLOAD, index, "%s at %llu; compare with a mirror",
		what, (unsigned long long)index);
}

/* False: it names no key of its origin. */
static bool genesis_key(struct control *c, const struct genesis *g)
{
	struct vkey key;
	if (vkey_parse(g->vkey, &key) != TRAIL_OK || !span_equal(g->origin, span_text(key.name)))
		return false;
	c->genesis_key = key;
	c->has_genesis_key = true;
	if (c->pinned && !vkey_same(c->pinned, &key))
		findings_add(c->found, FIND_IDENTITY_GIVEN, 0,
			"record 0 names key %08x, --log key %08x: this is another log", key.keyid,
			c->pinned->keyid);
	return true;
}

static void judge_succession(struct control *c, const struct genesis *g)
{
	static const enum finding_code codes[] = {
		[SUCCESSION_MALFORMED] = FIND_SUCCESSION_MALFORMED,
		[SUCCESSION_SELF] = FIND_SUCCESSION_SELF,
		[SUCCESSION_NOTE] = FIND_SUCCESSION_NOTE,
	};
	char why[SUCCESSION_WHY_LEN];
	enum succession_fault fault = succession_read(g, &c->genesis_key, &c->succession);
	if (fault == SUCCESSION_FITS)
		return;
	succession_fault_text(fault, &c->succession, why);
	findings_add(c->found, codes[fault], 0, "%s", why);
}

static void take_genesis(struct control *c, const struct record *r, struct span payload)
{
	struct genesis g;
	struct arena arena = scratch_arena(c, payload);
	if (genesis_decode(payload, &arena, &g) != TRAIL_OK || !genesis_key(c, &g)) {
		findings_add(c->found, FIND_SPINE_GENESIS, 0,
			"record 0 does not begin a log: its payload names no key of its origin");
		return;
	}
	if (g.format != GENESIS_FORMAT)
		findings_add(c->found, FIND_STORE_NEWER, 0,
			"record 0 says format %u: a later traild must check this log", g.format);
	if (g.seal_height < SEAL_HEIGHT_MIN || g.seal_height > SEAL_HEIGHT_MAX)
		findings_add(c->found, FIND_SPINE_GENESIS, 0,
			"record 0 has a seal height of %u, not %d to %d", g.seal_height,
			SEAL_HEIGHT_MIN, SEAL_HEIGHT_MAX);
	judge_succession(c, &g);
	seals_anchor(&c->seals, &g, r->received_ns);
}

static void take_seal(struct control *c, struct span payload)
{
	struct seal seal;
	struct arena arena = scratch_arena(c, payload);
	if (seal_decode(payload, &arena, &seal) == TRAIL_OK)
		seals_show(&c->seals, &seal);
	else
		seals_show_garbage(&c->seals);
}

static enum trail_err add_name(struct control *c, uint64_t index, uint8_t type, struct span name)
{
	if (names_find(c->names, type, name) != 0) {
		findings_add(c->found, FIND_CONTROL_NAME, index,
			"the name that entry %llu gives stands in entry %llu already",
			(unsigned long long)index,
			(unsigned long long)names_find(c->names, type, name));
		return TRAIL_OK;
	}
	if (names_count(c->names) == NAMES_MAX) {
		findings_add(c->found, FIND_CONTROL_UNJUDGED, index,
			"entry %llu gives one name more than are followed",
			(unsigned long long)index);
		return TRAIL_OK;
	}
	return names_add(c->names, type, name, index) ? TRAIL_OK : TRAIL_NOMEM;
}

static enum trail_err take_source(struct control *c, uint64_t index, struct span payload)
{
	struct span name;
	struct arena arena = scratch_arena(c, payload);
	if (source_decode(payload, &arena, &name) != TRAIL_OK) {
		bad_payload(c, index, "a SOURCE payload does not decode");
		return TRAIL_OK;
	}
	if (!source_name_valid(name)) {
		findings_add(c->found, FIND_CONTROL_NAME, index,
			"entry %llu gives no valid source name", (unsigned long long)index);
		return TRAIL_OK;
	}
	return add_name(c, index, NAMES_OF_SOURCES, name);
}

static enum trail_err take_peer(struct control *c, uint64_t index, struct span payload)
{
	struct peer_name peer;
	struct arena arena = scratch_arena(c, payload);
	if (peer_decode(payload, &arena, &peer) != TRAIL_OK) {
		bad_payload(c, index, "a PEER payload does not decode");
		return TRAIL_OK;
	}
	bool known = peer.type == PEER_UNIX_USER || peer.type == PEER_CERTIFICATE;
	if (!known || peer.name.len == 0 || peer.name.len > NAME_MAX_LEN || !text_name(peer.name)) {
		findings_add(c->found, FIND_CONTROL_NAME, index,
			"entry %llu gives no valid peer name", (unsigned long long)index);
		return TRAIL_OK;
	}
	return add_name(c, index, (uint8_t)peer.type, peer.name);
}

static void take_daemon(
	struct control *c, uint64_t index, struct span payload, struct control_facts *facts)
{
	struct daemon_entry entry;
	struct arena arena = scratch_arena(c, payload);
	if (daemon_entry_decode(payload, &arena, &entry) != TRAIL_OK) {
		bad_payload(c, index, "a DAEMON payload does not decode");
		return;
	}
	if (entry.what < DAEMON_START || entry.what > DAEMON_FORK)
		findings_add(c->found, FIND_CONTROL_UNJUDGED, index,
			"the DAEMON entry %llu says something that this traild does not know",
			(unsigned long long)index);
	if (entry.what == DAEMON_LOSS && !spine_has_source(c->spine, entry.source))
		bad_payload(c, index, "a loss of a source that the log does not know is listed");
	facts->is_clock = entry.what == DAEMON_CLOCK;
	facts->is_start = entry.what == DAEMON_START;
	facts->is_closed = entry.what == DAEMON_CLOSED;
	if (facts->is_clock || facts->is_start)
		seals_excuse(&c->seals);
}

enum trail_err control_judge(struct control *c, uint64_t index, const struct record *r,
	struct span payload, struct control_facts *facts)
{
	facts->known = true;
	switch ((enum record_kind)r->kind) {
	case KIND_SOURCE:
		return take_source(c, index, payload);
	case KIND_PEER:
		return take_peer(c, index, payload);
	case KIND_DAEMON:
		if (index == 0)
			take_genesis(c, r, payload);
		else
			take_daemon(c, index, payload, facts);
		break;
	case KIND_SEAL:
		take_seal(c, payload);
		break;
	case KIND_POLICY:
	case KIND_ERASURE:
		findings_add(c->found, FIND_CONTROL_UNJUDGED, index,
			"entry %llu of kind %u fits its record, but this traild cannot judge what "
			"it says",
			(unsigned long long)index, r->kind);
		break;
	case KIND_EVENT:
		break;
	}
	return TRAIL_OK;
}
