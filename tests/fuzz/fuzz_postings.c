/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a chunk of a posting list. What is taken for one is sound: its docs ascend within
 * its ends, up and down and counted alike, and written anew they are the same docs.
 */
#include "fuzz.h"

#include "../../daemon/index/postings.h"

static struct postings_chunk chunk, again;
static struct postings_writer writer;

/* Finish what is written, and hold it against the chunk, from *from on; *from goes on. */
static void check_written(uint32_t *from, bool *more)
{
	uint8_t bytes[BLOCK_ROOM];
	size_t len = postings_finish(&writer, bytes);
	fuzz_assert(len <= sizeof bytes && postings_open(span_of(bytes, len), &again));
	uint32_t doc = again.first;
	for (uint32_t i = 0; i < writer.count; i++, doc++) {
		uint32_t a = 0, b = 0;
		fuzz_assert(*more && postings_seek(&chunk, *from, false, &a));
		fuzz_assert(postings_seek(&again, doc, false, &b) && a == b);
		doc = b;
		*more = a != chunk.last;
		*from = a + 1;
	}
	postings_begin(&writer);
}

static void check_sound(void)
{
	uint32_t doc = 0, back, count = 0, from = 0;
	bool more = true, left = true;
	postings_begin(&writer);
	fuzz_assert(postings_seek(&chunk, 0, false, &doc) && doc == chunk.first);
	for (uint32_t before = doc; more; before = doc) {
		fuzz_assert(doc >= chunk.first && doc <= chunk.last);
		fuzz_assert(postings_seek(&chunk, doc, true, &back) && back == doc);
		if (!postings_add(&writer, doc)) {
			check_written(&from, &left);
			fuzz_assert(postings_add(&writer, doc));
		}
		count++;
		more = doc != chunk.last;
		if (more)
			fuzz_assert(postings_seek(&chunk, doc + 1, false, &doc) && doc > before);
	}
	check_written(&from, &left);
	fuzz_assert(!left && count == postings_count(&chunk, 0, UINT32_MAX));
	fuzz_assert(
		chunk.last == UINT32_MAX || !postings_seek(&chunk, chunk.last + 1, false, &doc));
	fuzz_assert(chunk.first == 0 || !postings_seek(&chunk, chunk.first - 1, true, &doc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* A chunk is no longer than a block's room. */
	if (len <= BLOCK_ROOM && postings_open(span_of(data, len), &chunk))
		check_sound();
	return 0;
}
