/* SPDX-License-Identifier: Apache-2.0 */
#include "sources.h"

#include "clock.h"
#include "page.h"
#include "standing.h"

enum {
	SOURCES_PAGE = 200,
	SOURCES_BYTES = 256 * 1024 - 2048 - SOURCES_PAGE * 64, /* their numbers beside */
	SOURCES_CURSOR = 8,
};

static enum trail_err put_entry(struct page *page, uint64_t index)
{
	struct record r;
	struct span salt, payload;
	const uint8_t *bytes = sweep_record(page->sweep, index);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	if (r.kind != KIND_SOURCE || sweep_payload(page->sweep, index, &r, &salt, &payload))
		return TRAIL_CORRUPT;
	return page_put(page, index, bytes, salt, payload);
}

/* As many as fit. TRAIL_END: all that there are. */
static enum trail_err take_all(struct page *page, uint64_t after, struct source_state *states)
{
	struct db_txn *txn = page->look->txn;
	struct source_standing s;
	bool damaged = false;
	while (standing_next(txn, after, clock_now().real_ns, &s, &damaged) &&
		s.source < page->size) {
		size_t at = page->row_count;
		enum trail_err err = put_entry(page, s.source);
		if (err)
			return err == TRAIL_END ? TRAIL_OK : err;
		states[at] = (struct source_state){
			.heard_ns = s.heard_ns,
			.newest = s.newest,
			.open = s.open,
			.imports = s.imports,
			.open_ends = s.open_ends,
			.lost = s.lost,
			.missing = s.missing,
		};
		after = s.source;
	}
	return damaged || db_error(txn) ? TRAIL_CORRUPT : TRAIL_END;
}

static void answer(struct page *page, struct source_state *states, uint64_t after, bool done)
{
	struct lookup *look = page->look;
	struct sources_answer *out = &look->op->response.sources;
	uint8_t next[SOURCES_CURSOR];
	for (size_t i = 0; i < page->row_count; i++)
		states[i].entry = page->rows[i];
	store_be64(next, page->row_count ? page->rows[page->row_count - 1].index : after);
	look->op->response.kind = RESPONSE_SOURCES;
	*out = (struct sources_answer){
		.count = page->row_count,
		.next = lookup_keep(look, next, sizeof next),
		.done = done,
	};
	if (look->op->request.sources.size == 0)
		out->checkpoint = lookup_keep(look, look->head.note, look->head.note_len);
	out->states = states;
}

void sources_answer(struct lookup *look)
{
	const struct sources_wanted *wanted = &look->op->request.sources;
	struct sweep sweep;
	struct page page = { .look = look, .sweep = &sweep };
	uint64_t after = 0;
	if (wanted->next.len != 0 && wanted->next.len != SOURCES_CURSOR) {
		op_refuse(look->op, TRAIL_INVALID, "`next` is not from a page of this log");
		return;
	}
	if (wanted->next.len != 0)
		after = load_be64(wanted->next.data);
	sweep_begin(&sweep, look->store, look->txn, look->chunker);
	if (!lookup_size(look, wanted->size, &page.size) ||
		!page_open(&page, SOURCES_PAGE, SOURCES_BYTES,
			SOURCES_PAGE * sizeof(struct source_state)))
		return;
	struct source_state *states = page.extra;
	enum trail_err err = take_all(&page, after, states);
	if ((err && err != TRAIL_END) || page_close(&page)) {
		lookup_damaged(look);
		return;
	}
	answer(&page, states, after, err == TRAIL_END);
}
