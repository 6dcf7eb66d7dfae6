/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page of rows in the making: records with what they commit to, the SOURCE and PEER entries that
 * they name, and the paths that prove both in one tree. Bounded in rows and bytes from the start.
 * Lies in op->answer, whose room is reserved at once, so that what was put stays where it is:
 *
 *   row_max x evidence_item | PAGE_NAMED_MAX x evidence_item | extra | records, salts, paths ...
 */
#ifndef DAEMON_PAGE_H
#define DAEMON_PAGE_H

#include "lookup.h"
#include "sweep.h"

enum {
	PAGE_BYTES = 256 * 1024 - 2048, /* encoded; with a note and a cursor below 256 KiB */
	PAGE_NAMED_MAX = 128,
};

struct page {
	struct lookup *look;
	struct sweep *sweep; /* what payloads are taken from; its open chunk changes */
	uint64_t size;       /* of the tree that proves the rows */
	struct evidence_item *rows, *named;
	void *extra; /* the caller's, zeroed */
	size_t row_count, row_max, named_count;
	size_t bytes; /* encoded, so far, at the most */
	size_t bytes_max;
};

/* What op->answer takes for a page of so many rows and bytes: to be charged beforehand. */
size_t page_need(size_t rows, size_t bytes);
/*
 * Begin a page of at most `rows` rows in the tree of page->size, taken from page->sweep for
 * page->look; these are set. Any row fits when `bytes` is 64 KiB. False: refused.
 */
bool page_open(struct page *page, size_t rows, size_t bytes, size_t extra);
/*
 * Add record `index` (its bytes, which are those of `r`; salt and payload may be empty, and may
 * view the sweep), and what it names.
 * TRAIL_OK. TRAIL_END: the page is full, nothing was added. TRAIL_CORRUPT: the store is damaged.
 */
enum trail_err page_add(struct page *page, uint64_t index, const uint8_t bytes[RECORD_LEN],
	const struct record *r, struct span salt, struct span payload);
/* The same without what it names: for who lists such entries themselves. */
enum trail_err page_put(struct page *page, uint64_t index, const uint8_t bytes[RECORD_LEN],
	struct span salt, struct span payload);
/* Add entry `index` to what is named, unless it is there. As page_add. */
enum trail_err page_name(struct page *page, uint64_t index);
/* Prove what was added. TRAIL_CORRUPT. */
enum trail_err page_close(struct page *page);

#endif
