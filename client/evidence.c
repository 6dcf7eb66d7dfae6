/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"

#include "../proto/wire.h"
#include "trail_entry.h"

#include <stdlib.h>

enum {
	FIELD_ITEMS = 1,
	FIELD_INDEX = 1,
	FIELD_RECORD = 2,
	FIELD_SALT = 3,
	FIELD_PAYLOAD = 4,
	FIELD_PATH = 5,
};

void evidence_put_item(struct buf *out, const struct evidence_item *item)
{
	struct wire_mark mark = wire_open(out, FIELD_ITEMS);
	wire_put_number(out, FIELD_INDEX, item->index);
	wire_put_bytes(out, FIELD_RECORD, item->record);
	wire_put_bytes(out, FIELD_SALT, item->salt);
	wire_put_bytes(out, FIELD_PAYLOAD, item->payload);
	for (size_t i = 0; i < item->path_count; i++)
		wire_put_item(out, FIELD_PATH, span_of(item->path[i].b, HASH_LEN));
	wire_close(out, mark);
}

/* The named entry `index`, unless it is there already as the record itself. */
static void put_named(struct buf *extra, const struct answer *a, uint64_t index)
{
	for (size_t i = 0; i < a->named_count; i++)
		if (a->named[i].item.shown->index == index)
			evidence_put_item(extra, a->named[i].item.shown);
}

/* The event, genesis, its SOURCE, its PEER; each once, though they may be the same. */
static void put_items(struct buf *extra, const struct answer *a)
{
	const struct item *row = &a->rows[0].item;
	evidence_put_item(extra, row->shown);
	if (row->shown->index != 0)
		put_named(extra, a, 0);
	if (row->record.source != 0)
		put_named(extra, a, row->record.source);
	if (row->record.peer != 0)
		put_named(extra, a, row->record.peer);
}

static enum trail_err put_proof(struct trail *t, const struct reading *r, struct buf *text)
{
	const struct evidence_item *row = r->answer.rows[0].item.shown;
	struct tree_proof path = { .count = row->path_count };
	struct buf extra = { 0 };
	enum trail_err err = TRAIL_OK;
	memcpy(path.path, row->path, row->path_count * sizeof path.path[0]);
	put_items(&extra, &r->answer);
	if (extra.len > EVIDENCE_MAX) {
		err = fault_set(&t->fault, TRAIL_TOO_BIG, "the evidence exceeds 48 KiB");
		goto out;
	}
	tlog_proof_put(text, buf_view(&extra), row->index, &path, r->answer.note);
	buf_put_u8(text, 0);
	if (extra.failed || text->failed)
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
out:
	buf_release(&extra);
	return err;
}

enum trail_err trail_prove(struct trail *t, uint64_t index, char **text, size_t *len)
{
	struct reading r = { 0 };
	struct buf made = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!text || !len)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the proof");
	err = entry_ask(t, index, true, &r);
	if (err == TRAIL_OK)
		err = put_proof(t, &r, &made);
	reading_release(&r);
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
