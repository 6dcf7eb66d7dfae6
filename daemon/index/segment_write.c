/* SPDX-License-Identifier: Apache-2.0 */
#include "segment_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BATCH = 32, /* blocks that are written at once */
	DIR_BYTES = SEGMENT_DIR_PER_BLOCK * SEGMENT_DIR_ENTRY,
	KEY_AROUND = 2 * VARINT_MAX, /* shared, more */
	CHILD_MAX = VARINT_MAX,
	LIST_MAX = 4 * VARINT_MAX + SEGMENT_INLINE_MAX,
	ENTRY_MAX = KEY_AROUND + TERM_KEY_MAX + LIST_MAX,
};

_Static_assert((int)ENTRY_MAX < (int)BLOCK_ROOM, "a leaf holds any entry");

struct term_key {
	size_t len;
	uint8_t bytes[TERM_KEY_MAX];
};

/* A block of the tree that is being filled. */
struct node {
	size_t len;
	uint32_t entries;
	uint32_t child; /* the block that was put last (inner) */
	struct term_key first, last;
	uint8_t content[BLOCK_ROOM];
};

struct segment_writer {
	int at, fd;
	struct segment_place place;
	struct block_seal seal;
	enum trail_err err;
	int error; /* errno */
	uint32_t blocks;
	uint64_t terms, cut;
	uint32_t first_s, last_s;
	size_t batched;
	/* The term whose docs come. */
	bool open;
	struct term_key key;
	uint32_t term_first_s, term_last_s;
	uint64_t next_doc; /* the next is not below */
	uint64_t count;    /* docs in chunks that are written */
	uint32_t start, chunks;
	struct postings_writer list;
	struct buf directory;
	struct node nodes[SEGMENT_HEIGHT_MAX];
	uint8_t batch[BATCH * BLOCK_LEN];
};

static void temporary_name(const struct segment_writer *w, char name[SEGMENT_NAME_MAX])
{
	segment_name(w->place.serial, name);
	memcpy(strrchr(name, '.'), ".new", sizeof ".new");
}

static void fail(struct segment_writer *w, enum trail_err err)
{
	if (w->err == TRAIL_OK) {
		w->err = err;
		w->error = errno;
	}
}

struct segment_writer *segment_write_begin(
	int at, const uint8_t *key, const struct hash *genesis, const struct segment_place *place)
{
	char name[SEGMENT_NAME_MAX];
	struct segment_writer *w = malloc(sizeof *w);
	if (!w)
		return NULL;
	/* Not the large arrays, which are filled before they are read. */
	memset(w, 0, offsetof(struct segment_writer, list));
	w->directory = (struct buf){ 0 };
	for (size_t i = 0; i < SEGMENT_HEIGHT_MAX; i++)
		w->nodes[i].len = w->nodes[i].entries = 0;
	w->at = at;
	w->place = *place;
	w->first_s = UINT32_MAX;
	block_seal_init(&w->seal, key, genesis, &w->place);
	temporary_name(w, name);
	w->fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0)
		fail(w, TRAIL_IO);
	return w;
}

/* ---- blocks ---- */

static void flush(struct segment_writer *w)
{
	const uint8_t *from = w->batch;
	size_t left = w->batched * BLOCK_LEN;
	w->batched = 0;
	while (left > 0 && w->err == TRAIL_OK) {
		ssize_t n = write(w->fd, from, left);
		if (n < 0 && errno != EINTR)
			fail(w, TRAIL_IO);
		if (n > 0) {
			from += n;
			left -= (size_t)n;
		}
	}
}

/* Where the content of the next block goes. */
static uint8_t *next_block(struct segment_writer *w)
{
	if (w->batched == BATCH)
		flush(w);
	return w->batch + w->batched * BLOCK_LEN + BLOCK_HEAD_LEN;
}

/* The next block has `len` bytes of content; answers its number. */
static uint32_t put_block(struct segment_writer *w, size_t len)
{
	if (w->blocks == UINT32_MAX) {
		fail(w, TRAIL_TOO_BIG);
		return 0;
	}
	block_close(&w->seal, w->blocks, w->batch + w->batched * BLOCK_LEN, len);
	w->batched++;
	return w->blocks++;
}

/* ---- the tree ---- */

/* Not the room behind it. */
static void copy_key(struct term_key *to, const struct term_key *from)
{
	to->len = from->len;
	memcpy(to->bytes, from->bytes, from->len);
}

static void put_key(struct node *node, const struct term_key *key)
{
	size_t shared = 0;
	while (node->entries > 0 && shared < key->len && shared < node->last.len &&
		key->bytes[shared] == node->last.bytes[shared])
		shared++;
	if (node->entries == 0)
		copy_key(&node->first, key);
	node->len += varint_put(node->content + node->len, (uint32_t)shared);
	node->len += varint_put(node->content + node->len, (uint32_t)(key->len - shared));
	memcpy(node->content + node->len, key->bytes + shared, key->len - shared);
	node->len += key->len - shared;
	copy_key(&node->last, key);
	node->entries++;
}

/* A node's block goes to the file; answers its number. */
static uint32_t empty_node(struct segment_writer *w, struct node *node)
{
	memcpy(next_block(w), node->content, node->len);
	uint32_t number = put_block(w, node->len);
	node->len = node->entries = 0;
	return number;
}

static void put_child(struct node *node, const struct term_key *key, uint32_t child)
{
	put_key(node, key);
	node->child = child;
	node->len += varint_put(node->content + node->len, child);
}

/*
 * Close the node of `level`, and tell the one above with what it begins and where it is; where that
 * has no room, it is closed before, and so on.
 */
static void close_node(struct segment_writer *w, unsigned level)
{
	struct term_key first = { 0 };
	copy_key(&first, &w->nodes[level].first);
	uint32_t child = empty_node(w, &w->nodes[level]);
	for (level++; level < SEGMENT_HEIGHT_MAX; level++) {
		struct node *node = &w->nodes[level];
		bool fits = node->len + KEY_AROUND + first.len + CHILD_MAX <= BLOCK_ROOM;
		struct term_key above = { 0 };
		uint32_t full = 0;
		if (!fits) {
			copy_key(&above, &node->first);
			full = empty_node(w, node);
		}
		put_child(node, &first, child);
		if (fits)
			return;
		first = above;
		child = full;
	}
	fail(w, TRAIL_TOO_BIG);
}

/* ---- lists ---- */

/* The chunk in w->list to a block of its own. */
static void put_chunk(struct segment_writer *w)
{
	uint8_t entry[SEGMENT_DIR_ENTRY];
	size_t len = postings_finish(&w->list, next_block(w));
	uint32_t number = put_block(w, len);
	if (w->chunks++ == 0)
		w->start = number;
	store_be32(entry, w->list.docs[0]);
	store_be32(entry + 4, w->list.count);
	buf_put(&w->directory, entry, sizeof entry);
	w->count += w->list.count;
	postings_begin(&w->list);
}

static void put_directory(struct segment_writer *w)
{
	if (w->directory.failed)
		fail(w, TRAIL_NOMEM);
	for (size_t at = 0; at < w->directory.len && w->err == TRAIL_OK;) {
		size_t len = w->directory.len - at;
		if (len > DIR_BYTES)
			len = DIR_BYTES;
		memcpy(next_block(w), w->directory.data + at, len);
		(void)put_block(w, len);
		at += len;
	}
	buf_clear(&w->directory);
}

static void put_times(struct segment_writer *w, struct node *leaf)
{
	leaf->len += varint_put(leaf->content + leaf->len, w->term_first_s);
	leaf->len += varint_put(leaf->content + leaf->len, w->term_last_s - w->term_first_s);
}

static void put_entry(struct segment_writer *w, const uint8_t *chunk, size_t len)
{
	struct node *leaf = &w->nodes[0];
	if (leaf->len + ENTRY_MAX - SEGMENT_INLINE_MAX + len > BLOCK_ROOM)
		close_node(w, 0);
	put_key(leaf, &w->key);
	leaf->len += varint_put(leaf->content + leaf->len, (uint32_t)w->count);
	if (w->count == 1) {
		leaf->len += varint_put(leaf->content + leaf->len, w->list.docs[0]);
		return;
	}
	put_times(w, leaf);
	leaf->len += varint_put(leaf->content + leaf->len, (uint32_t)len);
	if (len > 0) {
		memcpy(leaf->content + leaf->len, chunk, len);
		leaf->len += len;
		return;
	}
	leaf->len += varint_put(leaf->content + leaf->len, w->start);
	leaf->len += varint_put(leaf->content + leaf->len, w->chunks);
}

static void close_term(struct segment_writer *w)
{
	uint8_t chunk[BLOCK_ROOM];
	size_t len = 0;
	if (!w->open || w->err != TRAIL_OK)
		return;
	w->open = false;
	if (w->chunks == 0 && w->list.count > 1)
		len = postings_finish(&w->list, chunk);
	if (w->chunks > 0 || len > SEGMENT_INLINE_MAX) {
		put_chunk(w);
		put_directory(w);
		len = 0;
	} else {
		w->count = w->list.count;
	}
	put_entry(w, chunk, len);
	w->terms++;
	w->cut += w->key.len == TERM_KEY_MAX;
}

void segment_write_term(
	struct segment_writer *w, struct span key, uint32_t first_s, uint32_t last_s)
{
	close_term(w);
	if (w->err != TRAIL_OK)
		return;
	w->open = true;
	w->key.len = key.len;
	memcpy(w->key.bytes, key.data, key.len);
	w->term_first_s = first_s;
	w->term_last_s = last_s;
	w->first_s = first_s < w->first_s ? first_s : w->first_s;
	w->last_s = last_s > w->last_s ? last_s : w->last_s;
	w->count = 0;
	w->chunks = 0;
	w->next_doc = 0;
	postings_begin(&w->list);
}

void segment_write_doc(struct segment_writer *w, uint32_t doc)
{
	/* What ascends no more is an index that somebody forged; nothing is written for it. */
	if (doc < w->next_doc)
		fail(w, TRAIL_CORRUPT);
	w->next_doc = (uint64_t)doc + 1;
	if (w->err != TRAIL_OK || postings_add(&w->list, doc))
		return;
	put_chunk(w);
	(void)postings_add(&w->list, doc);
}

/* ---- the end ---- */

/* Close the tree from below; the root is the last block that is left. */
static void close_tree(struct segment_writer *w, struct segment_sum *sum)
{
	unsigned level = 0;
	if (w->terms == 0)
		fail(w, TRAIL_INVALID);
	while (w->err == TRAIL_OK) {
		bool top = true;
		for (unsigned above = level + 1; above < SEGMENT_HEIGHT_MAX; above++)
			top = top && w->nodes[above].entries == 0;
		if (level > 0 && top && w->nodes[level].entries == 1)
			break;
		close_node(w, level++);
	}
	if (w->err != TRAIL_OK)
		return;
	sum->root = w->nodes[level].child;
	sum->height = (uint8_t)(level - 1);
}

static void put_footer(struct segment_writer *w, struct segment_sum *sum)
{
	sum->blocks = w->blocks + 1;
	sum->terms = w->terms;
	sum->cut = w->cut;
	sum->first_s = w->first_s;
	sum->last_s = w->last_s;
	segment_sum_encode(sum, next_block(w));
	(void)put_block(w, SEGMENT_FOOTER_LEN);
	flush(w);
}

static void give_name(struct segment_writer *w)
{
	char name[SEGMENT_NAME_MAX], temporary[SEGMENT_NAME_MAX];
	segment_name(w->place.serial, name);
	temporary_name(w, temporary);
	if (w->err == TRAIL_OK && fdatasync(w->fd) != 0)
		fail(w, TRAIL_IO);
	if (w->err == TRAIL_OK && renameat(w->at, temporary, w->at, name) != 0)
		fail(w, TRAIL_IO);
}

enum trail_err segment_write_end(struct segment_writer *w, struct segment_sum *sum)
{
	close_term(w);
	close_tree(w, sum);
	if (w->err == TRAIL_OK)
		put_footer(w, sum);
	give_name(w);
	enum trail_err err = w->err;
	int error = w->error;
	segment_write_abort(w);
	errno = error;
	return err;
}

void segment_write_abort(struct segment_writer *w)
{
	char name[SEGMENT_NAME_MAX];
	if (!w)
		return;
	temporary_name(w, name);
	/* Under its last name it is a segment. */
	(void)unlinkat(w->at, name, 0);
	if (w->fd >= 0)
		(void)close(w->fd);
	buf_release(&w->directory);
	free(w);
}
