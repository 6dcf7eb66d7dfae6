/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_payload.h"

#include "deadline.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	LOOK_EVERY = 64
}; /* rows between looks at what came */

void lane_open(
	struct payload_lane *lane, struct trail *t, bool controls, uint64_t first, uint64_t end)
{
	*lane = (struct payload_lane){
		.t = t,
		.controls = controls,
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

static struct request request_for(const struct payload_lane *lane)
{
	if (lane->controls)
		return (struct request){
			.kind = REQUEST_CONTROLS,
			.controls = {
				.from = lane->first,
				.size = lane->end,
				.next = buf_view(&lane->next),
			},
		};
	return (struct request){
		.kind = REQUEST_GET,
		.question = {
			.index = lane->first,
			.count = lane->end - lane->first,
			.paging = { .next = buf_view(&lane->next) },
		},
	};
}

static void ask(struct payload_lane *lane)
{
	struct request request = request_for(lane);
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

/* Whether a page of control entries goes on behind the one before. */
static enum trail_err judge_controls(struct payload_lane *lane, const struct rows *page)
{
	uint64_t due = lane->due;
	bool fits = page->next.len <= CURSOR_MAX &&
		(page->done || (page->position > due && page->next.len != 0));
	for (size_t i = 0; fits && i < page->row_count; i++) {
		uint64_t index = page->rows[i].index;
		struct record r;
		record_decode(page->rows[i].record.data, &r);
		fits = index >= due && index < lane->end &&
			(page->done || index < page->position) && r.kind != KIND_EVENT &&
			r.kind != KIND_PEER;
		due = index + 1;
	}
	if (fits)
		return TRAIL_OK;
	return fault_set(&lane->t->fault, TRAIL_CORRUPT,
		"the daemon's page of control entries from %" PRIu64
		" on holds others, or is out of order, or does not say where it goes on",
		lane->due);
}

/* What a page that fits says of the next one. */
static void go_on(struct payload_lane *lane, const struct rows *page)
{
	if (lane->controls) {
		lane->due = page->position;
		lane->state = page->done ? LANE_OVER : LANE_IDLE;
	} else {
		lane->due += page->row_count;
		lane->state = lane->due == lane->end ? LANE_OVER : LANE_IDLE;
	}
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
		err = lane->controls ? judge_controls(lane, &answer.rows)
				     : judge_page(lane, &answer.rows);
	if (err != TRAIL_OK)
		return err;
	page->rows = answer.rows.rows;
	page->count = answer.rows.row_count;
	page->at = 0;
	go_on(lane, &answer.rows);
	buf_clear(&lane->next);
	buf_put_span(&lane->next, answer.rows.next);
	if (lane->next.failed)
		return fault_set(&lane->t->fault, TRAIL_NOMEM, "memory is out");
	if (lane->state == LANE_OVER)
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
	case LANE_OVER:
		return TRAIL_END;
	case LANE_FAILED:
		break;
	}
	lane->t->fault = lane->why;
	return lane->why.code;
}

/* Without waiting. What goes wrong is told when the rows before it were given out. */
void lane_refresh(struct payload_lane *lane)
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

/* Until there is a row in `work`. TRAIL_END: there is none. */
static enum trail_err reach_row(struct payload_lane *lane)
{
	while (used_up(&lane->work)) {
		enum trail_err err = used_up(&lane->ahead) ? fetch(lane) : TRAIL_OK;
		if (err != TRAIL_OK)
			return err;
		turn_page(lane);
	}
	return TRAIL_OK;
}

static const struct evidence_item *take_row(struct payload_lane *lane)
{
	struct lane_page *work = &lane->work;
	const struct evidence_item *row = &work->rows[work->at++];
	if (work->at % LOOK_EVERY == 0 || used_up(work))
		lane_refresh(lane);
	return row;
}

enum trail_err lane_next(struct payload_lane *lane, const struct evidence_item **row)
{
	enum trail_err err = reach_row(lane);
	if (err == TRAIL_OK)
		*row = take_row(lane);
	return err;
}

enum trail_err lane_find(
	struct payload_lane *lane, uint64_t index, const struct evidence_item **row)
{
	enum trail_err err = reach_row(lane);
	*row = NULL;
	if (err == TRAIL_END)
		return TRAIL_OK;
	if (err != TRAIL_OK)
		return err;
	uint64_t due = lane->work.rows[lane->work.at].index;
	if (due < index)
		return fault_set(&lane->t->fault, TRAIL_CORRUPT,
			"the daemon gives the payload of a control entry %" PRIu64
			", and the record there is none",
			due);
	if (due == index)
		*row = take_row(lane);
	return TRAIL_OK;
}
