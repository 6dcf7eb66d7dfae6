/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "nodes.h"

enum {
	HASH_FIELD = HASH_LEN + 2, /* a path's hash with its tag and length */
	ITEM_FIELDS = 40,          /* tags, lengths and index of one item, at the most */
};

/* The longest path in a tree of `size` leaves, encoded. */
static size_t path_bytes(uint64_t size)
{
	size_t levels = 0;
	while (levels < TREE_LEVELS && UINT64_C(1) << levels < size)
		levels++;
	return levels * HASH_FIELD;
}

static size_t item_bytes(size_t payload, uint64_t size)
{
	return ITEM_FIELDS + RECORD_LEN + SALT_LEN + payload + path_bytes(size);
}

size_t page_need(size_t rows, size_t bytes)
{
	return (rows + PAGE_NAMED_MAX) * sizeof(struct evidence_item) + bytes + 2048;
}

bool page_open(struct page *page, size_t rows, size_t bytes, size_t extra)
{
	size_t items = (rows + PAGE_NAMED_MAX) * sizeof(struct evidence_item);
	size_t up = (extra + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!lookup_room(page->look, page_need(rows, bytes) + up))
		return false;
	struct buf *answer = &page->look->op->answer;
	page->rows = (struct evidence_item *)(void *)answer->data;
	page->named = page->rows + rows;
	page->extra = answer->data + items;
	page->row_max = rows;
	page->bytes_max = bytes;
	memset(page->extra, 0, up);
	answer->len = items + up;
	return true;
}

/* TRAIL_END: no room; nothing was put. */
static enum trail_err item_put(struct page *page, struct evidence_item *item, uint64_t index,
	const uint8_t bytes[RECORD_LEN], struct span salt, struct span payload)
{
	size_t need = item_bytes(payload.len, page->size);
	if (need > page->bytes_max - page->bytes)
		return TRAIL_END;
	page->bytes += need;
	*item = (struct evidence_item){
		.index = index,
		.record = lookup_keep(page->look, bytes, RECORD_LEN),
		.salt = lookup_keep(page->look, salt.data, salt.len),
		.payload = lookup_keep(page->look, payload.data, payload.len),
	};
	return TRAIL_OK;
}

static bool is_named(const struct page *page, uint64_t index)
{
	for (size_t i = 0; i < page->named_count; i++)
		if (page->named[i].index == index)
			return true;
	return false;
}

enum trail_err page_name(struct page *page, uint64_t index)
{
	struct record r;
	struct span salt = { 0 }, payload = { 0 };
	if (is_named(page, index))
		return TRAIL_OK;
	if (page->named_count == PAGE_NAMED_MAX)
		return TRAIL_END;
	const uint8_t *bytes = sweep_record(page->sweep, index);
	if (!bytes)
		return TRAIL_CORRUPT;
	record_decode(bytes, &r);
	if (sweep_payload(page->sweep, index, &r, &salt, &payload))
		return TRAIL_CORRUPT;
	struct evidence_item *item = &page->named[page->named_count];
	enum trail_err err = item_put(page, item, index, bytes, salt, payload);
	page->named_count += err == TRAIL_OK;
	return err;
}

/* Whether `row` is proven by `other`, whose prev is its leaf. */
static bool leans_on(const struct evidence_item *row, const struct evidence_item *other)
{
	return other->index == row->index + 1;
}

enum trail_err page_put(struct page *page, uint64_t index, const uint8_t bytes[RECORD_LEN],
	struct span salt, struct span payload)
{
	if (page->row_count == page->row_max)
		return TRAIL_END;
	struct evidence_item *row = &page->rows[page->row_count];
	enum trail_err err = item_put(page, row, index, bytes, salt, payload);
	if (err)
		return err;
	/* One of two neighbours needs no path. */
	if (page->row_count > 0 && (leans_on(row, row - 1) || leans_on(row - 1, row)))
		page->bytes -= path_bytes(page->size);
	page->row_count++;
	return TRAIL_OK;
}

enum trail_err page_add(struct page *page, uint64_t index, const uint8_t bytes[RECORD_LEN],
	const struct record *r, struct span salt, struct span payload)
{
	/* The row first: naming may close the chunk that its payload views. */
	const struct page before = *page;
	size_t len = page->look->op->answer.len;
	enum trail_err err = page_put(page, index, bytes, salt, payload);
	if (!err && r->source != 0)
		err = page_name(page, r->source);
	if (!err && r->peer != 0)
		err = page_name(page, r->peer);
	if (err == TRAIL_END) {
		*page = before;
		page->look->op->answer.len = len;
	}
	return err;
}

static enum trail_err prove(struct page *page, struct nodes *nodes, struct evidence_item *item)
{
	struct tree_proof proof;
	if (tree_inclusion(item->index, page->size, nodes_get, nodes, &proof))
		return TRAIL_CORRUPT;
	struct span path = lookup_keep(page->look, proof.path, proof.count * sizeof proof.path[0]);
	item->path = (const struct hash *)(const void *)path.data;
	item->path_count = proof.count;
	return TRAIL_OK;
}

enum trail_err page_close(struct page *page)
{
	struct nodes nodes;
	enum trail_err err = TRAIL_OK;
	nodes_begin(&nodes, page->look->txn);
	for (size_t i = 0; !err && i < page->row_count; i++) {
		struct evidence_item *row = &page->rows[i];
		bool proven = (i > 0 && leans_on(row, row - 1)) ||
			(i + 1 < page->row_count && leans_on(row, row + 1));
		if (!proven)
			err = prove(page, &nodes, row);
	}
	for (size_t i = 0; !err && i < page->named_count; i++)
		err = prove(page, &nodes, &page->named[i]);
	return err;
}
