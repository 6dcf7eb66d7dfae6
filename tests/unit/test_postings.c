/* SPDX-License-Identifier: Apache-2.0 */
/*
 * G8, rows are what was asked for: a posting list gives back the docs that were put into it, up,
 * down and counted, whatever their shape; what is no list is refused before it is believed.
 */
#include "../../daemon/index/postings.h"

#include "../support/guard.h"
#include "../support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	DOCS_MAX = 70000
};

/* A list as one knows it: docs that ascend. */
static uint32_t docs[DOCS_MAX];
static size_t doc_count;

static struct postings_writer writer;
static struct postings_chunk chunk;

/* ---- the model ---- */

/* How many docs are below. */
static size_t model_below(size_t from, size_t end, uint64_t doc)
{
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		if (docs[middle] < doc)
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

static void assert_seek(size_t from, size_t end, uint32_t doc)
{
	size_t up = model_below(from, end, doc), down = model_below(from, end, (uint64_t)doc + 1);
	uint32_t found = 0;
	assert_int_equal(postings_seek(&chunk, doc, false, &found), up < end);
	if (up < end)
		assert_int_equal(found, docs[up]);
	assert_int_equal(postings_seek(&chunk, doc, true, &found), down > from);
	if (down > from)
		assert_int_equal(found, docs[down - 1]);
}

static void assert_count(size_t from, size_t end, uint32_t low, uint32_t high)
{
	size_t want = 0;
	if (low <= high)
		want = model_below(from, end, (uint64_t)high + 1) - model_below(from, end, low);
	assert_int_equal(postings_count(&chunk, low, high), want);
}

/* Some doc that is likely to say something: one of the list, or beside it, or anywhere. */
static uint32_t some_doc(uint64_t *random, size_t from, size_t end)
{
	uint32_t doc = docs[from + random_below(random, end - from)];
	switch (random_below(random, 6)) {
	case 0:
		return doc + 1;
	case 1:
		return doc - 1;
	case 2:
		return (uint32_t)random_next(random);
	case 3:
		return random_below(random, 2) ? UINT32_MAX : 0;
	default:
		return doc;
	}
}

/* The chunk in `chunk` holds docs [from, end). */
static void assert_chunk(uint64_t *random, size_t from, size_t end)
{
	assert_int_equal(chunk.first, docs[from]);
	assert_int_equal(chunk.last, docs[end - 1]);
	for (unsigned i = 0; i < 200; i++) {
		assert_seek(from, end, some_doc(random, from, end));
		assert_count(from, end, some_doc(random, from, end), some_doc(random, from, end));
	}
	assert_count(from, end, 0, UINT32_MAX);
	/* Each doc, and no other, as who walks the list meets them. */
	uint32_t doc = 0;
	for (size_t i = from; i < end; i++) {
		assert_true(postings_seek(&chunk, doc, false, &doc));
		assert_int_equal(doc, docs[i]);
		doc++;
	}
}

/* Cut docs[] into chunks, and read each of them at the edge of memory; answers how many. */
static unsigned check_list(uint64_t *random)
{
	uint8_t bytes[BLOCK_ROOM];
	unsigned chunks = 0;
	for (size_t from = 0, end; from < doc_count; from = end) {
		postings_begin(&writer);
		for (end = from; end < doc_count && postings_add(&writer, docs[end]); end++)
			;
		assert_true(end > from);
		size_t len = postings_finish(&writer, bytes);
		assert_in_range(len, 2, BLOCK_ROOM);
		struct span copy = guard_copy(span_of(bytes, len));
		assert_true(postings_open(copy, &chunk));
		assert_chunk(random, from, end);
		guard_free(copy);
		chunks++;
	}
	return chunks;
}

/* `count` docs from `first` on, `gap` apart on the average; fewer where numbers end. */
static void make_docs(uint64_t *random, uint64_t first, size_t count, uint64_t gap)
{
	doc_count = 0;
	for (uint64_t doc = first; doc <= UINT32_MAX && doc_count < count;) {
		docs[doc_count++] = (uint32_t)doc;
		doc += gap == 1 ? 1 : 1 + random_below(random, 2 * gap - 1);
	}
}

/* ---- lists ---- */

static void test_every_shape_comes_back(void **state)
{
	static const size_t COUNTS[] = { 1, 2, 3, 9, 64, 65, 1000, 4061, 4062, 20000, DOCS_MAX };
	static const uint64_t GAPS[] = { 1, 2, 7, 8, 9, 100, 130, 20000, 3000000 };
	static const uint64_t FIRSTS[] = { 0, 1, 63, 127, 128, 1 << 22, UINT32_MAX - 1000,
		UINT32_MAX };
	uint64_t random = 1;
	(void)state;
	for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
		for (size_t j = 0; j < sizeof GAPS / sizeof *GAPS; j++) {
			make_docs(&random, FIRSTS[(i + j) % 8], COUNTS[i], GAPS[j]);
			(void)check_list(&random);
		}
	}
}

static void test_runs_and_gaps_in_one_list_come_back(void **state)
{
	uint64_t random = 2;
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		uint64_t doc = random_below(&random, 1000);
		doc_count = 0;
		while (doc_count < 30000 && doc <= UINT32_MAX) {
			uint64_t run = 1 + random_below(&random, 400);
			for (; run > 0 && doc_count < 30000 && doc <= UINT32_MAX; run--, doc++)
				docs[doc_count++] = (uint32_t)doc;
			doc += random_next(&random) >> (32 + random_below(&random, 30));
		}
		(void)check_list(&random);
	}
}

static void test_all_small_sets_come_back(void **state)
{
	uint64_t random = 3;
	(void)state;
	for (unsigned set = 1; set < 1 << 11; set++) {
		uint32_t base = set % 2 ? UINT32_MAX - 10 : 60;
		doc_count = 0;
		for (unsigned bit = 0; bit < 11; bit++)
			if (set >> bit & 1)
				docs[doc_count++] = base + bit;
		assert_int_equal(check_list(&random), 1);
	}
}

static void test_dense_lists_are_a_bit_a_doc(void **state)
{
	uint64_t random = 4;
	(void)state;
	make_docs(&random, 5, DOCS_MAX, 1);
	assert_in_range(check_list(&random), 3, 3);
}

/* ---- what is no list ---- */

static void assert_refused(const char *hex_or_bytes, size_t len)
{
	struct span copy = guard_copy(span_of(hex_or_bytes, len));
	assert_false(postings_open(copy, &chunk));
	guard_free(copy);
}

#define REFUSED(bytes) assert_refused((bytes), sizeof(bytes) - 1)

static void test_malformed_chunks_are_refused(void **state)
{
	(void)state;
	REFUSED("");
	REFUSED("\0");
	REFUSED("\1");
	REFUSED("\2\0\0");                     /* of no kind */
	REFUSED("\0\5\0\0");                   /* bytes behind */
	REFUSED("\0\5\1");                     /* a gap too few */
	REFUSED("\0\5\2\0");                   /* as many as there are bytes left, and more */
	REFUSED("\0\5\xff\xff\xff\xff\x0f\0"); /* a count of 2^32 - 1 */
	REFUSED("\0\xff\xff\xff\xff\x1f\0");   /* a first of 33 bits */
	REFUSED("\0\x80\x80\x80\x80\x80\0\0"); /* a number of six bytes */
	REFUSED("\0\xff\xff\xff\xff\x0f\1\0"); /* beyond 2^32 - 1 */
	REFUSED("\0\xfe\xff\xff\xff\x0f\1\1");
	REFUSED("\1\5\0"); /* bits of none */
	REFUSED("\1\5\0\1");
	REFUSED("\1\5\1\0"); /* the last bit is not set */
	REFUSED("\1\5\1\3"); /* one is behind it */
	REFUSED("\1\5\3\xc");
	REFUSED("\1\5\x8\x40");
	REFUSED("\1\5\1\1\0");                 /* bytes behind */
	REFUSED("\1\5\x9\xff");                /* bits too few */
	REFUSED("\1\xff\xff\xff\xff\x0f\1\1"); /* beyond 2^32 - 1 */
	REFUSED("\1\0\xff\xff\xff\xff\x0f\1"); /* a span of 2^32 - 1 without its bits */
}

static void test_every_cut_of_a_chunk_is_refused(void **state)
{
	uint8_t bytes[BLOCK_ROOM];
	uint64_t random = 5;
	(void)state;
	for (uint64_t gap = 1; gap < 300; gap += 99) {
		make_docs(&random, 1000, 500, gap);
		postings_begin(&writer);
		for (size_t i = 0; i < doc_count; i++)
			assert_true(postings_add(&writer, docs[i]));
		size_t len = postings_finish(&writer, bytes);
		for (size_t cut = 0; cut < len; cut++)
			assert_refused((const char *)bytes, cut);
	}
}

/* Whatever is taken for a chunk stays in its bounds, and says the same up and down. */
static void assert_sound(void)
{
	uint32_t doc, count = 0;
	bool more = postings_seek(&chunk, 0, false, &doc);
	assert_true(more && doc == chunk.first);
	for (uint32_t before = doc; more; before = doc) {
		uint32_t back;
		assert_in_range(doc, chunk.first, chunk.last);
		assert_true(postings_seek(&chunk, doc, true, &back) && back == doc);
		count++;
		more = doc != UINT32_MAX && postings_seek(&chunk, doc + 1, false, &doc);
		assert_true(!more || doc > before);
	}
	assert_int_equal(count, postings_count(&chunk, 0, UINT32_MAX));
}

/* A number with few bits set. */
static uint64_t random_sparse(uint64_t *random)
{
	uint64_t some = random_next(random);
	return some & random_next(random);
}

static void test_random_bytes_are_a_sound_chunk_or_none(void **state)
{
	uint8_t bytes[24];
	uint64_t random = 6;
	unsigned taken = 0;
	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		size_t len = random_below(&random, sizeof bytes + 1);
		for (size_t j = 0; j < len; j++)
			bytes[j] = (uint8_t)(random_sparse(&random));
		if (len > 0)
			bytes[0] &= 1;
		/* Small numbers, so that some are good. */
		if (len > 2 && random_below(&random, 2))
			bytes[2] = (uint8_t)(bytes[0] ? (len - 3) * 8 : len - 3);
		if (!postings_open(span_of(bytes, len), &chunk))
			continue;
		taken++;
		assert_sound();
	}
	assert_true(taken > 1000);
}

/* ---- numbers ---- */

static void test_varints_come_back(void **state)
{
	uint64_t random = 7;
	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t back, value = (uint32_t)(random_next(&random) >> 32) >> i % 32;
		uint8_t bytes[5];
		struct span in = span_of(bytes, varint_put(bytes, value));
		assert_in_range(in.len, 1, 5);
		struct span cut = span_of(bytes, in.len - 1);
		assert_false(varint_take(&cut, &back));
		assert_true(varint_take(&in, &back));
		assert_int_equal(back, value);
		assert_int_equal(in.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_shape_comes_back),
		cmocka_unit_test(test_runs_and_gaps_in_one_list_come_back),
		cmocka_unit_test(test_all_small_sets_come_back),
		cmocka_unit_test(test_dense_lists_are_a_bit_a_doc),
		cmocka_unit_test(test_malformed_chunks_are_refused),
		cmocka_unit_test(test_every_cut_of_a_chunk_is_refused),
		cmocka_unit_test(test_random_bytes_are_a_sound_chunk_or_none),
		cmocka_unit_test(test_varints_come_back),
	};
	return cmocka_run_group_tests_name("postings", tests, NULL, NULL);
}
