/* SPDX-License-Identifier: Apache-2.0 */
#include "meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* LMDB 0.9 on disk (lmdb 0.9.24, mdb.c: MDB_page, MDB_meta, MDB_db, MDB_node). */
enum {
	PAGE_SIZE_LEAST = 512,
	PAGE_SIZE_MOST = 32 * 1024,
	PAGE_FLAGS_AT = 10,
	PAGE_LOWER_AT = 12, /* where the node pointers end */
	PAGE_HEAD_LEN = 16,
	PAGE_BRANCH = 0x01,
	PAGE_LEAF = 0x02,
	PAGE_OVERFLOW = 0x04,
	PAGE_META = 0x08,
	NODE_FLAGS_AT = 4,
	NODE_KEY_LEN_AT = 6,
	NODE_HEAD_LEN = 8,
	NODE_BIG = 0x01, /* its data is the number of an overflow page */
	META_MAGIC_AT = 16,
	META_VERSION_AT = 20,
	META_ADDRESS_AT = 24,
	META_MAP_SIZE_AT = 32,
	META_PAGE_SIZE_AT = 40,  /* mm_dbs[0].md_pad */
	META_FLAGS_AT = 44,      /* mm_dbs[0].md_flags */
	META_FREE_ROOT_AT = 80,  /* mm_dbs[0].md_root */
	META_MAIN_FLAGS_AT = 92, /* mm_dbs[1].md_flags */
	META_LAST_PAGE_AT = 136,
	META_TXNID_AT = 144,
	META_END = 152,
	META_MAGIC = (int)0xBEEFC0DE,
	META_VERSION = 1,
	FREE_FLAGS = 0x08, /* MDB_INTEGERKEY */
	DEPTH_MOST = 8,    /* of a tree: more than a full disk's list of free pages has */
	WORD = 8,          /* a page's number, and an entry of the list of free pages */
};

_Static_assert(sizeof(size_t) == WORD, "a store is of a 64-bit machine");

/* What a process of 47 address bits can map. */
static const uint64_t MAP_SIZE_MOST = UINT64_C(1) << 47;
static const uint64_t NO_ROOT = UINT64_MAX;

/* LMDB writes in the machine's own byte order. */
static uint16_t native16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint32_t native32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t native64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* ---- the list of free pages: a tree whose leaves hold lists of page numbers ---- */

/* A search for the free pages from `from` up to below `end`, in a file that ends at `from`. */
struct tail {
	int fd;
	uint32_t page_size;
	uint64_t from, end;
	uint64_t found;
	uint64_t read; /* pages, a child's parent again; more than twice what there are: in circles
			*/
};

static bool page_load(struct tail *tail, uint64_t number, uint8_t *page)
{
	if (number >= tail->from || ++tail->read / 2 > tail->from)
		return false;
	return pread(tail->fd, page, tail->page_size, (off_t)(number * tail->page_size)) ==
		(ssize_t)tail->page_size;
}

/* A list is its length and so many numbers. False: `len` bytes do not hold it. */
static bool list_length(const uint8_t *list, size_t len, size_t *count)
{
	if (len < WORD)
		return false;
	*count = native64(list);
	return *count <= len / WORD - 1;
}

static void count_free(struct tail *tail, const uint8_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t number = native64(words + i * WORD);
		tail->found += number >= tail->from && number < tail->end;
	}
}

/* A list that lies on overflow page `number` and those behind it, of which the first has a head. */
static bool take_overflow(struct tail *tail, uint64_t number, size_t len)
{
	uint8_t page[PAGE_SIZE_MOST];
	size_t skip = PAGE_HEAD_LEN + WORD;
	size_t left = 0;
	if (!page_load(tail, number, page) ||
		(native16(page + PAGE_FLAGS_AT) & PAGE_OVERFLOW) == 0 ||
		!list_length(page + PAGE_HEAD_LEN, len, &left))
		return false;
	while (left > 0) {
		size_t room = (tail->page_size - skip) / WORD;
		size_t here = left < room ? left : room;
		count_free(tail, page + skip, here);
		left -= here;
		skip = 0;
		if (left > 0 && !page_load(tail, ++number, page))
			return false;
	}
	return true;
}

static bool take_list(struct tail *tail, const uint8_t *page, size_t at)
{
	size_t len = native32(page + at);
	size_t data = at + NODE_HEAD_LEN + native16(page + at + NODE_KEY_LEN_AT);
	bool big = (native16(page + at + NODE_FLAGS_AT) & NODE_BIG) != 0;
	size_t count;
	if (data + (big ? WORD : len) > tail->page_size)
		return false;
	if (big)
		return take_overflow(tail, native64(page + data), len);
	if (!list_length(page + data, len, &count))
		return false;
	count_free(tail, page + data + WORD, count);
	return true;
}

/* How many nodes the page of a tree has. False: it is no such page. */
static bool node_count(const struct tail *tail, const uint8_t *page, size_t *count)
{
	size_t lower = native16(page + PAGE_LOWER_AT);
	if ((native16(page + PAGE_FLAGS_AT) & (PAGE_BRANCH | PAGE_LEAF)) == 0 ||
		lower < PAGE_HEAD_LEN || lower > tail->page_size)
		return false;
	*count = (lower - PAGE_HEAD_LEN) / sizeof(uint16_t);
	return true;
}

/* Where node i of a page begins. False: outside of it. */
static bool node_at(const struct tail *tail, const uint8_t *page, size_t i, size_t *at)
{
	*at = native16(page + PAGE_HEAD_LEN + i * sizeof(uint16_t));
	return *at >= PAGE_HEAD_LEN && *at + NODE_HEAD_LEN <= tail->page_size;
}

static bool take_leaf(struct tail *tail, const uint8_t *page, size_t count)
{
	size_t at;
	for (size_t i = 0; i < count; i++)
		if (!node_at(tail, page, i, &at) || !take_list(tail, page, at))
			return false;
	return true;
}

/* Depth first; a branch is read again after each of its children, so that one page is held. */
static bool take_tree(struct tail *tail, uint64_t root)
{
	struct {
		uint64_t number;
		size_t next; /* child */
	} path[DEPTH_MOST] = { { .number = root } };
	uint8_t page[PAGE_SIZE_MOST];
	size_t depth = 1;
	while (depth > 0) {
		size_t count, at;
		if (!page_load(tail, path[depth - 1].number, page) ||
			!node_count(tail, page, &count))
			return false;
		bool leaf = (native16(page + PAGE_FLAGS_AT) & PAGE_LEAF) != 0;
		if (leaf && !take_leaf(tail, page, count))
			return false;
		if (leaf || path[depth - 1].next == count) {
			depth--;
			continue;
		}
		if (depth == DEPTH_MOST || !node_at(tail, page, path[depth - 1].next++, &at))
			return false;
		path[depth].number =
			native32(page + at) | (uint64_t)native16(page + at + NODE_FLAGS_AT) << 32;
		path[depth++].next = 0;
	}
	return true;
}

/* Whether nothing behind the file's end is in use. */
static bool tail_is_free(int fd, const struct meta *meta, uint64_t free_root)
{
	struct tail tail = {
		.fd = fd,
		.page_size = meta->page_size,
		.from = meta->file_bytes / meta->page_size,
		.end = meta->pages,
	};
	if (tail.from >= tail.end)
		return true;
	/* LMDB writes whole pages. */
	bool whole = meta->file_bytes % meta->page_size == 0;
	if (!whole || free_root == NO_ROOT || !take_tree(&tail, free_root))
		return false;
	return tail.found == tail.end - tail.from;
}

/* ---- the meta pages ---- */

static bool meta_valid(const uint8_t page[META_END])
{
	uint32_t size = native32(page + META_PAGE_SIZE_AT);
	return (native16(page + PAGE_FLAGS_AT) & PAGE_META) != 0 &&
		native32(page + META_MAGIC_AT) == (uint32_t)META_MAGIC &&
		native32(page + META_VERSION_AT) == META_VERSION && size >= PAGE_SIZE_LEAST &&
		size <= PAGE_SIZE_MOST && (size & (size - 1)) == 0;
}

/* Fields that no commit of ours changes (mdb_env_init_meta, mdb_env_write_meta). */
static bool meta_sound(const uint8_t page[META_END], uint64_t number)
{
	uint64_t map = native64(page + META_MAP_SIZE_AT);
	return native64(page) == number && native64(page + META_ADDRESS_AT) == 0 &&
		native16(page + META_FLAGS_AT) == FREE_FLAGS &&
		native16(page + META_MAIN_FLAGS_AT) == 0 && map <= MAP_SIZE_MOST;
}

/* Commit n goes to page n & 1 (mdb_env_write_meta); a new environment has 0 on both. */
static bool metas_in_step(uint64_t txn0, uint64_t txn1)
{
	if (txn0 == 0 && txn1 == 0)
		return true;
	uint64_t apart = txn0 < txn1 ? txn1 - txn0 : txn0 - txn1;
	return apart == 1 && (txn0 & 1) == 0;
}

/* LMDB itself opens a file only when both are whole; the first one says where the second lies. */
static enum trail_err load_both(int fd, uint8_t pages[2][META_END])
{
	uint32_t size = 0;
	for (int i = 0; i < 2; i++) {
		ssize_t got = pread(fd, pages[i], META_END, (off_t)i * size);
		if (got < 0)
			return TRAIL_IO;
		if (got != META_END || !meta_valid(pages[i]))
			return TRAIL_CORRUPT;
		uint32_t said = native32(pages[i] + META_PAGE_SIZE_AT);
		if (i != 0 && said != size)
			return TRAIL_CORRUPT;
		size = said;
	}
	return TRAIL_OK;
}

static enum trail_err judge(int fd, struct meta *meta)
{
	uint8_t pages[2][META_END];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return TRAIL_IO;
	meta->file_bytes = (uint64_t)st.st_size;
	enum trail_err err = load_both(fd, pages);
	if (err != TRAIL_OK)
		return err;
	uint64_t txn0 = native64(pages[0] + META_TXNID_AT);
	uint64_t txn1 = native64(pages[1] + META_TXNID_AT);
	const uint8_t *newer = txn0 < txn1 ? pages[1] : pages[0];
	uint64_t last = native64(newer + META_LAST_PAGE_AT);
	meta->page_size = native32(newer + META_PAGE_SIZE_AT);
	if (last >= MAP_SIZE_MOST / meta->page_size)
		return TRAIL_CORRUPT;
	meta->pages = last + 1;
	if (!tail_is_free(fd, meta, native64(newer + META_FREE_ROOT_AT)))
		return TRAIL_CORRUPT;
	meta->sound =
		metas_in_step(txn0, txn1) && meta_sound(pages[0], 0) && meta_sound(pages[1], 1);
	return TRAIL_OK;
}

enum trail_err meta_read(const char *path, struct meta *meta)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return TRAIL_IO;
	enum trail_err err = judge(fd, meta);
	int saved = errno;
	(void)close(fd);
	errno = saved;
	return err;
}
