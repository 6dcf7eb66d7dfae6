/* SPDX-License-Identifier: Apache-2.0 */
#include "visit.h"

#include "../../proto/crypto.h"

#include <inttypes.h>

enum {
	STATUS_CONFLICT = 409,
	DOUBLINGS_MAX = 20,
	DECIMAL_MAX = 19, /* digits of 2^63 - 1 */
};

void visit_init(struct visit *v)
{
	*v = (struct visit){ .old = COURIER_UNKNOWN };
}

bool visit_due(const struct visit *v, uint64_t round, uint64_t now_ms)
{
	return visit_next_ms(v, round) <= now_ms;
}

uint64_t visit_next_ms(const struct visit *v, uint64_t round)
{
	return v->busy || round <= v->done ? UINT64_MAX : v->due_ms;
}

/* tlog-witness: "old" SP size, the hashes of the proof, a blank line, the checkpoint. */
void visit_body(const struct courier_word *order, struct buf *out)
{
	buf_printf(out, "old %" PRIu64 "\n", order->old);
	for (size_t i = 0; i < order->proof.count; i++) {
		base64_put(out, span_of(order->proof.path[i].b, HASH_LEN));
		buf_put_u8(out, '\n');
	}
	buf_put_u8(out, '\n');
	buf_put_span(out, order->text);
}

bool visit_held(struct span body, uint64_t *held)
{
	uint64_t value = 0;
	if (body.len < 2 || body.len > DECIMAL_MAX + 1 || body.data[body.len - 1] != '\n')
		return false;
	if (body.data[0] == '0' && body.len > 2)
		return false;
	for (size_t i = 0; i + 1 < body.len; i++) {
		if (body.data[i] < '0' || body.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(body.data[i] - '0');
	}
	if (value > INT64_MAX)
		return false;
	*held = value;
	return true;
}

void visit_begin(struct visit *v)
{
	v->busy = true;
}

bool visit_answered(struct visit *v, unsigned status, uint64_t held)
{
	const bool told = status == STATUS_CONFLICT && held != COURIER_UNKNOWN;
	if (told)
		v->old = held;
	if (!told || v->again || held > v->size)
		return true;
	/* It holds another size than was thought, not a larger one: with the right proof, then. */
	v->again = true;
	v->busy = false;
	v->due_ms = 0;
	return false;
}

/* Half to whole of the pause, so that many do not come back at the same moment. */
static uint64_t pause_ms(const struct visit *v, const struct visit_pauses *pauses, uint32_t chance)
{
	const unsigned doublings = v->failures < DOUBLINGS_MAX ? v->failures : DOUBLINGS_MAX;
	uint64_t pause = (uint64_t)pauses->min_ms << doublings;
	if (pause > pauses->max_ms)
		pause = pauses->max_ms;
	return pause / 2 + (pause - pause / 2) * chance / UINT32_MAX;
}

void visit_verdict(struct visit *v, uint64_t round, bool good, uint64_t now_ms,
	const struct visit_pauses *pauses, uint32_t chance)
{
	v->busy = false;
	v->again = false;
	if (good) {
		if (round > v->done)
			v->done = round;
		v->old = v->size;
		v->failures = 0;
		v->due_ms = 0;
		return;
	}
	/* It may have kept what it did not say that it took. */
	v->old = COURIER_UNKNOWN;
	v->due_ms = now_ms + pause_ms(v, pauses, chance);
	v->failures++;
}
