/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine gives to a program that does nothing but the part that cannot be left out:
 *
 *   limit   hash the same bytes and write them to a flat file, a batch at a time, with one write
 * and one fdatasync per batch. Hashed per event, by SHA-256, as the log must: the commitment (0x02
 * || salt[16] || event), the leaf (0x00 || record[112]) and one node (0x01 || left
 *           || right; a tree of n leaves has n - 1 nodes). Written per event: the event's bytes.
 *           No socket, no checking of events, no packing, no index, no second file. With --whole,
 *           record and salt are written too: what a flat store would have to hold.
 *   sync    pwrite of 4 KiB and fdatasync, one after the other, round and round in a file that is
 *           already written, so no block is allocated: p50 and p99.
 *
 * Prints one JSON object.
 */
#include "../../proto/crypto.h"
#include "../../proto/record.h"
#include "municipal.h"
#include "stopwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	POOL_MAX = 1 << 18,
	PAGE = 4096,
	SYNC_PAGES = 1024,
	EXIT_USAGE = 2,
	EXIT_IO = 3,
};

struct options {
	const char *mode;
	const char *path;
	size_t events;
	size_t batch;
	bool whole;
};

static bool write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.data, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = span_of(bytes.data + n, bytes.len - (size_t)n);
	}
	return true;
}

/* ---- limit ---- */

/* One event: its three hashes, and its bytes behind the others. */
static void add_event(
	struct span event, const uint8_t *salt, bool whole, struct hash *edge, struct buf *out)
{
	struct record r = { .version = RECORD_VERSION, .kind = KIND_EVENT, .prev = *edge };
	uint8_t bytes[RECORD_LEN];
	struct hash leaf;
	record_commitment(salt, event, &r.commitment);
	record_encode(&r, bytes);
	record_leaf(bytes, &leaf);
	hash_node(edge, &leaf, edge);
	if (whole) {
		buf_put(out, bytes, sizeof bytes);
		buf_put(out, salt, SALT_LEN);
	}
	buf_put_span(out, event);
}

static bool write_batches(const struct options *o, const struct municipal *pool, int fd,
	uint8_t *salts, struct buf *out)
{
	struct hash edge = { 0 };
	size_t at = 0;
	for (size_t done = 0; done < o->events;) {
		size_t left = o->events - done;
		size_t count = left < o->batch ? left : o->batch;
		buf_clear(out);
		crypto_random(salts, count * SALT_LEN);
		for (size_t i = 0; i < count; i++) {
			add_event(pool->events[at], salts + i * SALT_LEN, o->whole, &edge, out);
			at = at + 1 == pool->count ? 0 : at + 1;
		}
		if (out->failed || !write_all(fd, buf_view(out)) || fdatasync(fd) != 0)
			return false;
		done += count;
	}
	return true;
}

static bool run_limit(const struct options *o, int fd)
{
	struct municipal pool = { 0 };
	struct buf out = { 0 };
	size_t count = o->events < POOL_MAX ? o->events : POOL_MAX;
	uint8_t *salts = calloc(o->batch, SALT_LEN);
	bool ok = salts && municipal_make(&pool, count, 1, realtime_ns());
	uint64_t start = monotonic_ns();
	ok = ok && write_batches(o, &pool, fd, salts, &out);
	double seconds = (double)(monotonic_ns() - start) / 1e9;
	if (ok)
		(void)printf("{\"events\": %zu, \"batch\": %zu, \"seconds\": %.6f, \"rate\": %.0f, "
			     "\"event_bytes\": %.1f}\n",
			o->events, o->batch, seconds, (double)o->events / seconds,
			(double)pool.bytes.len / (double)pool.count);
	free(salts);
	buf_release(&out);
	municipal_release(&pool);
	return ok;
}

/* ---- sync ---- */

static bool run_sync(const struct options *o, int fd)
{
	static uint8_t page[PAGE];
	struct latencies times;
	bool ok = latencies_make(&times, o->events);
	for (off_t i = 0; ok && i < SYNC_PAGES; i++)
		ok = write_all(fd, span_of(page, sizeof page));
	ok = ok && fsync(fd) == 0;
	for (size_t i = 0; ok && i < o->events; i++) {
		uint64_t start = monotonic_ns();
		store_be64(page, i);
		ok = pwrite(fd, page, sizeof page, (off_t)(i % SYNC_PAGES) * PAGE) == PAGE &&
			fdatasync(fd) == 0;
		latencies_add(&times, monotonic_ns() - start);
	}
	latencies_sort(&times);
	if (ok)
		(void)printf("{\"syncs\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", times.count,
			latencies_us(&times, 50), latencies_us(&times, 99));
	latencies_release(&times);
	return ok;
}

/* ---- options ---- */

static const char USAGE[] = "usage: limit limit --file PATH [--events N] [--batch N] [--whole]\n"
			    "       limit sync  --file PATH [--events N]\n"
			    "PATH must not exist; it is removed at the end.\n";

static const struct option LONG[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "events", required_argument, NULL, 'n' },
	{ "batch", required_argument, NULL, 'b' },
	{ "whole", no_argument, NULL, 'w' },
	{ 0 },
};

static bool parse(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		if (c == 'f')
			o->path = optarg;
		else if (c == 'n')
			o->events = strtoull(optarg, NULL, 10);
		else if (c == 'b')
			o->batch = strtoull(optarg, NULL, 10);
		else if (c == 'w')
			o->whole = true;
		else
			return false;
	}
	if (optind + 1 != argc || !o->path || o->events == 0 || o->batch == 0)
		return false;
	o->mode = argv[optind];
	return strcmp(o->mode, "limit") == 0 || strcmp(o->mode, "sync") == 0;
}

int main(int argc, char **argv)
{
	struct options options = { .events = 1000000, .batch = 4096 };
	if (!parse(argc, argv, &options) || !crypto_init()) {
		(void)fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	int fd = open(options.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(options.path);
		return EXIT_IO;
	}
	bool ok = strcmp(options.mode, "limit") == 0 ? run_limit(&options, fd)
						     : run_sync(&options, fd);
	if (!ok)
		perror(options.path);
	(void)close(fd);
	(void)unlink(options.path);
	return ok ? EXIT_SUCCESS : EXIT_IO;
}
