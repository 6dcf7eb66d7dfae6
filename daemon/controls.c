/* SPDX-License-Identifier: Apache-2.0 */
#include "controls.h"

#include "page.h"

enum {
	CONTROLS_PAGE = 200,
	CONTROLS_BYTES = 256 * 1024 - 2048,
	CONTROLS_CURSOR = 8,
	LOOKED_MAX = 8192, /* rows of one page, wanted or not: a page ends soon */
};

/* A walk over the table, up or down. `at` is the index to look at next, or the one above it. */
struct walk {
	struct page *page;
	const struct controls_wanted *wanted;
	uint64_t at;
	bool over; /* nothing lies behind `at` */
};

/* The row that is due: *index, and what it holds. False: none, or an error (db_error). */
static bool step(struct walk *w, uint64_t *index, struct control_row *row, bool *damaged)
{
	struct db_txn *txn = w->page->look->txn;
	uint8_t key[KEY_INDEX_LEN];
	struct span found, value;
	bool down = w->wanted->newest_first;
	if (down && w->at == 0)
		return false;
	key_index(down ? w->at - 1 : w->at, key);
	struct span from = span_of(key, sizeof key);
	if (!(down ? db_floor(txn, TABLE_CONTROL, from, &found, &value)
		   : db_ceiling(txn, TABLE_CONTROL, from, &found, &value)))
		return false;
	*damaged = found.len != KEY_INDEX_LEN || !control_row_decode(value, row);
	*index = *damaged ? 0 : load_be64(found.data);
	return !*damaged && *index < w->page->size;
}

static enum trail_err take(struct walk *w, uint64_t index, const struct control_row *row)
{
	struct sweep *sweep = w->page->sweep;
	struct span salt, payload;
	struct record r;
	if (row->kind == KIND_PEER || (w->wanted->kind != 0 && w->wanted->kind != row->kind))
		return TRAIL_OK;
	const uint8_t *bytes = sweep_record(sweep, index);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	if (r.kind != row->kind || sweep_payload(sweep, index, &r, &salt, &payload))
		return TRAIL_CORRUPT;
	return page_put(w->page, index, bytes, salt, payload);
}

/* As many as fit. TRAIL_END: the page is full, or long enough looked for. */
static enum trail_err take_all(struct walk *w)
{
	struct control_row row;
	uint64_t index = 0;
	bool damaged = false;
	for (unsigned looked = 0; step(w, &index, &row, &damaged); looked++) {
		enum trail_err err = looked < LOOKED_MAX ? take(w, index, &row) : TRAIL_END;
		if (err != TRAIL_OK)
			return err;
		w->at = w->wanted->newest_first ? index : index + 1;
	}
	w->over = true;
	return damaged || db_error(w->page->look->txn) ? TRAIL_CORRUPT : TRAIL_OK;
}

static void answer(const struct walk *w)
{
	struct page *page = w->page;
	struct lookup *look = page->look;
	uint8_t next[CONTROLS_CURSOR];
	store_be64(next, w->at);
	look->op->response.kind = RESPONSE_ROWS;
	look->op->response.rows = (struct rows){
		.rows = page->rows,
		.row_count = page->row_count,
		.position = w->at,
		.next = lookup_keep(look, next, sizeof next),
		.done = w->over,
	};
	if (w->wanted->size == 0)
		look->op->response.rows.checkpoint =
			lookup_keep(look, look->head.note, look->head.note_len);
}

static bool begin(struct walk *w, struct op *op)
{
	const struct controls_wanted *wanted = w->wanted;
	if (wanted->next.len != 0 && wanted->next.len != CONTROLS_CURSOR) {
		op_refuse(op, TRAIL_INVALID, "`next` is not from a page of this log");
		return false;
	}
	w->at = wanted->from;
	if (wanted->newest_first && (w->at == 0 || w->at > w->page->size))
		w->at = w->page->size;
	if (wanted->next.len != 0)
		w->at = load_be64(wanted->next.data);
	return true;
}

void controls_answer(struct lookup *look)
{
	struct sweep sweep;
	struct page page = { .look = look, .sweep = &sweep };
	struct walk w = { .page = &page, .wanted = &look->op->request.controls };
	size_t limit = w.wanted->limit;
	size_t rows = limit != 0 && limit < CONTROLS_PAGE ? limit : CONTROLS_PAGE;
	sweep_begin(&sweep, look->store, look->txn, look->chunker);
	if (!lookup_size(look, w.wanted->size, &page.size) || !begin(&w, look->op) ||
		!page_open(&page, rows, CONTROLS_BYTES, 0))
		return;
	enum trail_err err = take_all(&w);
	if ((err && err != TRAIL_END) || page_close(&page)) {
		lookup_damaged(look);
		return;
	}
	answer(&w);
}
