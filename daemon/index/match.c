/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include "docset.h"

#include <stdlib.h>

enum {
	ID_DIGITS = 2 * TERM_ID_LEN,
	HOUR_LAST = UINT32_MAX / TERM_HOUR_S,
};

/* Keys from low to high, both included, or those that begin with low where high is empty. */
struct keys {
	size_t low_len, high_len;
	uint8_t low[TERM_KEY_MAX], high[TERM_KEY_MAX];
	bool begins; /* `high` is not looked at: keys that begin with `low` */
	bool exact;  /* no value but those that fit has such a key */
};

struct match {
	const struct segment *segment;
	const struct match_question *question;
	struct segment_walk walk;
	/* All of these, the rarest first; */
	struct docset sets[QUERY_FIELDS + 2];
	size_t set_count;
	struct docset without; /* none of these, */
	bool sure;
	struct docset
		edge; /* and those of these are not sure: hours that the time asked only touches */
	bool has_edge;
	bool none; /* nothing can match */
	struct docset losses;
	bool leads_all;    /* the one set is that of all events */
	uint64_t *counted; /* bits of events that are found; NULL: not yet made */
	uint64_t *doubts;  /* those of them that are not sure */
};

/* ---- keys ---- */

static const enum term_field FIELDS[QUERY_FIELDS] = {
	[QUERY_ACTOR] = TERM_ACTOR,
	[QUERY_OBJECT] = TERM_OBJECT,
	[QUERY_SUBJECT] = TERM_SUBJECT,
	[QUERY_ACTION] = TERM_ACTION,
	[QUERY_OUTCOME] = TERM_OUTCOME,
	[QUERY_SOURCE] = TERM_SOURCE,
	[QUERY_PEER] = TERM_PEER,
	[QUERY_UNIT] = TERM_UNIT,
	[QUERY_TYPE] = TERM_TYPE,
	[QUERY_VERB] = TERM_VERB,
	[QUERY_PURPOSE] = TERM_PURPOSE,
	[QUERY_CORRELATION] = TERM_CORRELATION,
	[QUERY_ID] = TERM_ID,
	[QUERY_MEDIUM] = TERM_MEDIUM,
	[QUERY_HOST] = TERM_HOST,
};

enum term_field match_field(enum query_field field)
{
	return FIELDS[field];
}

static struct keys keys_of_one(enum term_field field, struct span value)
{
	struct keys k = { .exact = term_is_whole(field, value) };
	k.low_len = k.high_len = term_key(field, value, k.low);
	memcpy(k.high, k.low, k.low_len);
	return k;
}

static struct keys keys_beginning(enum term_field field, struct span value)
{
	struct keys k = { .begins = true, .exact = value.len <= TERM_VALUE_MAX };
	k.low_len = term_key(field, value, k.low);
	return k;
}

/* All values of a field. */
static struct keys keys_of_field(enum term_field field)
{
	return keys_beginning(field, span_of(NULL, 0));
}

static struct keys keys_between(enum term_field field, struct span low, struct span high)
{
	struct keys k = { .exact = low.len < TERM_VALUE_MAX && high.len < TERM_VALUE_MAX };
	k.low_len = term_key(field, low, k.low);
	/* Without an end: up to, and without, the next field, of which no key is a byte long. */
	k.high_len = term_key(field, high, k.high);
	if (!high.data) {
		k.high[0]++;
		k.high_len = 1;
	}
	return k;
}

/* The value of one hexadecimal digit in lower case; -1: it is none. */
static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The first bytes of a UUID whose text begins as `text` does, as far as that is a UUID's; what is
 * not said is `fill`. Dashes stand where they stand in every UUID, so the order is that of bytes.
 */
static void id_bytes(struct span text, uint8_t fill, uint8_t out[TERM_ID_LEN])
{
	memset(out, fill, TERM_ID_LEN);
	for (size_t i = 0, n = 0; i < text.len && n < ID_DIGITS; i++) {
		if ((i == 8 || i == 13 || i == 18) && text.data[i] == '-')
			continue;
		int digit = digit_of(text.data[i]);
		if (digit < 0)
			return;
		unsigned shift = n % 2 ? 0 : 4;
		out[n / 2] = (uint8_t)((out[n / 2] & ~(0xfU << shift)) | (unsigned)digit << shift);
		n++;
	}
}

/* Never exact: only the first bytes are in the index. */
static struct keys keys_of_id(const struct query_term *term)
{
	uint8_t low[TERM_ID_LEN], high[TERM_ID_LEN];
	struct span last = term->shape == QUERY_BETWEEN ? term->high : term->low;
	if (term->shape == QUERY_IS && term->low.len >= TERM_ID_LEN)
		return keys_of_one(TERM_ID, span_of(term->low.data, TERM_ID_LEN));
	id_bytes(term->low, 0, low);
	id_bytes(last, 0xff, high);
	struct keys k = keys_between(TERM_ID, span_of(low, sizeof low), span_of(high, sizeof high));
	k.exact = false;
	return k;
}

static struct keys keys_of_text(const struct query_term *term)
{
	enum term_field field = FIELDS[term->field];
	if (term->field == QUERY_ID && term->low.len + term->high.len != 0)
		return keys_of_id(term);
	if (term->shape == QUERY_IS)
		return keys_of_one(field, term->low);
	if (term->shape == QUERY_BETWEEN)
		return keys_between(field, term->low, term->high);
	if (field == TERM_OBJECT && term_prefix_is_ancestor(term->low))
		return keys_of_one(TERM_ANCESTOR, term->low);
	return keys_beginning(field, term->low);
}

/* ---- sets ---- */

static bool is_behind(const struct keys *k, struct span key)
{
	if (k->begins)
		return key.len < k->low_len || memcmp(key.data, k->low, k->low_len) != 0;
	size_t len = key.len < k->high_len ? key.len : k->high_len;
	int way = memcmp(key.data, k->high, len);
	return way != 0 ? way > 0 : key.len > k->high_len;
}

/* Whether all events of the term happened outside of the time that is asked for. */
static bool is_elsewhen(const struct match *m, const struct segment_term *term)
{
	int64_t since = m->question->since_ns, until = m->question->until_ns;
	return term->key.data[0] != TERM_LOSS &&
		((since != 0 && term->last_s < segment_seconds(since)) ||
			(until != 0 && term->first_s > segment_seconds(until)));
}

/* Add all docs that have one of these keys, as far as they matter. */
static enum trail_err add_keys(struct match *m, struct docset *set, const struct keys *k)
{
	struct segment_term term;
	segment_walk_seek(&m->walk, m->segment, span_of(k->low, k->low_len));
	while (segment_walk_next(&m->walk, &term) && !is_behind(k, term.key)) {
		if (is_elsewhen(m, &term))
			continue;
		enum trail_err err = docset_add(set, m->segment, &term);
		if (err)
			return err;
	}
	return m->walk.err;
}

/* Events that lack the field. */
static enum trail_err add_absent(struct match *m, struct docset *set, enum term_field field)
{
	const struct keys event = keys_of_field(TERM_EVENT), all = keys_of_field(field);
	struct docset events, with;
	docset_init(&events, m->segment);
	docset_init(&with, m->segment);
	enum trail_err err = add_keys(m, &events, &event);
	if (!err)
		err = add_keys(m, &with, &all);
	if (!err)
		err = docset_complement(&with, &events);
	if (!err)
		err = docset_flatten(set);
	for (size_t i = 0; !err && i < docset_words(set->docs); i++)
		set->bits[i] |= with.bits[i];
	set->count += with.count;
	docset_release(&events);
	docset_release(&with);
	return err;
}

static enum trail_err add_word(struct match *m, struct docset *set, const struct query_term *term)
{
	enum trail_err err = TRAIL_OK;
	for (uint64_t word = term->from; !err && word <= term->to && word <= UINT8_MAX; word++) {
		uint8_t value = (uint8_t)word;
		const struct keys k = keys_of_one(FIELDS[term->field], span_of(&value, 1));
		err = add_keys(m, set, &k);
	}
	return err;
}

/* The docs of a term; *exact is cleared where there may be others among them. */
static enum trail_err add_term(
	struct match *m, struct docset *set, const struct query_term *term, bool *exact)
{
	if (query_kind(term->field) == QUERY_WORD)
		return add_word(m, set, term);
	if (term->shape == QUERY_IS && term->low.len == 0)
		return add_absent(m, set, FIELDS[term->field]);
	const struct keys k = keys_of_text(term);
	*exact = *exact && k.exact;
	return add_keys(m, set, &k);
}

/* ---- planning ---- */

/* Class and index are no postings: the one is the segment's own, the other is the doc. */
static bool has_postings(enum query_field field)
{
	return field != QUERY_CLASS && field != QUERY_INDEX;
}

static enum trail_err plan_field(struct match *m, enum query_field field)
{
	const struct query *q = m->question->query;
	struct docset *set = &m->sets[m->set_count];
	enum trail_err err = TRAIL_OK;
	bool asked = false;
	docset_init(set, m->segment);
	for (size_t i = 0; i < q->count && !err; i++) {
		if (q->terms[i].field != field || q->terms[i].negated)
			continue;
		asked = true;
		err = add_term(m, set, &q->terms[i], &m->sure);
	}
	m->set_count += asked;
	if (asked && !err && set->count == 0)
		m->none = true;
	return err;
}

/* What is excluded must be excluded for certain; the rest is for the event itself to say. */
static enum trail_err plan_not(struct match *m)
{
	const struct query *q = m->question->query;
	enum trail_err err = TRAIL_OK;
	docset_init(&m->without, m->segment);
	for (size_t i = 0; i < q->count && !err; i++) {
		const struct query_term *term = &q->terms[i];
		bool text = query_kind(term->field) == QUERY_TEXT;
		if (!term->negated || !has_postings(term->field))
			continue;
		bool absent = term->shape == QUERY_IS && term->low.len == 0;
		bool exact = !text || absent || keys_of_text(term).exact;
		m->sure = m->sure && exact;
		if (exact)
			err = add_term(m, &m->without, term, &exact);
	}
	return err;
}

static struct keys keys_of_hours(uint32_t first, uint32_t last)
{
	uint8_t low[TERM_HOUR_LEN], high[TERM_HOUR_LEN];
	store_be32(low, first);
	store_be32(high, last);
	return keys_between(TERM_HOUR, span_of(low, sizeof low), span_of(high, sizeof high));
}

/* Whether times of the hour lie on both sides of `ns`; the first and last hold all beyond, too. */
static bool splits(int64_t ns, uint32_t hour)
{
	return hour == 0 || hour >= HOUR_LAST || ns % (INT64_C(1000000000) * TERM_HOUR_S) != 0;
}

static enum trail_err add_edge(struct match *m, uint32_t hour)
{
	const struct keys k = keys_of_hours(hour, hour);
	m->has_edge = true;
	return add_keys(m, &m->edge, &k);
}

static enum trail_err plan_time(struct match *m)
{
	int64_t since = m->question->since_ns, until = m->question->until_ns;
	const struct segment_sum *sum = &m->segment->sum;
	uint32_t first = since != 0 ? term_hour(since) : 0;
	uint32_t last = until != 0 ? term_hour(until - 1) : HOUR_LAST;
	docset_init(&m->edge, m->segment);
	if (first > sum->last_s / TERM_HOUR_S || last < sum->first_s / TERM_HOUR_S) {
		m->none = true;
		return TRAIL_OK;
	}
	bool within = (since == 0 || first < sum->first_s / TERM_HOUR_S) &&
		(until == 0 || last > sum->last_s / TERM_HOUR_S);
	if (within)
		return TRAIL_OK;
	const struct keys k = keys_of_hours(first, last);
	struct docset *set = &m->sets[m->set_count++];
	docset_init(set, m->segment);
	enum trail_err err = add_keys(m, set, &k);
	if (!err && since != 0 && splits(since, first))
		err = add_edge(m, first);
	if (!err && until != 0 && splits(until, last))
		err = add_edge(m, last);
	return err;
}

/* Where nothing else leads, all events do. */
static enum trail_err plan_lead(struct match *m)
{
	const struct keys k = keys_of_field(TERM_EVENT);
	if (m->set_count > 0)
		return TRAIL_OK;
	docset_init(&m->sets[0], m->segment);
	m->set_count = 1;
	m->leads_all = true;
	return add_keys(m, &m->sets[0], &k);
}

static int rarer(const void *a, const void *b)
{
	const struct docset *x = a, *y = b;
	return (x->count > y->count) - (x->count < y->count);
}

static bool has_class(const struct match *m)
{
	const struct query_view view = { .class_no = m->segment->place.class_no };
	return query_allows(m->question->query, QUERY_CLASS, &view);
}

static enum trail_err plan(struct match *m, bool losses)
{
	enum trail_err err = TRAIL_OK;
	const struct keys loss = keys_of_field(TERM_LOSS);
	m->sure = true;
	m->none = !has_class(m);
	docset_init(&m->losses, m->segment);
	if (losses)
		err = add_keys(m, &m->losses, &loss);
	for (size_t i = 0; i < QUERY_FIELDS && !err && !m->none; i++)
		if (has_postings((enum query_field)i))
			err = plan_field(m, (enum query_field)i);
	if (!err && !m->none)
		err = plan_time(m);
	if (!err && !m->none)
		err = plan_not(m);
	if (!err && !m->none)
		err = plan_lead(m);
	if (!err)
		qsort(m->sets, m->set_count, sizeof m->sets[0], rarer);
	return err;
}

enum trail_err match_open(const struct segment *segment, const struct match_question *question,
	bool losses, struct match **out)
{
	struct match *m = calloc(1, sizeof *m);
	if (!m)
		return TRAIL_NOMEM;
	m->segment = segment;
	m->question = question;
	enum trail_err err = plan(m, losses);
	if (err)
		match_close(m);
	else
		*out = m;
	return err;
}

void match_close(struct match *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->set_count; i++)
		docset_release(&m->sets[i]);
	docset_release(&m->without);
	docset_release(&m->edge);
	docset_release(&m->losses);
	free(m->counted);
	free(m->doubts);
	free(m);
}

/* ---- finding ---- */

/* One on, in the direction; false: there is none. */
static bool step(uint32_t *doc, bool down, uint32_t docs)
{
	if (down ? *doc == 0 : *doc + 1 >= docs)
		return false;
	*doc = down ? *doc - 1 : *doc + 1;
	return true;
}

static bool index_fits(const struct match *m, uint32_t doc)
{
	const struct query_view view = { .index = m->segment->place.from + doc };
	return query_allows(m->question->query, QUERY_INDEX, &view);
}

static enum trail_err holds(struct docset *set, uint32_t doc, bool *yes)
{
	uint32_t found;
	enum trail_err err = docset_seek(set, doc, false, &found);
	*yes = err == TRAIL_OK && found == doc;
	return err == TRAIL_END ? TRAIL_OK : err;
}

/* Make all sets agree on a doc at or behind *doc. */
static enum trail_err agree(struct match *m, bool down, uint32_t *doc)
{
	for (size_t i = 0; i < m->set_count;) {
		uint32_t found;
		enum trail_err err = docset_seek(&m->sets[i], *doc, down, &found);
		if (err)
			return err;
		if (found == *doc) {
			i++;
		} else {
			*doc = found;
			i = i == 0 ? 1 : 0;
		}
	}
	return TRAIL_OK;
}

static enum trail_err next_event(struct match *m, uint32_t doc, bool down, struct match_hit *hit)
{
	uint32_t docs = (uint32_t)(m->segment->place.to - m->segment->place.from);
	bool out = true;
	while (out) {
		enum trail_err err = m->none ? TRAIL_END : agree(m, down, &doc);
		if (!err)
			err = holds(&m->without, doc, &out);
		if (err)
			return err;
		out = out || !index_fits(m, doc);
		if (out && !step(&doc, down, docs))
			return TRAIL_END;
	}
	bool edge = false;
	enum trail_err err = m->has_edge ? holds(&m->edge, doc, &edge) : TRAIL_OK;
	*hit = (struct match_hit){ .doc = doc, .event = true, .sure = m->sure && !edge };
	return err;
}

/* Of a hit and the next loss, the one that comes first; both, where they are one record. */
static enum trail_err with_loss(
	struct match *m, uint32_t doc, bool down, enum trail_err found, struct match_hit *hit)
{
	uint32_t loss;
	enum trail_err err = docset_seek(&m->losses, doc, down, &loss);
	if (err == TRAIL_END)
		return found;
	if (err)
		return err;
	if (found == TRAIL_OK && hit->doc == loss)
		hit->loss = true;
	else if (found == TRAIL_END || (down ? loss > hit->doc : loss < hit->doc))
		*hit = (struct match_hit){ .doc = loss, .loss = true };
	return TRAIL_OK;
}

enum trail_err match_next(struct match *m, uint32_t doc, bool down, struct match_hit *hit)
{
	enum trail_err err = next_event(m, doc, down, hit);
	return err == TRAIL_OK || err == TRAIL_END ? with_loss(m, doc, down, err, hit) : err;
}

/* ---- counting ---- */

static void drop_index(struct match *m, uint64_t *bits, uint32_t docs)
{
	if (!query_asks(m->question->query, QUERY_INDEX))
		return;
	for (uint32_t doc = 0; bits_seek(bits, docs, doc, false, &doc); doc++)
		if (!index_fits(m, doc))
			bits[doc / 64] &= ~(UINT64_C(1) << doc % 64);
}

static enum trail_err narrow(struct docset *set, uint64_t *bits, bool keep)
{
	enum trail_err err = docset_flatten(set);
	for (size_t i = 0; !err && i < docset_words(set->docs); i++)
		bits[i] &= keep ? set->bits[i] : ~set->bits[i];
	return err;
}

static enum trail_err fill_bits(struct match *m, uint32_t docs)
{
	size_t words = docset_words(docs);
	enum trail_err err = TRAIL_OK;
	/* One more, so that 64 bits can be taken from anywhere. */
	m->counted = calloc(words + 1, sizeof *m->counted);
	m->doubts = malloc(words * sizeof *m->doubts);
	if (!m->counted || !m->doubts)
		return TRAIL_NOMEM;
	memset(m->counted, m->none ? 0 : 0xff, words * sizeof *m->counted);
	for (size_t i = 0; i < m->set_count && !err && !m->none; i++)
		err = narrow(&m->sets[i], m->counted, true);
	if (!err && m->without.count > 0)
		err = narrow(&m->without, m->counted, false);
	if (!err)
		drop_index(m, m->counted, docs);
	memcpy(m->doubts, m->counted, words * sizeof *m->doubts);
	if (!err && m->sure)
		err = narrow(&m->edge, m->doubts, true);
	for (size_t i = 0; i < words; i++)
		m->counted[i] &= ~m->doubts[i];
	return err;
}

/* All events that are found, as bits, and those that are in doubt. */
static enum trail_err flatten(struct match *m)
{
	if (m->counted)
		return TRAIL_OK;
	enum trail_err err =
		fill_bits(m, (uint32_t)(m->segment->place.to - m->segment->place.from));
	if (!err)
		return TRAIL_OK;
	/* Half of it is nothing: who asks again is told again. */
	free(m->counted);
	free(m->doubts);
	m->counted = m->doubts = NULL;
	return err;
}

bool match_is_all(const struct match *m)
{
	return m->leads_all && m->sure && !m->none && !m->has_edge && m->without.count == 0 &&
		!query_asks(m->question->query, QUERY_INDEX);
}

enum trail_err match_bits(struct match *m, const uint64_t **bits)
{
	enum trail_err err = flatten(m);
	*bits = m->counted;
	return err;
}

enum trail_err match_count(struct match *m, uint32_t low, uint32_t high, uint64_t *count)
{
	uint32_t docs = (uint32_t)(m->segment->place.to - m->segment->place.from);
	if (match_is_all(m) && low == 0 && high >= docs - 1) {
		*count = m->sets[0].count;
		return TRAIL_OK;
	}
	enum trail_err err = flatten(m);
	if (!err)
		*count = bits_count(m->counted, docs, low, high);
	return err;
}

enum trail_err match_next_doubt(struct match *m, uint32_t doc, bool down, struct match_hit *hit)
{
	uint32_t docs = (uint32_t)(m->segment->place.to - m->segment->place.from);
	if (m->none || (m->sure && !m->has_edge))
		return with_loss(m, doc, down, TRAIL_END, hit);
	enum trail_err err = flatten(m);
	if (err)
		return err;
	err = bits_seek(m->doubts, docs, doc, down, &hit->doc) ? TRAIL_OK : TRAIL_END;
	*hit = (struct match_hit){ .doc = hit->doc, .event = true };
	return with_loss(m, doc, down, err, hit);
}
