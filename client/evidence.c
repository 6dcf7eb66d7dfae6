/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include "call.h"
#include "contact.h"
#include "deadline.h"
#include "trail_entry.h"

#include <stdlib.h>

enum {
	TAG_BYTES = 2, /* protobuf's wire type of length-delimited fields */
	FIELD_ITEMS = 1,
	FIELD_INDEX = 1,
	FIELD_RECORD = 2,
	FIELD_SALT = 3,
	FIELD_PAYLOAD = 4,
	FIELD_PATH = 5,
};

static void put_varint(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_put_u8(out, (uint8_t)(v | 0x80));
		v >>= 7;
	}
	buf_put_u8(out, (uint8_t)v);
}

static void put_bytes(struct buf *out, unsigned field, struct span s)
{
	put_varint(out, field << 3 | TAG_BYTES);
	put_varint(out, s.len);
	buf_put_span(out, s);
}

void evidence_put_item(struct buf *out, uint64_t index, const uint8_t record[RECORD_LEN],
	struct span salt, struct span payload, const struct tree_proof *path)
{
	struct buf item = { 0 };
	if (index != 0) {
		put_varint(&item, FIELD_INDEX << 3);
		put_varint(&item, index);
	}
	put_bytes(&item, FIELD_RECORD, span_of(record, RECORD_LEN));
	if (salt.len != 0)
		put_bytes(&item, FIELD_SALT, salt);
	if (payload.len != 0)
		put_bytes(&item, FIELD_PAYLOAD, payload);
	for (size_t i = 0; i < path->count; i++)
		put_bytes(&item, FIELD_PATH, span_of(path->path[i].b, HASH_LEN));
	out->failed |= item.failed;
	put_bytes(out, FIELD_ITEMS, buf_view(&item));
	buf_release(&item);
}

/* The path of record `n` to the checkpoint `cp`, checked for its leaf. */
static enum trail_err path_to(struct trail *t, const struct trail_entry *n,
	const struct checkpoint *cp, int64_t deadline, struct tree_proof *path)
{
	struct response answer;
	struct request request = {
		.kind = REQUEST_PROVE,
		.prove = { .index = n->index, .size = cp->size },
	};
	enum trail_err err = call_wait(t, &request, RESPONSE_PROOF, deadline, &answer);
	if (err != TRAIL_OK)
		return err;
	*path = answer.proof.path;
	if (tree_inclusion_check(&n->leaf, n->index, cp->size, path, &cp->root))
		return TRAIL_OK;
	(void)fault_set(&t->fault, TRAIL_CORRUPT,
		"the daemon's proof does not lead from record %llu to its checkpoint",
		(unsigned long long)n->index);
	return handle_lose(t);
}

/* Add record `index` to the evidence; *path and *record are its. */
static enum trail_err add_item(struct trail *t, uint64_t index, const struct checkpoint *cp,
	int64_t deadline, struct buf *extra, struct tree_proof *path, struct record *record)
{
	struct trail_entry *n = NULL;
	enum trail_err err = entry_fetch(t, index, deadline, &n);
	if (err == TRAIL_OK)
		err = path_to(t, n, cp, deadline, path);
	if (err == TRAIL_OK) {
		struct span salt = span_of(n->salt, n->open ? SALT_LEN : 0);
		evidence_put_item(extra, index, n->bytes, salt, buf_view(&n->payload), path);
		*record = n->record;
	}
	trail_entry_free(n);
	return err;
}

/* The event, genesis, its SOURCE, its PEER; each once, though they may be the same. */
static enum trail_err add_items(struct trail *t, uint64_t index, const struct checkpoint *cp,
	int64_t deadline, struct buf *extra, struct tree_proof *path)
{
	struct record record, other;
	struct tree_proof ignored;
	enum trail_err err = add_item(t, index, cp, deadline, extra, path, &record);
	if (err == TRAIL_OK && index != 0)
		err = add_item(t, 0, cp, deadline, extra, &ignored, &other);
	if (err == TRAIL_OK && record.source != 0)
		err = add_item(t, record.source, cp, deadline, extra, &ignored, &other);
	if (err == TRAIL_OK && record.peer != 0 && record.peer != index)
		err = add_item(t, record.peer, cp, deadline, extra, &ignored, &other);
	return err;
}

/* The note is copied: answers on the way may bring a larger one. */
static enum trail_err prove(struct trail *t, uint64_t index, int64_t deadline, struct buf *text)
{
	struct checkpoint cp = t->trust.held.cp;
	struct tree_proof path;
	struct buf extra = { 0 };
	struct buf note = { 0 };
	buf_put_span(&note, buf_view(&t->trust.held.note));
	enum trail_err err = add_items(t, index, &cp, deadline, &extra, &path);
	if (err != TRAIL_OK)
		goto out;
	if (extra.len > EVIDENCE_MAX) {
		err = fault_set(&t->fault, TRAIL_TOO_BIG, "the evidence exceeds 48 KiB");
		goto out;
	}
	tlog_proof_put(text, buf_view(&extra), index, &path, buf_view(&note));
	buf_put_u8(text, 0);
	if (extra.failed || note.failed || text->failed)
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
out:
	buf_release(&extra);
	buf_release(&note);
	return err;
}

enum trail_err trail_prove(struct trail *t, uint64_t index, char **text, size_t *len)
{
	struct buf made = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!text || !len)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the proof");
	int64_t deadline = deadline_in(t->timeout_ms);
	err = contact_reach(t, index, deadline);
	if (err == TRAIL_OK)
		err = prove(t, index, deadline, &made);
	if (err == TRAIL_OK)
		err = contact_settle(t, deadline);
	if (err != TRAIL_OK) {
		buf_release(&made);
		return err;
	}
	*text = (char *)made.data;
	*len = made.len - 1;
	return TRAIL_OK;
}

void trail_text_free(char *text)
{
	free(text);
}
