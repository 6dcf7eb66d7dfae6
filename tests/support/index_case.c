/* SPDX-License-Identifier: Apache-2.0 */
#include "index_case.h"

#include "../../proto/crypto.h"
#include "random.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

void index_case_make(struct index_case *c)
{
	*c = (struct index_case){ .genesis = { { 7 } } };
	demand(crypto_init(), "crypto_init");
	case_folder_make(c->folder);
	c->at = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	demand(c->at >= 0, c->folder);
	for (size_t i = 0; i < sizeof c->key; i++)
		c->key[i] = (uint8_t)(i * 3);
}

void index_case_remove(struct index_case *c)
{
	(void)close(c->at);
	case_folder_remove(c->folder);
}

unsigned index_case_files(const struct index_case *c)
{
	unsigned count = 0;
	DIR *d = opendir(c->folder);
	demand(d != NULL, c->folder);
	for (const struct dirent *e = readdir(d); e; e = readdir(d))
		count += e->d_name[0] != '.';
	(void)closedir(d);
	return count;
}

struct segment_place index_case_place(struct index_case *c, uint64_t from, uint64_t to)
{
	return (struct segment_place){ 0, 202601, from, to, ++c->serial };
}

static int open_file(const struct index_case *c, const struct segment_place *place)
{
	char name[SEGMENT_NAME_MAX];
	segment_name(place->serial, name);
	int fd = openat(c->at, name, O_RDWR | O_CLOEXEC);
	demand(fd >= 0, name);
	return fd;
}

void index_case_damage(const struct index_case *c, const struct segment_place *place, size_t at)
{
	uint8_t byte;
	int fd = open_file(c, place);
	demand(pread(fd, &byte, 1, (off_t)at) == 1, "pread");
	byte ^= 4;
	demand(pwrite(fd, &byte, 1, (off_t)at) == 1, "pwrite");
	(void)close(fd);
}

void index_case_forge(const struct index_case *c, const struct segment_place *place,
	uint32_t number, struct span content)
{
	uint8_t block[BLOCK_LEN];
	struct block_seal seal;
	int fd = open_file(c, place);
	block_seal_init(&seal, c->key, &c->genesis, place);
	if (content.len > 0)
		memcpy(block + BLOCK_HEAD_LEN, content.data, content.len);
	block_close(&seal, number, block, content.len);
	demand(pwrite(fd, block, sizeof block, (off_t)number * BLOCK_LEN) == BLOCK_LEN, "pwrite");
	(void)close(fd);
}

/* ---- the model ---- */

static void make_key(struct model_term *term, uint64_t *random, size_t key_min)
{
	static const uint8_t LETTERS[] = { 0, 'a', 'b', '/', 0xff };
	size_t len = key_min + random_below(random, random_below(random, 4) ? 12 : TERM_KEY_MAX);
	uint64_t letters = 1 + random_below(random, sizeof LETTERS);
	term->len = len > TERM_KEY_MAX ? TERM_KEY_MAX : len;
	for (size_t i = 0; i < term->len; i++)
		term->key[i] = random_below(random, 30) ? LETTERS[random_below(random, letters)]
							: (uint8_t)random_next(random);
	term->key[0] = (uint8_t)(1 + random_below(random, 19));
}

/* Docs of one shape or another. */
static void make_docs(struct model_term *term, uint64_t *random, uint32_t docs)
{
	uint64_t gap = 1, shape = random_below(random, 8);
	uint32_t first = (uint32_t)random_below(random, docs), end = docs;
	size_t most = shape < 4 ? 1 + random_below(random, shape < 2 ? 1 : 9) : docs;
	if (shape == 7)
		first = 0;
	if (shape > 2 && shape < 7)
		gap = (uint64_t)1 << random_below(random, 12);
	term->docs = malloc(((size_t)docs + 1) * sizeof *term->docs);
	demand(term->docs != NULL, "malloc");
	term->count = 0;
	for (uint64_t doc = first; doc < end && term->count < most;
		doc += 1 + random_below(random, 2 * gap - 1))
		term->docs[term->count++] = (uint32_t)doc;
	uint32_t *less = realloc(term->docs, term->count * sizeof *term->docs);
	term->docs = less ? less : term->docs;
}

static int order(const void *a, const void *b)
{
	const struct model_term *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int way = memcmp(x->key, y->key, len);
	return way != 0 ? way : (x->len > y->len) - (x->len < y->len);
}

void model_make(struct model *model, uint64_t *random, size_t terms, size_t key_min, uint32_t docs)
{
	size_t kept = 0;
	*model = (struct model){ .docs = docs };
	model->terms = calloc(terms, sizeof *model->terms);
	demand(model->terms != NULL, "calloc");
	for (size_t i = 0; i < terms; i++)
		make_key(&model->terms[i], random, key_min);
	qsort(model->terms, terms, sizeof *model->terms, order);
	for (size_t i = 0; i < terms; i++)
		if (kept == 0 || order(&model->terms[kept - 1], &model->terms[i]) != 0)
			model->terms[kept++] = model->terms[i];
	model->count = kept;
	for (size_t i = 0; i < kept; i++)
		make_docs(&model->terms[i], random, docs);
}

void model_release(struct model *model)
{
	for (size_t i = 0; i < model->count; i++)
		free(model->terms[i].docs);
	free(model->terms);
}

uint32_t model_second(uint64_t doc)
{
	return (uint32_t)(1000 + doc * 7919 % 5003);
}

size_t model_below(const struct model_term *term, uint64_t doc)
{
	size_t low = 0, high = term->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (term->docs[middle] < doc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct span model_key(const struct model_term *term)
{
	return span_of(term->key, term->len);
}

/* The term's docs in [from, to). */
static void write_term(
	struct segment_writer *w, const struct model_term *term, uint64_t from, uint64_t to)
{
	size_t first = model_below(term, from), end = model_below(term, to);
	uint32_t first_s = UINT32_MAX, last_s = 0;
	if (first == end)
		return;
	for (size_t i = first; i < end; i++) {
		uint32_t second = model_second(term->docs[i]);
		first_s = second < first_s ? second : first_s;
		last_s = second > last_s ? second : last_s;
	}
	segment_write_term(w, model_key(term), first_s, last_s);
	for (size_t i = first; i < end; i++)
		segment_write_doc(w, (uint32_t)(term->docs[i] - from));
}

bool index_case_segment(struct index_case *c, const struct model *model, uint64_t from, uint64_t to,
	struct segment *out)
{
	struct segment_place place = index_case_place(c, from, to);
	struct segment_sum sum = { .records = to - from };
	struct segment_writer *w = segment_write_begin(c->at, c->key, &c->genesis, &place);
	demand(w != NULL, "segment_write_begin");
	for (size_t i = 0; i < model->count; i++)
		write_term(w, &model->terms[i], from, to);
	enum trail_err err = segment_write_end(w, &sum);
	if (err == TRAIL_INVALID)
		return false;
	demand(err == TRAIL_OK, "segment_write_end");
	demand(segment_open(c->at, c->key, &c->genesis, &place, out) == TRAIL_OK, "segment_open");
	return true;
}
