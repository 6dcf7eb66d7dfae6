/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that write: append and wait, submit and process, claim, close, keep alive.
 */
#include "call.h"
#include "contact.h"
#include "deadline.h"
#include "trail_receipt.h"

#include <stdlib.h>

/* A batch on its way; begins with the slot that call.c knows. */
struct shipment {
	struct slot slot;
	struct trail_batch batch;
	trail_done_fn done;
	void *ctx;
};

static void shipment_free(struct shipment *s)
{
	buf_release(&s->slot.answer);
	batch_release(&s->batch);
	free(s);
}

/* The request for a batch; the spans of its events go to `events`. */
static struct request append_request(
	const struct trail *t, const struct trail_batch *b, struct span *events)
{
	for (size_t i = 0; i < b->count; i++)
		events[i] = batch_event(b, i);
	return (struct request){
		.kind = REQUEST_APPEND,
		.append = {
			.source = span_text(b->source),
			.epoch = b->epoch,
			.first_seq = b->first_seq,
			.lost = b->lost,
			.made = b->epoch == 0 ? 0 : b->first_seq + b->count - 1,
			.events = events,
			.event_count = b->count,
			.want_salts = true,
			.want_proof = true,
			.ack = t->ack,
			.wait_ms = t->ack == ACK_WITNESSED ? t->ack_wait_ms : 0,
		},
	};
}

static enum trail_err batch_sendable(struct trail *t, const struct trail_batch *b)
{
	if (!b || !b->begun || b->count == 0)
		return fault_set(&t->fault, TRAIL_MISUSE, "the batch holds no event");
	if (b->count > t->events_max)
		return fault_set(&t->fault, TRAIL_TOO_BIG,
			"the batch has %zu events; %s takes %u at once", b->count, t->address,
			t->events_max);
	return TRAIL_OK;
}

/* call.c has an answer to it, or knows why there is none. */
static void shipment_finish(struct trail *t, struct slot *slot, enum trail_err lost)
{
	struct shipment *s = (struct shipment *)(void *)slot;
	struct trail_receipt *receipt = NULL;
	struct response answer;
	enum trail_err err = lost;
	if (!t) {
		shipment_free(s);
		return;
	}
	if (lost == TRAIL_OK) {
		fault_clear(&t->fault);
		err = call_read(t, slot, RESPONSE_APPENDED, &answer);
		if (err == TRAIL_OK)
			err = receipt_make(
				&s->batch, &answer.appended, &t->trust, &receipt, &t->fault);
		if (err == TRAIL_CORRUPT)
			(void)handle_lose(t);
	} else {
		t->fault = t->lost;
	}
	if (s->done)
		s->done(s->ctx, err, receipt);
	trail_receipt_free(receipt);
	shipment_free(s);
}

enum trail_err trail_submit(struct trail *t, struct trail_batch *b, trail_done_fn done, void *ctx)
{
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	err = batch_sendable(t, b);
	if (err != TRAIL_OK)
		return err;
	if (t->submitted >= IN_FLIGHT_MAX)
		return fault_set(&t->fault, TRAIL_BUSY,
			"%d requests are in flight; call trail_process first", IN_FLIGHT_MAX);
	struct span *events = malloc(b->count * sizeof *events);
	struct shipment *s = calloc(1, sizeof *s);
	if (!events || !s) {
		err = fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
		goto out;
	}
	struct request request = append_request(t, b, events);
	s->slot.finish = shipment_finish;
	s->done = done;
	s->ctx = ctx;
	err = call_submit(t, &request, &s->slot);
	if (err == TRAIL_OK) {
		batch_move(&s->batch, b);
		s = NULL;
	}
out:
	free(events);
	free(s);
	return err;
}

size_t trail_in_flight(const struct trail *t)
{
	return t ? t->submitted : 0;
}

/* Callbacks are due even after the connection was lost. */
static enum trail_err enter_process(struct trail *t)
{
	enum trail_err err = handle_enter(t);
	if (!t)
		return err;
	if (t->inside)
		return fault_set(
			&t->fault, TRAIL_MISUSE, "callbacks must not process: they run inside it");
	if (t->state == HANDLE_LOST && t->submitted > 0 && err != TRAIL_MISUSE)
		return TRAIL_OK;
	return err;
}

enum trail_err trail_process(struct trail *t, int timeout_ms)
{
	enum trail_err err = enter_process(t);
	if (err != TRAIL_OK)
		return err;
	err = calls_process(t, deadline_in(timeout_ms < 0 ? 0 : timeout_ms));
	/* Who never flushes owes proofs all the same, and there is room for so many. */
	if (err == TRAIL_OK && t->trust.owed_count >= TRUST_OWED_MAX / 2)
		err = contact_settle(t, deadline_in(t->timeout_ms));
	return err == TRAIL_TIMEOUT ? TRAIL_MORE : err;
}

enum trail_err trail_flush(struct trail *t, int timeout_ms)
{
	enum trail_err err = enter_process(t);
	int64_t deadline = deadline_in(timeout_ms < 0 ? 0 : timeout_ms);
	while (err == TRAIL_OK && t->submitted > 0)
		err = calls_process(t, deadline);
	if (err == TRAIL_TIMEOUT)
		return fault_set(&t->fault, err,
			"%s did not answer all in time; %zu requests are still in flight",
			t->address, t->submitted);
	if (err != TRAIL_OK)
		return err;
	fault_clear(&t->fault);
	return contact_settle(t, deadline);
}

int trail_fd(const struct trail *t)
{
	return t ? t->conn.fd : -1;
}

bool trail_wants_write(const struct trail *t)
{
	return t && conn_wants_write(&t->conn);
}

/* What an append may take longer than other calls, because it waits for witnesses. */
static int ack_wait_ms(const struct trail *t)
{
	return t->ack == ACK_WITNESSED ? (int)t->ack_wait_ms : 0;
}

/* Send it, wait, verify; settle what the answer's checkpoint says. */
static enum trail_err append_wait(
	struct trail *t, const struct trail_batch *b, struct trail_receipt **receipt)
{
	int64_t deadline = deadline_in(t->timeout_ms + ack_wait_ms(t));
	struct trail_receipt *made = NULL;
	struct response answer;
	struct span *events = malloc(b->count * sizeof *events);
	if (!events)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	struct request request = append_request(t, b, events);
	enum trail_err err = call_wait(t, &request, RESPONSE_APPENDED, deadline, &answer);
	free(events);
	if (err != TRAIL_OK)
		return err;
	err = receipt_make(b, &answer.appended, &t->trust, &made, &t->fault);
	if (err == TRAIL_CORRUPT)
		return handle_lose(t);
	if (err == TRAIL_OK)
		err = contact_settle(t, deadline);
	if (err != TRAIL_OK || !receipt) {
		trail_receipt_free(made);
		return err;
	}
	*receipt = made;
	return TRAIL_OK;
}

enum trail_err trail_append_batch(
	struct trail *t, struct trail_batch *b, struct trail_receipt **receipt)
{
	struct trail_batch taken = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	err = batch_sendable(t, b);
	if (err != TRAIL_OK)
		return err;
	batch_move(&taken, b);
	err = append_wait(t, &taken, receipt);
	batch_release(&taken);
	return err;
}

/* Put the event's own complaint into words of the handle. */
static enum trail_err event_fault(struct trail *t, enum trail_err err, const struct trail_event *e)
{
	const char *field = e->fault.field;
	(void)fault_set(&t->fault, err, "%s%s%s", field[0] ? field : "the event", " ",
		e->fault.why ? e->fault.why : "");
	memcpy(t->fault.field, field, sizeof e->fault.field);
	return err;
}

enum trail_err trail_append(
	struct trail *t, const char *source, struct trail_event *e, struct trail_receipt **receipt)
{
	struct trail_batch b = { 0 };
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!e || !source)
		return fault_set(&t->fault, TRAIL_MISUSE, "the event or its source is NULL");
	if (trail_batch_begin(&b, source, 0, 0) != TRAIL_OK)
		return fault_set(&t->fault, TRAIL_INVALID,
			"\"%s\" is not a source name; use 1 to 64 of a-z 0-9 . _ -", source);
	err = trail_batch_add(&b, e);
	if (err == TRAIL_OK)
		err = append_wait(t, &b, receipt);
	else
		err = event_fault(t, err, e);
	batch_release(&b);
	return err;
}

/* ---- epochs ---- */

/* False: t->fault says that the source name or epoch is none. */
static bool epoch_possible(struct trail *t, const char *source, uint64_t epoch)
{
	if (source && source_name_valid(span_text(source)) && epoch != 0)
		return true;
	(void)fault_set(&t->fault, TRAIL_INVALID,
		"this needs a source name (1 to 64 of a-z 0-9 . _ -) and an epoch above 0");
	return false;
}

enum trail_err trail_claim(struct trail *t, const char *source, uint64_t epoch, uint64_t *last)
{
	struct response answer;
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!last)
		return fault_set(&t->fault, TRAIL_MISUSE, "there is no place for the last seq");
	if (!epoch_possible(t, source, epoch))
		return TRAIL_INVALID;
	struct claim claim = { .source = span_text(source), .epoch = epoch };
	struct request request = {
		.kind = REQUEST_HELLO,
		.hello = { .protocol = PROTOCOL_VERSION, .claims = &claim, .claim_count = 1 },
	};
	err = call_wait(t, &request, RESPONSE_HELLO, deadline_in(t->timeout_ms), &answer);
	if (err != TRAIL_OK)
		return err;
	if (answer.hello.standing_count != 1) {
		(void)fault_set(&t->fault, TRAIL_CORRUPT,
			"the daemon did not say how the claimed epoch stands");
		return handle_lose(t);
	}
	const struct standing *s = &answer.hello.standings[0];
	*last = s->known ? s->last : 0;
	if (s->known && s->last != 0)
		return TRAIL_OK;
	/* Imports are closed one by one; the floor is for the others. */
	if (epoch <= s->floor && (epoch >> 63) == 0)
		return fault_set(&t->fault, TRAIL_CLOSED,
			"the epoch is older than one of source %s that is over; begin a new one",
			source);
	return TRAIL_END;
}

static struct request word_request(
	enum request_kind kind, const char *source, uint64_t epoch, uint64_t number)
{
	struct request request = {
		.kind = kind,
		.word = { .source = span_text(source), .epoch = epoch },
	};
	if (kind == REQUEST_CLOSE)
		request.word.last = number;
	else
		request.word.made = number;
	return request;
}

enum trail_err trail_close_epoch(struct trail *t, const char *source, uint64_t epoch, uint64_t last)
{
	struct response answer;
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!epoch_possible(t, source, epoch))
		return TRAIL_INVALID;
	struct request request = word_request(REQUEST_CLOSE, source, epoch, last);
	return call_wait(t, &request, RESPONSE_CLOSED, deadline_in(t->timeout_ms), &answer);
}

enum trail_err trail_keepalive(
	struct trail *t, const char *source, uint64_t epoch, uint64_t made, uint64_t *last)
{
	struct response answer;
	enum trail_err err = handle_enter(t);
	if (err != TRAIL_OK)
		return err;
	if (!epoch_possible(t, source, epoch))
		return TRAIL_INVALID;
	struct request request = word_request(REQUEST_KEEPALIVE, source, epoch, made);
	err = call_wait(t, &request, RESPONSE_KEPT, deadline_in(t->timeout_ms), &answer);
	if (err == TRAIL_OK && last)
		*last = answer.last;
	return err;
}

uint64_t trail_import_epoch(const char *source, const char *batch)
{
	struct hash h;
	struct buf text = { 0 };
	if (!source || !batch)
		return 0;
	buf_put_text(&text, "trail-import/v1\n");
	buf_put_text(&text, source);
	buf_put_text(&text, "\n");
	buf_put_text(&text, batch);
	if (text.failed) {
		buf_release(&text);
		return 0;
	}
	hash_bytes(buf_view(&text), &h);
	buf_release(&text);
	return UINT64_C(1) << 63 | load_be64(h.b) >> 1;
}
