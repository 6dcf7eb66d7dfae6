/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_payload.h"

#include "deadline.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	LOOK_EVERY = 64
}; /* rows between looks at what came */

void lane_open(struct payload_lane *lane, struct trail *t, uint64_t first, uint64_t end)
{
	*lane = (struct payload_lane){
		.t = t,
		.first = first,
		.end = end,
		.due = first,
	};
}

void lane_close(struct payload_lane *lane)
{
	buf_release(&lane->slot.answer);
	buf_release(&lane->next);
	free(lane->work.arena.data);
	free(lane->ahead.arena.data);
	*lane = (struct payload_lane){ 0 };
}

/* ---- pages ---- */

/* The slot's finish; the answer is read when there is room for its page. */
static void take_answer(struct trail *t, struct slot *slot, enum trail_err lost)
{
	struct payload_lane *lane = (struct payload_lane *)slot;
	lane->state = LANE_ANSWERED;
	if (!t || lost == TRAIL_OK)
		return;
	lane->why = t->lost;
	lane->state = LANE_FAILED;
}

static void ask(struct payload_lane *lane)
{
	struct request request = {
		.kind = REQUEST_GET,
		.question = {
			.index = lane->first,
			.count = lane->end - lane->first,
			.paging = { .next = buf_view(&lane->next) },
		},
	};
	if (lane->busy)
		deadline_pause(lane->deadline);
	else
		lane->deadline = deadline_in(lane->t->timeout_ms);
	lane->busy = false;
	buf_clear(&lane->slot.answer);
	lane->slot.answered = false;
	lane->slot.finish = take_answer;
	lane->state = LANE_ASKED;
	if (call_submit(lane->t, &request, &lane->slot) != TRAIL_OK) {
		lane->why = lane->t->fault;
		lane->state = LANE_FAILED;
	}
}

/* Whether a page holds the rows that are due, one behind the other. */
static enum trail_err judge_page(struct payload_lane *lane, const struct rows *page)
{
	struct fault *fault = &lane->t->fault;
	uint64_t left = lane->end - lane->due;
	if (page->row_count == 0 || page->row_count > left || page->next.len > CURSOR_MAX)
		return fault_set(fault, TRAIL_CORRUPT,
			"asked for records from %" PRIu64 " on with their payloads, the daemon "
			"gave %zu of %" PRIu64,
			lane->due, page->row_count, left);
	for (size_t i = 0; i < page->row_count; i++) {
		if (page->rows[i].index != lane->due + i)
			return fault_set(fault, TRAIL_CORRUPT,
				"the daemon gave record %" PRIu64 " where %" PRIu64 " was due",
				page->rows[i].index, lane->due + i);
	}
	return TRAIL_OK;
}

/* The answer becomes the page ahead, which is used up, and the next one is asked for. */
static enum trail_err take_page(struct payload_lane *lane)
{
	struct lane_page *page = &lane->ahead;
	struct response answer;
	lane->state = LANE_IDLE;
	enum trail_err err =
		call_read_in(lane->t, &lane->slot, RESPONSE_ROWS, &page->arena, &answer);
	if (err == TRAIL_BUSY && deadline_left(lane->deadline) > 0) {
		lane->busy = true;
		return TRAIL_OK;
	}
	if (err == TRAIL_OK)
		err = judge_page(lane, &answer.rows);
	if (err != TRAIL_OK)
		return err;
	page->rows = answer.rows.rows;
	page->count = answer.rows.row_count;
	page->at = 0;
	lane->due += page->count;
	buf_clear(&lane->next);
	buf_put_span(&lane->next, answer.rows.next);
	if (lane->next.failed)
		return fault_set(&lane->t->fault, TRAIL_NOMEM, "memory is out");
	if (lane->due == lane->end)
		return TRAIL_OK;
	ask(lane);
	/* Sent at once, so that the daemon works while this page is judged. */
	(void)calls_process(lane->t, deadline_in(0));
	return TRAIL_OK;
}

/* ---- rows ---- */

static enum trail_err wait_for_page(struct payload_lane *lane)
{
	struct trail *t = lane->t;
	enum trail_err err = calls_wait(t, lane->deadline);
	if (err == TRAIL_TIMEOUT)
		return fault_set(
			&t->fault, err, "%s did not give the payloads in time", t->address);
	return err;
}

static bool used_up(const struct lane_page *page)
{
	return page->at == page->count;
}

static void turn_page(struct payload_lane *lane)
{
	struct lane_page used = lane->work;
	lane->work = lane->ahead;
	lane->ahead = used;
}

/* Towards the page ahead, which is used up. TRAIL_MORE, and other errors: as lane_next. */
static enum trail_err fetch(struct payload_lane *lane)
{
	switch (lane->state) {
	case LANE_IDLE:
		ask(lane);
		return TRAIL_OK;
	case LANE_ASKED:
		return wait_for_page(lane);
	case LANE_ANSWERED:
		return take_page(lane);
	case LANE_FAILED:
		break;
	}
	lane->t->fault = lane->why;
	return lane->why.code;
}

/* Without waiting. What goes wrong is told when the rows before it were given out. */
static void look(struct payload_lane *lane)
{
	/* The time that the caller took is not the daemon's. */
	if (!lane->busy)
		lane->deadline = deadline_in(lane->t->timeout_ms);
	if (lane->state == LANE_ASKED)
		(void)calls_process(lane->t, deadline_in(0));
	if (lane->state == LANE_ANSWERED && used_up(&lane->ahead) && take_page(lane) != TRAIL_OK) {
		lane->why = lane->t->fault;
		lane->state = LANE_FAILED;
	}
}

enum trail_err lane_next(struct payload_lane *lane, const struct evidence_item **row)
{
	struct lane_page *work = &lane->work;
	while (used_up(work)) {
		enum trail_err err = used_up(&lane->ahead) ? fetch(lane) : TRAIL_OK;
		if (err != TRAIL_OK)
			return err;
		turn_page(lane);
	}
	*row = &work->rows[work->at++];
	if (work->at % LOOK_EVERY == 0 || used_up(work))
		look(lane);
	return TRAIL_OK;
}
