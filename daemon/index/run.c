/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "../../proto/crypto.h"

#include <stdlib.h>

enum {
	SLOTS_FIRST = 1 << 14,
	ENTRIES_FIRST = 1 << 13,
	POSTINGS_FIRST = 1 << 16,
	INSERTION_MAX = 12, /* keys that are sorted by insertion */
	WAITING_MAX = 128,  /* of parts to be sorted: two for each time that 2^32 keys are parted */
	NONE = 0,
};

/* One term of the run. */
struct entry {
	uint32_t key; /* where its key begins in `keys`: u16 length || key */
	uint32_t count;
	uint32_t first_s, last_s;
	uint32_t last_doc; /* one record may have a term twice */
	uint32_t parent; /* of an object or ancestor: the next shorter ancestor; NONE: not known */
};

/* A place of the table: an entry, and bits of its hash, so that few keys are compared. */
struct slot {
	uint32_t hash, entry;
};

/* Ids are one to an event: they go beside the table. */
struct id {
	uint64_t value;
	uint32_t doc, second;
};

struct posting {
	uint32_t entry, doc;
};

struct moment {
	uint32_t doc, second;
};

struct run {
	uint8_t secret[SHORT_HASH_KEY_LEN];
	uint32_t records, losses;
	struct buf keys;
	struct entry *entries; /* entry 0 is none */
	uint32_t entry_count;
	size_t entry_cap;
	struct slot *slots; /* of a table with linear probing; entry NONE: free */
	uint32_t slot_count;
	uint32_t memo[TERM_FIELDS]; /* the entry of each field that came last; NONE: none */
	struct posting *postings;   /* in the order of the log */
	size_t posting_count, posting_cap;
	struct id *ids; /* in the order of the log */
	size_t id_count, id_cap;
	struct moment *moments; /* of each record */
	size_t moment_cap;
};

struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof *run);
	if (!run)
		return NULL;
	crypto_random(run->secret, sizeof run->secret);
	run->slot_count = SLOTS_FIRST;
	run->slots = calloc(run->slot_count, sizeof *run->slots);
	run->entry_cap = ENTRIES_FIRST;
	run->entries = malloc(run->entry_cap * sizeof *run->entries);
	run->id_cap = ENTRIES_FIRST;
	run->ids = malloc(run->id_cap * sizeof *run->ids);
	run->moment_cap = ENTRIES_FIRST;
	run->moments = malloc(run->moment_cap * sizeof *run->moments);
	run->posting_cap = POSTINGS_FIRST;
	run->postings = malloc(run->posting_cap * sizeof *run->postings);
	run->entry_count = 1;
	if (run->slots && run->entries && run->postings && run->ids && run->moments)
		return run;
	run_free(run);
	return NULL;
}

void run_free(struct run *run)
{
	if (!run)
		return;
	buf_release(&run->keys);
	free(run->entries);
	free(run->slots);
	free(run->postings);
	free(run->ids);
	free(run->moments);
	free(run);
}

void run_clear(struct run *run)
{
	memset(run->slots, 0, run->slot_count * sizeof *run->slots);
	memset(run->memo, 0, sizeof run->memo);
	buf_clear(&run->keys);
	run->entry_count = 1;
	run->posting_count = run->id_count = 0;
	run->records = run->losses = 0;
}

uint32_t run_records(const struct run *run)
{
	return run->records;
}

uint32_t run_losses(const struct run *run)
{
	return run->losses;
}

uint32_t run_second(const struct run *run, uint32_t doc)
{
	size_t low = 0, high = run->records;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (run->moments[middle].doc == doc)
			return run->moments[middle].second;
		if (run->moments[middle].doc < doc)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

bool run_outside(const struct run *run, uint32_t first_s, uint32_t last_s, uint32_t *doc)
{
	for (size_t i = 0; i < run->records; i++) {
		const struct moment *m = &run->moments[i];
		if (m->second >= first_s && m->second <= last_s)
			continue;
		*doc = m->doc;
		return true;
	}
	return false;
}

static struct span key_of(const struct run *run, uint32_t entry)
{
	const uint8_t *key = run->keys.data + run->entries[entry].key;
	return span_of(key + 2, load_be16(key));
}

/* ---- gathering ---- */

/* Half of the slots stay free. */
static bool grow_slots(struct run *run)
{
	const struct slot *old = run->slots;
	uint32_t count = run->slot_count, mask = 2 * count - 1;
	struct slot *slots = calloc((size_t)count * 2, sizeof *slots);
	if (!slots)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = old[i].hash & mask;
		while (old[i].entry != NONE && slots[at].entry != NONE)
			at = (at + 1) & mask;
		if (old[i].entry != NONE)
			slots[at] = old[i];
	}
	free(run->slots);
	run->slots = slots;
	run->slot_count = 2 * count;
	return true;
}

/* An array of `*cap` things of `size` bytes, with room for twice as many. NULL: memory is out. */
static void *grown(void *array, size_t *cap, size_t size)
{
	void *larger = reallocarray(array, *cap, 2 * size);
	if (larger)
		*cap *= 2;
	return larger;
}

static bool grow_entries(struct run *run)
{
	struct entry *more = grown(run->entries, &run->entry_cap, sizeof *run->entries);
	if (more)
		run->entries = more;
	return more != NULL;
}

/* Whether an entry is of this term, whose value is at most TERM_VALUE_MAX long. */
static bool is_of(const struct run *run, uint32_t entry, const struct term *term)
{
	struct span key = key_of(run, entry);
	return key.len == term->value.len + 1 && key.data[0] == (uint8_t)term->field &&
		(key.len == 1 || memcmp(key.data + 1, term->value.data, key.len - 1) == 0);
}

/* The slot of the term, or the free one that would be. */
static struct slot *slot_of(const struct run *run, const struct term *term, uint32_t hash)
{
	uint32_t mask = run->slot_count - 1;
	uint32_t at = hash & mask;
	while (run->slots[at].entry != NONE &&
		(run->slots[at].hash != hash || !is_of(run, run->slots[at].entry, term)))
		at = (at + 1) & mask;
	return &run->slots[at];
}

/* A new entry in a slot that is free. NONE: memory is out. */
static uint32_t new_entry(struct run *run, const struct term *term, uint32_t hash)
{
	if (run->entry_count == run->entry_cap && !grow_entries(run))
		return NONE;
	if (run->entry_count >= run->slot_count / 2 && !grow_slots(run))
		return NONE;
	run->entries[run->entry_count] = (struct entry){
		.key = (uint32_t)run->keys.len,
		.first_s = UINT32_MAX,
	};
	buf_put_be16(&run->keys, (uint16_t)(term->value.len + 1));
	buf_put_u8(&run->keys, (uint8_t)term->field);
	buf_put_span(&run->keys, term->value);
	if (run->keys.failed || run->keys.len > UINT32_MAX)
		return NONE;
	*slot_of(run, term, hash) = (struct slot){ hash, run->entry_count };
	return run->entry_count++;
}

/* The entry of a term; NONE: memory is out. */
static uint32_t entry_for(struct run *run, const struct term *term)
{
	uint32_t *memo = &run->memo[term->field];
	if (*memo != NONE && is_of(run, *memo, term))
		return *memo;
	/* One value in two fields is two hashes. */
	uint32_t hash = (uint32_t)short_hash(run->secret, term->value) +
		(uint32_t)term->field * UINT32_C(0x9e3779b1);
	const struct slot *slot = slot_of(run, term, hash);
	*memo = slot->entry != NONE ? slot->entry : new_entry(run, term, hash);
	return *memo;
}

static bool add_posting(struct run *run, uint32_t entry, uint32_t doc)
{
	if (run->posting_count == run->posting_cap) {
		struct posting *more =
			grown(run->postings, &run->posting_cap, sizeof *run->postings);
		if (!more)
			return false;
		run->postings = more;
	}
	run->postings[run->posting_count++] = (struct posting){ entry, doc };
	return true;
}

static bool add_to(struct run *run, uint32_t number, uint32_t doc, uint32_t second)
{
	struct entry *entry = &run->entries[number];
	if (entry->count > 0 && entry->last_doc == doc)
		return true;
	entry->first_s = second < entry->first_s ? second : entry->first_s;
	entry->last_s = second > entry->last_s ? second : entry->last_s;
	entry->last_doc = doc;
	entry->count++;
	return add_posting(run, number, doc);
}

static bool add_id(struct run *run, const struct term *term, uint32_t doc, uint32_t second)
{
	if (run->id_count == run->id_cap) {
		struct id *more = grown(run->ids, &run->id_cap, sizeof *run->ids);
		if (!more)
			return false;
		run->ids = more;
	}
	run->ids[run->id_count++] = (struct id){ load_be64(term->value.data), doc, second };
	return true;
}

/*
 * The object at terms[0] and its `ancestors` behind it, the shortest first. An object that came
 * before has the ancestors that it had.
 */
static bool add_object(
	struct run *run, const struct term *terms, size_t ancestors, uint32_t doc, uint32_t second)
{
	uint32_t number = entry_for(run, &terms[0]);
	if (number == NONE || !add_to(run, number, doc, second))
		return false;
	for (size_t i = ancestors; i > 0; i--) {
		uint32_t parent = run->entries[number].parent;
		if (parent == NONE)
			parent = entry_for(run, &terms[i]);
		if (parent == NONE || !add_to(run, parent, doc, second))
			return false;
		run->entries[number].parent = parent;
		number = parent;
	}
	return true;
}

static bool add_term(struct run *run, const struct term *term, uint32_t doc, uint32_t second)
{
	if (term->field == TERM_ID)
		return add_id(run, term, doc, second);
	run->losses += term->field == TERM_LOSS;
	uint32_t number = entry_for(run, term);
	return number != NONE && add_to(run, number, doc, second);
}

static bool add_moment(struct run *run, uint32_t doc, uint32_t second)
{
	if (run->records == run->moment_cap) {
		struct moment *more = grown(run->moments, &run->moment_cap, sizeof *run->moments);
		if (!more)
			return false;
		run->moments = more;
	}
	run->moments[run->records++] = (struct moment){ doc, second };
	return true;
}

bool run_add(struct run *run, uint32_t doc, uint32_t second, const struct term *terms, size_t count)
{
	bool ok = add_moment(run, doc, second);
	for (size_t i = 0; ok && i < count; i++) {
		size_t ancestors = 0;
		if (terms[i].field != TERM_OBJECT) {
			ok = add_term(run, &terms[i], doc, second);
			continue;
		}
		while (i + ancestors + 1 < count && terms[i + ancestors + 1].field == TERM_ANCESTOR)
			ancestors++;
		ok = add_object(run, &terms[i], ancestors, doc, second);
		i += ancestors;
	}
	return ok;
}

/* ---- sorting ---- */

/* A key with its entry, while they are sorted. */
struct sorted {
	const uint8_t *key;
	uint32_t len;
	uint32_t entry;
};

/* Byte `at` of a key; -1 behind its end. */
static int byte_at(const struct sorted *s, uint32_t at)
{
	return at < s->len ? s->key[at] : -1;
}

static void swap(struct sorted *a, struct sorted *b)
{
	struct sorted c = *a;
	*a = *b;
	*b = c;
}

static bool less(const struct sorted *a, const struct sorted *b, uint32_t from)
{
	uint32_t len = a->len < b->len ? a->len : b->len;
	int way = len > from ? memcmp(a->key + from, b->key + from, len - from) : 0;
	return way != 0 ? way < 0 : a->len < b->len;
}

static void insertion_sort(struct sorted *s, size_t n, uint32_t from)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && less(&s[j], &s[j - 1], from); j--)
			swap(&s[j], &s[j - 1]);
}

static int middle_of(const struct sorted *s, size_t n, uint32_t at)
{
	int a = byte_at(&s[0], at), b = byte_at(&s[n / 2], at), c = byte_at(&s[n - 1], at);
	if (a > b) {
		int d = a;
		a = b;
		b = d;
	}
	return c < a ? a : c > b ? b : c;
}

/* Where three ways of a partition end: [0, low) below the pivot, [low, high) alike, [high, n). */
struct parts {
	size_t low, high;
};

static struct parts partition(struct sorted *s, size_t n, uint32_t at, int pivot)
{
	struct parts p = { .low = 0, .high = n };
	size_t i = 0;
	while (i < p.high) {
		int byte = byte_at(&s[i], at);
		if (byte < pivot)
			swap(&s[p.low++], &s[i++]);
		else if (byte > pivot)
			swap(&s[i], &s[--p.high]);
		else
			i++;
	}
	return p;
}

/* Keys [from, from + n) that are alike up to byte `at`. */
struct stretch {
	struct sorted *from;
	size_t n;
	uint32_t at;
};

/* The largest first. */
static void order_three(struct stretch p[3])
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 0; j < 2 - i; j++) {
			if (p[j].n >= p[j + 1].n)
				continue;
			struct stretch smaller = p[j];
			p[j] = p[j + 1];
			p[j + 1] = smaller;
		}
	}
}

/*
 * Multikey quicksort (Bentley, Sedgewick 1997): keys that begin alike are compared from where they
 * differ. The smallest part is sorted first, which is no more than a third of the whole: so few
 * wait, whatever the keys are.
 */
static void sort_keys(struct sorted *s, size_t n)
{
	struct stretch waiting[WAITING_MAX] = { { s, n, 0 } };
	size_t count = 1;
	while (count > 0) {
		struct stretch p = waiting[--count];
		if (p.n <= INSERTION_MAX || count + 3 > WAITING_MAX) {
			insertion_sort(p.from, p.n, p.at);
			continue;
		}
		int pivot = middle_of(p.from, p.n, p.at);
		struct parts parts = partition(p.from, p.n, p.at, pivot);
		/* All keys differ: of those that end here there is one. */
		size_t alike = pivot < 0 ? 0 : parts.high - parts.low;
		struct stretch next[3] = {
			{ p.from, parts.low, p.at },
			{ p.from + parts.low, alike, p.at + 1 },
			{ p.from + parts.high, p.n - parts.high, p.at },
		};
		order_three(next);
		for (unsigned i = 0; i < 3; i++)
			waiting[count++] = next[i];
	}
}

static struct sorted *sort_entries(const struct run *run)
{
	size_t n = run->entry_count - 1;
	struct sorted *sorted = malloc((n + 1) * sizeof *sorted);
	for (uint32_t i = 0; sorted && i < n; i++) {
		struct span key = key_of(run, i + 1);
		sorted[i] = (struct sorted){ key.data, (uint32_t)key.len, i + 1 };
	}
	if (sorted)
		sort_keys(sorted, n);
	return sorted;
}

/* ---- writing ---- */

/* The docs of each entry side by side; ends[entry] is where they end. */
static uint32_t *gather_docs(const struct run *run, size_t *ends)
{
	uint32_t *docs = malloc((run->posting_count + 1) * sizeof *docs);
	size_t at = 0;
	if (!docs)
		return NULL;
	for (uint32_t i = 0; i < run->entry_count; i++) {
		ends[i] = at;
		at += i == NONE ? 0 : run->entries[i].count;
	}
	for (size_t i = 0; i < run->posting_count; i++)
		docs[ends[run->postings[i].entry]++] = run->postings[i].doc;
	return docs;
}

static int order_ids(const void *a, const void *b)
{
	const struct id *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->doc > y->doc) - (x->doc < y->doc);
}

/* All ids alike are one term. The field of ids is the last. */
static void write_ids(struct run *run, struct segment_writer *w)
{
	qsort(run->ids, run->id_count, sizeof *run->ids, order_ids);
	for (size_t i = 0, end; i < run->id_count; i = end) {
		uint8_t key[1 + TERM_ID_LEN] = { TERM_ID };
		uint32_t first_s = UINT32_MAX, last_s = 0;
		store_be64(key + 1, run->ids[i].value);
		for (end = i; end < run->id_count && run->ids[end].value == run->ids[i].value;
			end++) {
			uint32_t second = run->ids[end].second;
			first_s = second < first_s ? second : first_s;
			last_s = second > last_s ? second : last_s;
		}
		segment_write_term(w, span_of(key, sizeof key), first_s, last_s);
		for (size_t j = i; j < end; j++)
			segment_write_doc(w, run->ids[j].doc);
	}
}

bool run_write(struct run *run, struct segment_writer *w)
{
	size_t *ends = malloc(run->entry_count * sizeof *ends);
	struct sorted *sorted = sort_entries(run);
	uint32_t *docs = ends ? gather_docs(run, ends) : NULL;
	bool ok = sorted && docs;
	for (uint32_t i = 0; ok && i + 1 < run->entry_count; i++) {
		const struct entry *entry = &run->entries[sorted[i].entry];
		size_t end = ends[sorted[i].entry];
		segment_write_term(
			w, span_of(sorted[i].key, sorted[i].len), entry->first_s, entry->last_s);
		for (size_t j = end - entry->count; j < end; j++)
			segment_write_doc(w, docs[j]);
	}
	if (ok)
		write_ids(run, w);
	free(ends);
	free(sorted);
	free(docs);
	return ok;
}
