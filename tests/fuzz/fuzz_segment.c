/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what the blocks of a segment hold, behind the right seal. Nothing that is read of it
 * crashes, hangs or steps out of its bounds; what is found lies where it was looked for; and what a
 * merge makes of it can be read.
 *
 *   u8 root | u8 height | u16 terms | u16 docs | u32 first second | u32 last second
 *   | blocks: u16 length, bytes
 */
#include "folder.h"

#include "../../daemon/index/docset.h"
#include "../../daemon/index/match.h"
#include "../../daemon/index/merge.h"
#include "../../proto/query_parse.h"

enum {
	HEAD_LEN = 1 + 1 + 2 + 2 + 4 + 4,
	TERMS_MAX = 1024,
	DOCS_MAX = 1 << 12,
	BLOCKS_MAX = 64,
	HITS_MAX = 300,
};

static const uint8_t KEY[INDEX_KEY_LEN] = { 6 };
static const struct hash GENESIS = { { 1 } };

static struct segment_walk walk;
static struct segment_cursor cursor;

static void fuzz_expect(enum trail_err err)
{
	fuzz_assert(err == TRAIL_OK || err == TRAIL_END || err == TRAIL_CORRUPT);
}

/* The file of `place` from the input; whether it opens. */
static bool make_segment(struct span in, struct segment_place *place, struct segment *out)
{
	static uint8_t file[(BLOCKS_MAX + 1) * BLOCK_LEN];
	char name[SEGMENT_NAME_MAX];
	struct block_seal seal;
	struct segment_sum sum = { .root = in.data[0],
		.height = in.data[1],
		.terms = load_be16(in.data + 2) % TERMS_MAX,
		.first_s = load_be32(in.data + 6),
		.last_s = load_be32(in.data + 10) };
	block_seal_init(&seal, KEY, &GENESIS, place);
	in = span_of(in.data + HEAD_LEN, in.len - HEAD_LEN);
	while (in.len >= 2 && sum.blocks < BLOCKS_MAX) {
		uint8_t *block = file + (size_t)sum.blocks * BLOCK_LEN;
		size_t len = load_be16(in.data);
		in = span_of(in.data + 2, in.len - 2);
		len = len < in.len ? len : in.len;
		len = len < BLOCK_ROOM ? len : BLOCK_ROOM;
		memcpy(block + BLOCK_HEAD_LEN, in.data, len);
		block_close(&seal, sum.blocks++, block, len);
		in = span_of(in.data + len, in.len - len);
	}
	uint8_t *footer = file + (size_t)sum.blocks * BLOCK_LEN;
	uint32_t number = sum.blocks++;
	segment_sum_encode(&sum, footer + BLOCK_HEAD_LEN);
	block_close(&seal, number, footer, SEGMENT_FOOTER_LEN);
	segment_name(place->serial, name);
	fuzz_folder_put(name, span_of(file, (size_t)sum.blocks * BLOCK_LEN));
	return segment_open(fuzz_folder(), KEY, &GENESIS, place, out) == TRAIL_OK;
}

static void drop_segment(struct segment *s)
{
	char name[SEGMENT_NAME_MAX];
	segment_name(s->place.serial, name);
	segment_close(s);
	(void)unlinkat(fuzz_folder(), name, 0);
}

/* ---- reading ---- */

static void count_docs(void *ctx, uint32_t doc)
{
	(void)doc;
	++*(uint64_t *)ctx;
}

static enum trail_err try_cursor(const struct segment *s, const struct segment_term *term)
{
	static uint64_t bits[DOCS_MAX / 64 + 2];
	uint32_t docs = (uint32_t)(s->place.to - s->place.from), found, count;
	uint64_t all = 0;
	enum trail_err err = segment_cursor_open(&cursor, s, term);
	for (uint32_t doc = 0; doc < docs && !err; doc += 1 + docs / 16) {
		enum trail_err up = segment_cursor_seek(&cursor, doc, false, &found);
		fuzz_expect(up);
		fuzz_assert(up || found >= doc);
		enum trail_err down = segment_cursor_seek(&cursor, doc, true, &found);
		fuzz_expect(down);
		fuzz_assert(down || found <= doc);
		enum trail_err sum = segment_cursor_count(&cursor, doc / 2, doc, &count);
		fuzz_expect(sum);
		fuzz_assert(sum || count <= term->count);
	}
	if (!err)
		err = segment_cursor_each(&cursor, count_docs, &all);
	enum trail_err lap = err ? err : segment_cursor_overlap(&cursor, bits, 0, docs - 1, &count);
	fuzz_expect(lap);
	fuzz_assert(lap || count == 0);
	segment_cursor_close(&cursor);
	fuzz_expect(err);
	return err;
}

/* All terms; TRAIL_OK: each could be read. */
static enum trail_err try_walk(const struct segment *s)
{
	struct segment_term term;
	enum trail_err err = TRAIL_OK;
	uint64_t terms = 0;
	segment_walk_seek(&walk, s, span_of(NULL, 0));
	while (segment_walk_next(&walk, &term)) {
		fuzz_assert(term.key.len > 0 && term.key.len <= TERM_KEY_MAX && term.count > 0);
		fuzz_assert(++terms <= s->sum.terms);
		enum trail_err one = terms < 64 ? try_cursor(s, &term) : TRAIL_OK;
		err = err ? err : one;
	}
	fuzz_expect(walk.err);
	return err ? err : walk.err;
}

static void try_find(const struct segment *s, struct span key)
{
	struct segment_term term;
	bool found = segment_find(&walk, s, key, &term);
	fuzz_expect(walk.err);
	fuzz_assert(!found || span_equal(term.key, key));
}

/* ---- questions ---- */

static void try_hits(struct match *m, uint32_t docs, bool down, bool doubt)
{
	struct match_hit hit;
	uint32_t doc = down ? docs - 1 : 0;
	enum trail_err err = TRAIL_OK;
	for (unsigned i = 0; i < HITS_MAX && !err; i++) {
		err = doubt ? match_next_doubt(m, doc, down, &hit) : match_next(m, doc, down, &hit);
		fuzz_expect(err);
		if (err)
			return;
		fuzz_assert(hit.doc < docs && (down ? hit.doc <= doc : hit.doc >= doc));
		if (hit.doc == (down ? 0 : docs - 1))
			return;
		doc = down ? hit.doc - 1 : hit.doc + 1;
	}
}

static void try_question(const struct segment *s, const struct match_question *question)
{
	uint32_t docs = (uint32_t)(s->place.to - s->place.from);
	struct match *m;
	uint64_t count;
	enum trail_err err = match_open(s, question, true, &m);
	fuzz_expect(err);
	if (err)
		return;
	try_hits(m, docs, false, false);
	try_hits(m, docs, true, false);
	fuzz_expect(match_count(m, 0, docs / 2, &count));
	try_hits(m, docs, false, true);
	match_close(m);
}

static void try_questions(const struct segment *s)
{
	static const char *const QUERIES[] = { "", "actor:a*", "-object:/hr/* verb:b..",
		"subject:\"\" -id:0*", "action:read actor:a actor:b outcome:denied" };
	uint8_t room[8192];
	for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++) {
		struct arena arena = { .data = room, .cap = sizeof room };
		struct query query;
		struct query_fault fault;
		fuzz_assert(query_parse(span_text(QUERIES[i]), &arena, &query, &fault) == TRAIL_OK);
		try_question(s, &(struct match_question){ &query, 0, 0 });
		try_question(
			s, &(struct match_question){ &query, 3600000000001, INT64_C(1) << 60 });
	}
}

/* ---- merging ---- */

static void try_merge(const struct segment *a, const struct segment *b)
{
	const struct segment *const inputs[] = { a, b };
	struct segment_place place = { 0, 1, a->place.from, b->place.to, 3 };
	struct segment_sum sum;
	struct segment merged;
	size_t bad = SIZE_MAX;
	enum trail_err err = TRAIL_MORE;
	struct merge *m = merge_begin(fuzz_folder(), KEY, &GENESIS, &place, inputs, 2);
	fuzz_assert(m != NULL);
	while (err == TRAIL_MORE)
		err = merge_step(m, 100, &sum, &bad);
	/* Of nothing there is no segment. */
	fuzz_assert(err == TRAIL_OK || err == TRAIL_INVALID || (err == TRAIL_CORRUPT && bad < 2));
	if (err)
		return;
	fuzz_assert(segment_open(fuzz_folder(), KEY, &GENESIS, &place, &merged) == TRAIL_OK);
	fuzz_assert(try_walk(&merged) == TRAIL_OK);
	drop_segment(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct segment_sum sum;
	struct segment a = { .fd = -1 }, b = { .fd = -1 };
	if (segment_sum_decode(span_of(data, len), &sum))
		fuzz_assert(sum.height < SEGMENT_HEIGHT_MAX && sum.root < sum.blocks);
	if (len < HEAD_LEN)
		return 0;
	(void)fuzz_folder();
	uint64_t docs = 1 + load_be16(data + 4) % (DOCS_MAX - 1);
	struct segment_place place = { 0, 1, 0, docs, 1 }, next = { 0, 1, docs, 2 * docs, 2 };
	bool opened = make_segment(span_of(data, len), &place, &a);
	bool both = make_segment(span_of(data, len), &next, &b) && opened;
	if (opened) {
		(void)try_walk(&a);
		try_find(&a, span_text("\6a"));
		try_find(&a, span_of(data, len < TERM_KEY_MAX ? len : TERM_KEY_MAX));
		try_questions(&a);
	}
	if (both)
		try_merge(&a, &b);
	a.place = place;
	b.place = next;
	drop_segment(&a);
	drop_segment(&b);
	return 0;
}
