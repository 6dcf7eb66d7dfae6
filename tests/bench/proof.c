/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inclusion proofs of random records.
 *
 *   --connect  ask a running daemon, one Prove at a time: the round trip. Each proof is checked
 *              against the leaf in its answer and the root of one checkpoint fetched before
 *   --store    read a stopped store in this process, as a reader thread does: one short transaction
 *              and one proof each. What a proof costs the server, without socket and threads
 *
 * Prints one JSON object.
 */
#include "../../daemon/store.h"
#include "../../proto/crypto.h"
#include "stopwatch.h"
#include "talk.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	ARENA_BYTES = 64 * 1024,
	EXIT_USAGE = 2,
	EXIT_IO = 3,
};

static const uint64_t MAP_BYTES = UINT64_C(1) << 40;

struct options {
	const char *connect;
	const char *folder;
	size_t count;
	uint64_t seed;
};

struct result {
	struct latencies times;
	uint64_t size;       /* of the tree */
	size_t path_longest; /* hashes */
	size_t path_all;
};

/* xorshift64* (Vigna, ACM TOMS 2016). */
static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * UINT64_C(2685821657736338717)) % below;
}

static void note_path(struct result *r, uint64_t ns, size_t hashes)
{
	latencies_add(&r->times, ns);
	r->path_all += hashes;
	if (hashes > r->path_longest)
		r->path_longest = hashes;
}

/* ---- live ---- */

static bool newest_checkpoint(int fd, struct buf *in, struct arena *arena, struct checkpoint *cp)
{
	struct request request = { .id = 2, .kind = REQUEST_CHECKPOINT };
	struct response response;
	struct log_identity identity;
	return talk_call(fd, &request, in, arena, &response) &&
		response.kind == RESPONSE_CHECKPOINT &&
		identity_parse(response.checkpoint.identity, &identity) == TRAIL_OK &&
		checkpoint_open(response.checkpoint.checkpoint, &identity.vkey, cp) == TRAIL_OK;
}

static bool ask_one(int fd, uint64_t index, const struct checkpoint *cp, struct buf *in,
	struct arena *arena, struct result *r)
{
	struct request request = {
		.id = 3,
		.kind = REQUEST_PROVE,
		.prove = { .index = index, .size = cp->size },
	};
	struct response response;
	struct hash leaf;
	uint64_t start = monotonic_ns();
	if (!talk_call(fd, &request, in, arena, &response))
		return false;
	uint64_t ns = monotonic_ns() - start;
	if (response.kind != RESPONSE_PROOF || response.proof.leaf.len != HASH_LEN)
		return false;
	memcpy(leaf.b, response.proof.leaf.data, HASH_LEN);
	if (!tree_inclusion_check(&leaf, index, cp->size, &response.proof.path, &cp->root)) {
		(void)fprintf(stderr, "the proof of record %llu does not hold\n",
			(unsigned long long)index);
		return false;
	}
	note_path(r, ns, response.proof.path.count);
	return true;
}

static bool run_live(const struct options *o, struct result *r)
{
	struct arena arena = { .data = malloc(ARENA_BYTES), .cap = ARENA_BYTES };
	struct buf in = { 0 };
	struct checkpoint cp;
	uint64_t state = o->seed;
	int fd = talk_connect(o->connect);
	bool ok = arena.data && fd >= 0 && talk_hello(fd, span_of(NULL, 0), 0) &&
		newest_checkpoint(fd, &in, &arena, &cp);
	for (size_t i = 0; ok && i < o->count; i++)
		ok = ask_one(fd, draw(&state, cp.size), &cp, &in, &arena, r);
	if (ok)
		r->size = cp.size;
	if (fd >= 0)
		(void)close(fd);
	buf_release(&in);
	free(arena.data);
	return ok;
}

/* ---- store ---- */

static bool prove_one(struct store *store, uint64_t index, uint64_t size, struct result *r)
{
	struct tree_proof path;
	struct hash leaf = { 0 };
	uint64_t start = monotonic_ns();
	struct db_txn *txn = db_begin(store_db(store), false);
	if (!txn)
		return false;
	const uint8_t *bytes = store_record(txn, index, NULL);
	enum trail_err err = tree_inclusion(index, size, store_node, txn, &path);
	if (bytes)
		record_leaf(bytes, &leaf);
	db_abort(txn);
	uint64_t ns = monotonic_ns() - start;
	if (!bytes || err != TRAIL_OK)
		return false;
	note_path(r, ns, path.count);
	return true;
}

static bool store_length(struct store *store, uint64_t *size)
{
	struct db_txn *txn = db_begin(store_db(store), false);
	if (!txn)
		return false;
	*size = store_size(txn);
	db_abort(txn);
	return *size > 0;
}

static bool run_store(const struct options *o, struct result *r)
{
	struct store *store;
	char why[512];
	uint64_t state = o->seed;
	if (store_open(o->folder, MAP_BYTES, false, &store, why) != TRAIL_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return false;
	}
	bool ok = store_length(store, &r->size);
	for (size_t i = 0; ok && i < o->count; i++)
		ok = prove_one(store, draw(&state, r->size), r->size, r);
	store_close(store);
	return ok;
}

/* ---- options ---- */

static const char USAGE[] =
	"usage: proof --connect PATH [--count N] [--seed N]      a running daemon\n"
	"       proof --store FOLDER [--count N] [--seed N]      the log folder of a stopped one\n";

static const struct option LONG[] = {
	{ "connect", required_argument, NULL, 'a' },
	{ "store", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "seed", required_argument, NULL, 's' },
	{ 0 },
};

static bool parse(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		if (c == 'a')
			o->connect = optarg;
		else if (c == 'd')
			o->folder = optarg;
		else if (c == 'n')
			o->count = strtoull(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	return optind == argc && !o->connect != !o->folder && o->count > 0 && o->seed > 0;
}

int main(int argc, char **argv)
{
	struct options options = { .count = 10000, .seed = 1 };
	struct result r = { 0 };
	if (!parse(argc, argv, &options) || !crypto_init()) {
		(void)fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	bool ok = latencies_make(&r.times, options.count) &&
		(options.connect ? run_live(&options, &r) : run_store(&options, &r));
	latencies_sort(&r.times);
	if (ok)
		(void)printf(
			"{\"proofs\": %zu, \"size\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
			"\"bytes_mean\": %.0f, \"bytes_max\": %zu}\n",
			r.times.count, (unsigned long long)r.size, latencies_us(&r.times, 50),
			latencies_us(&r.times, 99),
			(double)r.path_all * HASH_LEN / (double)r.times.count,
			r.path_longest * HASH_LEN);
	latencies_release(&r.times);
	return ok ? EXIT_SUCCESS : EXIT_IO;
}
