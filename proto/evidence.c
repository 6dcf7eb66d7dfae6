/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include "wire.h"

#include <inttypes.h>

enum {
	FIELD_ITEMS = 1,
	FIELD_SEAL = 2,
	FIELD_STAMP = 3,
	FIELD_INDEX = 1,
	FIELD_RECORD = 2,
	FIELD_SALT = 3,
	FIELD_PAYLOAD = 4,
	FIELD_PATH = 5,
	NAME_ARENA = 4096,
	GENESIS_MAX = 32 * 1024, /* a payload of genesis: a predecessor's note is the most of it */
};

/* ---- bytes ---- */

/* The next field, behind `last` or, where it may come again, with the same number. */
static enum trail_err field_take(
	struct span *in, uint32_t *last, uint32_t repeated, struct wire_field *field)
{
	enum trail_err err = wire_take(in, field);
	if (err)
		return err;
	bool ascends = field->number > *last || (field->number == *last && *last == repeated);
	bool empty = field->type == WIRE_BYTES ? field->bytes.len == 0 : field->value == 0;
	*last = field->number;
	return ascends && !empty ? TRAIL_OK : TRAIL_INVALID;
}

static bool path_take(const struct wire_field *field, struct tree_proof *path)
{
	if (field->bytes.len != HASH_LEN || path->count == TREE_LEVELS)
		return false;
	memcpy(path->path[path->count++].b, field->bytes.data, HASH_LEN);
	return true;
}

static bool item_field_take(
	const struct wire_field *field, struct evidence_item *item, struct tree_proof *path)
{
	if (field->number == FIELD_INDEX) {
		item->index = field->value;
		return field->type == WIRE_VARINT && field->value <= INT64_MAX;
	}
	if (field->type != WIRE_BYTES)
		return false;
	switch (field->number) {
	case FIELD_RECORD:
		item->record = field->bytes;
		return field->bytes.len == RECORD_LEN;
	case FIELD_SALT:
		item->salt = field->bytes;
		return field->bytes.len == SALT_LEN;
	case FIELD_PAYLOAD:
		item->payload = field->bytes;
		return item->salt.len != 0;
	case FIELD_PATH:
		return path_take(field, path);
	default:
		return false;
	}
}

static enum trail_err item_take(struct span in, struct evidence_item *item, struct tree_proof *path)
{
	struct wire_field field;
	uint32_t last = 0;
	enum trail_err err;
	*item = (struct evidence_item){ .path = path->path };
	path->count = 0;
	while ((err = field_take(&in, &last, FIELD_PATH, &field)) == TRAIL_OK)
		if (!item_field_take(&field, item, path))
			return TRAIL_INVALID;
	item->path_count = path->count;
	return err == TRAIL_END && item->record.len != 0 ? TRAIL_OK : TRAIL_INVALID;
}

static bool evidence_field_take(const struct wire_field *field, struct evidence *out)
{
	if (field->type != WIRE_BYTES)
		return false;
	switch (field->number) {
	case FIELD_ITEMS:
		if (out->count == EVIDENCE_ITEMS_MAX ||
			item_take(field->bytes, &out->items[out->count], &out->paths[out->count]))
			return false;
		out->count++;
		return true;
	case FIELD_SEAL:
		out->seal = field->bytes;
		return field->bytes.len <= SEAL_PAYLOAD_MAX;
	case FIELD_STAMP:
		out->stamp = field->bytes;
		return field->bytes.len <= STAMP_LEN_MAX;
	default:
		return false;
	}
}

enum trail_err evidence_decode(struct span in, struct evidence *out)
{
	struct wire_field field;
	uint32_t last = 0;
	enum trail_err err;
	out->count = 0;
	out->seal = out->stamp = span_of(NULL, 0);
	while ((err = field_take(&in, &last, FIELD_ITEMS, &field)) == TRAIL_OK)
		if (!evidence_field_take(&field, out))
			return TRAIL_INVALID;
	return err == TRAIL_END ? TRAIL_OK : TRAIL_INVALID;
}

void evidence_item_encode(uint32_t number, const struct evidence_item *item, struct buf *out)
{
	struct wire_mark mark = wire_open(out, number);
	wire_put_number(out, FIELD_INDEX, item->index);
	wire_put_bytes(out, FIELD_RECORD, item->record);
	wire_put_bytes(out, FIELD_SALT, item->salt);
	wire_put_bytes(out, FIELD_PAYLOAD, item->payload);
	for (size_t i = 0; i < item->path_count; i++)
		wire_put_item(out, FIELD_PATH, span_of(item->path[i].b, HASH_LEN));
	wire_close(out, mark);
}

void evidence_encode(const struct evidence *evidence, struct buf *out)
{
	for (size_t i = 0; i < evidence->count; i++)
		evidence_item_encode(FIELD_ITEMS, &evidence->items[i], out);
	wire_put_bytes(out, FIELD_SEAL, evidence->seal);
	wire_put_bytes(out, FIELD_STAMP, evidence->stamp);
}

/* ---- one record ---- */

static bool path_fits(
	const struct evidence_item *shown, const struct hash *leaf, const struct checkpoint *cp)
{
	struct tree_proof proof = { .count = shown->path_count };
	if (shown->path_count > TREE_PATH_MAX)
		return false;
	if (shown->path_count != 0)
		memcpy(proof.path, shown->path, shown->path_count * sizeof proof.path[0]);
	return tree_inclusion_check(leaf, shown->index, cp->size, &proof, &cp->root);
}

static void say_unknown(struct findings *found, const struct evidence_record *r)
{
	findings_add(found, FIND_EVIDENCE_UNKNOWN, r->shown->index,
		"record %" PRIu64 " has version %u, kind %u, flags %u, which this program does not "
		"all know: judge it with a newer one",
		r->shown->index, r->record.version, r->record.kind, r->record.flags);
}

bool evidence_open(struct findings *found, const struct checkpoint *cp,
	const struct evidence_item *shown, struct evidence_record *out)
{
	struct hash commitment;
	uint64_t index = shown->index;
	*out = (struct evidence_record){ .shown = shown };
	record_decode(shown->record.data, &out->record);
	record_leaf(shown->record.data, &out->leaf);
	if (!record_known(&out->record))
		say_unknown(found, out);
	if (cp->size != 0 && !path_fits(shown, &out->leaf, cp)) {
		findings_add(found, FIND_EVIDENCE_PATH, index,
			"record %" PRIu64 " is not in the tree of the checkpoint of %" PRIu64
			" records: the record, its path or its number was changed",
			index, cp->size);
		return false;
	}
	if (shown->salt.len == 0)
		return true;
	record_commitment(shown->salt.data, shown->payload, &commitment);
	if (hash_equal(&commitment, &out->record.commitment))
		return true;
	findings_add(found, FIND_EVIDENCE_COMMITMENT, index,
		"the payload that is shown for record %" PRIu64
		" is not the one that the record commits to: it was changed",
		index);
	return false;
}

static bool is_open(const struct evidence_record *r)
{
	return r->shown->salt.len != 0;
}

bool evidence_names(struct findings *found, const struct evidence_record *r, enum record_kind kind)
{
	uint8_t room[NAME_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct span payload = r->shown->payload;
	struct peer_name peer;
	struct span name;
	bool source = kind == KIND_SOURCE;
	bool right = r->record.kind == kind;
	/* A peer may be a person, and erased; who writes to the log may not. */
	if (right && !is_open(r))
		right = !source;
	else if (right)
		right = source ? source_decode(payload, &arena, &name) == TRAIL_OK &&
				source_name_valid(name)
			       : peer_decode(payload, &arena, &peer) == TRAIL_OK;
	if (!right)
		findings_add(found, FIND_EVIDENCE_NAME, r->shown->index,
			"record %" PRIu64 " stands for a %s, and gives no name of one",
			r->shown->index, source ? "source" : "peer");
	else if (!is_open(r))
		findings_add(found, FIND_EVIDENCE_ERASED, r->shown->index,
			"the name of the peer that record %" PRIu64
			" stands for is not in it: it was erased in the log, or left out",
			r->shown->index);
	return right;
}

/* ---- genesis ---- */

static enum trail_err bad_genesis(struct findings *found, const char *why)
{
	findings_add(found, FIND_EVIDENCE_GENESIS, 0, "record 0 %s", why);
	return TRAIL_INVALID;
}

static enum trail_err judge_genesis(struct findings *found, const struct evidence_record *r,
	const struct genesis *genesis, const struct log_identity *identity,
	struct log_identity *log, struct seal_anchor *anchor)
{
	struct vkey vkey;
	if (genesis->format != GENESIS_FORMAT || vkey_parse(genesis->vkey, &vkey) != TRAIL_OK ||
		!span_equal(span_text(vkey.name), genesis->origin) ||
		seal_anchor_of(genesis, anchor) != TRAIL_OK)
		return bad_genesis(found, "is no beginning of a log that this program knows");
	if (identity && !vkey_same(&vkey, &identity->vkey))
		return bad_genesis(found, "names another key than the log identity does");
	log->vkey = vkey;
	log->genesis = r->leaf;
	return TRAIL_OK;
}

enum trail_err evidence_genesis(struct findings *found, const struct evidence_record *r,
	const struct log_identity *identity, struct log_identity *log, struct seal_anchor *anchor)
{
	struct buf room = { 0 };
	struct genesis genesis;
	size_t need = codec_arena_need(r->shown->payload);
	if (identity && !hash_equal(&r->leaf, &identity->genesis))
		return bad_genesis(found,
			"is not the first record that the log identity names: this is of another "
			"log");
	if (r->record.kind != KIND_DAEMON || !is_open(r) || r->shown->payload.len > GENESIS_MAX ||
		need == 0)
		return bad_genesis(found, "does not show how the log began");
	if (!buf_reserve(&room, need))
		return TRAIL_NOMEM;
	struct arena arena = { .data = room.data, .cap = need };
	enum trail_err err = genesis_decode(r->shown->payload, &arena, &genesis) == TRAIL_OK
		? judge_genesis(found, r, &genesis, identity, log, anchor)
		: bad_genesis(found, "does not show how the log began");
	buf_release(&room);
	return err;
}

/* ---- a SEAL ---- */

struct seal_trial {
	struct findings *found;
	enum finding_code code;
	uint64_t index;
	const struct seal_anchor *anchor;
	const struct vkey *vkey;
};

static enum trail_err bad_seal(const struct seal_trial *t, const char *why)
{
	findings_add(t->found, t->code, t->index, "the SEAL of size %" PRIu64 " %s", t->index, why);
	return TRAIL_INVALID;
}

static const char *seal_misfit(enum seal_fault fault)
{
	switch (fault) {
	case SEAL_FITS:
		break;
	case SEAL_MALFORMED:
		return "is malformed";
	case SEAL_ORIGIN:
		return "is of another log";
	case SEAL_KEY:
		return "bears a key that is not the one of its epoch in the log's seal tree";
	case SEAL_SIGNATURE:
		return "is not signed by its key";
	}
	return NULL;
}

/* Made by encode, it has one encoding: what differs was put there afterwards. TRAIL_NOMEM. */
static enum trail_err seal_is_canonical(struct span payload, const struct seal *seal)
{
	struct buf again = { 0 };
	seal_encode(seal, &again);
	bool same = span_equal(buf_view(&again), payload);
	enum trail_err err = same ? TRAIL_OK : TRAIL_INVALID;
	if (again.failed)
		err = TRAIL_NOMEM;
	buf_release(&again);
	return err;
}

static enum trail_err judge_seal(const struct seal_trial *t, struct span payload,
	const struct seal *seal, struct evidence_seal *out)
{
	const char *why = seal_misfit(seal_check(t->anchor, seal, &out->text));
	enum trail_err err = why ? TRAIL_OK : seal_is_canonical(payload, seal);
	if (err == TRAIL_NOMEM)
		return err;
	if (err != TRAIL_OK)
		why = "is malformed";
	if (!why && out->text.size != t->index)
		why = "says that it seals another size";
	if (why)
		return bad_seal(t, why);
	out->holds = true;
	if (seal->cosigned.len == 0)
		return TRAIL_OK;
	/* What was decoded ends with the arena: the same bytes inside the payload live on. */
	const uint8_t *at =
		memmem(payload.data, payload.len, seal->cosigned.data, seal->cosigned.len);
	out->cosigned = span_of(at, at ? seal->cosigned.len : 0);
	bool fits = checkpoint_open(out->cosigned, t->vkey, &out->behind) == TRAIL_OK &&
		out->behind.size <= t->index;
	return fits ? TRAIL_OK : bad_seal(t, "carries a note that is not the log's");
}

enum trail_err evidence_take_seal(struct findings *found, enum finding_code code, uint64_t index,
	struct span payload, const struct seal_anchor *anchor, const struct vkey *vkey,
	struct evidence_seal *out)
{
	struct seal_trial t = { found, code, index, anchor, vkey };
	struct buf room = { 0 };
	struct seal seal;
	size_t need = payload.len <= SEAL_PAYLOAD_MAX ? codec_arena_need(payload) : 0;
	*out = (struct evidence_seal){ 0 };
	if (need == 0)
		return bad_seal(&t, "is malformed");
	if (!buf_reserve(&room, need))
		return TRAIL_NOMEM;
	struct arena arena = { .data = room.data, .cap = need };
	enum trail_err err = seal_decode(payload, &arena, &seal) == TRAIL_OK
		? judge_seal(&t, payload, &seal, out)
		: bad_seal(&t, "is malformed");
	buf_release(&room);
	return err;
}

/* ---- cosignatures, time stamps ---- */

enum trail_err evidence_cosigners(struct findings *found, const struct policy *policy,
	const struct vkey *log, struct span note, uint64_t size, struct quorum *out)
{
	*out = (struct quorum){ 0 };
	if (!policy || note.len == 0)
		return TRAIL_OK;
	enum trail_err err = quorum_of(policy, note, out);
	out->satisfied &= policy_takes_log(policy, log);
	if (err == TRAIL_OK || err == TRAIL_NOMEM)
		return err;
	findings_add(found, FIND_EVIDENCE_COSIGNATURE, FINDING_NOWHERE,
		"the checkpoint of %" PRIu64
		" records bears the name of a witness that did not sign it so: it was changed",
		size);
	return TRAIL_INVALID;
}

void evidence_quorum(struct findings *found, const struct policy *policy, const struct vkey *log,
	const struct quorum *quorum)
{
	if (!policy || quorum->satisfied)
		return;
	if (!policy_takes_log(policy, log))
		findings_add(found, FIND_EVIDENCE_QUORUM, FINDING_NOWHERE,
			"the witness policy is for other logs than %s", log->name);
	else if (policy->kind != POLICY_QUORUM_NONE)
		findings_add(found, FIND_EVIDENCE_QUORUM, FINDING_NOWHERE,
			"%zu of the policy's witnesses cosigned the checkpoint, which is less than "
			"the quorum that it asks for: a second history of the log cannot be ruled "
			"out",
			quorum->count);
}

/* ---- a whole proof ---- */

static bool malformed(struct evidence_case *c, const char *why)
{
	findings_add(c->found, FIND_EVIDENCE_MALFORMED, FINDING_NOWHERE, "%s", why);
	return false;
}

/* *next is taken off the items when it is that of record `index`. */
static bool item_due(struct evidence_case *c, size_t *next, uint64_t index, const char *what,
	struct evidence_record *out)
{
	struct evidence *e = &c->evidence;
	if (*next < e->count && e->items[*next].index == index)
		return evidence_open(c->found, &c->cp, &e->items[(*next)++], out);
	findings_add(c->found, FIND_EVIDENCE_ITEMS, index,
		"record %" PRIu64 ", %s, is missing, or not where it belongs", index, what);
	return false;
}

/* The entry that stands for a source or peer of the record. 0: the log itself. */
static bool named_due(struct evidence_case *c, size_t *next, uint64_t index, enum record_kind kind,
	struct evidence_record *out)
{
	if (index == 0)
		return true;
	if (index >= c->index) {
		findings_add(c->found, FIND_EVIDENCE_NAME, c->index,
			"record %" PRIu64 " names record %" PRIu64
			", which is no earlier one, as its source or peer",
			c->index, index);
		return false;
	}
	return item_due(c, next, index, kind == KIND_SOURCE ? "its SOURCE" : "its PEER", out) &&
		evidence_names(c->found, out, kind);
}

static bool parse(struct evidence_case *c, struct span text, enum trail_err *err)
{
	if (text.len <= EVIDENCE_FILE_MAX)
		*err = tlog_proof_parse(text, &c->extra, &c->index, &c->path, &c->note);
	else
		*err = TRAIL_INVALID;
	if (*err == TRAIL_NOMEM)
		return false;
	if (*err != TRAIL_OK)
		return malformed(c, "this is no .tlog-proof: `trail prove` writes one");
	if (evidence_decode(buf_view(&c->extra), &c->evidence) != TRAIL_OK)
		return malformed(
			c, "its extra line is not evidence of a trail log, or was changed");
	if (c->evidence.count == 0 || c->evidence.items[0].index != c->index)
		return malformed(c, "it does not show the record that it is to prove");
	return true;
}

/* Genesis stands second, or first where it is what is proven. */
static bool take_genesis(struct evidence_case *c, enum trail_err *err)
{
	static const struct checkpoint NO_TREE = { .size = 0 };
	size_t at = c->index == 0 ? 0 : 1;
	if (at >= c->evidence.count || c->evidence.items[at].index != 0) {
		findings_add(c->found, FIND_EVIDENCE_ITEMS, 0,
			"record 0, the log's first, is missing, or not where it belongs");
		return false;
	}
	/* Its path is judged in its turn: the checkpoint is not known yet. */
	if (!evidence_open(c->found, &NO_TREE, &c->evidence.items[at], &c->genesis))
		return false;
	*err = evidence_genesis(c->found, &c->genesis, c->identity, &c->log, &c->anchor);
	return *err == TRAIL_OK;
}

static bool open_note(struct evidence_case *c)
{
	c->signed_by_log = checkpoint_open(c->note, &c->log.vkey, &c->cp) == TRAIL_OK;
	if (c->signed_by_log && c->cp.size != 0)
		return true;
	findings_add(c->found, FIND_EVIDENCE_NOTE, FINDING_NOWHERE,
		"its checkpoint is not signed by %s: it was changed, or is another log's",
		c->log.vkey.name);
	return false;
}

/* The .tlog-proof's own path is that of the item: who reads only the one sees the same. */
static bool same_path(const struct evidence_case *c)
{
	const struct tree_proof *path = &c->evidence.paths[0];
	return c->path.count == path->count &&
		memcmp(c->path.path, path->path, path->count * sizeof path->path[0]) == 0;
}

static bool take_event(struct evidence_case *c, size_t *next)
{
	struct event_facts facts = { 0 };
	struct event_fault fault;
	if (!item_due(c, next, c->index, "the one to prove", &c->event))
		return false;
	if (!same_path(c)) {
		findings_add(c->found, FIND_EVIDENCE_PATH, c->index,
			"record %" PRIu64 " has two paths that differ: one was changed", c->index);
		return false;
	}
	if (!is_open(&c->event)) {
		findings_add(c->found, FIND_EVIDENCE_ERASED, c->index,
			"what record %" PRIu64
			" commits to is not in it: it was erased in the log, or left out; that "
			"something was recorded holds, but not what",
			c->index);
		return true;
	}
	if (c->event.record.kind != KIND_EVENT ||
		event_walk(c->event.shown->payload, &facts, &fault) == TRAIL_OK)
		return true;
	findings_add(c->found, FIND_EVIDENCE_EVENT, c->index,
		"what record %" PRIu64 " commits to is no valid event", c->index);
	return false;
}

/* The last item, if one is left: the SEAL before the record. */
static bool take_before(struct evidence_case *c, size_t *next, enum trail_err *err)
{
	struct evidence *e = &c->evidence;
	if (*next == e->count)
		return true;
	uint64_t index = e->items[*next].index;
	if (*next + 1 != e->count || index >= c->index) {
		findings_add(c->found, FIND_EVIDENCE_ITEMS, index,
			"record %" PRIu64 " is none of those that belong to the proof, or is not "
			"where it belongs",
			index);
		return false;
	}
	if (!item_due(c, next, index, "the SEAL before", &c->before))
		return false;
	if (c->before.record.kind != KIND_SEAL || !is_open(&c->before)) {
		findings_add(c->found, FIND_EVIDENCE_BEFORE, index,
			"record %" PRIu64 " stands for the SEAL before, and is none", index);
		return false;
	}
	*err = evidence_take_seal(c->found, FIND_EVIDENCE_BEFORE, index, c->before.shown->payload,
		&c->anchor, &c->log.vkey, &c->seal_before);
	if (*err != TRAIL_OK)
		return false;
	if (c->seal_before.text.time_ns == c->before.record.received_ns)
		return true;
	findings_add(c->found, FIND_EVIDENCE_BEFORE, index,
		"the SEAL of size %" PRIu64 " says another time than its record", index);
	return false;
}

/* Every SEAL but the first has one before it, of the epoch before; one may be the record itself. */
static bool epoch_fits(const struct evidence_case *c)
{
	uint64_t before = c->seal_before.holds ? (uint64_t)c->seal_before.text.epoch + 1 : 0;
	return c->seal.text.epoch == before + (c->event.record.kind == KIND_SEAL);
}

static bool take_seal(struct evidence_case *c, enum trail_err *err)
{
	struct evidence_seal *seal = &c->seal;
	if (c->evidence.seal.len == 0) {
		findings_add(c->found, FIND_EVIDENCE_UNSEALED, c->index,
			"record %" PRIu64
			" is not sealed in it: who stole the log's key later could have made this; "
			"fetch the proof again after the log's next SEAL",
			c->index);
		return true;
	}
	*err = evidence_take_seal(c->found, FIND_EVIDENCE_SEAL, c->cp.size, c->evidence.seal,
		&c->anchor, &c->log.vkey, seal);
	if (*err != TRAIL_OK)
		return false;
	seal->holds = hash_equal(&seal->text.root, &c->cp.root) && seal->cosigned.len == 0;
	if (seal->cosigned.len != 0)
		findings_add(c->found, FIND_EVIDENCE_SEAL, c->cp.size,
			"the SEAL of size %" PRIu64
			" comes with a cosigned note, which nothing here binds",
			c->cp.size);
	else if (!seal->holds)
		findings_add(c->found, FIND_EVIDENCE_SEAL, c->cp.size,
			"the SEAL of size %" PRIu64 " seals another tree than the checkpoint's",
			c->cp.size);
	else if (!epoch_fits(c))
		findings_add(c->found, FIND_EVIDENCE_EPOCH, c->cp.size,
			"the SEAL of size %" PRIu64 " has epoch %" PRIu32
			", which is not that behind the SEAL before the record: one is missing or "
			"was put in",
			c->cp.size, seal->text.epoch);
	return seal->holds;
}

static bool take_witnesses(struct evidence_case *c, enum trail_err *err)
{
	const struct vkey *log = &c->log.vkey;
	*err = evidence_cosigners(c->found, c->policy, log, c->note, c->cp.size, &c->quorum);
	if (*err == TRAIL_OK)
		*err = evidence_cosigners(c->found, c->policy, log, c->seal_before.cosigned,
			c->seal_before.behind.size, &c->quorum_before);
	if (*err != TRAIL_OK)
		return false;
	evidence_quorum(c->found, c->policy, log, &c->quorum);
	return true;
}

static bool take_stamp(struct evidence_case *c, enum trail_err *err)
{
	char why[STAMP_WHY_MAX];
	struct span text;
	if (c->anchors.len == 0 || c->evidence.stamp.len == 0 ||
		note_open(c->note, &c->log.vkey, &text) != TRAIL_OK)
		return true;
	*err = stamp_check(c->evidence.stamp, text, c->anchors, &c->stamp, why);
	c->stamped = *err == TRAIL_OK;
	if (!c->stamped && *err != TRAIL_NOMEM)
		findings_add(c->found, FIND_EVIDENCE_STAMP, FINDING_NOWHERE,
			"its time stamp does not hold: %s", why);
	return c->stamped;
}

static bool take_items(struct evidence_case *c, enum trail_err *err)
{
	size_t next = 0;
	struct evidence_record genesis;
	if (!take_event(c, &next))
		return false;
	if (c->index != 0 && !item_due(c, &next, 0, "the log's first", &genesis))
		return false;
	return named_due(c, &next, c->event.record.source, KIND_SOURCE, &c->source) &&
		named_due(c, &next, c->event.record.peer, KIND_PEER, &c->peer) &&
		take_before(c, &next, err);
}

enum trail_err evidence_judge(struct evidence_case *c, struct span text)
{
	enum trail_err err = TRAIL_OK;
	if (!c->identity)
		findings_add(c->found, FIND_EVIDENCE_IDENTITY, FINDING_NOWHERE,
			"no log identity was given, so the proof's own word stands for which log "
			"it is: give the log identity file, from a path that you trust, with "
			"--log");
	bool whole = parse(c, text, &err) && take_genesis(c, &err) && open_note(c) &&
		take_items(c, &err) && take_seal(c, &err) && take_witnesses(c, &err) &&
		take_stamp(c, &err);
	/* A false answer came with a finding, or with memory that is out. */
	(void)whole;
	return err == TRAIL_NOMEM ? TRAIL_NOMEM : TRAIL_OK;
}

void evidence_release(struct evidence_case *c)
{
	buf_release(&c->extra);
}

enum trail_err evidence_bare_seal(struct span payload, struct buf *out)
{
	struct buf room = { 0 };
	struct seal seal;
	size_t need = payload.len <= SEAL_PAYLOAD_MAX ? codec_arena_need(payload) : 0;
	if (need == 0)
		return TRAIL_INVALID;
	if (!buf_reserve(&room, need))
		return TRAIL_NOMEM;
	struct arena arena = { .data = room.data, .cap = need };
	enum trail_err err = seal_decode(payload, &arena, &seal);
	if (err == TRAIL_OK) {
		seal.cosigned = span_of(NULL, 0);
		seal_encode(&seal, out);
		err = out->failed ? TRAIL_NOMEM : TRAIL_OK;
	}
	buf_release(&room);
	return err;
}
