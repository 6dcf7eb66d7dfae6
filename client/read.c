/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that read and are no entry: checkpoint, consistency, records, status.
 */
#include "call.h"
#include "contact.h"
#include "deadline.h"

#include <inttypes.h>
#include <stdlib.h>

struct trail_status {
	struct status_figures figures;
	struct status_times times[TRAIL_TIMES_COUNT];
	char version[64];
	size_t witness_count;
	struct {
		char name[NOTE_NAME_MAX + 1];
		enum witness_what state;
		uint64_t size, time_ns;
	} witnesses[WITNESSES_MAX];
};

enum trail_err trail_settle(struct trail *t)
{
	enum trail_err err = handle_enter(t);
	return err == TRAIL_OK ? contact_settle(t, deadline_in(t->timeout_ms)) : err;
}

enum trail_err trail_checkpoint(struct trail *t, const char **note, size_t *len)
{
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!note || !len)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the note");
	err = contact_refresh(t, deadline_in(t->timeout_ms));
	if (err != TRAIL_OK)
		return err;
	buf_clear(&t->scratch);
	buf_put_span(&t->scratch, buf_view(&t->trust.held.note));
	buf_put_u8(&t->scratch, 0);
	if (t->scratch.failed)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	*note = (const char *)t->scratch.data;
	*len = t->scratch.len - 1;
	return TRAIL_OK;
}

static enum trail_err prove_from(struct trail *t, const struct checkpoint *from, int64_t deadline)
{
	const struct checkpoint *to = &t->trust.held.cp;
	const struct prove prove = { .consistency = true, .from = from->size, .size = to->size };
	struct tree_proof proof;
	enum trail_err err = call_prove(t, prove, deadline, &proof);
	if (err != TRAIL_OK)
		return err;
	if (tree_consistency_check(from->size, &from->root, to->size, &to->root, &proof))
		return TRAIL_OK;
	(void)fault_set(&t->fault, TRAIL_CORRUPT,
		"%s cannot prove that it extends the given checkpoint of %" PRIu64
		" records: its history was changed; keep both checkpoints",
		to->origin, from->size);
	return handle_lose(t);
}

enum trail_err trail_consistency(struct trail *t, const char *note, size_t len)
{
	struct checkpoint from;
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!note)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no checkpoint to compare with");
	if (checkpoint_open(span_of(note, len), &t->trust.identity.vkey, &from) != TRAIL_OK)
		return fault_set(&t->fault, TRAIL_INVALID, "that is not a checkpoint signed by %s",
			t->trust.identity.vkey.name);
	int64_t deadline = deadline_in(t->timeout_ms);
	err = contact_refresh(t, deadline);
	if (err != TRAIL_OK)
		return err;
	if (from.size > t->trust.held.cp.size) {
		(void)fault_set(&t->fault, TRAIL_CORRUPT,
			"%s shrank: it shows %" PRIu64 " records, the given checkpoint covers "
			"%" PRIu64,
			from.origin, t->trust.held.cp.size, from.size);
		return handle_lose(t);
	}
	return prove_from(t, &from, deadline);
}

/* The page's records must each name the one before it. */
static bool chained(struct span records)
{
	struct hash leaf;
	struct record r;
	for (size_t at = 0; at < records.len; at += RECORD_LEN) {
		record_decode(records.data + at, &r);
		if (at > 0 && !hash_equal(&leaf, &r.prev))
			return false;
		record_leaf(records.data + at, &leaf);
	}
	return true;
}

enum trail_err trail_records(
	struct trail *t, uint64_t first, size_t max, uint8_t *out, size_t *count)
{
	struct response answer;
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!out || !count || max == 0)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the records");
	size_t limit = max < RECORD_PAGE_MAX ? max : RECORD_PAGE_MAX;
	struct request request = {
		.kind = REQUEST_RECORDS,
		.records = { .first = first, .limit = limit },
	};
	err = call_wait(t, &request, RESPONSE_RECORDS, deadline_in(t->timeout_ms), &answer);
	if (err != TRAIL_OK)
		return err;
	struct span page = answer.records.records;
	if (page.len % RECORD_LEN != 0 || page.len > limit * RECORD_LEN ||
		(page.len != 0 && answer.records.first != first) || !chained(page)) {
		(void)fault_set(&t->fault, TRAIL_CORRUPT,
			"the records from %" PRIu64 " on are not what was asked, or not chained",
			first);
		return handle_lose(t);
	}
	if (page.len == 0)
		return fault_set(&t->fault, TRAIL_END, "there is no record %" PRIu64, first);
	memcpy(out, page.data, page.len);
	*count = page.len / RECORD_LEN;
	return TRAIL_OK;
}

static void status_fill(struct trail_status *s, const struct status_answer *a)
{
	const uint64_t numbers[TRAIL_STATUS_FULL + 1] = {
		[TRAIL_STATUS_STARTED] = a->started_ns,
		[TRAIL_STATUS_SIZE] = a->size,
		[TRAIL_STATUS_EVENTS] = a->events,
		[TRAIL_STATUS_COMMITS] = a->commits,
		[TRAIL_STATUS_REFUSALS] = a->refusals,
		[TRAIL_STATUS_CONNECTIONS] = a->connections,
		[TRAIL_STATUS_QUEUE_BYTES] = a->queue_bytes,
		[TRAIL_STATUS_FREE_BYTES] = a->free_bytes,
		[TRAIL_STATUS_STORE_BYTES] = a->store_bytes,
		[TRAIL_STATUS_OPEN_EPOCHS] = a->open_epochs,
		[TRAIL_STATUS_PENDING_GAPS] = a->pending_gaps,
		[TRAIL_STATUS_SOURCES] = a->sources,
		[TRAIL_STATUS_FULL] = a->full,
	};
	s->figures = a->figures;
	for (unsigned i = 0; i <= TRAIL_STATUS_FULL; i++)
		status_figure_set(&s->figures, (enum trail_status_number)i, numbers[i]);
	memcpy(s->times, a->times, sizeof s->times);
	size_t len = a->version.len < sizeof s->version ? a->version.len : sizeof s->version - 1;
	if (len != 0)
		memcpy(s->version, a->version.data, len);
}

/* A daemon's clock does not count in ns beyond what ns can count. */
static uint64_t ns_of(uint64_t seconds)
{
	const uint64_t second = UINT64_C(1000000000);
	return seconds > UINT64_MAX / second ? UINT64_MAX : seconds * second;
}

static void witnesses_fill(struct trail_status *s, const struct status_answer *a)
{
	s->witness_count = a->witness_count < WITNESSES_MAX ? a->witness_count : WITNESSES_MAX;
	for (size_t i = 0; i < s->witness_count; i++) {
		const struct witness_state *from = &a->witnesses[i];
		const size_t room = sizeof s->witnesses[i].name - 1;
		const size_t len = from->name.len < room ? from->name.len : room;
		if (len != 0)
			memcpy(s->witnesses[i].name, from->name.data, len);
		s->witnesses[i].state = from->state;
		s->witnesses[i].size = from->size;
		s->witnesses[i].time_ns = ns_of(from->cosigned_s);
	}
}

enum trail_err trail_status_ask(struct trail *t, struct trail_status **status)
{
	struct response answer;
	struct request request = { .kind = REQUEST_STATUS };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!status)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the status");
	int64_t deadline = deadline_in(t->timeout_ms);
	err = call_wait(t, &request, RESPONSE_STATUS, deadline, &answer);
	if (err != TRAIL_OK)
		return err;
	struct trail_status *s = calloc(1, sizeof *s);
	if (!s)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	status_fill(s, &answer.status);
	witnesses_fill(s, &answer.status);
	err = trust_see(&t->trust, answer.status.checkpoint, NULL, &t->fault);
	if (err == TRAIL_CORRUPT)
		err = handle_lose(t);
	if (err == TRAIL_OK)
		err = contact_settle(t, deadline);
	if (err != TRAIL_OK) {
		trail_status_free(s);
		return err;
	}
	*status = s;
	return TRAIL_OK;
}

void trail_status_free(struct trail_status *s)
{
	free(s);
}

uint64_t trail_status_get(const struct trail_status *s, enum trail_status_number number)
{
	return trail_status_known(s, number) ? s->figures.values[number] : 0;
}

bool trail_status_known(const struct trail_status *s, enum trail_status_number number)
{
	return s && (unsigned)number < TRAIL_STATUS_COUNT && (s->figures.known >> number & 1) != 0;
}

static const struct status_times *times_of(
	const struct trail_status *s, enum trail_status_times times)
{
	static const struct status_times none = { 0 };
	return s && (unsigned)times < TRAIL_TIMES_COUNT ? &s->times[times] : &none;
}

size_t trail_status_buckets(const struct trail_status *s, enum trail_status_times times)
{
	return times_of(s, times)->count;
}

uint64_t trail_status_bucket(
	const struct trail_status *s, enum trail_status_times times, size_t i, uint64_t *upto_ns)
{
	const struct status_times *t = times_of(s, times);
	bool bound = i < t->count && t->upto_ns[i] != 0;
	if (upto_ns)
		*upto_ns = bound ? t->upto_ns[i] : UINT64_MAX;
	return i < t->count ? t->in_bucket[i] : 0;
}

uint64_t trail_status_sum(const struct trail_status *s, enum trail_status_times times)
{
	return times_of(s, times)->sum_ns;
}

size_t trail_status_witnesses(const struct trail_status *s)
{
	return s ? s->witness_count : 0;
}

const char *trail_status_witness_name(const struct trail_status *s, size_t i)
{
	return s && i < s->witness_count ? s->witnesses[i].name : "";
}

enum trail_witness_state trail_status_witness_state(const struct trail_status *s, size_t i)
{
	return s && i < s->witness_count ? (enum trail_witness_state)s->witnesses[i].state
					 : TRAIL_WITNESS_SILENT;
}

uint64_t trail_status_witness_size(const struct trail_status *s, size_t i)
{
	return s && i < s->witness_count ? s->witnesses[i].size : 0;
}

uint64_t trail_status_witness_time(const struct trail_status *s, size_t i)
{
	return s && i < s->witness_count ? s->witnesses[i].time_ns : 0;
}

const char *trail_status_version(const struct trail_status *s)
{
	return s ? s->version : "";
}
