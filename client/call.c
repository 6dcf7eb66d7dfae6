/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "../proto/wire.h"
#include "deadline.h"

enum {
	ARENA_MAX = 64 << 20, /* an answer of 1 MiB that wants more is built to hurt */
	MOMENT_MS = 100,
	FAREWELL_MS = 1000,
};

static void slot_add(struct trail *t, struct slot *slot)
{
	struct slot **end = &t->slots;
	while (*end)
		end = &(*end)->next;
	slot->next = NULL;
	*end = slot;
	if (slot->finish)
		t->submitted++;
}

static void slot_remove(struct trail *t, struct slot *slot)
{
	struct slot **at = &t->slots;
	while (*at && *at != slot)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = slot->next;
	if (slot->finish)
		t->submitted--;
}

/* Finish submitted slots that are answered (all of them when `lost` is an error), oldest first. */
static void finish_slots(struct trail *t, enum trail_err lost)
{
	struct slot *slot = t->slots;
	while (slot) {
		if (!slot->finish || (lost == TRAIL_OK && !slot->answered)) {
			slot = slot->next;
			continue;
		}
		slot_remove(t, slot);
		t->inside = true;
		slot->finish(t, slot, slot->answered ? TRAIL_OK : lost);
		t->inside = false;
		/* The callback may have added slots, at the end. */
		slot = t->slots;
	}
}

enum trail_err handle_lose(struct trail *t)
{
	if (t->state == HANDLE_OPEN) {
		t->lost = t->fault;
		conn_close(&t->conn);
		t->state = HANDLE_LOST;
	}
	return t->fault.code;
}

void calls_drop(struct trail *t)
{
	while (t->slots) {
		struct slot *slot = t->slots;
		slot_remove(t, slot);
		if (slot->finish)
			slot->finish(NULL, slot, TRAIL_UNAVAILABLE);
	}
}

/* An answer to no request says why the connection ends: too many are open, or it was late. */
static enum trail_err take_farewell(struct trail *t, struct span body)
{
	struct response said;
	if (response_decode_grow(body, &t->arena, ARENA_MAX, &said) == TRAIL_OK &&
		said.kind == RESPONSE_ERROR)
		return fault_take(&t->fault, &said.error);
	return fault_set(
		&t->fault, TRAIL_CORRUPT, "the daemon answered a request that was not made");
}

/* Store one answer with its slot. */
static enum trail_err keep_answer(struct trail *t, struct span body)
{
	struct slot *slot = t->slots;
	struct wire_field field;
	struct span rest = body;
	uint64_t id = 0;
	/* The id is the first field of every Response. */
	if (wire_take(&rest, &field) == TRAIL_OK && field.number == 1 && field.type == WIRE_VARINT)
		id = field.value;
	while (slot && (slot->id != id || slot->answered))
		slot = slot->next;
	if (!slot && id == 0)
		return take_farewell(t, body);
	if (!slot)
		return fault_set(&t->fault, TRAIL_CORRUPT,
			"the daemon answered a request that was not made");
	buf_put_span(&slot->answer, body);
	if (slot->answer.failed)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out");
	slot->answered = true;
	return TRAIL_OK;
}

/* Move bytes once, and store whole answers. Does not close the connection. */
static enum trail_err pump(struct trail *t, int64_t deadline)
{
	struct span body;
	enum trail_err err = conn_move(&t->conn, deadline);
	if (err == TRAIL_IO)
		return fault_set(&t->fault, TRAIL_IO,
			"the connection to %s broke; what was not acknowledged may or may not be "
			"stored: run it again when traild is back",
			t->address);
	if (err != TRAIL_OK)
		return err;
	for (;;) {
		err = conn_take(&t->conn, &body);
		if (err == TRAIL_MORE)
			return TRAIL_OK;
		if (err != TRAIL_OK)
			return fault_set(&t->fault, TRAIL_CORRUPT,
				"what answers at %s does not speak traild's protocol", t->address);
		err = keep_answer(t, body);
		if (err != TRAIL_OK)
			return err;
	}
}

enum trail_err call_read(
	struct trail *t, const struct slot *slot, enum response_kind want, struct response *out)
{
	return call_read_in(t, slot, want, &t->arena, out);
}

enum trail_err call_read_in(struct trail *t, const struct slot *slot, enum response_kind want,
	struct arena *arena, struct response *out)
{
	struct span body = buf_view(&slot->answer);
	enum trail_err err = response_decode_grow(body, arena, ARENA_MAX, out);
	if (err == TRAIL_TOO_BIG)
		return fault_set(&t->fault, TRAIL_NOMEM, "memory is out for an answer");
	if (err != TRAIL_OK)
		return fault_set(&t->fault, TRAIL_CORRUPT, "the daemon's answer is malformed");
	if (out->kind == RESPONSE_ERROR)
		return fault_take(&t->fault, &out->error);
	if (out->kind != want)
		return fault_set(
			&t->fault, TRAIL_CORRUPT, "the daemon answered something else than asked");
	return TRAIL_OK;
}

/* Encode behind what waits to be sent, and wait for its answer in `slot`. */
static enum trail_err enqueue(struct trail *t, struct request *request, struct slot *slot)
{
	slot->id = request->id = ++t->last_id;
	size_t start = conn_frame_begin(&t->conn);
	request_encode(request, &t->conn.out);
	enum trail_err err = conn_frame_end(&t->conn, start);
	if (err == TRAIL_TOO_BIG)
		return fault_set(&t->fault, err, "the request is larger than 1 MiB; send less");
	if (err != TRAIL_OK)
		return fault_set(&t->fault, err, "memory is out");
	slot_add(t, slot);
	return TRAIL_OK;
}

enum trail_err call_prove(
	struct trail *t, struct prove prove, int64_t deadline, struct tree_proof *proof)
{
	struct response answer;
	struct request request = { .kind = REQUEST_PROVE, .prove = prove };
	enum trail_err err = call_wait(t, &request, RESPONSE_PROOF, deadline, &answer);
	if (err == TRAIL_OK)
		*proof = answer.proof.path;
	return err;
}

enum trail_err call_submit(struct trail *t, struct request *request, struct slot *slot)
{
	return enqueue(t, request, slot);
}

enum trail_err call_wait(struct trail *t, struct request *request, enum response_kind want,
	int64_t deadline, struct response *out)
{
	struct slot slot = { 0 };
	enum trail_err err = enqueue(t, request, &slot);
	if (err != TRAIL_OK)
		return err;
	while (err == TRAIL_OK && !slot.answered)
		err = pump(t, deadline);
	bool broken = err != TRAIL_OK;
	slot_remove(t, &slot);
	if (err == TRAIL_TIMEOUT)
		err = fault_set(&t->fault, err,
			"%s did not answer in time; whether it was done is not known", t->address);
	if (err == TRAIL_OK)
		err = call_read(t, &slot, want, out);
	buf_release(&slot.answer);
	if (broken || err == TRAIL_CORRUPT)
		return handle_lose(t);
	return err;
}

static bool some_answered(const struct trail *t)
{
	for (const struct slot *slot = t->slots; slot; slot = slot->next)
		if (slot->finish && slot->answered)
			return true;
	return false;
}

enum trail_err calls_process(struct trail *t, int64_t deadline)
{
	enum trail_err err = TRAIL_OK;
	while (t->state == HANDLE_OPEN && err == TRAIL_OK && t->submitted > 0 && !some_answered(t))
		err = pump(t, deadline);
	if (err != TRAIL_OK && err != TRAIL_TIMEOUT)
		(void)handle_lose(t);
	finish_slots(t, TRAIL_OK);
	if (t->state == HANDLE_OPEN)
		return err;
	finish_slots(t, t->lost.code);
	t->fault = t->lost;
	return t->lost.code;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum trail_err calls_wait(struct trail *t, int64_t deadline)
{
	if (calls_process(t, earlier(deadline, deadline_in(MOMENT_MS))) != TRAIL_TIMEOUT)
		return TRAIL_OK;
	return deadline_left(deadline) > 0 ? TRAIL_MORE : TRAIL_TIMEOUT;
}

void calls_end(struct trail *t)
{
	struct fault why = t->fault;
	int64_t deadline = earlier(deadline_in(t->timeout_ms), deadline_in(FAREWELL_MS));
	while (t->submitted > 0 && t->state == HANDLE_OPEN && deadline_left(deadline) > 0)
		(void)calls_process(t, deadline);
	if (t->submitted > 0) {
		(void)fault_set(&t->fault, TRAIL_TIMEOUT,
			"%s did not answer before the connection was given up", t->address);
		(void)handle_lose(t);
		(void)calls_process(t, deadline);
	}
	t->fault = why;
}
