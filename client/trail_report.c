/* SPDX-License-Identifier: Apache-2.0 */
#include "../proto/group.h"
#include "../proto/wire.h"
#include "call.h"
#include "deadline.h"
#include "terms.h"
#include "trail_query.h"
#include "trail_rows.h"

#include <stdlib.h>

enum {
	SLOTS_FIRST = 1024, /* a power of two */
};

/* A key, and how many have it. */
struct sum {
	size_t at, len; /* in `keys`, where a NUL follows */
	uint64_t count;
};

struct trail_report {
	struct buf text, literal; /* the query, and its terms */
	struct buf after;         /* the last key of the page before */
	struct reading reading;
	struct buf keys;
	struct sum *sums;
	size_t count, cap;
	uint32_t *slots; /* 1 + place in sums; 0: free */
	size_t slot_count;
};

/* ---- adding up ---- */

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t hash_of(struct span key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < key.len; i++)
		h = (h ^ key.data[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

static struct span key_of(const struct trail_report *r, const struct sum *sum)
{
	return span_of(r->keys.data + sum->at, sum->len);
}

static uint32_t *find_slot(const struct trail_report *r, struct span key)
{
	for (uint64_t h = hash_of(key);; h++) {
		uint32_t *slot = &r->slots[h & (r->slot_count - 1)];
		if (*slot == 0 || span_equal(key_of(r, &r->sums[*slot - 1]), key))
			return slot;
	}
}

/* Twice as many slots, at the least. False: memory is out. */
static bool grow(struct trail_report *r)
{
	size_t count = r->slot_count ? 2 * r->slot_count : SLOTS_FIRST;
	uint32_t *slots = count <= UINT32_MAX ? calloc(count, sizeof *slots) : NULL;
	struct sum *sums = slots ? realloc(r->sums, count / 2 * sizeof *sums) : NULL;
	if (!sums) {
		free(slots);
		return false;
	}
	free(r->slots);
	r->slots = slots;
	r->slot_count = count;
	r->sums = sums;
	r->cap = count / 2;
	for (size_t i = 0; i < r->count; i++)
		*find_slot(r, key_of(r, &sums[i])) = (uint32_t)i + 1;
	return true;
}

static bool add(struct trail_report *r, const struct count *c)
{
	if (r->count == r->cap && !grow(r))
		return false;
	uint32_t *slot = find_slot(r, c->key);
	if (*slot == 0) {
		r->sums[r->count++] = (struct sum){ .at = r->keys.len, .len = c->key.len };
		buf_put_span(&r->keys, c->key);
		buf_put(&r->keys, "", 1);
		*slot = (uint32_t)r->count;
	}
	/* No more events than records, which 64 bits count: the pages were judged. */
	r->sums[*slot - 1].count += c->count;
	return !r->keys.failed;
}

static bool key_fits(const struct trail_report *r, struct span key)
{
	if (r->reading.answer.question.by == GROUP_TIME)
		return key.len == GROUP_TIME_LEN;
	return key.len <= EVENT_TEXT_MAX && text_utf8(key) && !memchr(key.data, 0, key.len);
}

static enum trail_err lies(struct trail *t)
{
	(void)fault_set(&t->fault, TRAIL_CORRUPT,
		"a page of the answer does not verify: it counts what no event can have; do not "
		"trust "
		"this answer");
	return handle_lose(t);
}

static enum trail_err take_page(struct trail_report *r, struct trail *t)
{
	struct answer *a = &r->reading.answer;
	for (size_t i = 0; i < a->count_count; i++) {
		struct span key = a->counts[i].key;
		if (key.len != 0 && !key_fits(r, key))
			return lies(t);
		if (!add(r, &a->counts[i]))
			return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	}
	buf_clear(&r->after);
	if (a->count_count != 0)
		buf_put_span(&r->after, a->counts[a->count_count - 1].key);
	a->question.after = buf_view(&r->after);
	return r->after.failed ? fault_set(&t->fault, TRAIL_NOMEM, "memory is out") : TRAIL_OK;
}

/* The most first; of as many the one that sorts first. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct trail_report *r = ctx;
	const struct sum *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = len ? memcmp(r->keys.data + x->at, r->keys.data + y->at, len) : 0;
	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* ---- asking ---- */

static enum trail_err prepare(struct trail_report *r, struct trail *t, const struct trail_query *q,
	enum trail_group by, uint64_t bucket_ns)
{
	struct answer *a = &r->reading.answer;
	const char *why = group_misfit((enum report_group)by, bucket_ns);
	if (q && (q->follow || q->newest_first || q->evidence))
		why = "a report has an end, no order, and no rows to prove";
	if (why)
		return fault_set(&t->fault, TRAIL_MISUSE, "%s", why);
	buf_put_span(&r->text, q ? buf_view(&q->terms) : span_of(NULL, 0));
	if (r->text.failed)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	a->kind = REQUEST_REPORT;
	a->question.text = buf_view(&r->text);
	a->question.by = (enum report_group)by;
	a->question.bucket_ns = bucket_ns;
	if (q)
		a->question.paging = (struct paging){
			.from = q->from,
			.since_ns = q->since_ns,
			.until_ns = q->until_ns,
			.scan = q->scan,
		};
	return terms_read(a->question.text, &r->literal, &a->query, &t->fault);
}

static bool go_on(struct trail *t, const struct trail_query *q, const struct answer *a)
{
	if (!q || !q->progress || a->done)
		return true;
	t->inside = true;
	bool more = q->progress(q->ctx, a->position, a->read);
	t->inside = false;
	return more;
}

static enum trail_err count_all(
	struct trail_report *r, struct trail *t, const struct trail_query *q)
{
	struct answer *a = &r->reading.answer;
	while (!a->done) {
		enum trail_err err = reading_turn(&r->reading, t, deadline_in(t->timeout_ms));
		if (err == TRAIL_OK)
			err = take_page(r, t);
		if (err != TRAIL_OK)
			return err;
		if (!go_on(t, q, a))
			return TRAIL_MORE;
	}
	if (r->count != 0)
		qsort_r(r->sums, r->count, sizeof *r->sums, compare, r);
	return TRAIL_OK;
}

enum trail_err trail_report(struct trail *t, const struct trail_query *q, enum trail_group by,
	uint64_t bucket_ns, struct trail_report **report)
{
	enum trail_err err = handle_enter_closed(t);
	if (err != TRAIL_OK)
		return err;
	if (!report)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the report");
	struct trail_report *r = calloc(1, sizeof *r);
	if (!r)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	err = prepare(r, t, q, by, bucket_ns);
	if (err == TRAIL_OK)
		err = handle_ready(t);
	if (err == TRAIL_OK)
		err = count_all(r, t, q);
	if (err == TRAIL_OK)
		*report = r;
	else
		trail_report_free(r);
	return err;
}

void trail_report_free(struct trail_report *r)
{
	if (!r)
		return;
	reading_release(&r->reading);
	buf_release(&r->text);
	buf_release(&r->literal);
	buf_release(&r->after);
	buf_release(&r->keys);
	free(r->sums);
	free(r->slots);
	free(r);
}

/* ---- what it says ---- */

size_t trail_report_count(const struct trail_report *r)
{
	return r ? r->count : 0;
}

const char *trail_report_key(const struct trail_report *r, size_t i)
{
	if (!r || i >= r->count || r->reading.answer.question.by == GROUP_TIME)
		return NULL;
	return (const char *)r->keys.data + r->sums[i].at;
}

int64_t trail_report_time(const struct trail_report *r, size_t i)
{
	bool there = r && i < r->count && r->sums[i].len == GROUP_TIME_LEN &&
		r->reading.answer.question.by == GROUP_TIME;
	return there ? group_time(r->keys.data + r->sums[i].at) : 0;
}

uint64_t trail_report_events(const struct trail_report *r, size_t i)
{
	return r && i < r->count ? r->sums[i].count : 0;
}

uint64_t trail_report_matched(const struct trail_report *r)
{
	return r ? r->reading.answer.matched : 0;
}

uint64_t trail_report_read(const struct trail_report *r)
{
	return r ? r->reading.answer.read : 0;
}

uint64_t trail_report_size(const struct trail_report *r)
{
	return r ? r->reading.answer.cp.size : 0;
}

uint32_t trail_report_sources(const struct trail_report *r)
{
	return r ? r->reading.answer.completeness.sources : 0;
}

uint32_t trail_report_current(const struct trail_report *r)
{
	return r ? r->reading.answer.completeness.current : 0;
}

uint64_t trail_report_gaps(const struct trail_report *r)
{
	return r ? r->reading.answer.completeness.gaps : 0;
}

uint64_t trail_report_witnessed(const struct trail_report *r)
{
	return r ? r->reading.answer.completeness.witnessed : 0;
}

const char *trail_report_method(const struct trail_report *r)
{
	return r ? rows_method(r->reading.answer.completeness.method) : "";
}
