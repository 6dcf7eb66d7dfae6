/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_receipt.h"

#include <inttypes.h>
#include <stdlib.h>

/* What does not fit, without subject: the sentence around it is made in one place. */
typedef const char *misfit;

static struct record fresh_record(const struct trail_batch *batch, const struct run *run, size_t k,
	size_t event, const struct hash *prev)
{
	struct record r = {
		.version = RECORD_VERSION,
		.kind = KIND_EVENT,
		.flags = run->flags ? (uint16_t)run->flags[k] : 0,
		.class_no = run->classes ? run->classes[k] : 0,
		.source = run->source,
		.peer = run->peer,
		.received_ns = run->received_ns,
		.epoch = batch->epoch,
		.seq = run->first_seq + k,
		.prev = *prev,
	};
	record_commitment(run->salts.data + k * SALT_LEN, batch_event(batch, event), &r.commitment);
	return r;
}

static misfit fresh_run_fits(const struct trail_batch *batch, const struct run *run)
{
	if (run->salts.len != (size_t)run->count * SALT_LEN)
		return "a salt is missing";
	if (run->source == 0 || run->source >= run->first_index || run->peer >= run->first_index)
		return "its source or peer is not an earlier record";
	if (run->first_seq == 0 || run->first_seq > UINT64_MAX - run->count)
		return "it is numbered from an impossible seq";
	for (uint32_t k = 0; run->flags && k < run->count; k++)
		if (run->flags[k] & ~(uint32_t)FLAG_KNOWN)
			return "it carries an unknown flag";
	if (batch->lost != 0 && run->first_seq == batch->first_seq &&
		!(run->flags && run->flags[0] & FLAG_LOSS))
		return "the declared loss is not noted";
	return NULL;
}

static misfit take_fresh(const struct trail_batch *batch, const struct run *run, size_t start,
	struct receipt_item *items)
{
	misfit why = fresh_run_fits(batch, run);
	if (why)
		return why;
	struct hash prev = run->prev;
	for (uint32_t k = 0; k < run->count; k++) {
		struct receipt_item *item = &items[start + k];
		struct record r = fresh_record(batch, run, k, start + k, &prev);
		item->seq = r.seq;
		item->received_ns = r.received_ns;
		item->checked = true;
		memcpy(item->salt, run->salts.data + (size_t)k * SALT_LEN, SALT_LEN);
		record_encode(&r, item->record);
		record_leaf(item->record, &item->leaf);
		prev = item->leaf;
	}
	return NULL;
}

/* The daemon fills in zeros for a salt that was erased with its payload. */
static bool salt_erased(const uint8_t salt[SALT_LEN])
{
	static const uint8_t zeros[SALT_LEN];
	return memcmp(salt, zeros, SALT_LEN) == 0;
}

/* One stored record that is said to hold event `event` already. */
static misfit take_held(const struct trail_batch *batch, const struct run *run, uint32_t k,
	size_t event, struct receipt_item *item)
{
	struct record r;
	struct hash commitment;
	const uint8_t *salt = run->salts.data + (size_t)k * SALT_LEN;
	memcpy(item->record, run->records.data + (size_t)k * RECORD_LEN, RECORD_LEN);
	record_decode(item->record, &r);
	if (r.kind != KIND_EVENT || r.epoch != batch->epoch || r.seq != batch->first_seq + event ||
		r.source != run->source)
		return "the record held is of another event";
	item->seq = r.seq;
	item->received_ns = r.received_ns;
	record_leaf(item->record, &item->leaf);
	if (salt_erased(salt))
		return NULL;
	record_commitment(salt, batch_event(batch, event), &commitment);
	if (!hash_equal(&commitment, &r.commitment))
		return "the record held does not commit to what was sent";
	item->checked = true;
	memcpy(item->salt, salt, SALT_LEN);
	return NULL;
}

static misfit take_duplicates(const struct trail_batch *batch, const struct run *run, size_t start,
	struct receipt_item *items)
{
	if (batch->epoch == 0)
		return "what the daemon numbers cannot be a duplicate";
	for (uint32_t k = 0; k < run->count; k++) {
		items[start + k].duplicate = true;
		items[start + k].seq = batch->first_seq + start + k;
	}
	/* Not found by the daemon, which could compare nothing; nor can we. */
	if (run->records.len == 0)
		return NULL;
	if (run->records.len != (size_t)run->count * RECORD_LEN ||
		run->salts.len != (size_t)run->count * SALT_LEN)
		return "a record held or its salt is missing";
	for (uint32_t k = 0; k < run->count; k++) {
		struct receipt_item *item = &items[start + k];
		misfit why = take_held(batch, run, k, start + k, item);
		if (why)
			return why;
		struct record r;
		record_decode(item->record, &r);
		if (k > 0 && !hash_equal(&r.prev, &items[start + k - 1].leaf))
			return "the records held are not chained";
	}
	return NULL;
}

static misfit take_run(const struct trail_batch *batch, const struct run *run, size_t start,
	struct trail_receipt *receipt)
{
	const struct checkpoint *cp = &receipt->cp;
	if (run->count == 0 || run->count > receipt->count - start)
		return "it tells of other events than were sent";
	if (run->first_index >= cp->size || run->count > cp->size - run->first_index)
		return "its records lie behind the checkpoint";
	if (!run->duplicate && batch->epoch != 0 && run->first_seq != batch->first_seq + start)
		return "it is numbered otherwise than asked";
	for (uint32_t k = 0; k < run->count; k++)
		receipt->items[start + k].index = run->first_index + k;
	misfit why = run->duplicate ? take_duplicates(batch, run, start, receipt->items)
				    : take_fresh(batch, run, start, receipt->items);
	if (why)
		return why;
	const struct receipt_item *last = &receipt->items[start + run->count - 1];
	bool shown = !run->duplicate || run->records.len != 0;
	if (shown &&
		!tree_inclusion_check(&last->leaf, last->index, cp->size, &run->path, &cp->root))
		return "its records are not in the tree of the signed checkpoint";
	return NULL;
}

static uint32_t count_unchecked(const struct trail_receipt *receipt)
{
	uint32_t unchecked = 0;
	for (size_t i = 0; i < receipt->count; i++)
		unchecked += !receipt->items[i].checked;
	return unchecked;
}

static misfit take_runs(const struct trail_batch *batch, const struct appended *answer,
	struct trail_receipt *receipt)
{
	size_t done = 0;
	for (size_t i = 0; i < answer->run_count; i++) {
		misfit why = take_run(batch, &answer->runs[i], done, receipt);
		if (why)
			return why;
		done += answer->runs[i].count;
	}
	if (done != receipt->count)
		return "it tells of fewer events than were sent";
	return count_unchecked(receipt) == answer->unchecked
		? NULL
		: "it compared other events than it says";
}

enum trail_err receipt_make(const struct trail_batch *batch, const struct appended *answer,
	struct trust *trust, struct trail_receipt **receipt, struct fault *fault)
{
	struct trail_receipt *r = calloc(1, sizeof *r + batch->count * sizeof r->items[0]);
	if (!r)
		return fault_set(fault, TRAIL_NOMEM, "memory is out");
	enum trail_err err = trust_see(trust, answer->checkpoint, &r->cp, fault);
	if (err == TRAIL_OK)
		err = trust_quorum(trust, answer->checkpoint, &r->witnessed_s, fault);
	if (err != TRAIL_OK)
		goto out;
	r->count = batch->count;
	r->note = strndup((const char *)answer->checkpoint.data, answer->checkpoint.len);
	if (!r->note) {
		err = fault_set(fault, TRAIL_NOMEM, "memory is out");
		goto out;
	}
	misfit why = take_runs(batch, answer, r);
	if (why) {
		err = fault_set(fault, TRAIL_CORRUPT,
			"the receipt for source %s, seq %" PRIu64
			", does not verify: %s; do not count these events as logged",
			batch->source, batch->first_seq, why);
		goto out;
	}
	*receipt = r;
	return TRAIL_OK;
out:
	trail_receipt_free(r);
	return err;
}

void trail_receipt_free(struct trail_receipt *r)
{
	if (!r)
		return;
	free(r->note);
	free(r);
}

static const struct receipt_item *item_at(const struct trail_receipt *r, size_t i)
{
	return r && i < r->count ? &r->items[i] : NULL;
}

size_t trail_receipt_count(const struct trail_receipt *r)
{
	return r ? r->count : 0;
}

uint64_t trail_receipt_index(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item ? item->index : 0;
}

uint64_t trail_receipt_seq(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item ? item->seq : 0;
}

uint64_t trail_receipt_received(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item ? item->received_ns : 0;
}

bool trail_receipt_duplicate(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item && item->duplicate;
}

bool trail_receipt_checked(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item && item->checked;
}

const uint8_t *trail_receipt_leaf(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item && item->checked ? item->leaf.b : NULL;
}

const uint8_t *trail_receipt_record(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item && item->checked ? item->record : NULL;
}

const uint8_t *trail_receipt_salt(const struct trail_receipt *r, size_t i)
{
	const struct receipt_item *item = item_at(r, i);
	return item && item->checked ? item->salt : NULL;
}

uint64_t trail_receipt_size(const struct trail_receipt *r)
{
	return r ? r->cp.size : 0;
}

uint64_t trail_receipt_witnessed(const struct trail_receipt *r)
{
	return r ? r->witnessed_s * UINT64_C(1000000000) : 0;
}

const char *trail_receipt_note(const struct trail_receipt *r)
{
	return r ? r->note : NULL;
}
