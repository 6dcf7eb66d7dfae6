/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_base.h"

#include "deadline.h"
#include "evidence.h"
#include "items.h"

enum {
	SCRATCH = 4096,
};

struct base {
	struct trail *t;
	const struct checkpoint *head;
	uint64_t since;
	struct control *control;
	struct response answer; /* the newest */
};

/* One page of control entries; what it views lives until the next call. */
static enum trail_err ask(
	struct base *b, const struct controls_wanted *wanted, const struct rows **page)
{
	struct request request = { .kind = REQUEST_CONTROLS, .controls = *wanted };
	int64_t deadline = deadline_in(b->t->timeout_ms);
	*page = &b->answer.rows;
	return call_wait(b->t, &request, RESPONSE_ROWS, deadline, &b->answer);
}

/* By its own path, or as what the row behind it names, which is proven. */
static bool proven(const struct base *b, const struct rows *page, size_t i, struct item *item)
{
	struct item behind;
	if (item_open(&page->rows[i], item))
		return false;
	if (page->rows[i].path_count != 0 || b->head->size == 1)
		return item_in_tree(item, b->head);
	for (struct item last = *item; i + 1 < page->row_count; last = behind) {
		const struct evidence_item *next = &page->rows[++i];
		if (item_open(next, &behind) || next->index != last.shown->index + 1 ||
			!hash_equal(&behind.record.prev, &last.leaf))
			return false;
		if (next->path_count != 0)
			return item_in_tree(&behind, b->head);
	}
	return false;
}

static enum trail_err unproven(struct base *b, const char *what)
{
	return fault_set(&b->t->fault, TRAIL_CORRUPT,
		"what the daemon gives for %s is not in the tree of its checkpoint", what);
}

/* ---- record 0 ---- */

static enum trail_err learn_genesis(struct base *b)
{
	const struct controls_wanted wanted = {
		.kind = KIND_DAEMON,
		.limit = 1,
		.size = b->head->size,
	};
	const struct rows *page;
	struct control_facts facts = { 0 };
	struct item item;
	enum trail_err err = ask(b, &wanted, &page);
	if (err != TRAIL_OK)
		return err;
	if (page->row_count != 1 || page->rows[0].index != 0 || !proven(b, page, 0, &item) ||
		!item_is_open(&item) || !hash_equal(&item.leaf, &b->t->trust.identity.genesis))
		return unproven(b, "record 0");
	err = control_judge(b->control, 0, &item.record, page->rows[0].payload, &facts);
	return err == TRAIL_OK ? err : fault_set(&b->t->fault, err, "memory is out");
}

/* ---- the newest SEAL ---- */

/* TRAIL_END: there is none. */
static enum trail_err learn_seal(struct base *b, uint64_t *index)
{
	struct evidence_item shown;
	struct item item;
	struct seal seal;
	struct seal_text text;
	uint8_t room[SCRATCH];
	struct arena arena = { .data = room, .cap = sizeof room };
	enum trail_err err = evidence_fetch_seal(
		b->t, b->since, b->head->size, deadline_in(b->t->timeout_ms), &shown);
	if (err != TRAIL_OK)
		return err;
	if (shown.index >= b->since || item_open(&shown, &item) || !item_is_open(&item) ||
		!item_in_tree(&item, b->head) || item.record.kind != KIND_SEAL ||
		seal_decode(shown.payload, &arena, &seal) != TRAIL_OK ||
		seal_text_parse(seal.text, &text) != TRAIL_OK)
		return unproven(b, "the newest SEAL before");
	*index = shown.index;
	seals_resume(&b->control->seals, (uint64_t)text.epoch + 1, *index, item.record.received_ns,
		false);
	return TRAIL_OK;
}

/* ---- what may stand between it and the next one ---- */

/* One page is enough: each start is followed by a SEAL, and clocks are told once a minute. */
static enum trail_err learn_excuse(struct base *b, uint64_t seal)
{
	const struct controls_wanted wanted = {
		.from = seal,
		.kind = KIND_DAEMON,
		.size = b->head->size,
	};
	const struct rows *page;
	enum trail_err err = ask(b, &wanted, &page);
	if (err != TRAIL_OK)
		return err;
	for (size_t i = 0; i < page->row_count && page->rows[i].index < b->since; i++) {
		struct item item;
		struct daemon_entry entry;
		uint8_t room[SCRATCH];
		struct arena arena = { .data = room, .cap = sizeof room };
		if (page->rows[i].index < seal || !proven(b, page, i, &item) ||
			!item_is_open(&item) || item.record.kind != KIND_DAEMON)
			return unproven(b, "the entries behind the newest SEAL before");
		if (page->rows[i].index != 0 &&
			daemon_entry_decode(page->rows[i].payload, &arena, &entry) == TRAIL_OK &&
			(entry.what == DAEMON_START || entry.what == DAEMON_CLOCK))
			seals_excuse(&b->control->seals);
	}
	return TRAIL_OK;
}

enum trail_err base_learn(
	struct trail *t, const struct checkpoint *head, uint64_t since, struct control *control)
{
	struct base b = { .t = t, .head = head, .since = since, .control = control };
	uint64_t seal = 0;
	enum trail_err err = learn_genesis(&b);
	if (err == TRAIL_OK)
		err = learn_seal(&b, &seal);
	if (err == TRAIL_END)
		return TRAIL_OK;
	return err == TRAIL_OK ? learn_excuse(&b, seal) : err;
}
