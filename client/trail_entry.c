/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_entry.h"

#include "contact.h"
#include "deadline.h"

#include <stdlib.h>

void entry_release(struct trail_entry *n)
{
	buf_release(&n->payload);
	free(n->source_name);
	free(n->peer_name);
	trail_event_free(n->event);
	*n = (struct trail_entry){ 0 };
}

void trail_entry_free(struct trail_entry *n)
{
	if (!n)
		return;
	entry_release(n);
	free(n);
}

/* False: memory is out. NULL for `name`: there is none. */
static bool set_name(char **at, const char *name)
{
	free(*at);
	*at = name ? strdup(name) : NULL;
	return *at || !name;
}

/* Its own name, where it introduces a source or peer. */
static bool set_own_name(char **at, const struct item *item)
{
	free(*at);
	return item_name(item, at) != TRAIL_NOMEM;
}

static bool set_names(struct trail_entry *n, const struct row *row)
{
	uint8_t kind = n->record.kind;
	bool whole = kind == KIND_SOURCE
		? set_own_name(&n->source_name, &row->item)
		: set_name(&n->source_name, kind == KIND_EVENT ? row->source : NULL);
	return whole &&
		(kind == KIND_PEER ? set_own_name(&n->peer_name, &row->item)
				   : set_name(&n->peer_name, row->peer));
}

/* The event of an opened payload; one that does not walk is shown as bytes only. */
static bool set_event(struct trail_entry *n)
{
	struct event_facts facts;
	struct event_fault fault;
	struct event_value value;
	struct span payload = buf_view(&n->payload);
	n->is_event = n->record.kind == KIND_EVENT && n->open &&
		event_walk(payload, &facts, &fault) == TRAIL_OK;
	if (!n->is_event)
		return true;
	if (!n->event)
		n->event = trail_event_new();
	struct arena arena = { .cap = codec_arena_need(payload) };
	arena.data = malloc(arena.cap);
	trail_event_clear(n->event);
	if (arena.data && n->event && event_decode(payload, &arena, &value) == TRAIL_OK)
		event_fill(n->event, &value);
	bool whole = arena.data && n->event && !n->event->pool.failed;
	free(arena.data);
	return whole;
}

bool entry_set(struct trail_entry *n, const struct row *row, const struct checkpoint *cp)
{
	const struct evidence_item *shown = row->item.shown;
	n->index = shown->index;
	n->size = cp->size;
	n->record = row->item.record;
	n->leaf = row->item.leaf;
	memcpy(n->bytes, shown->record.data, RECORD_LEN);
	n->path.count = shown->path_count;
	if (shown->path_count != 0)
		memcpy(n->path.path, shown->path, shown->path_count * sizeof shown->path[0]);
	n->open = item_is_open(&row->item);
	if (n->open)
		memcpy(n->salt, shown->salt.data, SALT_LEN);
	buf_clear(&n->payload);
	buf_put_span(&n->payload, shown->payload);
	return !n->payload.failed && set_names(n, row) && set_event(n);
}

enum trail_err entry_ask(struct trail *t, uint64_t index, bool genesis, struct reading *r)
{
	int64_t deadline = deadline_in(t->timeout_ms);
	enum trail_err err = contact_reach(t, index, deadline);
	if (err != TRAIL_OK)
		return err;
	r->answer.kind = REQUEST_GET;
	r->answer.question = (struct question){ .index = index, .want_genesis = genesis };
	return reading_turn(r, t, deadline);
}

enum trail_err trail_get(struct trail *t, uint64_t index, struct trail_entry **entry)
{
	struct reading r = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!entry)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the entry");
	err = entry_ask(t, index, false, &r);
	struct trail_entry *n = err == TRAIL_OK ? calloc(1, sizeof *n) : NULL;
	if (err == TRAIL_OK && !(n && entry_set(n, &r.answer.rows[0], &r.answer.cp)))
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	reading_release(&r);
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
	return n && n->is_event ? n->event : NULL;
}

uint64_t trail_entry_size(const struct trail_entry *n)
{
	return n ? n->size : 0;
}
