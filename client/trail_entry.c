/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_entry.h"

#include "call.h"
#include "contact.h"
#include "deadline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NAME_ARENA = 4096
};

void trail_entry_free(struct trail_entry *n)
{
	if (!n)
		return;
	buf_release(&n->payload);
	free(n->source_name);
	free(n->peer_name);
	trail_event_free(n->event);
	free(n);
}

static enum trail_err lies(struct trail *t, uint64_t index, const char *why)
{
	(void)fault_set(
		&t->fault, TRAIL_CORRUPT, "record %" PRIu64 " does not verify: %s", index, why);
	return handle_lose(t);
}

/* Fill the entry from the answer; NULL, or what does not fit. */
static const char *entry_take(
	struct trail *t, const struct rows *rows, struct trail_entry *n, enum trail_err *err)
{
	struct checkpoint cp;
	struct hash commitment;
	*err = trust_see(&t->trust, rows->checkpoint, &cp, &t->fault);
	if (*err != TRAIL_OK)
		return NULL;
	if (rows->row_count != 1 || rows->rows[0].index != n->index)
		return "the answer is not that record alone";
	const struct evidence_item *row = &rows->rows[0];
	struct tree_proof path = { .count = row->path_count };
	memcpy(path.path, row->path, row->path_count * sizeof path.path[0]);
	memcpy(n->bytes, row->record.data, RECORD_LEN);
	record_decode(n->bytes, &n->record);
	record_leaf(n->bytes, &n->leaf);
	n->size = cp.size;
	if (!tree_inclusion_check(&n->leaf, n->index, cp.size, &path, &cp.root))
		return "it is not in the tree of the signed checkpoint";
	if (row->salt.len == 0)
		return row->payload.len == 0 ? NULL : "its payload comes without a salt";
	record_commitment(row->salt.data, row->payload, &commitment);
	if (!hash_equal(&commitment, &n->record.commitment))
		return "it does not commit to the payload that was given";
	memcpy(n->salt, row->salt.data, SALT_LEN);
	buf_put_span(&n->payload, row->payload);
	n->open = true;
	if (n->payload.failed)
		*err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	return NULL;
}

enum trail_err entry_fetch(
	struct trail *t, uint64_t index, int64_t deadline, struct trail_entry **entry)
{
	struct response answer;
	struct request request = { .kind = REQUEST_GET, .question = { .index = index } };
	enum trail_err err = call_wait(t, &request, RESPONSE_ROWS, deadline, &answer);
	if (err != TRAIL_OK)
		return err;
	struct trail_entry *n = calloc(1, sizeof *n);
	if (!n)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	n->index = index;
	const char *why = entry_take(t, &answer.rows, n, &err);
	if (why)
		err = lies(t, index, why);
	if (err == TRAIL_OK) {
		*entry = n;
		return TRAIL_OK;
	}
	trail_entry_free(n);
	return err == TRAIL_CORRUPT ? handle_lose(t) : err;
}

static char *source_text(const struct trail_entry *n)
{
	uint8_t room[NAME_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct span name;
	if (!n->open || source_decode(buf_view(&n->payload), &arena, &name) != TRAIL_OK)
		return NULL;
	return strndup((const char *)name.data, name.len);
}

static char *peer_text(const struct trail_entry *n)
{
	uint8_t room[NAME_ARENA];
	struct arena arena = { .data = room, .cap = sizeof room };
	struct peer_name peer;
	char *text = NULL;
	if (!n->open || peer_decode(buf_view(&n->payload), &arena, &peer) != TRAIL_OK)
		return NULL;
	const char *kind = peer.type == PEER_UNIX_USER	   ? "unix"
			   : peer.type == PEER_CERTIFICATE ? "certificate"
							   : "unknown";
	int len = (int)(peer.name.len < NAME_ARENA ? peer.name.len : NAME_ARENA);
	/* The name's bytes are foreign, but without NUL: %.*s copies them as they are. */
	if (asprintf(&text, "%s:%.*s", kind, len, (const char *)peer.name.data) < 0)
		return NULL;
	return text;
}

/* The name that the entry at `index` gives, checked by that entry itself. Index 0 is the log. */
static enum trail_err name_of(
	struct trail *t, uint64_t index, uint8_t kind, int64_t deadline, char **name)
{
	struct trail_entry *n = NULL;
	if (index == 0) {
		*name = strdup("traild");
		return TRAIL_OK;
	}
	enum trail_err err = entry_fetch(t, index, deadline, &n);
	if (err != TRAIL_OK)
		return err;
	if (n->record.kind != kind)
		err = lies(t, index, "it should name a source or peer, and is of another kind");
	else
		*name = kind == KIND_SOURCE ? source_text(n) : peer_text(n);
	trail_entry_free(n);
	return err;
}

static enum trail_err fill_names(struct trail *t, struct trail_entry *n, int64_t deadline)
{
	const struct record *r = &n->record;
	enum trail_err err = TRAIL_OK;
	if (r->source > n->index || r->peer > n->index)
		return lies(t, n->index, "its source or peer is a later record");
	if (r->kind == KIND_SOURCE)
		n->source_name = source_text(n);
	else if (r->kind == KIND_EVENT)
		err = name_of(t, r->source, KIND_SOURCE, deadline, &n->source_name);
	if (err != TRAIL_OK)
		return err;
	/* A PEER entry is caused by the peer that it introduces, or by the daemon. */
	if (r->kind == KIND_PEER)
		n->peer_name = peer_text(n);
	else
		err = name_of(t, r->peer, KIND_PEER, deadline, &n->peer_name);
	return err;
}

/* The event of an opened payload; one that does not walk is shown as bytes only. */
static enum trail_err fill_event(struct trail *t, struct trail_entry *n)
{
	struct event_facts facts;
	struct event_fault fault;
	struct event_value value;
	struct span payload = buf_view(&n->payload);
	if (n->record.kind != KIND_EVENT || !n->open ||
		event_walk(payload, &facts, &fault) != TRAIL_OK)
		return TRAIL_OK;
	struct arena arena = { .cap = codec_arena_need(payload) };
	arena.data = malloc(arena.cap);
	n->event = trail_event_new();
	if (arena.data && n->event && event_decode(payload, &arena, &value) == TRAIL_OK)
		event_fill(n->event, &value);
	bool whole = arena.data && n->event && !n->event->pool.failed;
	free(arena.data);
	return whole ? TRAIL_OK : fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
}

enum trail_err trail_get(struct trail *t, uint64_t index, struct trail_entry **entry)
{
	struct trail_entry *n = NULL;
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!entry)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the entry");
	int64_t deadline = deadline_in(t->timeout_ms);
	err = contact_reach(t, index, deadline);
	if (err == TRAIL_OK)
		err = entry_fetch(t, index, deadline, &n);
	if (err == TRAIL_OK)
		err = fill_names(t, n, deadline);
	if (err == TRAIL_OK)
		err = fill_event(t, n);
	if (err == TRAIL_OK)
		err = contact_settle(t, deadline);
	if (err != TRAIL_OK) {
		trail_entry_free(n);
		return err;
	}
	*entry = n;
	return TRAIL_OK;
}

uint64_t trail_entry_index(const struct trail_entry *n)
{
	return n ? n->index : 0;
}

int trail_entry_kind(const struct trail_entry *n)
{
	return n ? n->record.kind : 0;
}

uint64_t trail_entry_received(const struct trail_entry *n)
{
	return n ? n->record.received_ns : 0;
}

uint64_t trail_entry_source(const struct trail_entry *n)
{
	return n ? n->record.source : 0;
}

uint64_t trail_entry_peer(const struct trail_entry *n)
{
	return n ? n->record.peer : 0;
}

const char *trail_entry_source_name(const struct trail_entry *n)
{
	return n ? n->source_name : NULL;
}

const char *trail_entry_peer_name(const struct trail_entry *n)
{
	return n ? n->peer_name : NULL;
}

uint64_t trail_entry_epoch(const struct trail_entry *n)
{
	return n ? n->record.epoch : 0;
}

uint64_t trail_entry_seq(const struct trail_entry *n)
{
	return n ? n->record.seq : 0;
}

uint32_t trail_entry_class(const struct trail_entry *n)
{
	return n ? n->record.class_no : 0;
}

uint32_t trail_entry_flags(const struct trail_entry *n)
{
	return n ? n->record.flags : 0;
}

const uint8_t *trail_entry_record(const struct trail_entry *n)
{
	return n ? n->bytes : NULL;
}

const uint8_t *trail_entry_leaf(const struct trail_entry *n)
{
	return n ? n->leaf.b : NULL;
}

const uint8_t *trail_entry_salt(const struct trail_entry *n)
{
	return n && n->open ? n->salt : NULL;
}

const uint8_t *trail_entry_payload(const struct trail_entry *n, size_t *len)
{
	bool open = n && n->open;
	if (len)
		*len = open ? n->payload.len : 0;
	return open ? n->payload.data : NULL;
}

const struct trail_event *trail_entry_event(const struct trail_entry *n)
{
	return n ? n->event : NULL;
}

uint64_t trail_entry_size(const struct trail_entry *n)
{
	return n ? n->size : 0;
}
