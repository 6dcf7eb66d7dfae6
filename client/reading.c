/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include "call.h"
#include "contact.h"

#include <stdlib.h>

/* The answer's spans lie in the handle's arena, which the next call of the handle fills anew. */
static void keep_arena(struct reading *r, struct trail *t)
{
	struct arena kept = t->arena;
	t->arena = r->arena;
	r->arena = kept;
}

enum trail_err reading_turn(struct reading *r, struct trail *t, int64_t deadline)
{
	struct answer *a = &r->answer;
	struct request request = { .kind = a->kind, .question = a->question };
	struct response response;
	/* What was seen before is settled first, so that this page's checkpoint is the next due. */
	enum trail_err err = contact_settle(t, deadline);
	if (err != TRAIL_OK)
		return err;
	a->floor = t->trust.held.cp.size;
	err = call_wait(t, &request, RESPONSE_ROWS, deadline, &response);
	if (err != TRAIL_OK)
		return err;
	keep_arena(r, t);
	err = answer_see(a, &response.rows, &t->trust, &t->fault);
	if (err == TRAIL_OK)
		err = contact_settle(t, deadline);
	if (err == TRAIL_OK)
		err = answer_take(a, &response.rows, &t->trust.identity, &t->fault);
	return err == TRAIL_CORRUPT ? handle_lose(t) : err;
}

void reading_release(struct reading *r)
{
	answer_release(&r->answer);
	free(r->arena.data);
	*r = (struct reading){ 0 };
}
