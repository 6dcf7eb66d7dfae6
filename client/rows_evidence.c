/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence for the rows of an answer, as lines that stand in files: a line for each row as it is
 * given out, and what all rows lean on, when the answer is at its end.
 */
#include "deadline.h"
#include "evidence.h"
#include "evidence_line.h"
#include "trail_rows.h"

#include <inttypes.h>
#include <stdlib.h>

/* Hand the text over, a NUL behind it. */
static enum trail_err give(struct buf *made, char **text, size_t *len)
{
	buf_put_u8(made, 0);
	if (made->failed) {
		buf_release(made);
		return TRAIL_NOMEM;
	}
	*text = (char *)made->data;
	*len = made->len - 1;
	return TRAIL_OK;
}

enum trail_err trail_entry_evidence(const struct trail_entry *n, char **text, size_t *len)
{
	struct buf made = { 0 };
	if (!n || !text || !len)
		return TRAIL_MISUSE;
	const struct evidence_item item = {
		.index = n->index,
		.record = span_of(n->bytes, RECORD_LEN),
		.salt = span_of(n->salt, n->open ? SALT_LEN : 0),
		.payload = buf_view(&n->payload),
		.path = n->path.path,
		.path_count = n->path.count,
	};
	evidence_line_record(&made, WORD_ROW, &item);
	return give(&made, text, len);
}

/* What all rows lean on, being gathered. */
struct gathering {
	struct trail *t;
	struct trail_rows *r;
	int64_t deadline;
	uint64_t size; /* of the tree that the rows are proven in */
	bool sealed;
	struct tree_proof sealed_path;
	struct kept_note newest;
	struct tree_proof cosigned_path;
	bool cosigned;
};

/* Keep the item with the path that it has in the tree of the rows. */
static enum trail_err keep(struct gathering *g, struct evidence_item item)
{
	struct tree_proof path;
	if (kept_items_find(&g->r->named, item.index))
		return TRAIL_OK;
	const struct prove prove = { .index = item.index, .size = g->size };
	enum trail_err err = call_prove(g->t, prove, g->deadline, &path);
	if (err != TRAIL_OK)
		return err;
	item.path = path.path;
	item.path_count = path.count;
	kept_items_add(&g->r->named, &item);
	return TRAIL_OK;
}

/* The event that tells of the question, what it names, and genesis. */
static enum trail_err gather_question(struct gathering *g)
{
	struct reading reading = { 0 };
	enum trail_err err = entry_ask(g->t, g->r->reading.answer.read, true, &reading);
	const struct answer *a = &reading.answer;
	for (size_t i = 0; err == TRAIL_OK && i < a->row_count; i++)
		err = keep(g, *a->rows[i].item.shown);
	for (size_t i = 0; err == TRAIL_OK && i < a->named_count; i++)
		err = keep(g, *a->named[i].item.shown);
	reading_release(&reading);
	return err;
}

static enum trail_err fetch_consistency(
	struct gathering *g, uint64_t one, uint64_t other, struct tree_proof *path)
{
	struct prove prove = {
		.consistency = true,
		.from = one < other ? one : other,
		.size = one < other ? other : one,
	};
	return call_prove(g->t, prove, g->deadline, path);
}

/* The newest SEAL in the tree; what lies below it is sealed. Its index is the size it seals. */
static enum trail_err gather_seal(struct gathering *g)
{
	struct evidence_item shown;
	struct kept_items copy = { 0 };
	enum trail_err err = evidence_fetch_seal(g->t, g->size, g->size, g->deadline, &shown);
	if (err == TRAIL_END)
		return TRAIL_OK;
	if (err != TRAIL_OK)
		return err;
	/* The handle's arena serves the next call. */
	kept_items_add(&copy, &shown);
	if (copy.count != 0)
		err = keep(g, copy.list[0]);
	if (err == TRAIL_OK && copy.count != 0)
		err = fetch_consistency(g, copy.list[0].index, g->size, &g->sealed_path);
	g->sealed = err == TRAIL_OK;
	g->r->named.failed |= copy.failed;
	kept_items_release(&copy);
	return err;
}

/* The newest cosigned note of the log, older or younger than the rows' own. */
static enum trail_err gather_cosigned(struct gathering *g)
{
	struct checkpoint cp;
	enum trail_err err = evidence_fetch_newest(g->t, g->deadline, &g->newest);
	if (err != TRAIL_OK || g->newest.cosigned.len == 0)
		return err;
	err = trust_see(&g->t->trust, buf_view(&g->newest.cosigned), &cp, &g->t->fault);
	if (err != TRAIL_OK)
		return err == TRAIL_CORRUPT ? handle_lose(g->t) : err;
	err = fetch_consistency(g, cp.size, g->size, &g->cosigned_path);
	g->cosigned = err == TRAIL_OK;
	return err;
}

static void put_all(const struct gathering *g, struct buf *out)
{
	const struct kept_items *named = &g->r->named;
	evidence_line_checkpoint(out, buf_view(&g->r->note));
	for (size_t i = 0; i < named->count; i++)
		evidence_line_record(out, WORD_RECORD, &named->list[i]);
	if (g->sealed)
		evidence_line_sealed(out, &g->sealed_path);
	if (g->cosigned)
		evidence_line_cosigned(out, buf_view(&g->newest.cosigned), &g->cosigned_path);
	evidence_line_question(out, g->r->reading.answer.read);
}

static enum trail_err gather(struct gathering *g, struct buf *out)
{
	enum trail_err err = gather_question(g);
	if (err == TRAIL_OK)
		err = gather_seal(g);
	if (err == TRAIL_OK)
		err = gather_cosigned(g);
	if (err != TRAIL_OK)
		return err;
	put_all(g, out);
	if (g->r->named.failed || g->r->note.failed)
		return fault_set(&g->t->fault, TRAIL_NOMEM, "memory is out");
	return TRAIL_OK;
}

enum trail_err trail_rows_evidence(struct trail_rows *r, char **text, size_t *len)
{
	struct buf made = { 0 };
	if (!r || !r->t)
		return TRAIL_MISUSE;
	enum trail_err err = handle_enter(r->t);
	if (err != TRAIL_OK)
		return err;
	const struct answer *a = &r->reading.answer;
	if (!text || !len || !r->evidence || answer_follows(a) || !a->done)
		return fault_set(&r->t->fault, TRAIL_MISUSE,
			"evidence is for an answer that is at its end, of a question that asked "
			"for it");
	struct gathering *g = calloc(1, sizeof *g);
	if (!g)
		return fault_set(&r->t->fault, TRAIL_NOMEM, "memory is out");
	g->t = r->t;
	g->r = r;
	g->deadline = deadline_in(r->t->timeout_ms);
	g->size = a->cp.size;
	err = gather(g, &made);
	if (err == TRAIL_OK && give(&made, text, len) != TRAIL_OK)
		err = fault_set(&r->t->fault, TRAIL_NOMEM, "memory is out");
	if (err != TRAIL_OK)
		buf_release(&made);
	kept_note_release(&g->newest);
	free(g);
	return err;
}
