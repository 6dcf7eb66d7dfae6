/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of a row goes: the steps between "record 4711 answers" and a verified row, one by
 * one, for rows that lie scattered over a stopped store, as those of an object do. In this process,
 * without socket, threads and index; CPU time, in microseconds per row.
 *
 *   record      its 112 bytes
 *   chunk       finding the chunk, its tag hashed, its payloads unpacked; two parts of which:
 *   chunk_tag   hashing as many bytes
 *   chunk_find  finding it in the store
 *   payload     its commitment, once the chunk is open
 *   proof       the path to the root, nodes in common made once
 *   encode      a page of all rows, as it goes to the wire
 *   decode      the same at the other end
 *   verify      opened, chained, in the tree; the event walked
 *
 * Prints one JSON object.
 */
#include "../../client/items.h"
#include "../../daemon/nodes.h"
#include "../../daemon/sweep.h"
#include "../../proto/codec.h"
#include "../../proto/crypto.h"
#include "../../proto/event.h"
#include "../../proto/tree.h"
#include "chance.h"
#include "stopwatch.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ROWS_OF_PAGE = 1000,
	ARENA_BYTES = 8 << 20,
	EXIT_USAGE = 2,
	EXIT_IO = 3,
};

static const uint64_t MAP_BYTES = UINT64_C(1) << 40;

enum step {
	STEP_RECORD,
	STEP_CHUNK,
	STEP_CHUNK_TAG,
	STEP_CHUNK_FIND,
	STEP_PAYLOAD,
	STEP_PROOF,
	STEP_ENCODE,
	STEP_DECODE,
	STEP_VERIFY,
	STEPS
};

static const char *const STEP_NAME[STEPS] = { "record", "chunk", "chunk_tag", "chunk_find",
	"payload", "proof", "encode", "decode", "verify" };

struct options {
	const char *folder;
	size_t rows;
	size_t rounds;
	uint64_t seed;
};

/* A page's rows: what each leads to lies where the store maps it, or in `bytes`. */
struct page_of {
	struct evidence_item *items;
	struct tree_proof *paths;
	struct buf payloads;
};

struct lab {
	const struct options *options;
	struct store *store;
	struct chunker *chunker;
	struct db_txn *txn;
	struct checkpoint cp;
	struct page_of page;
	struct arena arena;
	struct buf wire;
	uint64_t ns[STEPS];
	uint64_t chunk_bytes; /* of all chunks that were opened */
};

static int compare(const void *a, const void *b)
{
	const struct evidence_item *x = a;
	const struct evidence_item *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

/* Records that lie apart, in order: a page of a rare object. */
static void scatter(struct lab *l, struct chance *c)
{
	for (size_t i = 0; i < l->options->rows; i++)
		l->page.items[i] = (struct evidence_item){ .index = chance_bits(c) % l->cp.size };
	qsort(l->page.items, l->options->rows, sizeof *l->page.items, compare);
}

/* Add what went by since *at. */
static void lap(struct lab *l, enum step step, uint64_t *at)
{
	uint64_t now = cpu_ns();
	l->ns[step] += now - *at;
	*at = now;
}

static bool find_records(struct lab *l, struct sweep *sweep)
{
	for (size_t i = 0; i < l->options->rows; i++) {
		const uint8_t *bytes = sweep_record(sweep, l->page.items[i].index);
		if (!bytes)
			return false;
		l->page.items[i].record = span_of(bytes, RECORD_LEN);
	}
	return true;
}

/* The parts of opening a chunk that can be done without the others. */
static void open_in_parts(struct lab *l)
{
	struct hash tag;
	struct span chunk;
	uint64_t first;
	uint64_t at = cpu_ns();
	for (size_t i = 0; i < l->options->rows; i++) {
		/* A control entry before the first event lies in none. */
		if (!store_chunk(l->txn, 0, l->page.items[i].index, &first, &chunk))
			continue;
		l->chunk_bytes += chunk.len;
	}
	lap(l, STEP_CHUNK_FIND, &at);
	for (size_t i = 0; i < l->options->rows; i++) {
		if (store_chunk(l->txn, 0, l->page.items[i].index, &first, &chunk))
			hash_bytes(chunk, &tag);
	}
	lap(l, STEP_CHUNK_TAG, &at);
}

/* Each payload twice: with its chunk still packed, and with it open. */
static bool open_payloads(struct lab *l, struct sweep *sweep)
{
	buf_clear(&l->page.payloads);
	for (size_t i = 0; i < l->options->rows; i++) {
		struct evidence_item *item = &l->page.items[i];
		struct record r;
		struct span salt, payload;
		record_decode(item->record.data, &r);
		uint64_t at = cpu_ns();
		if (sweep_payload(sweep, item->index, &r, &salt, &payload))
			return false;
		lap(l, STEP_CHUNK, &at);
		if (sweep_payload(sweep, item->index, &r, &salt, &payload))
			return false;
		lap(l, STEP_PAYLOAD, &at);
		item->salt = span_of(l->page.payloads.data + l->page.payloads.len, salt.len);
		buf_put_span(&l->page.payloads, salt);
		item->payload = span_of(l->page.payloads.data + l->page.payloads.len, payload.len);
		buf_put_span(&l->page.payloads, payload);
	}
	return !l->page.payloads.failed;
}

static bool prove_rows(struct lab *l)
{
	struct nodes nodes;
	nodes_begin(&nodes, l->txn);
	for (size_t i = 0; i < l->options->rows; i++) {
		struct evidence_item *item = &l->page.items[i];
		struct tree_proof *path = &l->page.paths[i];
		if (tree_inclusion(item->index, l->cp.size, nodes_get, &nodes, path))
			return false;
		item->path = path->path;
		item->path_count = path->count;
	}
	return true;
}

static bool verify_rows(struct lab *l, const struct response *response)
{
	for (size_t i = 0; i < response->rows.row_count; i++) {
		const struct evidence_item *shown = &response->rows.rows[i];
		struct item item;
		struct event_facts facts;
		struct event_fault fault;
		if (item_open(shown, &item) || !item_in_tree(&item, &l->cp) ||
			(item.record.kind == KIND_EVENT &&
				event_walk(shown->payload, &facts, &fault) != TRAIL_OK))
			return false;
	}
	return response->rows.row_count == l->options->rows;
}

/* The page to the wire, back, and verified. */
static bool carry(struct lab *l)
{
	struct response response = {
		.kind = RESPONSE_ROWS,
		.rows = { .rows = l->page.items, .row_count = l->options->rows },
	};
	uint64_t at = cpu_ns();
	buf_clear(&l->wire);
	response_encode(&response, &l->wire);
	lap(l, STEP_ENCODE, &at);
	arena_reset(&l->arena);
	if (l->wire.failed || response_decode(buf_view(&l->wire), &l->arena, &response) != TRAIL_OK)
		return false;
	lap(l, STEP_DECODE, &at);
	bool ok = verify_rows(l, &response);
	lap(l, STEP_VERIFY, &at);
	return ok;
}

static bool run_round(struct lab *l, struct chance *c)
{
	struct sweep sweep;
	scatter(l, c);
	uint64_t at = cpu_ns();
	sweep_begin(&sweep, l->store, l->txn, l->chunker);
	if (!find_records(l, &sweep))
		return false;
	lap(l, STEP_RECORD, &at);
	open_in_parts(l);
	if (!open_payloads(l, &sweep))
		return false;
	at = cpu_ns();
	if (!prove_rows(l))
		return false;
	lap(l, STEP_PROOF, &at);
	return carry(l);
}

/* The root is taken from the store itself: what is measured is not whether it is signed. */
static bool find_root(struct lab *l)
{
	l->cp.size = store_size(l->txn);
	return l->cp.size > 0 && tree_root(l->cp.size, store_node, l->txn, &l->cp.root) == TRAIL_OK;
}

static bool make(struct lab *l)
{
	const struct options *o = l->options;
	char why[512];
	l->chunker = chunker_new();
	l->page.items = calloc(o->rows, sizeof *l->page.items);
	l->page.paths = calloc(o->rows, sizeof *l->page.paths);
	l->arena = (struct arena){ .data = malloc(ARENA_BYTES), .cap = ARENA_BYTES };
	if (!l->chunker || !l->page.items || !l->page.paths || !l->arena.data ||
		!buf_reserve(&l->page.payloads, o->rows * (SALT_LEN + EVENT_LEN_MAX))) {
		(void)fprintf(stderr, "memory is out\n");
		return false;
	}
	if (store_open(o->folder, MAP_BYTES, false, &l->store, why) != TRAIL_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return false;
	}
	l->txn = db_begin(store_db(l->store), false);
	return l->txn && find_root(l);
}

static void release(struct lab *l)
{
	if (l->txn)
		db_abort(l->txn);
	if (l->store)
		store_close(l->store);
	chunker_free(l->chunker);
	free(l->page.items);
	free(l->page.paths);
	free(l->arena.data);
	buf_release(&l->page.payloads);
	buf_release(&l->wire);
}

static void print(const struct lab *l)
{
	double rows = (double)(l->options->rows * l->options->rounds);
	(void)printf("{\"rows\": %zu, \"rounds\": %zu, \"size\": %llu", l->options->rows,
		l->options->rounds, (unsigned long long)l->cp.size);
	for (size_t i = 0; i < STEPS; i++)
		(void)printf(", \"%s_us\": %.2f", STEP_NAME[i], (double)l->ns[i] / 1e3 / rows);
	(void)printf(", \"chunk_bytes\": %.0f, \"row_bytes\": %.0f}\n",
		(double)l->chunk_bytes / rows, (double)l->wire.len / (double)l->options->rows);
}

static const char USAGE[] = "usage: rows --store FOLDER [--rows N] [--rounds N] [--seed N]   the "
			    "log folder of a stopped "
			    "daemon\n";

static const struct option LONG[] = {
	{ "store", required_argument, NULL, 'd' },
	{ "rows", required_argument, NULL, 'n' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "seed", required_argument, NULL, 's' },
	{ 0 },
};

static bool parse(int argc, char **argv, struct options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		if (c == 'd')
			o->folder = optarg;
		else if (c == 'n')
			o->rows = strtoull(optarg, NULL, 10);
		else if (c == 'r')
			o->rounds = strtoull(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	return optind == argc && o->folder && o->rounds > 0 && o->rows > 0 &&
		o->rows <= ROWS_OF_PAGE;
}

int main(int argc, char **argv)
{
	struct options options = { .rows = 100, .rounds = 100, .seed = 1 };
	struct lab lab = { .options = &options };
	if (!parse(argc, argv, &options) || !crypto_init()) {
		(void)fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	struct chance chance = { options.seed };
	bool ok = make(&lab);
	for (size_t i = 0; ok && i < options.rounds; i++)
		ok = run_round(&lab, &chance);
	if (ok)
		print(&lab);
	else
		(void)fprintf(stderr, "rows: failed\n");
	release(&lab);
	return ok ? EXIT_SUCCESS : EXIT_IO;
}
